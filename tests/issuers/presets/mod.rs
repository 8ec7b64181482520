//! Presets: a token of each provider's documented shape is accepted, and each token that the page
//! of the provider in `docs/providers` names is refused.

mod apps;
mod arguments;
mod authorization_servers;
mod aws_alb;
mod changes;
mod entra;
mod firebase_emulator;
mod kubernetes;
mod proxies;
#[cfg(feature = "axum")]
mod requests;
mod workloads;

use crate::support::issuer::{Answer, NOW, Server, changed, key, set_of};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{Authenticator, ErrorKind, Identity, Policy, Preset};
use serde_json::{Value, json};

/// A provider whose keys are published on loopback, and the authenticator of its preset.
struct Provider {
    key: SigningKey,
    claims: Value,
    auth: Authenticator,
    _server: Server,
}

impl Provider {
    /// Starts a provider whose tokens carry these claims; the times are added.
    async fn start(preset: Preset, algorithm: Algorithm, claims: Value) -> Self {
        let key = SigningKey::generate(algorithm).unwrap().with_key_id("k1");
        let server = Server::start().await;
        server.set("/keys", Answer::ok(set_of(&[&key])));
        let auth = Authenticator::builder()
            .preset(preset.jwks_url(server.url("/keys")))
            .clock(ManualClock::at(NOW))
            .build()
            .unwrap();
        let times = json!({"iat": NOW - 10, "exp": NOW + 600});
        Self { key, claims: changed(&claims, &times), auth, _server: server }
    }

    /// A token with these claims changed; `null` removes one.
    fn token(&self, changes: Value) -> String {
        mint(&self.key, &changed(&self.claims, &changes)).unwrap()
    }

    async fn identity(&self, changes: Value) -> Identity {
        self.auth.authenticate(&self.token(changes)).await.unwrap()
    }

    /// Checks what policies allow the documented token.
    async fn allows(&self, allowed: &[Policy], denied: &[Policy]) {
        let identity = self.identity(json!({})).await;
        for policy in allowed {
            assert!(identity.check(policy).is_ok(), "{policy}");
        }
        for policy in denied {
            assert!(identity.check(policy).is_err(), "{policy}");
        }
    }

    /// Checks that a token is refused for this reason.
    async fn refuses(&self, what: &str, token: &str, kind: ErrorKind, reason: &str) {
        let error = self.auth.authenticate(token).await.map(|_| what).unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert!(error.message().contains(reason), "{what}: {error}");
    }

    /// Checks that a token with changed claims is refused for what it says about a claim.
    async fn refuses_claims(&self, what: &str, changes: Value, claim: &str) {
        let token = self.token(changes);
        let error = self.auth.authenticate(&token).await.map(|_| what).unwrap_err();
        let kinds = [ErrorKind::InvalidClaim, ErrorKind::MissingClaim, ErrorKind::UnknownIssuer];
        assert!(kinds.contains(&error.kind()), "{what}: {error}");
        assert!(error.message().contains(claim), "{what}: {error}");
    }

    /// Checks that opaque tokens, and tokens signed with a secret or not at all, are refused.
    async fn refuses_other_forms(&self, opaque: &str) {
        self.refuses("opaque", opaque, ErrorKind::Malformed, "").await;
        let secret = SigningKey::from_secret(Algorithm::HS256, &[7; 32]).unwrap();
        let signed = mint(&secret, &self.claims).unwrap();
        let kind = ErrorKind::UnsupportedAlgorithm;
        self.refuses("signed with a secret", &signed, kind, "HS256").await;
        let header = json!({"alg": "none", "typ": "JWT"});
        let unsigned = mint_with_header(&self.key, &header, self.claims.to_string().as_bytes());
        let unsigned = unsigned.unwrap();
        let stripped = &unsigned[..=unsigned.rfind('.').unwrap()];
        for token in [&*unsigned, stripped] {
            self.refuses("unsigned", token, kind, "none").await;
        }
        let foreign = mint(&key("k1"), &self.claims).unwrap();
        assert!(self.auth.authenticate(&foreign).await.is_err(), "signed with a foreign key");
    }
}
