//! Lists beside an issuer: a token is entered at its creation, and can be taken back.

use super::*;
use jamguard::TokenList;
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::mint;

/// jwt_create_token: with an allow list, the token is entered at creation.
#[tokio::test]
async fn an_issued_token_is_in_the_allow_list() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let list = TokenList::allow(store.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let key = key(Algorithm::ES256);
    let issuer = Issuer::builder()
        .key(key.clone())
        .issuer(ISSUER)
        .clock(clock.clone())
        .allow_list(list.clone())
        .build()
        .unwrap();
    let verifier = issuer.verifier();
    let kind = async |token: &str| verifier.verify(token).await.map(drop).map_err(|e| e.kind());

    let token = issuer.issue(&json!({"sub": "42"})).await.unwrap();
    let verified = verifier.verify(token.expose()).await.unwrap();
    assert!(list.contains(&verified).await.unwrap());
    let named = key.with_key_id(verified.header().key_id().unwrap());
    let unlisted = mint(&named, &json!({"iss": ISSUER, "jti": "x", "exp": NOW + 60})).unwrap();
    assert_eq!(kind(&unlisted).await, Err(ErrorKind::NotListed));

    list.revoke(&verified).await.unwrap();
    assert_eq!(kind(token.expose()).await, Err(ErrorKind::NotListed));

    // The entry is there for as long as the token and the leeway.
    issuer.issue(&json!({})).await.unwrap();
    clock.advance(Duration::from_secs(900 + 59));
    assert_eq!(store.purge().await.unwrap(), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.purge().await.unwrap(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_entered_is_not_issued() {
    let full = MemoryStore::builder().max_records(1).build();
    let list = TokenList::allow(full)
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let issuer = sound().allow_list(list).build().unwrap();
    issuer.issue(&json!({})).await.unwrap();
    let error = issuer.issue(&json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn an_issued_token_can_be_denied() {
    let clock = ManualClock::at(NOW);
    let list = TokenList::deny(MemoryStore::new())
        .clock(clock)
        .build()
        .unwrap();
    let issuer = sound().deny_list(list.clone()).build().unwrap();
    let (verifier, strict) = (
        issuer.verifier(),
        issuer.verifier_builder().require(["sub"]).build().unwrap(),
    );
    let token = issuer.issue(&json!({"sub": "42"})).await.unwrap();
    for verifier in [&verifier, &strict] {
        assert!(verifier.verify(token.expose()).await.is_ok());
    }
    let verified = verifier.verify(token.expose()).await.unwrap();
    list.revoke(&verified).await.unwrap();
    for verifier in [&verifier, &strict] {
        let refused = verifier.verify(token.expose()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Revoked);
    }
}

#[test]
fn lists_that_do_not_fit_say_what_to_do() {
    let list = || TokenList::deny(MemoryStore::new());
    let nonsense = [
        (sound().allow_list(list().build().unwrap()), ".deny_list("),
        (
            sound().deny_list(list().leeway(Duration::from_secs(59)).build().unwrap()),
            ".leeway(",
        ),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}
