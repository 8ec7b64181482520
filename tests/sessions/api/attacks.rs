//! Attacks 25, 26 and 28 of `docs/attacks.md`, on the store's side.

use crate::api::records::hash;
use crate::api::{Cart, cart, items, on_every_store, sessions};
use crate::support::folder::Folder;
use crate::support::redis::Server;
use jamguard::store::{FileStore, MemoryStore, RedisStore, SealingKeys, Store};
use jamguard::{ErrorKind, NewSession, SessionId, Sessions};
use std::path::Path;
use std::sync::Arc;

/// Attack 25: an id that the client invented is never adopted.
#[tokio::test(flavor = "multi_thread")]
async fn an_invented_id_is_never_adopted() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        for text in ["A".repeat(43), "_".repeat(42) + "8"] {
            let id = SessionId::parse(&text).unwrap();
            assert!(items(&sessions, &id).await.is_none());
            assert!(sessions.update(&id, &cart(&[])).await.is_err());
            assert!(sessions.modify(&id, |_: &mut Cart| {}).await.is_err());
            assert!(sessions.rotate_id(&id).await.is_err());
            assert!(sessions.login(&id, NewSession::of("ann")).await.is_err());
            sessions.end(&id).await.unwrap();
            assert!(items(&sessions, &id).await.is_none());
        }
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
    })
    .await;
}

/// Attack 25: a guessed or truncated id, and every other way to write a good one.
#[tokio::test(flavor = "multi_thread")]
async fn a_guessed_truncated_or_respelled_id_is_none() {
    on_every_store(async |name, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        let text = id.expose();
        let mut tried = 0;
        let mut texts: Vec<String> = (0..43).map(|end| text[..end].to_owned()).collect();
        texts.extend([
            format!("{text}A"),
            format!("{text}="),
            format!(" {text}"),
            format!("{text}\n"),
            format!("{text}\0"),
            text.to_lowercase(),
            text.to_uppercase(),
            text.replace('-', "+").replace('_', "/"),
            text.repeat(2),
            "%".repeat(43),
            "☎".repeat(43),
            "x".repeat(100_000),
        ]);
        // One character changed; the last one has spare bits, which must be zero.
        for place in 0..43 {
            for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars()
            {
                let mut changed = text.to_owned();
                changed.replace_range(place..=place, &other.to_string());
                texts.push(changed);
            }
        }
        for other in texts.iter().filter(|other| *other != text) {
            tried += 1;
            match SessionId::parse(other) {
                Ok(other) => assert!(items(&sessions, &other).await.is_none()),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Malformed);
                    assert!(!error.to_string().contains(text));
                }
            }
        }
        println!("attack 25, {name}: {tried} other texts, 0 of them the session");
        assert_eq!(items(&sessions, &id).await.unwrap(), ["tea"]);
    })
    .await;
}

/// Attack 25: another app's id.
#[tokio::test(flavor = "multi_thread")]
async fn another_apps_id_is_none() {
    on_every_store(async |_, store| {
        let named = |name: &str| {
            let sessions = Sessions::builder(store.clone()).name(name);
            sessions.build().unwrap()
        };
        let (shop, blog) = (named("shop"), named("blog"));
        let id = shop.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        assert!(items(&blog, &id).await.is_none());
        assert!(blog.update(&id, &cart(&[])).await.is_err());
        assert!(blog.rotate_id(&id).await.is_err());
        blog.end(&id).await.unwrap();
        assert_eq!(blog.end_all("ann").await.unwrap(), 0);
        assert!(blog.devices("ann").await.unwrap().is_empty());
        let handle = shop.devices("ann").await.unwrap()[0].handle().to_owned();
        assert!(!blog.end_device("ann", &handle).await.unwrap());
        assert_eq!(items(&shop, &id).await.unwrap(), ["tea"]);
    })
    .await;
}

/// A handle is for its user alone, and it is no id.
#[tokio::test]
async fn a_handle_ends_its_users_session_only_and_is_no_id() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let sessions = sessions(store);
    let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    sessions.create(Some("bob"), &cart(&[])).await.unwrap();
    let handle = sessions.devices("ann").await.unwrap()[0].handle().to_owned();
    assert!(!id.expose().contains(&handle) && SessionId::parse(&handle).is_err());
    for (key, handle) in [("bob", &*handle), ("ann", ""), ("ann", id.expose())] {
        assert!(!sessions.end_device(key, handle).await.unwrap());
    }
    assert!(items(&sessions, &id).await.is_some());
    assert!(sessions.end_device("ann", &handle).await.unwrap());
    assert!(!sessions.end_device("ann", &handle).await.unwrap());
    assert!(items(&sessions, &id).await.is_none());
    assert_eq!(sessions.count("bob").await.unwrap(), 1);
}

