//! The store is down, and the client goes away.

use crate::http::site::World;
use crate::support::Request;
use crate::support::every_store::on_every_store;
use std::time::Duration;

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

/// The client goes away at some moment of a request that takes its time: in the handler, before a
/// write of the store's, or after it.
#[tokio::test]
async fn fault_19_the_client_goes_away() {
    on_every_store(async |kind, store| goes_away(kind, &World::over(store).await).await).await;
}

async fn goes_away(kind: &str, world: &World) {
    const ROUNDS: u64 = 24;
    const LONGER: Duration = Duration::from_millis(250);
    const PATIENCE: Duration = Duration::from_secs(10);
    for (name, client) in world.clients() {
        // Each has a session of its own: a request may be under way when the next one begins.
        let gone_after = async |wait: Duration| {
            let mut browser = client.other();
            world.store.slow_down(0);
            browser.post("/set", "0 tea").await;
            world.store.slow_down(8);
            let connection = browser.begin(Request::post("/slow", "8 slow")).await;
            tokio::time::sleep(wait).await;
            drop(connection);
            browser
        };
        let mut browsers = Vec::new();
        for round in 0..ROUNDS {
            browsers.push(gone_after(Duration::from_millis(round * 5)).await);
        }
        let (mut committed, mut unchanged) = (0, 0);
        // On a busy machine each of these requests may have needed more time.
        let mut longer = LONGER;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            world.store.slow_down(0);
            for mut browser in browsers.drain(..) {
                match browser.items().await.as_str() {
                    "tea" => unchanged += 1,
                    "tea slow" => committed += 1,
                    other => panic!("{name}: {other}"),
                }
            }
            if committed > 0 || longer > PATIENCE {
                break;
            }
            browsers.push(gone_after(longer).await);
            longer *= 2;
        }
        println!(
            "fault 19, {kind}, {name}: of {} clients that went away: {committed} times committed, \
             {unchanged} times unchanged, 0 times anything else",
            committed + unchanged,
        );
        // actix-web lets the handler come to its end.
        assert!(committed > 0 && (unchanged > 0 || name == "actix-web"), "{name}");

        // In the middle of a login: the old id has the session, or it is one that nobody knows.
        let (mut old, mut new) = (0, 0);
        let waits = (0..ROUNDS).map(|round| Duration::from_millis(round * 5));
        let longer = std::iter::successors(Some(LONGER), |wait| Some(*wait * 2));
        let longer = longer.take_while(|wait| *wait <= PATIENCE);
        for (round, wait) in (0..).zip(waits.chain(longer)) {
            if round >= ROUNDS && new > 0 {
                break;
            }
            let user = format!("{name} {round}");
            let mut browser = client.other();
            browser.post("/put", "tea").await;
            world.store.slow_down(6);
            let connection = browser.begin(Request::post("/login", &user)).await;
            tokio::time::sleep(wait).await;
            drop(connection);
            // The handler may still come to its end, and then it is under way for a while.
            let begun = std::time::Instant::now();
            loop {
                tokio::time::sleep(Duration::from_millis(60)).await;
                let logins = world.count(&user).await;
                match (browser.clone().items().await.as_str(), logins) {
                    ("tea", 0) => old += 1,
                    ("", 1) => new += 1,
                    other if begun.elapsed() > PATIENCE => panic!("{name}: {other:?}"),
                    _ => continue,
                }
                break;
            }
            world.store.slow_down(0);
        }
        println!(
            "fault 19, {kind}, {name}: of {} logins whose client went away: {old} times the guest's \
             session, {new} times the user's, 0 times both or neither",
            old + new,
        );
        assert!(new > 0 && (old > 0 || name == "actix-web"), "{name}");
    }
}
