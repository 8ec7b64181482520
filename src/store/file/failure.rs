//! Failures of the file, and error texts that say what to do.

use crate::core::{Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{io, path::Path};

/// A failure inside a transaction.
pub(super) enum Failure {
    Redb(redb::Error),
    /// redb panicked: it asserts what a sound file contains.
    Panic,
    ReadOnly,
    /// An empty file, which this store never creates.
    Empty,
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl Failure {
    /// Returns whether reopening the file may help.
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
    // Half-done work is state of redb, which is dropped when the file is reopened.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panic))
}

/// Returns the error for a failure, with what to do.
pub(super) fn describe(path: &Path, failure: Failure) -> Error {
    let path = path.display();
    let message = match &failure {
        Failure::Panic => damaged(&path, &"its contents are inconsistent"),
        Failure::Empty => damaged(&path, &"it is empty, possibly truncated"),
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
                    format!("{path} does not exist: create its folder, or restore the file ({io})")
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
        "{path} is damaged or not a jamguard store ({what}): restore a backup, or move it away to \
         start with an empty one"
    )
}
