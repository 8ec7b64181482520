//! The root of the settings, and everything built from it.

#[cfg(feature = "client")]
use super::apps::{App, AppSettings};
use super::authenticator::{AuthenticatorSettings, Change};
use super::guards::GuardSettings;
use super::issuers::IssuerSettings;
use super::key_rings::{RingSettings, Rings};
use super::lists::{ListSettings, Lists};
use super::location::Spot;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
use super::login::{LoginParts, LoginSettings};
#[cfg(feature = "oauth2")]
use super::oauth2::{OAuth2, OAuth2Settings};
#[cfg(feature = "otp")]
use super::otp::{OtpGuardSettings, OtpSettings, RecoverySettings, SecondFactorSettings};
use super::refresh_tokens::{Refresh, RefreshSettings};
use super::sessions::SessionSettings;
use super::stores::{StoreSettings, Stores};
use super::verifiers::VerifierSettings;
use crate::authenticator::Authenticator;
use crate::config::document::Problem;
use crate::core::error::Error;
use crate::core::telemetry::Level;
#[cfg(feature = "otp")]
use crate::otp::{Otp, OtpGuard, RecoveryCodes, SecondFactor};
use crate::policy::{RouteRule, RouteTable, Unmatched};
use crate::session::Sessions;
use crate::token::issuer::Issuer;
use crate::token::verifier::Verifier;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The name of the issuer of the section `jwt` among all issuers.
pub(in crate::config) const JWT: &str = "jwt";

/// The settings of jamguard, named like the methods of its builders.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "jamguard"))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Settings {
    /// Most verbose level of jamguard's log events, for the whole process. Default: `debug`.
    pub(in crate::config) log_level: Option<LogLevel>,
    /// Stores by name. Other sections refer to these names.
    #[serde(default)]
    stores: BTreeMap<String, StoreSettings>,
    /// Key rings by name.
    #[serde(default)]
    key_rings: BTreeMap<String, RingSettings>,
    /// Deny and allow lists by name.
    #[serde(default)]
    lists: BTreeMap<String, ListSettings>,
    /// The issuer of this application's own tokens.
    jwt: Option<IssuerSettings>,
    /// Additional issuers by name.
    #[serde(default)]
    issuers: BTreeMap<String, IssuerSettings>,
    /// Refresh tokens.
    refresh_tokens: Option<RefreshSettings>,
    /// Verifiers of other issuers' tokens, by name.
    #[serde(default)]
    verifiers: BTreeMap<String, VerifierSettings>,
    /// JustAuthenticateMe apps, by a name of your choice.
    #[cfg(feature = "client")]
    #[serde(default)]
    apps: BTreeMap<String, AppSettings>,
    /// Server-side sessions.
    sessions: Option<SessionSettings>,
    /// How requests are authenticated.
    authenticator: Option<AuthenticatorSettings>,
    /// Handlers of the browser login by magic link.
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    login: Option<LoginSettings>,
    /// Form of one-time passwords.
    #[cfg(feature = "otp")]
    otp: Option<OtpSettings>,
    /// Replay protection and lockout, for applications that store the OTP secrets themselves.
    #[cfg(feature = "otp")]
    otp_guard: Option<OtpGuardSettings>,
    /// Recovery codes, for applications that store the OTP secrets themselves.
    #[cfg(feature = "otp")]
    recovery_codes: Option<RecoverySettings>,
    /// The users' second factor.
    #[cfg(feature = "otp")]
    second_factor: Option<SecondFactorSettings>,
    /// OAuth2 clients, by a name of your choice. Built in: `github`, `gitlab`, `google`, `yandex`.
    #[cfg(feature = "oauth2")]
    #[serde(default)]
    oauth2: BTreeMap<String, OAuth2Settings>,
    /// Access rules by route.
    #[serde(default)]
    guards: Vec<RouteRule>,
    /// Handling of requests whose path no guard matches. Required with `guards`.
    unmatched: Option<Unmatched>,
    /// Accepts paths with an encoded slash (`%2F`), which are otherwise rejected with 400.
    #[serde(default)]
    keep_encoded_slashes: bool,
}

/// The most verbose level of log events.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    pub(in crate::config) fn level(self) -> Level {
        match self {
            Self::Off => Level::Off,
            Self::Error => Level::Error,
            Self::Warn => Level::Warn,
            Self::Info => Level::Info,
            Self::Debug => Level::Debug,
        }
    }
}

/// Everything built from a file.
#[derive(Default)]
pub(in crate::config) struct Parts {
    pub(in crate::config) stores: Stores,
    pub(in crate::config) rings: Rings,
    pub(in crate::config) lists: Lists,
    pub(in crate::config) issuers: BTreeMap<String, Issuer>,
    pub(in crate::config) refresh: Option<Refresh>,
    pub(in crate::config) verifiers: BTreeMap<String, Verifier>,
    #[cfg(feature = "client")]
    pub(in crate::config) apps: BTreeMap<String, App>,
    pub(in crate::config) sessions: Option<Sessions>,
    pub(in crate::config) authenticator: Option<Authenticator>,
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    pub(in crate::config) login: Option<LoginParts>,
    #[cfg(feature = "otp")]
    pub(in crate::config) otp: Option<Otp>,
    #[cfg(feature = "otp")]
    pub(in crate::config) otp_guard: Option<OtpGuard>,
    #[cfg(feature = "otp")]
    pub(in crate::config) recovery_codes: Option<RecoveryCodes>,
    #[cfg(feature = "otp")]
    pub(in crate::config) second_factor: Option<SecondFactor>,
    #[cfg(feature = "oauth2")]
    pub(in crate::config) oauth2: BTreeMap<String, OAuth2>,
    pub(in crate::config) table: Option<RouteTable>,
}

