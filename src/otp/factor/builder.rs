//! The builder for [`SecondFactor`].

use super::handle::{SecondFactor, Settings};
use crate::core::settings::{Time, options, setters};
use crate::core::{Error, debug_fields, ensure, name::check_store_name};
use crate::otp::attempts::{RESYNC_WINDOW, Terms, check_resync_window};
use crate::otp::recovery::{SHEET, check_count};
use crate::otp::{settings::Otp, user_records::UserRecords};
use crate::store::{SealingKeys, Store};
use std::{sync::Arc, time::Duration};

options! {
    /// The options of a second factor.
    SecondFactorOptions {
        /// Its name in the store. Default: `factors`.
        name: String = "factors".to_owned(),
        /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        max_failures: u32 = Terms::DEFAULT.max_failures,
        /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
        lockout: Time = Time(Terms::DEFAULT.lockout),
        /// How many counters ahead a HOTP resynchronization searches, 1 to 1000. Default: 100.
        resync_window: u32 = RESYNC_WINDOW,
        /// Recovery codes per user, 1 to 50. Default: 10.
        recovery_codes: usize = SHEET,
    }
}

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
    store: Arc<dyn Store>,
    keys: SealingKeys,
    issuer: String,
    otp: Option<Otp>,
    pub(crate) options: SecondFactorOptions,
}

impl SecondFactor {
    /// Returns a builder for a second factor in this store, with encrypted secrets.
    pub fn builder(store: impl Store, keys: SealingKeys) -> SecondFactorBuilder {
        SecondFactorBuilder {
            store: Arc::new(store),
            keys,
            issuer: String::new(),
            otp: None,
            options: SecondFactorOptions::default(),
        }
    }
}

impl SecondFactorBuilder {
    setters! {
        /// Sets the application's name in authenticator apps, 1 to 64 bytes, no colon. Required.
        pub fn issuer(name: impl Into<String>) { self.issuer = name.into() }

        /// Sets the form of codes and the clock. Default: [`Otp::totp`] as it is.
        ///
        /// Enrolled users keep the kind, hash, digits and period of their enrolment.
        pub fn otp(otp: Otp) { self.otp = Some(otp) }

        /// Sets the name in the store, to tell several second factors apart. Default: `factors`.
        pub fn name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets the wrong codes in a row that lock a user out, 1 to 100. Default: 5.
        pub fn max_failures(count: u32) { self.options.max_failures = count }

        /// Sets the duration of the first lockout, 1 second to 1 day. Default: 15 minutes.
        ///
        /// Each further wrong code doubles it, up to a day.
        pub fn lockout(time: Duration) { self.options.lockout = Time(time) }

        /// Sets how many counters ahead a HOTP authenticator may be, 1 to 1000. Default: 100.
        ///
        /// [`resync`](SecondFactor::resync) searches so far.
        pub fn resync_window(counters: u32) { self.options.resync_window = counters }

        /// Sets how many recovery codes a user gets, 1 to 50. Default: 10.
        pub fn recovery_codes(count: usize) { self.options.recovery_codes = count }
    }

    /// Builds the second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<SecondFactor, Error> {
        let options = self.options;
        check_store_name(&options.name)?;
        check_count(options.recovery_codes)?;
        let terms = Terms::checked(options.max_failures, options.lockout.0)?;
        check_resync_window(options.resync_window)?;
        ensure(
            (1..=64).contains(&self.issuer.len()) && !self.issuer.contains(':'),
            "a second factor needs a name that apps can show: give .issuer(…), 1 to 64 bytes and no \
             colon",
        )?;
        let otp = match self.otp {
            Some(otp) => otp,
            None => Otp::totp().build()?,
        };
        Ok(SecondFactor(Arc::new(Settings {
            records: UserRecords::new(self.store, format!("otp/{}/", options.name)),
            keys: self.keys,
            issuer: self.issuer,
            otp,
            terms,
            resync_window: options.resync_window,
            count: options.recovery_codes,
        })))
    }
}

debug_fields!(SecondFactorBuilder, self, name = self.options.name, issuer = self.issuer);
