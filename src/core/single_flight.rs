//! One call for each secret at a time, however many ask for it.

use crate::core::error::{Error, ErrorKind};
use aws_lc_rs::digest;
use moka::sync::Cache;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

const MAX_SECRETS: u64 = 100_000;
/// Longer than any call takes.
const PATIENCE: Duration = Duration::from_secs(60);

type Answer<T> = Option<Result<T, Error>>;

/// The SHA-256 of what a call is about: the secret itself is not kept.
pub(crate) type SecretHash = [u8; 32];

pub(crate) fn secret_hash(secret: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

/// Calls under way, and the answers of those that just ended.
pub(crate) struct SingleFlight<T> {
    calls: Cache<SecretHash, watch::Receiver<Answer<T>>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Answers are given to whoever asks up to this long after the call began.
    pub(crate) fn shared_for(time: Duration) -> Self {
        Self {
            calls: Cache::builder()
                .max_capacity(MAX_SECRETS)
                .time_to_live(time)
                .build(),
        }
    }

    /// The answer of a call, which survives whoever began it. Errors for which `lasts` says no are
    /// not given to those who ask later.
    ///
    /// # Errors
    /// Those of the call; [`ErrorKind::Unavailable`] where it was broken off, or outside a tokio
    /// runtime.
    pub(crate) async fn ask<F>(
        &self,
        key: SecretHash,
        call: impl FnOnce() -> F,
        lasts: impl Fn(&Error) -> bool,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| outage("this can only be asked for inside a tokio runtime"))?;
        let mut wait = self.calls.get_with(key, || {
            let (done, wait) = watch::channel(None);
            let call = call();
            runtime.spawn(async move {
                done.send_replace(Some(call.await));
            });
            wait
        });
        let answered = tokio::time::timeout(PATIENCE, wait.wait_for(Option::is_some)).await;
        let answer = match answered {
            Ok(Ok(answer)) => answer.clone(),
            // The runtime that ran it stands still or is gone.
            _ => None,
        };
        let answer = answer.unwrap_or_else(|| Err(outage("the call was interrupted")));
        if answer.as_ref().is_err_and(|error| !lasts(error)) {
            self.calls.invalidate(&key);
        }
        answer
    }

    /// Calls anew the next time: the last answer is of no use any more.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn forget(&self, key: &SecretHash) {
        self.calls.invalidate(key);
    }
}

fn outage(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}
