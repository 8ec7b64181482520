//! The claims of an answer, by the rules for a JWT's claims.

use super::{TOKEN, World, answer, answer_with, answer_without, verifier_by};
use crate::support::issuer::{Answer, ISSUER, NOW, Server};
use jamguard::ErrorKind::{self, *};
use jamguard::{Introspection, VerifierBuilder};
use serde_json::{Value, json};

/// A world whose answers differ in one member.
async fn refused(rules: fn(VerifierBuilder) -> VerifierBuilder, cases: &[(Value, ErrorKind)]) {
    let world = World::with(|introspection| introspection, rules).await;
    world.verify(TOKEN).await.expect("the sound answer");
    for (number, (answer, kind)) in cases.iter().enumerate() {
        world.answers(answer);
        let token = format!("{TOKEN}{number}");
        assert_eq!(world.verify(&token).await.unwrap_err(), *kind, "{answer}");
        world.answers(&super::answer());
        world.verify(&format!("{token}-sound")).await.expect("the sound answer");
    }
}

#[tokio::test]
async fn each_claim_is_checked() {
    refused(
        |rules| {
            let rules = rules.require(["sub"]).require_text("client_id", "app");
            rules.require_text("scope", "orders.read")
        },
        &[
            (answer_with("iss", "https://other.example"), InvalidClaim),
            (answer_with("iss", 1), InvalidClaim),
            (answer_with("aud", "other"), InvalidClaim),
            (answer_with("aud", json!(["other", "another"])), InvalidClaim),
            (answer_without("aud"), MissingClaim),
            (answer_with("exp", NOW - 61), Expired),
            (answer_with("exp", "soon"), InvalidClaim),
            (answer_without("exp"), MissingClaim),
            (answer_with("nbf", NOW + 61), NotYetValid),
            (answer_with("iat", NOW + 61), NotYetValid),
            (answer_without("sub"), MissingClaim),
            (answer_with("client_id", "other"), InvalidClaim),
            (answer_without("client_id"), MissingClaim),
            (answer_with("scope", "orders.write"), InvalidClaim),
            (answer_with("cnf", json!({"jkt": "abc"})), InvalidClaim),
        ],
    )
    .await;
}

#[tokio::test]
async fn one_audience_of_several_is_enough() {
    let world = World::new().await;
    world.answers(&answer_with("aud", json!(["other", "api"])));
    world.verify(TOKEN).await.unwrap();
}

