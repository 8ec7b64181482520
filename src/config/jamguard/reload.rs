//! Reload of a changed file at run time.

use super::builder::Loaded;
use super::difference::{OF_TABLE, differences, is_live, merged};
use super::facade::{Jamguard, State};
use crate::config::document::{Contents, Document};
use crate::config::parts::{check_limits, take_limits};
use crate::core::telemetry::{self, Level};
use crate::core::{Error, lock};
use std::{fmt, sync::Arc};

/// The outcome of a reload: the changed keys, applied or not.
///
/// # Example
/// ```no_run
/// # fn example(jam: jamguard::Jamguard) -> Result<(), jamguard::Error> {
/// let reloaded = jam.reload()?;
/// for key in reloaded.needs_restart() {
///     eprintln!("{key} changed, and applies after a restart");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    applied: Vec<String>,
    needs_restart: Vec<String>,
}

impl Reloaded {
    /// Compares the settings in force with those of the file.
    fn of(old: &State, new: &Loaded, table_stays: bool) -> Self {
        let mut reloaded = Self::default();
        for path in differences(&old.node, &new.node) {
            let stays = table_stays && OF_TABLE.contains(&&*path[0]);
            let known = match is_live(&path) && !stays {
                true => &mut reloaded.applied,
                false => &mut reloaded.needs_restart,
            };
            known.push(path.join("."));
        }
        for (file, content) in &old.files {
            if new.files.get(file).is_some_and(|newer| newer != content) {
                reloaded.needs_restart.push(file.display().to_string());
            }
        }
        reloaded
    }

    /// Returns the changed keys that apply from now on.
    pub fn applied(&self) -> &[String] {
        &self.applied
    }

    /// Returns the changed keys, and the paths of changed secret files, that need a restart.
    pub fn needs_restart(&self) -> &[String] {
        &self.needs_restart
    }

    /// Returns whether nothing changed.
    pub fn is_unchanged(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

/// Formats the outcome as one line for a log.
impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.applied[..], &self.needs_restart[..]) {
            ([], []) => f.write_str("nothing changed"),
            (applied, []) => write!(f, "applied: {}", applied.join(", ")),
            ([], restart) => write!(f, "needs a restart: {}", restart.join(", ")),
            (applied, restart) => {
                let (applied, restart) = (applied.join(", "), restart.join(", "));
                write!(f, "applied: {applied}; needs a restart: {restart}")
            }
        }
    }
}

impl Jamguard {
    /// Reads the file again and applies the settings that can change at run time.
    ///
    /// These are the route table (`guards`, `unmatched`, `keep_encoded_slashes`) for guards of
    /// [`guards`](Self::guards), the lists' `leeway`, `max_token_lifetime` and `danger_fail_open`,
    /// and `log_level`. Other changes are reported and apply after a restart. Requests in flight
    /// keep the table that they started with, and no request waits.
    ///
    /// The new file must be valid as a whole, and the applied settings must fit the remaining ones;
    /// otherwise nothing changes.
    ///
    /// A longer `max_token_lifetime` does not extend revocations of subjects that a list stored
    /// under the shorter one; a restart does not either.
    ///
    /// # Errors
    /// See [`from_file`](Self::from_file). Also
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if this `Jamguard` was not built
    /// from a file.
    pub fn reload(&self) -> Result<Reloaded, Error> {
        self.reload_from(&Arc::default())
    }

    /// Reloads with the given file contents; files that are missing there are read now.
    pub(super) fn reload_from(&self, contents: &Arc<Contents>) -> Result<Reloaded, Error> {
        let outcome = self.try_reload(contents);
        match &outcome {
            Ok(reloaded) if reloaded.is_unchanged() => {}
            Ok(reloaded) if reloaded.needs_restart.is_empty() => {
                telemetry::info("configuration reloaded", reloaded);
            }
            Ok(reloaded) => telemetry::warn("configuration reloaded", reloaded),
            Err(error) => {
                telemetry::warn("the new configuration is invalid, the old one stays", error);
            }
        }
        outcome
    }

    fn try_reload(&self, contents: &Arc<Contents>) -> Result<Reloaded, Error> {
        let jam = &*self.0;
        let Some(file) = &jam.file else {
            return Err(Error::configuration(
                "this Jamguard was not built from a file: there is nothing to reload",
            ));
        };
        // Reloads run one at a time. Only the application's hooks can panic under the lock, and
        // they run before anything changes, so a poisoned lock is safe to use.
        let mut state = lock(&jam.state);
        let document = Document::from_contents(file, contents)?;
        let new = jam.setup.load(&document, contents, true)?;
        // A route table cannot be added to a running application, and must not be removed.
        let table_stays = jam.table.is_some() != new.built.table.is_some();
        let reloaded = Reloaded::of(&state, &new, table_stays);
        if reloaded.applied.is_empty() {
            return Ok(reloaded);
        }
        let mut node = merged(&state.node, &new.node);
        if table_stays {
            for key in OF_TABLE {
                node.put(key, state.node.get(key).cloned());
            }
        }
        // Applied settings must fit the remaining ones, also verifiers that the program built.
        let merged = jam.setup.build(&document, node, contents, true)?;
        let fits = check_limits(&jam.built.parts.lists, &merged.built.parts.lists);
        fits.map_err(|problem| document.error(problem, &jam.setup.pointer))?;
        if let (Some(live), Some(table)) = (&jam.table, &merged.built.table) {
            live.replace(table);
        }
        take_limits(&jam.built.parts.lists, &merged.built.parts.lists);
        // The level is per process: without a change here, another `Jamguard`'s level stays.
        if reloaded.applied.iter().any(|key| key == "log_level") {
            telemetry::set_level(merged.built.log_level.unwrap_or(Level::Debug));
        }
        state.node = merged.node;
        Ok(reloaded)
    }
}
