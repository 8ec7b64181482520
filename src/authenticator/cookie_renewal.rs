//! Silent refresh: an expired login cookie is renewed with the refresh token beside it.

use super::credentials::{self, CredentialSource, Head, SourceKind};
use super::gate::{Authenticator, Pass};
use super::refresh::{check_same_user, is_definite};
use crate::core::challenge::AuthResponse;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use crate::token::verified::Verified;
use crate::token::verifier::Step;

/// What is needed to renew a login cookie if it turns out to be expired.
pub(super) struct Renewal {
    pub(super) id_token: Vec<u8>,
    pub(super) refresh_token: Secret,
}

impl Authenticator {
    /// Returns the refresh token for a login cookie whose ID token is, or may be, expired.
    ///
    /// Only an otherwise valid token is renewed: refresh tokens are easy to invent, and each would
    /// cause a request to JAM.
    pub(super) fn renewal(
        &self,
        head: &impl Head,
        source: &CredentialSource,
        step: &Step,
    ) -> Option<Secret> {
        let possible = match step {
            Step::Done(Err(error)) => error.kind() == ErrorKind::Expired,
            Step::Done(Ok(_)) => false,
            Step::Wait(_) => true,
        };
        if !possible || self.0.refresh.is_none() {
            return None;
        }
        let cookies = self.0.cookies.as_ref()?;
        if !matches!(&source.0, SourceKind::Cookie(name) if **name == *cookies.id_name()) {
            return None;
        }
        // Of two different cookies, the right one is unknown.
        let token = credentials::cookie(head, cookies.refresh_name()).ok()??;
        Some(Secret::new(std::str::from_utf8(token).ok()?))
    }

    /// Renews a login cookie. `expired` must be valid but for its age.
    pub(super) async fn renewed(
        &self,
        expired: &[u8],
        refresh_token: &str,
        error: Error,
        source: Option<&CredentialSource>,
        required: bool,
    ) -> Result<Pass, AuthResponse> {
        // Always present: `renewal` checked both.
        let (Some(cookies), Some(refresher)) = (&self.0.cookies, &self.0.refresh) else {
            return self.conclude(Err(error), source, required);
        };
        let useless = |refusal: &Error| {
            telemetry::refused(refusal);
            let removal = cookies.remove_refresh();
            match self.conclude(Err(error), source, required) {
                Ok(mut pass) => {
                    pass.edits.cookies.push(removal);
                    Ok(pass)
                }
                Err(challenge) => {
                    let mut challenge = challenge.with_header("cache-control", "no-store");
                    challenge.add_header("set-cookie", removal);
                    Err(challenge)
                }
            }
        };
        let verified = match refresher.refresh(refresh_token).await {
            Ok(id_token) => self.verify(id_token.expose()).await,
            Err(refusal) if is_definite(&refusal) => return useless(&refusal),
            Err(outage) => return self.conclude(Err(outage), source, required),
        };
        if let Ok(verified) = &verified
            && let Err(other) = check_same_user(expired, verified)
        {
            return useless(&other);
        }
        let token = verified.as_ref().ok().map(Verified::expose_token);
        let cookie = match token.map(|token| cookies.set_id(token)).transpose() {
            Ok(cookie) => cookie,
            Err(error) => return self.conclude(Err(error), None, required),
        };
        let mut pass = self.conclude(verified, source, required)?;
        pass.edits.cookies.extend(cookie);
        Ok(pass)
    }
}
