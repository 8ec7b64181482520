//! Verifying keys: public keys and shared secrets.

use super::algorithm::{Algorithm, KeyType};
use super::certificate::Certificate;
use super::error::invalid;
use super::jwk::{Jwk, Material, Purpose};
use super::primitive::{self, Primitive};
use super::{cost, der, disguise, encoding};
use crate::core::{Error, ErrorKind, debug_fields, sha256};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents, RsaSubjectPublicKey};
use aws_lc_rs::{hmac, rand};
use std::sync::Arc;

/// A key that verifies signatures, parsed once, pinned to its algorithms. Cheap to clone.
///
/// # Example
/// ```
/// use jamguard::jose::{Algorithm, VerifyingKey};
/// let key = VerifyingKey::from_secret(Algorithm::HS256, b"at least thirty-two bytes of secret")?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey(Arc<KeyData>);

#[derive(Clone)]
struct KeyData {
    kid: Option<String>,
    primitives: Vec<(Algorithm, Primitive)>,
    /// `None` for a secret.
    jwk: Option<Jwk>,
    id: KeyId,
    /// Estimated microseconds of one check; 0 for a secret.
    check_micros: u32,
}

/// Identifies a key: the same `kid` with other numbers is another key.
pub(crate) type KeyId = [u8; 32];

