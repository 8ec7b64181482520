//! The sessions of `jam.Jam`, line by line; and what is wrong with them there.

use crate::api::{Cart, World, cart, items, on_every_store, sessions};
use jamguard::store::{MemoryStore, SealingKeys};
use jamguard::{ErrorKind, NewSession, SessionId, Sessions};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

fn unknown() -> SessionId {
    SessionId::parse(&"A".repeat(43)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn create_gives_a_new_random_id() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let mut ids = HashSet::new();
        for _ in 0..100 {
            let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
            assert_eq!(id.expose().len(), 43);
            assert!(ids.insert(id.expose().to_owned()));
        }
        assert_eq!(sessions.count("ann").await.unwrap(), 100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_gives_the_data_or_none() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        assert_eq!(items(&sessions, &id).await.unwrap(), ["tea"]);
        assert!(sessions.get::<Cart>(&unknown()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_replaces_the_data_and_a_missing_session_is_an_error_never_created() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        sessions.update(&id, &cart(&["milk"])).await.unwrap();
        assert_eq!(items(&sessions, &id).await.unwrap(), ["milk"]);
        let refused = sessions.update(&unknown(), &cart(&[])).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Revoked);
        let refused = sessions.modify(&unknown(), |_: &mut Cart| {}).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Revoked);
        assert!(items(&sessions, &unknown()).await.is_none());
        sessions.end(&id).await.unwrap();
        let refused = sessions.update(&id, &cart(&[])).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Revoked);
        assert!(items(&sessions, &id).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_is_idempotent() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let id = sessions.create(Some("ann"), &cart(&[])).await.unwrap();
        for _ in 0..3 {
            sessions.end(&id).await.unwrap();
            assert!(items(&sessions, &id).await.is_none());
        }
        sessions.end(&unknown()).await.unwrap();
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_ends_every_session_of_that_key() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(sessions.create(Some("ann"), &cart(&[])).await.unwrap());
        }
        let bob = sessions.create(Some("bob"), &cart(&[])).await.unwrap();
        let guest = sessions.create(None, &cart(&[])).await.unwrap();
        // One of them came by another id, and one is over.
        ids[0] = sessions.rotate_id(&ids[0]).await.unwrap();
        sessions.end(&ids[1]).await.unwrap();
        assert_eq!(sessions.count("ann").await.unwrap(), 19);
        assert_eq!(sessions.end_all("ann").await.unwrap(), 19);
        assert_eq!(sessions.end_all("ann").await.unwrap(), 0);
        for id in &ids {
            assert!(items(&sessions, id).await.is_none());
        }
        assert!(items(&sessions, &bob).await.is_some());
        assert!(items(&sessions, &guest).await.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rework_gives_a_new_id_with_the_same_data_and_the_old_id_is_dead() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let new = NewSession::of("ann").data(&cart(&["tea"])).device("phone");
        let old = sessions.create_with(new).await.unwrap();
        let before = sessions.get::<Cart>(&old).await.unwrap().unwrap();
        let id = sessions.rotate_id(&old).await.unwrap();
        assert_ne!(old, id);
        let after = sessions.get::<Cart>(&id).await.unwrap().unwrap();
        assert_eq!(*after, *before);
        assert_eq!((after.key(), after.device()), (Some("ann"), Some("phone")));
        assert_eq!(after.handle(), before.handle());
        assert_eq!(after.created_at(), before.created_at());
        assert!(items(&sessions, &old).await.is_none());
        for refused in
            [sessions.rotate_id(&old).await.map(drop), sessions.update(&old, &cart(&[])).await]
        {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Revoked);
        }
        // A dead id ends nothing either.
        sessions.end(&old).await.unwrap();
        assert!(items(&sessions, &id).await.is_some());
        let refused = sessions.rotate_id(&unknown()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Revoked);
        assert_eq!(sessions.count("ann").await.unwrap(), 1);
    })
    .await;
}

