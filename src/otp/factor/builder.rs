//! Sets the second factor up.

use super::handle::{SecondFactor, Settings};
use crate::core::error::Error;
use crate::otp::attempts::{RESYNC_WINDOW, Terms, check_resync_window};
use crate::otp::recovery::{SHEET, check_count};
use crate::otp::settings::Otp;
use crate::store::{SealingKeys, Store};
use crate::token::list::check_name;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Sets a [`SecondFactor`] up.
///
/// # Example
/// ```
/// use jamguard::otp::{Otp, SecondFactor};
/// use jamguard::store::{MemoryStore, SealingKeys};
///
/// # let key = SealingKeys::generate_key()?;
/// let keys = SealingKeys::from_base64url(key.expose())?;
/// let factor = SecondFactor::builder(MemoryStore::new(), keys)
///     .issuer("My App")
///     .otp(Otp::totp().digits(8).build()?)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct SecondFactorBuilder {
    store: Arc<dyn Store>,
    keys: SealingKeys,
    name: String,
    issuer: String,
    otp: Option<Otp>,
    terms: Terms,
    resync_window: u32,
    count: usize,
}

impl SecondFactorBuilder {
    pub(super) fn new(store: impl Store, keys: SealingKeys) -> Self {
        Self {
            store: Arc::new(store),
            keys,
            name: "factors".to_owned(),
            issuer: String::new(),
            otp: None,
            terms: Terms::DEFAULT,
            resync_window: RESYNC_WINDOW,
            count: SHEET,
        }
    }

    /// Whose accounts these are, as authenticator apps show it. It must be set.
    pub fn issuer(mut self, name: impl Into<String>) -> Self {
        self.issuer = name.into();
        self
    }

    /// How codes look, and the clock; what [`Otp::totp`] gives unless set. Who is enrolled keeps the
    /// kind, hash, digits and period that they enrolled with.
    pub fn otp(mut self, otp: Otp) -> Self {
        self.otp = Some(otp);
        self
    }

    /// Its name in the store, where that holds several; `factors` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// After how many wrong codes in a row a user is locked out, 1 to 100; 5 unless set.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.terms.max_failures = count;
        self
    }

    /// For how long, a second to a day; a quarter of an hour unless set, doubled by each wrong code
    /// after it.
    pub fn lockout(mut self, time: Duration) -> Self {
        self.terms.lockout = time;
        self
    }

    /// How many counters a HOTP authenticator may have run ahead to be found again by
    /// [`resync`](SecondFactor::resync), 1 to 1000; 100 unless set.
    pub fn resync_window(mut self, counters: u32) -> Self {
        self.resync_window = counters;
        self
    }

    /// How many recovery codes a user gets, 1 to 50; 10 unless set.
    pub fn recovery_codes(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<SecondFactor, Error> {
        check_name(&self.name)?;
        check_count(self.count)?;
        self.terms.check()?;
        check_resync_window(self.resync_window)?;
        if self.issuer.is_empty() || self.issuer.len() > 64 || self.issuer.contains(':') {
            return Err(Error::configuration(
                "a second factor without a name that apps can show: give .issuer(…), 1 to 64 bytes \
                 and no colon",
            ));
        }
        let otp = match self.otp {
            Some(otp) => otp,
            None => Otp::totp().build()?,
        };
        Ok(SecondFactor::new(Settings {
            store: self.store,
            keys: self.keys,
            prefix: format!("otp/{}/", self.name),
            issuer: self.issuer,
            otp,
            terms: self.terms,
            resync_window: self.resync_window,
            count: self.count,
        }))
    }
}

impl fmt::Debug for SecondFactorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondFactorBuilder")
            .field("name", &self.name)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
