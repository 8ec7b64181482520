//! Deny and allow lists, configured by a file.

use crate::files::{NOW, builder};
use crate::support::folder::Folder;
use crate::support::redis::Server;
use jamguard::config::Format;
use jamguard::store::MemoryStore;
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Jamguard};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file for each backend, with lists and tokens to be listed.
async fn on_every_backend(test: impl AsyncFn(&str, &Jamguard, &ManualClock)) {
    let folder = Folder::new(&format!("lists-{}", rand()));
    let server = Server::start();
    for (name, store) in [
        ("memory", "memory = {}".to_owned()),
        ("file", format!("file = {{ path = '{}' }}", folder.store().display())),
        ("redis", format!("redis = {{ url = '{}' }}", server.url())),
        (
            "near redis",
            format!("redis = {{ url = '{}', prefix = 'near:' }}\nnear = {{}}", server.url()),
        ),
        ("custom", String::new()),
    ] {
        let (place, stores) = match &*store {
            "" => ("mine", String::new()),
            store => ("main", format!("[jam.stores.main]\n{store}")),
        };
        let text = format!(
            "
            [jam.jwt]
            algorithm = 'HS256'
            secret = '${{SECRET}}'
            issuer = 'https://app.example'
            lifetime = '1h'
            deny_lists = 'denied'
            [jam.lists.denied]
            kind = 'deny'
            store = '{place}'
            [jam.lists.allowed]
            kind = 'allow'
            store = '{place}'
            [jam.verifiers.listed]
            any_audience = true
            algorithms = ['HS256']
            keys = [{{ algorithm = 'HS256', secret = '${{SECRET}}' }}]
            allow_lists = 'allowed'
            {stores}
            "
        );
        let clock = ManualClock::at(NOW);
        let own = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let jam = builder().clock(clock.clone()).store("mine", own);
        let jam = jam.from_str(&text, Format::Toml).unwrap();
        test(name, &jam, &clock).await;
    }
}

fn rand() -> u32 {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Allow or deny lists in memory, a file, Redis or the application's own `Store`: add, check,
/// remove, and `revoke(token)`.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_each_kind_on_each_backend() {
    on_every_backend(async |name, jam, _| {
        let jwt = jam.jwt().unwrap();
        let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
        let verify = async |verifier: &jamguard::Verifier| {
            let verified = verifier.verify(token.expose()).await;
            verified.map_err(|error| error.kind())
        };
        let denied = jam.list("denied").unwrap();
        let verified = verify(&jwt.verifier()).await.expect(name);
        denied.add(&verified).await.unwrap();
        assert!(denied.contains(&verified).await.unwrap(), "{name}");
        assert_eq!(verify(&jwt.verifier()).await.unwrap_err(), ErrorKind::Revoked, "{name}");
        assert!(denied.remove(&verified).await.unwrap(), "{name}");
        verify(&jwt.verifier()).await.expect(name);
        denied.revoke(&verified).await.unwrap();
        assert_eq!(verify(&jwt.verifier()).await.unwrap_err(), ErrorKind::Revoked, "{name}");

        let (allowed, listed) = (jam.list("allowed").unwrap(), jam.verifier("listed").unwrap());
        assert_eq!(verify(listed).await.unwrap_err(), ErrorKind::NotListed, "{name}");
        allowed.add(&verified).await.unwrap();
        verify(listed).await.expect(name);
        allowed.revoke(&verified).await.unwrap();
        assert_eq!(verify(listed).await.unwrap_err(), ErrorKind::NotListed, "{name}");
    })
    .await;
}

/// Revokes all tokens of a subject that were issued before a moment (log out everywhere).
#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_subject_is_revoked() {
    on_every_backend(async |name, jam, clock| {
        let jwt = jam.jwt().unwrap();
        let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
        let other = jwt.issue(&json!({"sub": "7"})).await.unwrap();
        let now: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW);
        let denied = jam.list("denied").unwrap();
        denied.revoke_subject("https://app.example", "42", now).await.unwrap();
        let refused = jwt.verifier().verify(token.expose()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Revoked, "{name}");
        jwt.verifier().verify(other.expose()).await.expect(name);
        clock.advance(Duration::from_secs(1));
        let later = jwt.issue(&json!({"sub": "42"})).await.unwrap();
        jwt.verifier().verify(later.expose()).await.expect(name);
    })
    .await;
}

/// An entry lives exactly until its token's `exp`, never less.
#[tokio::test]
async fn an_entry_lives_until_its_token_ends() {
    let clock = ManualClock::at(NOW);
    let text = "
        [jam.jwt]
        algorithm = 'HS256'
        secret = '${SECRET}'
        lifetime = '1h'
        leeway = '5m'
        deny_lists = 'denied'
        [jam.lists.denied]
        kind = 'deny'
        store = 'mine'
        leeway = '5m'
    ";
    let own = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let jam = builder().clock(clock.clone()).store("mine", own);
    let jam = jam.from_str(text, Format::Toml).unwrap();
    let jwt = jam.jwt().unwrap();
    let token = jwt.issue(&json!({})).await.unwrap();
    let verified = jwt.verifier().verify(token.expose()).await.unwrap();
    let denied = jam.list("denied").unwrap();
    denied.revoke(&verified).await.unwrap();
    clock.advance(Duration::from_secs(3600 + 300 - 1));
    assert!(denied.contains(&verified).await.unwrap());
    let refused = jwt.verifier().verify(token.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);
    clock.advance(Duration::from_secs(1));
    assert!(!denied.contains(&verified).await.unwrap());
    let refused = jwt.verifier().verify(token.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Expired);

    // A list that would forget too soon is refused with its place.
    let short = text.replace("store = 'mine'\n        leeway = '5m'", "store = 'memory'");
    let refused = crate::files::refusal(&short);
    assert!(refused.contains("jam.jwt: the list's leeway is shorter"), "{refused}");
}

/// Without `jti` the signed text identifies a token, so a re-encoded token stays revoked.
#[tokio::test]
async fn a_token_without_jti_stays_revoked_under_another_signature() {
    let key = jamguard::jose::SigningKey::generate(jamguard::jose::Algorithm::ES256).unwrap();
    let public = key.verifying_key().unwrap().to_pem().unwrap();
    let jam = crate::files::jam(&format!(
        "
        [jam.verifiers.api]
        any_audience = true
        algorithms = ['ES256']
        keys = [{{ algorithm = 'ES256', public_key = '''{public}''' }}]
        deny_lists = 'denied'
        [jam.lists.denied]
        kind = 'deny'
        store = 'memory'
        "
    ))
    .unwrap();
    let claims = json!({"exp": NOW + 60, "sub": "42"});
    // ECDSA signs the same claims in many ways.
    let texts = [(); 4].map(|()| jamguard::testing::mint(&key, &claims).unwrap());
    assert_ne!(texts[0], texts[1]);
    let verifier = jam.verifier("api").unwrap();
    let verified = verifier.verify(&texts[0]).await.unwrap();
    jam.list("denied").unwrap().revoke(&verified).await.unwrap();
    for text in &texts {
        assert_eq!(verifier.verify(text).await.unwrap_err().kind(), ErrorKind::Revoked);
    }
}