impl VerifyingKey {
    /// Creates a key from a shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for another algorithm, a secret shorter than the hash (RFC 7518
    /// section 3.2), or a secret that is really a key or certificate: PEM with or without its first
    /// and last line, DER, an OpenSSH key, a JWK of a key pair, or one of these in base64.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, Error> {
        let key = hmac_key(algorithm, secret)?;
        Self::secret(None, vec![(algorithm, Primitive::Hmac(key))])
    }

    fn secret(kid: Option<String>, primitives: Vec<(Algorithm, Primitive)>) -> Result<Self, Error> {
        let mut id = KeyId::default();
        rand::fill(&mut id).map_err(|_| invalid("the system's random source failed"))?;
        Ok(Self(Arc::new(KeyData { kid, primitives, jwk: None, id, check_micros: 0 })))
    }

    /// Parses a public key in PEM.
    ///
    /// Accepts SPKI (`PUBLIC KEY`), PKCS#1 (`RSA PUBLIC KEY`) and X.509 certificates
    /// (`CERTIFICATE`). Only the key of a certificate is used: its dates, names and signature are
    /// not checked. Line ends may be escaped as `\n`, as in environment variables.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the text is not such a key for this algorithm, or the key is
    /// weak.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, Error> {
        let labels: &[_] = match algorithm.key_type() {
            KeyType::Oct => return Err(invalid("an HMAC secret has no PEM form: use from_secret")),
            KeyType::Rsa => &["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"],
            _ => &["PUBLIC KEY", "CERTIFICATE"],
        };
        let der = encoding::pem_block(pem, labels)?;
        if pem.contains("-----BEGIN CERTIFICATE-----") && Certificate::parse(&der).is_none() {
            return Err(invalid("the block labelled CERTIFICATE is not an X.509 certificate"));
        }
        Self::from_der(algorithm, &der)
    }

    /// Parses a public key in DER: SPKI, an X.509 certificate or, for RSA, PKCS#1.
    ///
    /// A key of type RSASSA-PSS verifies only the algorithms that its parameters allow (RFC 4055
    /// section 1.2). OpenSSL 3.0's `genpkey` needs both `rsa_pss_keygen_md` and
    /// `rsa_pss_keygen_mgf1_md`: with the first alone, MGF1 uses SHA-1, which no JWS algorithm does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the bytes are not such a key for this algorithm, or the key is
    /// weak.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, Error> {
        let key_type = algorithm.key_type();
        let der = Certificate::parse(der).map_or(der, |certificate| certificate.key);
        let wrong = |form| {
            invalid(format!(
                "{algorithm} needs a public key of type {} in {form} form",
                key_type.name()
            ))
        };
        let material = match key_type {
            KeyType::Oct => return Err(invalid("an HMAC secret has no DER form: use from_secret")),
            KeyType::Rsa => {
                let key = RsaSubjectPublicKey::from_der(der)
                    .ok()
                    .filter(|_| der::is_sequence(der))
                    .ok_or_else(|| wrong("SPKI or PKCS#1"))?;
                if let Some(identifier) = der::public_key_type(der) {
                    der::is_pss(identifier, algorithm)?;
                }
                rsa_material(&key)
            }
            _ => {
                // A raw point would parse as well; for Ed25519 that is any 32 bytes.
                let key = ParsedPublicKey::new(curve(algorithm)?, der)
                    .ok()
                    .filter(|_| der::is_sequence(der) && der.len() > 32)
                    .ok_or_else(|| wrong("SPKI"))?;
                point_material(spki(&key)?.as_ref(), key_type)
                    .ok_or_else(|| invalid("the public key has no plain point"))?
            }
        };
        Self::build(key_type, &material, vec![algorithm], Some(algorithm), None)
    }

    /// Parses a JWK. Private members are ignored; an `oct` key becomes a secret.
    ///
    /// Without `alg` the key may be used with every algorithm of its type; a verifier's own list of
    /// algorithms still applies.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] for an unknown or weak key, a `use` other than `sig`, `key_ops`
    /// without `verify`, or an `alg` that the key's type does not allow.
    pub fn from_jwk(json: &str) -> Result<Self, Error> {
        let jwk = Jwk::read(json)?;
        let Some(secret) = jwk.secret()? else {
            return Self::from_public_jwk(&jwk);
        };
        let algorithms = jwk.algorithms(KeyType::Oct, Purpose::Verify)?;
        // Without alg, a secret is used for every hash that it is long enough for.
        let (mut primitives, mut refused) = (Vec::new(), None);
        for algorithm in algorithms {
            match hmac_key(algorithm, &secret) {
                Ok(key) => primitives.push((algorithm, Primitive::Hmac(key))),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if primitives.is_empty() => Err(error),
            _ => Self::secret(jwk.key_id().map(str::to_owned), primitives),
        }
    }

    /// Creates a key from a parsed public JWK.
    ///
    /// # Errors
    /// Returns the errors of [`from_jwk`](Self::from_jwk).
    pub fn from_public_jwk(jwk: &Jwk) -> Result<Self, Error> {
        let (key_type, material) = jwk.material()?;
        let algorithms = jwk.algorithms(key_type, Purpose::Verify)?;
        let pinned = match &algorithms[..] {
            [only] => Some(*only),
            _ => None,
        };
        let kid = jwk.key_id().map(str::to_owned);
        let mut key = Self::build(key_type, &material, algorithms, pinned, kid)?;
        if jwk.x5t().is_some() || jwk.issuer().is_some() {
            key = key.with_jwk(|own| own.with_x5t(jwk.x5t()).with_issuer(jwk.issuer()));
        }
        Ok(key)
    }

    /// Creates a key for all algorithms that an SPKI public key is for.
    pub(super) fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let fitting: Vec<_> = (Algorithm::ALL.into_iter().filter(|a| !a.is_symmetric()))
            .filter_map(|algorithm| Self::from_der(algorithm, spki).ok())
            .collect();
        let jwk = fitting.first().and_then(Self::to_jwk).ok_or_else(|| {
            invalid(
                "the certificate's key is not an RSA key of at least 2048 bits, a key on P-256, \
                 P-384 or P-521, or an Ed25519 key",
            )
        })?;
        let (key_type, material) = jwk.material()?;
        let algorithms = fitting.iter().flat_map(Self::algorithms).collect();
        Self::build(key_type, &material, algorithms, None, None)
    }

    pub(crate) fn build(
        key_type: KeyType,
        material: &Material,
        algorithms: Vec<Algorithm>,
        pinned: Option<Algorithm>,
        kid: Option<String>,
    ) -> Result<Self, Error> {
        let mut primitives = Vec::with_capacity(algorithms.len());
        for algorithm in algorithms {
            primitives.push((algorithm, public_primitive(algorithm, material)?));
        }
        let jwk = Jwk::from_material(key_type, material, pinned).with_key_id(kid.as_deref());
        let id = key_id(&jwk);
        let check_micros = cost::micros(key_type, material);
        Ok(Self(Arc::new(KeyData { kid, primitives, jwk: Some(jwk), id, check_micros })))
    }

    /// Sets the key id: tokens that name another key are not verified with this one.
    #[must_use]
    pub fn with_key_id(self, kid: impl Into<String>) -> Self {
        let mut key = Arc::unwrap_or_clone(self.0);
        let kid = kid.into();
        key.kid = Some(kid.clone());
        Self(Arc::new(key)).with_jwk(|jwk| jwk.with_key_id(Some(&kid)))
    }

    /// Changes the public JWK, and the identity with it.
    fn with_jwk(self, change: impl FnOnce(Jwk) -> Jwk) -> Self {
        let mut key = Arc::unwrap_or_clone(self.0);
        key.jwk = key.jwk.map(change);
        key.id = key.jwk.as_ref().map_or(key.id, key_id);
        Self(Arc::new(key))
    }

    /// Restricts the key to these algorithms; `None` if it allows none of them.
    pub(crate) fn only(&self, algorithms: &[Algorithm]) -> Option<Self> {
        let mut key = KeyData::clone(&self.0);
        key.primitives.retain(|(algorithm, _)| algorithms.contains(algorithm));
        (!key.primitives.is_empty()).then(|| Self(Arc::new(key)))
    }

    /// Returns the key id, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// Returns the issuer whose tokens the key signs; `None` if its JWK names none.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.0.jwk.as_ref()?.issuer()
    }

    /// Returns the SHA-1 thumbprint of the key's certificate, `x5t`.
    pub(super) fn x5t(&self) -> Option<&str> {
        self.0.jwk.as_ref()?.x5t()
    }

    /// Returns the algorithms that this key may be used with.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.0.primitives.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Returns the public JWK; `None` for a secret.
    pub fn to_jwk(&self) -> Option<&Jwk> {
        self.0.jwk.as_ref()
    }

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedAlgorithm`] if the key is not for `algorithm`,
    /// [`ErrorKind::BadSignature`] if the signature does not match.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let (_, primitive) =
            self.0.primitives.iter().find(|(a, _)| *a == algorithm).ok_or_else(|| {
                Error::new(ErrorKind::UnsupportedAlgorithm, "the key is not for this algorithm")
            })?;
        primitive
            .verify(message, signature)
            .map_err(|_| Error::new(ErrorKind::BadSignature, "the signature does not match"))
    }

    /// Returns the public key as SPKI DER; `None` for a secret.
    pub(crate) fn spki(&self) -> Result<Option<Vec<u8>>, Error> {
        match self.0.primitives.first() {
            Some((_, Primitive::Public(key))) => Ok(Some(spki(key)?.as_ref().to_vec())),
            _ => Ok(None),
        }
    }

    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.0.primitives.iter().any(|(a, _)| *a == algorithm)
    }

    /// Returns the estimated microseconds of one check; 0 for a secret.
    pub(crate) fn check_micros(&self) -> u32 {
        self.0.check_micros
    }

    pub(crate) fn id(&self) -> &KeyId {
        &self.0.id
    }

    /// Returns whether both are the same key, regardless of `kid`.
    pub(super) fn same_key(&self, other: &Self) -> bool {
        let same_numbers = || match (&self.0.jwk, &other.0.jwk) {
            (Some(ours), Some(theirs)) => ours.same_key(theirs),
            _ => false,
        };
        self.0.id == other.0.id || same_numbers()
    }
}

pub(crate) fn hmac_key(algorithm: Algorithm, secret: &[u8]) -> Result<Box<hmac::Key>, Error> {
    let hash = primitive::hmac_algorithm(algorithm).ok_or_else(|| {
        invalid(format!("a secret is for HS256, HS384 or HS512, not {algorithm}"))
    })?;
    if let Some(what) = disguise::of_secret(secret) {
        return Err(invalid(format!(
            "this secret is {what}, which others may know: load a key with from_pem, from_der or \
             from_jwk, never as a secret"
        )));
    }
    if secret.len() < algorithm.hash_len() {
        return Err(invalid(format!(
            "the secret has {} bytes; {algorithm} needs at least {} random ones (RFC 7518 section 3.2)",
            secret.len(),
            algorithm.hash_len()
        )));
    }
    Ok(Box::new(hmac::Key::new(hash, secret)))
}

fn curve(
    algorithm: Algorithm,
) -> Result<&'static dyn aws_lc_rs::signature::VerificationAlgorithm, Error> {
    primitive::curve_parameters(algorithm)
        .ok_or_else(|| invalid(format!("{algorithm} does not take this kind of key")))
}

pub(crate) fn rsa_material(key: &RsaSubjectPublicKey) -> Material {
    Material::Rsa {
        n: key.modulus().big_endian_without_leading_zero().to_vec(),
        e: key.exponent().big_endian_without_leading_zero().to_vec(),
    }
}

fn spki(key: &ParsedPublicKey) -> Result<PublicKeyX509Der<'static>, Error> {
    key.as_der().map_err(|_| invalid("the public key cannot be written as SPKI"))
}

/// Returns the point at the end of these bytes.
pub(super) fn point_material(bytes: &[u8], key_type: KeyType) -> Option<Material> {
    let tail = |length| bytes.get(bytes.len().checked_sub(length)?..);
    let Some(length) = key_type.coordinate_len() else {
        return Some(Material::Ed { x: tail(32)?.to_vec() });
    };
    let (x, y) = tail(2 * length)?.split_at(length);
    Some(Material::Ec { x: x.to_vec(), y: y.to_vec() })
}

fn public_primitive(algorithm: Algorithm, material: &Material) -> Result<Primitive, Error> {
    let parsed = match material {
        Material::Rsa { n, e } => {
            check_rsa(n, e)?;
            let parameters = primitive::rsa_parameters(algorithm)
                .ok_or_else(|| invalid(format!("{algorithm} does not take an RSA key")))?;
            RsaPublicKeyComponents { n, e }
                .to_parsed_public_key(parameters)
                .map_err(|_| invalid("the RSA key's numbers do not form a key"))?
        }
        Material::Ec { x, y } => {
            let point = [&[4][..], x, y].concat();
            ParsedPublicKey::new(curve(algorithm)?, point)
                .map_err(|_| invalid("the point is not on the curve"))?
        }
        Material::Ed { x } => ParsedPublicKey::new(curve(algorithm)?, x)
            .map_err(|_| invalid("the bytes are not an Ed25519 public key"))?,
    };
    Ok(Primitive::Public(parsed))
}

/// Requires 2048 to 8192 bits (RFC 7518 section 3.3) and an odd exponent of 2 to 33 bits.
fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), Error> {
    match bit_length(n) {
        Some(2048..=8192) => {}
        Some(bits) => {
            return Err(invalid(format!(
                "the RSA key has {bits} bits; 2048 to 8192 are allowed (RFC 7518 section 3.3)"
            )));
        }
        None => return Err(invalid("the RSA modulus is empty")),
    }
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if !odd || !matches!(bit_length(e), Some(2..=33)) {
        return Err(invalid("the RSA exponent must be odd, at least 3, at most 33 bits"));
    }
    Ok(())
}

/// Returns the length in bits; `None` if the number is empty or has leading zeros.
fn bit_length(number: &[u8]) -> Option<usize> {
    match number.first() {
        None | Some(0) => None,
        Some(first) => Some(number.len() * 8 - first.leading_zeros() as usize),
    }
}

fn key_id(jwk: &Jwk) -> KeyId {
    sha256(jwk.to_json())
}

debug_fields!(
    VerifyingKey,
    self,
    kid = self.0.kid,
    algorithms = self.algorithms().collect::<Vec<_>>()
);
