//! The open database file, reopened after failures.

use super::failure::{Failure, describe, guarded};
use super::opening::{self, Open};
use super::tables::Tables;
use crate::core::Error;
use crate::core::lock::{read, write};
use redb::{ReadTransaction, ReadableDatabase};
use std::path::{Path, PathBuf};
use std::{sync::RwLock, time::Duration};

/// The database file and its current handle.
///
/// redb gives a file up after the first failed read or write. The thread that meets this opens the
/// file again, so that a full disk does not stop reads.
pub(super) struct Medium {
    path: PathBuf,
    state: RwLock<State>,
}

struct State {
    file: Open,
    /// How often the file was opened.
    generation: u64,
}

impl Medium {
    /// Opens or creates the file, recovers it after a crash, and checks all of it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let state = State::checked(path).map_err(|failure| describe(path, failure))?;
        Ok(Self { path: path.to_owned(), state: RwLock::new(state) })
    }

    pub(super) fn is_read_only(&self) -> bool {
        matches!(read(&self.state).file, Open::ReadOnly(_))
    }

    /// Closes and reopens the file, unless another thread did so since that generation.
    fn reopen(&self, generation: u64) -> Result<(), Failure> {
        let mut state = write(&self.state);
        if state.generation != generation && !matches!(state.file, Open::Closed) {
            return Ok(());
        }
        // The old handle goes first: it holds the lock on the file.
        state.close();
        // Never created again: lost contents must be an error, not an empty store.
        state.file = opening::open(&self.path)?;
        state.generation += 1;
        Ok(())
    }

    /// Reads, after reopening the file if it was given up.
    pub(super) fn read<T>(
        &self,
        look: impl Fn(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let attempt = || {
            let state = read(&self.state);
            let result = guarded(|| {
                let transaction = match &state.file {
                    Open::Writable(file) => file.begin_read()?,
                    Open::ReadOnly(file) => file.begin_read()?,
                    Open::Closed => return Err(redb::Error::DatabaseClosed.into()),
                };
                Ok(look(&transaction)?)
            });
            (result, state.generation)
        };
        let (mut result, generation) = attempt();
        if matches!(&result, Err(failure) if failure.is_of_this_opening()) {
            result = self.reopen(generation).and_then(|()| attempt().0);
        }
        result.map_err(|failure| describe(&self.path, failure))
    }

    /// Writes all or nothing; the write is on the disk when this returns.
    pub(super) fn write(
        &self,
        now: Duration,
        mut change: impl FnMut(&mut Tables<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), Error> {
        let mut attempt = || {
            let state = read(&self.state);
            let mut begun = false;
            let result = guarded(|| {
                let file = match &state.file {
                    Open::Writable(file) => file,
                    Open::ReadOnly(_) => return Err(Failure::ReadOnly),
                    Open::Closed => return Err(redb::Error::DatabaseClosed.into()),
                };
                let mut transaction = file.begin_write()?;
                begun = true;
                // Two syncs instead of one: then no checksum that an attacker could forge decides
                // what a crash leaves, and the file opens at once after one.
                transaction.set_quick_repair(true);
                let mut tables = Tables::open(&transaction, now)?;
                change(&mut tables)?;
                if tables.close()? {
                    transaction.commit()?
                } else {
                    transaction.abort()?
                }
                Ok(())
            });
            (result, state.generation, begun)
        };
        let (mut result, mut generation, begun) = attempt();
        let failed = |result: &Result<(), Failure>| matches!(result, Err(failure) if failure.is_of_this_opening());
        if failed(&result) && !begun {
            // The failure is of an earlier write: nothing of this one was tried.
            result = self.reopen(generation).and_then(|()| {
                let (result, later, _) = attempt();
                generation = later;
                result
            });
        }
        if failed(&result) {
            // For the readers. If it fails, they try again.
            let _ = self.reopen(generation);
        }
        result.map_err(|failure| describe(&self.path, failure))
    }
}

impl State {
    fn checked(path: &Path) -> Result<Self, Failure> {
        opening::create(path)?;
        let mut state = Self { file: opening::open(path)?, generation: 0 };
        if let Open::Writable(file) = &mut state.file {
            // This never rolls back a two-phase commit: if its checksums fail, that is an error.
            guarded(|| Ok(file.check_integrity()?))?;
        }
        Ok(state)
    }

    fn close(&mut self) {
        let file = std::mem::replace(&mut self.file, Open::Closed);
        // The last write may fail on a damaged file, with no caller to report it to.
        let _ = guarded(move || {
            drop(file);
            Ok(())
        });
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.close();
    }
}
