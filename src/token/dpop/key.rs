//! [`DpopKey`]: the client's side of DPoP, a key and the proofs that it signs (RFC 9449 section 4.2).

use super::proof::TYPE;
use super::target::Target;
use crate::core::settings::setters;
use crate::core::{
    Clock, Error, ErrorKind, Secret, SystemClock, clock::since_epoch, debug_fields, random::random,
    sha256,
};
use crate::jose::{Algorithm, SigningKey, encoding, jws};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::SystemTime};

/// A key that DPoP-bound tokens are bound to. Cheap to clone.
///
/// # Example
/// ```
/// use jamguard::DpopKey;
///
/// let key = DpopKey::generate()?;
/// # let token = jamguard::Secret::new("token");
/// let proof = key.proof("GET", "https://api.example.com/orders").access_token(&token).sign()?;
/// // Authorization: DPoP <token>
/// // DPoP: <proof>
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct DpopKey(Arc<Inner>);

struct Inner {
    key: SigningKey,
    thumbprint: String,
    /// The header of its proofs.
    header: Value,
}

impl DpopKey {
    /// Generates a key for ES256. It lasts as long as the value: its tokens are useless afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the system's random source fails.
    pub fn generate() -> Result<Self, Error> {
        Self::new(SigningKey::generate(Algorithm::ES256)?)
    }

    /// Creates it from a private key, such as one that is kept beside a refresh token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for a shared secret, whose holder could make every proof.
    pub fn new(key: SigningKey) -> Result<Self, Error> {
        let secret = "a DPoP key is a key pair: HS256, HS384 and HS512 have no public key to send";
        let public = key.verifying_key()?;
        let jwk = public.to_jwk().ok_or_else(|| Error::new(ErrorKind::InvalidKey, secret))?;
        let mut members = jwk.members()?;
        members.retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
        let header = json!({ "typ": TYPE, "alg": key.algorithm().name(), "jwk": members });
        let thumbprint = jwk.thumbprint()?;
        Ok(Self(Arc::new(Inner { key, thumbprint, header })))
    }

    /// Returns the thumbprint of the public key, which is `cnf.jkt` of the tokens (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }

    /// Begins a proof for one request. `url` is absolute; its query and fragment are left out.
    pub fn proof(&self, method: impl Into<String>, url: &str) -> DpopProof {
        let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let method = method.into();
        DpopProof { key: self.clone(), method, url, token_hash: None, nonce: None, time: None }
    }
}

/// A proof for one request, made by [`DpopKey::proof`].
///
/// # Example
/// ```
/// # use jamguard::{DpopKey, Error, Secret};
/// # fn example(key: DpopKey, token: Secret, nonce: Option<&str>) -> Result<(), Error> {
/// let proof = key
///     .proof("POST", "https://api.example.com/orders")
///     .access_token(&token)
///     .nonce(nonce) // the header DPoP-Nonce of the server's last response
///     .sign()?;
/// # Ok(()) }
/// ```
#[must_use = "does nothing until .sign()"]
#[derive(Clone)]
pub struct DpopProof {
    key: DpopKey,
    method: String,
    url: String,
    token_hash: Option<String>,
    nonce: Option<String>,
    time: Option<SystemTime>,
}

impl DpopProof {
    setters! {
        /// Sets the access token that the request carries. A token request carries none.
        pub fn access_token(token: &Secret) {
            self.token_hash = Some(encoding::encode(sha256(token.expose())))
        }
    }

    /// Sets the nonce of the server's last response, if it sent one (RFC 9449 section 8).
    pub fn nonce<'a>(mut self, nonce: impl Into<Option<&'a str>>) -> Self {
        self.nonce = nonce.into().map(str::to_owned);
        self
    }

    setters! {
        /// Sets the time of the proof. Default: now.
        pub fn issued_at(time: SystemTime) { self.time = Some(time) }
    }

    /// Signs the proof. It is for one request: another one needs its own.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the URL is not an absolute http or https URL;
    /// [`ErrorKind::InvalidKey`] or [`ErrorKind::Internal`] if signing fails.
    pub fn sign(self) -> Result<String, Error> {
        if Target::parse(&self.url).is_none() {
            return Err(Error::configuration(format!(
                "'{}' is not a URL for a DPoP proof: use an absolute one, https://…",
                self.url
            )));
        }
        let now = self.time.map_or_else(|| SystemClock.now(), since_epoch);
        let mut claims = Map::new();
        claims.insert("jti".into(), encoding::encode(random::<16>()?).into());
        claims.insert("htm".into(), self.method.into());
        claims.insert("htu".into(), self.url.into());
        claims.insert("iat".into(), now.as_secs().into());
        for (name, value) in [("ath", self.token_hash), ("nonce", self.nonce)] {
            if let Some(value) = value {
                claims.insert(name.into(), value.into());
            }
        }
        let Inner { key, header, .. } = &*self.key.0;
        jws::sign_with_header(key, header, Value::Object(claims).to_string().as_bytes())
    }
}

debug_fields!(DpopKey, self, thumbprint = self.thumbprint());
debug_fields!(DpopProof, self, method = self.method, url = self.url);
