//! A session of a JAM login rests on an ID token, which is renewed while the session is used: what
//! JAM ends, ends here too.
//!
//! It is renewed in the background for the last part of its life, so that nobody waits for JAM. A
//! session that comes back after a pause, with an expired token, waits: its user may have been taken
//! back meanwhile. While JAM cannot be reached the session goes on with what it has, until the token
//! has been expired for longer than the grace; then requests are answered 503, because nobody knows.

use super::settings::SessionSettings;
use crate::authenticator::gate::Authenticator;
use crate::authenticator::refresh::{Holder, Refresher, is_definite};
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use crate::session::{Load, Loaded, Tokens};
use crate::token::claim_set::ClaimSet;
use crate::token::verified::Verified;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an expired ID token serves while JAM is down, unless set.
pub(in crate::authenticator) const GRACE: Duration = Duration::from_secs(3600);
/// After an outage no request waits for JAM for so long, milliseconds.
const PAUSE: u64 = 5_000;
/// Renewals under way at once; what is due beyond them is renewed by a later request.
const MAX_UNDER_WAY: usize = 1024;

/// What is known of renewals in this process.
#[derive(Default)]
pub(super) struct Renewals {
    /// By the id's SHA-256: one at a time for a session.
    under_way: Mutex<HashSet<[u8; 32]>>,
    /// JAM was down; until then it is not waited for, Unix milliseconds.
    down_until: AtomicU64,
}

/// A renewal in the background; the session is free for the next when it is dropped.
struct UnderWay {
    settings: Arc<SessionSettings>,
    hash: [u8; 32],
}

impl UnderWay {
    /// `None` where another is under way, or too many.
    fn begin(settings: &Arc<SessionSettings>, loaded: &Loaded) -> Option<Self> {
        let hash = *loaded.id_hash();
        let mut under_way = settings.renewals.under_way();
        (under_way.len() < MAX_UNDER_WAY && under_way.insert(hash)).then(|| Self {
            settings: settings.clone(),
            hash,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settings.renewals.under_way().remove(&self.hash);
    }
}

impl Renewals {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authenticator {
    /// The same session, with an ID token that is still good or that cannot be had better.
    pub(super) fn kept_fresh(&self, load: Load, settings: &Arc<SessionSettings>) -> Load {
        match load {
            Load::Now(Ok(loaded)) => self.freshened(loaded, settings),
            Load::Now(Err(error)) => Load::Now(Err(error)),
            Load::Later(load) => {
                let (auth, settings) = (self.clone(), settings.clone());
                Load::Later(Box::pin(async move {
                    match auth.freshened(load.await?, &settings) {
                        Load::Now(found) => found,
                        Load::Later(found) => found.await,
                    }
                }))
            }
        }
    }

    fn freshened(&self, loaded: Loaded, settings: &Arc<SessionSettings>) -> Load {
        let due = loaded.tokens().filter(|tokens| tokens.refresh.is_some());
        let dates = due.and_then(|tokens| Some((tokens.renewable?, tokens.expires?)));
        let (Some((renewable, expires)), Some(_)) = (dates, self.refresher()) else {
            return Load::Now(Ok(loaded));
        };
        let now = settings.sessions.now();
        if now < renewable {
            return Load::Now(Ok(loaded));
        }
        let down = now < settings.renewals.down_until.load(Ordering::Relaxed);
        if now < expires || down {
            if !down {
                self.renew_in_background(&loaded, settings);
            }
            return Load::Now(match now < expires {
                true => Ok(loaded),
                false => self.outlived(loaded, expires, now, &outage()),
            });
        }
        let (auth, settings) = (self.clone(), settings.clone());
        Load::Later(Box::pin(async move {
            match auth.renew(&loaded, &settings).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    auth.outlived(loaded, expires, settings.sessions.now(), &error)
                }
                answer => answer,
            }
        }))
    }

    /// What becomes of a session whose ID token expired and cannot be renewed now.
    fn outlived(
        &self,
        loaded: Loaded,
        expires: u64,
        now: u64,
        outage: &Error,
    ) -> Result<Loaded, Error> {
        let grace = u64::try_from(self.grace().as_millis()).unwrap_or(u64::MAX);
        match now < expires.saturating_add(grace) {
            true => Ok(loaded),
            false => Err(outage.clone()),
        }
    }

    fn renew_in_background(&self, loaded: &Loaded, settings: &Arc<SessionSettings>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if let Some(under_way) = UnderWay::begin(settings, loaded) {
            let (auth, loaded) = (self.clone(), loaded.clone());
            runtime.spawn(async move {
                // Somebody else may have renewed it since it was read.
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
    /// [`ErrorKind::Revoked`] where JAM refuses it: the session has ended then.
    /// [`ErrorKind::Unavailable`] where JAM or the store cannot be reached.
    async fn renew(&self, read: &Loaded, settings: &SessionSettings) -> Result<Loaded, Error> {
        let sessions = &settings.sessions;
        let tokens = read.tokens().ok_or_else(outage)?;
        let refresh_token = tokens.refresh.as_ref().ok_or_else(outage)?;
        let refresher = self.refresher().ok_or_else(outage)?;
        let verified = match self.renewed_token(refresher, refresh_token).await {
            Ok(verified) => verified,
            Err(refusal) if is_definite(&refusal) || is_taken_back(&refusal) => {
                return ended(read, settings, refusal).await;
            }
            Err(error) => {
                // What is wrong with one user's token is no outage for all.
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
        let token = verified.expose_token();
        let holder = |token: &str| Holder::of(token.as_bytes()).ok();
        if holder(token).is_none() || holder(token) != holder(tokens.id.expose()) {
            let other = Error::new(
                ErrorKind::InvalidClaim,
                "the refresh token is another user's than the session",
            );
            return ended(read, settings, other).await;
        }
        let claims = Arc::new(ClaimSet::parse(verified.raw_claims().to_owned())?);
        let renewed = Tokens::new(Secret::new(token), Some(refresh_token.clone()));
        match sessions.save_tokens(read, renewed, claims).await {
            // Another process was faster, or the session just got another id.
            Err(error) if error.kind() == ErrorKind::Conflict => sessions.reload(read).await,
            answer => answer,
        }
    }

    /// A new ID token, verified as every other.
    async fn renewed_token(
        &self,
        refresher: &Refresher,
        refresh_token: &Secret,
    ) -> Result<Verified, Error> {
        let refresh_token = refresh_token.expose();
        let id_token = refresher.refresh(refresh_token).await?;
        match self.verify(id_token.expose()).await {
            // It was shared with somebody who asked a moment ago, and lives even shorter.
            Err(error) if error.kind() == ErrorKind::Expired => {
                refresher.forget(refresh_token);
                let id_token = refresher.refresh(refresh_token).await?;
                self.verify(id_token.expose()).await
            }
            answer => answer,
        }
    }
}

/// The site said no, by one of its lists, to what JAM renewed.
fn is_taken_back(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Revoked | ErrorKind::NotListed)
}

/// JAM said no: the session ends, unless its user logged in anew meanwhile.
async fn ended(read: &Loaded, settings: &SessionSettings, refusal: Error) -> Result<Loaded, Error> {
    if !settings.sessions.finish_login(read).await? {
        return settings.sessions.reload(read).await;
    }
    Err(Error::new(
        ErrorKind::Revoked,
        "this login is renewed no more, so its session ended",
    )
    .with_source(refusal))
}

fn outage() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the session's ID token cannot be renewed at the moment",
    )
    .with_retry_after(Duration::from_millis(PAUSE))
}
