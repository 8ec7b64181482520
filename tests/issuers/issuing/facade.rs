//! The promises of an issuer and its own verifier, one test each.

use super::*;
use crate::support::tokens;
use jamguard::jose::VerifyingKey;
use jamguard::testing::mint;
use jamguard::{RingKey, Verifier};
use std::time::{SystemTime, UNIX_EPOCH};

/// jwt_make_payload: flat claims, `jti` (UUID v4), `iat`, `exp` = now + exp, then data.
#[test]
fn a_payload_is_jti_iat_exp_and_then_the_data() {
    let issuer = sound().lifetime(Duration::from_secs(600)).build().unwrap();
    let data = json!({"user": "ann", "admin": true, "list": [1, 2.5, null]});
    let claims = issuer.claims(&data).unwrap();
    let payload = serde_json::to_value(&claims).unwrap();
    let id = claims.token_id();
    assert_eq!(
        payload,
        json!({
            "jti": id, "iat": NOW, "exp": NOW + 600,
            "user": "ann", "admin": true, "list": [1, 2.5, null],
        })
    );
    let text = serde_json::to_string(&claims).unwrap();
    let place = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
    assert!(place("jti") < place("iat") && place("iat") < place("exp"));
    assert!(["user", "admin", "list"].iter().all(|name| place("exp") < place(name)));

    let expires = UNIX_EPOCH + Duration::from_secs(NOW + 600);
    assert_eq!(claims.expires_at(), expires);
    assert!(is_uuid_v4(id), "{id}");
    assert_ne!(id, issuer.claims(&data).unwrap().token_id());
}

fn is_uuid_v4(id: &str) -> bool {
    let parts: Vec<_> = id.split('-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    lengths == [8, 4, 4, 4, 12]
        && parts.concat().chars().all(hex)
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

/// jwt_make_payload with `exp`: the lifetime of this one.
#[test]
fn a_payload_may_have_a_lifetime_of_its_own() {
    let issuer = sound().build().unwrap();
    let hour = Duration::from_secs(3600);
    let claims = issuer.claims_for(hour, &json!({"sub": "42"})).unwrap();
    let token = issue(&issuer, &claims).unwrap();
    assert_eq!(part(&token, 1)["exp"], NOW + 3600);
    assert!(verify(&issuer.verifier(), &token).is_ok());
}

/// Data may not silently override `jti`, `iat` or `exp`.
#[test]
fn data_that_names_what_the_issuer_sets_is_an_error() {
    let issuer = sound().build().unwrap();
    for name in ["jti", "iat", "exp"] {
        for value in [json!(1), json!("x"), json!(null)] {
            let error = issuer.claims(&json!({"a": 1, name: value})).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().contains(&format!("'{name}'")), "{error}");
        }
    }
}

/// jwt_create_token: any serializable claims, header `{"alg","typ":"JWT"}` and `kid`.
#[test]
fn any_serializable_claims_are_signed() {
    #[derive(Serialize)]
    struct User {
        sub: &'static str,
        roles: Vec<&'static str>,
        score: f64,
    }
    let key = key(Algorithm::ES256);
    let issuer = (sound_of(key.clone())).build().unwrap();
    let user = User { sub: "42", roles: vec!["admin"], score: 0.5 };
    let token = issue(&issuer, &user).unwrap();
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": key.thumbprint().unwrap()});
    assert_eq!(part(&token, 0), header);
    let claims = part(&token, 1);
    assert!(is_uuid_v4(claims["jti"].as_str().unwrap()));
    assert_eq!(
        claims,
        json!({
            "jti": claims["jti"], "iat": NOW, "exp": NOW + 900, "iss": ISSUER, "aud": AUDIENCE,
            "sub": "42", "roles": ["admin"], "score": 0.5,
        })
    );
    let verified = verify(&issuer.verifier(), &token).unwrap();
    assert_eq!(verified.subject(), Some("42"));

    // Made before, signed later: what is there stays.
    let payload = issuer.claims(&json!({"sub": "7"})).unwrap();
    let token = issue(&issuer, &payload).unwrap();
    assert_eq!(part(&token, 1)["jti"], payload.token_id());
    assert_eq!(part(&token, 1)["iss"], ISSUER);
}

fn sound_of(key: SigningKey) -> IssuerBuilder {
    Issuer::builder().key(key).issuer(ISSUER).audience(AUDIENCE).clock(ManualClock::at(NOW))
}

/// A secret has no public name; a key that has one keeps it.
#[test]
fn the_kid_is_the_keys_name_or_thumbprint() {
    let secret = key(Algorithm::HS256);
    let token = issue(&sound_of(secret.clone()).build().unwrap(), &json!({})).unwrap();
    assert_eq!(part(&token, 0), json!({"alg": "HS256", "typ": "JWT"}));
    for key in [secret, key(Algorithm::EdDSA)] {
        let issuer = sound_of(key.with_key_id("2026-11")).build().unwrap();
        let token = issue(&issuer, &json!({})).unwrap();
        assert_eq!(part(&token, 0)["kid"], "2026-11");
        assert!(verify(&issuer.verifier(), &token).is_ok());
    }
}

#[test]
fn plain_data_becomes_a_sound_token() {
    let two = sound().audience("other").build().unwrap();
    let token = issue(&two, &json!({})).unwrap();
    assert_eq!(part(&token, 1)["aud"], json!([AUDIENCE, "other"]));
    assert!(verify(&two.verifier(), &token).is_ok());

    let bare = Issuer::builder().key(key(Algorithm::ES256)).clock(ManualClock::at(NOW));
    let bare = bare.build().unwrap();
    let claims = part(&issue(&bare, &json!({"a": 1})).unwrap(), 1);
    let names: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names, ["a", "exp", "iat", "jti"]);

    // Numbers as they were written, and the order of the fields.
    #[derive(Serialize)]
    struct Numbers {
        big: u64,
        small: f32,
        #[serde(rename = "ü\"")]
        odd: i8,
    }
    let numbers = Numbers { big: u64::MAX, small: 1.1, odd: -1 };
    let text = claims_text(&issue(&bare, &numbers).unwrap());
    let end = r#","big":18446744073709551615,"small":1.1,"ü\"":-1}"#;
    assert!(text.ends_with(end), "{text}");
}

