//! Types of handlers that the data or the claims do not fit are faults of the application; `()` fits
//! any data.

use crate::http::site::{Cart, World};
use crate::support::{Request, Response};
use jamguard::{Claims, NewSession, Session, SessionId};
use serde_json::json;

/// Claims that no session here has.
#[derive(serde::Deserialize)]
pub(crate) struct Order {
    order: u64,
}

pub(crate) async fn number_if_any(number: Option<Session<u64>>) -> String {
    number.map_or("none".into(), |number| number.to_string())
}

pub(crate) async fn order(order: Claims<Order>) -> String {
    order.order.to_string()
}

pub(crate) async fn order_if_any(order: Option<Claims<Order>>) -> String {
    order.map_or("none".into(), |order| order.order.to_string())
}

/// Does with the session all that writes data, and writes none.
pub(crate) async fn any_data(mut any: Session<()>) -> String {
    let _ = any.modify(|()| ());
    let _ = any.set(());
    let _ = any.get_mut();
    any.on_conflict(|(), ()| ());
    format!("{:?} {}", any.user(), any.is_new())
}

pub(crate) async fn any_login(any: Session<()>, user: String) -> &'static str {
    any.login(user).await.unwrap();
    "in"
}

/// Both types in one request, the general one first.
pub(crate) async fn any_and_cart(any: Session<()>, cart: Session<Cart>, user: String) -> String {
    any.login(user).await.unwrap();
    let _ = cart.modify(|cart| cart.items.push("milk".to_owned()));
    let _ = any.modify(|()| ());
    cart.items.join(" ")
}

fn is_fault(answer: &Response) {
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.json()["type"], "internal_error");
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn data_that_does_not_fit_is_a_fault_also_through_an_option() {
    let world = World::new().await;
    for (_, mut client) in world.clients() {
        client.post("/put", "tea").await;
        for path in ["/number", "/number-if-any"] {
            is_fault(&client.get(path).await);
        }
        assert_eq!(client.items().await, "tea");
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_are_a_fault_and_never_anonymous() {
    let world = World::new().await;
    let claims = json!({"sub": "ann", "order": "not a number"});
    for (name, mut client) in world.clients() {
        assert_eq!(client.get("/order-if-any").await.text(), "none", "{name}");
        assert_eq!(client.get("/order").await.status, 401, "{name}");
        let new = NewSession::of("ann").claims(&claims);
        let id = world.sessions.create_with(new).await.unwrap();
        let mut ann = client.with(id.expose());
        for path in ["/order", "/order-if-any"] {
            is_fault(&ann.get(path).await);
            is_fault(&client.ask(Request::get(path).bearer(&world.token())).await);
        }
        assert_eq!(ann.get("/who").await.text(), "session ann", "{name}");
    }
}

#[tokio::test]
async fn the_unit_type_fits_any_data_and_replaces_none() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        assert_eq!(client.get("/any-data").await.text(), "None true", "{name}");
        assert_eq!(client.id, None, "{name}");
        client.post("/put", "tea").await;
        assert_eq!(client.get("/any-data").await.text(), "None false", "{name}");
        assert_eq!(client.items().await, "tea", "{name}");
        // A guest's data stays at the login.
        assert_eq!(client.post("/any-login", name).await.text(), "in");
        assert_eq!(world.sessions.count(name).await.unwrap(), 1, "{name}");
        assert_eq!(client.items().await, "tea", "{name}");
        let answer = client.post("/any-and-cart", name).await;
        assert_eq!(answer.text(), "tea milk", "{name}");
        assert_eq!(client.items().await, "tea milk", "{name}");
        // Where there is none yet, the other type begins with its default.
        let mut new = client.other();
        assert_eq!(new.post("/any-and-cart", name).await.text(), "milk");
        assert_eq!(new.items().await, "milk", "{name}");

        let id = SessionId::parse(&client.id()).unwrap();
        let record = world.sessions.get::<()>(&id).await.unwrap().unwrap();
        world.sessions.save(&record, &()).await.unwrap();
        world.sessions.modify(&id, |()| ()).await.unwrap();
        assert_eq!(client.items().await, "tea milk", "{name}");
    }
}
