//! Key export as PEM and JWK; methods for private keys start with `expose_private`.

use super::algorithm::Algorithm;
use super::error::invalid;
use super::signing_key::{Pair, SigningKey};
use super::verifying_key::VerifyingKey;
use super::{der, encoding};
use crate::core::{Error, Secret};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

fn failed<E>(_: E) -> Error {
    invalid("the key cannot be exported")
}

fn no_public_part() -> Error {
    invalid("a shared secret has no public part: nothing of it may be published")
}

impl VerifyingKey {
    /// Returns the public key as PEM: SPKI (`PUBLIC KEY`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a secret, which has no public
    /// part.
    pub fn to_pem(&self) -> Result<String, Error> {
        let der = self.spki()?.ok_or_else(no_public_part)?;
        Ok(encoding::pem_text("PUBLIC KEY", &der).to_string())
    }
}

impl SigningKey {
    /// Returns the private key as PEM: PKCS#8 (`PRIVATE KEY`).
    ///
    /// The returned text is wiped when dropped; copies of it are not.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a secret, which has no PEM form.
    ///
    /// # Example
    /// ```
    /// use jamguard::jose::{Algorithm, SigningKey};
    /// let key = SigningKey::generate(Algorithm::ES512)?;
    /// let pem = key.expose_private_pem()?;
    /// let same = SigningKey::from_pem(Algorithm::ES512, pem.expose())?;
    /// assert_eq!(same.thumbprint()?, key.thumbprint()?);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn expose_private_pem(&self) -> Result<Secret, Error> {
        if self.algorithm().is_symmetric() {
            return Err(invalid("an HMAC secret has no PEM form: use expose_private_jwk"));
        }
        let pem = encoding::pem_text("PRIVATE KEY", &self.to_private_bytes()?);
        Ok(Secret::from_zeroizing(pem))
    }

    /// Returns the private key or secret as a JWK (RFC 7518 section 6).
    ///
    /// It contains `alg`, `use` and, if set, `kid`. The returned text is wiped when dropped; copies
    /// of it are not.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if the key cannot be exported.
    pub fn expose_private_jwk(&self) -> Result<Secret, Error> {
        // In RFC 7518's order; all values but `kid` are base64url or fixed names and need no
        // escaping.
        let public = self.verifying_key()?;
        let mut members: Vec<(&str, Zeroizing<String>)> = Vec::with_capacity(12);
        let text = |bytes: &[u8]| Zeroizing::new(encoding::encode(bytes));
        let plain = |text: &str| Zeroizing::new(text.to_owned());
        match &*self.pair {
            Pair::Hmac(_, secret) => {
                members.extend([("kty", plain("oct")), ("k", text(secret))]);
            }
            pair => {
                let jwk = public.to_jwk().ok_or_else(|| failed(()))?;
                let public = jwk.members()?;
                for name in ["kty", "crv", "n", "e", "x", "y"] {
                    if let Some(value) = public.get(name).and_then(serde_json::Value::as_str) {
                        members.push((name, plain(value)));
                    }
                }
                match pair {
                    Pair::Ec(pair) => {
                        let d = pair.private_key().as_be_bytes().map_err(failed)?;
                        members.push(("d", text(d.as_ref())));
                    }
                    Pair::Ed(pair) => {
                        let seed = pair.seed().and_then(|seed| seed.as_be_bytes());
                        members.push(("d", text(seed.map_err(failed)?.as_ref())));
                    }
                    _ => {
                        let pkcs8 = self.to_private_bytes()?;
                        let numbers = rsa_numbers(&pkcs8).ok_or_else(|| failed(()))?;
                        let names = ["d", "p", "q", "dp", "dq", "qi"];
                        for (name, number) in names.into_iter().zip(numbers) {
                            members.push((name, text(number)));
                        }
                    }
                }
            }
        }
        members.extend([("alg", plain(self.algorithm().name())), ("use", plain("sig"))]);
        // Allocated in full, because a growing string would leave copies behind.
        let length: usize = members.iter().map(|(n, v)| n.len() + v.len() + 6).sum();
        let kid = self.key_id().map(serde_json::Value::from);
        let kid = kid.map(|kid| format!(r#","kid":{kid}"#)).unwrap_or_default();
        let mut json = Zeroizing::new(String::with_capacity(length + kid.len() + 2));
        for (name, value) in &members {
            let before = if json.is_empty() { "{\"" } else { ",\"" };
            for part in [before, name, "\":\"", value, "\""] {
                json.push_str(part);
            }
        }
        json.push_str(&kid);
        json.push('}');
        Ok(Secret::from_zeroizing(json))
    }

    /// Returns the key's SHA-256 thumbprint in base64url (RFC 7638).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) for a secret: a thumbprint would
    /// help to guess it.
    pub fn thumbprint(&self) -> Result<String, Error> {
        let key = self.verifying_key()?;
        key.to_jwk().ok_or_else(no_public_part)?.thumbprint()
    }

    /// Returns an identifier of the key: its thumbprint, or for a secret a keyed hash.
    ///
    /// The keyed hash reveals no more of the secret than any of its signatures.
    pub(crate) fn fingerprint(&self) -> Result<String, Error> {
        match &*self.pair {
            Pair::Hmac(_, secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(encoding::encode(hmac::sign(&key, b"jamguard key id")))
            }
            _ => self.thumbprint(),
        }
    }

    /// Returns the key as PKCS#8, or the secret itself.
    pub(crate) fn to_private_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        let der = |der: Result<Pkcs8V1Der<'_>, _>| der.map(|der| bytes(der.as_ref()));
        match &*self.pair {
            Pair::Hmac(_, secret) => Ok(secret.clone()),
            Pair::Rsa(pair) => der(pair.as_der()).map_err(failed),
            Pair::Ed(pair) => der(pair.as_der()).map_err(failed),
            Pair::Ec(pair) => {
                let document = pair.to_pkcs8v1().map_err(failed)?;
                Ok(bytes(document.as_ref()))
            }
        }
    }

    /// Parses the output of [`to_private_bytes`](Self::to_private_bytes).
    pub(crate) fn from_private_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, Error> {
        match algorithm.is_symmetric() {
            true => Self::from_secret(algorithm, bytes),
            false => Self::from_der(algorithm, bytes),
        }
    }
}

/// Returns d, p, q, dP, dQ and qInv of a PKCS#8 RSA key, without leading zeros.
///
/// See RFC 5208 section 5 and RFC 8017 appendix A.1.2.
fn rsa_numbers(pkcs8: &[u8]) -> Option<[&[u8]; 6]> {
    let (_type, key) = der::private_key(pkcs8)?;
    let (mut rest, _) = der::element(key, der::SEQUENCE)?;
    let mut numbers = [&[][..]; 9];
    for number in &mut numbers {
        (*number, rest) = der::element(rest, der::INTEGER)?;
        *number = encoding::significant(number);
    }
    let [_version, _n, _e, private @ ..] = numbers;
    Some(private)
}
