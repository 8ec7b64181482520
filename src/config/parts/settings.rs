//! The root of the settings, and everything built from it.

use super::authenticator::{AuthenticatorSection, Change};
use super::guards::GuardSettings;
use super::issuers::IssuerSection;
use super::key_rings::{RingSettings, Rings};
use super::lists::{ListSettings, Lists};
use super::location::Spot;
use super::refresh_tokens::{Refresh, RefreshSettings};
use super::sessions::SessionSettings;
use super::stores::{self, StoreSettings, Stores};
use super::verifiers::VerifierSettings;
use crate::authenticator::Authenticator;
use crate::config::document::{Problem, Section};
use crate::core::error::Error;
use crate::core::telemetry::Level;
use crate::policy::{RouteRule, RouteTable, Unmatched};
use crate::session::{Sessions, builder::SessionOptions};
use crate::token::builder::VerifierOptions;
use crate::token::issuer::Issuer;
use crate::token::list::builder::ListOptions;
use crate::token::refresh::builder::RefreshOptions;
use crate::token::ring::builder::RingOptions;
use crate::token::verifier::Verifier;
use std::collections::BTreeMap;

/// The name of the issuer of the section `jwt` among all issuers.
pub(in crate::config) const JWT: &str = "jwt";

settings! {
    /// The settings of jamguard, named like the methods of its builders.
    #[cfg_attr(test, schemars(title = "jamguard"))]
    pub(in crate::config) struct Settings {
        /// Most verbose level of jamguard's log events, for the whole process. Default: `debug`.
        pub(in crate::config) log_level: Option<LogLevel>,
        /// Stores by name. Other sections refer to these names.
        #[serde(default)]
        stores: BTreeMap<String, StoreSettings>,
        /// Key rings by name.
        #[serde(default)]
        key_rings: BTreeMap<String, Section<RingOptions, RingSettings>>,
        /// Deny and allow lists by name.
        #[serde(default)]
        lists: BTreeMap<String, Section<ListOptions, ListSettings>>,
        /// The issuer of this application's own tokens.
        jwt: Option<IssuerSection>,
        /// Additional issuers by name.
        #[serde(default)]
        issuers: BTreeMap<String, IssuerSection>,
        /// Refresh tokens.
        refresh_tokens: Option<Section<RefreshOptions, RefreshSettings>>,
        /// Verifiers of other issuers' tokens, by name.
        #[serde(default)]
        verifiers: BTreeMap<String, Section<VerifierOptions, VerifierSettings>>,
        /// JustAuthenticateMe apps, by a name of your choice.
        #[cfg(feature = "client")]
        #[serde(default)]
        apps: BTreeMap<String, super::apps::AppSettings>,
        /// Server-side sessions.
        sessions: Option<Section<SessionOptions, SessionSettings>>,
        /// How requests are authenticated.
        authenticator: Option<AuthenticatorSection>,
        /// Handlers of the browser login by magic link.
        #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
        login: Option<super::login::LoginSettings>,
        /// Form of one-time passwords.
        #[cfg(feature = "otp")]
        pub(super) otp: Option<crate::otp::settings::OtpOptions>,
        /// Replay protection and lockout, for applications that store the OTP secrets themselves.
        #[cfg(feature = "otp")]
        pub(super) otp_guard: Option<super::otp::OtpGuardSection>,
        /// Recovery codes, for applications that store the OTP secrets themselves.
        #[cfg(feature = "otp")]
        pub(super) recovery_codes: Option<super::otp::RecoverySection>,
        /// The users' second factor.
        #[cfg(feature = "otp")]
        pub(super) second_factor: Option<super::otp::SecondFactorSection>,
        /// OAuth2 clients, by a name of your choice. Built in: `github`, `gitlab`, `google`, `yandex`.
        #[cfg(feature = "oauth2")]
        #[serde(default)]
        oauth2: BTreeMap<String, super::oauth2::OAuth2Section>,
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
    #[derive(Copy)]
    pub(in crate::config) enum LogLevel {
        Off,
        Error,
        Warn,
        Info,
        Debug,
    }
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
    pub(in crate::config) apps: BTreeMap<String, super::apps::App>,
    pub(in crate::config) sessions: Option<Sessions>,
    pub(in crate::config) authenticator: Option<Authenticator>,
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    pub(in crate::config) login: Option<super::login::LoginParts>,
    #[cfg(feature = "otp")]
    pub(in crate::config) otp: super::otp::OtpParts,
    #[cfg(feature = "oauth2")]
    pub(in crate::config) oauth2: BTreeMap<String, super::oauth2::OAuth2>,
    pub(in crate::config) table: Option<RouteTable>,
}

impl Settings {
    /// Builds all sections.
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        change: Option<&Change>,
    ) -> Result<Parts, Problem> {
        let stores = stores::build(&self.stores, &spot.key("stores"))?;
        let rings = each(&self.key_rings, &spot.key("key_rings"), |settings, name, spot| {
            settings.build(name, spot, &stores)
        })?;
        let lists = each(&self.lists, &spot.key("lists"), |settings, name, spot| {
            settings.build(name, spot, &stores)
        })?;
        let mut parts = Parts {
            issuers: self.issuers(spot, &rings, &lists)?,
            verifiers: each(&self.verifiers, &spot.key("verifiers"), |settings, _, spot| {
                settings.build(spot, &rings, &lists)
            })?,
            #[cfg(feature = "client")]
            apps: each(&self.apps, &spot.key("apps"), |settings, _, spot| {
                settings.build(spot, &lists)
            })?,
            stores,
            rings,
            lists,
            ..Parts::default()
        };
        if let Some(refresh) = &self.refresh_tokens {
            parts.refresh = Some(refresh.build(&spot.key("refresh_tokens"), &parts.stores)?);
        }
        if let Some(sessions) = &self.sessions {
            parts.sessions = Some(sessions.build(&spot.key("sessions"), &parts.stores)?);
        }
        if self.authenticator.is_some() || parts.can_verify() {
            let settings = self.authenticator.clone().unwrap_or_default();
            let auth = settings.build(&spot.key("authenticator"), &parts, change)?;
            parts.authenticator = Some(auth);
        }
        #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
        if let Some(login) = &self.login {
            parts.login = Some(login.build(&spot.key("login"), &parts)?);
        }
        #[cfg(feature = "otp")]
        {
            parts.otp = super::otp::OtpParts::build(self, spot, &parts.stores)?;
        }
        #[cfg(feature = "oauth2")]
        {
            parts.oauth2 = each(&self.oauth2, &spot.key("oauth2"), |settings, name, spot| {
                settings.build(name, spot, &parts)
            })?;
        }
        let guards = GuardSettings {
            guards: &self.guards,
            unmatched: self.unmatched,
            keep_encoded_slashes: self.keep_encoded_slashes,
        };
        parts.table = guards.build(spot)?;
        Ok(parts)
    }

    fn issuers(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
    ) -> Result<BTreeMap<String, Issuer>, Problem> {
        let mut issuers = each(&self.issuers, &spot.key("issuers"), |settings, _, spot| {
            settings.build(spot, rings, lists)
        })?;
        if let Some(jwt) = &self.jwt {
            let jwt = jwt.build(&spot.key(JWT), rings, lists)?;
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
    build: impl Fn(&S, &str, &Spot<'_>) -> Result<T, Problem>,
) -> Result<BTreeMap<String, T>, Problem> {
    let built = settings.iter().map(|(name, settings)| {
        let built = build(settings, name, &spot.key(name))?;
        Ok((name.clone(), built))
    });
    built.collect()
}

impl Parts {
    /// Returns whether an authenticator has anything to verify credentials with.
    pub(super) fn can_verify(&self) -> bool {
        #[cfg(feature = "client")]
        if !self.apps.is_empty() {
            return true;
        }
        self.sessions.is_some() || !self.issuers.is_empty() || !self.verifiers.is_empty()
    }
}

/// Returns the error for a section that the file does not configure.
pub(in crate::config) fn not_configured(what: &str, section: &str) -> Error {
    Error::configuration(format!("the configuration has no {what}: add the section '{section}'"))
}
