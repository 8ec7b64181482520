//! What only the emulator can: rotation, faults, counters, starting and stopping.

use crate::emulator::world::*;
use crate::support::wait::until;
use jamguard::ErrorKind;
use jamguard::emulator::{AppSettings, Emulator, Endpoint};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for any machine, short enough for a hung test to end.
const BOUND: Duration = Duration::from_secs(20);

async fn kids(world: &World) -> Vec<String> {
    let set = json_of(world.get(".well-known/jwks.json").await).await;
    assert_eq!(set, serde_json::from_str::<Value>(&world.app.jwks_json()).unwrap());
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_replaced_key_is_gone_at_once() {
    let world = World::new().await;
    let old = kids(&world).await;
    let old_token = world.id_token();
    let new = world.app.replace_key().unwrap();
    assert_eq!(kids(&world).await, std::slice::from_ref(&new));
    assert_ne!(old[0], new);
    assert_eq!(part(&world.id_token(), 0)["kid"], *new);
    json_of(world.verify(&world.id_token()).await).await;
    assert_refused(world.verify(&old_token).await, 401).await;
}

#[tokio::test]
async fn a_rotated_key_stays_published_until_it_is_removed() {
    let world = World::new().await;
    let old = kids(&world).await;
    let old_token = world.id_token();
    let new = world.app.rotate_key().unwrap();
    assert_eq!(kids(&world).await, [new.clone(), old[0].clone()]);
    assert_eq!(part(&world.id_token(), 0)["kid"], *new);
    for token in [&old_token, &world.id_token()] {
        json_of(world.verify(token).await).await;
        world.verifier().verify(token).await.unwrap();
    }
    world.app.remove_old_keys().unwrap();
    assert_eq!(kids(&world).await, [new]);
    json_of(world.verify(&world.id_token()).await).await;
    assert_refused(world.verify(&old_token).await, 401).await;
}

#[tokio::test]
async fn keys_do_not_pile_up() {
    let world = World::new().await;
    for _ in 0..30 {
        world.app.rotate_key().unwrap();
    }
    assert_eq!(kids(&world).await.len(), 10);
    json_of(world.verify(&world.id_token()).await).await;
}

#[tokio::test]
async fn the_lifetime_of_id_tokens_can_be_set() {
    let settings = AppSettings::new(APP).id_token_lifetime(Duration::from_secs(60));
    let world = World::with(settings).await;
    assert_eq!(part(&world.id_token(), 1)["exp"], NOW + 60);
    world.app.set_id_token_lifetime(Duration::from_secs(5));
    let (_, query) = world.log_in(ANN).await;
    assert_eq!(part(&query["idToken"], 1)["exp"], NOW + 5);
}

#[tokio::test]
async fn an_endpoint_fails_as_ordered_and_no_other_does() {
    let world = World::new().await;
    let refresh_token = world.refresh_token(ANN);
    for (ordered, status) in [(503, 503), (418, 418), (401, 401), (0, 500), (100, 500), (1000, 500)]
    {
        world.emulator.fail(Endpoint::Refresh, ordered);
        assert_refused(world.refresh(&refresh_token).await, status).await;
        assert_eq!(kids(&world).await.len(), 1);
    }
    world.emulator.clear_faults();
    json_of(world.refresh(&refresh_token).await).await;
}

#[tokio::test]
async fn a_delayed_endpoint_answers_late() {
    let world = World::new().await;
    world.emulator.delay(Endpoint::Jwks, Duration::from_secs(600));
    let impatient = world
        .request(reqwest::Method::GET, ".well-known/jwks.json")
        .timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    json_of(world.verify(&world.id_token()).await).await;

    world.emulator.delay(Endpoint::Jwks, Duration::from_millis(50));
    let begin = std::time::Instant::now();
    kids(&world).await;
    assert!(begin.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn every_request_is_counted_at_its_endpoint() {
    let world = World::new().await;
    let id_token = world.id_token();
    let refresh_token = encoded(&world.refresh_token(ANN));
    let link = world.mailed(ANN).await;
    world.open(&link).await;
    world.open(&link).await;
    world.emulator.fail(Endpoint::Jwks, 500);
    for _ in 0..3 {
        world.get(".well-known/jwks.json").await;
    }
    world.verify(&id_token).await;
    world.refresh("unknown").await;
    for path in ["user/refresh", "refresh"] {
        world.delete(&format!("{path}/{refresh_token}"), &id_token).await;
        world.delete(path, &id_token).await;
    }
    for (endpoint, expected) in [
        (Endpoint::Authenticate, 1),
        (Endpoint::Jwks, 3),
        (Endpoint::Verify, 1),
        (Endpoint::Refresh, 1),
        (Endpoint::DeleteRefreshToken, 2),
        (Endpoint::DeleteAllRefreshTokens, 2),
        (Endpoint::Magic, 2),
        (Endpoint::Inbox, 0),
    ] {
        assert_eq!(world.emulator.requests(endpoint), expected, "{endpoint:?}");
    }
}

#[tokio::test]
async fn apps_are_checked_when_added() {
    let world = World::new().await;
    for settings in [
        AppSettings::new(APP),
        AppSettings::new(""),
        AppSettings::new("a/b"),
        AppSettings::new("inbox here"),
        AppSettings::new(OTHER_APP).redirect_url(""),
        AppSettings::new(OTHER_APP).redirect_url("/jam-redirect"),
        AppSettings::new(OTHER_APP).redirect_url("javascript:alert(1)"),
    ] {
        let error = world.emulator.add_app(settings.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{settings:?}");
    }
    world.emulator.add_app(AppSettings::new(OTHER_APP)).unwrap();
}

fn port(emulator: &Emulator) -> u16 {
    let (host, port) = emulator.base_url().rsplit_once(':').unwrap();
    assert_eq!(host, "http://127.0.0.1");
    port.parse().unwrap()
}

#[tokio::test]
async fn stop_frees_the_port_and_a_taken_one_is_a_clear_error() {
    let world = World::new().await;
    kids(&world).await;
    let port = port(&world.emulator);
    let error = Emulator::builder().port(port).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains(&port.to_string()), "{error}");

    timeout(BOUND, world.emulator.stop()).await.unwrap();
    let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let again = Emulator::builder().port(port).start().await.unwrap();
    assert_eq!(again.base_url(), format!("http://127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_dropped_emulator_stops() {
    let world = World::new().await;
    let port = port(&world.emulator);
    drop(world);
    let freed = async || TcpListener::bind(("127.0.0.1", port)).await.is_ok();
    timeout(BOUND, until("the port is free", freed)).await.unwrap();
}

#[tokio::test]
async fn stop_does_not_wait_for_slow_clients_or_delays() {
    let world = World::new().await;
    world.emulator.delay(Endpoint::Jwks, Duration::from_secs(600));
    let url = format!("{}/.well-known/jwks.json", world.app.issuer());
    let waiting = tokio::spawn(world.http.get(url).send());
    let arrived = async || world.emulator.requests(Endpoint::Jwks) > 0;
    timeout(BOUND, until("the request", arrived)).await.unwrap();
    let port = port(&world.emulator);
    let mut half = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    half.write_all(b"GET /inbox HTTP/1.1\r\nHost: loc").await.unwrap();

    timeout(BOUND, world.emulator.stop()).await.unwrap();
    assert_refused(waiting.await.unwrap().unwrap(), 503).await;
    TcpListener::bind(("127.0.0.1", port)).await.unwrap();
}

#[actix_web::test]
async fn it_runs_inside_another_frameworks_runtime() {
    let world = World::new().await;
    let (_, query) = world.log_in(ANN).await;
    world.verifier().verify(&query["idToken"]).await.unwrap();
    world.emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_many_at_once() {
    let world = World::new().await;
    let token = world.id_token();
    let url = format!("{}/verify", world.app.issuer());
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let request = world.http.post(&url).json(&json!({"idToken": token}));
            tokio::spawn(request.send())
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(world.emulator.requests(Endpoint::Verify), 50);
}
