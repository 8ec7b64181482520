//! One kind of token in another's place.

use crate::claims::{not_strings, payload};
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{Verifier, VerifierBuilder};
use serde_json::{Value, json};
use std::future::Future;

#[test]
fn line_14_typ() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let usual = Target::with_key(key.clone());
    let sound = usual.with_header("typ", "at+jwt".into());
    let target = Target::accepting(key, |rules| rules.token_type("at+jwt"), sound);
    for typ in [
        "JWT",
        "jwt",
        "id_token",
        "rt+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "",
        "at",
        "at+jw",
        "at+jwt2",
        "xat+jwt",
        " at+jwt",
        "at+jwt ",
        "at+jwt;v=1",
        "at jwt",
        "at%2Bjwt",
        "application/",
        "application/JWT",
        "application/application/at+jwt",
        "text/at+jwt",
        "application/ at+jwt",
        "at+jwt\0",
        "applicatio\u{308}/at+jwt",
        "ａt+jwt",
    ] {
        target.refuses(&target.with_header("typ", typ.into()), WrongType, typ);
    }
    target.refuses(&target.under(&json!({"alg": "ES256"})), WrongType, "no typ");
    for typ in not_strings("at+jwt") {
        target.refuses(&target.with_header("typ", typ.clone()), Malformed, &typ.to_string());
        usual.refuses(&usual.with_header("typ", typ.clone()), Malformed, &typ.to_string());
    }
    for typ in [
        "at+jwt",
        "AT+JWT",
        "At+Jwt",
        "application/at+jwt",
        "APPLICATION/AT+JWT",
        "Application/at+jwt",
    ] {
        target.accepts(&target.with_header("typ", typ.into()), typ);
    }
    // As a claim it says nothing.
    target.refuses_claims(&claims_with("typ", "at+jwt".into()), WrongType);
    // Configured with its prefix it is the same type; an empty one is a mistake.
    let long = rules(&target.key).token_type("application/at+jwt").build().unwrap();
    accepts(&long, &target.sound, "without the prefix");
    refuses(&long, &target.with_header("typ", "JWT".into()), WrongType, "JWT");
    assert_eq!(rules(&target.key).token_type("").build().unwrap_err().kind(), Configuration);
    usual.accepts(&usual.with_header("typ", "anything".into()), "no typ configured");
    // Only before the last slash is the prefix one.
    let text = rules(&target.key).token_type("application/text/plain").build().unwrap();
    refuses(&text, &target.with_header("typ", "text/plain".into()), WrongType, "text/plain");
}

#[test]
fn tokens_of_a_kind_that_is_not_named_are_refused() {
    let target = crate::claims::target();
    for kind in [
        "logout",
        "dpop",
        "token-introspection",
        "secevent",
        "rt",
        "oauth-authz-req",
        "openid4vci-proof",
        "client-authentication",
        "entity-statement",
        "kb",
        "vnd.example.kind",
        "",
        "at+at",
        "xat",
    ] {
        for typ in [
            format!("{kind}+jwt"),
            format!("{kind}+JWT"),
            format!("application/{kind}+jwt"),
            format!("APPLICATION/{}+Jwt", kind.to_uppercase()),
        ] {
            let token = target.with_header("typ", typ.as_str().into());
            target.refuses(&token, WrongType, &typ);
            let named = rules(&target.key).token_type(format!("{kind}+jwt")).build().unwrap();
            accepts(&named, &token, &typ);
        }
    }
    for typ in ["dc+sd-jwt", "vc+SD-JWT", "application/example+sd-jwt"] {
        let token = target.with_header("typ", typ.into());
        target.refuses(&token, WrongType, typ);
    }
    for typ in [
        "JWT",
        "jwt",
        "application/jwt",
        "JOSE",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "jwt+at",
        "urn:example:typ",
        "Bearer",
        "",
        "+",
        "ａ＋jwt",
    ] {
        target.accepts(&target.with_header("typ", typ.into()), typ);
    }
}

