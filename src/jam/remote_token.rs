//! Header and claims of a token that JAM verified remotely.

use crate::core::{Error, ErrorKind, debug_fields, json};
use crate::jose::jws::{Compact, DEFAULT_MAX_LEN};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The decoded header and claims of a remotely verified token.
///
/// Returned by [`JamClient::verify_remote`](crate::JamClient::verify_remote).
///
/// # Example
/// ```no_run
/// # async fn f(client: jamguard::JamClient, token: &str) -> Result<(), jamguard::Error> {
/// let verified = client.verify_remote(token).await?;
/// println!("{} by key {}", verified.claims()["email"], verified.header()["kid"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct RemoteToken {
    header: Value,
    claims: Value,
}

impl RemoteToken {
    /// Decodes a token without checking its signature; the caller is responsible for that.
    pub(crate) fn decode(token: &str) -> Result<Self, Error> {
        let compact = Compact::split(token.as_bytes(), DEFAULT_MAX_LEN)?;
        Ok(Self {
            header: object(&compact.header_text()?)?,
            claims: object(&compact.payload_text()?)?,
        })
    }

    /// Returns the header, a JSON object.
    pub fn header(&self) -> &Value {
        &self.header
    }

    /// Returns the claims, a JSON object.
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    /// Decodes the claims into `T`.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] if the claims do not fit `T`.
    pub fn claims_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.claims).map_err(|_| {
            Error::new(ErrorKind::ClaimsMismatch, "the claims do not fit the requested type")
        })
    }
}

fn object(text: &str) -> Result<Value, Error> {
    json::object(text, |_, _| {})
        .and_then(|_| serde_json::from_str(text))
        .map_err(|_| Error::new(ErrorKind::Malformed, "a part of the token is not a JSON object"))
}

debug_fields!(RemoteToken, self, header = self.header);
