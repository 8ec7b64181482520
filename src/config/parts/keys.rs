//! Settings of signing, verifying and sealing keys.

use super::location::Spot;
use super::scalars::{Alg, Hidden};
use crate::config::document::Problem;
use crate::core::error::Error;
use crate::core::secret::Secret;
use crate::jose::{Algorithm, SigningKey, VerifyingKey};
use crate::store::SealingKeys;
use serde::Deserialize;

/// The fields of a section that give a private key or shared secret.
#[derive(Clone, Copy)]
pub(in crate::config) struct SigningMaterial<'a> {
    pub(in crate::config) algorithm: Option<Alg>,
    pub(in crate::config) key_id: Option<&'a String>,
    pub(in crate::config) secret: Option<&'a Hidden>,
    pub(in crate::config) secret_file: Option<&'a String>,
    pub(in crate::config) private_key: Option<&'a Hidden>,
    pub(in crate::config) private_key_file: Option<&'a String>,
}

impl SigningMaterial<'_> {
    pub(in crate::config) fn is_given(&self) -> bool {
        self.secret.is_some()
            || self.secret_file.is_some()
            || self.private_key.is_some()
            || self.private_key_file.is_some()
    }

    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<SigningKey, Problem> {
        spot.one_of(&[
            ("secret", self.secret.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("private_key", self.private_key.is_some()),
            ("private_key_file", self.private_key_file.is_some()),
        ])?;
        let Some(Alg(algorithm)) = self.algorithm else {
            return Err(
                spot.wrong("the key 'algorithm' is missing: such as \"ES512\" or \"HS256\"")
            );
        };
        let secret = spot.secret(("secret", self.secret), ("secret_file", self.secret_file))?;
        let (place, built) = match (secret, self.private_key, self.private_key_file) {
            (Some(secret), ..) => {
                let place = match self.secret {
                    Some(_) => spot.key("secret"),
                    None => spot.key("secret_file"),
                };
                let key = SigningKey::from_secret(algorithm, secret.expose().as_bytes());
                (place, key)
            }
            (None, Some(key), _) => {
                let place = spot.key("private_key");
                let Some(text) = written(key.0.expose()) else {
                    return Err(not_a_key(&place, "private_key_file"));
                };
                (place, private(algorithm, text))
            }
            (None, None, Some(file)) => {
                let place = spot.key("private_key_file");
                let bytes = place.private_file(file)?;
                let key = match std::str::from_utf8(&bytes).ok().and_then(written) {
                    Some(text) => private(algorithm, text),
                    None => SigningKey::from_der(algorithm, &bytes),
                };
                (place, key)
            }
            (None, None, None) => {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'private_key' or \
                     'private_key_file'",
                ));
            }
        };
        let key = built.map_err(|error| place.refused(error))?;
        Ok(match self.key_id {
            Some(name) => key.with_key_id(name),
            None => key,
        })
    }
}

/// A key in a text encoding.
enum Written<'a> {
    Pem(&'a str),
    Jwk(&'a str),
}

fn written(text: &str) -> Option<Written<'_>> {
    let begin = text.trim_start();
    match begin {
        _ if begin.starts_with("-----BEGIN ") => Some(Written::Pem(text)),
        _ if begin.starts_with('{') => Some(Written::Jwk(text)),
        _ => None,
    }
}

fn not_a_key(place: &Spot<'_>, file_key: &str) -> Problem {
    place.wrong(format!("this is neither PEM nor a JWK: to name a file, use '{file_key}'"))
}

fn private(algorithm: Algorithm, text: Written<'_>) -> Result<SigningKey, Error> {
    match text {
        Written::Pem(pem) => SigningKey::from_pem(algorithm, pem),
        Written::Jwk(jwk) => SigningKey::from_jwk(algorithm, jwk),
    }
}

/// A key that verifies signatures.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct VerifyingKeySettings {
    /// The only algorithm of the key. A JWK names its own.
    algorithm: Option<Alg>,
    /// The key's id, `kid`.
    key_id: Option<String>,
    /// A shared secret, at least as long as the algorithm's hash.
    secret: Option<Hidden>,
    /// A file with a shared secret. One line ending at its end is ignored.
    secret_file: Option<String>,
    /// A public key as PEM or JWK.
    public_key: Option<String>,
    /// A file with a public key as PEM, DER or JWK.
    public_key_file: Option<String>,
}

