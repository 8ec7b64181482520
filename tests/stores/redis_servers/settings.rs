//! URLs, users, TLS, and settings that cannot work.

use crate::redis_servers::watching::Notes;
use crate::support::redis::Server;
use jamguard::ErrorKind;
use jamguard::store::{NewRecord, RedisStore, Store};
use std::time::{Duration, Instant};

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let url = "redis://127.0.0.1";
    let refused = |builder: jamguard::store::RedisStoreBuilder, names: &str| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(names), "{error}");
    };
    refused(RedisStore::builder("http://127.0.0.1"), "scheme");
    refused(RedisStore::builder(url).prefix(""), "prefix");
    refused(RedisStore::builder(url).prefix("a{b}"), "braces");
    refused(RedisStore::builder(url).timeout(Duration::ZERO), "timeout");
    refused(RedisStore::builder(url).timeout(Duration::from_secs(61)), "timeout");
    refused(RedisStore::builder(url).root_certificates("x"), "rediss");
    let tls = || RedisStore::builder("rediss://127.0.0.1");
    refused(tls().client_certificate("none", "none"), "certificates");
}

#[test]
fn nothing_secret_is_printed() {
    let builder = RedisStore::builder("redis://ann:secret@127.0.0.1");
    assert!(!format!("{builder:?}").contains("secret"));
    let store = builder.build().unwrap();
    assert!(!format!("{store:?}").contains("secret"));
}

#[tokio::test]
async fn a_password_that_is_wrong_is_told_from_an_outage() {
    let server = Server::with(&["--save", "", "--requirepass", "p@ss:word/"]);
    for url in [
        format!("redis://127.0.0.1:{}", server.port),
        format!("redis://:wrong@127.0.0.1:{}", server.port),
        format!("redis://nobody:p@127.0.0.1:{}", server.port),
    ] {
        let error = RedisStore::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("wrong"));
    }
    let url = format!("redis://default:p%40ss%3Aword%2F@127.0.0.1:{}/3", server.port);
    let store = RedisStore::connect(&url).await.unwrap();
    assert!(store.insert("k", NewRecord::new(*b"v")).await.unwrap().is_some());
}

/// The rights that the documentation names are enough; with fewer nothing is remembered.
#[tokio::test]
async fn a_user_that_may_not_ask_who_answers_reads_but_remembers_nothing() {
    let server = Server::start();
    let user = |name: &str, rights: &[&str]| {
        let mut command = vec!["ACL", "SETUSER", name, "on", ">p", "~jamguard:*", "+@all"];
        command.push("-@dangerous");
        command.extend(rights);
        assert!(server.command(&command).starts_with("+OK"));
        format!("redis://{name}:p@127.0.0.1:{}", server.port)
    };
    let enough = user("enough", &["+client", "+info", "+role"]);
    let few = user("few", &["+client"]);
    let [enough, few] = [enough, few].map(|url| RedisStore::builder(&url).build().unwrap());
    let (proven, unproven) = (Notes::of(&enough), Notes::of(&few));
    proven.wait("Live").await;
    let new = NewRecord::new(*b"v").owned_by("ann");
    few.insert("k", new).await.unwrap().unwrap();
    assert!(few.get("k").await.unwrap().is_some());
    assert_eq!(few.remove_owned("ann").await.unwrap(), 1);
    proven.wait("k").await;
    assert!(unproven.when("Live").is_none());
}

#[tokio::test]
async fn a_numbered_database_is_used() {
    let server = Server::start();
    let three = RedisStore::connect(&format!("{}/3", server.url())).await.unwrap();
    let none = RedisStore::connect(&server.url()).await.unwrap();
    three.insert("k", NewRecord::new(*b"v")).await.unwrap().unwrap();
    assert!(none.get("k").await.unwrap().is_none());
    assert!(three.get("k").await.unwrap().is_some());
}

#[tokio::test]
async fn connect_tells_that_nobody_is_there() {
    let port = crate::support::redis::free_port();
    let begun = Instant::now();
    let error = RedisStore::connect(&format!("redis://127.0.0.1:{port}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.retry_after().is_some());
    let place = format!("127.0.0.1:{port}");
    let message = error.message();
    assert!(message.contains(&place) && message.contains("refused"), "{message}");
    assert!(begun.elapsed() < Duration::from_millis(300));
}

const ROOTS: &str = include_str!("tls/ca.pem");
const CLIENT: &str = include_str!("tls/client.pem");
const CLIENT_KEY: &str = include_str!("tls/client.key");

/// A server that wants TLS, and a certificate of its clients.
fn tls_server() -> Server {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/redis_servers/tls/");
    let file = |name: &str| format!("{folder}{name}");
    Server::tls(&file("server.pem"), &file("server.key"), &file("ca.pem"))
}

#[tokio::test]
async fn over_tls_both_sides_show_certificates() {
    let server = tls_server();
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let store = RedisStore::builder(&url)
        .root_certificates(ROOTS)
        .client_certificate(CLIENT, CLIENT_KEY)
        .timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap();
    let notes = Notes::of(&store);
    notes.wait("Live").await;
    store.insert("k", NewRecord::new(*b"v")).await.unwrap().unwrap();
    assert_eq!(store.get("k").await.unwrap().unwrap().value(), b"v");
    notes.wait("k").await;
}

#[tokio::test]
async fn a_certificate_of_no_known_authority_is_refused() {
    let server = tls_server();
    for url in ["rediss://127.0.0.1", "rediss://localhost", "redis://127.0.0.1"] {
        let url = format!("{url}:{}", server.port);
        let store = RedisStore::builder(&url).timeout(Duration::from_secs(5));
        let error = store.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{url}");
    }
    // The authority is right, but the client shows no certificate.
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let builder = RedisStore::builder(&url).root_certificates(ROOTS);
    let error = builder.timeout(Duration::from_secs(5)).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
