//! Keys, tokens and a runtime that targets share.

use actix_web::rt::{System, SystemRunner};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::Verifier;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::ManualClock;
use std::{future::Future, sync::LazyLock};

/// The time of all clocks: 2026-01-01.
pub const NOW: u64 = 1_767_225_600;
pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "api";
pub const SECRET: &[u8; 64] = &[7; 64];

/// The secret of all HS256 tokens.
pub static HMAC: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap());

/// Drives the futures of a thread's target, in a runtime that actix-web works in too.
pub fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static SYSTEM: SystemRunner = System::new();
    }
    SYSTEM.with(|system| system.block_on(future))
}

pub fn clock() -> ManualClock {
    ManualClock::at(NOW)
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes as RFC 7515 section 2 says, whatever the last bits are.
pub fn decode_leniently(text: &str) -> Option<Vec<u8>> {
    use base64::engine::general_purpose::GeneralPurposeConfig;
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, lenient).decode(text).ok()
}

/// The verifier of tokens that [`HMAC`] signs.
pub fn verifier() -> Verifier {
    Verifier::builder()
        .key(HMAC.verifying_key().unwrap())
        .algorithms([Algorithm::HS256])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(clock())
        .build()
        .unwrap()
}

/// Signs any header and payload with a key.
pub fn sign(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode(signature))
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
