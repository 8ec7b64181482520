//! Deny lists beside an issuer; allow lists are in `tests/issuers/token_lists`.

use super::*;
use jamguard::TokenList;
use jamguard::store::MemoryStore;

#[tokio::test]
async fn an_issued_token_can_be_denied() {
    let clock = ManualClock::at(NOW);
    let list = TokenList::deny(MemoryStore::new()).clock(clock).build().unwrap();
    let issuer = sound().deny_list(list.clone()).build().unwrap();
    let (verifier, strict) =
        (issuer.verifier(), issuer.verifier_builder().require(["sub"]).build().unwrap());
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
        (sound().deny_list(list().leeway(Duration::from_secs(59)).build().unwrap()), ".leeway("),
    ];
    for (builder, advice) in nonsense {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}

/// What the issuer's own verifier would refuse is not issued.
#[tokio::test]
async fn a_token_that_its_deny_list_would_refuse_is_not_issued() {
    let list = TokenList::deny(MemoryStore::new())
        .clock(ManualClock::at(NOW))
        .max_token_lifetime(Duration::from_secs(3600))
        .build()
        .unwrap();
    let issuer = sound().deny_list(list).build().unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let sub = json!({"sub": "42"});
    let fits = issuer.claims_for(hours(1), &sub).unwrap();
    let token = issuer.issue(&fits).await.unwrap();
    assert!(issuer.verifier().verify(token.expose()).await.is_ok());
    let long = issuer.claims_for(hours(2), &sub).unwrap();
    let early = json!({"iat": NOW - 3600, "exp": NOW + 60});
    for refused in [issuer.issue(&long).await.unwrap_err(), issuer.issue(&early).await.unwrap_err()]
    {
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert!(refused.message().contains(".max_token_lifetime("));
    }
}
