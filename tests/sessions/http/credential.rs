//! A session as the credential of a request.

use crate::http::Client;
use crate::http::site::World;
use crate::support::Request;
use jamguard::{CredentialSource, ErrorKind};

/// Each framework over a store that answers later, and over one that answers at once.
fn both_ways(world: &World) -> impl Iterator<Item = (String, Client)> {
    [false, true].into_iter().flat_map(move |peeks| {
        let of = move |(name, client)| (format!("{name}, at once: {peeks}"), client);
        let clients = world.clients().into_iter().map(of);
        clients.inspect(move |_| world.store.peeks(peeks))
    })
}

#[tokio::test]
async fn a_user_of_a_session_is_somebody_and_a_guest_is_nobody() {
    let world = World::new().await;
    for (name, mut client) in both_ways(&world) {
        assert_eq!(client.get("/hello").await.text(), "nobody", "{name}");
        client.post("/put", "tea").await;
        assert_eq!(client.get("/hello").await.text(), "nobody", "{name}");
        let guest = client.get("/guarded").await;
        assert_eq!(guest.status, 401, "{name}");
        assert_eq!(guest.header("www-authenticate"), Some("Bearer realm=\"jamguard\""), "{name}");
        assert_eq!(guest.header("set-cookie"), None, "{name}: the cart is alive");
        assert_eq!(client.get("/who").await.status, 401, "{name}");

        assert_eq!(client.post("/login", "ann").await.text(), "Some(\"ann\") tea", "{name}");
        assert_eq!(client.get("/hello").await.text(), "ann", "{name}");
        assert_eq!(client.get("/who").await.text(), "session ann", "{name}");
        assert_eq!(client.get("/guarded").await.status, 200, "{name}");
        assert_eq!(client.items().await, "tea", "{name}: the guest's cart stays");

        client.post("/login-as-admin", "ann").await;
        assert_eq!(client.get("/hello").await.text(), "annadmin", "{name}");
        assert_eq!(client.items().await, "tea", "{name}");
        assert_eq!(client.post("/logout", "").await.text(), "None ", "{name}");
        assert_eq!(client.get("/hello").await.text(), "nobody", "{name}");
        assert_eq!(client.id, None, "{name}");
    }
}

#[tokio::test]
async fn a_login_and_what_is_written_with_it_are_one_write() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        world.store.asked();
        assert_eq!(client.post("/login-and-put", "ann").await.text(), "present", "{name}");
        assert_eq!(world.store.asked(), (0, 1), "{name}");
        assert_eq!(client.items().await, "present", "{name}");
        client.post("/logout", "").await;
        client.post("/put", "tea").await;
        let guest = client.id();
        client.post("/login-and-put", "ann").await;
        assert_eq!(client.items().await, "tea present", "{name}");
        assert_ne!(client.id(), guest, "{name}");
        assert_eq!(client.post("/rotate-and-put", "milk").await.text(), "tea present milk");
        assert_eq!(client.items().await, "tea present milk", "{name}");
        assert_eq!(world.count("ann").await, 1, "{name}");
        client.post("/logout", "").await;
    }
}

/// Somebody logs in on a browser where somebody else is logged in.
#[tokio::test]
async fn another_user_does_not_get_the_data_of_the_one_before() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        client.post("/put", "hers").await;
        let anns = client.clone();
        assert_eq!(client.post("/login", "bob").await.text(), "Some(\"bob\") ", "{name}");
        assert_eq!(client.items().await, "", "{name}");
        assert_eq!(client.get("/who").await.text(), "session bob", "{name}");
        assert_eq!(anns.clone().get("/guarded").await.status, 401, "{name}");
        assert_eq!((world.count("ann").await, world.count("bob").await), (0, 1), "{name}");
        // The same user once more keeps it.
        client.post("/put", "his").await;
        client.post("/login", "bob").await;
        assert_eq!(client.items().await, "his", "{name}");
        client.post("/logout", "").await;
    }
}

#[tokio::test]
async fn devices_are_listed_and_ended() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        assert_eq!(client.get("/devices").await.status, 401, "{name}");
        assert_eq!(client.post("/logout-everywhere", "").await.status, 401, "{name}");
        client.post("/put", "tea").await;
        assert_eq!(client.get("/devices").await.status, 401, "{name}");
        assert_eq!(client.post("/logout-everywhere", "").await.status, 401, "{name}");

        let mut browsers = Vec::new();
        for device in ["laptop", "phone", "tablet"] {
            let mut browser = client.other();
            let login = Request::post("/login", "ann").header("user-agent", device);
            browser.ask(login).await;
            browsers.push(browser);
            world.after(1);
        }
        let [laptop, phone, tablet] = &mut browsers[..] else { unreachable!() };
        assert_eq!(phone.get("/devices").await.text(), "tablet *phone laptop", "{name}");
        assert_eq!(phone.post("/end-device", "laptop").await.text(), "true", "{name}");
        assert_eq!(phone.post("/end-device", "laptop").await.text(), "false", "{name}");
        assert_eq!(laptop.get("/guarded").await.status, 401, "{name}");
        let own = tablet.post("/end-device", "tablet").await;
        assert_eq!(own.text(), "true", "{name}");
        assert!(crate::http::is_removal(&own), "{name}");
        assert_eq!(phone.get("/devices").await.text(), "*phone", "{name}");

        laptop.post("/login", "ann").await;
        let ended = phone.post("/logout-everywhere", "").await;
        assert_eq!(ended.text(), "2", "{name}");
        assert!(crate::http::is_removal(&ended), "{name}");
        for browser in [laptop, phone, tablet] {
            assert_eq!(browser.get("/who").await.status, 401, "{name}");
        }
        assert_eq!(world.count("ann").await, 0, "{name}");
    }
}

