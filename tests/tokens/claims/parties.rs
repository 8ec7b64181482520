//! Whose token it is, and for whom.

use crate::claims::{not_strings, payload, target};
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use serde_json::{Value, json};

#[test]
fn line_13_iss() {
    let target = target();
    for value in not_strings(ISSUER) {
        target.refuses_claims(&claims_with("iss", value), InvalidClaim);
    }
    for iss in [
        "https://issuer.example/",
        "https://issuer.example.evil.example",
        "https://issuer.exampl",
        "HTTPS://ISSUER.EXAMPLE",
        "https://Issuer.example",
        "http://issuer.example",
        "issuer.example",
        "https://issuer.example ",
        " https://issuer.example",
        "https://issuer.example\0",
        "https://issuer.example/../",
        "https://issuer.example:443",
        "https://evil@issuer.example",
        "https://evil.example/https://issuer.example",
        "https%3A%2F%2Fissuer.example",
        "",
        "https://issuer.exampIe",
        "https://іssuer.example",
        "*",
    ] {
        target.refuses_claims(&claims_with("iss", iss.into()), InvalidClaim);
    }
    target.refuses_claims(&claims_without("iss"), MissingClaim);
    // The same letters by another spelling.
    target.accepts_payload(payload("iss", r#""https:\/\/issuer\u002eexample""#));

    // Two issuers: either, nothing in between.
    let two = Target::with_rules(target.key.clone(), |rules| rules.issuer("https://b.example"));
    two.accepts_claims(&claims_with("iss", "https://b.example".into()));
    two.refuses_claims(&claims_with("iss", "https://c.example".into()), InvalidClaim);
    two.refuses_claims(&claims_with("iss", json!([ISSUER, "https://b.example"])), InvalidClaim);
    two.refuses_claims(&claims_without("iss"), MissingClaim);
    for iss in ["", " "] {
        assert_eq!(rules(&target.key).issuer(iss).build().unwrap_err().kind(), Configuration);
    }
}

#[test]
fn line_13_aud() {
    let target = target();
    for value in [
        json!([]),
        json!(""),
        json!([""]),
        json!("ap"),
        json!("api2"),
        json!("API"),
        json!("api "),
        json!(" api"),
        json!("api,other"),
        json!("other api"),
        json!("api\0"),
        json!("*"),
        json!(["other"]),
        json!(["ap", "i"]),
        json!(["api2", "API"]),
        json!([["api"]]),
        json!({"api": true}),
        json!({}),
        json!(0),
        Value::Null,
        json!(true),
        json!(["api", 1]),
        json!([1, "api"]),
        json!(["api", null]),
        json!(["api", ["api"]]),
        json!(["api", {}]),
        json!([true, "api"]),
    ] {
        target.refuses_claims(&claims_with("aud", value), InvalidClaim);
    }
    target.refuses_claims(&claims_without("aud"), MissingClaim);
    for value in
        [json!(["api"]), json!(["other", "api"]), json!(["api", "api"]), json!(["api", ""])]
    {
        target.accepts_claims(&claims_with("aud", value));
    }
    let two = Target::with_rules(target.key.clone(), |rules| rules.audience("b"));
    two.accepts_claims(&claims_with("aud", "b".into()));
    two.refuses_claims(&claims_with("aud", "c".into()), InvalidClaim);
    for aud in ["", " "] {
        assert_eq!(rules(&target.key).audience(aud).build().unwrap_err().kind(), Configuration);
    }

    // It takes a word to do without one.
    let none = || {
        jamguard::Verifier::builder()
            .key(target.key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
    };
    assert_eq!(none().build().unwrap_err().kind(), Configuration);
    let both = none().audience(AUDIENCE).any_audience();
    assert_eq!(both.build().unwrap_err().kind(), Configuration);

    // A verifier of any audience takes any, but no nonsense.
    let any = jamguard::Verifier::builder()
        .any_audience()
        .key(target.key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    accepts(&any, &target.mint(&claims_without("aud")), "no aud");
    accepts(&any, &target.mint(&claims_with("aud", "other".into())), "another aud");
    for value in [json!(1), json!({}), Value::Null, json!(["a", 1])] {
        refuses(&any, &target.mint(&claims_with("aud", value)), InvalidClaim, "nonsense");
    }
}

#[test]
fn line_13_sub_and_jti() {
    let target = target();
    for name in ["sub", "jti"] {
        for value in not_strings("42") {
            target.refuses_claims(&claims_with(name, value), InvalidClaim);
        }
        target.accepts_claims(&claims_with(name, "42".into()));
        target.accepts_claims(&claims_without(name));
    }
}

#[test]
fn line_13_required_claims() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let sound = claims_with("email", "a@issuer.example".into());
    let sound = mint(&key, &sound).unwrap();
    let target = Target::accepting(key, |rules| rules.require(["sub", "email"]), sound);
    target.refuses_claims(&claims(), MissingClaim);
    for near in ["Email", "email ", "e", "emai", "emails", "\u{0}email"] {
        target.refuses_claims(&claims_with(near, "a".into()), MissingClaim);
    }
    // One level down is somewhere else.
    target.refuses_claims(&claims_with("user", json!({"email": "a"})), MissingClaim);
    let mut both = claims_with("email", "a".into());
    target.accepts_claims(&both);
    both.as_object_mut().unwrap().remove("sub");
    target.refuses_claims(&both, MissingClaim);
    for name in ["", " "] {
        assert_eq!(rules(&target.key).require([name]).build().unwrap_err().kind(), Configuration);
    }
}

#[test]
fn line_13_required_texts() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let sound = mint(&key, &claims_with("email", "a@issuer.example".into())).unwrap();
    let target = Target::accepting(key, |rules| rules.require_any_text("email"), sound);
    target.refuses_claims(&claims(), MissingClaim);
    target.refuses_claims(&claims_with("email", "".into()), InvalidClaim);
    for value in not_strings("a@issuer.example") {
        target.refuses_claims(&claims_with("email", value), InvalidClaim);
    }
    target.accepts_claims(&claims_with("email", "another".into()));
    let rules = rules(&target.key).require_any_text("");
    assert_eq!(rules.build().unwrap_err().kind(), Configuration);
}
