//! What the store keeps of a session: where it lies, how long it is, and what happens when it is
//! damaged, moved, or of another type.

use crate::api::{Cart, cart, items, sessions};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::store::{MemoryStore, SealingKeys, Store};
use jamguard::{ErrorKind, NewSession, OnTypeMismatch, SessionId, Sessions};
use std::sync::Arc;

pub(crate) fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes))
}

/// Where the store has the session of an id.
fn place(id: &SessionId) -> String {
    let id = URL_SAFE_NO_PAD.decode(id.expose()).unwrap();
    assert_eq!(id.len(), 32);
    format!("session/sessions/{}", hash(&id))
}

async fn value(store: &MemoryStore, id: &SessionId) -> Vec<u8> {
    let record = store.get(&place(id)).await.unwrap().unwrap();
    record.value().to_vec()
}

async fn put(store: &MemoryStore, id: &SessionId, value: Vec<u8>) {
    let place = place(id);
    let record = store.get(&place).await.unwrap().unwrap();
    let put = store.replace(&place, record.version(), value, record.ttl());
    put.await.unwrap().unwrap();
}

fn sealed(store: &MemoryStore) -> Sessions {
    let sessions = Sessions::builder(store.clone()).encrypt(SealingKeys::new(&[1; 32]));
    sessions.build().unwrap()
}

#[tokio::test]
async fn the_store_knows_the_hashes_of_id_and_user_alone() {
    let store = MemoryStore::new();
    let sessions = sessions(Arc::new(store.clone()));
    let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    let owned = store.owned(&format!("session/sessions/{}", hash(b"ann"))).await;
    let keys: Vec<_> = owned.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [place(&id)]);
}

#[tokio::test]
async fn a_record_is_short() {
    let store = MemoryStore::new();
    let key = "ann@example.com";
    let plain = sessions(Arc::new(store.clone()));
    let data = cart(&["tea"]);
    let json = serde_json::to_string(&data).unwrap().len();
    let id = plain.create(Some(key), &data).await.unwrap();
    let plain = value(&store, &id).await.len();
    let id = sealed(&store).create(Some(key), &data).await.unwrap();
    let sealed = value(&store, &id).await.len();
    println!(
        "a session of {json} bytes of data and a user of {} has a record of {plain} bytes, \
         encrypted {sealed}",
        key.len()
    );
    assert!(plain <= json + key.len() + 48 && sealed <= plain + 64);
}

/// A sealed record shows its state only to be counted: it must be the one inside.
#[tokio::test]
async fn a_visible_state_that_was_changed_is_damage() {
    let store = MemoryStore::new();
    let id = sealed(&store).create(Some("ann"), &cart(&[])).await.unwrap();
    let sound = value(&store, &id).await;
    for state in 0..4 {
        let mut changed = sound.clone();
        changed[1] = state;
        put(&store, &id, changed).await;
        let read = sealed(&store).get::<Cart>(&id).await;
        assert_eq!(read.map_err(|error| error.kind()).is_ok(), state == sound[1], "{state}");
    }
}

#[tokio::test]
async fn a_damaged_record_is_a_clear_error_and_can_be_ended() {
    for encrypted in [false, true] {
        let store = MemoryStore::new();
        let sessions = match encrypted {
            true => sealed(&store),
            false => sessions(Arc::new(store.clone())),
        };
        for garbage in
            [&b""[..], b"x", b"p", b"s", b"p\x07", b"p\x02short", b"{\"a\":1}", b"p\x03x"]
        {
            // Each way to end it.
            for way in 0..2 {
                let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
                put(&store, &id, garbage.to_vec()).await;
                let gone = encrypted && garbage.starts_with(b"p");
                let foreign = !encrypted && garbage.starts_with(b"s");
                let (expected, says) = match foreign {
                    true => (ErrorKind::InvalidKey, ".encrypt("),
                    false => (ErrorKind::Storage, "record"),
                };
                let kind = |error: jamguard::Error| {
                    assert!(error.message().contains(says), "{error}");
                    error.kind()
                };
                let read = sessions.get::<Cart>(&id).await.map(|s| s.is_none()).map_err(kind);
                let listed = sessions.devices("ann").await.map(|l| l.is_empty()).map_err(kind);
                let expected = if gone { Ok(true) } else { Err(expected) };
                assert_eq!(read, expected, "{garbage:?}");
                assert_eq!(listed, expected, "{garbage:?}");
                assert!(sessions.update(&id, &cart(&[])).await.is_err());
                match way {
                    0 => sessions.end(&id).await.unwrap(),
                    _ => assert_eq!(sessions.end_all("ann").await.unwrap(), u64::from(!gone)),
                }
                if !gone {
                    assert!(store.get(&place(&id)).await.unwrap().is_none());
                }
                sessions.end_all("ann").await.unwrap();
            }
        }
    }
}