/// Issuers that sign every kind of token with one key name the kind in a claim.
#[test]
fn a_claim_that_names_the_kind_is_one_of_those_accepted() {
    for (claim, ours, others) in [
        ("token_use", &["access"][..], &["id", "Access", ""][..]),
        ("token_type", &["access"], &["refresh", "sliding"]),
        ("type", &["app", "access"], &["refresh", "org", "app access"]),
        ("typ", &["Bearer", "DPoP"], &["ID", "Refresh", "Offline", "Logout", "bearer"]),
    ] {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let sound = mint(&key, &claims_with(claim, ours[0].into())).unwrap();
        let kinds = ours.to_vec();
        let target = Target::accepting(key, |rules| rules.token_kind(claim, kinds), sound);
        for kind in ours {
            target.accepts_claims(&claims_with(claim, (*kind).into()));
        }
        for kind in others {
            target.refuses_claims(&claims_with(claim, (*kind).into()), InvalidClaim);
        }
        for kind in not_strings(ours[0]) {
            target.refuses_claims(&claims_with(claim, kind), InvalidClaim);
        }
        target.refuses_claims(&claims(), MissingClaim);
    }
}

/// The proof of the key decides who may use such a token; without it the token is a stolen one.
#[test]
fn a_token_bound_to_a_key_is_no_bearer_token() {
    let target = crate::claims::target();
    for cnf in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jwk": {"kty": "OKP"}}),
        json!({"kid": "k"}),
        json!({"unknown": true}),
        json!({}),
        json!("text"),
        json!([]),
        Value::Null,
    ] {
        target.refuses_claims(&claims_with("cnf", cnf), InvalidClaim);
    }
    let bound = target.mint(&claims_with("cnf", json!({"jkt": "k"})));
    let error = std::pin::pin!(target.verifier.verify(&bound));
    let std::task::Poll::Ready(Err(error)) =
        error.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    else {
        panic!("accepted, or not at once");
    };
    for words in ["'cnf'", "DPoP", "certificate"] {
        assert!(error.message().contains(words), "{error}");
    }
    let behind_a_gateway = rules(&target.key).danger_accept_bound_tokens();
    accepts(&behind_a_gateway.build().unwrap(), &bound, "bound");
    target.accepts_claims(&claims_with("Cnf", json!({})));
}

#[test]
fn line_14_token_use() {
    let key = SigningKey::generate(Algorithm::ES512).unwrap();
    let sound = mint(&key, &claims_with("token_use", "id".into())).unwrap();
    let target = Target::accepting(key, |rules| rules.require_text("token_use", "id"), sound);
    for value in ["access", "refresh", "ID", "Id", "id ", " id", "i", "idx", "", "id\0"] {
        target.refuses_claims(&claims_with("token_use", value.into()), InvalidClaim);
    }
    for value in not_strings("id") {
        target.refuses_claims(&claims_with("token_use", value), InvalidClaim);
    }
    target.refuses_claims(&claims(), MissingClaim);
    target.refuses_claims(&claims_with("Token_use", "id".into()), MissingClaim);
    target.accepts_payload(payload("token_use", r#""\u0069d""#));
    let rules = rules(&target.key).require_text("", "id");
    assert_eq!(rules.build().unwrap_err().kind(), Configuration);
}

const JAM: &str = "https://api.justauthenticate.me";

/// What a JAM ID token of an app is like.
fn jam_claims(app: &str) -> Value {
    json!({
        "iss": format!("{JAM}/{app}"), "aud": app, "token_use": "id", "email": "a@b.example",
        "iat": NOW, "nbf": NOW, "exp": NOW + 600,
    })
}

fn jam_verifier(key: &SigningKey, app: &str) -> Verifier {
    Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES512])
        .issuer(format!("{JAM}/{app}"))
        .audience(app)
        .require(["email"])
        .require_text("token_use", "id")
        .require_key_id()
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap()
}

