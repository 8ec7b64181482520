//! Both checks of a verification are on by default, and switching one off has `danger` in its name;
//! builders given what cannot work.

use crate::support::tokens::{NOW, accepts, claims_without, refuses, rules};
use crate::token_lists::{World, claims, deny};
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::testing::{ManualClock, mint};
use jamguard::{Authenticator, Error, TokenList, VerifierBuilder};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_lists_are_off_only_when_asked() {
    let world = World::new();
    let token = world.token("a");
    let verified = world.accepts(&token, "sound");
    let without = world.verifier.danger_without_lists();
    accepts(&without, &token, "not revoked");
    world.denied.revoke(&verified).await.unwrap();
    for _ in 0..3 {
        world.refuses(&token, Revoked, "the verifier itself still asks");
        accepts(&without, &token, "asked not to ask");
        refuses(&world.verifier.clone(), &token, Revoked, "a clone asks");
    }
    // Only the lists: everything else is checked.
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    let forged = mint(&stranger, &claims("a")).unwrap();
    refuses(&without, &forged, BadSignature, "forged");
    world.clock.advance(Duration::from_secs(660));
    refuses(&without, &token, Expired, "expired");

    // So for an allow list.
    let list = TokenList::allow(MemoryStore::new()).build().unwrap();
    let strict = rules(&world.key).allow_list(list).build().unwrap();
    refuses(&strict, &token, NotListed, "by default");
    accepts(&strict.danger_without_lists(), &token, "asked not to ask");
}

#[test]
fn the_date_is_not_looked_at_only_when_asked() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let clock = ManualClock::at(NOW);
    let strict = rules(&key).clock(clock.clone()).build().unwrap();
    let lenient = rules(&key).clock(clock.clone()).danger_accept_expired();
    let lenient = lenient.build().unwrap();
    let token = mint(&key, &claims("a")).unwrap();
    for verifier in [&strict, &lenient] {
        accepts(verifier, &token, "fresh");
        accepts(verifier, &token, "cached");
    }
    clock.advance(Duration::from_secs(660));
    for _ in 0..2 {
        refuses(&strict, &token, Expired, "by default");
        accepts(&lenient, &token, "asked not to look");
    }
    let old = mint(&key, &{
        let mut claims = claims("b");
        claims["exp"] = json!(1);
        claims
    });
    accepts(&lenient, &old.unwrap(), "never seen before");
    // Everything else is checked: exp is there and a date, nbf and iat are past.
    let missing = mint(&key, &claims_without("exp")).unwrap();
    refuses(&lenient, &missing, MissingClaim, "no exp");
    for (name, value, kind) in [
        ("exp", json!("1"), InvalidClaim),
        ("nbf", json!(NOW + 9999), NotYetValid),
        ("iat", json!(NOW + 9999), NotYetValid),
        ("iss", json!("https://b.example"), InvalidClaim),
    ] {
        let mut claims = claims("c");
        claims[name] = value;
        refuses(&lenient, &mint(&key, &claims).unwrap(), kind, name);
    }
}

#[test]
fn lists_that_cannot_work_are_refused_at_build() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let clock = ManualClock::at(NOW);
    let list = || deny(MemoryStore::new(), &clock);
    for (built, advice) in [
        (list().name("").build(), "1 to 64 letters"),
        (list().name("a/b").build(), "1 to 64 letters"),
        (list().name("ä").build(), "1 to 64 letters"),
        (list().name("a".repeat(65)).build(), "1 to 64 letters"),
        (list().leeway(Duration::from_secs(3601)).build(), "over an hour"),
        (list().max_token_lifetime(Duration::ZERO).build(), ".max_token_lifetime("),
    ] {
        expect(built.map(drop), advice);
    }
    list().name("a".repeat(64)).build().unwrap();

    let deny = list().build().unwrap();
    let allow = TokenList::allow(MemoryStore::new()).build().unwrap();
    let build = |rules: VerifierBuilder| rules.build().map(drop);
    expect(build(rules(&key).deny_list(allow.clone())), "an allow list given to .deny_list(");
    expect(build(rules(&key).allow_list(deny.clone())), "a deny list given to .allow_list(");
    for (rules, advice) in [
        (rules(&key).leeway(Duration::from_secs(61)), "give the list's .leeway("),
        (rules(&key).danger_accept_expired(), ".danger_accept_expired()"),
        (rules(&key).danger_accept_missing_exp(), ".max_token_lifetime(Duration::MAX)"),
    ] {
        // So does an authenticator that has the list.
        let verifier = rules.build().unwrap();
        let auth = Authenticator::builder().verifier(verifier);
        expect(auth.deny_list(deny.clone()).build().map(drop), advice);
    }
    for allowed in [false, true] {
        let with = |rules: VerifierBuilder| match allowed {
            true => rules.allow_list(allow.clone()),
            false => rules.deny_list(deny.clone()),
        };
        build(with(rules(&key))).unwrap();
        let longer = rules(&key).leeway(Duration::from_secs(61));
        expect(build(with(longer)), "give the list's .leeway(");
        let expired = rules(&key).danger_accept_expired();
        expect(build(with(expired)), ".danger_accept_expired()");
        let endless = rules(&key).danger_accept_missing_exp();
        expect(build(with(endless)), ".max_token_lifetime(Duration::MAX)");
    }
    let auth = Authenticator::builder().verifier(rules(&key).build().unwrap());
    expect(auth.deny_list(allow).build().map(drop), ".deny_list(");
}

#[track_caller]
fn expect(built: Result<(), Error>, advice: &str) {
    let error = built.unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains(advice), "{error}");
}
