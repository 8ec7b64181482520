//! A DPoP proof: its form, header, key, signature and claims (RFC 9449 sections 4.2 and 4.3).

use crate::core::json::{self, Scalar};
use crate::core::{Error, ErrorKind, mismatch};
use crate::jose::header::is_type;
use crate::jose::{Algorithm, Header, Jwk, VerifyingKey, jws::Compact, not_allowed};
use crate::token::registered::{Leniency, date};
use serde_json::Value;

pub(crate) const TYPE: &str = "dpop+jwt";
/// Longest proof, in bytes. The largest legitimate ones hold an RSA key and its signature.
const MAX_LEN: usize = 8 * 1024;
/// Longest `jti`, in bytes.
const MAX_ID: usize = 256;
/// The members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A parsed proof, with the key that it contains. Its signature and claims are not checked yet.
pub(super) struct Proof {
    pub(super) key: VerifyingKey,
    algorithm: Algorithm,
    /// The thumbprint of the key (RFC 7638).
    pub(super) thumbprint: String,
    pub(super) id: String,
    pub(super) method: String,
    pub(super) url: String,
    /// Unix seconds of `iat`.
    pub(super) issued_at: u64,
    /// `ath`: the hash of the access token.
    pub(super) token_hash: Option<String>,
    pub(super) nonce: Option<String>,
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidProof, message.into())
}

fn about_proof(error: Error) -> Error {
    invalid(format!("the DPoP proof: {error}"))
}

impl Proof {
    /// Parses a proof.
    pub(super) fn parse(text: &str, algorithms: &[Algorithm]) -> Result<Self, Error> {
        let compact = Compact::split(text.as_bytes(), MAX_LEN).map_err(about_proof)?;
        // Each client has its own key, so these headers would only fill the cache of headers.
        let header_text = Header::decode(compact.header, false).map_err(about_proof)?;
        let header = Header::parse(&header_text).map_err(about_proof)?;
        if !header.token_type().is_some_and(|typ| is_type(typ, TYPE)) {
            let how = mismatch(&[TYPE], header.token_type().as_slice());
            return Err(invalid(format!("the DPoP proof's typ is wrong: {how}")));
        }
        if !algorithms.contains(&header.algorithm()) {
            return Err(about_proof(not_allowed(algorithms, header.algorithm())));
        }
        let jwk = public_key(&header_text)?;
        let key = VerifyingKey::from_public_jwk(&jwk).map_err(about_proof)?;
        let thumbprint = jwk.thumbprint().map_err(about_proof)?;
        let payload = compact.payload_text().map_err(about_proof)?;
        Self::claims(&payload, key, header.algorithm(), thumbprint)
    }

    /// Returns the check of the signature of the text that this proof was parsed from.
    pub(super) fn signature_check(
        &self,
        text: &str,
    ) -> impl FnOnce() -> Result<(), Error> + Send + use<> {
        let (text, key, algorithm) = (text.to_owned(), self.key.clone(), self.algorithm);
        move || {
            let compact = Compact::split(text.as_bytes(), MAX_LEN).map_err(about_proof)?;
            compact.verify(&key, algorithm).map_err(about_proof)
        }
    }

    fn claims(
        payload: &str,
        key: VerifyingKey,
        algorithm: Algorithm,
        thumbprint: String,
    ) -> Result<Self, Error> {
        let (mut id, mut method, mut url, mut token_hash, mut nonce) =
            (None, None, None, None, None);
        let (mut issued_at, mut fault) = (None, None);
        json::object(payload, |name, value| {
            let text = match name {
                "jti" => &mut id,
                "htm" => &mut method,
                "htu" => &mut url,
                "ath" => &mut token_hash,
                "nonce" => &mut nonce,
                "iat" => {
                    issued_at = date(&value, false, Leniency::default());
                    return;
                }
                _ => return,
            };
            match value {
                Scalar::Text(value) => *text = Some(value.into_owned()),
                _ => fault = Some(name.to_owned()),
            }
        })
        .map_err(|_| {
            invalid("the DPoP proof's payload is not a JSON object, or has a member twice")
        })?;
        if let Some(name) = fault {
            return Err(invalid(format!("the DPoP proof's '{name}' is not a string")));
        }
        let missing = |name| invalid(format!("the DPoP proof lacks a valid '{name}'"));
        let is_id = |id: &String| (1..=MAX_ID).contains(&id.len());
        Ok(Self {
            key,
            algorithm,
            thumbprint,
            id: id.filter(is_id).ok_or_else(|| missing("jti"))?,
            method: method.ok_or_else(|| missing("htm"))?,
            url: url.ok_or_else(|| missing("htu"))?,
            issued_at: issued_at.ok_or_else(|| missing("iat"))?,
            token_hash,
            nonce,
        })
    }
}

/// Returns the `jwk` of a header, which must be a public key.
fn public_key(header: &str) -> Result<Jwk, Error> {
    let header: Value =
        serde_json::from_str(header).map_err(|_| invalid("the DPoP proof's header is not JSON"))?;
    let Some(jwk) = header.get("jwk").and_then(Value::as_object) else {
        return Err(invalid("the DPoP proof's header has no jwk"));
    };
    if let Some(name) = PRIVATE_MEMBERS.iter().find(|name| jwk.contains_key(**name)) {
        return Err(invalid(format!(
            "the DPoP proof's jwk has the private member '{name}': the client must send its public \
             key only, and replace this one"
        )));
    }
    serde_json::from_value(Value::Object(jwk.clone()))
        .map_err(|error| invalid(format!("the DPoP proof's jwk: {error}")))
}
