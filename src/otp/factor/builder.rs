//! The builder for [`SecondFactor`].

use super::handle::{FactorSettings, SecondFactor};
use crate::core::debug::debug_fields;
use crate::core::error::Error;
use crate::otp::attempts::{LockoutRules, RESYNC_WINDOW, check_resync_window};
use crate::otp::recovery::{SHEET, check_count};
use crate::otp::settings::Otp;
use crate::otp::user_records::UserRecords;
use crate::store::{SealingKeys, Store};
use crate::token::list::check_name;
use std::sync::Arc;
use std::time::Duration;

/// A builder for [`SecondFactor`].
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
    records: UserRecords,
    keys: SealingKeys,
    name: String,
    issuer: String,
    otp: Option<Otp>,
    lockout: LockoutRules,
    resync_window: u32,
    count: usize,
}

impl SecondFactorBuilder {
    pub(super) fn new(store: impl Store, keys: SealingKeys) -> Self {
        Self {
            records: UserRecords::new(store),
            keys,
            name: "factors".to_owned(),
            issuer: String::new(),
            otp: None,
            lockout: LockoutRules::DEFAULT,
            resync_window: RESYNC_WINDOW,
            count: SHEET,
        }
    }

    /// Sets the application's name in authenticator apps, 1 to 64 bytes, no colon. Required.
    pub fn issuer(mut self, name: impl Into<String>) -> Self {
        self.issuer = name.into();
        self
    }

    /// Sets the form of codes and the clock. Default: [`Otp::totp`] as it is.
    ///
    /// Enrolled users keep the kind, hash, digits and period of their enrolment.
    pub fn otp(mut self, otp: Otp) -> Self {
        self.otp = Some(otp);
        self
    }

    /// Sets the name in the store, to tell several second factors apart. Default: `factors`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the wrong codes in a row that lock a user out, 1 to 100. Default: 5.
    pub fn max_failures(mut self, count: u32) -> Self {
        self.lockout.max_failures = count;
        self
    }

    /// Sets the duration of the first lockout, 1 second to 1 day. Default: 15 minutes.
    ///
    /// Each further wrong code doubles it, up to a day.
    pub fn lockout(mut self, time: Duration) -> Self {
        self.lockout.first = time;
        self
    }

    /// Sets how many counters ahead a HOTP authenticator may be, 1 to 1000. Default: 100.
    ///
    /// [`resync`](SecondFactor::resync) searches so far.
    pub fn resync_window(mut self, counters: u32) -> Self {
        self.resync_window = counters;
        self
    }

    /// Sets how many recovery codes a user gets, 1 to 50. Default: 10.
    pub fn recovery_codes(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Builds the second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<SecondFactor, Error> {
        check_name(&self.name)?;
        check_count(self.count)?;
        self.lockout.check()?;
        check_resync_window(self.resync_window)?;
        if self.issuer.is_empty() || self.issuer.len() > 64 || self.issuer.contains(':') {
            return Err(Error::configuration(
                "a second factor needs a name that apps can show: give .issuer(…), 1 to 64 bytes and no \
                 colon",
            ));
        }
        let otp = match self.otp {
            Some(otp) => otp,
            None => Otp::totp().build()?,
        };
        Ok(SecondFactor(Arc::new(FactorSettings {
            records: self.records.with_prefix(format!("otp/{}/", self.name)),
            keys: self.keys,
            issuer: self.issuer,
            otp,
            lockout: self.lockout,
            resync_window: self.resync_window,
            count: self.count,
        })))
    }
}

debug_fields!(SecondFactorBuilder, self, name = self.name, issuer = self.issuer);
