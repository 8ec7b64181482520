//! The limit on retries of a compare-and-set update.

use crate::core::error::{Error, ErrorKind};

/// Each failed attempt means that a concurrent write succeeded. A store whose reads lag behind its
/// writes needs more of them.
const MAX: usize = 1000;

/// The attempts of one update: call [`next`](Self::next) at the top of a loop that reads, changes and
/// writes, and leave the loop when the write succeeded.
pub(crate) struct Attempts {
    what: &'static str,
    made: usize,
}

impl Attempts {
    /// Begins an update of `what`, which the error names.
    pub(crate) fn at(what: &'static str) -> Self {
        Self { what, made: 0 }
    }

    /// Counts one more attempt.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] after 1000 attempts.
    pub(crate) fn next(&mut self) -> Result<(), Error> {
        if self.made == MAX {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("too many concurrent changes of {}: try again", self.what),
            ));
        }
        self.made += 1;
        Ok(())
    }
}
