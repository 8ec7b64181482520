//! `POST /logout`: the refresh token dies at JAM, the cookies in the browser.

use super::{ID, ID_REMOVED, REFRESH, REFRESH_REMOVED, is_private, start, with_silent_refresh};
use crate::support::{ANN, BOB, Request, World, damaged, send};
use jamguard::ErrorKind;
use jamguard::JamApp;
use jamguard::emulator::{AppSettings, Endpoint, IdToken};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

fn logout() -> Request {
    Request::post("/logout", "")
}

#[tokio::test]
async fn the_refresh_token_is_deleted_at_jam() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    for (name, address) in servers.each() {
        for id_token in [world.token(), world.expired_token()] {
            let (ended, other) = (world.refresh_token(), world.refresh_token());
            let request = logout().cookie(REFRESH, &ended).cookie(ID, &id_token);
            world.client().refresh(&ended).await.unwrap();
            let answer = send(address, &request).await;
            assert_eq!(answer.status, 204, "{name}");
            assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
            is_private(&answer);
            let error = world.client().refresh(&ended).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name}");
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
        let answer = servers.ask(request.clone().cookie(ID, &world.token())).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/welcome"));
        assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);

        // Another site's form comes without the cookies, and must not remove them.
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("set-cookie"), None);
    }
    let answer = servers.ask(logout().header("accept", "application/json")).await;
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
            let request = logout().cookie(ID, &id_token).cookie(REFRESH, refresh_token);
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
        let request = logout().cookie(ID, &world.expired_token()).cookie(REFRESH, &refresh_token);
        let answer = send(address, &request).await;
        assert_eq!(answer.status, 204, "{name}");
        assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
        assert!(world.client().refresh(&refresh_token).await.is_err());
    }
}

/// Every request of the emulator's refresh endpoints.
fn asked(world: &World) -> u64 {
    [Endpoint::Refresh, Endpoint::DeleteRefreshToken, Endpoint::DeleteAllRefreshTokens]
        .map(|endpoint| world.emulator.requests(endpoint))
        .iter()
        .sum()
}

/// Refresh tokens can be invented: without a genuine ID token of this app none reaches JAM.
#[tokio::test]
async fn invented_cookies_cause_no_request_to_jam() {
    let world = World::new().await;
    let other = "00000000-0000-4000-8000-000000000001";
    let other_app = world.emulator.add_app(AppSettings::new(other)).unwrap();
    let accepted =
        JamApp::new(other).base_url(world.emulator.base_url()).clock(world.clock.clone());
    let servers = start(&world, |auth| auth.jam(accepted)).await;
    let invented = [
        None,
        Some("garbage".to_owned()),
        Some(damaged(&world.token())),
        Some(damaged(&world.expired_token())),
        Some(world.unknown_key_token()),
        Some(world.issue(IdToken::new(ANN).claim("aud", "another"))),
        // Genuine, of another app that this site accepts as well.
        Some(other_app.id_token(ANN).unwrap()),
    ];
    for id_token in &invented {
        for number in 0..10 {
            let mut request = logout().cookie(REFRESH, &format!("invented-{number}"));
            if let Some(id_token) = id_token {
                request = request.cookie(ID, id_token);
            }
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
        }
    }
    assert_eq!(asked(&world), 0);
    // Genuine ones reach it.
    let genuine = logout().cookie(REFRESH, "invented").cookie(ID, &world.token());
    servers.ask(genuine).await;
    assert!(asked(&world) > 0);
}

/// JAM is slow, and many log out at once: few requests wait for it, and all logins end here in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_logouts_is_a_bounded_number_of_calls() {
    const CROWD: usize = 1_000;
    const PARALLEL: u64 = 16;
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    let request = logout().cookie(REFRESH, &world.refresh_token()).cookie(ID, &world.token());
    // The keys are there.
    send(servers.axum, &Request::get("/me").cookie(ID, &world.token())).await;
    world.emulator.delay(Endpoint::DeleteRefreshToken, Duration::from_secs(60));
    let begun = Instant::now();
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (request, address) = (request.clone(), servers.axum);
        crowd.spawn(async move { send(address, &request).await });
    }
    while let Some(answer) = crowd.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 204);
        assert_eq!(answer.all("set-cookie"), [REFRESH_REMOVED, ID_REMOVED]);
    }
    // None is answered by JAM: each holds its place for half of its deadline of five seconds.
    let took = begun.elapsed();
    let rounds = took.as_millis() as u64 / 2_500 + 1;
    let calls = asked(&world);
    assert!(
        (PARALLEL..=rounds * PARALLEL).contains(&calls) && calls < CROWD as u64 / 2,
        "{calls} calls in {took:?}"
    );
    println!("{CROWD} logouts at once: {calls} calls to JAM in {took:?}");
}

/// Whatever method it is mounted for.
#[tokio::test]
async fn only_post_logs_out() {
    let world = World::new().await;
    let servers = start(&world, |auth| auth).await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = Request::new(method, "/logout")
            .cookie(ID, &world.token())
            .cookie(REFRESH, &world.refresh_token());
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        assert_eq!(answer.header("set-cookie"), None, "{method}");
        is_private(&answer);
    }
    assert_eq!(asked(&world), 0);
}
