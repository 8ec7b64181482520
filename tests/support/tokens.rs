//! What the attack tests share: a verifier, a token that it accepts, and ways to spoil that token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{ErrorKind, Verified, Verifier, VerifierBuilder};
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "api";

/// Verifies with a verifier of fixed keys, which has no network and waits for its threads alone.
pub(crate) fn verify(verifier: &Verifier, token: &str) -> Result<Verified, ErrorKind> {
    block_on(verifier.verify(token)).map_err(|error| error.kind())
}

/// Runs a future on this thread, without a runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(Duration::from_secs(1)),
        }
    }
}

/// Returns what a refusal tells the developer.
#[track_caller]
pub(crate) fn reason(verifier: &Verifier, token: &str) -> String {
    match block_on(verifier.verify(token)) {
        Err(error) => error.message().to_owned(),
        Ok(_) => panic!("accepted"),
    }
}

#[track_caller]
pub(crate) fn accepts(verifier: &Verifier, token: &str, what: &str) -> Verified {
    match verify(verifier, token) {
        Ok(verified) => verified,
        Err(kind) => panic!("{what}: refused as {kind}"),
    }
}

#[track_caller]
pub(crate) fn refuses(verifier: &Verifier, token: &str, kind: ErrorKind, what: &str) {
    match verify(verifier, token) {
        Ok(_) => panic!("{what}: accepted"),
        Err(found) => assert_eq!(found, kind, "{what}"),
    }
}

/// A builder whose rules the [`claims`] meet.
pub(crate) fn rules(key: &SigningKey) -> VerifierBuilder {
    Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([key.algorithm()])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(ManualClock::at(NOW))
}

pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "42", "exp": NOW + 600})
}

/// The [`claims`] with one changed or added.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// The [`claims`] with one left out.
pub(crate) fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A verifier under attack. Each attack is tried before and after a sound token was cached, and
/// the sound token must pass both times: no test here can pass because nothing is accepted.
pub(crate) struct Target {
    pub(crate) key: SigningKey,
    pub(crate) verifier: Verifier,
    /// Accepted by `verifier`.
    pub(crate) sound: String,
}

impl Target {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self::with_key(SigningKey::generate(algorithm).unwrap())
    }

    pub(crate) fn with_key(key: SigningKey) -> Self {
        Self::with_rules(key, |rules| rules)
    }

    pub(crate) fn with_rules(
        key: SigningKey,
        more: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let sound = mint(&key, &claims()).unwrap();
        Self::accepting(key, more, sound)
    }

    pub(crate) fn accepting(
        key: SigningKey,
        more: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
        sound: String,
    ) -> Self {
        let verifier = more(rules(&key)).build().unwrap();
        Self { key, verifier, sound }
    }

    #[track_caller]
    pub(crate) fn refuses(&self, token: &str, kind: ErrorKind, what: &str) {
        refuses(&self.verifier, token, kind, what);
        accepts(&self.verifier, &self.sound, "the sound token");
        refuses(&self.verifier, token, kind, what);
        accepts(&self.verifier, &self.sound, "the sound token again");
    }

    #[track_caller]
    pub(crate) fn accepts(&self, token: &str, what: &str) {
        accepts(&self.verifier, token, what);
        accepts(&self.verifier, token, what);
    }

    /// Refuses claims that are signed as they should be.
    #[track_caller]
    pub(crate) fn refuses_claims(&self, claims: &Value, kind: ErrorKind) {
        self.refuses(&self.mint(claims), kind, &claims.to_string());
    }

    #[track_caller]
    pub(crate) fn accepts_claims(&self, claims: &Value) {
        self.accepts(&self.mint(claims), &claims.to_string());
    }

    /// Refuses a payload that is signed as it should be, byte by byte as given.
    #[track_caller]
    pub(crate) fn refuses_payload(&self, payload: impl AsRef<[u8]>, kind: ErrorKind) {
        let token = self.sign_payload(payload.as_ref());
        self.refuses(&token, kind, &String::from_utf8_lossy(payload.as_ref()));
    }

    #[track_caller]
    pub(crate) fn accepts_payload(&self, payload: impl AsRef<[u8]>) {
        let token = self.sign_payload(payload.as_ref());
        self.accepts(&token, &String::from_utf8_lossy(payload.as_ref()));
    }

    fn sign_payload(&self, payload: &[u8]) -> String {
        let header = json!({"alg": self.key.algorithm().name()});
        mint_with_header(&self.key, &header, payload).unwrap()
    }

    pub(crate) fn mint(&self, claims: &Value) -> String {
        mint(&self.key, claims).unwrap()
    }

    /// The sound claims under a header with one member changed or added, signed.
    pub(crate) fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = json!({"alg": self.key.algorithm().name(), "typ": "JWT"});
        if let Some(kid) = self.key.key_id() {
            header["kid"] = kid.into();
        }
        header[name] = value;
        self.under(&header)
    }

    /// The sound claims under any header, signed.
    pub(crate) fn under(&self, header: &Value) -> String {
        mint_with_header(&self.key, header, claims().to_string().as_bytes()).unwrap()
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Signs `header.payload` as written, whatever that is.
pub(crate) fn sign_text(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = encode(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

pub(crate) fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// The token with other bytes for its signature.
pub(crate) fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", encode(signature))
}

pub(crate) fn signature(token: &str) -> Vec<u8> {
    decode(parts(token)[2])
}

/// The order of the curve's group, big-endian, as long as a coordinate (SEC 2).
pub(crate) fn order(algorithm: Algorithm) -> Vec<u8> {
    let hex = match algorithm {
        Algorithm::ES256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::ES384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffff\
             c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        Algorithm::ES512 => {
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
             51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        }
        other => panic!("{other} is no ECDSA algorithm"),
    };
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// a - b, both big-endian and equally long, a ≥ b.
pub(crate) fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference = vec![0; a.len()];
    for at in (0..a.len()).rev() {
        let digit = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = digit.rem_euclid(256) as u8;
    }
    assert_eq!(borrow, 0, "a is the smaller one");
    difference
}

/// a + b, both big-endian and equally long, with the carry in front where there is one.
pub(crate) fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum = vec![0; a.len()];
    for at in (0..a.len()).rev() {
        let digit = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = digit >> 8;
        sum[at] = digit as u8;
    }
    if carry > 0 {
        sum.insert(0, 1);
    }
    sum
}

/// The public key's JWK as a JSON value.
pub(crate) fn jwk(key: &SigningKey) -> Value {
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap().to_json();
    serde_json::from_str(&jwk).unwrap()
}

/// The public key as SPKI DER.
pub(crate) fn spki(key: &SigningKey) -> Vec<u8> {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
    let jwk = jwk(key);
    let number = |name: &str| decode(jwk[name].as_str().unwrap());
    let point = || [&[4][..], &number("x"), &number("y")].concat();
    let parsed = match key.algorithm() {
        Algorithm::ES256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point()),
        Algorithm::ES384 => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point()),
        Algorithm::ES512 => ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point()),
        Algorithm::EdDSA => ParsedPublicKey::new(&signature::ED25519, number("x")),
        _ => RsaPublicKeyComponents { n: number("n"), e: number("e") }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256),
    };
    parsed.unwrap().as_der().unwrap().as_ref().to_vec()
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    pem::Pem::new(label, der).to_string()
}
