//! The root of the settings, and everything built from it.

use super::authenticator::AuthenticatorSection;
use super::feature::{Build, BuiltOf};
use super::issuers::IssuerSection;
use super::key_rings::RingSection;
use super::lists::ListSection;
use super::location::Spot;
use super::protected_resource::ProtectedResourceSection;
use super::refresh_tokens::{Refresh, RefreshSection};
use super::registry::{JWT, Parts};
use super::sessions::SessionSection;
use super::stores::{self, StoreSection};
use super::verifiers::VerifierSection;
use super::{apps, login, oauth2, otp};
use crate::config::document::{Problem, Section};
use crate::core::telemetry::Level;
use crate::policy::{RouteRule, RouteTable, Unmatched};
use crate::token::issuer::Issuer;
use std::collections::BTreeMap;

settings! {
    /// The settings of jamguard, named like the methods of its builders.
    #[cfg_attr(test, schemars(title = "jamguard"))]
    pub(in crate::config) struct Settings {
        /// Most verbose level of jamguard's log events, for the whole process. Default: `debug`.
        pub(in crate::config) log_level: Option<Level>,
        /// Stores by name. Other sections refer to these names.
        #[serde(default)]
        stores: BTreeMap<String, StoreSection>,
        /// Key rings by name.
        #[serde(default)]
        key_rings: BTreeMap<String, RingSection>,
        /// Deny and allow lists by name.
        #[serde(default)]
        lists: BTreeMap<String, ListSection>,
        /// The issuer of this application's own tokens.
        jwt: Option<IssuerSection>,
        /// Additional issuers by name.
        #[serde(default)]
        issuers: BTreeMap<String, IssuerSection>,
        /// Refresh tokens.
        refresh_tokens: Option<RefreshSection>,
        /// Verifiers of other issuers' tokens, by name.
        #[serde(default)]
        verifiers: BTreeMap<String, VerifierSection>,
        /// The application as a protected resource that clients find by its metadata (RFC 9728).
        protected_resource: Option<ProtectedResourceSection>,
        /// Server-side sessions.
        sessions: Option<SessionSection>,
        /// How requests are authenticated.
        authenticator: Option<AuthenticatorSection>,
        /// Access rules by route.
        #[serde(default)]
        guards: Vec<RouteRule>,
        /// Handling of requests whose path no guard matches. Required with `guards`.
        unmatched: Option<Unmatched>,
        /// Accepts paths with an encoded slash (`%2F`), which are otherwise rejected with 400.
        #[serde(default)]
        keep_encoded_slashes: bool,
    }
}

/// The settings with the sections of all features.
pub(in crate::config) type AllSettings =
    Section<apps::Keys, Section<login::Keys, Section<otp::Keys, Section<oauth2::Keys, Settings>>>>;

/// Everything built from a file.
pub(in crate::config) struct Built {
    pub(in crate::config) parts: Parts,
    pub(in crate::config) refresh: Option<Refresh>,
    pub(in crate::config) login: BuiltOf<login::Keys>,
    pub(in crate::config) otp: BuiltOf<otp::Keys>,
    pub(in crate::config) oauth2: BuiltOf<oauth2::Keys>,
    pub(in crate::config) table: Option<RouteTable>,
    pub(in crate::config) log_level: Option<Level>,
}

impl AllSettings {
    /// Builds all sections.
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<Built, Problem> {
        let Section(apps, Section(login, Section(otp, Section(oauth2, settings)))) = self;
        let mut parts = settings.credentials(spot)?;
        parts.apps = apps.build(&parts.lists, spot)?;
        let refresh = settings.refresh_tokens.as_ref().map(|refresh| {
            let spot = spot.key("refresh_tokens");
            refresh.build(&spot, &parts.stores)
        });
        let refresh = refresh.transpose()?;
        if let Some(sessions) = &settings.sessions {
            parts.sessions = Some(sessions.build(&spot.key("sessions"), &parts.stores)?);
        }
        if settings.authenticator.is_some() || parts.can_verify() {
            let authenticator = settings.authenticator.clone().unwrap_or_default();
            let spot = spot.key("authenticator");
            authenticator.check_claim_paths(&spot, &settings.verifiers)?;
            parts.authenticator = Some(authenticator.build(&spot, &parts)?);
        }
        Ok(Built {
            refresh,
            login: login.build(&parts, spot)?,
            otp: otp.build(&parts.stores, spot)?,
            oauth2: oauth2.build(&parts, spot)?,
            table: settings.table(spot)?,
            log_level: settings.log_level,
            parts,
        })
    }
}

impl Settings {
    /// Builds the stores, and what issues, verifies and lists tokens.
    fn credentials(&self, spot: &Spot<'_>) -> Result<Parts, Problem> {
        let stores = stores::build(&self.stores, &spot.key("stores"))?;
        let rings = spot.each("key_rings", &self.key_rings, |settings, name, spot| {
            settings.build(name, spot, &stores)
        })?;
        let lists = spot.each("lists", &self.lists, |settings, name, spot| {
            settings.build(name, spot, &stores)
        })?;
        let build_issuer = |settings: &IssuerSection, spot: &Spot<'_>| -> Result<Issuer, Problem> {
            settings.build(spot, &rings, &lists)
        };
        let mut issuers =
            spot.each("issuers", &self.issuers, |settings, _, spot| build_issuer(settings, spot))?;
        if let Some(jwt) = &self.jwt {
            let jwt = build_issuer(jwt, &spot.key(JWT))?;
            if issuers.insert(JWT.to_owned(), jwt).is_some() {
                let place = spot.key("issuers").key(JWT);
                return Err(place.wrong("the section 'jwt' has this name: choose another"));
            }
        }
        let resource = self.protected_resource.as_ref();
        let resource = resource.map(|settings| settings.build(&spot.key("protected_resource")));
        let resource = resource.transpose()?;
        let verifiers = spot.each("verifiers", &self.verifiers, |settings, _, spot| {
            settings.build(spot, &rings, &lists, resource.as_ref())
        })?;
        Ok(Parts { stores, rings, lists, issuers, verifiers, resource, ..Parts::default() })
    }

    /// Builds the route table; without settings of routes there is none.
    fn table(&self, spot: &Spot<'_>) -> Result<Option<RouteTable>, Problem> {
        let place = spot.key("guards");
        let unmatched = match (self.unmatched, self.guards.is_empty()) {
            (Some(unmatched), _) => unmatched,
            (None, true) if self.keep_encoded_slashes => {
                return Err(spot
                    .key("keep_encoded_slashes")
                    .wrong("there are no 'guards' that it applies to: add them, or leave it out"));
            }
            (None, true) => return Ok(None),
            (None, false) => {
                return Err(place.wrong(
                    "'guards' without 'unmatched': set it to \"deny\" or \"allow\", for requests \
                     whose path no guard matches",
                ));
            }
        };
        let mut table = RouteTable::builder(unmatched);
        for (at, rule) in self.guards.iter().enumerate() {
            let with_rule = table.rules([rule.clone()], &spot.world.policies);
            table = place.index(at).built(with_rule)?;
        }
        if self.keep_encoded_slashes {
            table = table.keep_encoded_slashes();
        }
        place.built(table.build()).map(Some)
    }
}
