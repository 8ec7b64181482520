//! Settings of signing, verifying and sealing keys.

use super::location::Spot;
use super::scalars::{Given, Hidden};
use crate::config::document::{Content, Problem, Section};
use crate::core::Secret;
use crate::jose::{Algorithm, SigningKey, VerifyingKey};
use crate::store::SealingKeys;

settings! {
    /// A shared secret.
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct SharedSecret {
        /// A shared secret, at least as long as the algorithm's hash.
        secret: Option<Hidden>,
        /// A file with a shared secret. One line ending at its end is ignored.
        secret_file: Option<String>,
    }

    /// A private key.
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct PrivateKey {
        /// A private key as PEM or JWK.
        private_key: Option<Hidden>,
        /// A file with a private key as PEM, DER or JWK.
        private_key_file: Option<String>,
    }

    /// A key that verifies signatures.
    pub(in crate::config) struct VerifyingKeySettings {
        /// The only algorithm of the key. A JWK names its own.
        algorithm: Option<Algorithm>,
        /// The key's id, `kid`.
        key_id: Option<String>,
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

/// A key that signs.
pub(in crate::config) type SigningMaterial = Section<SharedSecret, PrivateKey>;
/// A section of a key that verifies signatures.
pub(in crate::config) type VerifyingKeySection = Section<SharedSecret, VerifyingKeySettings>;

/// A key as the file gives it.
enum Material {
    Secret(Secret),
    Pem(Secret),
    Jwk(Secret),
    Der(Content),
}

impl Material {
    /// Parses a text that is PEM or a JWK; `None` for any other text.
    fn of_text(text: &str) -> Option<Self> {
        let begin = text.trim_start();
        match begin {
            _ if begin.starts_with("-----BEGIN ") => Some(Self::Pem(Secret::new(text))),
            _ if begin.starts_with('{') => Some(Self::Jwk(Secret::new(text))),
            _ => None,
        }
    }

    /// Reads a shared secret, or the key in `key` or in the file that `{key}_file` names.
    fn read<'a>(
        shared: &SharedSecret,
        (key, text, file): (&str, Option<&str>, &Option<String>),
        spot: &Spot<'a>,
    ) -> Result<(Spot<'a>, Self), Problem> {
        let file_key = format!("{key}_file");
        let given = spot.one_of(&["secret", "secret_file", key, &file_key])?;
        let place = spot.key(given.unwrap_or(key));
        let secret = spot.secret("secret", &shared.secret, &shared.secret_file)?;
        let material = match (text, file, secret) {
            (Some(text), ..) => Self::of_text(text).ok_or_else(|| {
                let message = "this is neither PEM nor a JWK: to name a file, use";
                place.wrong(format!("{message} '{file_key}'"))
            })?,
            (None, Some(file), _) => {
                let content = match key {
                    "private_key" => place.private_file(file)?,
                    _ => place.file(file)?,
                };
                let text = std::str::from_utf8(&content).ok().and_then(Self::of_text);
                text.unwrap_or(Self::Der(content))
            }
            (None, None, Some(secret)) => Self::Secret(secret),
            (None, None, None) => {
                return Err(spot.wrong(format!(
                    "there is no key: give 'secret', 'secret_file', '{key}' or '{file_key}'"
                )));
            }
        };
        Ok((place, material))
    }
}

impl SigningMaterial {
    pub(super) fn is_given(spot: &Spot<'_>) -> bool {
        ["secret", "secret_file", "private_key", "private_key_file"].iter().any(|key| spot.has(key))
    }

    pub(super) fn build(
        &self,
        algorithm: Option<Algorithm>,
        key_id: Option<&String>,
        spot: &Spot<'_>,
    ) -> Result<SigningKey, Problem> {
        let Self(shared, PrivateKey { private_key, private_key_file }) = self;
        let text = private_key.as_ref().map(|Hidden(text)| text.expose());
        let key = ("private_key", text, private_key_file);
        let (place, material) = Material::read(shared, key, spot)?;
        let Some(algorithm) = algorithm else {
            return Err(
                spot.wrong("the key 'algorithm' is missing: such as \"ES512\" or \"HS256\"")
            );
        };
        let key = place.built(match &material {
            Material::Secret(secret) => {
                SigningKey::from_secret(algorithm, secret.expose().as_bytes())
            }
            Material::Pem(pem) => SigningKey::from_pem(algorithm, pem.expose()),
            Material::Jwk(jwk) => SigningKey::from_jwk(algorithm, jwk.expose()),
            Material::Der(der) => SigningKey::from_der(algorithm, der),
        })?;
        Ok(key.given(&key_id, |key, name| key.with_key_id(name)))
    }
}

impl VerifyingKeySection {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<VerifyingKey, Problem> {
        let Self(shared, settings) = self;
        let text = settings.public_key.as_deref();
        let key = ("public_key", text, &settings.public_key_file);
        let (place, material) = Material::read(shared, key, spot)?;
        let algorithm = settings.algorithm;
        let key = place.built(match (&material, algorithm) {
            (Material::Jwk(jwk), _) => VerifyingKey::from_jwk(jwk.expose()),
            (_, None) => {
                return Err(spot.wrong("the key 'algorithm' is missing: only a JWK names its own"));
            }
            (Material::Secret(secret), Some(algorithm)) => {
                VerifyingKey::from_secret(algorithm, secret.expose().as_bytes())
            }
            (Material::Pem(pem), Some(algorithm)) => {
                VerifyingKey::from_pem(algorithm, pem.expose())
            }
            (Material::Der(der), Some(algorithm)) => VerifyingKey::from_der(algorithm, der),
        })?;
        if let Some(algorithm) = algorithm
            && !key.algorithms().any(|known| known == algorithm)
        {
            return Err(place.wrong(format!("the JWK is not for {algorithm}")));
        }
        Ok(key.given(&settings.key_id, VerifyingKey::with_key_id))
    }
}

impl SealingSettings {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<SealingKeys, Problem> {
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
    match spot.secret("key", key, file)? {
        Some(text) => place.built(SealingKeys::from_base64url(text.expose())),
        None => Err(spot.wrong("there is no key: give 'key' or 'key_file'")),
    }
}
