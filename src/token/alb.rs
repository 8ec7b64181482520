//! Tokens of AWS load balancers (`x-amzn-oidc-data`), which are JWTs in a form of their own.
//!
//! Their three parts are base64url with padding, which is part of the signed text, and the header
//! holds claims: `signer`, `iss` and `exp`.

use super::registered::{MAX_DATE, RegisteredClaims};
use super::rules::Rules;
use crate::core::json::{self, Scalar};
use crate::core::{Error, ErrorKind, mismatch};
use crate::jose::jws::Compact;
use std::borrow::Cow;

impl Rules {
    /// Splits a token, in the form that the rules are for.
    pub(super) fn split<'t>(&self, token: &'t [u8]) -> Result<Compact<'t>, Error> {
        let compact = Compact::split(token, self.max_len)?;
        Ok(if self.is_alb() { compact.padded() } else { compact })
    }

    pub(super) fn is_alb(&self) -> bool {
        !self.load_balancers.is_empty()
    }

    /// Returns whether a token is of one of the load balancers. Its signature is not checked.
    pub(super) fn have_load_balancer_of(&self, token: &[u8]) -> bool {
        if !self.is_alb() {
            return false;
        }
        let compact = Compact::split(token, self.max_len);
        let header = compact.and_then(|compact| compact.padded().header_text());
        header.is_ok_and(|header| {
            let mut is_ours = false;
            let parsed = json::object(&header, |name, value| {
                if let ("signer", Scalar::Text(signer)) = (name, value) {
                    is_ours = self.is_load_balancer(&signer);
                }
            });
            parsed.is_ok() && is_ours
        })
    }

    fn is_load_balancer(&self, signer: &str) -> bool {
        self.load_balancers.iter().any(|arn| **arn == *signer)
    }

    /// Checks a load balancer's header, and adds its claims to those of the payload.
    ///
    /// `exp` becomes the sooner of both; an `iss` in both must be the same.
    pub(super) fn add_header_claims(
        &self,
        compact: &Compact<'_>,
        claims: &mut RegisteredClaims<'_>,
    ) -> Result<(), Error> {
        if !self.is_alb() {
            return Ok(());
        }
        let header = compact.header_text()?;
        let (mut signer, mut issuer, mut expires) = (None, None, None);
        // Parsed strictly before; a value of another type counts as absent.
        let _ = json::object(&header, |name, value| match (name, value) {
            ("signer", Scalar::Text(text)) => signer = Some(text.into_owned()),
            ("iss", Scalar::Text(text)) => issuer = Some(text.into_owned()),
            ("exp", Scalar::Integer(seconds)) => expires = u64::try_from(seconds).ok(),
            _ => {}
        });
        let wrong = |name: &str, how: String| {
            let message = format!("the header's '{name}' is wrong: {how}");
            Err(Error::new(ErrorKind::InvalidClaim, message))
        };
        if !signer.as_deref().is_some_and(|signer| self.is_load_balancer(signer)) {
            return wrong("signer", mismatch(&self.load_balancers, signer.as_slice()));
        }
        let Some(expires) = expires.filter(|seconds| *seconds <= MAX_DATE) else {
            return Err(Error::new(
                ErrorKind::MissingClaim,
                "the header lacks the required 'exp', or it is not a date",
            ));
        };
        claims.expires = Some(claims.expires.map_or(expires, |other| other.min(expires)));
        match (&claims.issuer, issuer) {
            (Some(ours), Some(theirs)) if **ours != *theirs => {
                wrong("iss", mismatch(&[&**ours], &[theirs]))
            }
            (None, Some(issuer)) => {
                claims.issuer = Some(Cow::Owned(issuer));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