#[tokio::test]
async fn what_is_written_after_a_logout_begins_another_session() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/login", "ann").await;
        client.post("/put", "hers").await;
        let before = client.id();
        let answer = client.post("/logout-and-put", "goodbye").await;
        assert_eq!(answer.text(), "goodbye", "{name}");
        assert_ne!(client.id(), before, "{name}");
        assert_eq!(client.items().await, "goodbye", "{name}");
        assert_eq!(client.get("/hello").await.text(), "nobody", "{name}");
        assert_eq!(world.count("ann").await, 0, "{name}");
        // Logging out twice, and without a session, is no error.
        assert_eq!(client.with(before).post("/logout", "").await.status, 200, "{name}");
        let answer = client.other().post("/logout", "").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{name}");
    }
}

#[tokio::test]
async fn the_sources_are_asked_in_their_order() {
    let session_last = World::new().await;
    let session_first = World::with(
        |sessions| sessions,
        |auth| auth.sources([CredentialSource::session(), CredentialSource::bearer()]),
        true,
    )
    .await;
    for (world, first) in [(&session_last, "bearer token's"), (&session_first, "session ann")] {
        let token = world.token();
        for (name, mut client) in both_ways(world) {
            client.post("/login", "ann").await;
            let both = client.ask(Request::get("/who").bearer(&token)).await;
            assert_eq!(both.text(), first, "{name}");
            // A guest's session is no credential.
            let mut guest = client.other();
            guest.post("/put", "tea").await;
            for path in ["/who", "/guarded"] {
                let answer = guest.ask(Request::get(path).bearer(&token)).await;
                assert_eq!(answer.status, 200, "{name} {path}");
            }
            let wrong = guest.ask(Request::get("/hello").bearer("wrong")).await;
            assert_eq!(wrong.status, 401, "{name}");
            let cart = guest.ask(Request::get("/cart").bearer(&token)).await;
            assert_eq!(cart.text(), "tea", "{name}");
            client.post("/logout", "").await;
        }
    }
}

#[tokio::test]
async fn the_hook_and_the_strict_switch_see_sessions_too() {
    let world = World::with(
        |sessions| sessions,
        |auth| {
            auth.refuse_invalid_cookies().on_refusal(|error, challenge| match error.kind() {
                ErrorKind::Revoked => challenge.with_status(410),
                ErrorKind::Conflict => challenge.with_status(412),
                _ => challenge,
            })
        },
        true,
    )
    .await;
    for (name, mut client) in world.clients() {
        let answer = client.with("A".repeat(43)).get("/public").await;
        assert_eq!(answer.status, 410, "{name}");
        assert!(crate::http::is_removal(&answer), "{name}");
        client.post("/put", "tea").await;
        let (mut slow, gate) = client.held("/by-hand", "slow").await;
        client.post("/put", "milk").await;
        gate.open();
        assert_eq!(crate::support::receive(&mut slow, true).await.status, 412, "{name}");
    }
}

/// A login that is clicked twice: the second finds that the guest's session has another id already.
#[tokio::test]
async fn two_logins_at_once_both_log_in() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        client.post("/put", "tea").await;
        let writes = world.store.before_write();
        writes.close();
        let mut browsers = [client.clone(), client.clone(), client.clone()];
        let [first, second, third] = &mut browsers;
        let answers = tokio::join!(
            first.post("/login", "ann"),
            second.post("/login-and-put", "ann"),
            third.post("/login-as-admin", "ann"),
            async {
                writes.until_waiting(3).await;
                writes.open();
            },
        );
        for answer in [&answers.0, &answers.1, &answers.2] {
            assert_eq!(answer.status, 200, "{name}");
        }
        for browser in &mut browsers {
            assert_eq!(browser.get("/who").await.text(), "session ann", "{name}");
            assert!(browser.items().await.starts_with("tea"), "{name}");
            assert_ne!(browser.id(), client.id(), "{name}");
        }
        browsers[0].post("/logout-everywhere", "").await;
    }
}

/// A request that logs somebody in and out again leaves nobody logged in, whoever was before.
#[tokio::test]
async fn a_logout_behind_a_login_is_the_end_of_what_was_before() {
    let world = World::new().await;
    for (name, mut client) in world.clients() {
        for user in ["ann", "bob"] {
            client.post("/login", "ann").await;
            let before = client.clone();
            let answer = client.post("/login-and-logout", user).await;
            assert_eq!(answer.text(), "None", "{name} {user}");
            assert_eq!(client.id, None, "{name} {user}");
            assert_eq!(before.clone().get("/hello").await.text(), "nobody");
            assert_eq!(world.count("ann").await, 0, "{name} {user}");
            assert_eq!(world.count("bob").await, 0, "{name} {user}");
        }
    }
}