/// Servers call their refresh tokens active too.
#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let kind = |name: &str, kind: &str| {
        let mut answer = answer_without("token_type");
        answer[name] = kind.into();
        (answer, WrongType)
    };
    refused(
        |rules| rules,
        &[
            kind("token_type", "refresh_token"),
            kind("token_type", "Refresh"),
            kind("token_type", "id_token"),
            kind("token_type", ""),
            kind("token_use", "refresh_token"),
            kind("typ", "Refresh"),
            kind("typ", "Offline"),
            (answer_with("token_use", "refresh_token"), WrongType),
            (answer_with("typ", "Refresh"), WrongType),
            // It may be about any token.
            (answer_without("token_type"), WrongType),
            (answer_with("token_type", Value::Null), WrongType),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_access_token_is_named_in_several_ways() {
    let world =
        World::with(|introspection| introspection.token_type("urn:acme:access"), |rules| rules)
            .await;
    for (name, kind) in [
        ("token_type", "bearer"),
        ("token_type", "access_token"),
        ("token_type", "URN:acme:access"),
        ("token_use", "access_token"),
        ("typ", "Bearer"),
        ("typ", "at+jwt"),
    ] {
        let mut answer = answer_without("token_type");
        answer[name] = kind.into();
        world.answers(&answer);
        world.verify(&format!("{name}-{kind}").replace(':', ".")).await.expect(kind);
    }
}

/// Nobody can prove what the answer does not name.
#[tokio::test]
async fn a_dpop_token_without_a_key_is_no_bearer_token() {
    let world = World::new().await;
    let open = World::with(|asked| asked, |rules| rules.danger_accept_bound_tokens()).await;
    for name in ["token_type", "token_use", "typ"] {
        let mut answer = answer_without("token_type");
        answer[name] = "DPoP".into();
        world.answers(&answer);
        assert_eq!(world.verify(name).await.unwrap_err(), InvalidClaim, "{name}");
        open.answers(&answer);
        open.verify(name).await.expect(name);
    }
}

#[tokio::test]
async fn an_answer_without_a_kind_is_accepted_only_on_demand() {
    let world = World::with(|asked| asked.danger_accept_missing_token_type(), |rules| rules).await;
    world.answers(&answer_without("token_type"));
    world.verify(TOKEN).await.unwrap();
    world.answers(&answer_with("token_type", "refresh_token"));
    assert_eq!(world.verify("another").await.unwrap_err(), WrongType);
}

/// RFC 7662 section 2.2 makes `iss` optional.
#[tokio::test]
async fn an_absent_issuer_is_the_configured_one() {
    let world = World::new().await;
    world.answers(&answer_without("iss"));
    let verified = world.verify(TOKEN).await.unwrap();
    assert_eq!(verified.issuer(), Some(ISSUER));
    let claims: Value = serde_json::from_str(verified.raw_claims()).unwrap();
    assert_eq!(claims, answer());

    // One of two is not known to be meant.
    let world = World::with(|asked| asked, |rules| rules.issuer("https://two.example")).await;
    world.answers(&answer_without("iss"));
    assert_eq!(world.verify(TOKEN).await.unwrap_err(), MissingClaim);
}

/// The settings for JWTs of unusual servers serve introspection too.
#[tokio::test]
async fn unusual_json_types_are_read_on_demand() {
    let world =
        World::with(|asked| asked, |rules| rules.numeric_subject().danger_accept_text_dates())
            .await;
    let mut answer = answer_with("sub", 42);
    answer["exp"] = (NOW + 600).to_string().into();
    world.answers(&answer);
    assert_eq!(world.verify(TOKEN).await.unwrap().subject(), Some("42"));
    let strict = World::new().await;
    strict.answers(&answer);
    assert_eq!(strict.verify(TOKEN).await.unwrap_err(), InvalidClaim);
}

#[tokio::test]
async fn the_endpoint_and_the_issuer_are_discovered() {
    let server = Server::start().await;
    let issuer = server.discoverable(json!({"introspection_endpoint": server.url("/introspect")}));
    let discovered = || Introspection::discover(&issuer).client_secret_basic("api", "s3cret");
    let verifier = verifier_by(discovered(), |rules| rules);

    server.set("/introspect", Answer::ok(answer_with("iss", &*issuer).to_string()));
    assert_eq!(verifier.verify("a").await.unwrap().issuer(), Some(&*issuer));
    server.set("/introspect", Answer::ok(answer_without("iss").to_string()));
    assert_eq!(verifier.verify("b").await.unwrap().issuer(), Some(&*issuer));
    server.set("/introspect", Answer::ok(answer().to_string()));
    assert_eq!(verifier.verify("c").await.unwrap_err().kind(), InvalidClaim);
    // A server answers for its own issuer, whichever others the verifier accepts.
    let shared = verifier_by(discovered(), |rules| rules.issuer(ISSUER));
    let refused = shared.verify("e").await.unwrap_err();
    assert_eq!(refused.kind(), InvalidClaim);
    server.set("/introspect", Answer::ok(answer_without("iss").to_string()));
    assert_eq!(shared.verify("f").await.unwrap().issuer(), Some(&*issuer));
    let discoveries = server.seen().iter().filter(|line| line.starts_with("GET")).count();
    assert_eq!(discoveries, 2);

    let other = verifier_by(discovered(), |rules| rules);
    server.discoverable(json!({}));
    let error = other.verify("d").await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.message().contains("names no introspection_endpoint"), "{error}");
}
