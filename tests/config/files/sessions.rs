//! Sessions, configured by a file.

use crate::files::{NOW, builder, jam};
use crate::support::folder::Folder;
use crate::support::redis::Server;
use jamguard::config::Format;
use jamguard::store::{MemoryStore, SealingKeys};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, SessionId, Sessions};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

async fn on_every_backend(test: impl AsyncFn(&str, &Sessions)) {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let made = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (folder, server) = (Folder::new(&format!("config-sessions-{made}")), Server::start());
    for (name, store) in [
        ("memory", "memory = {}".to_owned()),
        ("file", format!("file = {{ path = '{}' }}", folder.store().display())),
        ("redis", format!("redis = {{ url = '{}' }}", server.url())),
    ] {
        let text = format!("[jam.sessions]\nstore = 'main'\n[jam.stores.main]\n{store}");
        let jam = builder().from_str(&text, Format::Toml).unwrap();
        test(name, jam.sessions().unwrap()).await;
    }
    let own = builder().store("mine", MemoryStore::new());
    let own = own.from_str("[jam.sessions]\nstore = 'mine'", Format::Toml).unwrap();
    test("custom", own.sessions().unwrap()).await;
}

fn unknown() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

async fn data(sessions: &Sessions, id: &SessionId) -> Option<Value> {
    let record = sessions.get::<Value>(id).await.unwrap();
    record.map(|record| (*record).clone())
}

/// Sessions in memory, a file, Redis or a custom store: `session_create(session_key, data)` returns
/// an id; `session_get`, `session_update`, `session_delete`, `session_clear`, `session_rework`.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_on_every_backend() {
    on_every_backend(async |name, sessions| {
        // session_create: a new random id; 256 random bits, base64url.
        let id = sessions.create(Some("ann"), &json!({"n": 1})).await.unwrap();
        let other = sessions.create(Some("ann"), &json!({"n": 2})).await.unwrap();
        assert_eq!((id.expose().len(), other.expose().len()), (43, 43));
        assert_ne!(id, other);
        // session_get: data or none.
        assert_eq!(data(sessions, &id).await, Some(json!({"n": 1})), "{name}");
        assert_eq!(data(sessions, &unknown()).await, None);
        // session_update: replaces; a missing session is an error, never created.
        sessions.update(&id, &json!({"n": 3})).await.unwrap();
        assert_eq!(data(sessions, &id).await, Some(json!({"n": 3})), "{name}");
        let missing = sessions.update(&unknown(), &json!({})).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Revoked);
        assert_eq!(data(sessions, &unknown()).await, None);
        // session_rework: new id, same data, the old id dead; missing is an error.
        let new = sessions.rotate_id(&id).await.unwrap();
        assert_eq!(data(sessions, &new).await, Some(json!({"n": 3})), "{name}");
        assert_eq!(data(sessions, &id).await, None, "{name}");
        assert!(sessions.rotate_id(&id).await.is_err());
        // session_delete: idempotent.
        for _ in 0..2 {
            sessions.end(&other).await.unwrap();
            assert_eq!(data(sessions, &other).await, None, "{name}");
        }
        // session_clear: ends every session of that key.
        let bob = sessions.create(Some("bob"), &json!({})).await.unwrap();
        assert_eq!(sessions.end_all("ann").await.unwrap(), 1, "{name}");
        assert_eq!(data(sessions, &new).await, None, "{name}");
        assert_eq!(data(sessions, &bob).await, Some(json!({})));
    })
    .await;
}

