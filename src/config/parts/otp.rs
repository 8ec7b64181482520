//! One-time passwords.

use super::keys::SealingSettings;
use super::scalars::Time;
use super::spot::Spot;
use super::stores::Stores;
use crate::config::document::Problem;
use crate::otp::{Otp, OtpAlgorithm, OtpGuard, OtpKind, RecoveryCodes, SecondFactor};
use serde::Deserialize;

/// How one-time passwords look.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtpSettings {
    /// By the time, or by a counter; `totp` unless set.
    kind: Option<Kind>,
    /// The hash; `SHA1` unless set, because some apps know no other.
    algorithm: Option<Hash>,
    /// How many digits a code has, 6 to 10; 6 unless set.
    digits: Option<u8>,
    /// How long a TOTP code is shown; 30 s unless set.
    period: Option<Time>,
    /// How far a code may be from where it is expected; 1 unless set.
    look_ahead: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Kind {
    Totp,
    Hotp,
}

/// In capitals as in `otpauth` URIs, or small.
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

/// Sees to it that a code is accepted once and guesses end, for secrets that the program keeps.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OtpGuardSettings {
    /// The store that remembers codes and failures.
    store: String,
    /// Its name in the store; `codes` unless set.
    name: Option<String>,
    /// After how many wrong codes in a row a user is locked out; 5 unless set.
    max_failures: Option<u32>,
    /// For how long; a quarter of an hour unless set, doubled by each wrong code after it.
    lockout: Option<Time>,
    /// How many counters a HOTP authenticator may have run ahead to be found again by two codes, 1 to
    /// 1000; 100 unless set.
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

/// Recovery codes, for programs that keep the secrets of one-time passwords themselves.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RecoverySettings {
    /// The store that keeps their hashes.
    store: String,
    /// Their name in the store; `codes` unless set.
    name: Option<String>,
    /// How many codes a user gets; 10 unless set.
    count: Option<usize>,
    /// After how many wrong codes in a row a user is locked out; 5 unless set.
    max_failures: Option<u32>,
    /// For how long; a quarter of an hour unless set, doubled by each wrong code after it.
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

/// Users' second factor: enrolment, codes as the section `otp` says, recovery codes.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecondFactorSettings {
    /// The store that keeps the secrets, encrypted with `sealing`.
    store: String,
    /// The keys that encrypt them.
    sealing: SealingSettings,
    /// Whose accounts these are, as authenticator apps show it.
    issuer: String,
    /// Its name in the store; `factors` unless set.
    name: Option<String>,
    /// After how many wrong codes in a row a user is locked out; 5 unless set.
    max_failures: Option<u32>,
    /// For how long; a quarter of an hour unless set, doubled by each wrong code after it.
    lockout: Option<Time>,
    /// How many counters a HOTP authenticator may have run ahead to be found again by two codes, 1 to
    /// 1000; 100 unless set.
    resync_window: Option<u32>,
    /// How many recovery codes a user gets; 10 unless set.
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
        let mut factor = SecondFactor::builder(store, keys)
            .issuer(&self.issuer)
            .otp(otp);
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
