//! Settings of one-time passwords.

use super::feature::{Build, Feature};
use super::keys::SealingSettings;
use super::location::Spot;
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::otp::{
    Otp, OtpGuard, RecoveryCodes, SecondFactor, factor::builder::SecondFactorOptions,
    guard::OtpGuardOptions, recovery::codes::RecoveryOptions, settings::OtpOptions,
};

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// Form of one-time passwords.
        otp: Option<OtpOptions>,
        /// Replay protection and lockout, for applications that store the OTP secrets themselves.
        otp_guard: Option<Section<OtpGuardOptions, OtpGuardSettings>>,
        /// Recovery codes, for applications that store the OTP secrets themselves.
        recovery_codes: Option<Section<RecoveryOptions, RecoverySettings>>,
        /// The users' second factor.
        second_factor: Option<Section<SecondFactorOptions, SecondFactorSettings>>,
    }

    /// Replay protection and lockout, for applications that store the OTP secrets themselves.
    struct OtpGuardSettings {
        /// Name of the store that keeps used codes and failures.
        store: String,
    }

    /// Recovery codes, for applications that store the OTP secrets themselves.
    struct RecoverySettings {
        /// Name of the store that keeps their hashes.
        store: String,
    }

    /// The users' second factor: enrolment, codes in the form of the section `otp`, recovery codes.
    struct SecondFactorSettings {
        /// Name of the store that keeps the secrets, encrypted with `sealing`.
        store: String,
        /// Keys that encrypt the secrets.
        sealing: SealingSettings,
        /// Name of the service as authenticator apps show it.
        issuer: String,
    }
}

/// The sections that the file has of one-time passwords.
#[derive(Debug, Default)]
pub(in crate::config) struct OtpParts {
    pub(in crate::config) otp: Option<Otp>,
    pub(in crate::config) guard: Option<OtpGuard>,
    pub(in crate::config) recovery_codes: Option<RecoveryCodes>,
    pub(in crate::config) second_factor: Option<SecondFactor>,
}

impl Feature for Keys {
    type Built = OtpParts;
}

impl Build<&Stores> for Keys {
    fn build(&self, stores: &Stores, spot: &Spot<'_>) -> Result<OtpParts, Problem> {
        let mut parts = OtpParts::default();
        if let Some(options) = &self.otp {
            parts.otp = Some(otp(options, &spot.key("otp"))?);
        }
        if let Some(Section(options, settings)) = &self.otp_guard {
            let spot = spot.key("otp_guard");
            let mut guard = OtpGuard::builder(spot.store(&settings.store, stores)?);
            guard.options = options.clone();
            parts.guard = Some(spot.built(guard.build())?);
        }
        if let Some(Section(options, settings)) = &self.recovery_codes {
            let spot = spot.key("recovery_codes");
            let store = spot.store(&settings.store, stores)?;
            let mut codes = RecoveryCodes::builder(store).clock(spot.clock());
            codes.options = options.clone();
            parts.recovery_codes = Some(spot.built(codes.build())?);
        }
        if let Some(Section(options, settings)) = &self.second_factor {
            let spot = spot.key("second_factor");
            let store = spot.store(&settings.store, stores)?;
            let keys = settings.sealing.build(&spot.key("sealing"))?;
            let codes = match &parts.otp {
                Some(otp) => otp.clone(),
                None => otp(&OtpOptions::default(), &spot)?,
            };
            let mut factor = SecondFactor::builder(store, keys).issuer(&settings.issuer).otp(codes);
            factor.options = options.clone();
            parts.second_factor = Some(spot.built(factor.build())?);
        }
        Ok(parts)
    }
}

fn otp(options: &OtpOptions, spot: &Spot<'_>) -> Result<Otp, Problem> {
    let mut otp = Otp::totp().clock(spot.clock());
    otp.options = options.clone();
    spot.built(otp.build())
}
