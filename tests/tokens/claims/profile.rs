//! Access tokens of RFC 9068, as one rule.

use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::VerifierBuilder;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint_with_header;
use serde_json::{Value, json};

fn access_claims() -> Value {
    json!({
        "iss": ISSUER, "exp": NOW + 600, "aud": AUDIENCE, "sub": "42", "client_id": "web",
        "iat": NOW, "jti": "a",
    })
}

fn signed(key: &SigningKey, typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": "ES256"});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    mint_with_header(key, &header, claims.to_string().as_bytes()).unwrap()
}

#[test]
fn the_profile_requires_its_type_and_its_claims() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let sound = signed(&key, Some("at+jwt"), &access_claims());
    let target = Target::accepting(key, VerifierBuilder::access_token_profile, sound);
    for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"] {
        target.accepts(&signed(&target.key, Some(typ), &access_claims()), typ);
    }
    for typ in ["JWT", "at", "at+jwt ", "application/JWT", "text/at+jwt", ""] {
        target.refuses(&signed(&target.key, Some(typ), &access_claims()), WrongType, typ);
    }
    target.refuses(&signed(&target.key, None, &access_claims()), WrongType, "no typ");
    let names: Vec<String> = access_claims().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 7);
    for name in names {
        let mut claims = access_claims();
        claims.as_object_mut().unwrap().remove(&name);
        let token = signed(&target.key, Some("at+jwt"), &claims);
        target.refuses(&token, MissingClaim, &name);
        let text = reason(&target.verifier, &token);
        assert_eq!(text, format!("the token lacks the required '{name}'"));
    }
    for client in [json!(""), json!(1), json!(["web"]), json!(null)] {
        let mut claims = access_claims();
        claims["client_id"] = client.clone();
        let token = signed(&target.key, Some("at+jwt"), &claims);
        target.refuses(&token, InvalidClaim, &client.to_string());
    }
    let text = reason(&target.verifier, &signed(&target.key, Some("JWT"), &access_claims()));
    assert_eq!(text, "the token's typ is wrong: expected `at+jwt`, received `JWT`");
}

#[test]
fn the_profile_requires_an_audience_even_where_any_is_accepted() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let any = jamguard::Verifier::builder()
        .access_token_profile()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .clock(jamguard::testing::ManualClock::at(NOW))
        .build()
        .unwrap();
    accepts(&any, &signed(&key, Some("at+jwt"), &access_claims()), "sound");
    for name in ["aud", "iss"] {
        let mut claims = access_claims();
        claims.as_object_mut().unwrap().remove(name);
        refuses(&any, &signed(&key, Some("at+jwt"), &claims), MissingClaim, name);
    }
}

#[test]
fn options_that_contradict_the_profile_are_not_built() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let profile = || rules(&key).access_token_profile();
    for (builder, words) in [
        (profile().token_type("JWT"), ".token_type(…)"),
        (profile().danger_accept_missing_exp(), ".danger_accept_missing_exp()"),
        (
            profile().client_ids(["web"]).client_id_instead_of_audience(),
            ".client_id_instead_of_audience()",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains(words), "{error}");
    }
    assert!(profile().token_type("application/at+jwt").build().is_ok());
    assert!(profile().client_ids(["web"]).build().is_ok());
}
