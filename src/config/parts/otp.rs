//! Settings of one-time passwords.

use super::keys::SealingSettings;
use super::location::Spot;
use super::scalars::Time;
use super::stores::Stores;
use crate::config::document::Problem;
use crate::otp::{Otp, OtpAlgorithm, OtpGuard, OtpKind, RecoveryCodes, SecondFactor};
use serde::Deserialize;

/// Form of one-time passwords.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtpSettings {
    /// Time-based (`totp`) or counter-based (`hotp`) codes. Default: `totp`.
    kind: Option<Kind>,
    /// Hash of the codes. Default: `SHA1`, because some apps ignore any other.
    algorithm: Option<Hash>,
    /// Digits of a code, 6 to 10. Default: 6.
    digits: Option<u8>,
    /// How long a TOTP code is shown, in whole seconds. Default: 30 s.
    period: Option<Time>,
    /// How far a code may be from the expected one, 0 to 20 codes. Default: 1.
    look_ahead: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Kind {
    Totp,
    Hotp,
}

/// Upper case as in `otpauth` URIs, or lower case.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(
    test,
    schemars(extend("enum" = ["SHA1", "SHA256", "SHA512", "sha1", "sha256", "sha512"]))
)]
#[serde(rename_all = "UPPERCASE")]
enum Hash {
    #[serde(alias = "sha1")]
    Sha1,
    #[serde(alias = "sha256")]
    Sha256,
    #[serde(alias = "sha512")]
    Sha512,
}

impl OtpSettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<Otp, Problem> {
        let kind = match self.kind {
            None | Some(Kind::Totp) => OtpKind::Totp,
            Some(Kind::Hotp) => OtpKind::Hotp,
        };
        let mut otp = Otp::builder(kind).clock(spot.world.clock.clone());
        if let Some(hash) = self.algorithm {
            otp = otp.algorithm(match hash {
                Hash::Sha1 => OtpAlgorithm::Sha1,
                Hash::Sha256 => OtpAlgorithm::Sha256,
                Hash::Sha512 => OtpAlgorithm::Sha512,
            });
        }
        if let Some(digits) = self.digits {
            otp = otp.digits(digits);
        }
        if let Some(Time(period)) = self.period {
            otp = otp.period(period);
        }
        if let Some(steps) = self.look_ahead {
            otp = otp.look_ahead(steps);
        }
        otp.build().map_err(|error| spot.refused(error))
    }
}

/// Replay protection and lockout, for applications that store the OTP secrets themselves.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtpGuardSettings {
    /// Name of the store that keeps used codes and failures.
    store: String,
    /// Its name in the store. Default: `codes`.
    name: Option<String>,
    /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
    max_failures: Option<u32>,
    /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
    lockout: Option<Time>,
    /// How many counters ahead a HOTP resynchronization searches, 1 to 1000. Default: 100.
    resync_window: Option<u32>,
}

impl OtpGuardSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<OtpGuard, Problem> {
        let mut guard = OtpGuard::builder(stores.named(&self.store, &spot.key("store"))?);
        if let Some(name) = &self.name {
            guard = guard.name(name);
        }
        if let Some(count) = self.max_failures {
            guard = guard.max_failures(count);
        }
        if let Some(Time(time)) = self.lockout {
            guard = guard.lockout(time);
        }
        if let Some(counters) = self.resync_window {
            guard = guard.resync_window(counters);
        }
        guard.build().map_err(|error| spot.refused(error))
    }
}

/// Recovery codes, for applications that store the OTP secrets themselves.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RecoverySettings {
    /// Name of the store that keeps their hashes.
    store: String,
    /// Their name in the store. Default: `codes`.
    name: Option<String>,
    /// Codes per user, 1 to 50. Default: 10.
    count: Option<usize>,
    /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
    max_failures: Option<u32>,
    /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
    lockout: Option<Time>,
}

impl RecoverySettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<RecoveryCodes, Problem> {
        let store = stores.named(&self.store, &spot.key("store"))?;
        let mut codes = RecoveryCodes::builder(store).clock(spot.world.clock.clone());
        if let Some(name) = &self.name {
            codes = codes.name(name);
        }
        if let Some(count) = self.count {
            codes = codes.count(count);
        }
        if let Some(count) = self.max_failures {
            codes = codes.max_failures(count);
        }
        if let Some(Time(time)) = self.lockout {
            codes = codes.lockout(time);
        }
        codes.build().map_err(|error| spot.refused(error))
    }
}

/// The users' second factor: enrolment, codes in the form of the section `otp`, recovery codes.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecondFactorSettings {
    /// Name of the store that keeps the secrets, encrypted with `sealing`.
    store: String,
    /// Keys that encrypt the secrets.
    sealing: SealingSettings,
    /// Name of the service as authenticator apps show it.
    issuer: String,
    /// Its name in the store. Default: `factors`.
    name: Option<String>,
    /// Wrong codes in a row that lock a user out, 1 to 100. Default: 5.
    max_failures: Option<u32>,
    /// First lockout, 1 s to 1 day; each further wrong code doubles it. Default: 15 minutes.
    lockout: Option<Time>,
    /// How many counters ahead a HOTP resynchronization searches, 1 to 1000. Default: 100.
    resync_window: Option<u32>,
    /// Recovery codes per user, 1 to 50. Default: 10.
    recovery_codes: Option<usize>,
}

impl SecondFactorSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
        otp: Option<&Otp>,
    ) -> Result<SecondFactor, Problem> {
        let store = stores.named(&self.store, &spot.key("store"))?;
        let keys = self.sealing.build(&spot.key("sealing"))?;
        let otp = match otp {
            Some(otp) => otp.clone(),
            None => {
                let default = Otp::totp().clock(spot.world.clock.clone()).build();
                default.map_err(|error| spot.refused(error))?
            }
        };
        let mut factor = SecondFactor::builder(store, keys).issuer(&self.issuer).otp(otp);
        if let Some(name) = &self.name {
            factor = factor.name(name);
        }
        if let Some(count) = self.max_failures {
            factor = factor.max_failures(count);
        }
        if let Some(Time(time)) = self.lockout {
            factor = factor.lockout(time);
        }
        if let Some(counters) = self.resync_window {
            factor = factor.resync_window(counters);
        }
        if let Some(count) = self.recovery_codes {
            factor = factor.recovery_codes(count);
        }
        factor.build().map_err(|error| spot.refused(error))
    }
}
