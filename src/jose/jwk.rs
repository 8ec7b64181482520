//! JSON Web Keys, public part only (RFC 7517, RFC 7638).

use super::algorithm::{Algorithm, KeyType};
use super::encoding;
use super::error::invalid;
use crate::core::{Error, debug_fields, sha256};
use jsonwebtoken::jwk::{self as model, AlgorithmParameters as Parameters};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

/// A public JSON Web Key.
///
/// Parsing a JWK with private members keeps only its public part, so serializing never reveals
/// them. Numbers are parsed by value, with or without leading zeros, and written in the form of RFC
/// 7518 section 6. Members that are `null` are treated as absent, except `key_ops`, which is an
/// error.
///
/// # Example
/// ```
/// use jamguard::jose::Jwk;
/// let jwk = Jwk::from_json(
///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// assert_eq!(jwk.thumbprint()?, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    model: model::Jwk,
    /// Kept separately: the model's algorithm names lack ES512 and Ed25519.
    alg: Option<String>,
    /// The member `issuer` of Microsoft Entra ID's key sets, which the model lacks.
    issuer: Option<String>,
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.model).map_err(S::Error::custom)?;
        for (name, own) in [("alg", &self.alg), ("issuer", &self.issuer)] {
            if let (Some(own), Value::Object(members)) = (own, &mut value) {
                members.insert(name.into(), Value::String(own.clone()));
            }
        }
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?)
            .and_then(Self::public)
            .map_err(D::Error::custom)
    }
}

/// The operation that a key is loaded for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Sign,
    Verify,
}

/// Public key material as big-endian numbers.
pub(crate) enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Ed { x: Vec<u8> },
}

fn unknown() -> Error {
    invalid(
        "unknown or incomplete JWK: it must be kty RSA with n and e, EC with crv P-256, P-384 or \
         P-521, x and y, or OKP with crv Ed25519 and x",
    )
}

