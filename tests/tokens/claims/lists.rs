//! Lists of issuers, audiences and clients, and the client in place of the audience.

use crate::claims::not_strings;
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Verifier, VerifierBuilder};
use serde_json::{Value, json};

/// The names of Amazon Cognito and RFC 9068, of OpenID Connect, and of Microsoft Entra ID v1.0.
const CLIENT_CLAIMS: [&str; 3] = ["client_id", "azp", "appid"];

/// The sound claims with others: null leaves a claim out.
fn changed(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A builder without a rule for the audience.
fn open(key: &SigningKey) -> VerifierBuilder {
    Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([key.algorithm()])
        .clock(ManualClock::at(NOW))
}

#[track_caller]
fn says(verifier: &Verifier, token: &str, words: &[&str]) {
    let message = reason(verifier, token);
    for words in words {
        assert!(message.contains(words), "{message}");
    }
}

#[track_caller]
fn build_error(builder: VerifierBuilder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), Configuration);
    error.message().to_owned()
}

#[test]
fn any_issuer_and_any_audience_of_the_lists_matches() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let lists = |rules: VerifierBuilder| {
        rules.issuers(["https://b.example", "https://c.example"]).audiences(["b", "c"])
    };
    let target = Target::with_rules(key, lists);
    for iss in [ISSUER, "https://b.example", "https://c.example"] {
        for aud in [json!(AUDIENCE), json!("b"), json!(["other", "c"])] {
            target.accepts_claims(&changed(json!({"iss": iss, "aud": aud})));
        }
    }
    for changes in [
        json!({"iss": "https://d.example"}),
        json!({"iss": "https://b.example, https://c.example"}),
        json!({"aud": "d"}),
        json!({"aud": ["d", "e"]}),
        json!({"aud": "b c"}),
    ] {
        target.refuses_claims(&changed(changes), InvalidClaim);
    }
    let token = target.mint(&changed(json!({"iss": "https://d.example"})));
    let issuers = "expected `https://issuer.example` or `https://b.example` or \
                   `https://c.example`, received `https://d.example`";
    says(&target.verifier, &token, &["'iss'", issuers]);
    let token = target.mint(&changed(json!({"aud": ["d", "e"]})));
    says(&target.verifier, &token, &["'aud'", "expected `api` or `b` or `c`, received `d`, `e`"]);
}

#[test]
fn a_list_that_is_empty_or_has_an_empty_name_is_not_built() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let none: [&str; 0] = [];
    for builder in [
        rules(&key).issuers(none),
        rules(&key).audiences(none),
        rules(&key).client_ids(none),
        rules(&key).client_ids(["a"]).client_ids(none),
    ] {
        assert!(build_error(builder).contains("an empty list"));
    }
    assert!(build_error(rules(&key).issuers(["a", " "])).contains("an empty issuer"));
    assert!(build_error(rules(&key).audiences(["a", ""])).contains("an empty audience"));
    assert!(build_error(rules(&key).client_ids(["a", ""])).contains("an empty client id"));
}

#[test]
fn the_client_is_the_first_claim_that_names_one() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let sound = mint(&key, &claims_with("azp", "web".into())).unwrap();
    let target = Target::accepting(key, |rules| rules.client_ids(["web", "app"]), sound);
    for claim in CLIENT_CLAIMS {
        target.accepts_claims(&claims_with(claim, "web".into()));
        target.accepts_claims(&claims_with(claim, "app".into()));
        for other in ["other", "Web", "web ", "web app", "", "we"] {
            target.refuses_claims(&claims_with(claim, other.into()), InvalidClaim);
        }
        for other in not_strings("web") {
            target.refuses_claims(&claims_with(claim, other), InvalidClaim);
        }
    }
    // A later claim does not make up for an earlier one.
    for (first, later) in [("client_id", "azp"), ("client_id", "appid"), ("azp", "appid")] {
        target.refuses_claims(&changed(json!({first: "other", later: "web"})), InvalidClaim);
        target.refuses_claims(&changed(json!({first: 1, later: "web"})), InvalidClaim);
        target.accepts_claims(&changed(json!({first: "web", later: "other"})));
    }
    target.refuses_claims(&claims(), MissingClaim);
    target.refuses_claims(&claims_with("cid", "web".into()), MissingClaim);
    // The audience still counts.
    target.refuses_claims(&changed(json!({"azp": "web", "aud": "other"})), InvalidClaim);
    target.refuses_claims(&changed(json!({"azp": "web", "aud": null})), MissingClaim);
    let other = target.mint(&claims_with("azp", "other".into()));
    says(&target.verifier, &other, &["'azp'", "expected `web` or `app`, received `other`"]);
    says(&target.verifier, &target.mint(&claims()), &["'client_id'", "'azp'", "'appid'"]);
}

#[test]
fn a_token_without_audience_passes_by_its_client_where_that_is_the_rule() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let instead =
        |rules: VerifierBuilder| rules.client_ids(["web"]).client_id_instead_of_audience();
    let sound = mint(&key, &claims_with("client_id", "web".into())).unwrap();
    let target = Target::accepting(key.clone(), instead, sound);
    for claim in CLIENT_CLAIMS {
        target.accepts_claims(&changed(json!({"aud": null, claim: "web"})));
        target.accepts_claims(&changed(json!({claim: "web"})));
        target.refuses_claims(&changed(json!({"aud": null, claim: "other"})), InvalidClaim);
        target.refuses_claims(&changed(json!({"aud": null, claim: 1})), InvalidClaim);
        // With `aud`, the audience must fit as well.
        target.refuses_claims(&changed(json!({"aud": "other", claim: "web"})), InvalidClaim);
        target.refuses_claims(&changed(json!({"aud": [], claim: "web"})), InvalidClaim);
        target.refuses_claims(&changed(json!({"aud": "", claim: "web"})), InvalidClaim);
    }
    target.refuses_claims(&changed(json!({"aud": null})), MissingClaim);

    // Without a named audience, a token for a named one is for another service.
    let alone = instead(open(&key)).build().unwrap();
    accepts(&alone, &mint(&key, &changed(json!({"aud": null, "azp": "web"}))).unwrap(), "no aud");
    let named = mint(&key, &changed(json!({"azp": "web"}))).unwrap();
    refuses(&alone, &named, InvalidClaim, "aud");
    says(&alone, &named, &["'aud'", "expected none, received `api`"]);
}

#[test]
fn client_ids_need_a_decision_about_the_audience() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let clients = || open(&key).client_ids(["web"]);
    let undecided = build_error(clients());
    for way in [".audience(…)", ".client_id_instead_of_audience()", ".any_audience()"] {
        assert!(undecided.contains(way), "{undecided}");
    }
    for decided in [
        clients().audience("api"),
        clients().any_audience(),
        clients().client_id_instead_of_audience(),
        clients().audience("api").client_id_instead_of_audience(),
    ] {
        assert!(decided.build().is_ok());
    }
    let both = build_error(clients().client_id_instead_of_audience().any_audience());
    assert!(both.contains("keep one of the two"), "{both}");
    let no_clients = build_error(open(&key).client_id_instead_of_audience());
    assert!(no_clients.contains(".client_ids([…])"), "{no_clients}");
    let audience = open(&key).audience("api").client_id_instead_of_audience();
    assert!(build_error(audience).contains(".client_ids([…])"));
    // Any audience, but one of the clients.
    let any = clients().any_audience().build().unwrap();
    accepts(&any, &mint(&key, &claims_with("azp", "web".into())).unwrap(), "the client");
    refuses(&any, &mint(&key, &claims_with("azp", "b".into())).unwrap(), InvalidClaim, "another");
}
