//! A thread that polls the configuration file for changes.

use super::facade::Jamguard;
use super::reload::Reloaded;
use crate::config::document::Contents;
use crate::core::{Error, ErrorKind, hash::Sha256, lock, telemetry};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

const SHORTEST: Duration = Duration::from_millis(10);

/// A handle to the file watch of [`Jamguard::watch`], which ends when the handle is dropped.
#[must_use = "the watch ends when the handle is dropped"]
pub struct ConfigWatch {
    /// Ends the thread when dropped.
    _stop: Sender<()>,
}

impl Jamguard {
    /// Polls the file and the files it names, and [reloads](Self::reload) after a change.
    ///
    /// A dedicated thread reads the files once per interval. It reloads when a content changed and
    /// then stayed the same for one interval: a half-written file may be valid, and guard less than
    /// the whole.
    ///
    /// `told` receives the changes, or the error of an invalid file. Both are logged too, so it may
    /// do nothing. If it panics, the panic is logged and the watch continues.
    ///
    /// ```no_run
    /// # fn example(jam: jamguard::Jamguard) -> Result<(), jamguard::Error> {
    /// use std::time::Duration;
    /// let watch = jam.watch(Duration::from_secs(2), |outcome| println!("{outcome:?}"))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if this `Jamguard` was not built
    /// from a file, or the interval is under 10 ms; [`ErrorKind::Internal`] if no thread can be
    /// started.
    pub fn watch(
        &self,
        interval: Duration,
        told: impl Fn(&Result<Reloaded, Error>) + Send + 'static,
    ) -> Result<ConfigWatch, Error> {
        let Some(file) = self.0.file.clone() else {
            return Err(Error::configuration(
                "this Jamguard was not built from a file: there is nothing to watch",
            ));
        };
        if interval < SHORTEST {
            return Err(Error::configuration(
                "the interval is under 10 ms: use a longer one, such as 1 s",
            ));
        }
        let (stop, stopped) = channel();
        let jam = self.clone();
        let mut files = vec![file];
        let state = lock(&self.0.state);
        files.extend(state.files.keys().cloned());
        drop(state);
        // Empty at first, so that changes since the build are applied too.
        let (mut seen, mut last) = (Sha256::default(), Sha256::default());
        let watch = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let contents = read(&files);
                let now = contents.fingerprint();
                let still = now == last;
                last = now;
                // Waits until the content is stable: it may be half-written.
                if now == seen || !still {
                    continue;
                }
                // Runs the application's hooks: a panic there must not end the watch.
                let panicked =
                    catch_unwind(AssertUnwindSafe(|| match jam.reload_from(&contents) {
                        Ok(reloaded) if reloaded.is_unchanged() => {}
                        outcome => told(&outcome),
                    }));
                // The new configuration may name other files.
                files = contents.paths();
                seen = contents.fingerprint();
                last = seen;
                if panicked.is_err() {
                    telemetry::warn(
                        "the application panicked while a changed configuration was applied",
                        &"the file is still watched",
                    );
                }
            }
        };
        let thread = std::thread::Builder::new().name("jamguard-watch".into());
        thread.spawn(watch).map_err(|error| {
            Error::new(ErrorKind::Internal, "the thread that watches the file cannot be started")
                .with_source(error)
        })?;
        Ok(ConfigWatch { _stop: stop })
    }
}

/// Reads each file once, so that the content compared is the content applied.
fn read(files: &[PathBuf]) -> Arc<Contents> {
    let contents = Arc::<Contents>::default();
    for file in files {
        // The reload reports files that cannot be read.
        let _ = contents.read(file);
    }
    contents
}

impl fmt::Debug for ConfigWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigWatch")
    }
}
