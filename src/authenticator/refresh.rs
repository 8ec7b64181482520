//! Renewing an ID token: one request to JAM per refresh token, however many wait for it.

use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::jam::client::JamClient;
use crate::jose::jws::Compact;
use crate::token::claims::RegisteredClaims;
use crate::token::rules::TextRule;
use aws_lc_rs::digest;
use moka::sync::Cache;
use std::time::Duration;
use tokio::sync::watch;

/// A page's other requests still carry the old cookie: they get the same new token.
const SHARED_FOR: Duration = Duration::from_secs(10);
const MAX_TOKENS: u64 = 100_000;
/// Longer than any request to JAM takes.
const PATIENCE: Duration = Duration::from_secs(60);

type Renewed = Option<Result<Secret, Error>>;

pub(crate) struct Refresher {
    client: JamClient,
    /// By the refresh token's SHA-256: the token itself is not kept.
    renewed: Cache<[u8; 32], watch::Receiver<Renewed>>,
}

impl Refresher {
    pub(crate) fn new(client: JamClient) -> Self {
        Self {
            client,
            renewed: Cache::builder()
                .max_capacity(MAX_TOKENS)
                .time_to_live(SHARED_FOR)
                .build(),
        }
    }

    /// Asks JAM anew the next time: what it answered last is of no use any more.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn forget(&self, refresh_token: &str) {
        self.renewed.invalidate(&key_of(refresh_token));
    }

    /// A new ID token for a refresh token.
    ///
    /// The request to JAM survives the one that caused it.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Secret, Error> {
        let key = key_of(refresh_token);
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| outage("ID tokens can only be refreshed inside a tokio runtime"))?;
        let mut wait = self.renewed.get_with(key, || {
            let (done, wait) = watch::channel(None);
            let (client, token) = (self.client.clone(), Secret::new(refresh_token));
            runtime.spawn(async move {
                done.send_replace(Some(client.refresh(token.expose()).await));
            });
            wait
        });
        let answered = tokio::time::timeout(PATIENCE, wait.wait_for(Option::is_some)).await;
        let answer = match answered {
            Ok(Ok(answer)) => answer.clone(),
            // The runtime that ran it stands still or is gone.
            _ => None,
        };
        let answer = answer.unwrap_or_else(|| Err(outage("the refresh was interrupted")));
        // Only a definite answer is shared: after an outage the next request asks again.
        if answer.as_ref().is_err_and(|error| !is_definite(error)) {
            self.renewed.invalidate(&key);
        }
        answer.map_err(|error| {
            if is_definite(&error) {
                error
            } else {
                outage("the ID token cannot be refreshed at the moment").with_source(error)
            }
        })
    }
}

fn key_of(refresh_token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, refresh_token.as_bytes()).as_ref());
    key
}

/// Whose an ID token is: a renewed one must be the same user's, or a refresh token that somebody
/// planted would log the browser in as somebody else.
#[derive(PartialEq, Eq)]
pub(crate) struct Holder {
    issuer: Option<String>,
    subject: Option<String>,
    email: Option<String>,
}

impl Holder {
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

fn outage(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

/// JAM said no to this refresh token. A 404 is about the app, or a gateway's, and no reason to
/// forget a login.
pub(crate) fn is_definite(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BadRequest | ErrorKind::Unauthorized
    )
}
