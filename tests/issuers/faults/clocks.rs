//! Fault 11: `exp` and `nbf` follow the wall clock to the second, key sets the monotonic one.

use crate::faults::web::world;
use crate::support::issuer::*;
use axum::http::StatusCode;
use jamguard::ErrorKind::{Expired, NotYetValid, Unavailable};
use jamguard::Verifier;
use jamguard::emulator::Endpoint;
use jamguard::testing::mint;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn fault_11_the_leeway_to_the_second() {
    let world = World::new().await;
    world.keys.load().await.unwrap();
    let mut checked = 0;
    for leeway in [0, 1, 60, 3600] {
        let verifier = |cache_bytes| {
            Verifier::builder()
                .any_audience()
                .jwks(world.keys.clone())
                .algorithms([jamguard::jose::Algorithm::ES256])
                .leeway(Duration::from_secs(leeway))
                .cache_bytes(cache_bytes)
                .clock(world.clock.clone())
                .build()
                .unwrap()
        };
        let claims = json!({"nbf": NOW + 10_000, "exp": NOW + 20_000});
        let token = mint(&world.key, &claims).unwrap();
        // One that remembers tokens and one that verifies each time.
        for verifier in [verifier(1 << 20), verifier(0)] {
            let (begins, ends) = (NOW + 10_000 - leeway, NOW + 20_000 + leeway);
            for (at, expected) in [
                (begins - 1, Err(NotYetValid)),
                (begins, Ok(())),
                (begins + 1, Ok(())),
                (ends - 1, Ok(())),
                (ends, Err(Expired)),
                (ends - 1, Ok(())),
                (begins - 1, Err(NotYetValid)),
                (begins, Ok(())),
            ] {
                world.clock.set_wall(at);
                let answer = at_once(verify(&verifier, &token));
                assert_eq!(answer, Some(expected), "leeway {leeway}, at {at}");
                checked += 1;
            }
        }
    }
    println!(
        "fault 11: clock at the leeway's edge: {checked} of {checked} answers right to the second"
    );
    assert_eq!(world.server.hits(), 1);
}

#[tokio::test]
async fn fault_11_the_wall_clock_jumps_an_hour() {
    let (emulator, app, clock, site) = world().await;
    let day = app.id_token("ann@example.com").unwrap();
    app.set_id_token_lifetime(30 * MINUTE);
    let short = app.id_token("ann@example.com").unwrap();
    assert_eq!(site.get(&day).await.status, StatusCode::OK);
    assert_eq!(site.get(&short).await.status, StatusCode::OK);
    // An hour ahead: the short one is over, and no key set has aged.
    clock.set_wall(NOW + 3600);
    assert_eq!(site.get(&short).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.get(&day).await.status, StatusCode::OK);
    // Back: it is valid again.
    clock.set_wall(NOW);
    assert_eq!(site.get(&short).await.status, StatusCode::OK);
    // An hour behind: neither is valid yet.
    clock.set_wall(NOW - 3600);
    assert_eq!(site.get(&day).await.status, StatusCode::UNAUTHORIZED);
    clock.set_wall(NOW);
    assert_eq!(site.get(&day).await.status, StatusCode::OK);
    let after_jumps = emulator.requests(Endpoint::Jwks);
    // Monotonic time does age it, whatever the wall clock says.
    emulator.fail(Endpoint::Jwks, 500);
    clock.advance(HOUR + 10 * MINUTE - Duration::from_secs(1));
    clock.set_wall(NOW);
    assert_eq!(at_once(verify(&site.verifier, &day)), Some(Ok(())));
    clock.advance(Duration::from_secs(1));
    clock.set_wall(NOW);
    assert_eq!(verify(&site.verifier, &day).await, Err(Unavailable));
    println!(
        "fault 11: wall clock jumps 1 h: exp and nbf follow it, {} fetches by it, keys age by the monotonic clock",
        after_jumps - 1
    );
    assert_eq!(after_jumps, 1);
    emulator.stop().await;
}