impl Jwk {
    /// Parses the public part of a JWK.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the text is not a JWK of kty RSA,
    /// EC or OKP, or a member has the wrong type.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::read(json)?.public()
    }

    /// Parses a JWK of any type; a symmetric one keeps its secret.
    pub(crate) fn read(json: &str) -> Result<Self, Error> {
        let not_a_jwk = |_| invalid("not a JWK: it must be a JSON object with no member twice");
        crate::core::json::object(json, |_, _| {}).map_err(not_a_jwk)?;
        Self::from_value(serde_json::from_str(json).map_err(not_a_jwk)?)
    }

    fn from_value(mut value: Value) -> Result<Self, Error> {
        if let Some(members) = value.as_object_mut() {
            // `key_ops` restricts the key, so null cannot be treated as absent.
            if members.get("key_ops").is_some_and(Value::is_null) {
                return Err(invalid(
                    "the JWK's key_ops is null: it must be a list, or absent (RFC 7517 section 4.3)",
                ));
            }
            members.retain(|_, value| !value.is_null());
        }
        let alg = match value.as_object_mut().and_then(|jwk| jwk.remove("alg")) {
            None => None,
            Some(Value::String(alg)) => Some(alg),
            Some(_) => return Err(invalid("the JWK's alg is not a string")),
        };
        let issuer = value.as_object_mut().and_then(|jwk| jwk.remove("issuer"));
        let issuer = issuer.map(|issuer| match issuer {
            Value::String(issuer) => issuer,
            // No issuer has such a name, so the key serves no issuer family.
            other => other.to_string(),
        });
        let mut model: model::Jwk = serde_json::from_value(value)
            .map_err(|_| invalid("not a JWK: kid and use are strings, key_ops is an array"))?;
        read_by_value(&mut model.algorithm);
        Ok(Self { model, alg, issuer })
    }

    /// Rejects every type whose model may contain private members.
    fn public(self) -> Result<Self, Error> {
        match &self.model.algorithm {
            Parameters::RSA(_) | Parameters::EllipticCurve(_) | Parameters::OctetKeyPair(_) => {
                Ok(self)
            }
            Parameters::OctetKey(_) => Err(invalid("a symmetric JWK has no public part")),
            _ => Err(unknown()),
        }
    }

    /// Returns the secret of a symmetric key; `None` for another key type.
    pub(crate) fn secret(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Parameters::OctetKey(oct) = &self.model.algorithm else {
            return Ok(None);
        };
        match encoding::decode(&oct.value) {
            Some(secret) => Ok(Some(Zeroizing::new(secret))),
            None => Err(invalid("the symmetric JWK's k is not strict base64url")),
        }
    }

    /// Returns the key as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the key id, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.model.common.key_id.as_deref()
    }

    /// Returns the issuer whose tokens the key signs, where a set has keys of several.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(super) fn with_issuer(mut self, issuer: Option<&str>) -> Self {
        self.issuer = issuer.map(str::to_owned);
        self
    }

    /// Returns the SHA-1 thumbprint of the key's certificate, `x5t` (RFC 7517 section 4.8).
    pub(super) fn x5t(&self) -> Option<&str> {
        self.model.common.x509_sha1_fingerprint.as_deref()
    }

    pub(super) fn with_x5t(mut self, x5t: Option<&str>) -> Self {
        self.model.common.x509_sha1_fingerprint = x5t.map(str::to_owned);
        self
    }

    /// Returns the SHA-256 thumbprint in base64url (RFC 7638).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a key type without a public
    /// thumbprint.
    pub fn thumbprint(&self) -> Result<String, Error> {
        let canonical = match &self.model.algorithm {
            Parameters::RSA(rsa) => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, rsa.e, rsa.n)
            }
            Parameters::EllipticCurve(ec) => {
                let curve = self.material()?.0.name();
                format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, ec.x, ec.y)
            }
            Parameters::OctetKeyPair(okp) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, okp.x)
            }
            _ => return Err(invalid("this key type has no public thumbprint")),
        };
        self.material()?;
        Ok(encoding::encode(sha256(canonical)))
    }

    /// Returns the members as they are serialized.
    pub(crate) fn members(&self) -> Result<serde_json::Map<String, Value>, Error> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => Ok(members),
            _ => Err(invalid("the JWK cannot be written")),
        }
    }

    /// Returns whether both contain the same key, regardless of `kid` and `use`.
    pub(super) fn same_key(&self, other: &Self) -> bool {
        self.model.algorithm == other.model.algorithm
    }

    pub(crate) fn with_key_id(mut self, kid: Option<&str>) -> Self {
        self.model.common.key_id = kid.map(str::to_owned);
        self
    }

    /// Creates the public JWK of key material.
    pub(crate) fn from_material(
        key_type: KeyType,
        material: &Material,
        algorithm: Option<Algorithm>,
    ) -> Self {
        let parameters = match material {
            Material::Rsa { n, e } => Parameters::RSA(model::RSAKeyParameters {
                key_type: model::RSAKeyType::RSA,
                n: encoding::encode(n),
                e: encoding::encode(e),
            }),
            Material::Ec { x, y } => Parameters::EllipticCurve(model::EllipticCurveKeyParameters {
                key_type: model::EllipticCurveKeyType::EC,
                curve: match key_type {
                    KeyType::P384 => model::EllipticCurve::P384,
                    KeyType::P521 => model::EllipticCurve::P521,
                    _ => model::EllipticCurve::P256,
                },
                x: encoding::encode(x),
                y: encoding::encode(y),
            }),
            Material::Ed { x } => Parameters::OctetKeyPair(model::OctetKeyPairParameters {
                key_type: model::OctetKeyPairType::OctetKeyPair,
                curve: model::EllipticCurve::Ed25519,
                x: encoding::encode(x),
            }),
        };
        Self {
            model: model::Jwk {
                common: model::CommonParameters {
                    public_key_use: Some(model::PublicKeyUse::Signature),
                    ..Default::default()
                },
                algorithm: parameters,
            },
            alg: algorithm.map(|a| a.name().to_owned()),
            issuer: None,
        }
    }

    /// Returns the key's type and numbers, checked for their form.
    pub(crate) fn material(&self) -> Result<(KeyType, Material), Error> {
        let number = |text: &str| {
            encoding::decode(text).ok_or_else(|| invalid("a JWK number is not strict base64url"))
        };
        match &self.model.algorithm {
            Parameters::RSA(rsa) => {
                Ok((KeyType::Rsa, Material::Rsa { n: number(&rsa.n)?, e: number(&rsa.e)? }))
            }
            Parameters::EllipticCurve(ec) => {
                let Some((key_type, length)) = curve_type(&ec.curve) else {
                    return Err(invalid("the JWK's crv does not belong to kty EC"));
                };
                let coordinate = |name, text| match number(text)? {
                    bytes if bytes.len() == length => Ok(bytes),
                    bytes => Err(invalid(format!(
                        "the JWK's coordinate {name} has the wrong length: {} bytes, {} has {length}",
                        bytes.len(),
                        key_type.name()
                    ))),
                };
                let (x, y) = (coordinate("x", &ec.x)?, coordinate("y", &ec.y)?);
                Ok((key_type, Material::Ec { x, y }))
            }
            Parameters::OctetKeyPair(okp) => {
                if okp.curve != model::EllipticCurve::Ed25519 {
                    return Err(invalid("the JWK's crv does not belong to kty OKP"));
                }
                let x = number(&okp.x)?;
                if x.len() != 32 {
                    return Err(invalid("an Ed25519 JWK has 32 bytes in x"));
                }
                Ok((KeyType::Ed25519, Material::Ed { x }))
            }
            _ => Err(unknown()),
        }
    }

    /// Returns the algorithms that the JWK's members allow for signing or verifying.
    ///
    /// See RFC 7517 sections 4.2 to 4.4.
    pub(crate) fn algorithms(
        &self,
        key_type: KeyType,
        purpose: Purpose,
    ) -> Result<Vec<Algorithm>, Error> {
        let common = &self.model.common;
        // SPIFFE bundles name the keys of JWT-SVIDs so (SPIFFE Trust Domain and Bundle section 4).
        let signs = match &common.public_key_use {
            None | Some(model::PublicKeyUse::Signature) => true,
            Some(model::PublicKeyUse::Other(name)) => name == "jwt-svid",
            Some(model::PublicKeyUse::Encryption) => false,
        };
        if !signs {
            return Err(invalid("the JWK's use is not sig: take the issuer's signature key"));
        }
        let (operation, name) = match purpose {
            Purpose::Sign => (model::KeyOperations::Sign, "sign"),
            Purpose::Verify => (model::KeyOperations::Verify, "verify"),
        };
        if let Some(operations) = &common.key_operations
            && !operations.contains(&operation)
        {
            return Err(invalid(format!("the JWK's key_ops do not include {name}")));
        }
        let operations = common.key_operations.as_deref().unwrap_or_default();
        if (1..operations.len()).any(|at| operations[..at].contains(&operations[at])) {
            return Err(invalid(
                "the JWK's key_ops name an operation twice (RFC 7517 section 4.3)",
            ));
        }
        let algorithms: Vec<_> = Algorithm::of(key_type)
            .filter(|a| self.alg.as_deref().is_none_or(|name| name == a.name()))
            .collect();
        if algorithms.is_empty() {
            let names: Vec<_> = Algorithm::of(key_type).map(Algorithm::name).collect();
            return Err(invalid(format!(
                "the JWK's alg does not belong to its key type: it can be {}",
                names.join(", ")
            )));
        }
        Ok(algorithms)
    }
}

