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

    /// A new ID token for a refresh token.
    ///
    /// The request to JAM survives the one that caused it.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<Secret, Error> {
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, refresh_token.as_bytes()).as_ref());
        let mut wait = self.renewed.get_with(key, || {
            let (done, wait) = watch::channel(None);
            let (client, token) = (self.client.clone(), Secret::new(refresh_token));
            let renewed = self.renewed.clone();
            tokio::spawn(async move {
                let answer = client.refresh(token.expose()).await;
                // Only a definite answer is shared: after an outage the next request asks again.
                let definite = match &answer {
                    Ok(_) => true,
                    Err(error) => is_definite(error),
                };
                done.send_replace(Some(answer));
                if !definite {
                    renewed.invalidate(&key);
                }
            });
            wait
        });
        let answer = match wait.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(answer)) => answer.clone(),
            _ => {
                self.renewed.invalidate(&key);
                Err(Error::new(
                    ErrorKind::Unavailable,
                    "the refresh was interrupted",
                ))
            }
        };
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

/// JAM said no to this refresh token; anything else says nothing about it.
pub(crate) fn is_definite(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BadRequest | ErrorKind::Unauthorized | ErrorKind::NotFound
    )
}
