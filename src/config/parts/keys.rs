//! Settings of signing, verifying and sealing keys.

use super::location::Spot;
use super::scalars::{Alg, Hidden};
use crate::config::document::{Content, Problem};
use crate::core::secret::Secret;
use crate::jose::{SigningKey, VerifyingKey};
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

/// A key as the file gives it.
enum Material {
    Secret(Secret),
    Pem(Secret),
    Jwk(Secret),
    Der(Content),
}

impl Material {
    /// Returns the key that a text is, if it is PEM or a JWK.
    fn of_text(text: &str) -> Option<Self> {
        let begin = text.trim_start();
        match begin {
            _ if begin.starts_with("-----BEGIN ") => Some(Self::Pem(Secret::new(text))),
            _ if begin.starts_with('{') => Some(Self::Jwk(Secret::new(text))),
            _ => None,
        }
    }

    fn of_file(content: Content) -> Self {
        let text = std::str::from_utf8(&content).ok().and_then(Self::of_text);
        text.unwrap_or(Self::Der(content))
    }

    /// Returns the key that is given as text, in place of a file that `file_key` names.
    fn of_value(text: &str, file_key: &str, place: &Spot<'_>) -> Result<Self, Problem> {
        Self::of_text(text).ok_or_else(|| {
            place.wrong(format!("this is neither PEM nor a JWK: to name a file, use '{file_key}'"))
        })
    }
}

impl SigningMaterial {
    pub(in crate::config) fn is_given(&self) -> bool {
        self.given().iter().any(|(_, given)| *given)
    }

    fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("secret", self.secret.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("private_key", self.private_key.is_some()),
            ("private_key_file", self.private_key_file.is_some()),
        ]
    }

    pub(in crate::config) fn build(
        &self,
        algorithm: Option<Alg>,
        key_id: Option<&String>,
        spot: &Spot<'_>,
    ) -> Result<SigningKey, Problem> {
        spot.one_of(&self.given())?;
        let Some(Alg(algorithm)) = algorithm else {
            return Err(
                spot.wrong("the key 'algorithm' is missing: such as \"ES512\" or \"HS256\"")
            );
        };
        let no_key = || {
            spot.wrong(
                "there is no key: give 'secret', 'secret_file', 'private_key' or \
                 'private_key_file'",
            )
        };
        let given = self.given().into_iter().find(|(_, given)| *given);
        let place = spot.key(given.ok_or_else(no_key)?.0);
        let material = match (&self.private_key, &self.private_key_file) {
            (Some(Hidden(text)), _) => {
                Material::of_value(text.expose(), "private_key_file", &place)?
            }
            (None, Some(file)) => Material::of_file(place.private_file(file)?),
            (None, None) => {
                let secret =
                    spot.secret("secret", &self.secret, "secret_file", &self.secret_file)?;
                Material::Secret(secret.ok_or_else(no_key)?)
            }
        };
        let key = place.built(match &material {
            Material::Secret(secret) => {
                SigningKey::from_secret(algorithm, secret.expose().as_bytes())
            }
            Material::Pem(pem) => SigningKey::from_pem(algorithm, pem.expose()),
            Material::Jwk(jwk) => SigningKey::from_jwk(algorithm, jwk.expose()),
            Material::Der(der) => SigningKey::from_der(algorithm, der),
        })?;
        Ok(match key_id {
            Some(name) => key.with_key_id(name),
            None => key,
        })
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
        let secret = spot.secret("secret", &self.secret, "secret_file", &self.secret_file)?;
        let (place, material) = match (secret, &self.public_key, &self.public_key_file) {
            (Some(secret), ..) => (spot.clone(), Material::Secret(secret)),
            (None, Some(text), _) => {
                let place = spot.key("public_key");
                let material = Material::of_value(text, "public_key_file", &place)?;
                (place, material)
            }
            (None, None, Some(file)) => {
                let place = spot.key("public_key_file");
                let content = place.file(file)?;
                (place, Material::of_file(content))
            }
            (None, None, None) => {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'public_key' or \
                     'public_key_file'",
                ));
            }
        };
        let built = match (&material, self.algorithm) {
            (Material::Jwk(jwk), _) => VerifyingKey::from_jwk(jwk.expose()),
            (_, None) => {
                return Err(spot.wrong("the key 'algorithm' is missing: only a JWK names its own"));
            }
            (Material::Secret(secret), Some(Alg(algorithm))) => {
                VerifyingKey::from_secret(algorithm, secret.expose().as_bytes())
            }
            (Material::Pem(pem), Some(Alg(algorithm))) => {
                VerifyingKey::from_pem(algorithm, pem.expose())
            }
            (Material::Der(der), Some(Alg(algorithm))) => VerifyingKey::from_der(algorithm, der),
        };
        let key = place.built(built)?;
        match self.algorithm {
            Some(Alg(algorithm)) if !key.algorithms().any(|known| known == algorithm) => {
                return Err(place.wrong(format!("the JWK is not for {algorithm}")));
            }
            _ => {}
        }
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
        Some(text) => place.built(SealingKeys::from_base64url(text.expose())),
        None => Err(spot.wrong("there is no key: give 'key' or 'key_file'")),
    }
}
