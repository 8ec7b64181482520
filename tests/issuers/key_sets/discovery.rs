//! OpenID Connect Discovery 1.0.

use crate::support::issuer::*;
use jamguard::ErrorKind::{InvalidClaim, Unavailable, UnknownKey};
use jamguard::Verifier;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use serde_json::{Value, json};

const DOCUMENT: &str = "/.well-known/openid-configuration";

struct Provider {
    server: Server,
    clock: ManualClock,
    key: SigningKey,
    issuer: String,
    verifier: Verifier,
}

impl Provider {
    async fn new() -> Self {
        let server = Server::start().await;
        let (issuer, clock) = (server.url(""), ManualClock::at(NOW));
        let provider =
            Self { verifier: verifier(&issuer, &clock), key: key("k1"), server, clock, issuer };
        let set = set_of(&[&provider.key]);
        provider.server.set("/keys", Answer::ok(set));
        provider.publish(json!({}));
        provider
    }

    /// The discovery document, with these members changed.
    fn publish(&self, changes: Value) {
        let mut document = json!({
            "issuer": self.issuer,
            "jwks_uri": self.server.url("/keys"),
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        self.server.set(DOCUMENT, Answer::ok(document.to_string()));
    }

    fn token(&self, key: &SigningKey) -> String {
        let claims = json!({"iss": self.issuer, "sub": "42", "exp": NOW + 86_400});
        mint(key, &claims).unwrap()
    }

    async fn verify(&self, key: &SigningKey) -> Result<(), jamguard::ErrorKind> {
        verify(&self.verifier, &self.token(key)).await
    }
}

fn verifier(issuer: &str, clock: &ManualClock) -> Verifier {
    Verifier::builder()
        .any_audience()
        .discover(issuer)
        .algorithms([Algorithm::ES256])
        .clock(clock.clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn keys_are_found_and_the_issuer_is_required() {
    let provider = Provider::new().await;
    assert_eq!(provider.verify(&provider.key).await, Ok(()));
    let seen = [DOCUMENT, "/keys"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(provider.server.seen(), seen);
    // The builder took the issuer for the `iss` of tokens, too.
    let foreign = token(&provider.key);
    let refused = verify(&provider.verifier, &foreign).await;
    assert_eq!(refused, Err(InvalidClaim));
    assert_eq!(provider.verify(&key("k9")).await, Err(UnknownKey));
}

#[tokio::test]
async fn an_issuer_with_a_path_and_a_slash_is_asked_where_the_standard_says() {
    let server = Server::start().await;
    let (clock, key) = (ManualClock::at(NOW), key("k1"));
    server.set("/keys", Answer::ok(set_of(&[&key])));
    for path in ["/tenant", "/tenant/"] {
        let issuer = server.url(path);
        let document = json!({"issuer": issuer, "jwks_uri": server.url("/keys")});
        server.set(&format!("/tenant{DOCUMENT}"), Answer::ok(document.to_string()));
        let claims = json!({"iss": issuer, "exp": NOW + 60});
        let token = mint(&key, &claims).unwrap();
        let answer = verify(&verifier(&issuer, &clock), &token).await;
        assert_eq!(answer, Ok(()), "{path}");
    }
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused() {
    let issuer = Provider::new().await.issuer;
    let spoilt = [
        json!({"issuer": "https://other.example"}),
        json!({"issuer": format!("{issuer}/")}),
        json!({"issuer": issuer.to_uppercase()}),
        json!({"issuer": null}),
        json!({"issuer": [issuer]}),
        json!({"jwks_uri": null}),
        json!({"jwks_uri": ""}),
        json!({"jwks_uri": "/keys"}),
        json!({"jwks_uri": "http://issuer.example/keys"}),
        json!({"jwks_uri": "http://169.254.169.254/keys"}),
        json!({"jwks_uri": "file:///etc/keys.json"}),
        json!({"jwks_uri": "data:application/json,{}"}),
        json!({"jwks_uri": "https://user:pass@issuer.example/keys"}),
    ];
    for changes in spoilt {
        let provider = Provider::new().await;
        provider.publish(changes.clone());
        let refused = provider.verify(&provider.key).await;
        assert_eq!(refused, Err(Unavailable), "{changes}");
        let seen = provider.server.seen();
        assert_eq!(seen, [format!("GET {DOCUMENT} HTTP/1.1")], "{changes}");
        // Sound without the change.
        provider.publish(json!({}));
        provider.clock.advance(MINUTE);
        assert_eq!(provider.verify(&provider.key).await, Ok(()));
    }
    // Without a document, the one of RFC 8414 is asked for.
    for (answer, hits) in [
        (Answer::ok("<html>"), 2),
        (Answer::ok("{}"), 1),
        (Answer::status(404), 2),
        (Answer::Huge, 1),
        (Answer::status(302).with("location", "/elsewhere"), 2),
    ] {
        let provider = Provider::new().await;
        provider.server.set(DOCUMENT, answer);
        let refused = provider.verify(&provider.key).await;
        assert_eq!(refused, Err(Unavailable));
        assert_eq!(provider.server.hits(), hits);
    }
}

#[tokio::test]
async fn moved_keys_are_found_again() {
    // What the old place does once the keys are elsewhere.
    for old_place in [
        Answer::status(404),
        Answer::ok("<html>moved</html>"),
        Answer::ok(r#"{"keys":[]}"#),
        // The worst: it goes on serving the old keys.
        Answer::ok(set_of(&[&key("k1")])),
    ] {
        let provider = Provider::new().await;
        assert_eq!(provider.verify(&provider.key).await, Ok(()));
        let new = key("k2");
        provider.server.set("/keys", old_place);
        provider.server.set("/new", Answer::ok(set_of(&[&new])));
        provider.publish(json!({"jwks_uri": provider.server.url("/new")}));
        assert_eq!(provider.verify(&new).await, Ok(()), "the first token");
        assert_eq!(provider.verify(&provider.key).await, Err(UnknownKey));
    }
}

#[tokio::test]
async fn known_keys_serve_while_discovery_is_down() {
    let provider = Provider::new().await;
    assert_eq!(provider.verify(&provider.key).await, Ok(()));
    provider.server.set(DOCUMENT, Answer::status(500));
    provider.clock.advance(11 * MINUTE);
    let sound = provider.token(&provider.key);
    for _ in 0..10 {
        let hits = provider.server.hits();
        until("another fetch", || {
            assert_eq!(at_once(verify(&provider.verifier, &sound)), Some(Ok(())));
            provider.server.hits() > hits
        })
        .await;
        // Past the pause after a failure.
        provider.clock.advance(2 * MINUTE);
    }
}
