//! A key with its rules, once for each side.

use crate::differential::case::SIGNERS;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::{ErrorKind, Verifier};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Validation};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "api";
const LEEWAY: u64 = 60;
const SECRET: &[u8; 64] = &[7; 64];

/// One key, and every algorithm of [`SIGNERS`] that it can be used with.
pub(crate) struct Policy {
    verifier: Verifier,
    key: DecodingKey,
    validation: Validation,
    /// By algorithm: the right key, and one that the verifiers do not know.
    signers: Vec<(Algorithm, [SigningKey; 2])>,
    runtime: tokio::runtime::Runtime,
}

impl Policy {
    pub(crate) fn ours(&self, token: &str) -> Result<Value, ErrorKind> {
        let verified = self.runtime.block_on(self.verifier.verify(token));
        let verified = verified.map_err(|error| error.kind())?;
        Ok(verified.claims::<Value>().unwrap().clone())
    }

    pub(crate) fn theirs(&self, token: &str) -> Result<Value, String> {
        jsonwebtoken::decode(token, &self.key, &self.validation)
            .map(|data| data.claims)
            .map_err(|error| error.to_string())
    }

    pub(crate) fn signer(&self, algorithm: Algorithm, right: bool) -> &SigningKey {
        let (_, [known, unknown]) = self.signers.iter().find(|(a, _)| *a == algorithm).unwrap();
        if right { known } else { unknown }
    }
}

/// In the order that [`SIGNERS`] counts them.
pub(crate) fn all() -> Vec<Policy> {
    let keys: Value = serde_json::from_str(include_str!("../../vectors/keys.json")).unwrap();
    let pem = |name: &str, form: &str| keys[name][form].as_str().unwrap().to_owned();
    let only = |algorithm| Validation::new(algorithm);
    let oct = json!({"kty": "oct", "k": base64url(SECRET)}).to_string();
    let rsa = pem("rsa", "spki");
    let [p256, p384, ed] = ["p256", "p384", "ed25519"].map(|name| pem(name, "spki"));
    let public = |name: &str| keys[name]["jwk"].to_string();
    [
        (
            oct,
            DecodingKey::from_secret(SECRET).unwrap(),
            Validation::new_for_family(AlgorithmFamily::Hmac),
        ),
        (
            public("rsa"),
            DecodingKey::from_rsa_pem(rsa.as_bytes()).unwrap(),
            Validation::new_for_family(AlgorithmFamily::Rsa),
        ),
        (
            public("p256"),
            DecodingKey::from_ec_pem(p256.as_bytes()).unwrap(),
            only(jsonwebtoken::Algorithm::ES256),
        ),
        (
            public("p384"),
            DecodingKey::from_ec_pem(p384.as_bytes()).unwrap(),
            only(jsonwebtoken::Algorithm::ES384),
        ),
        (
            public("ed25519"),
            DecodingKey::from_ed_pem(ed.as_bytes()).unwrap(),
            only(jsonwebtoken::Algorithm::EdDSA),
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (jwk, key, validation))| policy(at, &jwk, key, validation))
    .collect()
}

fn policy(at: usize, jwk: &str, key: DecodingKey, mut validation: Validation) -> Policy {
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);

    let algorithms: Vec<_> = SIGNERS
        .into_iter()
        .filter(|(policy, _)| *policy == at)
        .map(|(_, algorithm)| algorithm)
        .collect();
    let verifier = Verifier::builder()
        .key(VerifyingKey::from_jwk(jwk).unwrap())
        .algorithms(algorithms.clone())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .leeway(Duration::from_secs(LEEWAY))
        .build()
        .unwrap();
    let signers = algorithms
        .into_iter()
        .map(|algorithm| {
            let known = SigningKey::from_jwk(algorithm, jwk).unwrap();
            (algorithm, [known, SigningKey::generate(algorithm).unwrap()])
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Policy { verifier, key, validation, signers, runtime }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
