//! `Sessions::step_up`, without HTTP, on every store.

use crate::support::every_store::on_every_store;
use jamguard::{ErrorKind, NewSession, SessionId, Sessions};
use serde_json::{Value, json};

async fn claims(sessions: &Sessions, id: &SessionId) -> Option<Value> {
    let session = sessions.get::<u32>(id).await.unwrap()?;
    assert_eq!(*session, 7, "the data stays");
    serde_json::from_str(session.raw_claims()).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_another_id_and_says_by_which_methods() {
    on_every_store(async |name, store| {
        let sessions = || Sessions::builder(store.clone()).build().unwrap();
        let begun = sessions();
        let first = begun.create(Some("ann"), &7).await.unwrap();
        let second = begun.step_up(&first, &["otp", "mfa"]).await.unwrap();
        assert!(claims(&begun, &first).await.is_none(), "{name}");
        let wanted = json!({"sub": "ann", "amr": ["otp", "mfa"]});
        assert_eq!(claims(&begun, &second).await.unwrap(), wanted);
        // Another process reads it from the store, and adds to it.
        let other = sessions();
        assert_eq!(claims(&other, &second).await.unwrap(), wanted);
        let third = other.step_up(&second, &["hwk", "mfa"]).await.unwrap();
        let wanted = json!({"sub": "ann", "amr": ["otp", "mfa", "hwk"]});
        assert_eq!(claims(&begun, &third).await.unwrap(), wanted);
        // It goes along with a plain rotation and a change of the data.
        let fourth = begun.rotate_id(&third).await.unwrap();
        begun.update(&fourth, &7).await.unwrap();
        assert_eq!(claims(&other, &fourth).await.unwrap(), wanted);
        assert_eq!(begun.count("ann").await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn other_claims_and_another_login_end_it() {
    let sessions = Sessions::builder(jamguard::store::MemoryStore::new());
    let sessions = sessions.build().unwrap();
    for login in [false, true] {
        let id = sessions.create(Some("ann"), &7).await.unwrap();
        let id = sessions.step_up(&id, &["otp", "mfa"]).await.unwrap();
        let id = match login {
            true => sessions.login(&id, NewSession::of("ann")).await,
            false => sessions.rotate_id_with_claims(&id, &json!({"sub": "ann"})).await,
        };
        let id = id.unwrap();
        assert_eq!(claims(&sessions, &id).await.unwrap(), json!({"sub": "ann"}));
        let id = sessions.step_up(&id, &["hwk"]).await.unwrap();
        let wanted = json!({"sub": "ann", "amr": ["hwk"]});
        assert_eq!(claims(&sessions, &id).await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn what_is_no_name_and_no_session_is_refused() {
    let sessions = Sessions::builder(jamguard::store::MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let id = sessions.create(Some("ann"), &7).await.unwrap();
    for names in [&[][..], &["two words"], &[""], &["a\"b"]] {
        let error = sessions.step_up(&id, names).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    assert_eq!(claims(&sessions, &id).await.unwrap(), json!({"sub": "ann"}));
    sessions.end(&id).await.unwrap();
    let error = sessions.step_up(&id, &["otp"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Revoked);
}
