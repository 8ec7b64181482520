//! Realistic identity-provider tokens, and verifiers that accept them.

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::{VerificationPool, Verifier, VerifierBuilder, testing};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "https://api.example/";
pub(crate) const KEY_ID: &str = "bench-1";
/// Payload bytes of an 848-byte RS256 token, about the size of a common access token.
const PAYLOAD: usize = 334;

/// The claims that a handler uses.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) sub: String,
    pub(crate) email: String,
    pub(crate) roles: Vec<String>,
}

/// Returns the claims of the `number`-th user, padded to `length` bytes of JSON.
pub(crate) fn claims(number: usize, length: usize) -> Value {
    let mut claims = json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": format!("user-{number:09}"),
        "email": format!("user-{number:09}@example.com"),
        "roles": ["reader", "writer"],
        "iat": 1_700_000_000u64,
        "exp": 4_102_444_800u64,
        "tenant": "",
    });
    let fill = length.saturating_sub(claims.to_string().len());
    claims["tenant"] = "t".repeat(fill).into();
    claims
}

/// Generates a signing key under [`KEY_ID`].
pub(crate) fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_key_id(KEY_ID)
}

/// Returns the token of the `number`-th user, with claims of [`PAYLOAD`] bytes.
pub(crate) fn token(key: &SigningKey, number: usize) -> String {
    testing::mint(key, &claims(number, PAYLOAD)).unwrap()
}

/// Signs many tokens, on every core.
pub(crate) fn tokens(key: &SigningKey, count: usize) -> Vec<String> {
    mint_many(count, |number| token(key, number))
}

/// Signs many HS256 tokens as long as RS256 ones, where only the text matters.
pub(crate) fn long_tokens(key: &SigningKey, count: usize) -> Vec<String> {
    mint_many(count, |number| long_token(key, number))
}

/// Returns the HS256 token of the `number`-th user, as long as an RS256 one.
pub(crate) fn long_token(key: &SigningKey, number: usize) -> String {
    // An HMAC is 299 characters shorter than an RSA signature: 224 bytes before base64url.
    testing::mint(key, &claims(number, PAYLOAD + 224)).unwrap()
}

fn mint_many(count: usize, mint: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chunk = count.div_ceil(threads);
    let mint = &mint;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let numbers = (worker * chunk).min(count)..((worker + 1) * chunk).min(count);
                scope.spawn(move || numbers.map(mint).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// Returns a verifier builder with the rules that most applications set.
pub(crate) fn verifier(key: &SigningKey) -> VerifierBuilder {
    Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([key.algorithm()])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        // Every check runs on the measuring thread.
        .verification_pool(VerificationPool::builder().threads(0).build().unwrap())
}
