//! Verification of tokens that the authorization server is asked about (RFC 7662).

use super::claim_set::{ClaimSet, Text};
use super::form::{bearer_token, is_jws};
use super::introspector::{Active, Introspector};
use super::registered::RegisteredClaims;
use super::verified::{Entry, Proof, Verified};
use super::verifier::{Inner, Verification, Verifier};
use crate::core::hash::seeded_hash;
use crate::core::now_or_later::NowOrLater::Now;
use crate::core::{Clock, Error, millis};
use std::{sync::Arc, time::Duration};

impl Verifier {
    /// Returns whether this token is verified by introspection.
    ///
    /// Its form decides: a JWT is verified with keys if the verifier has any.
    pub(crate) fn introspects(&self, token: &[u8]) -> bool {
        self.inner.introspector.is_some() && !(self.inner.has_keys && is_jws(token))
    }

    /// Returns the server that is asked about opaque tokens.
    pub(crate) fn introspects_at(&self) -> Option<&str> {
        self.inner.introspector.as_ref().map(|introspector| introspector.place())
    }

    /// Verifies a token by introspection.
    pub(super) fn introspect(
        &self,
        introspector: &Arc<dyn Introspector>,
        token: &[u8],
    ) -> Verification {
        let token = match bearer_token(token, self.inner.rules.max_len) {
            Ok(token) => token,
            Err(error) => return Now(Err(error)),
        };
        let hash = seeded_hash(token.as_bytes());
        let epoch = self.inner.epochs.of(hash);
        let (this, token, answer) = (self.clone(), Box::from(token), introspector.ask(token));
        Verification::later(async move {
            let verified = this.inner.introspected(token, (hash, epoch), &answer.await?)?;
            this.check_lists(verified, false).await
        })
    }
}

impl Inner {
    /// Checks the claims of an answer by the rules for a JWT's claims.
    fn introspected(
        &self,
        token: Box<str>,
        (hash, epoch): (u64, u64),
        answer: &Active,
    ) -> Result<Verified, Error> {
        let claims = self.with_issuer(&answer.claims)?;
        let registered = self.rules.read_claims(&claims)?;
        let window = self.rules.check_claims(&registered)?;
        let confirmation = self.rules.confirmation(&registered, &claims);
        let issued_in = registered.issued_in;
        let [issuer, subject, token_id] =
            [registered.issuer, registered.subject, registered.token_id]
                .map(|text| text.map(|text| Text::new(text, &claims)));
        // No leeway: after `exp` the server itself decides.
        let left = window.expires.map_or(Duration::MAX, |expires| {
            Duration::from_secs(expires).saturating_sub(self.clock.now())
        });
        let usable_for = answer.usable_for.min(left);
        let usable_until = match usable_for.is_zero() {
            true => 0,
            false => millis(self.clock.monotonic().saturating_add(usable_for)),
        };
        Ok(Verified::new(Arc::new(Entry {
            token,
            hash,
            claims: ClaimSet::new(claims, issuer, subject),
            token_id,
            window,
            confirmation,
            issued_in,
            proof: Proof::Introspection { usable_until },
            epoch,
            revocation_id: Default::default(),
            issuer_verifies_emails: self.rules.issuer_verifies_emails,
            marks: Default::default(),
        })))
    }

    /// Returns the claims with the issuer of the server, if they name none.
    fn with_issuer(&self, claims: &str) -> Result<String, Error> {
        let of_server = self.introspector.as_ref().and_then(|introspector| introspector.issuer());
        let assumed = match (of_server, self.rules.issuers.exact()) {
            (Some(issuer), _) => Some(issuer),
            (None, [only]) if !self.rules.issuers.have_families() => Some(&**only),
            (None, _) => None,
        };
        let registered = RegisteredClaims::parse(claims, &[])?;
        let members = claims.trim_ascii_start().strip_prefix('{');
        match (assumed, members) {
            // An answer has at least the member `active`, so that a comma may follow.
            (Some(issuer), Some(members)) if !registered.has("iss") => {
                let issuer = serde_json::Value::from(issuer);
                Ok(format!("{{\"iss\":{issuer},{members}"))
            }
            _ => Ok(claims.to_owned()),
        }
    }
}
