//! What a refusal says: to the client little, to the log the reason.

use super::{NOW, check, check_with};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{
    ClaimIndex, ClaimPaths, Explanation, Subject, custom, custom_async, email_domain, fresh, never,
    role, scope, second_factor,
};
use jamguard::testing::{self, ManualClock};
use jamguard::{AuthResponse, Error, ErrorKind, Policy, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The challenge that a policy's refusal becomes.
fn challenge(policy: &Policy, claims: &Value) -> (u16, String) {
    let error = check(policy, claims).unwrap_err();
    let answer = AuthResponse::for_error(&error, "api");
    let header = answer.header("www-authenticate").unwrap().to_owned();
    (answer.status(), header)
}

fn asked<R>(claims: &Value, ask: impl FnOnce(&Subject<'_>) -> R) -> R {
    let (claims, paths) = (ClaimIndex::of(claims).unwrap(), ClaimPaths::default());
    ask(&Subject::new(&claims, &paths, &ManualClock::at(NOW)))
}

#[test]
fn a_403_names_the_scopes_of_the_policy_and_no_more() {
    for (policy, scopes) in [
        ("scope:a", Some("a")),
        ("scope:b & role:x & (scope:a & scope:b)", Some("b a")),
        ("role:x", None),
        ("!scope:a & role:x", None),
        ("(role:x | scope:a & scope:b | scope:c) & role:y", Some("a b")),
        ("scope:\"not a token\" & scope:\"é\" & scope:\"quote\\\"\" & scope:a", Some("a")),
        ("never", None),
    ] {
        // Whoever asks: what is named does not depend on what they have.
        for claims in [json!({}), json!({"scope": "a b", "roles": []})] {
            let policy: Policy = policy.parse().unwrap();
            let Err(error) = check(&policy, &claims) else {
                continue;
            };
            assert_eq!(error.kind(), ErrorKind::InsufficientScope);
            let (status, header) = challenge(&policy, &claims);
            let wanted = match scopes {
                Some(scopes) => {
                    format!(
                        "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"{scopes}\""
                    )
                }
                None => "Bearer realm=\"api\", error=\"insufficient_scope\"".to_owned(),
            };
            assert_eq!((status, header), (403, wanted), "{policy}");
        }
    }
}

#[test]
fn what_a_login_would_lift_is_a_401_that_says_how() {
    let bearer = "Bearer realm=\"api\", error=\"insufficient_user_authentication\", \
                  error_description=\"This needs a more recent or a stronger login.\"";
    let two = "acr_values=\"http://schemas.openid.net/pape/policies/2007/06/multi-factor\"";
    let old = json!({"iat": NOW - 1_000, "roles": ["clerk"], "scope": "a"});
    for (policy, parameters) in [
        ("fresh:5m", ", max_age=\"300\"".to_owned()),
        ("second_factor & role:clerk", format!(", {two}")),
        ("fresh:10m & fresh:5m & second_factor", format!(", max_age=\"300\", {two}")),
        // What is fulfilled is not asked for.
        ("fresh:1h & second_factor", format!(", {two}")),
        // Of alternatives that a login helps, the first.
        ("role:boss & second_factor | fresh:5m | second_factor", ", max_age=\"300\"".to_owned()),
        // A negation is no reason to log in.
        ("fresh:5m & !fresh:1s | fresh:3m", ", max_age=\"180\"".to_owned()),
    ] {
        let policy: Policy = policy.parse().unwrap();
        assert_eq!(challenge(&policy, &old), (401, format!("{bearer}{parameters}")), "{policy}");
    }
    for policy in ["fresh:5m & role:boss", "!fresh:1h", "fresh:5m & never"] {
        let policy: Policy = policy.parse().unwrap();
        assert_eq!(challenge(&policy, &old).0, 403, "{policy}");
    }
    let paths = ClaimPaths::default().acr_values(["silver", "gold"]);
    let error = check_with(&second_factor(), &old, &paths).unwrap_err();
    let answer = AuthResponse::for_error(&error, "api");
    let header = answer.header("www-authenticate").unwrap();
    assert!(header.ends_with(", acr_values=\"silver gold\""), "{header}");
}

#[test]
fn the_body_of_a_refusal_says_nothing_of_the_policy() {
    let secret = role("the-secret-role") & scope("orders");
    let error = check(&secret, &json!({"roles": ["the-users-role"]})).unwrap_err();
    let answer = AuthResponse::for_error(&error, "api");
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(
        body,
        r#"{"type":"insufficient_scope","title":"Insufficient scope","status":403,"detail":"The credential does not allow this."}"#
    );
    // The log has the policy, and not the user's claims.
    assert!(error.message().contains("role:the-secret-role"), "{error}");
    assert!(!error.message().contains("the-users-role"), "{error}");
}

#[test]
fn an_explanation_shows_which_conditions_decided() {
    let policy: Policy = "scope:a & (role:x | !role:y) & never".parse().unwrap();
    let claims = json!({"scope": "a", "roles": ["y"]});
    let why = asked(&claims, |subject| policy.explain(subject));
    assert_eq!(
        why.to_string(),
        "no: all of <-\n  yes: scope:a\n  no: any of <-\n    no: role:x <-\n    no: not <-\n      yes: role:y <-\n  no: never <-\n"
    );
    assert_eq!(why.deciding(), ["role:x", "role:y", "never"]);
    assert_eq!(why.is_allowed(), Some(false));
    let json = serde_json::to_value(&why).unwrap();
    assert_eq!(json["parts"][0], json!({"what": "scope:a", "holds": true, "decides": false}));

    let policy: Policy = "role:x | role:y".parse().unwrap();
    let why = asked(&claims, |subject| policy.explain(subject));
    assert_eq!(why.to_string(), "yes: any of <-\n  no: role:x\n  yes: role:y <-\n");
}

/// A condition that waits, and how often it was asked.
fn counted(answer: Result<bool, Error>) -> (Policy, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let policy = custom_async("remote", move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        async move {
            tokio::task::yield_now().await;
            answer
        }
    });
    (policy, count)
}

async fn ask(policy: &Policy, claims: Value) -> Result<(), Error> {
    let (claims, paths) = (ClaimIndex::of(&claims).unwrap(), ClaimPaths::default());
    let clock = ManualClock::at(NOW);
    policy.check_async(&Subject::new(&claims, &paths, &clock)).await
}

#[tokio::test]
async fn a_condition_that_waits_is_asked_when_its_turn_comes() {
    let (remote, count) = counted(Ok(true));
    assert!(remote.is_async() && (!remote.clone() & role("a")).is_async() && !role("a").is_async());
    assert!(ask(&(role("a") & remote.clone()), json!({"roles": "a"})).await.is_ok());
    assert!(ask(&(role("a") | !remote.clone()), json!({})).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 2);
    // The answer is certain without it.
    assert!(ask(&(role("a") & remote.clone()), json!({})).await.is_err());
    assert!(ask(&(role("a") | remote.clone()), json!({"roles": "a"})).await.is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 2);

    let error =
        asked(&json!({}), |subject| (role("a") | remote.clone()).check(subject)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains(".check_async()"), "{error}");
    let why: Explanation = asked(&json!({}), |subject| (role("a") | remote).explain(subject));
    assert_eq!(why.is_allowed(), None);
    assert_eq!(
        why.to_string(),
        "not asked: any of <-\n  no: role:a\n  not asked: custom:remote <-\n"
    );
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refusal_after_waiting_knows_what_was_answered() {
    let (remote, count) = counted(Ok(false));
    let error = ask(&(remote.clone() & fresh(Duration::ZERO)), json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientScope, "a login would not help: {error}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "explaining does not ask again");
    let error = ask(&(fresh(Duration::ZERO) & remote), json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StepUp, "it may help: {error}");
    let (willing, _) = counted(Ok(true));
    let error = ask(&(willing & fresh(Duration::ZERO)), json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StepUp);
    let (remote, _) = counted(Ok(false));
    let mixed = (custom("now", |_| true) & remote) | never();
    assert!(ask(&mixed, json!({})).await.is_err());
}

#[tokio::test]
async fn a_failure_to_answer_is_no_refusal() {
    let (remote, _) = counted(Err(Error::new(ErrorKind::Unavailable, "the database is down")));
    for policy in [remote.clone(), !remote.clone(), remote.clone() | role("a"), role("b") & remote]
    {
        let error = ask(&policy, json!({"roles": "b"})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{policy}");
    }
}

#[tokio::test]
async fn a_tokens_claims_are_indexed_once() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .issuer("https://issuer.example")
        .audience("api")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let claims = json!({
        "iss": "https://issuer.example", "aud": "api", "exp": NOW + 60, "roles": ["admin"],
    });
    let token = testing::mint(&key, &claims).unwrap();
    let (paths, clock) = (ClaimPaths::default(), ManualClock::at(NOW));
    let first = verifier.verify(&token).await.unwrap();
    let again = verifier.verify(&token).await.unwrap();
    let subject = Subject::of(&first, &paths, &clock).unwrap();
    assert!(role("admin").check(&subject).is_ok());
    assert!(role("other").check(&subject).is_err());
    let shared = Subject::of(&again, &paths, &clock).unwrap();
    assert!(std::ptr::eq(subject.claims(), shared.claims()));
    let debug = format!("{subject:?} {:?}", subject.claims());
    assert!(!debug.contains("admin"), "{debug}");
}

/// The declaration goes along with the token, and a claim that says otherwise counts all the same.
#[tokio::test]
async fn an_issuer_that_verifies_every_address_is_declared() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let rules = || {
        Verifier::builder()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .audience("api")
            .clock(ManualClock::at(NOW))
    };
    let usual = rules().build().unwrap();
    let declared = rules().issuer_verifies_emails().build().unwrap();
    let (paths, clock) = (ClaimPaths::default(), ManualClock::at(NOW));
    for (verified, at_usual, at_declared) in [
        (None, false, true),
        (Some(json!(null)), false, true),
        (Some(json!(true)), true, true),
        (Some(json!("true")), true, true),
        (Some(json!(false)), false, false),
        (Some(json!("false")), false, false),
        (Some(json!(0)), false, false),
    ] {
        let mut claims = json!({"aud": "api", "exp": NOW + 60, "email": "ann@example.com"});
        if let Some(verified) = &verified {
            claims["email_verified"] = verified.clone();
        }
        let token = testing::mint(&key, &claims).unwrap();
        // From memory as at first.
        for _ in 0..3 {
            for (verifier, expected) in [(&usual, at_usual), (&declared, at_declared)] {
                let verified = verifier.verify(&token).await.unwrap();
                let subject = Subject::of(&verified, &paths, &clock).unwrap();
                let answer = email_domain("example.com").check(&subject);
                assert_eq!(answer.is_ok(), expected, "{claims}");
            }
        }
    }
}
