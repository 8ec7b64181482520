//! Tokens of Firebase's Auth emulator, which are not signed: development only.

use crate::core::{Error, ErrorKind, debug_fields};
use crate::jose::jws::{self, Compact};
use crate::jose::{Algorithm, SigningKey, VerifyingKey};
use serde::Deserialize;

/// Signs the unsigned tokens of the emulator with a key of this process.
///
/// The verifier then checks them like any other token: there is no way around its signature check.
/// The signer refuses every token that is not of one project, whatever the verifier's rules are,
/// and the verifier has no other key, so that it refuses tokens of the real service.
pub(crate) struct EmulatorSigner {
    project_id: Box<str>,
    key: SigningKey,
}

/// The header and the claims that the emulator writes.
#[derive(Deserialize)]
struct Unsigned {
    alg: String,
}

#[derive(Deserialize)]
struct ProjectClaims {
    iss: String,
    aud: String,
}

#[cfg_attr(not(feature = "client"), allow(dead_code))]
impl EmulatorSigner {
    pub(crate) const ALGORITHM: Algorithm = Algorithm::Ed25519;

    /// # Errors
    /// A configuration error for a project that may exist: those of the emulator alone begin with
    /// `demo-`.
    pub(crate) fn new(project_id: &str) -> Result<Self, Error> {
        if !project_id.starts_with("demo-") {
            return Err(Error::configuration(
                "the tokens of Firebase's emulator are not signed, so anyone can write them: only \
                 a project whose ID begins with demo- is accepted, which has no real users",
            ));
        }
        let key = SigningKey::generate(Self::ALGORITHM)?;
        Ok(Self { project_id: project_id.into(), key })
    }

    pub(crate) fn verifying_key(&self) -> Result<VerifyingKey, Error> {
        self.key.verifying_key()
    }

    /// Returns the token with a signature.
    ///
    /// # Errors
    /// The token is signed, or is not of this project.
    pub(super) fn sign(&self, token: &[u8], max_len: usize) -> Result<String, Error> {
        let refused = |message| Error::new(ErrorKind::BadSignature, message);
        let compact = Compact::split(token, max_len)?;
        let header: Option<Unsigned> = serde_json::from_str(&compact.header_text()?).ok();
        let is_unsigned = header.is_some_and(|header| header.alg == "none");
        if !is_unsigned || !compact.signature.is_empty() {
            return Err(refused("only unsigned tokens of Firebase's emulator are accepted"));
        }
        let payload = compact.payload_bytes()?;
        let claims: Option<ProjectClaims> = serde_json::from_slice(&payload).ok();
        let issuer = format!("https://securetoken.google.com/{}", self.project_id);
        match claims {
            Some(claims) if claims.iss == issuer && *claims.aud == *self.project_id => {}
            _ => return Err(refused("the unsigned token is not of the emulator's project")),
        }
        let header = serde_json::json!({"alg": Self::ALGORITHM.name(), "typ": "JWT"});
        jws::sign_with_header(&self.key, &header, &payload)
    }
}

debug_fields!(EmulatorSigner, self, project_id = self.project_id);
