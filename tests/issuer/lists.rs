//! Deny lists beside an issuer; allow lists are in `tests/token_lists`.

use super::*;
use jamguard::TokenList;
use jamguard::store::MemoryStore;

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
