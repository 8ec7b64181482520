//! Signed answers (RFC 9701).

use super::{ENDPOINT, TOKEN, answer_with, verifier_by};
use crate::support::issuer::{Answer, NOW, Server, key, set_of};
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint_with_header;
use jamguard::{Introspection, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

const TYPE: &str = "application/token-introspection+jwt";

/// An issuer that signs its answers, and a verifier that requires it.
struct World {
    server: Server,
    key: SigningKey,
    verifier: Verifier,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let key = key("k1");
        let issuer = server.discoverable(json!({
            "jwks_uri": server.url("/keys"), "introspection_endpoint": server.url(ENDPOINT),
        }));
        server.set("/keys", Answer::ok(set_of(&[&key])));
        let introspection = Introspection::discover(&issuer)
            .client_secret_basic("api", "s3cret")
            .signed_answers([Algorithm::ES256])
            .inactive_ttl(Duration::ZERO);
        let verifier = verifier_by(introspection, |rules| rules);
        Self { server, key, verifier }
    }

    fn claims(&self) -> Value {
        let issuer = self.server.url("");
        let members = answer_with("iss", &*issuer);
        json!({"iss": issuer, "aud": "api", "iat": NOW, "token_introspection": members})
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": "k1", "typ": "token-introspection+jwt"})
    }

    fn answers(&self, key: &SigningKey, header: &Value, claims: &Value, media_type: &str) {
        let jwt = mint_with_header(key, header, claims.to_string().as_bytes()).unwrap();
        self.server.set(
            ENDPOINT,
            Answer::Whole {
                status: 200,
                headers: vec![("content-type", media_type.to_owned())],
                body: jwt.into_bytes(),
            },
        );
    }
}

#[tokio::test]
async fn a_signed_answer_is_verified() {
    let world = World::new().await;
    let claims = world.claims();
    world.answers(&world.key, &world.header(), &claims, TYPE);
    let verified = world.verifier.verify(TOKEN).await.unwrap();
    assert_eq!(verified.subject(), Some("42"));
    let found: Value = serde_json::from_str(verified.raw_claims()).unwrap();
    assert_eq!(found, claims["token_introspection"]);
    let request = world.server.requests().into_iter().find(|text| text.starts_with("POST"));
    assert!(request.unwrap().contains(&format!("accept: {TYPE}")));
}

#[tokio::test]
async fn an_answer_that_is_not_signed_for_this_client_is_an_outage() {
    let world = World::new().await;
    let (sound, header) = (world.claims(), world.header());
    let with = |name: &str, value: Value| {
        let mut claims = sound.clone();
        claims[name] = value;
        claims
    };
    let typ = |typ: &str| {
        let mut header = header.clone();
        header["typ"] = typ.into();
        header
    };
    let foreign = key("k1");
    let own = &world.key;
    let cases: [(&str, &SigningKey, Value, Value, &str); 10] = [
        ("a foreign key", &foreign, header.clone(), sound.clone(), TYPE),
        ("another typ", own, typ("JWT"), sound.clone(), TYPE),
        ("an access token", own, typ("at+jwt"), sound.clone(), TYPE),
        ("another issuer", own, header.clone(), with("iss", json!("https://a.example")), TYPE),
        ("another client", own, header.clone(), with("aud", json!("other")), TYPE),
        ("no audience", own, header.clone(), with("aud", json!([])), TYPE),
        ("an old answer", own, header.clone(), with("iat", json!(NOW - 121)), TYPE),
        ("a future answer", own, header.clone(), with("iat", json!(NOW + 121)), TYPE),
        ("no members", own, header.clone(), with("token_introspection", json!("x")), TYPE),
        ("another media type", own, header.clone(), sound.clone(), "application/json"),
    ];
    for (what, key, header, claims, media_type) in cases {
        world.answers(key, &header, &claims, media_type);
        let error = world.verifier.verify(TOKEN).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{what}: {error}");
        world.answers(own, &world.header(), &sound, TYPE);
        world.verifier.verify(TOKEN).await.expect(what);
        world.verifier.forget_token(TOKEN);
    }
    // A downgrade.
    let members = sound["token_introspection"].to_string();
    world.server.set(ENDPOINT, Answer::ok(members));
    let error = world.verifier.verify(TOKEN).await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.message().contains("is not signed"), "{error}");
}

#[tokio::test]
async fn the_members_inside_decide() {
    let world = World::new().await;
    let sound = world.claims();
    for (name, value, kind) in [
        ("active", json!(false), Inactive),
        ("active", json!("true"), Unavailable),
        ("aud", json!("other"), InvalidClaim),
        ("exp", json!(NOW - 61), Expired),
        ("token_type", json!("refresh_token"), WrongType),
    ] {
        let mut claims = sound.clone();
        claims["token_introspection"][name] = value;
        world.answers(&world.key, &world.header(), &claims, TYPE);
        let error = world.verifier.verify(TOKEN).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
    }
}