/// Whatever byte is changed or missing: an answer, never a panic; encrypted, always an error.
#[tokio::test]
async fn any_byte_may_be_damaged() {
    for encrypted in [false, true] {
        let store = MemoryStore::new();
        let sessions = match encrypted {
            true => sealed(&store),
            false => sessions(Arc::new(store.clone())),
        };
        let new = NewSession::of("ann").data(&cart(&["tea"])).device("phone");
        let id = sessions.create_with(new).await.unwrap();
        let sound = value(&store, &id).await;
        let (mut errors, mut tried) = (0, 0);
        for at in 0..sound.len() {
            let mut changed: Vec<_> = [0x01, 0x80, 0xff]
                .map(|bits| {
                    let mut changed = sound.clone();
                    changed[at] ^= bits;
                    changed
                })
                .into();
            changed.push(sound[..at].to_vec());
            for changed in changed {
                put(&store, &id, changed).await;
                tried += 1;
                errors += usize::from(sessions.get::<Cart>(&id).await.is_err());
            }
        }
        assert!(!encrypted || errors == tried, "{errors} of {tried}");
        assert!(errors > tried / 4);
        put(&store, &id, sound).await;
        assert_eq!(items(&sessions, &id).await.unwrap(), ["tea"]);
    }
}

/// Whoever can write to the store cannot give one's session to another.
#[tokio::test]
async fn an_encrypted_record_belongs_to_its_place() {
    let store = MemoryStore::new();
    let sessions = sealed(&store);
    let ann = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
    let bob = sessions.create(Some("bob"), &cart(&[])).await.unwrap();
    put(&store, &bob, value(&store, &ann).await).await;
    let refused = sessions.get::<Cart>(&bob).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
}

/// The application changed while the session lived.
#[tokio::test]
async fn data_of_another_type_is_a_clear_error_or_the_end() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Basket {
        goods: Vec<u32>,
    }
    let store = Arc::new(MemoryStore::new());
    let strict = sessions(store.clone());
    let id = strict.create(Some("ann"), &cart(&["secret tea"])).await.unwrap();
    for error in [
        strict.get::<Basket>(&id).await.unwrap_err(),
        strict.modify(&id, |_: &mut Basket| {}).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ClaimsMismatch);
        assert!(
            error.message().contains("Basket") && error.message().contains(".on_type_mismatch(")
        );
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
    // Nothing is lost: the old version of the application goes on.
    assert_eq!(items(&strict, &id).await.unwrap(), ["secret tea"]);
    let lenient = Sessions::builder(store).on_type_mismatch(OnTypeMismatch::StartOver);
    let lenient = lenient.build().unwrap();
    assert!(lenient.get::<Basket>(&id).await.unwrap().is_none());
    let error = lenient.modify(&id, |_: &mut Basket| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Revoked);
    // It can be replaced, and then it is the new type.
    strict.update(&id, &Basket { goods: vec![1] }).await.unwrap();
    assert_eq!(lenient.get::<Basket>(&id).await.unwrap().unwrap().goods, [1]);
    assert!(lenient.get::<Cart>(&id).await.unwrap().is_none());
}

/// What is remembered of a record is never that of another version.
#[tokio::test]
async fn memory_never_answers_for_another_version() {
    let store = MemoryStore::new();
    let here = sessions(Arc::new(store.clone()));
    let there = sessions(Arc::new(store.clone()));
    let id = here.create(Some("ann"), &cart(&[])).await.unwrap();
    for number in 0..1000 {
        let (writer, reader) = match number % 2 {
            0 => (&here, &there),
            _ => (&there, &here),
        };
        let item = number.to_string();
        writer.update(&id, &cart(&[&item])).await.unwrap();
        assert_eq!(items(reader, &id).await.unwrap(), [item]);
    }
    there.end(&id).await.unwrap();
    assert!(items(&here, &id).await.is_none());
}
