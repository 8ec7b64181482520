//! The attacks on a request verifier, through axum and actix-web: each crafted credential is
//! refused with the right challenge, and on the same server an honest one is served. The number in
//! a test's name is the row of `docs/attacks.md`.

mod claims;
mod key_sets;
mod keys;
mod memory;
mod structure;

use crate::support::{ANN, NOW, Request, Servers, Site};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, CredentialSource, Verifier, VerifierBuilder};
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://issuer.example";
const MALFORMED: &str = r#"Bearer realm="api", error="invalid_request""#;
const INVALID: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="The token is invalid.""#;
const EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="The token is expired.""#;

/// Both servers, and the key of the issuer that they trust.
struct Target {
    key: SigningKey,
    clock: ManualClock,
    verifier: Verifier,
    servers: Servers,
}

impl Target {
    async fn new(algorithm: Algorithm) -> Self {
        Self::with_rules(algorithm, |rules| rules).await
    }

    async fn with_rules(
        algorithm: Algorithm,
        change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let clock = ManualClock::at(NOW);
        let rules = Verifier::builder()
            .key(key.verifying_key().unwrap())
            .algorithms([algorithm])
            .issuer(ISSUER)
            .audience("api")
            .leeway(Duration::ZERO)
            .clock(clock.clone());
        let verifier = change(rules).build().unwrap();
        let servers = serve(Authenticator::builder().verifier(verifier.clone())).await;
        Self { key, clock, verifier, servers }
    }

    fn header(&self) -> Value {
        json!({"alg": self.key.algorithm().name(), "typ": "JWT"})
    }

    /// An honest token, but for what is changed in its claims.
    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = honest();
        change(&mut claims);
        testing::mint(&self.key, &claims).unwrap()
    }

    /// An honest payload under this header, signed by the right key.
    fn under(&self, header: &Value) -> String {
        testing::mint_with_header(&self.key, header, honest().to_string().as_bytes()).unwrap()
    }

    /// Any payload, signed by the right key.
    fn over(&self, payload: impl AsRef<[u8]>) -> String {
        testing::mint_with_header(&self.key, &self.header(), payload.as_ref()).unwrap()
    }

    async fn accepts(&self, token: &str) {
        accepts(&self.servers, token).await;
    }

    async fn refuses(&self, token: &str) {
        refuses(&self.servers, token, 401, INVALID).await;
    }

    async fn refuses_all(&self, tokens: impl IntoIterator<Item = String>) {
        let mut refused = 0;
        for token in tokens {
            self.refuses(&token).await;
            refused += 1;
        }
        assert!(refused > 0);
        self.accepts(&self.token(|_| {})).await;
    }
}

/// The bearer header first, then a cookie, then the query.
async fn serve(builder: jamguard::AuthenticatorBuilder) -> Servers {
    let auth = builder
        .sources([
            CredentialSource::bearer(),
            CredentialSource::cookie("token"),
            CredentialSource::query("token"),
        ])
        .realm("api")
        .build()
        .unwrap();
    Servers::start(Site::new(auth)).await
}

fn honest() -> Value {
    json!({"iss": ISSUER, "aud": "api", "sub": "42", "email": ANN, "exp": NOW + 60})
}

async fn accepts(servers: &Servers, token: &str) {
    let answer = servers.ask(Request::get("/me").bearer(token)).await;
    assert_eq!((answer.status, answer.text()), (200, ANN), "{token}");
    let answer = servers.ask(Request::get("/guarded").cookie("token", token)).await;
    assert_eq!(answer.status, 200);
}

/// As bearer: this answer, also where no login is needed. As a cookie: nobody.
async fn refuses(servers: &Servers, token: &str, status: u16, challenge: &str) {
    for path in ["/me", "/guarded", "/hello"] {
        let answer = servers.ask(Request::get(path).bearer(token)).await;
        assert_eq!(answer.status, status, "{path} {token}");
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{token}");
        assert_eq!(answer.json()["status"], status);
    }
    if !token.contains(';') {
        let answer = servers.ask(Request::get("/hello").cookie("token", token)).await;
        assert_eq!(answer.text(), "Hello, stranger!", "{token}");
        let answer = servers.ask(Request::get("/guarded").cookie("token", token)).await;
        assert_eq!(answer.status, 401, "{token}");
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Header, payload and signature of a token, encoded.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// A token from raw bytes, signed by `sign`.
fn compact(header: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}
