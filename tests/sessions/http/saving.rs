//! When the session is read and written, and what it then holds.

use crate::http::site::{LATE, World, closed_gate};
use crate::support::Request;
use jamguard::ErrorKind;

#[tokio::test]
async fn a_request_that_writes_nothing_stores_nothing_and_sets_no_cookie() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        world.store.asked();
        for path in ["/cart", "/is-new", "/looked-at-by-hand", "/public"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 200, "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
            assert_eq!(answer.header("cache-control"), None, "{name} {path}");
        }
        assert_eq!(world.store.asked(), (0, 0), "{name}");

        client.post("/put", "tea").await;
        assert_eq!(world.store.asked(), (0, 1), "{name}: one write begins it");
        for path in ["/cart", "/is-new", "/looked-at-by-hand", "/public"] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
        }
        assert_eq!(world.store.asked(), (4, 0), "{name}: one read each");
        assert_eq!(client.get("/is-new").await.text(), "false");
    }
}

#[tokio::test]
async fn a_session_that_nobody_asks_for_is_not_read() {
    let world = World::new().await;
    let token = world.token();
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        world.store.asked();
        for path in ["/public", "/who", "/guarded", "/hello"] {
            let answer = client.ask(Request::get(path).bearer(&token)).await;
            assert_eq!(answer.status, 200, "{name} {path}");
        }
        assert_eq!(world.store.asked(), (0, 0), "{name}");
        let cart = client.ask(Request::get("/cart").bearer(&token)).await;
        assert_eq!(cart.text(), "tea", "{name}");
        assert_eq!(world.store.asked(), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn what_one_handler_writes_another_sees_and_it_is_saved_once() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        world.store.asked();
        let answer = client.post("/twice", "").await;
        assert_eq!(answer.text(), "first second third fourth, first second third fourth", "{name}");
        assert_eq!(world.store.asked(), (0, 1), "{name}");
        client.post("/twice", "").await;
        assert_eq!(world.store.asked(), (1, 1), "{name}");
        let four = "first second third fourth";
        assert_eq!(client.items().await, format!("{four} {four}"), "{name}");
    }
}

#[tokio::test]
async fn a_handler_that_fails_changes_nothing() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        let failed = client.post("/fails", "").await;
        assert_eq!(failed.status, 500, "{name}");
        assert_eq!(failed.header("set-cookie"), None, "{name}");
        client.post("/put", "tea").await;
        world.store.asked();
        let before = client.id();
        assert_eq!(client.post("/fails", "").await.status, 500, "{name}");
        assert_eq!(world.store.asked().1, 0, "{name}");
        assert_eq!(client.id(), before);
        assert_eq!(client.items().await, "tea", "{name}");
        assert_eq!(world.count("nobody").await, 0);
        // A refusal is an answer like any other.
        assert_eq!(client.post("/refuses", "").await.status, 403, "{name}");
        assert_eq!(client.items().await, "tea refused", "{name}");
    }
}

#[tokio::test]
async fn what_is_written_after_the_answer_is_not_saved() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        world.store.asked();
        let (gate_name, gate) = closed_gate();
        assert_eq!(client.post("/late", &gate_name).await.text(), "answered", "{name}");
        let late = LATE.lock().unwrap().take().unwrap();
        gate.open();
        let refused = late.await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyAnswered, "{name}");
        assert_eq!(world.store.asked().1, 0, "{name}");
        assert_eq!(client.items().await, "tea", "{name}");
    }
}

#[tokio::test]
async fn a_use_is_written_down_once_in_the_interval() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        world.store.asked();
        for _ in 0..5 {
            client.get("/cart").await;
            client.get("/who").await;
        }
        assert_eq!(world.store.asked(), (10, 0), "{name}");
        world.after(60);
        client.get("/public").await;
        assert_eq!(world.store.asked(), (1, 1), "{name}");
        client.get("/cart").await;
        assert_eq!(world.store.asked(), (1, 0), "{name}");
        // With data that is written anyway it costs nothing.
        world.after(60);
        client.post("/put", "tea").await;
        assert_eq!(world.store.asked(), (1, 1), "{name}");
        client.post("/logout", "").await;
    }
}