/// In jam.Jam such a key breaks Redis sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_key_may_be_any_text() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let long = "k".repeat(10_240);
        let keys = [
            "a:b",
            "a:",
            ":",
            "a",
            "b",
            "",
            "{}",
            "{a}b",
            "*",
            "a*",
            "a\0b",
            "a\n",
            "Ünï",
            "☎",
            "a ",
            "session:a",
            &long,
        ];
        let mut ids = Vec::new();
        for key in keys {
            ids.push(sessions.create(Some(key), &cart(&[key])).await.unwrap());
        }
        for (key, id) in keys.iter().zip(&ids) {
            let session = sessions.get::<Cart>(id).await.unwrap().unwrap();
            assert_eq!(session.key(), Some(*key));
            assert_eq!(session.raw_claims(), serde_json::json!({"sub": key}).to_string());
            assert_eq!(sessions.count(key).await.unwrap(), 1, "{key:?}");
        }
        for (done, key) in keys.iter().enumerate() {
            assert_eq!(sessions.end_all(key).await.unwrap(), 1, "{key:?}");
            for (number, id) in ids.iter().enumerate() {
                let alive = items(&sessions, id).await.is_some();
                assert_eq!(alive, number > done, "{:?} after {key:?}", keys[number]);
            }
        }
    })
    .await;
}

/// In jam.Jam such data cannot be updated.
#[tokio::test(flavor = "multi_thread")]
async fn empty_data_can_be_updated() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let empty = serde_json::json!({});
        let id = sessions.create(Some("ann"), &empty).await.unwrap();
        for data in [serde_json::json!({"a": 1}), empty.clone(), empty] {
            sessions.update(&id, &data).await.unwrap();
            let read = sessions.get::<serde_json::Value>(&id).await.unwrap();
            assert_eq!(*read.unwrap(), data);
        }
    })
    .await;
}

/// In jam.Jam parallel writers corrupt the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_writers_corrupt_nothing() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let writers = (0..32).map(|number: usize| {
            let sessions = sessions.clone();
            tokio::spawn(async move {
                let key = format!("user {number}");
                let id = sessions.create(Some(&key), &cart(&[])).await.unwrap();
                for item in 0..10 {
                    let item = format!("{number}-{item}");
                    let add = |cart: &mut Cart| cart.items.push(item.clone());
                    sessions.modify(&id, add).await.unwrap();
                }
                (number, id)
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            let (number, id) = writer.await.unwrap();
            let expected: Vec<_> = (0..10).map(|item| format!("{number}-{item}")).collect();
            assert_eq!(items(&sessions, &id).await.unwrap(), expected);
        }
    })
    .await;
}

