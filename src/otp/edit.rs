//! Changes of a record that are done once, however many try at the same time.

use crate::core::error::{Error, ErrorKind};
use crate::jose::encoding;
use crate::store::{NewRecord, Record, Store};
use aws_lc_rs::digest;

/// Each failed write means that another one got through.
const ATTEMPTS: usize = 1000;

/// What becomes of a record.
pub(super) enum Edit<R> {
    Keep(R),
    Write(NewRecord, R),
}

/// Reads the record of a key, if there is one, and changes it, until nothing came between.
///
/// # Errors
/// Those of `change` and of the store; [`ErrorKind::Unavailable`] where a thousand attempts were not
/// enough.
pub(super) async fn edit<R>(
    store: &dyn Store,
    key: &str,
    mut change: impl FnMut(Option<&Record>) -> Result<Edit<R>, Error>,
) -> Result<R, Error> {
    for _ in 0..ATTEMPTS {
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
    Err(Error::new(
        ErrorKind::Unavailable,
        "too many try codes of the same user at once",
    ))
}

/// A hash: names of users may be long, and are nobody's business who reads the store.
pub(super) fn key_of(prefix: &str, user: &str) -> String {
    let hash = digest::digest(&digest::SHA256, user.as_bytes());
    format!("{prefix}{}", encoding::encode(hash))
}