/// What is given stays, where the issuer's own verifier accepts it.
#[test]
fn registered_claims_may_be_given() {
    let issuer = sound().build().unwrap();
    let given = json!({
        "jti": "mine", "iat": NOW - 5, "exp": NOW as f64 + 7.5, "nbf": NOW, "sub": "42",
        "iss": ISSUER, "aud": ["another", AUDIENCE],
    });
    let token = issue(&issuer, &given).unwrap();
    assert_eq!(part(&token, 1), given);
    assert!(verify(&issuer.verifier(), &token).is_ok());
}

/// jwt_verify_token: both checks on by default.
#[test]
fn expiry_is_checked_by_the_issuers_verifier() {
    let clock = ManualClock::at(NOW);
    let issuer = sound().clock(clock.clone()).leeway(Duration::from_secs(5));
    let issuer = issuer.lifetime(Duration::from_secs(60)).build().unwrap();
    let token = issue(&issuer, &json!({})).unwrap();
    clock.advance(Duration::from_secs(64));
    assert!(verify(&issuer.verifier(), &token).is_ok());
    clock.advance(Duration::from_secs(1));
    let expired = verify(&issuer.verifier(), &token).map(drop);
    assert_eq!(expired, Err(ErrorKind::Expired));
}

/// The algorithm is pinned by the key, never read from the token.
#[test]
fn the_algorithm_is_the_keys() {
    let rsa = key(Algorithm::RS256);
    let issuer = sound_of(rsa.clone()).build().unwrap();
    let pem = rsa.expose_private_pem().unwrap();
    let other = SigningKey::from_pem(Algorithm::PS256, pem.expose()).unwrap();
    let other = other.with_key_id(rsa.thumbprint().unwrap());
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60});
    let refused = verify(&issuer.verifier(), &mint(&other, &claims).unwrap()).map(drop);
    assert_eq!(refused, Err(ErrorKind::UnknownKey));
}

/// `exp` and `iat` that other systems wrote as floats verify.
#[test]
fn dates_of_others_may_be_floats() {
    let key = key(Algorithm::ES256);
    let issuer = sound_of(key.clone()).build().unwrap();
    let dates =
        format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{NOW}6e-1,"iat":{NOW}.25}}"#);
    let header = json!({"alg": "ES256", "typ": "JWT"});
    let token = jamguard::testing::mint_with_header(&key, &header, dates.as_bytes()).unwrap();
    // exp = 10 × NOW × 0.1 + 0.6, within the leeway.
    assert!(verify(&issuer.verifier(), &token).is_ok(), "{dates}");
}

/// Errors: each its own kind.
#[test]
fn every_fault_has_its_kind() {
    let issuer = sound().build().unwrap();
    let token = issue(&issuer, &json!({"sub": "42"})).unwrap();
    let kind = |token: &str| verify(&issuer.verifier(), token).map(drop).unwrap_err();

    let other = sound().build().unwrap();
    assert_eq!(kind(&issue(&other, &json!({})).unwrap()), ErrorKind::UnknownKey, "missing key");
    let forged = tokens::with_signature(&token, [1; 64]);
    assert_eq!(kind(&forged), ErrorKind::BadSignature);
    assert_eq!(kind("a.b"), ErrorKind::Malformed);
    let soon = json!({"nbf": NOW + 61});
    assert_eq!(kind(&issue(&issuer, &soon).unwrap()), ErrorKind::NotYetValid);
    let wrong = SigningKey::from_pem(
        Algorithm::RS256,
        key(Algorithm::ES256).expose_private_pem().unwrap().expose(),
    );
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::InvalidKey, "wrong key type");
}

