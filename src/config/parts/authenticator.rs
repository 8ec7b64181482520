//! Settings of the authenticator.

use super::claim_paths::ClaimPathSettings;
use super::cookies::{LoginCookieSettings, SessionCookieSettings};
use super::location::Spot;
use super::scalars::Texts;
use super::settings::Parts;
use crate::authenticator::builder::AuthenticatorOptions;
use crate::authenticator::{Authenticator, AuthenticatorBuilder, CredentialSource};
use crate::config::document::{Problem, Section};
use std::collections::BTreeMap;

settings! {
    /// Accepted credentials, where requests carry them, and how they are rejected.
    /// Without this section, an authenticator accepts everything that the file can verify.
    #[derive(Default)]
    pub(in crate::config) struct AuthenticatorSettings {
        /// Names of the apps whose ID tokens are accepted. Default: all.
        #[cfg(feature = "client")]
        apps: Option<Texts>,
        /// Names of the verifiers whose tokens are accepted. Default: all.
        verifiers: Option<Texts>,
        /// Names of the issuers whose tokens are accepted; `jwt` is the section `jwt`. Default: all.
        issuers: Option<Texts>,
        /// Whether the file's sessions are accepted. Default: true.
        sessions: Option<bool>,
        /// Names of deny lists that apply to the tokens of all verifiers.
        #[serde(default)]
        deny_lists: Texts,
        /// Places of credentials, in order. Default: the bearer header, then the login cookies.
        #[serde(default)]
        sources: Vec<SourceSettings>,
        /// Accepts the ID token that a browser login stored in cookies.
        login_cookies: Option<LoginCookieSettings>,
        /// The session cookie.
        session_cookie: Option<SessionCookieSettings>,
        /// Where policies find scopes, roles and similar values in the claims.
        claim_paths: Option<ClaimPathSettings>,
        /// Name of the store that tells other processes to drop cached claims.
        enrichment_store: Option<String>,
        /// Name of the app that renews ID tokens in cookies and sessions. Default: no renewal.
        #[cfg(feature = "client")]
        silent_refresh: Option<String>,
        /// How long a JAM login's session continues while JAM is unreachable. Default: 1 hour.
        #[cfg(feature = "client")]
        outage_grace: Option<crate::core::settings::Time>,
    }

    /// A place where a credential may be.
    enum SourceSettings {
        /// `Authorization: Bearer …`.
        Bearer,
        /// The whole value of this header.
        Header(String),
        /// The cookie with this name.
        Cookie(String),
        /// The query parameter with this name.
        Query(String),
        /// The session cookie.
        Session,
    }
}

/// The section of the authenticator.
pub(in crate::config) type AuthenticatorSection =
    Section<AuthenticatorOptions, AuthenticatorSettings>;

impl AuthenticatorSection {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        parts: &Parts,
        change: Option<&Change>,
    ) -> Result<Authenticator, Problem> {
        let Self(options, settings) = self;
        let mut auth = Authenticator::builder().clock(spot.world.clock.clone());
        auth.options = options.clone();
        auth = settings.verifiers(auth, spot, parts)?;
        auth = settings.credentials(auth, spot, parts)?;
        if let Some(change) = change {
            auth = change(auth);
        }
        auth.build().map_err(|error| spot.refused(error))
    }
}

impl AuthenticatorSettings {
    fn verifiers(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        #[cfg(feature = "client")]
        for app in chosen("app", &self.apps, &parts.apps, "apps", spot)? {
            auth = auth.jam(app.app.clone());
        }
        for verifier in chosen("verifier", &self.verifiers, &parts.verifiers, "verifiers", spot)? {
            auth = auth.verifier(verifier.clone());
        }
        for issuer in chosen("issuer", &self.issuers, &parts.issuers, "issuers", spot)? {
            auth = auth.verifier(issuer.verifier());
        }
        match (&parts.sessions, self.sessions) {
            (Some(sessions), None | Some(true)) => auth = auth.sessions(sessions.clone()),
            (None, Some(true)) => {
                let message = "the file configures no sessions: add the section 'sessions'";
                return Err(spot.key("sessions").wrong(message));
            }
            _ => {}
        }
        for list in spot.lists("deny_lists", &self.deny_lists.0, &parts.lists)? {
            auth = auth.deny_list(list);
        }
        Ok(auth)
    }

    fn credentials(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        auth = auth.sources(self.sources.iter().map(SourceSettings::build));
        if let Some(cookies) = &self.login_cookies {
            auth = auth.cookies(cookies.build());
        }
        if let Some(cookie) = &self.session_cookie {
            auth = auth.session_cookie(cookie.build());
        }
        if let Some(paths) = &self.claim_paths {
            auth = auth.claim_paths(paths.build());
        }
        if let Some(store) = &self.enrichment_store {
            let store = spot.named("enrichment_store", "store", store, &parts.stores)?;
            auth = auth.enrichment_store(store.clone());
        }
        #[cfg(feature = "client")]
        {
            use super::scalars::Given;
            use crate::core::settings::Time;
            if let Some(name) = &self.silent_refresh {
                let app = spot.named("silent_refresh", "app", name, &parts.apps)?;
                auth = auth.silent_refresh(app.client.clone());
            }
            auth = auth.given(&self.outage_grace, |auth, Time(grace)| auth.outage_grace(grace));
        }
        Ok(auth)
    }
}

/// A hook of the program that changes the file's authenticator.
pub(in crate::config) type Change =
    dyn Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync;

/// Returns the entries that a key names, or all without the key.
fn chosen<'p, T>(
    what: &str,
    names: &Option<Texts>,
    all: &'p BTreeMap<String, T>,
    key: &str,
    spot: &Spot<'_>,
) -> Result<Vec<&'p T>, Problem> {
    match names {
        Some(Texts(names)) => names.iter().map(|name| spot.named(key, what, name, all)).collect(),
        None => Ok(all.values().collect()),
    }
}

impl SourceSettings {
    fn build(&self) -> CredentialSource {
        match self {
            Self::Bearer => CredentialSource::bearer(),
            Self::Header(name) => CredentialSource::header(name),
            Self::Cookie(name) => CredentialSource::cookie(name),
            Self::Query(name) => CredentialSource::query(name),
            Self::Session => CredentialSource::session(),
        }
    }
}