#[test]
fn line_15_another_apps_token() {
    // One key for both apps: the harder case, where only the claims tell them apart.
    let shared = SigningKey::generate(Algorithm::ES512).unwrap().with_key_id("jam");
    let (a, b) = (jam_verifier(&shared, "app-a"), jam_verifier(&shared, "app-b"));
    let token_a = mint(&shared, &jam_claims("app-a")).unwrap();
    let token_b = mint(&shared, &jam_claims("app-b")).unwrap();
    for _ in 0..2 {
        accepts(&a, &token_a, "A at A");
        accepts(&b, &token_b, "B at B");
        refuses(&b, &token_a, InvalidClaim, "A at B");
        refuses(&a, &token_b, InvalidClaim, "B at A");
    }
    for (name, value) in [("aud", "app-b".into()), ("iss", format!("{JAM}/app-b"))] {
        let mut claims = jam_claims("app-a");
        claims[name] = value.into();
        let mixed = mint(&shared, &claims).unwrap();
        refuses(&a, &mixed, InvalidClaim, name);
        refuses(&b, &mixed, InvalidClaim, name);
    }
    // Apps of their own keys: under the same name, and under another.
    for kid in ["jam", "other"] {
        let foreign = SigningKey::generate(Algorithm::ES512).unwrap().with_key_id(kid);
        let kind = if kid == "jam" { BadSignature } else { UnknownKey };
        refuses(&a, &mint(&foreign, &jam_claims("app-a")).unwrap(), kind, kid);
        accepts(&a, &token_a, "A at A");
    }
}

#[test]
fn line_15_local_tokens_and_jam_tokens() {
    let jam_key = SigningKey::generate(Algorithm::ES512).unwrap().with_key_id("k");
    let local_key = SigningKey::generate(Algorithm::ES512).unwrap().with_key_id("k");
    let jam = jam_verifier(&jam_key, "app-a");
    let local = rules(&local_key).token_type("at+jwt").build().unwrap();
    let access = |key: &SigningKey, claims: &Value| {
        let header = json!({"alg": "ES512", "typ": "at+jwt", "kid": "k"});
        let payload = claims.to_string();
        mint_with_header(key, &header, payload.as_bytes()).unwrap()
    };
    let (id, at) = (mint(&jam_key, &jam_claims("app-a")).unwrap(), access(&local_key, &claims()));
    accepts(&jam, &id, "JAM at JAM");
    accepts(&local, &at, "local at local");
    refuses(&jam, &at, InvalidClaim, "local at JAM: another issuer");
    refuses(&local, &id, WrongType, "JAM at local: an ID token is no access token");
    // Dressed up as the other's, as far as somebody with one key can.
    refuses(&local, &access(&jam_key, &claims()), BadSignature, "JAM's key, local claims");
    let dressed = mint(&local_key, &jam_claims("app-a")).unwrap();
    refuses(&jam, &dressed, BadSignature, "local key, JAM's claims");

    // One issuer, one key, both kinds of token.
    let id_tokens = jam_verifier(&jam_key, "app-a");
    let issuer = format!("{JAM}/app-a");
    let access_tokens = Verifier::builder()
        .key(jam_key.verifying_key().unwrap())
        .algorithms([Algorithm::ES512])
        .issuer(&issuer)
        .audience("app-a")
        .token_type("at+jwt")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let mut plain = jam_claims("app-a");
    plain.as_object_mut().unwrap().remove("token_use");
    let at = access(&jam_key, &plain);
    accepts(&id_tokens, &id, "ID token");
    accepts(&access_tokens, &at, "access token");
    refuses(&access_tokens, &id, WrongType, "ID token as access token");
    refuses(&id_tokens, &at, MissingClaim, "access token as ID token");
}

#[test]
fn every_rule_of_a_claim_counts() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let with_use = |token_use: &str| claims_with("token_use", token_use.into());
    let sound = mint(&key, &with_use("id")).unwrap();
    let twice = |rules: VerifierBuilder| {
        rules.require_text("token_use", "id").require_any_text("token_use")
    };
    let target = Target::accepting(key, twice, sound);
    target.accepts_claims(&with_use("id"));
    target.refuses_claims(&with_use("access"), InvalidClaim);
    target.refuses_claims(&with_use(""), InvalidClaim);
    target.refuses_claims(&claims(), MissingClaim);
}
