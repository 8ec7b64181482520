//! Key primitive for one algorithm: the only code that calls signature verification.

use super::algorithm::Algorithm;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters};
use aws_lc_rs::{error::Unspecified, hmac};

#[derive(Clone)]
pub(crate) enum Primitive {
    Hmac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Primitive {
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature),
            Self::Public(key) => key.verify_sig(message, signature),
        }
    }
}

/// Returns the HMAC algorithm; `None` if the algorithm is not HMAC.
pub(crate) fn hmac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// Returns the RSA parameters; `None` if the algorithm is not RSA.
pub(crate) fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Returns the curve's parameters; `None` if the algorithm is neither ECDSA nor Ed25519.
pub(crate) fn curve_parameters(
    algorithm: Algorithm,
) -> Option<&'static dyn signature::VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::ES512 => Some(&signature::ECDSA_P521_SHA512_FIXED),
        Algorithm::EdDSA | Algorithm::Ed25519 => Some(&signature::ED25519),
        _ => None,
    }
}
