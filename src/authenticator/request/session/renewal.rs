//! Renewal of the ID token behind a JAM login's session: when JAM ends a login, its session ends.
//!
//! The token is renewed in the background during the last part of its lifetime, so that requests do
//! not wait for JAM. A request with an expired token waits, because the login may be revoked. While
//! JAM is unreachable the session continues until the token has been expired for longer than the
//! grace period; after that requests are answered 503.

use crate::authenticator::handle::Authenticator;
use crate::authenticator::request::refresh::{Refresher, check_same_user, is_definite};
use crate::authenticator::session_settings::SessionSettings;
use crate::core::{Error, ErrorKind, Secret, now_or_later::NowOrLater::Now, telemetry};
use crate::session::{Load, Loaded, RenewalTimes, Tokens};
use crate::token::{claim_set::ClaimSet, verified::Verified};
use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

/// Milliseconds after an outage during which no request waits for JAM.
const PAUSE: u64 = 5_000;
/// Limit of concurrent renewals. Sessions beyond it are renewed by a later request.
const MAX_UNDER_WAY: usize = 1024;

/// A background renewal. Dropping it allows the next one for the session.
struct UnderWay {
    settings: Arc<SessionSettings>,
    hash: [u8; 32],
}

impl UnderWay {
    /// Returns `None` if the session is being renewed, or the limit is reached.
    fn begin(settings: &Arc<SessionSettings>, loaded: &Loaded) -> Option<Self> {
        let hash = *loaded.id_hash();
        let mut under_way = settings.renewals.under_way();
        (under_way.len() < MAX_UNDER_WAY && under_way.insert(hash))
            .then(|| Self { settings: settings.clone(), hash })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settings.renewals.under_way().remove(&self.hash);
    }
}

impl Authenticator {
    /// Returns the session with its ID token renewed if that is due and possible.
    pub(super) fn freshened(&self, loaded: Loaded, settings: &Arc<SessionSettings>) -> Load {
        let renewable = loaded.tokens().filter(|tokens| tokens.refresh.is_some());
        let times = renewable.and_then(|tokens| tokens.renewal);
        let (Some(RenewalTimes { due, expires }), Some(refresher)) = (times, &self.0.refresh)
        else {
            return Now(Ok(loaded));
        };
        let now = settings.sessions.now();
        if now < due {
            return Now(Ok(loaded));
        }
        let down = now < settings.renewals.down_until.load(Ordering::Relaxed);
        let grace = u64::try_from(refresher.grace.as_millis()).unwrap_or(u64::MAX);
        // While JAM is unreachable.
        let usable_until = expires.saturating_add(grace);
        if now < expires && !down {
            self.renew_in_background(&loaded, settings);
        }
        if now < expires || down {
            return Now(if now < usable_until { Ok(loaded) } else { Err(outage()) });
        }
        let (auth, settings) = (self.clone(), settings.clone());
        Load::later(async move {
            match auth.renew(&loaded, &settings).await {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable
                        && settings.sessions.now() < usable_until =>
                {
                    Ok(loaded)
                }
                answer => answer,
            }
        })
    }

    fn renew_in_background(&self, loaded: &Loaded, settings: &Arc<SessionSettings>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if let Some(under_way) = UnderWay::begin(settings, loaded) {
            let (auth, loaded) = (self.clone(), loaded.clone());
            runtime.spawn(async move {
                // `renew` detects if another process has renewed the token meanwhile.
                let settings = &under_way.settings;
                if let Err(error) = auth.renew(&loaded, settings).await {
                    telemetry::refused(&error);
                }
            });
        }
    }

    /// Renews a session's ID token.
    ///
    /// # Errors
    /// [`ErrorKind::Revoked`] if JAM refuses: the session has ended.
    /// [`ErrorKind::Unavailable`] if JAM or the store is unreachable.
    async fn renew(&self, read: &Loaded, settings: &SessionSettings) -> Result<Loaded, Error> {
        let sessions = &settings.sessions;
        let tokens = read.tokens().ok_or_else(outage)?;
        let refresh_token = tokens.refresh.as_ref().ok_or_else(outage)?;
        let refresher = self.0.refresh.as_ref().ok_or_else(outage)?;
        let verified = match self.renewed_token(refresher, refresh_token).await {
            Ok(verified) => verified,
            Err(refusal) if is_definite(&refusal) || is_taken_back(&refusal) => {
                return ended(read, settings, refusal).await;
            }
            Err(error) => {
                // A problem of one user's token must not pause renewals for all users.
                if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Expired) {
                    let until = sessions.now().saturating_add(PAUSE);
                    settings.renewals.down_until.store(until, Ordering::Relaxed);
                }
                return Err(match error.kind() {
                    ErrorKind::Unavailable => error,
                    _ => outage().with_source(error),
                });
            }
        };
        if let Err(other) = check_same_user(tokens.id.expose().as_bytes(), &verified) {
            return ended(read, settings, other).await;
        }
        let claims = Arc::new(ClaimSet::parse(verified.raw_claims().to_owned())?);
        let renewed =
            Tokens::new(Secret::new(verified.expose_token()), Some(refresh_token.clone()));
        match sessions.save_tokens(read, renewed, claims).await {
            // Another process was first, or the session just got a new id.
            Err(error) if error.kind() == ErrorKind::Conflict => sessions.reload(read).await,
            answer => answer,
        }
    }

    /// Returns a new ID token, verified like all others.
    async fn renewed_token(
        &self,
        refresher: &Refresher,
        refresh_token: &Secret,
    ) -> Result<Verified, Error> {
        let refresh_token = refresh_token.expose();
        let id_token = refresher.refresh(refresh_token).await?;
        match self.verify(id_token.expose()).await {
            // A shared answer of a moment ago, expired since: ask JAM again.
            Err(error) if error.kind() == ErrorKind::Expired => {
                refresher.forget(refresh_token);
                let id_token = refresher.refresh(refresh_token).await?;
                self.verify(id_token.expose()).await
            }
            answer => answer,
        }
    }
}

/// Whether one of this site's lists rejects the renewed token.
fn is_taken_back(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Revoked | ErrorKind::NotListed)
}

/// Ends the session after JAM refused, unless its user has logged in again meanwhile.
async fn ended(read: &Loaded, settings: &SessionSettings, refusal: Error) -> Result<Loaded, Error> {
    if !settings.sessions.finish_login(read).await? {
        return settings.sessions.reload(read).await;
    }
    Err(Error::new(
        ErrorKind::Revoked,
        "this login can no longer be renewed, so its session ended: log in again",
    )
    .with_source(refusal))
}

fn outage() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the session's ID token cannot be renewed at the moment: try again",
    )
    .with_retry_after(Duration::from_millis(PAUSE))
}
