//! Polls the file for changes.

use super::facade::Jam;
use super::reload::Reloaded;
use crate::config::document::Contents;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(10);

/// Watches a file for as long as it is held; made by [`Jam::watch`].
#[must_use = "it stops watching when it is dropped"]
pub struct JamWatch {
    /// Dropped, it ends the thread.
    _stop: Sender<()>,
}

impl Jam {
    /// Looks at the file, and at those that it names, once in each interval, and
    /// [reloads](Self::reload) when the content of one changed and stayed as it is for an interval:
    /// half of a file may be sound, and guard less than the whole. It has a thread of its own.
    ///
    /// `told` is given what changed, or why the file is refused; it may do nothing, since that is
    /// also logged. Should it panic, that is logged, and the file is watched further.
    ///
    /// ```no_run
    /// # fn example(jam: jamguard::Jam) -> Result<(), jamguard::Error> {
    /// use std::time::Duration;
    /// let watch = jam.watch(Duration::from_secs(2), |outcome| println!("{outcome:?}"))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where this was not built from a
    /// file, or the interval is under 10 ms; [`ErrorKind::Internal`] where no thread can be started.
    pub fn watch(
        &self,
        interval: Duration,
        told: impl Fn(&Result<Reloaded, Error>) + Send + 'static,
    ) -> Result<JamWatch, Error> {
        let Some(file) = self.0.file.clone() else {
            return Err(Error::configuration(
                "this was not built from a file, so there is nothing to watch",
            ));
        };
        if interval < SHORTEST {
            return Err(Error::configuration(
                "the interval is under 10 ms: a second is soon enough",
            ));
        }
        let (stop, stopped) = channel();
        let jam = self.clone();
        let mut files = vec![file];
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        files.extend(state.files.keys().cloned());
        drop(state);
        // None yet: what changed since the start is taken over too.
        let (mut seen, mut last) = (Vec::new(), Vec::new());
        let watch = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let contents = read(&files);
                let now = contents.fingerprint();
                let still = now == last;
                last.clone_from(&now);
                // A writer may be in the middle of it.
                if now == seen || !still {
                    continue;
                }
                // The application's own code runs in here. Its panics are the application's: what
                // comes after them is to be taken over as before.
                let panicked =
                    catch_unwind(AssertUnwindSafe(|| match jam.reload_from(&contents) {
                        Ok(reloaded) if reloaded.is_unchanged() => {}
                        outcome => told(&outcome),
                    }));
                // Files that it names now are watched from now on.
                files = contents.paths();
                seen = contents.fingerprint();
                last.clone_from(&seen);
                if panicked.is_err() {
                    telemetry::warn(
                        "the application panicked when a changed configuration was taken over",
                        &"the file is watched further",
                    );
                }
            }
        };
        let thread = std::thread::Builder::new().name("jamguard-watch".into());
        thread.spawn(watch).map_err(|error| {
            Error::new(
                ErrorKind::Internal,
                "no thread can be started to watch the file",
            )
            .with_source(error)
        })?;
        Ok(JamWatch { _stop: stop })
    }
}

/// What is compared is what is taken over: each file is read once.
fn read(files: &[PathBuf]) -> Arc<Contents> {
    let contents = Arc::<Contents>::default();
    for file in files {
        // That it cannot be read is told by the reload.
        let _ = contents.read(file);
    }
    contents
}

impl fmt::Debug for JamWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JamWatch")
    }
}
