//! Settings of signing, verifying and sealing keys.

use super::location::Spot;
use super::scalars::{Alg, Hidden};
use crate::config::document::Problem;
use crate::core::error::Error;
use crate::jose::{Algorithm, SigningKey, VerifyingKey};
use crate::store::SealingKeys;

settings! {
    /// A private key or shared secret.
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct SigningMaterial {
        /// A shared secret, at least as long as the algorithm's hash.
        secret: Option<Hidden>,
        /// A file with a shared secret. One line ending at its end is ignored.
        secret_file: Option<String>,
        /// A private key as PEM or JWK.
        private_key: Option<Hidden>,
        /// A file with a private key as PEM, DER or JWK.
        private_key_file: Option<String>,
    }

    /// A key that verifies signatures.
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

    /// A key that only decrypts.
    struct PreviousKey {
        /// 32 random bytes in base64url.
        key: Option<Hidden>,
        /// A file with 32 random bytes in base64url.
        key_file: Option<String>,
    }

    /// Keys that encrypt records in a store.
    pub(in crate::config) struct SealingSettings {
        /// 32 random bytes in base64url.
        key: Option<Hidden>,
        /// A file with 32 random bytes in base64url.
        key_file: Option<String>,
        /// Previous keys, which only decrypt.
        #[serde(default)]
        previous: Vec<PreviousKey>,
    }
}

impl SigningMaterial {
    pub(in crate::config) fn is_given(&self) -> bool {
        self.secret.is_some()
            || self.secret_file.is_some()
            || self.private_key.is_some()
            || self.private_key_file.is_some()
    }

    pub(in crate::config) fn build(
        &self,
        algorithm: Option<Alg>,
        key_id: Option<&String>,
        spot: &Spot<'_>,
    ) -> Result<SigningKey, Problem> {
        spot.one_of(&[
            ("secret", self.secret.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("private_key", self.private_key.is_some()),
            ("private_key_file", self.private_key_file.is_some()),
        ])?;
        let Some(Alg(algorithm)) = algorithm else {
            return Err(
                spot.wrong("the key 'algorithm' is missing: such as \"ES512\" or \"HS256\"")
            );
        };
        let (place, built) = if let Some(Hidden(text)) = &self.private_key {
            let place = spot.key("private_key");
            let Some(text) = written(text.expose()) else {
                return Err(not_a_key(&place, "private_key_file"));
            };
            (place, private(algorithm, text))
        } else if let Some(file) = &self.private_key_file {
            let place = spot.key("private_key_file");
            let bytes = place.private_file(file)?;
            let key = match std::str::from_utf8(&bytes).ok().and_then(written) {
                Some(text) => private(algorithm, text),
                None => SigningKey::from_der(algorithm, &bytes),
            };
            (place, key)
        } else {
            let key = if self.secret.is_some() { "secret" } else { "secret_file" };
            let secret = spot.secret("secret", &self.secret, "secret_file", &self.secret_file)?;
            let Some(secret) = secret else {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'private_key' or \
                     'private_key_file'",
                ));
            };
            (spot.key(key), SigningKey::from_secret(algorithm, secret.expose().as_bytes()))
        };
        let key = built.map_err(|error| place.refused(error))?;
        Ok(match key_id {
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
        let secret = spot.secret("secret", &self.secret, "secret_file", &self.secret_file)?;
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

impl SealingSettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<SealingKeys, Problem> {
        let mut keys = sealing(spot, &self.key, &self.key_file)?;
        for (at, previous) in self.previous.iter().enumerate() {
            let spot = spot.key("previous").index(at);
            keys = keys.with_previous(&sealing(&spot, &previous.key, &previous.key_file)?);
        }
        Ok(keys)
    }
}

fn sealing(
    spot: &Spot<'_>,
    key: &Option<Hidden>,
    file: &Option<String>,
) -> Result<SealingKeys, Problem> {
    let place = spot.key(if file.is_some() { "key_file" } else { "key" });
    match spot.secret("key", key, "key_file", file)? {
        Some(text) => {
            SealingKeys::from_base64url(text.expose()).map_err(|error| place.refused(error))
        }
        None => Err(spot.wrong("there is no key: give 'key' or 'key_file'")),
    }
}
