//! With an allow list, a token is entered at creation.

use crate::support::tokens::{AUDIENCE, ISSUER, NOW, accepts, refuses};
use crate::token_lists::stores::Shaky;
use crate::token_lists::verify;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::testing::{ManualClock, mint};
use jamguard::{Issuer, IssuerBuilder, TokenList, TokenListBuilder};
use serde_json::json;
use std::time::Duration;

fn issuer(key: &SigningKey, clock: &ManualClock) -> IssuerBuilder {
    Issuer::builder().key(key.clone()).issuer(ISSUER).audience(AUDIENCE).clock(clock.clone())
}

fn allow(clock: &ManualClock) -> TokenListBuilder {
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    TokenList::allow(store).clock(clock.clone())
}

#[tokio::test]
async fn tokens_are_entered_at_creation() {
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let (first, second) = (allow(&clock), allow(&clock));
    let lists = [first.build().unwrap(), second.build().unwrap()];
    let issuer = (lists.iter())
        .fold(issuer(&key, &clock), |issuer, list| issuer.allow_list(list.clone()))
        .build()
        .unwrap();
    let token = issuer.issue(&json!({"sub": "42"})).await.unwrap();
    let verifier = issuer.verifier();
    let verified = accepts(&verifier, token.expose(), "entered at creation");
    for list in &lists {
        assert!(list.contains(&verified).await.unwrap());
    }
    // Signed by the same key, and not by the issuer.
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "42", "jti": "a", "exp": NOW + 60});
    let foreign = mint(&key, &claims).unwrap();
    refuses(&verifier, &foreign, NotListed, "never entered");
    let more = issuer.verifier_builder().require(["sub"]).build().unwrap();
    refuses(&more, &foreign, NotListed, "never entered");
    accepts(&more, token.expose(), "entered at creation");
    // Either list takes it back.
    lists[1].revoke(&verified).await.unwrap();
    for verifier in [&verifier, &more] {
        refuses(verifier, token.expose(), NotListed, "taken back");
    }
    // It ends as every token does.
    let token = issuer.issue(&json!({})).await.unwrap();
    accepts(&verifier, token.expose(), "entered at creation");
    clock.advance(Duration::from_secs(15 * 60 + 59));
    accepts(&verifier, token.expose(), "in its last second");
    clock.advance(Duration::from_secs(1));
    refuses(&verifier, token.expose(), Expired, "over");
}

#[tokio::test]
async fn a_token_that_cannot_be_entered_is_not_given_out() {
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let store = Shaky::remote(MemoryStore::new());
    let list = TokenList::allow(store.clone()).clock(clock.clone());
    let list = list.max_token_lifetime(Duration::from_secs(3600));
    let issuer = issuer(&key, &clock).allow_list(list.build().unwrap());
    let issuer = issuer.build().unwrap();
    store.fail(Some(Unavailable));
    let refused = issuer.issue(&json!({})).await.unwrap_err();
    assert_eq!(refused.kind(), Unavailable);
    store.fail(None);
    let token = issuer.issue(&json!({})).await.unwrap();
    verify(&issuer.verifier(), token.expose()).await.unwrap();

    // One that the list would refuse.
    let hour = Duration::from_secs(3600);
    let longest = issuer.claims_for(hour, &json!({})).unwrap();
    let token = issuer.issue(&longest).await.unwrap();
    verify(&issuer.verifier(), token.expose()).await.unwrap();
    let longer = issuer.claims_for(hour + Duration::from_secs(1), &json!({}));
    let refused = issuer.issue(&longer.unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), Configuration);
    assert!(refused.message().contains(".max_token_lifetime("));
}

#[test]
fn lists_that_cannot_work_are_refused_at_build() {
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let deny = TokenList::deny(MemoryStore::new()).build().unwrap();
    let short = allow(&clock).max_token_lifetime(Duration::from_secs(60));
    let narrow = allow(&clock).leeway(Duration::from_secs(59));
    let forgetful = TokenList::deny(MemoryStore::new()).max_token_lifetime(Duration::from_secs(60));
    let refused = issuer(&key, &clock).deny_list(forgetful.build().unwrap());
    let refused = refused.build().unwrap_err();
    assert!(refused.message().contains(".max_token_lifetime("));
    for (list, advice) in [
        (deny, ".deny_list("),
        (short.build().unwrap(), ".max_token_lifetime("),
        (narrow.build().unwrap(), ".leeway("),
    ] {
        let refused = issuer(&key, &clock).allow_list(list).build().unwrap_err();
        assert_eq!(refused.kind(), Configuration);
        assert!(refused.message().contains(advice), "{refused}");
    }
}
