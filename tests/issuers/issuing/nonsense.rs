//! An issuer given nonsense says what to do.

use super::*;
use jamguard::{KeyRing, RingKey};
use std::time::UNIX_EPOCH;

const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

#[track_caller]
fn refused<T>(answer: Result<T, Error>, kind: ErrorKind, advice: &str) {
    let Err(error) = answer else {
        panic!("accepted, without '{advice}'");
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(advice), "'{error}' lacks '{advice}'");
}

#[test]
fn builders_of_nonsense_say_what_to_do() {
    assert!(sound().build().is_ok());
    let second = Duration::from_secs(1);
    let ring = || KeyRing::builder(Algorithm::ES256).build().unwrap();
    let nonsense = [
        (Issuer::builder(), ".key("),
        (sound().key(key(Algorithm::ES256)), "one KeyRing"),
        (sound().key_ring(ring()), "one KeyRing"),
        (sound().lifetime(Duration::ZERO), ".lifetime("),
        (sound().lifetime(Duration::from_millis(999)), ".lifetime("),
        (sound().lifetime(YEAR + second), ".danger_lifetime_over_a_year()"),
        (sound().lifetime(Duration::MAX), ".danger_lifetime_over_a_year()"),
        (sound().leeway(Duration::from_secs(3601)), "issue longer tokens"),
        (sound().leeway(Duration::MAX), "issue longer tokens"),
        (sound().issuer(""), ".issuer("),
        (sound().audience(" "), ".audience("),
        (sound().token_type(""), ".token_type("),
        (Issuer::builder().key_ring(ring()).lifetime(Duration::from_secs(24 * 3600)), ".overlap("),
    ];
    for (builder, advice) in nonsense {
        refused(builder.build(), ErrorKind::Configuration, advice);
    }
    let year = sound().lifetime(YEAR).build().unwrap();
    assert!(issue(&year, &json!({})).is_ok());
}

#[test]
fn keys_of_nonsense_say_what_to_do() {
    let es = key(Algorithm::ES256);
    let pem = es.expose_private_pem().unwrap();
    let public = es.verifying_key().unwrap().to_pem().unwrap();
    let jwk = es.expose_private_jwk().unwrap();
    let kind = ErrorKind::InvalidKey;
    refused(SigningKey::from_pem(Algorithm::ES512, pem.expose()), kind, "P-521");
    refused(SigningKey::from_pem(Algorithm::RS256, pem.expose()), kind, "RSA");
    refused(SigningKey::from_pem(Algorithm::HS256, pem.expose()), kind, "from_secret");
    refused(SigningKey::from_pem(Algorithm::ES256, &public), kind, "PUBLIC KEY");
    refused(SigningKey::from_jwk(Algorithm::ES384, jwk.expose()), kind, "ES256");
    refused(SigningKey::from_secret(Algorithm::HS256, b"short"), kind, "at least 32");
    refused(SigningKey::from_secret(Algorithm::HS512, &[1; 63]), kind, "at least 64");
    refused(SigningKey::from_secret(Algorithm::ES256, &[1; 64]), kind, "HS256");
    let secret = pem.expose().as_bytes();
    refused(SigningKey::from_secret(Algorithm::HS256, secret), kind, "from_pem");
}

