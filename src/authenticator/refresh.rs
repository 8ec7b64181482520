//! Renewing an ID token: one request to JAM per refresh token, however many wait for it.

use super::gate::Authenticator;
use crate::core::call_limit::CallLimit;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::single_flight::{SingleFlight, secret_hash};
use crate::jam::client::JamClient;
use crate::jose::jws::Compact;
use crate::token::claims::RegisteredClaims;
use crate::token::rules::TextRule;
use std::sync::Arc;
use std::time::Duration;

/// A page's other requests still carry the old cookie: they get the same new token.
const SHARED_FOR: Duration = Duration::from_secs(10);

/// Renewals under way at once. A holder of one expired ID token can invent any number of refresh
/// tokens for it.
const PARALLEL: usize = 64;
/// The longest that a request waits for a renewal, its turn included.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Refresher {
    client: JamClient,
    calls: Arc<CallLimit>,
    renewed: SingleFlight<Secret>,
}

impl Refresher {
    pub(crate) fn new(client: JamClient) -> Self {
        Self {
            client,
            calls: Arc::new(CallLimit::new(PARALLEL, DEADLINE)),
            renewed: SingleFlight::shared_for(SHARED_FOR),
        }
    }

    /// Asks JAM anew the next time: what it answered last is of no use any more.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn forget(&self, refresh_token: &str) {
        self.renewed.forget(&secret_hash(refresh_token));
    }

    /// A new ID token for a refresh token.
    ///
    /// The request to JAM survives the one that caused it. Only a definite answer is shared: after
    /// an outage the next request asks again.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Secret, Error> {
        let call = || {
            let (client, calls) = (self.client.clone(), self.calls.clone());
            let token = Secret::new(refresh_token);
            async move { calls.run(client.refresh(token.expose())).await }
        };
        let key = secret_hash(refresh_token);
        let lasts = |answer: &Result<Secret, Error>| answer.as_ref().err().is_none_or(is_definite);
        let answer = self.renewed.ask(key, call, lasts).await;
        answer.map_err(|error| {
            if is_definite(&error) {
                error
            } else {
                Error::new(
                    ErrorKind::Unavailable,
                    "the ID token cannot be refreshed at the moment",
                )
                .with_source(error)
            }
        })
    }
}

/// Whose an ID token is: a renewed one must be the same user's, or a refresh token that somebody
/// planted would log the browser in as somebody else.
#[derive(PartialEq, Eq)]
pub(crate) struct Holder {
    issuer: Option<String>,
    subject: Option<String>,
    email: Option<String>,
}

impl Authenticator {
    /// Whose an ID token is that an issuer of ours signed, whether it is still good or not; `None`
    /// for what may be invented.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) async fn genuine(&self, id_token: &str) -> Option<Holder> {
        if let Err(error) = self.verify(id_token).await
            && !matches!(
                error.kind(),
                ErrorKind::Expired | ErrorKind::Revoked | ErrorKind::NotListed
            )
        {
            return None;
        }
        Holder::of(id_token.as_bytes()).ok()
    }
}

impl Holder {
    /// The `iss` claim.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Reads a token whose signature was checked.
    pub(crate) fn of(token: &[u8]) -> Result<Self, Error> {
        let email = [TextRule {
            claim: "email".into(),
            expected: None,
        }];
        let payload = Compact::split(token, token.len())?.payload_text()?;
        let mut claims = RegisteredClaims::parse(&payload, &email)?;
        Ok(Self {
            issuer: claims.issuer.map(Into::into),
            subject: claims.subject.map(Into::into),
            email: claims.texts.pop().flatten().map(Into::into),
        })
    }
}

/// JAM said no to this refresh token. A 404 is about the app, or a gateway's, and no reason to
/// forget a login.
pub(crate) fn is_definite(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BadRequest | ErrorKind::Unauthorized
    )
}
