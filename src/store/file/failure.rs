//! What can go wrong with the file, and what to do about it.

use crate::core::error::{Error, ErrorKind};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What went wrong inside a transaction.
pub(super) enum Failure {
    Redb(redb::Error),
    /// redb asserts what a sound file holds, where it reads a damaged one.
    Panic,
    ReadOnly,
    /// A file of no bytes, which is none that we made.
    Empty,
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Failure {
    /// Whether the file may be sound when it is opened again.
    pub(super) fn is_of_this_opening(&self) -> bool {
        match self {
            Self::Panic => true,
            Self::ReadOnly | Self::Empty => false,
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

pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What the work leaves half done is redb's: it is dropped when the file is opened again.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panic))
}

/// What to do about a failure, in words.
pub(super) fn describe(path: &Path, failure: Failure) -> Error {
    let path = path.display();
    let message = match &failure {
        Failure::Panic => damaged(&path, &"it does not hold what it must"),
        Failure::Empty => damaged(&path, &"it is empty, as when it was cut off"),
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
                io::ErrorKind::NotFound => {
                    format!("{path} is not there: make its folder, or put the file back ({io})")
                }
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
