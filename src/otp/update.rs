//! Compare-and-set updates of one record.

use crate::core::attempts::Attempts;
use crate::core::error::Error;
use crate::core::hash::sha256;
use crate::jose::encoding;
use crate::store::{NewRecord, Record, Store};

/// The outcome of a change.
pub(super) enum Edit<R> {
    Keep(R),
    Write(NewRecord, R),
}

/// Reads a record and changes it, again until no other write came between.
///
/// # Errors
/// The errors of `change` and of the store; [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) after
/// 1000 attempts.
pub(super) async fn edit<R>(
    store: &dyn Store,
    key: &str,
    mut change: impl FnMut(Option<&Record>) -> Result<Edit<R>, Error>,
) -> Result<R, Error> {
    let mut attempts = Attempts::at("one user's codes");
    loop {
        attempts.next()?;
        let record = store.get(key).await?;
        let (new, answer) = match change(record.as_ref())? {
            Edit::Keep(answer) => return Ok(answer),
            Edit::Write(new, answer) => (new, answer),
        };
        let written = match &record {
            Some(record) => {
                let replaced = store.replace(key, record.version(), new.value, new.ttl);
                replaced.await?
            }
            None => store.insert(key, new).await?,
        };
        if written.is_some() {
            return Ok(answer);
        }
    }
}

/// Returns a user's key. Hashed: user names may be long and must not leak from the store.
pub(super) fn key_of(prefix: &str, user: &str) -> String {
    format!("{prefix}{}", encoding::encode(sha256(user)))
}
