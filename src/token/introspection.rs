//! Verification of tokens that the authorization server is asked about (RFC 7662).

use super::builder::VerifierBuilder;
use super::claim_set::{ClaimSet, Text};
use super::confirmation::Confirmation;
use super::form::{bearer_token, is_jws};
use super::introspector::{Active, Introspector, KIND_MEMBERS};
use super::issuers::other_spelling;
use super::registered::wrong;
use super::verified::{Entry, Evidence, Verified};
use super::verifier::{Inner, Verification, Verifier};
use crate::core::hash::seeded_hash;
use crate::core::now_or_later::NowOrLater::Now;
use crate::core::{Clock, Error, ensure, mismatch};
use std::{sync::Arc, time::Duration};

impl VerifierBuilder {
    /// Checks the server for introspection. Returns whether every token is introspected.
    pub(super) fn check_introspection(&self) -> Result<bool, Error> {
        let introspector = match &self.introspectors[..] {
            [] => return Ok(false),
            [only] => only,
            _ => {
                return Err(Error::configuration(
                    "two introspection servers in one verifier: an opaque token does not name its \
                     issuer; use one Authenticator for each server",
                ));
            }
        };
        if self.sources.is_empty() && self.keys.is_empty() {
            let options = &self.options;
            ensure(
                self.algorithms.is_empty()
                    && options.token_type.is_none()
                    && !options.require_key_id,
                "algorithms, token_type and require_key_id are rules for JWTs, but every token is \
                 introspected: remove them, or call .discover(…) or .jwks_url(…) to verify JWTs \
                 with keys",
            )?;
            return Ok(true);
        }
        // The keys of one issuer must not sign for the users of another.
        let is_of = |server: &str, name: &str| {
            name == server || other_spelling(server).is_some_and(|other| name == other)
        };
        let all_of = |server| self.issuers.names().into_iter().all(|name| is_of(server, name));
        ensure(
            introspector.issuer().is_none_or(all_of),
            "keys of one issuer and introspection of another: build a verifier for each",
        )?;
        Ok(false)
    }
}

impl Verifier {
    /// Returns whether this token is verified by introspection.
    ///
    /// Its form decides: a JWT is verified with keys if the verifier has any.
    pub(crate) fn introspects(&self, token: &[u8]) -> bool {
        let by_keys = || is_jws(token) || self.has_load_balancer_of(token);
        self.inner.introspector.is_some() && !(self.inner.has_keys && by_keys())
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
            this.check_lists(verified, None).await
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
        let is_dpop = |name: &&str| {
            let kind = registered.text(&self.rules.texts, name);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("dpop"))
        };
        // A server that says that the token is bound and not to which key.
        let is_bound = !self.rules.accept_bound && KIND_MEMBERS.iter().any(is_dpop);
        let unproven = is_bound.then(|| Box::new(Confirmation::unproven()));
        let confirmation = self.rules.confirmation(&registered, &claims).or(unproven);
        let issued_in = registered.issued_in;
        let [issuer, subject, token_id] =
            [registered.issuer, registered.subject, registered.token_id]
                .map(|text| text.map(|text| Text::new(text, &claims)));
        let now = self.clock.now();
        // No leeway: after `exp` the server itself decides.
        let left = window
            .expires
            .map_or(Duration::MAX, |expires| Duration::from_secs(expires).saturating_sub(now));
        // Wall time, as for `exp`. Where that clock is set back, the server is asked again.
        let usable = now..now.saturating_add(answer.usable_for.min(left));
        Ok(Verified::new(Arc::new(Entry {
            token,
            hash,
            claims: ClaimSet::new(claims, issuer, subject),
            token_id,
            window,
            confirmation,
            issued_in,
            evidence: Evidence::Introspection { usable },
            epoch,
            revocation_id: Default::default(),
            issuer_verifies_emails: self.rules.issuer_verifies_emails,
            is_alb: self.rules.is_alb(),
            marks: Default::default(),
        })))
    }

    /// Returns the claims with the issuer of the server, if they name none.
    ///
    /// # Errors
    /// They name another issuer than that of a discovered server.
    fn with_issuer(&self, claims: &str) -> Result<String, Error> {
        let of_server = self.introspector.as_ref().and_then(|introspector| introspector.issuer());
        let found = self.rules.read_claims(claims)?.issuer;
        let assumed = match (of_server, self.rules.issuers.exact()) {
            (Some(server), _) if found.as_deref().is_some_and(|issuer| issuer != server) => {
                return Err(wrong("iss", &mismatch(&[server], found.as_slice())));
            }
            (Some(server), _) => Some(server),
            (None, [only]) if !self.rules.issuers.have_families() => Some(&**only),
            (None, _) => None,
        };
        let members = claims.trim_ascii_start().strip_prefix('{');
        match (assumed, members) {
            // An answer has at least the member `active`, so that a comma may follow.
            (Some(issuer), Some(members)) if found.is_none() => {
                let issuer = serde_json::Value::from(issuer);
                Ok(format!("{{\"iss\":{issuer},{members}"))
            }
            _ => Ok(claims.to_owned()),
        }
    }
}
