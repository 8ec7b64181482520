//! Takes a changed file over, as far as that goes while everything runs.

use super::difference::{differences, is_live, merged};
use super::facade::Jam;
use crate::config::document::{Contents, Document, Node};
use crate::config::parts::Files;
use crate::core::error::Error;
use crate::core::telemetry::{self, Level};
use std::fmt;
use std::sync::{Arc, PoisonError};

/// What is in force.
pub(super) struct State {
    pub(super) node: Node,
    /// As they were at the start.
    pub(super) files: Files,
}

/// What a changed file came to.
///
/// # Example
/// ```no_run
/// # fn example(jam: jamguard::Jam) -> Result<(), jamguard::Error> {
/// let reloaded = jam.reload()?;
/// for key in reloaded.needs_restart() {
///     eprintln!("{key} changed, and counts after a restart");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    applied: Vec<String>,
    needs_restart: Vec<String>,
}

impl Reloaded {
    /// The keys that changed and count from now on.
    pub fn applied(&self) -> &[String] {
        &self.applied
    }

    /// The keys that changed and do not count before the program is started again; and files with
    /// secrets whose content changed.
    pub fn needs_restart(&self) -> &[String] {
        &self.needs_restart
    }

    /// Whether the file says what it said before.
    pub fn is_unchanged(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty()
    }
}

/// One line for a log.
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

impl Jam {
    /// Reads the file again and takes over what can change while everything runs: the table of
    /// routes (`guards`, `unmatched`, `keep_encoded_slashes`) for guards of
    /// [`guards`](Self::guards), lists' `leeway`, `max_token_lifetime` and `danger_fail_open`, and
    /// `log_level`. What else changed is named, and counts after a restart. Requests on their way are
    /// decided by the table that they met; none is held up.
    ///
    /// The new file must be sound as a whole, and what is taken over must fit what stays; otherwise
    /// everything stays as it is.
    ///
    /// As after a restart, a longer `max_token_lifetime` cannot lengthen what a list remembers of
    /// subjects that were revoked under the shorter one.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file); [`ErrorKind::Configuration`](crate::ErrorKind::Configuration)
    /// where this was not built from a file.
    pub fn reload(&self) -> Result<Reloaded, Error> {
        self.reload_from(&Arc::default())
    }

    /// The same with files as they were read before, as far as they were.
    pub(super) fn reload_from(&self, contents: &Arc<Contents>) -> Result<Reloaded, Error> {
        let outcome = self.try_reload(contents);
        match &outcome {
            Ok(reloaded) if reloaded.is_unchanged() => {}
            Ok(reloaded) if reloaded.needs_restart.is_empty() => {
                telemetry::info("the configuration was read again", reloaded);
            }
            Ok(reloaded) => telemetry::warn("the configuration was read again", reloaded),
            Err(error) => {
                telemetry::warn("the configuration is refused, the old one stays", error);
            }
        }
        outcome
    }

    fn try_reload(&self, contents: &Arc<Contents>) -> Result<Reloaded, Error> {
        let jam = &*self.0;
        let Some(file) = &jam.file else {
            return Err(Error::configuration(
                "this was not built from a file, so there is nothing to read again",
            ));
        };
        // One at a time. What panics while it is held is the application's code, before anything
        // is changed.
        let mut state = jam.state.lock().unwrap_or_else(PoisonError::into_inner);
        let document = Document::from_contents(file, contents)?;
        let new = jam.setup.load(&document, contents, true)?;
        let mut reloaded = Reloaded::default();
        // A guard that was never put up cannot appear, and one that is up must not vanish.
        let table_stays = jam.table.is_some() != new.parts.table.is_some();
        for path in differences(&state.node, &new.node) {
            let of_table = !matches!(&*path[0], "lists" | "log_level");
            let known = match is_live(&path) && !(of_table && table_stays) {
                true => &mut reloaded.applied,
                false => &mut reloaded.needs_restart,
            };
            known.push(path.join("."));
        }
        let changed = state.files.iter().filter(|(file, content)| {
            let newer = new.files.get(*file);
            newer.is_some_and(|newer| newer != *content)
        });
        let changed: Vec<_> = changed
            .map(|(file, _)| file.display().to_string())
            .collect();
        reloaded.needs_restart.extend(changed);
        if reloaded.applied.is_empty() {
            return Ok(reloaded);
        }
        let mut node = merged(&state.node, &new.node);
        if table_stays {
            for key in ["guards", "unmatched", "keep_encoded_slashes"] {
                node.put(key, state.node.get(key).cloned());
            }
        }
        // What is taken over has to fit what stays, also verifiers that the program built itself.
        let merged = jam.setup.build(&document, node, contents, true)?;
        let fits = jam.parts.lists.check_limits(&merged.parts.lists);
        fits.map_err(|problem| document.error(problem, &jam.setup.pointer))?;
        if let (Some(live), Some(table)) = (&jam.table, &merged.parts.table) {
            live.replace(table);
        }
        jam.parts.lists.take_limits(&merged.parts.lists);
        // The level is the whole process's: where this file says nothing new, another may rule.
        if reloaded.applied.iter().any(|key| key == "log_level") {
            let level = merged.settings.log_level;
            telemetry::set_level(level.map_or(Level::Debug, |level| level.level()));
        }
        state.node = merged.node;
        Ok(reloaded)
    }
}