impl VerifyingKeySettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<VerifyingKey, Problem> {
        spot.one_of(&[
            ("secret", self.secret.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("public_key", self.public_key.is_some()),
            ("public_key_file", self.public_key_file.is_some()),
        ])?;
        let algorithm = || match self.algorithm {
            Some(Alg(algorithm)) => Ok(algorithm),
            None => Err(spot.wrong("the key 'algorithm' is missing: only a JWK names its own")),
        };
        let public = |place: &Spot<'_>, text| match text {
            Written::Pem(pem) => {
                let key = VerifyingKey::from_pem(algorithm()?, pem);
                key.map_err(|error| place.refused(error))
            }
            Written::Jwk(jwk) => {
                let key = VerifyingKey::from_jwk(jwk).map_err(|error| place.refused(error))?;
                match self.algorithm {
                    Some(Alg(algorithm)) if !key.algorithms().any(|a| a == algorithm) => {
                        Err(place.wrong(format!("the JWK is not for {algorithm}")))
                    }
                    _ => Ok(key),
                }
            }
        };
        let secret = spot
            .secret(("secret", self.secret.as_ref()), ("secret_file", self.secret_file.as_ref()))?;
        let key = match (secret, &self.public_key, &self.public_key_file) {
            (Some(secret), ..) => {
                let key = VerifyingKey::from_secret(algorithm()?, secret.expose().as_bytes());
                key.map_err(|error| spot.refused(error))?
            }
            (None, Some(key), _) => {
                let place = spot.key("public_key");
                match written(key) {
                    Some(text) => public(&place, text)?,
                    None => return Err(not_a_key(&place, "public_key_file")),
                }
            }
            (None, None, Some(file)) => {
                let place = spot.key("public_key_file");
                let bytes = place.file(file)?;
                match std::str::from_utf8(&bytes).ok().and_then(written) {
                    Some(text) => public(&place, text)?,
                    None => VerifyingKey::from_der(algorithm()?, &bytes)
                        .map_err(|error| place.refused(error))?,
                }
            }
            (None, None, None) => {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'public_key' or \
                     'public_key_file'",
                ));
            }
        };
        Ok(match &self.key_id {
            Some(name) => key.with_key_id(name),
            None => key,
        })
    }
}

/// Keys that encrypt records in a store.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SealingSettings {
    /// 32 random bytes in base64url.
    key: Option<Hidden>,
    /// A file with 32 random bytes in base64url.
    key_file: Option<String>,
    /// Previous keys, which only decrypt.
    #[serde(default)]
    previous: Vec<PreviousKey>,
}

/// A key that only decrypts.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct PreviousKey {
    /// 32 random bytes in base64url.
    key: Option<Hidden>,
    /// A file with 32 random bytes in base64url.
    key_file: Option<String>,
}

impl SealingSettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<SealingKeys, Problem> {
        let mut keys = sealing(spot, self.key.as_ref(), self.key_file.as_ref())?;
        for (at, previous) in self.previous.iter().enumerate() {
            let spot = spot.key("previous").index(at);
            let previous = sealing(&spot, previous.key.as_ref(), previous.key_file.as_ref())?;
            keys = keys.with_previous(&previous);
        }
        Ok(keys)
    }
}

fn sealing(
    spot: &Spot<'_>,
    key: Option<&Hidden>,
    file: Option<&String>,
) -> Result<SealingKeys, Problem> {
    let place = match file {
        Some(_) => spot.key("key_file"),
        None => spot.key("key"),
    };
    let text: Option<Secret> = spot.secret(("key", key), ("key_file", file))?;
    match text {
        Some(text) => {
            SealingKeys::from_base64url(text.expose()).map_err(|error| place.refused(error))
        }
        None => Err(spot.wrong("there is no key: give 'key' or 'key_file'")),
    }
}
