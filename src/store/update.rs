//! Compare-and-set update of one record.

use super::{NewRecord, Record, Store};
use crate::core::{Attempts, Error};

/// Reads, changes and writes a record, again until no other write came between.
///
/// `change` returns the new record, or `None` to keep the present one, and the result of the
/// update. An existing record keeps its owner. `what` names the record in the error.
///
/// Also returns the version of the record afterwards; `None` if there is none.
///
/// # Errors
/// The errors of `change` and of the store; [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)
/// after 1000 attempts.
pub(crate) async fn update<R>(
    store: &dyn Store,
    key: &str,
    what: &'static str,
    mut change: impl FnMut(Option<&Record>) -> Result<(Option<NewRecord>, R), Error>,
) -> Result<(R, Option<u64>), Error> {
    let mut attempts = Attempts::at(what);
    loop {
        attempts.next()?;
        let record = store.get(key).await?;
        let (new, result) = change(record.as_ref())?;
        let Some(new) = new else {
            return Ok((result, record.map(|record| record.version())));
        };
        let written = match &record {
            Some(record) => store.replace(key, record.version(), new.value, new.ttl).await?,
            None => store.insert(key, new).await?,
        };
        if written.is_some() {
            return Ok((result, written));
        }
    }
}