fn at(seconds: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn keys_out_of_their_time_say_what_to_do() {
    let ring = |key: RingKey| {
        let ring = KeyRing::builder(Algorithm::ES256).clock(ManualClock::at(NOW));
        ring.key(key).build()
    };
    let key = || RingKey::new(key(Algorithm::ES256));
    let configuration = ErrorKind::Configuration;
    refused(ring(key().expires_at(at(NOW))), configuration, "expired");
    let backwards = key().current_from(at(NOW + 9)).expires_at(at(NOW + 9));
    refused(ring(backwards), configuration, ".current_from(");
    let upcoming = key().current_from(at(NOW + 1));
    refused(ring(upcoming), ErrorKind::InvalidKey, "not in the future");
    let named = RingKey::new(super::key(Algorithm::ES256).with_key_id("a\nb"));
    refused(ring(named), configuration, "control characters");

    // One that expires soon signs no token that would outlive it.
    let soon = ring(key().expires_at(at(NOW + 1000))).unwrap();
    let issuer = |lifetime: u64| {
        let issuer = Issuer::builder().key_ring(soon.clone());
        issuer.lifetime(Duration::from_secs(lifetime)).build().unwrap()
    };
    assert!(issue(&issuer(940), &json!({})).is_ok());
    let outliving = issue(&issuer(941), &json!({}));
    refused(outliving, ErrorKind::InvalidKey, "expires before the token");
}

#[test]
fn a_token_never_outlives_its_key() {
    let ring = KeyRing::builder(Algorithm::ES256)
        .clock(ManualClock::at(NOW))
        .overlap(Duration::from_secs(3600))
        .build()
        .unwrap();
    let issuer = Issuer::builder().key_ring(ring).build().unwrap();
    assert!(issue(&issuer, &json!({"exp": NOW + 3540})).is_ok());
    let outliving = issue(&issuer, &json!({"exp": NOW + 3541}));
    refused(outliving, ErrorKind::Configuration, ".overlap(");
}

#[test]
fn a_key_that_expired_signs_nothing() {
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::builder(Algorithm::ES256)
        .clock(clock.clone())
        .key(RingKey::new(key(Algorithm::ES256)).expires_at(at(NOW + 1000)))
        .build()
        .unwrap();
    let issuer = Issuer::builder().key_ring(ring).build().unwrap();
    let token = issue(&issuer, &json!({})).unwrap();
    clock.advance(Duration::from_secs(1000));
    refused(issue(&issuer, &json!({})), ErrorKind::InvalidKey, "expired");
    let late = verify(&issuer.verifier(), &token).map(drop);
    assert_eq!(late, Err(ErrorKind::UnknownKey));
}

#[test]
fn claims_that_are_no_object_are_refused() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("secret detail"))
        }
    }
    let issuer = sound().build().unwrap();
    let kind = ErrorKind::Configuration;
    for value in [json!(null), json!(1), json!("{}"), json!([]), json!([{"a": 1}]), json!(true)] {
        refused(issue(&issuer, &value), kind, "JSON object");
        refused(issuer.claims(&value), kind, "JSON object");
    }
    let error = issue(&issuer, &Failing).unwrap_err();
    assert!(!error.message().contains("secret"), "{error}");
    refused(issuer.claims(&Failing), kind, "cannot be written");
    // Keys that are no texts.
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    refused(issue(&issuer, &map), kind, "cannot be written");

    // A struct may name a field twice.
    #[derive(Serialize)]
    struct Twice {
        #[serde(flatten)]
        a: Value,
        sub: u8,
    }
    let twice = Twice { a: json!({"sub": "x"}), sub: 1 };
    refused(issue(&issuer, &twice), kind, "twice");
}

#[test]
fn claims_that_no_verifier_would_accept_are_refused() {
    let issuer = sound().build().unwrap();
    let year = NOW + YEAR.as_secs();
    let nonsense = [
        (json!({"exp": NOW}), "lies in the past"),
        (json!({"exp": 0}), "lies in the past"),
        (json!({"exp": year + 1}), ".danger_lifetime_over_a_year()"),
        (json!({"exp": "soon"}), "'exp'"),
        (json!({"exp": null}), "'exp'"),
        (json!({"exp": -1}), "'exp'"),
        (json!({"exp": 1e300}), "'exp'"),
        (json!({"iat": NOW + 61}), "'iat'"),
        (json!({"iat": "now"}), "'iat'"),
        (json!({"nbf": []}), "'nbf'"),
        (json!({"jti": ""}), "'jti'"),
        (json!({"jti": 7}), "'jti'"),
        (json!({"iss": "https://other.example"}), "'iss'"),
        (json!({"aud": "another"}), "'aud'"),
        (json!({"aud": []}), "'aud'"),
        (json!({"sub": 42}), "'sub'"),
        (json!({"text": "x".repeat(16 * 1024)}), "put less"),
    ];
    for (claims, advice) in nonsense {
        refused(issue(&issuer, &claims), ErrorKind::Configuration, advice);
    }
    let zero = issuer.claims_for(Duration::ZERO, &json!({})).unwrap();
    refused(issue(&issuer, &zero), ErrorKind::Configuration, "a second or more");
    let long = issuer.claims_for(Duration::MAX, &json!({})).unwrap();
    refused(issue(&issuer, &long), ErrorKind::Configuration, "range");
    assert!(issue(&issuer, &json!({"exp": year})).is_ok());

    let any = sound().danger_lifetime_over_a_year().build().unwrap();
    let token = issue(&any, &json!({"exp": year + 1})).unwrap();
    assert!(verify(&any.verifier(), &token).is_ok());
    let far = any.claims_for(Duration::from_secs(300_000_000_000), &json!({}));
    refused(issue(&any, &far.unwrap()), ErrorKind::Configuration, "range");
}

#[test]
fn what_is_issued_fits_the_verifier_to_the_byte() {
    let issuer = sound().build().unwrap();
    let mut fitting = 0;
    for length in 11_800..12_400 {
        let Ok(token) = issue(&issuer, &json!({"text": "x".repeat(length)})) else {
            break;
        };
        fitting = token.len();
        assert!(verify(&issuer.verifier(), &token).is_ok());
    }
    assert!((16 * 1024 - 2..=16 * 1024).contains(&fitting), "{fitting}");
}
