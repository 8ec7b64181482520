//! Silent refresh: an expired login cookie is renewed with the refresh token beside it.

use super::attached::{Authenticated, ResponseHeader};
use super::credentials::{self, Head};
use super::refresh::{check_same_user, is_definite};
use crate::authenticator::handle::Authenticator;
use crate::authenticator::identity::CredentialKind;
use crate::authenticator::sources::{CredentialSource, SourceKind};
use crate::core::now_or_later::NowOrLater::{Later, Now};
use crate::core::{Error, ErrorKind, Secret, telemetry};
use crate::token::verifier::Verification;

/// What is needed to renew a login cookie if it turns out to be expired.
pub(super) struct Renewal {
    pub(super) id_token: Vec<u8>,
    pub(super) refresh_token: Secret,
    /// Index of the cookie's source.
    pub(super) place: usize,
}

impl Authenticator {
    /// Returns the refresh token for a login cookie whose ID token is, or may be, expired.
    ///
    /// Only an otherwise valid token is renewed: refresh tokens are easy to invent, and each would
    /// cause a request to JAM.
    pub(super) fn refresh_token(
        &self,
        head: &impl Head,
        source: &CredentialSource,
        verification: &Verification,
    ) -> Option<Secret> {
        let possible = match verification {
            Now(Err(error)) => error.kind() == ErrorKind::Expired,
            Now(Ok(_)) => false,
            Later(_) => true,
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

    /// Renews a login cookie whose ID token is valid but for its age, as `expired` says.
    pub(super) async fn renew_cookie(&self, renewal: Renewal, expired: Error) -> Authenticated {
        let Renewal { id_token, refresh_token, place } = renewal;
        // Always present: `refresh_token` checked both.
        let (Some(cookies), Some(refresher)) = (&self.0.cookies, &self.0.refresh) else {
            return self.authenticated(Err(expired), place);
        };
        let useless = |refusal: &Error| {
            telemetry::refused(refusal);
            let mut answer = self.authenticated(Err(expired), place);
            if let Authenticated::Invalid(invalid) = &mut answer {
                invalid.removal.push(ResponseHeader::cookie(cookies.remove_refresh()));
            }
            answer
        };
        let verified = match refresher.refresh(refresh_token.expose()).await {
            Ok(id_token) => self.verify_bearer(id_token.expose()).await,
            Err(refusal) if is_definite(&refusal) => return useless(&refusal),
            Err(outage) => return self.authenticated(Err(outage), place),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return self.authenticated(Err(error), place),
        };
        if let Err(other) = check_same_user(&id_token, &verified) {
            return useless(&other);
        }
        match cookies.set_id(verified.expose_token()) {
            Ok(cookie) => {
                let cookie = ResponseHeader::cookie(cookie);
                Authenticated::Token(verified, CredentialKind::Cookie, Some(cookie))
            }
            Err(error) => Authenticated::invalid(error, true),
        }
    }
}
