//! Settings of the authenticator.

use super::authenticator_apps;
use super::claim_paths::ClaimPathSettings;
use super::cookies::{LoginCookieSettings, SessionCookieSettings};
use super::feature::AddTo;
use super::location::Spot;
use super::parts::Parts;
use super::scalars::Texts;
use crate::authenticator::builder::AuthenticatorOptions;
use crate::authenticator::{Authenticator, AuthenticatorBuilder, CredentialSource};
use crate::config::document::{Problem, Section};

settings! {
    /// Accepted credentials, where requests carry them, and how they are rejected.
    /// Without this section, an authenticator accepts everything that the file can verify.
    #[derive(Default)]
    pub(in crate::config) struct AuthenticatorSettings {
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
    Section<AuthenticatorOptions, Section<authenticator_apps::Keys, AuthenticatorSettings>>;

impl AuthenticatorSection {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<Authenticator, Problem> {
        let Self(options, Section(apps, settings)) = self;
        let mut auth = Authenticator::builder().clock(spot.clock());
        auth.options = options.clone();
        auth = apps.add_to(auth, &parts.apps, spot)?;
        auth = settings.add_to(auth, spot, parts)?;
        if let Some(change) = &spot.world.change {
            auth = change(auth);
        }
        spot.built(auth.build())
    }
}

impl AuthenticatorSettings {
    fn add_to(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        for verifier in spot.chosen("verifiers", "verifier", &self.verifiers, &parts.verifiers)? {
            auth = auth.verifier(verifier);
        }
        for issuer in spot.chosen("issuers", "issuer", &self.issuers, &parts.issuers)? {
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
        let (key, name) = ("enrichment_store", &self.enrichment_store);
        if let Some(store) = spot.if_named(key, "store", name, &parts.stores)? {
            auth = auth.enrichment_store(store);
        }
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
        Ok(auth)
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