#[tokio::test]
async fn an_idle_session_ends_and_one_in_use_does_not() {
    const HOUR: u64 = 3600;
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        for _ in 0..10 {
            world.after(23 * HOUR);
            assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
        }
        world.after(24 * HOUR);
        let ended = client.get("/who").await;
        assert_eq!(ended.status, 401, "{name}");
        assert!(crate::http::is_removal(&ended), "{name}");
    }
}

#[tokio::test]
async fn data_of_another_type_is_an_error_or_a_fresh_start() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        let answer = client.get("/number").await;
        assert_eq!((answer.status, client.items().await.as_str()), (500, "tea"), "{name}");
    }
    let anew = |sessions: jamguard::SessionsBuilder| {
        sessions.on_type_mismatch(jamguard::OnTypeMismatch::StartOver)
    };
    let world = World::with(anew, |auth| auth, true).await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        let answer = client.get("/number").await;
        assert_eq!((answer.status, answer.text()), (200, "0"), "{name}");
    }
}

#[tokio::test]
async fn without_the_layer_the_session_is_nobodys_to_have() {
    let world = World::with(|sessions| sessions, |auth| auth, false).await;
    for (name, mut client) in world.clients() {
        assert_eq!(client.get("/cart").await.status, 500, "{name}");
        assert_eq!(client.get("/caught").await.text(), "internal", "{name}");
        // A guard is a layer.
        let cart = crate::http::site::Cart::default();
        let id = world.sessions.create(Some("ann"), &cart).await.unwrap();
        let mut ann = client.with(id.expose());
        assert_eq!(ann.post("/guarded-cart", "tea").await.text(), "tea", "{name}");
        assert_eq!(ann.post("/guarded-cart", "milk").await.text(), "tea milk", "{name}");
    }
}

/// actix-web's own `Option` is `None` for failures only, so there it is a fresh session.
#[tokio::test]
async fn an_optional_session_is_none_in_axum_where_the_client_has_none() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        let none = if name == "axum" { "none" } else { "" };
        assert_eq!(client.get("/if-any").await.text(), none, "{name}");
        assert_eq!(client.with("A".repeat(43)).get("/if-any").await.text(), none, "{name}");
        client.post("/put", "tea").await;
        assert_eq!(client.get("/if-any").await.text(), "tea", "{name}");
    }
}

/// A tower service of one's own, without extractors.
#[tokio::test]
async fn a_tower_service_finds_the_session_in_the_extensions() {
    use http_body_util::BodyExt;
    use jamguard::{Authenticator, Error, Session, Sessions, store::MemoryStore};
    use tower::{Layer, ServiceExt, service_fn};

    async fn visits(request: http::Request<()>) -> Result<http::Response<String>, Error> {
        let session = Session::<u64>::from_extensions(request.extensions()).await?;
        let visits = session.modify(|visits| {
            *visits += 1;
            *visits
        })?;
        Ok(http::Response::new(visits.to_string()))
    }
    let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
    let auth = Authenticator::builder().sessions(sessions).build().unwrap();
    let service = auth.layer().any_body().layer(service_fn(visits));
    let mut cookie = None;
    for visit in 1..4 {
        let mut request = http::Request::new(());
        if let Some(cookie) = cookie.take() {
            request.headers_mut().insert("cookie", cookie);
        }
        let sent = request.headers().get("cookie").cloned();
        let answer = service.clone().oneshot(request).await.unwrap();
        cookie = answer.headers().get("set-cookie").cloned().or(sent);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, visit.to_string());
    }
    let error = visits(http::Request::new(())).await.unwrap_err();
    assert_eq!(error.kind(), jamguard::ErrorKind::Internal);
}
