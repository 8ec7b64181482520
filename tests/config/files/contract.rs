//! The facade: what the file configures is there, and what it does not is a clear error.

use crate::files::{NOW, SECRET, builder, jam, message};
use crate::support::folder::Folder;
use crate::support::wait::until_blocking;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{MemoryStore, NewRecord, Store, Watcher};
use jamguard::testing::ManualClock;
use jamguard::{Issuer, Jamguard, RefreshTokens};
use serde_json::json;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Asking for a part that the file does not configure is a clear error.
#[test]
fn what_the_file_does_not_configure_is_a_clear_error() {
    let empty = jam("[jam]").unwrap();
    for (asked, wanted) in [
        (message(empty.jwt()), "has no issuer of tokens: add the section 'jwt'"),
        (message(empty.issuer("a")), "has no issuer 'a': add the section 'issuers.a'"),
        (message(empty.verifier("a")), "has no verifier 'a': add the section 'verifiers.a'"),
        (message(empty.key_ring("a")), "has no key ring 'a': add the section 'key_rings.a'"),
        (message(empty.list("a")), "has no list 'a': add the section 'lists.a'"),
        (message(empty.store("a")), "has no store 'a': add the section 'stores.a'"),
        (message(empty.app("a")), "has no app 'a': add the section 'apps.a'"),
        (message(empty.client()), "has no app: add the section 'apps.NAME'"),
        (message(empty.client_of("a")), "has no app 'a': add the section 'apps.a'"),
        (message(empty.sessions()), "has no sessions: add the section 'sessions'"),
        (
            message(empty.refresh_tokens::<()>()),
            "has no refresh tokens: add the section 'refresh_tokens'",
        ),
        (message(empty.otp()), "has no one-time passwords: add the section 'otp'"),
        (message(empty.otp_guard()), "add the section 'otp_guard'"),
        (message(empty.recovery_codes()), "add the section 'recovery_codes'"),
        (message(empty.second_factor()), "add the section 'second_factor'"),
        (
            message(empty.oauth2("github")),
            "has no OAuth2 client 'github': add the section 'oauth2.github'",
        ),
        (message(empty.oauth2_login("github")), "add the section 'oauth2.github'"),
        (message(empty.token_source("github")), "add the section 'oauth2.github'"),
        (message(empty.authenticator()), "nothing to authenticate with: add an app, a verifier"),
        (message(empty.guards()), "nothing to authenticate with"),
        (message(empty.route_table()), "has no table of routes: add the section 'guards'"),
        (message(empty.login()), "has no login: add the section 'login'"),
    ] {
        assert!(asked.contains(wanted), "{asked}");
    }
    let bare = jam("[jam.oauth2.github]\nclient_id='a'").unwrap();
    let login = message(bare.oauth2_login("github"));
    assert!(login.contains("add the section 'oauth2.github.login'"), "{login}");
    let source = message(bare.token_source("github"));
    assert!(source.contains("add the section 'oauth2.github.token_source'"), "{source}");
    let two = jam("[jam.apps.a]\napp_id='a'\n[jam.apps.b]\napp_id='b'").unwrap();
    assert!(message(two.client()).contains("has several apps: name one of a, b"));
    two.client_of("b").unwrap();
}

/// Each part is the crate's own type, so the file and the builders give the same.
#[tokio::test]
async fn the_file_builds_what_the_builders_build() {
    let jam = jam("
        [jam.jwt]
        algorithm = 'HS256'
        secret = '${SECRET}'
        issuer = 'https://app.example'
        audience = 'api'
        lifetime = '10m'
    ")
    .unwrap();
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let built = Issuer::builder()
        .key(key)
        .issuer("https://app.example")
        .audience("api")
        .lifetime(Duration::from_secs(600))
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let issuer: &Issuer = jam.jwt().unwrap();
    let data = json!({"sub": "42"});
    for (signs, verifies) in [(issuer, &built), (&built, issuer)] {
        let token = signs.issue(&data).await.unwrap();
        let verified = verifies.verifier().verify(token.expose()).await.unwrap();
        assert_eq!(verified.subject(), Some("42"));
        let expires = verified.expires_at().unwrap();
        let since = expires.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), NOW + 600);
    }
    assert!(std::ptr::eq(jam.issuer("jwt").unwrap(), issuer));
    let token = issuer.issue(&data).await.unwrap();
    let identity = jam.authenticator().unwrap().authenticate(token.expose()).await.unwrap();
    assert_eq!(identity.subject(), Some("42"));
}

