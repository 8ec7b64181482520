//! Renewal of ID tokens: one request to JAM per refresh token, shared by concurrent requests.

use crate::authenticator::silent_refresh::SilentRefresh;
use crate::core::settings::Time;
use crate::core::{
    Error, ErrorKind, Secret, call_limit::CallLimit, hash::Sha256, sha256,
    single_flight::SingleFlight,
};
use crate::jam::client::JamClient;
use crate::jose::jws::Compact;
use crate::token::registered::{RegisteredClaims, TextRule};
use crate::token::verified::Verified;
use std::{sync::Arc, time::Duration};

/// How long a new token is shared. A page's other requests still carry the old cookie.
const SHARED_FOR: Duration = Duration::from_secs(10);

/// How long a session outlives its ID token while JAM is unreachable, by default.
const GRACE: Duration = Duration::from_secs(3600);

/// Concurrent renewals. With one expired ID token a client can invent any number of refresh tokens.
const PARALLEL: usize = 64;
/// Deadline of a renewal, including the wait for a free slot.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Refresher {
    client: JamClient,
    /// How long a session outlives its ID token while JAM is unreachable.
    pub(super) grace: Duration,
    calls: Arc<CallLimit>,
    renewed: SingleFlight<Sha256, Secret>,
}

impl Refresher {
    /// Returns `None` without a client.
    pub(in crate::authenticator) fn new(settings: SilentRefresh) -> Option<Self> {
        Some(Self {
            client: settings.client?,
            grace: settings.options.outage_grace.map_or(GRACE, |Time(grace)| grace),
            calls: Arc::new(CallLimit::new(PARALLEL, DEADLINE)),
            renewed: SingleFlight::shared_for(SHARED_FOR),
        })
    }

    /// Drops the shared answer, so that the next call asks JAM again.
    pub(crate) fn forget(&self, refresh_token: &str) {
        self.renewed.forget(&sha256(refresh_token));
    }

    /// Returns a new ID token for a refresh token.
    ///
    /// The request to JAM continues if its caller is cancelled. Only a definite answer is shared:
    /// after an outage the next request asks again.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Secret, Error> {
        let call = || {
            let (client, calls) = (self.client.clone(), self.calls.clone());
            let token = Secret::new(refresh_token);
            async move { calls.run(client.refresh(token.expose())).await }
        };
        let key = sha256(refresh_token);
        let lasts = |answer: &Result<Secret, Error>| answer.as_ref().err().is_none_or(is_definite);
        let answer = self.renewed.ask_detached(key, call, lasts).await;
        answer.map_err(|error| {
            if is_definite(&error) {
                error
            } else {
                Error::new(
                    ErrorKind::Unavailable,
                    "the ID token cannot be refreshed at the moment: try again",
                )
                .with_source(error)
            }
        })
    }
}

/// The user of an ID token.
#[derive(PartialEq, Eq)]
pub(crate) struct Holder {
    issuer: Option<String>,
    subject: Option<String>,
    email: Option<String>,
}

impl Holder {
    /// Returns the `iss` claim.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Reads a token whose signature has been verified.
    pub(crate) fn of(token: &[u8]) -> Result<Self, Error> {
        let email = [TextRule::read("email")];
        let payload = Compact::split(token, token.len())?.payload_text()?;
        let mut claims = RegisteredClaims::parse(&payload, &email)?;
        Ok(Self {
            issuer: claims.issuer.map(Into::into),
            subject: claims.subject.map(Into::into),
            email: claims.texts.pop().flatten().map(Into::into),
        })
    }
}

/// Checks that a renewed ID token is for the same user as the old one: otherwise a planted refresh
/// token would log the browser in as another user.
///
/// # Errors
/// [`ErrorKind::InvalidClaim`].
pub(crate) fn check_same_user(old: &[u8], renewed: &Verified) -> Result<(), Error> {
    match (Holder::of(old), Holder::of(renewed.expose_token().as_bytes())) {
        (Ok(old), Ok(renewed)) if old == renewed => Ok(()),
        _ => Err(Error::new(
            ErrorKind::InvalidClaim,
            "the refresh token belongs to another user than the ID token: the user must log in \
             again",
        )),
    }
}

/// Whether JAM rejected this refresh token. A 404 is about the app or from a gateway: the login
/// stays.
pub(crate) fn is_definite(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::Unauthorized)
}
