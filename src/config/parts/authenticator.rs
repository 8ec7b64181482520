//! Settings of the authenticator, its cookies and its claim paths.

use super::apps;
use super::dpop::DpopSection;
use super::feature::AddTo;
use super::location::Spot;
use super::registry::Parts;
use super::scalars::{Given, Texts};
use crate::authenticator::{
    Authenticator, AuthenticatorBuilder, CredentialSource, LoginCookies, SessionCookie,
    builder::AuthenticatorOptions, certificates::CertificateSourceKind, sources::SourceKind,
};
use crate::config::document::{Problem, Section};
use crate::policy::{ClaimPath, ClaimPaths};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::{collections::BTreeMap, fmt};

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
        sources: Vec<SourceKind>,
        /// Accepts the ID token that a browser login stored in cookies.
        login_cookies: Option<LoginCookieSettings>,
        /// The session cookie.
        session_cookie: Option<SessionCookieSettings>,
        /// Accepts tokens that are bound to a key, with a proof in each request (DPoP, RFC 9449).
        dpop: Option<DpopSection>,
        /// Accepts tokens that are bound to a TLS client certificate (RFC 8705), which is found here.
        client_certificates: Option<CertificateSourceKind>,
        /// Where policies find scopes, roles and similar values in the claims.
        claim_paths: Option<ClaimPathSettings>,
        /// Name of the store that tells other processes to drop cached claims.
        enrichment_store: Option<String>,
    }

    /// The cookies of a browser login.
    struct LoginCookieSettings {
        /// Name of the ID token's cookie. Default: `__Host-jam_id`.
        id_name: Option<String>,
        /// Name of the refresh token's cookie. Default: `__Host-jam_refresh`.
        refresh_name: Option<String>,
        /// `Path` of the cookies. Default: `/`.
        path: Option<String>,
        /// `Domain` of the cookies. Default: this host alone.
        domain: Option<String>,
        /// Sets `Partitioned`: in a frame, the cookies belong to the page around it.
        #[serde(default)]
        partitioned: bool,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        #[serde(default)]
        danger_plain_http: bool,
    }

    /// The session cookie.
    struct SessionCookieSettings {
        /// Name of the cookie. Default: `__Host-jam_session`.
        name: Option<String>,
        /// `SameSite` of the cookie. Default: `lax`.
        same_site: Option<SameSite>,
        /// `Path` of the cookie. Default: `/`.
        path: Option<String>,
        /// `Domain` of the cookie. Default: this host alone.
        domain: Option<String>,
        /// Sets `Partitioned`: in a frame, the cookie belongs to the page around it.
        #[serde(default)]
        partitioned: bool,
        /// Omits `Max-Age`: the browser deletes the cookie when it is closed.
        #[serde(default)]
        until_the_browser_closes: bool,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        #[serde(default)]
        danger_plain_http: bool,
    }

    enum SameSite {
        Lax,
        Strict,
        /// Requests from other sites carry the cookie too.
        DangerNone,
    }

    /// Where values are found in the claims.
    struct ClaimPathSettings {
        /// Preset that the other keys override. Default: `standard`.
        preset: Option<Preset>,
        scopes: Option<Vec<PathSettings>>,
        roles: Option<Vec<PathSettings>>,
        permissions: Option<Vec<PathSettings>>,
        email: Option<EmailPaths>,
        /// Claims that say whether the e-mail address is verified.
        email_verified: Option<Vec<PathSettings>>,
        /// Values of `acr` that mean two factors.
        acr_values: Option<Texts>,
        /// Broader scopes, each with the narrower ones that it implies.
        #[serde(default)]
        scope_implies: BTreeMap<String, Texts>,
    }

    enum Preset {
        Standard,
        Keycloak,
        Cognito,
    }

    /// The claim with the e-mail address, and the claim that says whether it is verified.
    struct EmailPaths {
        address: PathSettings,
        verified: PathSettings,
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
            .given(&self.login_cookies, |auth, cookies| auth.cookies(cookies.build()))
            .given(&self.session_cookie, |auth, cookie| auth.session_cookie(cookie.build()))
            .given(&self.claim_paths, |auth, paths| auth.claim_paths(paths.build())))
    }
}

impl LoginCookieSettings {
    fn build(&self) -> LoginCookies {
        let defaults = LoginCookies::new();
        let id = self.id_name.as_deref().unwrap_or(defaults.id_name());
        let refresh = self.refresh_name.as_deref().unwrap_or(defaults.refresh_name());
        LoginCookies::new()
            .with_names(id, refresh)
            .given(&self.path, LoginCookies::path)
            .given(&self.domain, LoginCookies::domain)
            .when(self.partitioned, LoginCookies::partitioned)
            .when(self.danger_plain_http, LoginCookies::danger_plain_http)
    }
}

impl SessionCookieSettings {
    fn build(&self) -> SessionCookie {
        let same_site = |cookie: SessionCookie, choice| match choice {
            SameSite::Lax => cookie,
            SameSite::Strict => cookie.same_site_strict(),
            SameSite::DangerNone => cookie.danger_same_site_none(),
        };
        SessionCookie::new()
            .given(&self.name, SessionCookie::with_name)
            .given(&self.same_site, same_site)
            .given(&self.path, SessionCookie::path)
            .given(&self.domain, SessionCookie::domain)
            .when(self.partitioned, SessionCookie::partitioned)
            .when(self.until_the_browser_closes, SessionCookie::until_the_browser_closes)
            .when(self.danger_plain_http, SessionCookie::danger_plain_http)
    }
}

/// A claim: names separated by dots, or a list of names.
#[derive(Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ClaimPath", untagged))]
enum PathSettings {
    Dotted(String),
    Names(Vec<String>),
}

impl From<PathSettings> for ClaimPath {
    fn from(path: PathSettings) -> Self {
        match path {
            PathSettings::Dotted(dotted) => Self::from(dotted),
            PathSettings::Names(names) => Self::from(names),
        }
    }
}

// The errors of a derived implementation name neither the found type nor the place in the list.
impl<'de> Deserialize<'de> for PathSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PathSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a claim such as \"realm_access.roles\", or a list of names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PathSettings, E> {
                Ok(PathSettings::Dotted(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<PathSettings, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(PathSettings::Names)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl ClaimPathSettings {
    fn build(&self) -> ClaimPaths {
        let preset = match &self.preset {
            None | Some(Preset::Standard) => ClaimPaths::default(),
            Some(Preset::Keycloak) => ClaimPaths::keycloak(),
            Some(Preset::Cognito) => ClaimPaths::cognito(),
        };
        let paths = preset
            .given(&self.scopes, ClaimPaths::scopes)
            .given(&self.roles, ClaimPaths::roles)
            .given(&self.permissions, ClaimPaths::permissions)
            .given(&self.email, |paths, email| paths.email(email.address, email.verified))
            .given(&self.email_verified, ClaimPaths::email_verified)
            .given(&self.acr_values, |paths, Texts(values)| paths.acr_values(values));
        let hierarchy = self.scope_implies.iter();
        hierarchy.fold(paths, |paths, (scope, narrower)| paths.scope_implies(scope, &narrower.0))
    }
}