/// Attack 26: the id changes at login and at privilege change, the old one is dead.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_fixed_before_the_login_is_dead_after_it() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let fixed = sessions.create(None, &cart(&["tea"])).await.unwrap();
        let login = sessions.login(&fixed, NewSession::of("ann").device("phone"));
        let id = login.await.unwrap();
        assert!(items(&sessions, &fixed).await.is_none());
        let session = sessions.get::<Cart>(&id).await.unwrap().unwrap();
        assert_eq!((session.key(), session.device()), (Some("ann"), Some("phone")));
        assert_eq!(session.items, ["tea"]);
        // More rights: again another id.
        let claims = serde_json::json!({"sub": "ann", "role": "admin"});
        let admin = sessions.rotate_id_with_claims(&id, &claims).await.unwrap();
        assert!(items(&sessions, &id).await.is_none());
        let session = sessions.get::<Cart>(&admin).await.unwrap().unwrap();
        assert_eq!(session.raw_claims(), claims.to_string());
        assert_eq!((session.key(), &*session.items), (Some("ann"), &["tea".to_owned()][..]));
        // Somebody else logs in: neither the rights nor the claims stay.
        let new = NewSession::of("bob").data(&cart(&[]));
        let other = sessions.login(&admin, new).await.unwrap();
        let session = sessions.get::<Cart>(&other).await.unwrap().unwrap();
        assert_eq!(session.raw_claims(), r#"{"sub":"bob"}"#);
        assert!(session.items.is_empty());
        for old in [&fixed, &id, &admin] {
            assert!(items(&sessions, old).await.is_none());
            assert!(sessions.update(old, &cart(&["x"])).await.is_err());
            sessions.end(old).await.unwrap();
        }
        assert!(items(&sessions, &other).await.unwrap().is_empty());
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
        assert_eq!(sessions.count("bob").await.unwrap(), 1);
    })
    .await;
}

/// Every text of the dump that could be an id, tried; how many there were, and how many are.
async fn usable(sessions: &Sessions, dump: &[u8]) -> (usize, usize) {
    let base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let (mut tried, mut usable) = (0, 0);
    for text in dump.split(|byte| !base64url(byte)) {
        for window in text.windows(43) {
            tried += 1;
            let Ok(id) = SessionId::parse(str::from_utf8(window).unwrap()) else {
                continue;
            };
            usable += usize::from(sessions.get::<Cart>(&id).await.unwrap().is_some());
        }
    }
    (tried, usable)
}

fn contains(dump: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(dump, part).is_some()
}

fn read_all(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        all.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    all
}

/// What a store was given for a user's sessions.
async fn all_of(key: &str, store: &dyn Store) -> Vec<u8> {
    let owner = format!("session/sessions/{}", hash(key.as_bytes()));
    let mut all = Vec::new();
    for (key, record) in store.owned(&owner).await.unwrap() {
        all.extend(
            [owner.as_bytes(), b"\n", key.as_bytes(), b"\n", record.value(), b"\n"].concat(),
        );
    }
    all
}

/// Attack 28: a dump of the store holds no usable id, and with encryption nothing of the session.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_holds_no_usable_id_and_with_encryption_no_data() {
    const KEY: &str = "ann@example.com";
    const ITEM: &str = "a very particular kind of tea";
    for encrypted in [false, true] {
        for place in ["memory", "file", "redis"] {
            let folder = Folder::new(&format!("dump-{encrypted}-{place}"));
            let server = Server::with(&["--save", "", "--rdbcompression", "no"]);
            let store: Arc<dyn Store> = match place {
                "memory" => Arc::new(MemoryStore::new()),
                "file" => Arc::new(FileStore::open(folder.store()).unwrap()),
                _ => Arc::new(RedisStore::connect(&server.url()).await.unwrap()),
            };
            let mut sessions = Sessions::builder(store.clone());
            if encrypted {
                sessions = sessions.encrypt(SealingKeys::new(&[7; 32]));
            }
            let sessions = sessions.build().unwrap();
            let mut ids = Vec::new();
            for number in 0..100 {
                let new = NewSession::of(KEY).data(&cart(&[ITEM])).device("her phone");
                let id = sessions.create_with(new).await.unwrap();
                // In all states.
                ids.push(match number % 3 {
                    0 => sessions.rotate_id(&id).await.unwrap(),
                    _ => id.clone(),
                });
                ids.push(id);
            }
            let dump = match place {
                "memory" => all_of(KEY, &*store).await,
                "file" => read_all(folder.path()),
                _ => {
                    server.command(&["SAVE"]);
                    std::fs::read(server.folder().join("dump.rdb")).unwrap()
                }
            };
            let raw = |id: &SessionId| {
                use base64::Engine as _;
                base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id.expose()).unwrap()
            };
            for id in &ids {
                assert!(!contains(&dump, id.expose().as_bytes()) && !contains(&dump, &raw(id)));
            }
            // The dump is one of these sessions, and without encryption the data is there to see.
            assert_eq!(sessions.count(KEY).await.unwrap(), 100);
            // Each is so long that no random bytes have it by chance.
            for secret in [KEY, ITEM, "her phone", r#""items""#] {
                assert_eq!(contains(&dump, secret.as_bytes()), !encrypted, "{place}: {secret}");
            }
            let (tried, usable) = usable(&sessions, &dump).await;
            println!(
                "attack 28, {place}, {}: {} bytes, {tried} texts that could be ids, {usable} usable",
                if encrypted { "encrypted" } else { "plain" },
                dump.len(),
            );
            assert!(tried > 100);
            assert_eq!(usable, 0);
        }
    }
}

#[test]
fn ids_are_not_printed() {
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    assert_eq!(format!("{id:?}"), "SessionId(redacted)");
    let new = NewSession::of("ann").data(&"secret").device("phone");
    assert_eq!(format!("{new:?}"), "NewSession { .. }");
}

/// A client that begins many sessions without a user uses up a part of the store: users still log in.
#[tokio::test]
async fn sessions_of_strangers_leave_room_for_those_of_users() {
    let store = MemoryStore::builder().max_bytes(1 << 20).build().unwrap();
    let sessions = sessions(Arc::new(store));
    let mut strangers = 0;
    let full = loop {
        match sessions.create(None, &cart(&[])).await {
            Ok(_) => strangers += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::Storage);
    assert!(strangers > 100, "{strangers}");
    for user in 0..100 {
        let (user, cart) = (user.to_string(), cart(&[]));
        sessions.create(Some(&user), &cart).await.unwrap();
    }
}
