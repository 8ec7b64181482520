//! A login that another site's page makes: the victim then works in the attacker's account.

use crate::cross_site::{FOREIGN, OWN, is_refused, start};
use crate::support::{Request, World, send};
use jamguard::{JamLogin, Sessions, store::MemoryStore};

#[tokio::test]
async fn another_site_can_log_nobody_in() {
    let world = start(|auth| auth).await;
    for path in ["/login", "/put"] {
        for (name, value) in FOREIGN {
            is_refused(&world.ask(Request::new("POST", path).header(name, value)).await);
        }
        for (name, value) in OWN {
            let request = Request::new("POST", path).header(name, value);
            for (_, address) in world.servers.each() {
                let answer = send(address, &request).await;
                assert_eq!(answer.status, 200, "{name}: {value}");
                assert!(answer.header("set-cookie").is_some());
            }
        }
    }
    // What asks for no session is open to everybody.
    let request = Request::new("POST", "/hello").header("origin", "https://evil.example");
    assert_eq!(world.ask(request).await.status, 200);
}

/// The handler checks it by itself, without a layer around it.
#[tokio::test]
async fn another_site_can_log_nobody_out() {
    let jam = World::new().await;
    let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
    let auth = jam.auth().sessions(sessions).build().unwrap();
    let login = JamLogin::builder(&auth, jam.client()).build().unwrap();
    for layered in [true, false] {
        let site = crate::support::Site::new(auth.clone()).login(login.clone());
        let site = if layered { site } else { site.without_layer() };
        let servers = crate::support::Servers::start(site).await;
        for cookie in ["__Host-jam_id", "__Host-jam_refresh", "__Host-jam_session"] {
            for (name, value) in FOREIGN {
                let request = Request::post("/logout", "").cookie(cookie, &"A".repeat(43));
                let answer = servers.ask(request.header(name, value)).await;
                assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{cookie}");
            }
        }
    }
}
