//! Claims of another JSON type than the standard's, for issuers that write them so.

use crate::claims::payload;
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Authenticator, TokenList, VerifierBuilder, store::MemoryStore};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn dates_as_text_only_by_a_danger_switch() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let strict = Target::with_key(key.clone());
    let lenient = Target::with_rules(key, VerifierBuilder::danger_accept_text_dates);
    for name in ["exp", "nbf", "iat"] {
        let sound = if name == "exp" { NOW + 600 } else { NOW };
        let text = claims_with(name, sound.to_string().into());
        strict.refuses_claims(&text, InvalidClaim);
        lenient.accepts_claims(&text);
        lenient.accepts_claims(&claims_with(name, sound.into()));
        for value in [
            "",
            " ",
            "soon",
            "-1",
            "+1800000600",
            " 1800000600",
            "1800000600 ",
            "1800000600.0",
            "18e8",
            "0x6b49d458",
            "1_800_000_600",
            "253402300800",
            "18446744073709551616",
            "2027-01-15T08:00:00Z",
            "١٨٠٠٠٠٠٦٠٠",
        ] {
            lenient.refuses_claims(&claims_with(name, value.into()), InvalidClaim);
        }
        for value in [json!(["1800000600"]), json!({}), json!(true), Value::Null] {
            lenient.refuses_claims(&claims_with(name, value), InvalidClaim);
        }
    }
    // The date counts as any other.
    lenient.refuses_claims(&claims_with("exp", (NOW - 60).to_string().into()), Expired);
    lenient.accepts_claims(&claims_with("exp", (NOW - 59).to_string().into()));
    lenient.refuses_claims(&claims_with("nbf", (NOW + 61).to_string().into()), NotYetValid);
    lenient.refuses_claims(&claims_without("exp"), MissingClaim);
}

#[test]
fn an_integer_as_subject_only_where_asked_for() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let strict = Target::with_key(key.clone());
    let lenient = Target::with_rules(key, VerifierBuilder::numeric_subject);
    for (value, subject) in [
        ("42", "42"),
        ("0", "0"),
        ("-7", "-7"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        (r#""042""#, "042"),
    ] {
        lenient.accepts_payload(payload("sub", value));
        let claims: Value = serde_json::from_str(&payload("sub", value)).unwrap();
        let verified = accepts(&lenient.verifier, &lenient.mint(&claims), value);
        assert_eq!(verified.subject(), Some(subject));
    }
    strict.refuses_payload(payload("sub", "42"), InvalidClaim);
    // A number with a fraction, or too large to be exact, may stand for several users.
    for value in ["42.0", "4.2e1", "1e30", "18446744073709551616", "true", "null", "[42]", "{}"] {
        lenient.refuses_payload(payload("sub", value), InvalidClaim);
    }
    // Only `sub`.
    for name in ["iss", "jti", "aud"] {
        lenient.refuses_claims(&claims_with(name, json!(42)), InvalidClaim);
    }
}

/// What the rest of the crate reads from such claims: lists, policies, enrichment, routing.
#[tokio::test]
async fn what_a_verifier_accepted_is_read_everywhere() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let clock = ManualClock::at(NOW);
    let denied = TokenList::deny(MemoryStore::builder().clock(clock.clone()).build().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let lenient = || rules(&key).numeric_subject().danger_accept_text_dates();
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let token = |sub: Value| {
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": sub, "email": "ann@issuer.example",
            "jti": sub.to_string(), "iat": NOW.to_string(), "exp": (NOW + 600).to_string(),
        });
        mint(&key, &claims).unwrap()
    };
    let other = rules(&key).issuer("https://other.example").audience("other").build().unwrap();
    let auth = Authenticator::builder()
        .verifier(lenient().deny_list(denied.clone()).build().unwrap())
        .verifier(other)
        .enrich(|_| async { Ok(json!({"plan": "gold"})) })
        .build()
        .unwrap();
    let ann = auth.authenticate(&token(json!(42))).await.unwrap();
    assert_eq!(ann.subject(), Some("42"));
    let check = |policy: &str| ann.check(&policy.parse().unwrap()).is_ok();
    assert!(check("subject:42"));
    assert!(!check("!subject:42"));
    assert!(!check("subject:4"));

    // Lists by subject, by e-mail where there is no subject, and by the token's text.
    denied.revoke_subject(ISSUER, "42", now).await.unwrap();
    let kind = async |sub: Value| {
        auth.authenticate(&token(sub)).await.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(kind(json!(42)).await, Err(Revoked));
    assert_eq!(kind(json!(43)).await, Ok(()));
    denied.revoke_unverified(&token(json!(43))).await.unwrap();
    assert_eq!(kind(json!(43)).await, Err(Revoked));
    let nameless = json!({
        "iss": ISSUER, "aud": AUDIENCE, "email": "eve@issuer.example", "iat": NOW.to_string(),
        "exp": (NOW + 600).to_string(),
    });
    let nameless = mint(&key, &nameless).unwrap();
    auth.authenticate(&nameless).await.unwrap();
    denied.revoke_subject(ISSUER, "eve@issuer.example", now).await.unwrap();
    assert_eq!(auth.authenticate(&nameless).await.unwrap_err().kind(), Revoked);
}
