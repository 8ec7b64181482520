//! Settings of the authenticator, its cookies and its claim paths.

use super::apps;
use super::claim_paths::ClaimPathSettings;
use super::dpop::DpopSection;
use super::feature::AddTo;
use super::location::Spot;
use super::registry::Parts;
use super::scalars::{Given, Texts};
use super::verifiers::VerifierSection;
use crate::authenticator::{
    Authenticator, AuthenticatorBuilder, CredentialSource, LoginCookies, SessionCookie,
    builder::AuthenticatorOptions,
    certificates::CertificateSourceKind,
    cookies::{Attributes, LoginCookieNames},
    session_cookie::SessionCookieOptions,
    sources::SourceKind,
};
use crate::config::document::{Problem, Section};
use crate::policy::ClaimPaths;
use crate::token::pool::{VerificationPool, builder::VerificationPoolOptions};
use std::collections::BTreeMap;

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
        /// Places of credentials, in order. Default: the bearer header, or the header of each preset.
        /// The login cookies and the session cookie follow in any case.
        #[serde(default)]
        sources: Vec<SourceKind>,
        /// Accepts the ID token that a browser login stored in cookies.
        login_cookies: Option<Section<Attributes, LoginCookieNames>>,
        /// The session cookie.
        session_cookie: Option<Section<Attributes, SessionCookieOptions>>,
        /// Accepts tokens that are bound to a key, with a proof in each request (DPoP, RFC 9449).
        dpop: Option<DpopSection>,
        /// Accepts tokens that are bound to a TLS client certificate (RFC 8705), which is found here.
        client_certificates: Option<CertificateSourceKind>,
        /// Threads that check costly signatures. Default: those of all authenticators together.
        verification_pool: Option<VerificationPoolOptions>,
        /// Where policies find scopes, roles and similar values in the claims. Not for verifiers with
        /// a preset, which have a key `claim_paths` of their own.
        claim_paths: Option<ClaimPathSettings>,
        /// Name of the store that tells other processes to drop cached claims.
        enrichment_store: Option<String>,
    }
}

/// The section of the authenticator.
pub(in crate::config) type AuthenticatorSection =
    Section<AuthenticatorOptions, Section<apps::AuthenticatorKeys, AuthenticatorSettings>>;

impl AuthenticatorSection {
    pub(super) fn build(&self, spot: &Spot<'_>, parts: &Parts) -> Result<Authenticator, Problem> {
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

    /// Checks that `claim_paths` applies to the tokens of all verifiers.
    pub(super) fn check_claim_paths(
        &self,
        spot: &Spot<'_>,
        verifiers: &BTreeMap<String, VerifierSection>,
    ) -> Result<(), Problem> {
        let Self(_, Section(_, settings)) = self;
        let is_accepted = |name: &&String| match &settings.verifiers {
            Some(Texts(names)) => names.contains(name),
            None => true,
        };
        let with_preset = verifiers.iter().filter(|(_, section)| section.has_paths_of_preset());
        let mut names = with_preset.map(|(name, _)| name).filter(is_accepted);
        match (&settings.claim_paths, names.next()) {
            (Some(_), Some(name)) => Err(spot.key("claim_paths").wrong(format!(
                "it does not apply to the verifier '{name}', which has a preset: add 'claim_paths' \
                 to that verifier, empty to keep the paths of its preset"
            ))),
            _ => Ok(()),
        }
    }
}

impl AuthenticatorSettings {
    fn add_to(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        let verifiers = spot.chosen("verifiers", "verifier", &self.verifiers, &parts.verifiers)?;
        auth.accepted.extend(verifiers.into_iter().map(Ok));
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
        if let Some(dpop) = &self.dpop {
            auth = auth.dpop(dpop.build(&spot.key("dpop"), parts)?);
        }
        if let Some(options) = &self.verification_pool {
            let mut pool = VerificationPool::builder();
            pool.options = options.clone();
            auth = auth.verification_pool(spot.key("verification_pool").built(pool.build())?);
        }
        if let Some(source) = &self.client_certificates {
            auth = auth.client_certificates(source.clone().into());
        }
        let denied = spot.lists("deny_lists", &self.deny_lists.0, &parts.lists)?;
        auth = denied.into_iter().fold(auth, AuthenticatorBuilder::deny_list);
        let (key, name) = ("enrichment_store", &self.enrichment_store);
        let store = spot.if_named(key, "store", name, &parts.stores)?;
        auth = auth.given(&store, AuthenticatorBuilder::enrichment_store);
        if let Some(resource) = &parts.resource {
            auth = auth.protected_resource(resource);
        }
        Ok(auth
            .sources(self.sources.iter().cloned().map(CredentialSource::from))
            .given(&self.login_cookies, |auth, Section(attributes, names)| {
                let plain = attributes.danger_plain_http;
                let cookies = LoginCookies { names, attributes };
                auth.cookies(cookies.when(plain, LoginCookies::danger_plain_http))
            })
            .given(&self.session_cookie, |auth, Section(attributes, options)| {
                let plain = attributes.danger_plain_http;
                let cookie = SessionCookie { options, attributes };
                auth.session_cookie(cookie.when(plain, SessionCookie::danger_plain_http))
            })
            .given(&self.claim_paths, |auth, paths| {
                auth.claim_paths(paths.change(ClaimPaths::default()))
            }))
    }
}