impl Settings {
    /// Builds all sections.
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        change: Option<&Change>,
    ) -> Result<Parts, Problem> {
        let stores = Stores::build(&self.stores, &spot.key("stores"))?;
        let rings = Rings::build(&self.key_rings, &spot.key("key_rings"), &stores)?;
        let lists = Lists::build(&self.lists, &spot.key("lists"), &stores)?;
        let mut parts = Parts {
            issuers: self.issuers(spot, &rings, &lists)?,
            verifiers: each(&self.verifiers, &spot.key("verifiers"), |settings, spot| {
                settings.build(spot, &rings, &lists)
            })?,
            #[cfg(feature = "client")]
            apps: each(&self.apps, &spot.key("apps"), |settings, spot| {
                settings.build(spot, &lists)
            })?,
            ..Parts::default()
        };
        if let Some(refresh) = &self.refresh_tokens {
            parts.refresh = Some(refresh.build(&spot.key("refresh_tokens"), &stores)?);
        }
        if let Some(sessions) = &self.sessions {
            parts.sessions = Some(sessions.build(&spot.key("sessions"), &stores)?);
        }
        (parts.stores, parts.rings, parts.lists) = (stores, rings, lists);
        let place = spot.key("authenticator");
        parts.authenticator =
            AuthenticatorSettings::build(self.authenticator.as_ref(), &place, &parts, change)?;
        #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
        if let Some(login) = &self.login {
            parts.login = Some(login.build(&spot.key("login"), &parts)?);
        }
        #[cfg(feature = "otp")]
        self.one_time_passwords(spot, &mut parts)?;
        #[cfg(feature = "oauth2")]
        for (name, settings) in &self.oauth2 {
            let client = settings.build(name, &spot.key("oauth2").key(name), &parts)?;
            parts.oauth2.insert(name.clone(), client);
        }
        let guards = GuardSettings {
            guards: &self.guards,
            unmatched: self.unmatched,
            keep_encoded_slashes: self.keep_encoded_slashes,
        };
        parts.table = guards.build(spot)?;
        Ok(parts)
    }

    #[cfg(feature = "otp")]
    fn one_time_passwords(&self, spot: &Spot<'_>, parts: &mut Parts) -> Result<(), Problem> {
        if let Some(otp) = &self.otp {
            parts.otp = Some(otp.build(&spot.key("otp"))?);
        }
        if let Some(guard) = &self.otp_guard {
            parts.otp_guard = Some(guard.build(&spot.key("otp_guard"), &parts.stores)?);
        }
        if let Some(codes) = &self.recovery_codes {
            let codes = codes.build(&spot.key("recovery_codes"), &parts.stores)?;
            parts.recovery_codes = Some(codes);
        }
        if let Some(factor) = &self.second_factor {
            let place = spot.key("second_factor");
            let factor = factor.build(&place, &parts.stores, parts.otp.as_ref())?;
            parts.second_factor = Some(factor);
        }
        Ok(())
    }

    fn issuers(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
    ) -> Result<BTreeMap<String, Issuer>, Problem> {
        let build = |settings: &IssuerSettings, spot: &Spot<'_>| settings.build(spot, rings, lists);
        let mut issuers = each(&self.issuers, &spot.key("issuers"), build)?;
        if let Some(jwt) = &self.jwt {
            let jwt = build(jwt, &spot.key(JWT))?;
            if issuers.insert(JWT.to_owned(), jwt).is_some() {
                let place = spot.key("issuers").key(JWT);
                return Err(place.wrong("the section 'jwt' has this name: choose another"));
            }
        }
        Ok(issuers)
    }
}

/// Builds each named entry of a section.
fn each<S, T>(
    settings: &BTreeMap<String, S>,
    spot: &Spot<'_>,
    build: impl Fn(&S, &Spot<'_>) -> Result<T, Problem>,
) -> Result<BTreeMap<String, T>, Problem> {
    let built = settings.iter().map(|(name, settings)| {
        let built = build(settings, &spot.key(name))?;
        Ok((name.clone(), built))
    });
    built.collect()
}

impl Parts {
    /// Returns whether an authenticator has anything to verify credentials with.
    pub(super) fn can_verify(&self) -> bool {
        #[cfg(feature = "client")]
        let apps = !self.apps.is_empty();
        #[cfg(not(feature = "client"))]
        let apps = false;
        let sessions = self.sessions.is_some();
        apps || sessions || !self.issuers.is_empty() || !self.verifiers.is_empty()
    }

    /// Returns the only app; none or several are an error.
    #[cfg(feature = "client")]
    pub(in crate::config) fn only_app(&self) -> Result<&App, Error> {
        let mut apps = self.apps.values();
        match (apps.next(), apps.next()) {
            (Some(app), None) => Ok(app),
            (None, _) => Err(not_configured("app", "apps.NAME")),
            _ => {
                let names: Vec<&str> = self.apps.keys().map(String::as_str).collect();
                Err(Error::configuration(format!(
                    "the configuration has several apps: name one of {}",
                    names.join(", ")
                )))
            }
        }
    }
}

/// Returns the error for a section that the file does not configure.
pub(in crate::config) fn not_configured(what: &str, section: &str) -> Error {
    Error::configuration(format!("the configuration has no {what}: add the section '{section}'"))
}