/// Normalizes numbers: RSA numbers lose leading zeros, coordinates get their curve's length.
///
/// Some issuers write more or fewer bytes for the same value (RFC 7518 sections 6.2.1 and 6.3.1).
fn read_by_value(parameters: &mut Parameters) {
    let write = |number: &mut String, length| match encoding::decode(&*number) {
        Some(bytes) if !bytes.is_empty() => {
            *number = encoding::encode(&*encoding::padded(&bytes, length));
        }
        _ => {}
    };
    match parameters {
        Parameters::RSA(rsa) => {
            write(&mut rsa.n, 0);
            write(&mut rsa.e, 0);
        }
        Parameters::EllipticCurve(ec) => {
            if let Some((_, length)) = curve_type(&ec.curve) {
                write(&mut ec.x, length);
                write(&mut ec.y, length);
            }
        }
        _ => {}
    }
}

/// Returns the key type of an EC curve and the length of its coordinates in bytes.
fn curve_type(curve: &model::EllipticCurve) -> Option<(KeyType, usize)> {
    let key_type = match curve {
        model::EllipticCurve::P256 => KeyType::P256,
        model::EllipticCurve::P384 => KeyType::P384,
        model::EllipticCurve::P521 => KeyType::P521,
        _ => return None,
    };
    Some((key_type, key_type.coordinate_len()?))
}

debug_fields!(Jwk, self, kid = self.key_id());
