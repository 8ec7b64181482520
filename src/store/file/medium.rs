//! The file itself: opened, kept open through failures, and its failures in words.

use super::tables::{self, Tables};
use crate::core::error::{Error, ErrorKind};
use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase};
use std::fs::{File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// Pages kept in memory.
const CACHE_BYTES: usize = 64 << 20;
/// A file longer than this was used, however empty it looks.
const MAX_UNFINISHED: u64 = 64 << 20;

/// redb gives a file up after the first failed write or read of it. Whoever meets that opens it
/// again, so that a full disk ends no reads.
pub(super) struct Medium {
    path: PathBuf,
    state: RwLock<State>,
}

struct State {
    file: Open,
    /// Counts how often the file was opened.
    generation: u64,
}

enum Open {
    Writable(Database),
    ReadOnly(ReadOnlyDatabase),
    Closed,
}

/// What went wrong inside a transaction.
enum Failure {
    Redb(redb::Error),
    /// redb asserts what a sound file holds, where it reads a damaged one.
    Panic,
    ReadOnly,
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Failure {
    /// Whether the file may be sound when it is opened again.
    fn is_of_this_opening(&self) -> bool {
        match self {
            Self::Panic => true,
            Self::ReadOnly => false,
            Self::Redb(error) => matches!(
                error,
                redb::Error::Io(_)
                    | redb::Error::PreviousIo
                    | redb::Error::DatabaseClosed
                    | redb::Error::LockPoisoned(_)
            ),
        }
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What the work leaves half done is redb's: it is dropped when the file is opened again.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panic))
}

impl Medium {
    /// Opens or creates the file, brings it in order after a crash, and checks all of it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let state = State::checked(path).map_err(|failure| describe(path, failure))?;
        Ok(Self {
            path: path.to_owned(),
            state: RwLock::new(state),
        })
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the file and opens it again, unless another did since that generation.
    fn reopen(&self, generation: u64) -> Result<(), Failure> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation && !matches!(state.file, Open::Closed) {
            return Ok(());
        }
        // First the old one goes: it holds the lock on the file.
        state.close();
        state.file = open(&self.path)?;
        state.generation += 1;
        Ok(())
    }

    /// Reads; where the file was given up, after opening it again.
    pub(super) fn read<T>(
        &self,
        look: impl Fn(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let attempt = || {
            let state = self.state();
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

    /// Writes all of it or nothing, on the disk when this returns.
    pub(super) fn write(
        &self,
        now: Duration,
        mut change: impl FnMut(&mut Tables<'_>) -> Result<(), redb::Error>,
    ) -> Result<(), Error> {
        let mut attempt = || {
            let state = self.state();
            let mut begun = false;
            let result = guarded(|| {
                let file = match &state.file {
                    Open::Writable(file) => file,
                    Open::ReadOnly(_) => return Err(Failure::ReadOnly),
                    Open::Closed => return Err(redb::Error::DatabaseClosed.into()),
                };
                let mut transaction = file.begin_write()?;
                begun = true;
                // Two syncs instead of one. In return no checksum that an attacker could make
                // meet decides what a crash leaves, and the file opens at once after one.
                transaction.set_quick_repair(true);
                let mut tables = Tables::open(&transaction, now)?;
                change(&mut tables)?;
                match tables.close()? {
                    true => transaction.commit()?,
                    false => transaction.abort()?,
                }
                Ok(())
            });
            (result, state.generation, begun)
        };
        let (mut result, mut generation, begun) = attempt();
        let failed = |result: &Result<(), Failure>| matches!(result, Err(failure) if failure.is_of_this_opening());
        if failed(&result) && !begun {
            // An earlier failure's: nothing of this was tried.
            result = self.reopen(generation).and_then(|()| {
                let (result, later, _) = attempt();
                generation = later;
                result
            });
        }
        if failed(&result) {
            // For those that only read. Where it fails, they try again.
            let _ = self.reopen(generation);
        }
        result.map_err(|failure| describe(&self.path, failure))
    }
}

impl State {
    fn checked(path: &Path) -> Result<Self, Failure> {
        let mut state = Self {
            file: open(path)?,
            generation: 0,
        };
        if let Open::Writable(file) = &mut state.file {
            // What was committed in two phases this never rolls back: where its checksums fail,
            // that is an error.
            guarded(|| Ok(file.check_integrity()?))?;
        }
        Ok(state)
    }

    fn close(&mut self) {
        let file = std::mem::replace(&mut self.file, Open::Closed);
        // It writes a last time, which may fail on what is damaged. There is nobody to tell.
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

fn open(path: &Path) -> Result<Open, Failure> {
    guarded(|| {
        match create(path) {
            Err(error) if is_read_only(&error) => {}
            Err(error) => return Err(error.into()),
            Ok(file) => return open_writable(path, file),
        }
        let file = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .open_read_only(path)?;
        tables::check(&file.begin_read()?)?;
        Ok(Open::ReadOnly(file))
    })
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

fn open_writable(path: &Path, file: File) -> Result<Open, Failure> {
    let opened = |file| {
        redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_file(file)
    };
    let file = match opened(file) {
        Err(error) if is_invalid(&error) && clear_unfinished(path)? => opened(create(path)?)?,
        other => other?,
    };
    let mut transaction = file.begin_write()?;
    transaction.set_quick_repair(true);
    match tables::lay_out(&transaction)? {
        true => transaction.commit()?,
        false => transaction.abort()?,
    }
    Ok(Open::Writable(file))
}

fn is_invalid(error: &DatabaseError) -> bool {
    matches!(
        error,
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() == io::ErrorKind::InvalidData
    )
}

/// Empties a file whose creation a crash cut short: redb writes its mark last, and before that
/// nothing but the first page.
fn clear_unfinished(path: &Path) -> io::Result<bool> {
    const PAGE: usize = 4096;
    let file = create(path)?;
    if file.try_lock().is_err() || file.metadata()?.len() > MAX_UNFINISHED {
        return Ok(false);
    }
    let bytes = std::fs::read(path)?;
    let (first, rest) = bytes.split_at(bytes.len().min(PAGE));
    let unfinished = first.iter().take(9).chain(rest).all(|byte| *byte == 0);
    if unfinished {
        file.set_len(0)?;
    }
    Ok(unfinished)
}

/// What to do about a failure, in words.
fn describe(path: &Path, failure: Failure) -> Error {
    let path = path.display();
    let message = match &failure {
        Failure::Panic => damaged(&path, &"it does not hold what it must"),
        Failure::ReadOnly => format!(
            "{path} is read-only: nothing can be written until this process may write to it"
        ),
        Failure::Redb(error) => match error {
            redb::Error::DatabaseAlreadyOpen => format!(
                "{path} is open already, here or in another process: open it once and share \
                 clones, or let several processes share a Redis"
            ),
            redb::Error::RepairAborted => format!(
                "{path} is read-only and was not closed properly: open it once with permission \
                 to write"
            ),
            redb::Error::Corrupted(what) => damaged(&path, what),
            redb::Error::UpgradeRequired(_) => damaged(&path, &"it has an older format"),
            redb::Error::Io(io) => match io.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => {
                    format!(
                        "there is no space left for {path} ({io}): free some, or raise the limit"
                    )
                }
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => damaged(&path, io),
                io::ErrorKind::NotFound => format!("{path} cannot be made: make its folder ({io})"),
                _ => format!("{path} cannot be read or written: {io}"),
            },
            other => format!("{path} cannot be read or written: {other}"),
        },
    };
    let error = Error::new(ErrorKind::Storage, message);
    match failure {
        Failure::Redb(source) => error.with_source(source),
        _ => error,
    }
}

fn damaged(path: &dyn std::fmt::Display, what: &dyn std::fmt::Display) -> String {
    format!(
        "{path} is damaged or no store of ours ({what}): put a backup in its place, or move it away \
         to begin with an empty one"
    )
}