/// In jam.Jam they never do.
#[tokio::test]
async fn sessions_expire_by_default() {
    let world = World::new();
    let id = world.sessions.create(Some("ann"), &cart(&[])).await.unwrap();
    let session = world.sessions.get::<Cart>(&id).await.unwrap().unwrap();
    let day = Duration::from_secs(86_400);
    let lives = session.expires_at().duration_since(session.created_at());
    assert_eq!(lives.unwrap(), day);
    // Used all the time, it lives for thirty.
    let mut days = 0;
    while items(&world.sessions, &id).await.is_some() {
        world.clock.advance(day / 2);
        days += 1;
    }
    assert_eq!(days, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_typed_and_round_trips() {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct All {
        text: String,
        number: u64,
        float: f64,
        none: Option<u8>,
        list: Vec<(i8, char)>,
    }
    let all = All {
        text: "\u{0}\"\\ ☎ \u{2028}".into(),
        number: u64::MAX,
        float: -0.1,
        none: None,
        list: vec![(-1, '☎'); 100],
    };
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let id = sessions.create(None, &all).await.unwrap();
        let read = sessions.get::<All>(&id).await.unwrap().unwrap();
        assert_eq!((&*read, read.key()), (&all, None));
        assert_eq!(read.raw_claims(), "{}");
        let answer = sessions.modify(&id, |all: &mut All| {
            all.number = 1;
            all.list.len()
        });
        assert_eq!(answer.await.unwrap(), 100);
        assert_eq!(sessions.get::<All>(&id).await.unwrap().unwrap().number, 1);
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let hour = Duration::from_secs(3600);
    let builder = || Sessions::builder(MemoryStore::new());
    for (refused, says) in [
        (builder().name(""), "name"),
        (builder().name("a/b"), "name"),
        (builder().idle_timeout(Duration::ZERO), "under 1 second"),
        (builder().absolute_timeout(hour), "over their absolute"),
        (builder().absolute_timeout(401 * 24 * hour), "400 days"),
        (builder().idle_timeout(hour).touch_every(hour), "touch_every"),
    ] {
        let error = refused.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(says), "{error}");
    }
    builder().idle_timeout(hour).absolute_timeout(hour).build().unwrap();
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let sessions = Sessions::builder(MemoryStore::new()).max_bytes(100);
    let sessions = sessions.build().unwrap();
    let id = sessions.create(Some("ann"), &"x".repeat(98)).await.unwrap();
    let too_long = "x".repeat(99);
    let no_json = std::collections::HashMap::from([((1, 2), 3)]);
    let claims = |claims| NewSession::of("ann").claims(&claims);
    let error = |result: Result<(), jamguard::Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        error.message().to_owned()
    };
    assert!(error(sessions.update(&id, &too_long).await).contains(".max_bytes("));
    assert!(error(sessions.create(None, &too_long).await.map(drop)).contains(".max_bytes("));
    let grown = sessions.modify(&id, |text: &mut String| text.push('x')).await;
    assert!(error(grown).contains("101 bytes"));
    assert!(error(sessions.create(None, &no_json).await.map(drop)).contains("as JSON"));
    for bad in [
        serde_json::json!([]),
        serde_json::json!({"sub": 1}),
        serde_json::json!({"a": "x".repeat(70_000)}),
    ] {
        error(sessions.create_with(claims(bad.clone())).await.map(drop));
        error(sessions.login(&id, claims(bad)).await.map(drop));
    }
    error(sessions.rotate_id_with_claims(&id, &1).await.map(drop));
    // Nothing of it was done.
    assert_eq!(sessions.get::<String>(&id).await.unwrap().unwrap().len(), 98);
    assert_eq!(sessions.count("ann").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_encrypted_and_keys_change() {
    let key = |byte| SealingKeys::new(&[byte; 32]);
    on_every_store(async |_, store| {
        let sealed = |keys| {
            let sessions = Sessions::builder(store.clone()).encrypt(keys);
            sessions.build().unwrap()
        };
        let old = sealed(key(1));
        let id = old.create(Some("ann"), &cart(&["tea"])).await.unwrap();
        let both = sealed(key(2).with_previous(&key(1)));
        assert_eq!(items(&both, &id).await.unwrap(), ["tea"]);
        // Written anew, the new key is enough.
        both.update(&id, &cart(&["milk"])).await.unwrap();
        assert_eq!(items(&sealed(key(2)), &id).await.unwrap(), ["milk"]);
        let refused = old.get::<Cart>(&id).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidKey);
        let refused = sessions(store.clone()).get::<Cart>(&id).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidKey);
        assert!(refused.message().contains(".encrypt("));
        // Whoever writes to the store cannot make a session: one that is not encrypted is none.
        let plain = sessions(store.clone());
        let id = plain.create(Some("ann"), &cart(&[])).await.unwrap();
        assert!(items(&both, &id).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn handles_share_one_store() {
    let store = Arc::new(MemoryStore::new());
    let here = sessions(store.clone());
    let there = sessions(store);
    let id = here.create(Some("ann"), &cart(&[])).await.unwrap();
    there.update(&id, &cart(&["tea"])).await.unwrap();
    assert_eq!(items(&here, &id).await.unwrap(), ["tea"]);
}

/// A guest's data goes along with a login; of another user's session nothing does.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_over_another_users_session_begins_with_nothing_of_it() {
    on_every_store(async |_, store| {
        let sessions = sessions(store);
        let new = NewSession::of("ann").data(&cart(&["hers"])).device("phone");
        let ann = sessions.create_with(new).await.unwrap();
        let handle = sessions.get::<Cart>(&ann).await.unwrap().unwrap().handle();
        let bob = sessions.login(&ann, NewSession::of("bob")).await.unwrap();
        let session = sessions.get::<Option<Cart>>(&bob).await.unwrap().unwrap();
        assert_eq!((session.key(), session.device()), (Some("bob"), None));
        assert!(session.is_none(), "the data is hers");
        assert_ne!(session.handle(), handle);
        assert!(items(&sessions, &ann).await.is_none());
        assert_eq!(sessions.count("ann").await.unwrap(), 0);
        assert_eq!(sessions.count("bob").await.unwrap(), 1);
        // What the login brings is there, and the same user keeps what there was.
        let new = NewSession::of("eve").data(&cart(&["own"]));
        let eve = sessions.login(&bob, new).await.unwrap();
        let eve = sessions.login(&eve, NewSession::of("eve")).await.unwrap();
        assert_eq!(items(&sessions, &eve).await.unwrap(), ["own"]);
        // Nor does a guest get what was somebody's.
        let guest = sessions.login(&eve, NewSession::guest()).await.unwrap();
        let session = sessions.get::<Option<Cart>>(&guest).await.unwrap();
        assert!(session.unwrap().is_none());
    })
    .await;
}
