//! How this server authenticates at the endpoint, and what it sends.

use super::{ENDPOINT, TOKEN, World};
use crate::support::issuer::{Answer, NOW, Server, key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jamguard::jose::{Algorithm, Jws, KeySet};
use jamguard::testing::ManualClock;
use jamguard::{Introspection, IntrospectionBuilder, Verifier};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The head and the form of the only request.
async fn request(
    client: impl FnOnce(IntrospectionBuilder) -> IntrospectionBuilder,
) -> (String, HashMap<String, String>) {
    let world = World::with(client, |rules| rules).await;
    world.verify(TOKEN).await.unwrap();
    let requests = world.server.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    split(request)
}

fn split(request: &str) -> (String, HashMap<String, String>) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), serde_urlencoded::from_str(body).unwrap())
}

#[tokio::test]
async fn the_token_is_sent_in_the_body() {
    let (head, form) = request(|asked| asked).await;
    assert!(head.starts_with(&format!("POST {ENDPOINT} HTTP/1.1")), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(head.contains("accept: application/json"), "{head}");
    assert!(!head.contains(TOKEN), "{head}");
    let expected = [("token", TOKEN), ("token_type_hint", "access_token")];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

/// RFC 6749 section 2.3.1: both are form-encoded first.
#[tokio::test]
async fn a_secret_is_sent_in_the_header_or_in_the_form() {
    let (head, form) = request(|asked| asked.client_secret_basic("a:b", "s&c ü")).await;
    let basic = STANDARD.encode("a%3Ab:s%26c+%C3%BC");
    assert!(head.contains(&format!("authorization: Basic {basic}")), "{head}");
    assert!(!form.contains_key("client_secret") && !form.contains_key("client_id"));

    let (head, form) = request(|asked| asked.client_secret_post("a:b", "s&c ü")).await;
    assert!(!head.contains("authorization"), "{head}");
    assert_eq!((&*form["client_id"], &*form["client_secret"]), ("a:b", "s&c ü"));
}

#[tokio::test]
async fn a_private_key_signs_an_assertion() {
    let signing = key("client-key");
    let keys = KeySet::from(signing.verifying_key().unwrap());
    let assertion = |form: &HashMap<String, String>| -> (Value, String) {
        assert_eq!(form["client_id"], "api");
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(form["client_assertion_type"], kind);
        let jws = Jws::verify(&form["client_assertion"], &keys, &[Algorithm::ES256]).unwrap();
        assert_eq!(jws.header().key_id(), Some("client-key"));
        let claims: Value = serde_json::from_slice(jws.payload()).unwrap();
        let id = claims["jti"].as_str().unwrap().to_owned();
        (claims, id)
    };
    let world = World::with(|asked| asked.private_key_jwt("api", signing.clone()), |rules| rules);
    let world = world.await;
    for token in ["one", "two"] {
        world.verify(token).await.unwrap();
    }
    let forms: Vec<_> = world.server.requests().iter().map(|text| split(text).1).collect();
    let [(claims, one), (_, two)] = [0, 1].map(|at| assertion(&forms[at]));
    let endpoint = world.server.url(ENDPOINT);
    let expected = json!({
        "iss": "api", "sub": "api", "aud": endpoint, "jti": one, "iat": NOW, "exp": NOW + 60,
    });
    assert_eq!(claims, expected);
    assert_ne!(one, two);

    let asked = |asked: IntrospectionBuilder| {
        asked.private_key_jwt("api", signing.clone()).assertion_audience("https://as.example")
    };
    let (_, form) = request(asked).await;
    assert_eq!(assertion(&form).0["aud"], "https://as.example");
}

#[tokio::test]
async fn an_assertion_is_for_the_discovered_issuer() {
    let server = Server::start().await;
    let issuer = server.discoverable(json!({"introspection_endpoint": server.url(ENDPOINT)}));
    server.set(ENDPOINT, Answer::ok(r#"{"active":false}"#));
    let signing = key("client-key");
    let asked = Introspection::discover(&issuer).private_key_jwt("api", signing.clone());
    let verifier = Verifier::builder().introspection(asked.build().unwrap()).audience("api");
    let verifier = verifier.clock(ManualClock::at(NOW)).build().unwrap();
    verifier.verify(TOKEN).await.unwrap_err();
    let (_, form) = split(server.requests().last().unwrap());
    let keys = KeySet::from(signing.verifying_key().unwrap());
    let jws = Jws::verify(&form["client_assertion"], &keys, &[Algorithm::ES256]).unwrap();
    let claims: Value = serde_json::from_slice(jws.payload()).unwrap();
    assert_eq!(claims["aud"], issuer);
}

#[test]
fn secrets_are_not_printed() {
    let builder = Introspection::builder("https://issuer.example/introspect")
        .client_secret_basic("id", "s3cret-of-this-service");
    let shown = format!("{builder:?}");
    let introspection = builder.build().unwrap();
    let verifier = Verifier::builder().introspection(introspection.clone()).any_audience();
    for text in [shown, format!("{introspection:?}"), format!("{:?}", verifier.build().unwrap())] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}