/// The application's own `Store` is named in the file; parts that name one store share it.
#[tokio::test]
async fn a_store_of_the_programs_own_is_named_by_the_file() {
    let own = MemoryStore::new();
    let file = "
        [jam.sessions]
        store = 'mine'
        [jam.lists.denied]
        kind = 'deny'
        store = 'mine'
    ";
    let jam = builder().store("mine", own.clone());
    let jam = jam.from_str(file, jamguard::config::Format::Toml).unwrap();
    jam.sessions().unwrap().create(Some("ann"), &json!({})).await.unwrap();
    let named = jam.store("mine").unwrap();
    named.insert("key", NewRecord::new(*b"value")).await.unwrap();
    assert_eq!(own.get("key").await.unwrap().unwrap().value(), b"value");
    assert!(format!("{own:?}").contains('2'), "{own:?}");

    let twice = builder()
        .store("mine", own)
        .from_str("[jam.stores.mine]\nmemory = {}", jamguard::config::Format::Toml);
    assert!(message(twice).contains("jam.stores.mine: the program gave a store of this name"));
}

#[tokio::test]
async fn refresh_tokens_have_data_of_the_programs_own() {
    let jam = jam("
        [jam.refresh_tokens]
        store = 'memory'
        lifetime = '90 days'
        idle_lifetime = '14 days'
    ")
    .unwrap();
    let begin = || jam.refresh_tokens::<String>().unwrap();
    let refresh: RefreshTokens<String> = begin().build().unwrap();
    let token = refresh.issue("ann", &"phone".to_owned()).await.unwrap();
    // Another handle is over the same store.
    let other: RefreshTokens<String> = begin().build().unwrap();
    let rotated = other.rotate(token.expose()).await.unwrap();
    assert_eq!((&*rotated.subject, &*rotated.data), ("ann", "phone"));
    let days = rotated.expires_at.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(days.as_secs(), NOW + 14 * 86_400);
}

/// What the file cannot say is said in code.
#[tokio::test]
async fn hooks_and_conditions_of_the_programs_own() {
    let jam = builder()
        .policies(jamguard::policy::PolicyParser::new().custom("short", |subject| {
            subject.claims().text("sub").is_some_and(|sub| sub.len() < 4)
        }))
        .authenticator(|auth| auth.enrich(async |_| Ok(json!({"roles": ["added"]}))))
        .from_str(
            "
            [jam]
            unmatched = 'deny'
            guards = [{ path = '/a', policy = 'custom:short & role:added' }]
            [jam.jwt]
            algorithm = 'HS256'
            secret = '${SECRET}'
            ",
            jamguard::config::Format::Toml,
        )
        .unwrap();
    let table = jam.route_table().unwrap();
    let policies = table.find("GET", "/a").unwrap();
    let policy = policies.policies().next().unwrap().clone();
    for (sub, allowed) in [("ann", true), ("anna", false)] {
        let token = jam.jwt().unwrap().issue(&json!({"sub": sub})).await.unwrap();
        let identity = jam.authenticator().unwrap().authenticate(token.expose()).await.unwrap();
        assert_eq!(identity.check(&policy).is_ok(), allowed, "{sub}");
    }
    drop(jam.guards().unwrap());
}

/// A `Jamguard` and all that can be asked of it may be shown.
#[test]
fn debug_shows_what_was_built_and_no_secret() {
    let key = jamguard::store::SealingKeys::generate_key().unwrap();
    let text = format!(
        "
        [jam.stores.cache.redis]
        url = 'redis://user:{SECRET}@127.0.0.1:1'
        [jam.jwt]
        algorithm = 'HS256'
        secret = '{SECRET}'
        issuer = 'https://app.example'
        [jam.sessions]
        store = 'cache'
        encryption = {{ key = '{}' }}
        [jam.apps.main]
        app_id = 'some-app'
        ",
        key.expose()
    );
    let jam: Jamguard = jam(&text).unwrap();
    let shown = format!("{jam:?} {jam:#?} {:?}", Jamguard::builder());
    for wanted in ["https://app.example", "some-app", "\"cache\"", "encrypted: true", "HS256"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert!(!shown.contains(SECRET) && !shown.contains(key.expose()), "{shown}");
}

/// Nor anything by which guesses at a secret could be checked: what is shown ends in logs.
#[tokio::test]
async fn debug_shows_nothing_that_is_made_from_a_secret() {
    let second = format!("{SECRET}-the-second");
    let jam = jam(&format!(
        "
        [jam.jwt]
        algorithm = 'HS256'
        secret = '{SECRET}'
        [jam.key_rings.main]
        algorithm = 'HS256'
        keys = [{{ secret = '{SECRET}' }}, {{ secret = '{second}', key_id = 'named' }}]
        "
    ))
    .unwrap();
    let ring = jam.key_ring("main").unwrap();
    jam.jwt().unwrap().issue(&json!({})).await.unwrap();
    let keys = ring.keys().await.unwrap();
    let shown = format!("{jam:?} {jam:#?} {ring:?}");
    assert!(shown.contains("named") && shown.contains("unnamed"), "{shown}");
    let made: Vec<_> = keys.iter().filter(|key| key.key_id() != "named").collect();
    assert_eq!(made.len(), 1);
    for key in made {
        assert!(key.key_id().len() > 40 && !shown.contains(key.key_id()), "{shown}");
    }
    // The section's alone: its tokens name no key.
    let token = jam.jwt().unwrap().issue(&json!({})).await.unwrap();
    let header = token.expose().split('.').next().unwrap();
    assert_eq!(header, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
}

/// Counts who wants to be told of changes.
struct Watched(MemoryStore, Arc<AtomicUsize>);

impl Store for Watched {
    passes_on!(0: get insert replace remove owned remove_owned purge);

    fn watch(&self, watcher: Watcher) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.watch(watcher)
    }
}

/// Looking at a file, and reading it again, touches no store.
#[test]
fn checking_and_reloading_touch_no_store() {
    let folder = Folder::new("touch-no-store");
    let listener = || TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (checked, built) = (listener(), listener());
    let list_at = |store: &str, port: u16| {
        let redis = format!("[jam.stores.far.redis]\nurl = 'redis://127.0.0.1:{port}'");
        format!("{redis}\n[jam.lists.denied]\nkind = 'deny'\nstore = '{store}'\n")
    };
    let list = |store: &str| list_at(store, port(&checked));
    let watched = Arc::new(AtomicUsize::new(0));
    let setup = || builder().store("mine", Watched(MemoryStore::new(), watched.clone()));
    let path = folder.path().join("jam.toml");
    std::fs::write(&path, list("mine")).unwrap();
    setup().check_file(&path).unwrap();
    assert_eq!(watched.load(Ordering::Relaxed), 0);
    let jam = setup().from_file(&path).unwrap();
    let before = watched.load(Ordering::Relaxed);
    assert!(before > 0);
    std::fs::write(&path, format!("{}leeway = '2m'", list("mine"))).unwrap();
    assert_eq!(jam.reload().unwrap().applied(), ["lists.denied.leeway"]);
    assert_eq!(watched.load(Ordering::Relaxed), before);

    std::fs::write(&path, list("far")).unwrap();
    setup().check_file(&path).unwrap();
    std::fs::write(&path, list_at("far", port(&built))).unwrap();
    let _jam = setup().from_file(&path).unwrap();
    // A store that is built connects several times; a connection of the check would have come before.
    built.set_nonblocking(true).unwrap();
    let mut connections = 0;
    until_blocking("the built store connects", || {
        connections += usize::from(built.accept().is_ok());
        connections == 3
    });
    checked.set_nonblocking(true).unwrap();
    assert_eq!(checked.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
