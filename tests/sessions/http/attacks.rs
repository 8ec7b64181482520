//! Ids that nobody was given, ids that were given to somebody else, and cookies that are none.

use crate::http::site::{Cart, World};
use crate::http::{COOKIE, is_removal};
use crate::support::Request;
use jamguard::Sessions;

#[tokio::test]
async fn attack_25_an_id_that_the_server_did_not_give_is_never_adopted() {
    let world = World::new().await;
    let others = Sessions::builder(world.store.clone()).name("others").clock(world.clock.clone());
    let others = others.build().unwrap().create(Some("ann"), &Cart::default()).await.unwrap();
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        let known = client.id();
        let last = if known.ends_with('A') { "B" } else { "A" };
        let invented = [
            "A".repeat(43),
            "_-".repeat(22)[..43].to_owned(),
            known[..42].to_owned(),
            format!("{known}A"),
            format!("{known}="),
            format!("{}{last}", &known[..42]),
            known.to_lowercase(),
            "admin".to_owned(),
            "../../etc/passwd".to_owned(),
            others.expose().to_owned(),
        ];
        for id in invented {
            let guarded = client.with(&id).get("/guarded").await;
            assert_eq!(guarded.status, 401, "{name} {id}");
            assert!(is_removal(&guarded), "{name} {id}");
            let optional = client.with(&id).get("/hello").await;
            assert_eq!(optional.text(), "nobody", "{name} {id}");
            let mut adopted = client.with(&id);
            assert_eq!(adopted.post("/put", "tea").await.text(), "tea", "{name} {id}");
            assert_ne!(adopted.id(), id, "{name}");
            assert_eq!(client.with(&id).items().await, "", "{name} {id}");
            let mut logged_in = client.with(&id);
            logged_in.post("/login", "eve").await;
            assert_ne!(logged_in.id(), id, "{name}");
            assert_eq!(client.with(&id).get("/who").await.status, 401, "{name} {id}");
        }
        assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
    }
}

#[tokio::test]
async fn attack_26_a_planted_id_is_dead_after_the_login_and_after_a_change_of_rights() {
    let world = World::new().await;
    for (name, mut attacker) in world.clients() {
        attacker.post("/put", "bait").await;
        let planted = attacker.id();
        let mut victim = attacker.with(&planted);
        victim.post("/login", "ann").await;
        assert_ne!(victim.id(), planted, "{name}");
        for path in ["/who", "/guarded"] {
            assert_eq!(attacker.clone().get(path).await.status, 401, "{name}");
        }
        assert_eq!(attacker.clone().items().await, "", "{name}");
        // Nor does it come to life again by being used.
        let used = attacker.clone().post("/put", "more").await;
        assert_eq!(used.status, 409, "{name}");
        assert_eq!(victim.items().await, "bait", "{name}");

        for path in ["/rotate", "/rotate-and-put", "/login-as-admin", "/login"] {
            let before = victim.clone();
            victim.post(path, "ann").await;
            assert_ne!(victim.id(), before.id(), "{name} {path}");
            assert_eq!(before.clone().get("/who").await.status, 401, "{name} {path}");
            assert_eq!(victim.get("/who").await.text(), "session ann", "{name} {path}");
        }
        assert_eq!(world.count("ann").await, 1, "{name}");
        victim.post("/logout", "").await;
    }
}

#[tokio::test]
async fn attack_29_cookies_that_are_too_long_two_or_garbage() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        let id = client.id();
        let ask = async |cookie: &[u8], path: &str| {
            let header = [COOKIE.as_bytes(), b"=", cookie].concat();
            client.other().ask(Request::get(path).header("cookie", header)).await
        };
        let long = "A".repeat(4097 - COOKIE.len());
        let garbage: [&[u8]; 6] = [
            long.as_bytes(),
            b"\xff\xfe\x80",
            b"%00%01%02",
            b"\"",
            b"a b c",
            "\u{1f36a}".as_bytes(),
        ];
        for cookie in garbage {
            let guarded = ask(cookie, "/guarded").await;
            assert_eq!(guarded.status, 401, "{name} {cookie:?}");
            assert!(is_removal(&guarded), "{name} {cookie:?}");
            for path in ["/public", "/cart"] {
                let optional = ask(cookie, path).await;
                assert_eq!(optional.status, 200, "{name} {path} {cookie:?}");
                assert!(is_removal(&optional), "{name} {path} {cookie:?}");
            }
        }
        // Nothing at all is no cookie.
        assert_eq!(ask(b"", "/cart").await.header("set-cookie"), None, "{name}");

        let two = format!("{id}; {COOKIE}={}", "A".repeat(43));
        for path in ["/public", "/cart", "/guarded", "/who"] {
            let answer = ask(two.as_bytes(), path).await;
            assert_eq!(answer.header("set-cookie"), None, "{name} {path}");
            match path {
                // An error page would be in the hands of who planted the other.
                "/public" | "/cart" => {
                    assert_eq!(answer.status, 200, "{name} {path}");
                    assert_ne!(answer.text(), "tea", "{name} {path}");
                }
                _ => {
                    assert_eq!(answer.status, 400, "{name} {path}");
                    assert_eq!(answer.json()["type"], "invalid_request", "{name} {path}");
                }
            }
            let same = format!("{id}; {COOKIE}={id}");
            assert_eq!(ask(same.as_bytes(), path).await.status, 200, "{name} {path}");
            assert_eq!(
                ask(format!("\"{id}\"").as_bytes(), path).await.status,
                200,
                "{name} {path}"
            );
        }
        // With a bearer token they do not count.
        let bearer = |path: &str| {
            let cookies = format!("{COOKIE}={two}");
            Request::get(path).header("cookie", cookies).bearer(&world.token())
        };
        assert_eq!(client.other().ask(bearer("/public")).await.status, 200, "{name}");
        assert_eq!(client.other().ask(bearer("/cart")).await.status, 200, "{name}");
        // A login works; a logout must not say that a session ended which lives on.
        let both =
            |path: &str| Request::post(path, "bob").header("cookie", format!("{COOKIE}={two}"));
        let login = client.other().ask(both("/login")).await;
        assert_eq!(login.status, 200, "{name}");
        assert!(login.header("set-cookie").is_some(), "{name}");
        for path in ["/logout", "/logout-everywhere"] {
            assert_eq!(client.other().ask(both(path)).await.status, 400, "{name}");
        }
        assert_eq!(world.count("ann").await, 1, "{name}");
        client.post("/logout", "").await;
    }
}
