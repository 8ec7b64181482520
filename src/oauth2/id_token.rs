//! Checks of ID tokens beyond the verifier's rules, at login and at refresh.

use super::client::OAuth2Client;
use crate::core::{Error, ErrorKind, Secret, mismatch};
use crate::jose::jws::Compact;
use crate::token::{issuers::other_spelling, verified::Verified, verifier::Verifier};
use serde::Deserialize;
use std::borrow::Cow;

/// A verified ID token issued for this client.
pub(crate) struct IdToken {
    pub(crate) verified: Verified,
    pub(crate) nonce: Option<Secret>,
    /// Unix seconds.
    issued: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl OAuth2Client {
    /// Verifies an ID token (OpenID Connect Core 1.0 section 3.1.3.7).
    ///
    /// The caller compares the nonce.
    pub(crate) async fn verify_id_token(
        &self,
        verifier: &Verifier,
        id_token: &Secret,
    ) -> Result<IdToken, Error> {
        #[derive(Deserialize)]
        struct Own {
            nonce: Option<String>,
            azp: Option<String>,
            aud: Audience,
            iat: Option<f64>,
        }
        let verified = verifier.verify(id_token.expose()).await?;
        let Ok(own) = serde_json::from_str::<Own>(verified.raw_claims()) else {
            return refuse("the ID token has no aud, or its nonce or azp is not a string");
        };
        if !self.is_issuer(verified.issuer()) {
            let how = mismatch(self.issuer().as_slice(), verified.issuer().as_slice());
            return refuse(format!("the ID token is from another issuer: {how}"));
        }
        let client_id = self.client_id();
        let audiences = match &own.aud {
            Audience::One(one) => std::slice::from_ref(one),
            Audience::Many(all) => all,
        };
        if !audiences.iter().any(|one| one == client_id) {
            let how = mismatch(&[client_id], audiences);
            return refuse(format!("the ID token is for another client (aud): {how}"));
        }
        match &own.azp {
            Some(party) if party != client_id => {
                let how = mismatch(&[client_id], &[party]);
                return refuse(format!("the ID token was issued to another client (azp): {how}"));
            }
            None if audiences.len() > 1 => {
                return refuse("the ID token has several audiences and no azp");
            }
            _ => {}
        }
        Ok(IdToken { verified, nonce: own.nonce.map(Secret::new), issued: own.iat })
    }

    /// Returns the provider's issuer.
    fn issuer(&self) -> Option<&str> {
        self.0.provider.options.issuer.as_deref()
    }

    /// Whether an `iss` is the provider's, in either spelling.
    fn is_issuer(&self, found: Option<&str>) -> bool {
        let ours = self.issuer();
        found == ours || found.is_some_and(|found| ours.and_then(other_spelling) == Some(found))
    }

    /// Verifies the ID token of a refresh against the previous one.
    ///
    /// Both must belong to the same login (OpenID Connect Core 1.0 section 12.2). The previous one
    /// was verified when it was received.
    pub(crate) async fn verify_renewed_id_token(
        &self,
        verifier: &Verifier,
        new: &Secret,
        before: &Secret,
    ) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Before {
            iss: Option<String>,
            sub: Option<String>,
            nonce: Option<String>,
            iat: Option<f64>,
        }
        let text = before.expose().as_bytes();
        let claims = Compact::split(text, text.len()).and_then(|token| token.payload_text());
        let claims = claims.ok().and_then(|text| serde_json::from_str(&text).ok());
        let before: Before = claims
            .ok_or_else(|| Error::new(ErrorKind::Storage, "the session's ID token is damaged"))?;
        let new = self.verify_id_token(verifier, new).await?;
        if before.sub.is_none()
            || before.sub.as_deref() != new.verified.subject()
            || !self.is_issuer(before.iss.as_deref())
        {
            return refuse("the refreshed ID token has another sub or iss than the login's");
        }
        // A refreshed one should have no nonce, so the previous one may have none either.
        if let (Some(theirs), Some(ours)) = (&new.nonce, before.nonce.map(Secret::new))
            && *theirs != ours
        {
            return refuse("the refreshed ID token belongs to another login (nonce)");
        }
        match (before.iat, new.issued) {
            (Some(before), Some(new)) if new < before => {
                refuse("the refreshed ID token is older than the login's")
            }
            (Some(_), None) => refuse("the refreshed ID token has no iat"),
            _ => Ok(()),
        }
    }
}

fn refuse<T>(message: impl Into<Cow<'static, str>>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidClaim, message))
}
