//! `POST /logout`: the refresh token dies at JAM, the cookies in the browser.

use super::{ID, ID_REMOVED, REFRESH, REFRESH_REMOVED, is_private, start, with_silent_refresh};
use crate::support::{BOB, Request, World, send};
use jamguard::ErrorKind;
use jamguard::emulator::Endpoint;

fn logout() -> Request {
    Request::post("/logout", "")
}

#[tokio::test]
async fn the_refresh_token_is_deleted_at_jam() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    for (name, address) in servers.each() {
        for id_token in [
            Some(world.token()),
            Some(world.expired_token()),
            Some("garbage".into()),
            None,
        ] {
            let (ended, other) = (world.refresh_token(), world.refresh_token());
            let mut request = logout().cookie(REFRESH, &ended);
            if let Some(id_token) = &id_token {
                request = request.cookie(ID, id_token);
            }
            world.client().refresh(&ended).await.unwrap();
            let answer = send(address, &request).await;
            assert_eq!(answer.status, 204, "{name}");
            assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
            is_private(&answer);
            let error = world.client().refresh(&ended).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name} {id_token:?}");
            // Only this login ends.
            world.client().refresh(&other).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_browser_is_sent_home() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    for accept in ["text/html", "application/xhtml+xml, Text/HTML;q=0.9"] {
        let request = logout().header("accept", accept);
        let answer = servers
            .ask(request.clone().cookie(ID, &world.token()))
            .await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/welcome"));
        assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);

        // Another site's form comes without the cookies, and must not remove them.
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("set-cookie"), None);
    }
    let answer = servers
        .ask(logout().header("accept", "application/json"))
        .await;
    assert_eq!(answer.status, 204);
}

/// Whatever JAM says, the browser forgets.
#[tokio::test]
async fn the_cookies_go_also_while_jam_is_down() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let refresh_token = world.refresh_token();
    let bobs = world.app.refresh_token(BOB).unwrap();
    for fails in [true, false] {
        if fails {
            world.emulator.fail(Endpoint::DeleteRefreshToken, 503);
            world.emulator.fail(Endpoint::Refresh, 503);
        }
        for (id_token, refresh_token) in [
            (world.token(), refresh_token.as_str()),
            (world.expired_token(), refresh_token.as_str()),
            // Not hers to end, not a token, two of them.
            (world.token(), bobs.expose()),
            (world.token(), ".."),
            (world.token(), "x; __Host-jam_refresh=y"),
        ] {
            let request = logout()
                .cookie(ID, &id_token)
                .cookie(REFRESH, refresh_token);
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
        }
        world.emulator.clear_faults();
        let alive = world.client().refresh(&refresh_token).await;
        assert_eq!(alive.is_ok(), fails);
        world.client().refresh(bobs.expose()).await.unwrap();
    }
}

/// The layer renews the expired ID token on the way in; the cookie does not come back.
#[tokio::test]
async fn a_logout_is_not_undone_by_silent_refresh() {
    let world = World::new().await;
    let servers = with_silent_refresh(&world).await;
    for (name, address) in servers.each() {
        let refresh_token = world.refresh_token();
        let request = logout()
            .cookie(ID, &world.expired_token())
            .cookie(REFRESH, &refresh_token);
        let answer = send(address, &request).await;
        assert_eq!(answer.status, 204, "{name}");
        assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
        assert!(world.client().refresh(&refresh_token).await.is_err());
    }
}
