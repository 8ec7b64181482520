//! The store is down, and the client goes away.

use crate::http::site::{World, closed_gate};
use crate::support::Request;
use crate::support::every_store::on_every_store;
use crate::support::gate::Gate;
use crate::support::wait::until;
use tokio::net::TcpStream;

#[tokio::test]
async fn fault_13_the_store_is_down() {
    let world = World::new().await;
    let token = world.token();
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        client.post("/put", "tea").await;
        world.store.set_down(true);
        for path in ["/public", "/cart", "/hello", "/who", "/guarded", "/devices"] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 503, "{name} {path}");
            assert_eq!(answer.json()["type"], "unavailable", "{name} {path}");
            assert_eq!(answer.header("retry-after"), Some("1"), "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}: the cookie is kept");
        }
        // Who needs no session is served.
        assert_eq!(client.other().get("/public").await.status, 200, "{name}");
        assert_eq!(client.other().get("/cart").await.status, 200, "{name}");
        for path in ["/public", "/who", "/guarded"] {
            let answer = client.ask(Request::get(path).bearer(&token)).await;
            assert_eq!(answer.status, 200, "{name} {path}");
        }
        let answer = client.ask(Request::get("/cart").bearer(&token)).await;
        assert_eq!(answer.status, 503, "{name}");
        let answer = client.ask(Request::get("/caught").bearer(&token)).await;
        assert_eq!(answer.text(), "unavailable", "{name}");
        // What is no id need not be looked for.
        assert_eq!(client.with("nonsense").get("/guarded").await.status, 401, "{name}");
        // A session that cannot be begun is not said to be.
        let answer = client.other().post("/put", "milk").await;
        assert_eq!(answer.status, 503, "{name}");
        assert_eq!(answer.header("set-cookie"), None, "{name}");
        world.store.set_down(false);
        assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
        assert_eq!(client.items().await, "tea", "{name}");

        world.store.set_read_only(true);
        for path in ["/put", "/login", "/rotate", "/logout", "/logout-everywhere"] {
            let answer = client.post(path, "ann").await;
            assert_eq!(answer.status, 503, "{name} {path}");
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
        }
        // A use that cannot be written down is no reason to refuse it.
        world.after(60);
        assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
        world.store.set_read_only(false);
        assert_eq!(client.items().await, "tea", "{name}");
        client.post("/logout", "").await;
    }
}

/// The client goes away in the handler, before a write of the store's, or after it.
#[tokio::test]
async fn fault_19_the_client_goes_away() {
    on_every_store(async |kind, store| goes_away(kind, &World::over(store).await).await).await;
}

/// The client goes away while its request waits at the gate. Axum gives the request up, actix-web
/// lets the handler come to its end.
async fn leave(name: &str, connection: TcpStream, gate: &Gate) {
    drop(connection);
    if name == "axum" {
        gate.until_waiting(0).await;
    }
    gate.open();
}

async fn goes_away(kind: &str, world: &World) {
    let (before, after) = (world.store.before_write(), world.store.after_write());
    for (name, client) in world.clients() {
        let (mut committed, mut unchanged) = (0, 0);
        for place in ["in the handler", "before the write", "after the write"] {
            let mut browser = client.other();
            browser.post("/set", "0 tea").await;
            let (gate_name, handler) = closed_gate();
            let gate = match place {
                "in the handler" => &handler,
                "before the write" => before,
                _ => after,
            };
            // Of the three it passes those before the place.
            handler.open();
            gate.close();
            let request = Request::post("/slow", &format!("{gate_name} slow"));
            let connection = browser.begin(request).await;
            gate.until_waiting(1).await;
            leave(name, connection, gate).await;
            until("the request has ended", async || {
                match browser.items().await.as_str() {
                    "tea" if name == "axum" => unchanged += 1,
                    "tea" => return false,
                    "tea slow" => committed += 1,
                    other => panic!("{name}: {other}"),
                }
                true
            })
            .await;
        }
        println!(
            "fault 19, {kind}, {name}: of {} clients that went away: {committed} times committed, \
             {unchanged} times unchanged, 0 times anything else",
            committed + unchanged,
        );
        // actix-web runs the handler to its end.
        assert!(committed > 0 && (unchanged > 0 || name == "actix-web"), "{name}");

        // In the middle of a login: the old id has the session, or it is one that nobody knows.
        let mut browser = client.other();
        browser.post("/put", "tea").await;
        world.store.asked();
        browser.post("/login", "somebody").await;
        let (_, writes) = world.store.asked();
        let (mut old, mut new) = (0, 0);
        for gate in [before, after] {
            for write in 0..writes {
                let user = format!("{name} {}", old + new);
                let mut browser = client.other();
                browser.post("/put", "tea").await;
                gate.close();
                let connection = browser.begin(Request::post("/login", &user)).await;
                for _ in 0..write {
                    gate.until_waiting(1).await;
                    gate.let_one_pass();
                }
                gate.until_waiting(1).await;
                leave(name, connection, gate).await;
                // The handler may still come to its end, and then it is under way for a while.
                until("the session is under one id", async || {
                    let logins = world.count(&user).await;
                    match (browser.clone().items().await.as_str(), logins) {
                        ("tea", 0) if name == "axum" => old += 1,
                        ("", 1) => new += 1,
                        _ => return false,
                    }
                    true
                })
                .await;
            }
        }
        println!(
            "fault 19, {kind}, {name}: of {} logins whose client went away: {old} times the guest's \
             session, {new} times the user's, 0 times both or neither",
            old + new,
        );
        assert!(new > 0 && (old > 0 || name == "actix-web"), "{name}");
    }
}
