//! Signing keys: private keys and shared secrets.

use super::algorithm::{Algorithm, KeyType};
use super::error::invalid;
use super::jwk::{Jwk, Material, Purpose};
use super::verifying_key::{self, VerifyingKey};
use super::{der, encoding};
use crate::core::{Error, debug_fields};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair, RsaPublicKeyComponents,
};
use aws_lc_rs::{hmac, rand, rsa};
use serde_json::{Map, Value};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A private key or secret, parsed once, pinned to one algorithm. Cheap to clone.
///
/// # Example
/// ```
/// use jamguard::jose::{Algorithm, SigningKey};
/// let key = SigningKey::generate(Algorithm::ES512)?.with_key_id("2026-11");
/// let signature = key.sign(b"message")?;
/// key.verifying_key()?.verify(Algorithm::ES512, b"message", &signature)?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    kid: Option<String>,
    pub(super) pair: Arc<Pair>,
}

pub(super) enum Pair {
    /// Includes the secret, from which the verifying key is made.
    Hmac(Box<hmac::Key>, Zeroizing<Vec<u8>>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// Generates a random key: RSA of 2048 bits, a secret as long as its hash.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the system's random source fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let failed = |_| invalid("the system could not generate a key");
        let pair = match algorithm.key_type() {
            KeyType::Oct => {
                let mut secret = Zeroizing::new(vec![0; algorithm.hash_len()]);
                rand::fill(&mut secret).map_err(failed)?;
                return Self::from_secret(algorithm, &secret);
            }
            KeyType::Rsa => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
            KeyType::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().map_err(failed)?),
            _ => Pair::Ec(EcdsaKeyPair::generate(ecdsa(algorithm)?).map_err(failed)?),
        };
        Ok(Self::new(algorithm, pair))
    }

    fn new(algorithm: Algorithm, pair: Pair) -> Self {
        Self { algorithm, kid: None, pair: Arc::new(pair) }
    }

    /// Creates a key from a shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// Returns the errors of [`VerifyingKey::from_secret`].
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, Error> {
        let key = verifying_key::hmac_key(algorithm, secret)?;
        Ok(Self::new(algorithm, Pair::Hmac(key, Zeroizing::new(secret.to_vec()))))
    }

    /// Parses a private key in PEM.
    ///
    /// Accepts PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) and SEC1 (`EC PRIVATE KEY`). Line
    /// ends may be escaped as `\n`, as in environment variables.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the text is not such a key for
    /// this algorithm, or the key is weak.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, Error> {
        let labels: &[_] = match algorithm.key_type() {
            KeyType::Oct => return Err(invalid("an HMAC secret has no PEM form: use from_secret")),
            KeyType::Rsa => &["PRIVATE KEY", "RSA PRIVATE KEY"],
            KeyType::Ed25519 => &["PRIVATE KEY"],
            _ => &["PRIVATE KEY", "EC PRIVATE KEY"],
        };
        let der = encoding::pem_block(pem, labels)?;
        Self::from_der(algorithm, &der)
    }

    /// Parses a private key in DER: PKCS#8, PKCS#1 or SEC1.
    ///
    /// A key of type RSASSA-PSS signs only with the algorithms that its parameters allow (RFC 4055
    /// section 1.2).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the bytes are not such a key for
    /// this algorithm, or the key is weak.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, Error> {
        let key_type = algorithm.key_type();
        let wrong = || {
            invalid(format!(
                "{algorithm} needs an unencrypted private key of type {} in {}",
                key_type.name(),
                match key_type {
                    KeyType::Rsa => "PKCS#8 or PKCS#1 form, of 2048 to 8192 bits",
                    KeyType::Ed25519 => "PKCS#8 form",
                    _ => "PKCS#8 or SEC1 form",
                }
            ))
        };
        let pair = match key_type {
            KeyType::Oct => return Err(invalid("an HMAC secret has no DER form: use from_secret")),
            KeyType::Rsa => match der::private_key(der) {
                // The library reads RSA keys of this type only without their PKCS#8 wrapping.
                Some((identifier, key)) if der::is_pss(identifier, algorithm)? => {
                    RsaKeyPair::from_der(key)
                }
                _ => RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)),
            }
            .map(Pair::Rsa),
            KeyType::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed),
            _ => EcdsaKeyPair::from_private_key_der(ecdsa(algorithm)?, der).map(Pair::Ec),
        };
        let pair = pair.ok().filter(|_| der::is_sequence(der)).ok_or_else(wrong)?;
        let key = Self::new(algorithm, pair);
        // Also rejects keys that cannot verify: short RSA keys, an exponent of 1.
        key.verifying_key()?;
        Ok(key)
    }

    /// Parses a private JWK (RFC 7517, RFC 7518 section 6), which must allow `algorithm`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if it is not a private key for this
    /// algorithm, or the key is weak.
    pub fn from_jwk(algorithm: Algorithm, json: &str) -> Result<Self, Error> {
        let jwk = Jwk::read(json)?;
        let kid = jwk.key_id().map(str::to_owned);
        let check = |key_type| {
            let algorithms = jwk.algorithms(key_type, Purpose::Sign)?;
            if algorithms.contains(&algorithm) {
                return Ok(());
            }
            let names: Vec<_> = algorithms.into_iter().map(Algorithm::name).collect();
            Err(invalid(format!("the JWK is not for {algorithm} but for {}", names.join(", "))))
        };
        if let Some(secret) = jwk.secret()? {
            check(KeyType::Oct)?;
            let key = Self::from_secret(algorithm, &secret)?;
            return Ok(Self { kid, ..key });
        }
        let (key_type, material) = jwk.material()?;
        check(key_type)?;
        let members: Map<String, Value> =
            serde_json::from_str(json).map_err(|_| invalid("not a JWK"))?;
        let private = |name: &str| {
            members
                .get(name)
                .and_then(Value::as_str)
                .and_then(encoding::decode)
                .map(Zeroizing::new)
                .ok_or_else(|| invalid(format!("the private JWK lacks a well-formed '{name}'")))
        };
        let wrong = |_| invalid("the JWK's private numbers do not fit its public ones");
        let pair = match material {
            Material::Rsa { n, e } => {
                let components = rsa::KeyPairComponents {
                    public_key: RsaPublicKeyComponents { n, e },
                    d: private("d")?,
                    p: private("p")?,
                    q: private("q")?,
                    dP: private("dp")?,
                    dQ: private("dq")?,
                    qInv: private("qi")?,
                };
                Pair::Rsa(RsaKeyPair::from_components(&components).map_err(wrong)?)
            }
            Material::Ec { x, y } => {
                let point = [&[4][..], &x, &y].concat();
                let d = encoding::padded(&private("d")?, x.len());
                Pair::Ec(
                    EcdsaKeyPair::from_private_key_and_public_key(ecdsa(algorithm)?, &d, &point)
                        .map_err(wrong)?,
                )
            }
            Material::Ed { x } => Pair::Ed(
                Ed25519KeyPair::from_seed_and_public_key(&private("d")?, &x).map_err(wrong)?,
            ),
        };
        let key = Self { kid, ..Self::new(algorithm, pair) };
        key.verifying_key()?;
        Ok(key)
    }

    /// Sets the key id, which is written to the header's `kid`.
    #[must_use]
    pub fn with_key_id(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Returns the algorithm that this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key id, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the primitive fails, for example
    /// for lack of random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = rand::SystemRandom::new();
        let failed = |_| invalid("signing failed");
        Ok(match &*self.pair {
            Pair::Hmac(key, _) => hmac::sign(key, message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let encoding = rsa_encoding(self.algorithm)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map_err(failed)?;
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.try_sign(message).map_err(failed)?.as_ref().to_vec(),
        })
    }

    /// Returns the key that verifies this key's signatures, with the same `kid`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the key is too weak to verify
    /// with.
    pub fn verifying_key(&self) -> Result<VerifyingKey, Error> {
        let key_type = self.algorithm.key_type();
        let point = |bytes: &[u8]| {
            verifying_key::point_material(bytes, key_type)
                .ok_or_else(|| invalid("the key has no plain public point"))
        };
        let material = match &*self.pair {
            Pair::Hmac(_, secret) => {
                let key = VerifyingKey::from_secret(self.algorithm, secret)?;
                return Ok(match &self.kid {
                    Some(kid) => key.with_key_id(kid),
                    None => key,
                });
            }
            Pair::Rsa(pair) => verifying_key::rsa_material(pair.public_key()),
            Pair::Ec(pair) => point(pair.public_key().as_ref())?,
            Pair::Ed(pair) => point(pair.public_key().as_ref())?,
        };
        VerifyingKey::build(
            key_type,
            &material,
            vec![self.algorithm],
            Some(self.algorithm),
            self.kid.clone(),
        )
    }
}

fn ecdsa(algorithm: Algorithm) -> Result<&'static EcdsaSigningAlgorithm, Error> {
    match algorithm {
        Algorithm::ES256 => Ok(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Ok(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::ES512 => Ok(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => Err(invalid(format!("{algorithm} is not an ECDSA algorithm"))),
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, Error> {
    match algorithm {
        Algorithm::RS256 => Ok(&signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Ok(&signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Ok(&signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Ok(&signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Ok(&signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Ok(&signature::RSA_PSS_SHA512),
        _ => Err(invalid(format!("{algorithm} is not an RSA algorithm"))),
    }
}

debug_fields!(SigningKey, self, algorithm = self.algorithm, kid = self.kid);
