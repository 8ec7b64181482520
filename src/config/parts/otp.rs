//! Settings of one-time passwords.

use super::context::World;
use super::keys::SealingSettings;
use super::location::Spot;
use super::settings::{Settings, not_configured};
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::config::jamguard::Jamguard;
use crate::core::error::Error;
use crate::otp::factor::builder::SecondFactorOptions;
use crate::otp::guard::OtpGuardOptions;
use crate::otp::recovery::codes::RecoveryOptions;
use crate::otp::settings::OtpOptions;
use crate::otp::{Otp, OtpBuilder, OtpGuard, RecoveryCodes, SecondFactor};

settings! {
    /// Replay protection and lockout, for applications that store the OTP secrets themselves.
    pub(in crate::config) struct OtpGuardSettings {
        /// Name of the store that keeps used codes and failures.
        store: String,
    }

    /// Recovery codes, for applications that store the OTP secrets themselves.
    pub(in crate::config) struct RecoverySettings {
        /// Name of the store that keeps their hashes.
        store: String,
    }

    /// The users' second factor: enrolment, codes in the form of the section `otp`, recovery codes.
    pub(in crate::config) struct SecondFactorSettings {
        /// Name of the store that keeps the secrets, encrypted with `sealing`.
        store: String,
        /// Keys that encrypt the secrets.
        sealing: SealingSettings,
        /// Name of the service as authenticator apps show it.
        issuer: String,
    }
}

pub(super) type OtpGuardSection = Section<OtpGuardOptions, OtpGuardSettings>;
pub(super) type RecoverySection = Section<RecoveryOptions, RecoverySettings>;
pub(super) type SecondFactorSection = Section<SecondFactorOptions, SecondFactorSettings>;

/// The sections that the file has of one-time passwords.
#[derive(Debug, Default)]
pub(in crate::config) struct OtpParts {
    otp: Option<Otp>,
    guard: Option<OtpGuard>,
    recovery_codes: Option<RecoveryCodes>,
    second_factor: Option<SecondFactor>,
}

impl OtpParts {
    pub(super) fn build(
        settings: &Settings,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Self, Problem> {
        let mut parts = Self::default();
        if let Some(options) = &settings.otp {
            let built = otp(options, spot.world).build();
            parts.otp = Some(built.map_err(|error| spot.key("otp").refused(error))?);
        }
        if let Some(Section(options, OtpGuardSettings { store })) = &settings.otp_guard {
            let spot = spot.key("otp_guard");
            let store = spot.named("store", "store", store, stores)?.clone();
            let mut guard = OtpGuard::builder(store);
            guard.options = options.clone();
            parts.guard = Some(guard.build().map_err(|error| spot.refused(error))?);
        }
        if let Some(Section(options, RecoverySettings { store })) = &settings.recovery_codes {
            let spot = spot.key("recovery_codes");
            let store = spot.named("store", "store", store, stores)?.clone();
            let mut codes = RecoveryCodes::builder(store).clock(spot.world.clock.clone());
            codes.options = options.clone();
            parts.recovery_codes = Some(codes.build().map_err(|error| spot.refused(error))?);
        }
        if let Some(Section(options, settings)) = &settings.second_factor {
            let spot = spot.key("second_factor");
            let refused = |error| spot.refused(error);
            let store = spot.named("store", "store", &settings.store, stores)?.clone();
            let keys = settings.sealing.build(&spot.key("sealing"))?;
            let codes = match &parts.otp {
                Some(otp) => otp.clone(),
                None => otp(&OtpOptions::default(), spot.world).build().map_err(refused)?,
            };
            let mut factor = SecondFactor::builder(store, keys).issuer(&settings.issuer).otp(codes);
            factor.options = options.clone();
            parts.second_factor = Some(factor.build().map_err(refused)?);
        }
        Ok(parts)
    }
}

fn otp(options: &OtpOptions, world: &World) -> OtpBuilder {
    let mut otp = Otp::totp().clock(world.clock.clone());
    otp.options = options.clone();
    otp
}

impl Jamguard {
    /// Returns the settings that create and check one-time passwords.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn otp(&self) -> Result<&Otp, Error> {
        let otp = self.parts().otp.otp.as_ref();
        otp.ok_or_else(|| not_configured("one-time passwords", "otp"))
    }

    /// Returns the OTP guard, for applications that store the OTP secrets themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn otp_guard(&self) -> Result<&OtpGuard, Error> {
        let guard = self.parts().otp.guard.as_ref();
        guard.ok_or_else(|| not_configured("guard of one-time passwords", "otp_guard"))
    }

    /// Returns the recovery codes, for applications that store the OTP secrets themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn recovery_codes(&self) -> Result<&RecoveryCodes, Error> {
        let codes = self.parts().otp.recovery_codes.as_ref();
        codes.ok_or_else(|| not_configured("recovery codes", "recovery_codes"))
    }

    /// Returns the users' second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn second_factor(&self) -> Result<&SecondFactor, Error> {
        let factor = self.parts().otp.second_factor.as_ref();
        factor.ok_or_else(|| not_configured("second factor", "second_factor"))
    }
}