/// Keys: secret, PEM, DER, JWK.
#[test]
fn keys_of_every_form_issue() {
    let es = key(Algorithm::ES512);
    let pem = es.expose_private_pem().unwrap();
    let jwk = es.expose_private_jwk().unwrap();
    let der = pem::parse(pem.expose()).unwrap().into_contents();
    let keys = [
        SigningKey::from_secret(Algorithm::HS512, &[7; 64]).unwrap(),
        SigningKey::from_pem(Algorithm::ES512, pem.expose()).unwrap(),
        SigningKey::from_der(Algorithm::ES512, &der).unwrap(),
        SigningKey::from_jwk(Algorithm::ES512, jwk.expose()).unwrap(),
    ];
    for key in keys {
        let issuer = sound_of(key).build().unwrap();
        let token = issue(&issuer, &json!({})).unwrap();
        assert!(verify(&issuer.verifier(), &token).is_ok());
    }
}

/// A verifier elsewhere needs no more than the public key and the rules.
#[test]
fn another_verifier_takes_the_public_key() {
    let key = key(Algorithm::ES512);
    let issuer = sound_of(key.clone()).token_type("at+jwt").build().unwrap();
    let public = key.verifying_key().unwrap().to_pem().unwrap();
    let verifier = Verifier::builder()
        .key(VerifyingKey::from_pem(Algorithm::ES512, &public).unwrap())
        .algorithms([Algorithm::ES512])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .token_type("at+jwt")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let token = issue(&issuer, &json!({"sub": "42"})).unwrap();
    assert!(verify(&verifier, &token).is_ok());
    let plain = issue(&sound_of(key).build().unwrap(), &json!({})).unwrap();
    assert_eq!(verify(&verifier, &plain).map(drop), Err(ErrorKind::WrongType));
    assert_eq!(verify(&issuer.verifier(), &plain).map(drop), Err(ErrorKind::WrongType));
}

#[test]
fn more_rules_go_on_top() {
    let issuer = sound().build().unwrap();
    let strict = issuer.verifier_builder().require(["sub"]).build().unwrap();
    let token = issue(&issuer, &json!({})).unwrap();
    assert!(verify(&issuer.verifier(), &token).is_ok());
    assert_eq!(verify(&strict, &token).map(drop), Err(ErrorKind::MissingClaim));
    let token = issue(&issuer, &json!({"sub": "42"})).unwrap();
    assert!(verify(&strict, &token).is_ok());
}

/// What its keys signed is for this application; a service that names itself is asked for it.
#[test]
fn an_issuer_without_an_audience_takes_its_own_tokens() {
    let issuer =
        Issuer::builder().key(key(Algorithm::ES256)).clock(ManualClock::at(NOW)).build().unwrap();
    let strict = issuer.verifier_builder().audience("orders").build().unwrap();
    let any = issuer.verifier_builder().any_audience().build().unwrap();
    for (claims, at_strict) in [
        (json!({}), Err(ErrorKind::MissingClaim)),
        (json!({"aud": "mail"}), Err(ErrorKind::InvalidClaim)),
        (json!({"aud": "orders"}), Ok(())),
    ] {
        let token = issue(&issuer, &claims).unwrap();
        assert!(verify(&issuer.verifier(), &token).is_ok(), "{claims}");
        assert!(verify(&any, &token).is_ok(), "{claims}");
        assert_eq!(verify(&strict, &token).map(drop), at_strict, "{claims}");
    }
}

#[test]
fn nothing_of_a_token_is_printed() {
    let issuer = sound().build().unwrap();
    let claims = issuer.claims(&json!({"email": "ann@example.com"})).unwrap();
    let key = RingKey::new(key(Algorithm::HS256)).current_from(SystemTime::now());
    let printed = format!("{claims:?} {issuer:?} {:?} {key:?}", sound());
    assert!(!printed.contains("ann@"), "{printed}");
}

/// A `Serialize` may write spaces.
#[tokio::test]
async fn claims_that_are_written_already() {
    let issuer = sound().build().unwrap();
    for claims in ["{}", "{ }", "{\n}", "{ \"sub\": \"42\" }"] {
        let claims: &serde_json::value::RawValue = serde_json::from_str(claims).unwrap();
        let token = issuer.issue(claims).await.unwrap();
        let verified = issuer.verifier().verify(token.expose()).await;
        assert!(verified.is_ok(), "{claims}");
    }
}