/// In jam.Jam a session key with `:` breaks Redis sessions, `{}` cannot be updated, and parallel
/// writers corrupt the JSON file. None of this happens here.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_in_jam_jam_works() {
    on_every_backend(async |name, sessions| {
        let id = sessions.create(Some("a:b"), &json!({})).await.unwrap();
        sessions.update(&id, &json!({"a": 1})).await.unwrap();
        sessions.update(&id, &json!({})).await.unwrap();
        assert_eq!(data(sessions, &id).await, Some(json!({})), "{name}");
        let writers = (0..16).map(|number| {
            let (sessions, id) = (sessions.clone(), id.clone());
            tokio::spawn(async move {
                let add = |data: &mut Value| data[number.to_string()] = json!(true);
                sessions.modify(&id, add).await.unwrap();
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let written = data(sessions, &id).await.unwrap();
        assert_eq!(written.as_object().unwrap().len(), 16, "{name}");
        assert_eq!(sessions.end_all("a:b").await.unwrap(), 1, "{name}");
    })
    .await;
}

/// The store keeps only the id's SHA-256. The data can be encrypted at rest (AES-256-GCM), with a
/// key from the file or the environment, and keys rotate.
#[tokio::test]
async fn what_the_store_keeps_is_encrypted_and_keys_rotate() {
    let [old, new] = [(); 2].map(|()| SealingKeys::generate_key().unwrap());
    let folder = Folder::new("config-encryption");
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("old.key"), format!("{}\n", old.expose())).unwrap();
    let own = jamguard::store::FileStore::open(folder.store()).unwrap();
    let build = |encryption: String| {
        let text = format!("[jam.sessions]\nstore = 'mine'\n{encryption}");
        let jam = builder().store("mine", own.clone());
        let old = old.expose().to_owned();
        let variable = move |name: &str| (name == "OLD_KEY").then(|| old.clone());
        jam.variables(variable).from_str(&text, Format::Toml).unwrap()
    };
    let first = build("encryption = { key = '${OLD_KEY}' }".to_owned());
    let value = json!({"secret": "what-nobody-else-may-read"});
    let id = first.sessions().unwrap().create(Some("ann"), &value).await.unwrap();
    let bytes = fs::read(folder.store()).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!has("what-nobody-else-may-read") && !has(id.expose()));
    let same = build(format!("encryption = {{ key_file = '{}' }}", file("old.key")));
    assert_eq!(data(same.sessions().unwrap(), &id).await, Some(value.clone()));
    let rotated = build(format!(
        "encryption = {{ key = '{}', previous = [{{ key_file = '{}' }}] }}",
        new.expose(),
        file("old.key")
    ));
    assert_eq!(data(rotated.sessions().unwrap(), &id).await, Some(value));
    let without = build(format!("encryption = {{ key = '{}' }}", new.expose()));
    assert!(without.sessions().unwrap().get::<Value>(&id).await.is_err());
}

/// The file sets idle and absolute timeouts. In jam.Jam sessions never expire by default.
#[tokio::test]
async fn both_timeouts_come_from_the_file() {
    let clock = ManualClock::at(NOW);
    let build = |timeouts: &str| {
        let text = format!("[jam.sessions]\nstore = 'mine'\n{timeouts}");
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let jam = builder().clock(clock.clone()).store("mine", store);
        jam.from_str(&text, Format::Toml).unwrap()
    };
    let used = async |sessions: &Sessions, id: &SessionId, every: u64| {
        let mut seconds = 0;
        while data(sessions, id).await.is_some() {
            clock.advance(Duration::from_secs(every));
            seconds += every;
        }
        seconds
    };
    let jam = build("idle_timeout = '10m'\nabsolute_timeout = '1h'\ntouch_every = '1s'");
    let sessions = jam.sessions().unwrap();
    let id = sessions.create(Some("ann"), &json!({})).await.unwrap();
    assert_eq!(used(sessions, &id, 300).await, 3600, "used all the time");
    let id = sessions.create(Some("ann"), &json!({})).await.unwrap();
    clock.advance(Duration::from_secs(600));
    assert_eq!(data(sessions, &id).await, None, "left alone");

    let default = build("");
    let sessions = default.sessions().unwrap();
    let id = sessions.create(Some("ann"), &json!({})).await.unwrap();
    clock.advance(Duration::from_secs(86_400));
    assert_eq!(data(sessions, &id).await, None, "by default");
}

#[tokio::test]
async fn a_session_is_a_credential_of_the_authenticator() {
    let jam = jam("
        [jam.sessions]
        store = 'memory'
        on_type_mismatch = 'start_over'
        [jam.authenticator]
        session_cookie = { name = 'sid', same_site = 'strict', danger_plain_http = true }
        realm = 'shop'
    ")
    .unwrap();
    let shown = format!("{:?}", jam.authenticator().unwrap());
    assert!(shown.contains("Authenticator"), "{shown}");
}
