//! Settings of the authenticator.

#[cfg(feature = "client")]
use super::apps::App;
use super::location::Spot;
use super::scalars::{Texts, Time};
use super::settings::Parts;
use super::stores::unknown;
use crate::authenticator::SessionCookie;
use crate::authenticator::{Authenticator, AuthenticatorBuilder, CredentialSource, LoginCookies};
use crate::config::document::Problem;
use crate::policy::{ClaimPath, ClaimPaths};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Accepted credentials, where requests carry them, and how they are rejected.
/// Without this section, an authenticator accepts everything that the file can verify.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
    /// Realm of challenges, in printable ASCII. Default: `jamguard`.
    realm: Option<String>,
    /// Treats an invalid header or query credential as anonymous where login is optional.
    #[serde(default)]
    ignore_invalid_bearer: bool,
    /// Rejects an invalid cookie also where login is optional.
    #[serde(default)]
    refuse_invalid_cookies: bool,
    /// Other origins whose pages may send requests with cookie credentials.
    #[serde(default)]
    trusted_origins: Texts,
    /// Lets the pages of all sites send such requests: disables the check against CSRF.
    #[serde(default)]
    danger_accept_cross_site: bool,
    /// Where policies find scopes, roles and similar values in the claims.
    claim_paths: Option<ClaimPathSettings>,
    /// How long claims that the program adds to identities are cached. Default: 1 minute.
    enrichment_ttl: Option<Time>,
    /// Name of the store that tells other processes to drop cached claims.
    enrichment_store: Option<String>,
    /// Name of the app that renews ID tokens in cookies and sessions. Default: no renewal.
    #[cfg(feature = "client")]
    silent_refresh: Option<String>,
    /// How long a JAM login's session continues while JAM is unreachable. Default: 1 hour.
    #[cfg(feature = "client")]
    outage_grace: Option<Time>,
}

/// A place where a credential may be.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
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

/// The cookies of a browser login.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum SameSite {
    Lax,
    Strict,
    /// Requests from other sites carry the cookie too.
    DangerNone,
}

/// Where values are found in the claims.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Preset {
    Standard,
    Keycloak,
    Cognito,
}

/// The claim with the e-mail address, and the claim that says whether it is verified.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct EmailPaths {
    address: PathSettings,
    verified: PathSettings,
}

/// A claim: names separated by dots, or a list of names.
struct PathSettings(ClaimPath);

impl<'de> Deserialize<'de> for PathSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PathSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a claim such as \"realm_access.roles\", or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PathSettings, E> {
                Ok(PathSettings(ClaimPath::from(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PathSettings, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(PathSettings(ClaimPath::from(names)))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for PathSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClaimPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A claim: names separated by dots, or a list of names.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}}
            ]
        })
    }
}

impl AuthenticatorSettings {
    /// Returns `None` without the section if there is nothing to verify credentials with.
    pub(in crate::config) fn build(
        settings: Option<&Self>,
        spot: &Spot<'_>,
        parts: &Parts,
        change: Option<&Change>,
    ) -> Result<Option<Authenticator>, Problem> {
        let defaults = Self::default();
        if settings.is_none() && !parts.can_verify() {
            return Ok(None);
        }
        let settings = settings.unwrap_or(&defaults);
        let mut auth = settings.verifiers(Authenticator::builder(), spot, parts)?;
        auth = settings.answers(auth, spot, parts)?;
        #[cfg(feature = "client")]
        {
            auth = settings.renewal(auth, spot, parts)?;
        }
        auth = auth.clock(spot.world.clock.clone());
        if let Some(change) = change {
            auth = change(auth);
        }
        auth.build().map(Some).map_err(|error| spot.refused(error))
    }

    fn verifiers(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        #[cfg(feature = "client")]
        for App { app, .. } in chosen("app", &self.apps, &parts.apps, &spot.key("apps"))? {
            auth = auth.jam(app.clone());
        }
        let place = spot.key("verifiers");
        for verifier in chosen("verifier", &self.verifiers, &parts.verifiers, &place)? {
            auth = auth.verifier(verifier.clone());
        }
        let place = spot.key("issuers");
        for issuer in chosen("issuer", &self.issuers, &parts.issuers, &place)? {
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
        for list in parts.lists.named(&self.deny_lists.0, &spot.key("deny_lists"))? {
            auth = auth.deny_list(list);
        }
        Ok(auth)
    }

    fn answers(
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
        if let Some(realm) = &self.realm {
            auth = auth.realm(realm);
        }
        if self.ignore_invalid_bearer {
            auth = auth.ignore_invalid_bearer();
        }
        if self.refuse_invalid_cookies {
            auth = auth.refuse_invalid_cookies();
        }
        auth = auth.trusted_origins(&self.trusted_origins.0);
        if self.danger_accept_cross_site {
            auth = auth.danger_accept_cross_site();
        }
        if let Some(paths) = &self.claim_paths {
            auth = auth.claim_paths(paths.build());
        }
        if let Some(Time(ttl)) = self.enrichment_ttl {
            auth = auth.enrichment_ttl(ttl);
        }
        if let Some(store) = &self.enrichment_store {
            let store = parts.stores.named(store, &spot.key("enrichment_store"))?;
            auth = auth.enrichment_store(store);
        }
        Ok(auth)
    }

    #[cfg(feature = "client")]
    fn renewal(
        &self,
        mut auth: AuthenticatorBuilder,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<AuthenticatorBuilder, Problem> {
        if let Some(name) = &self.silent_refresh {
            let Some(App { client, .. }) = parts.apps.get(name) else {
                let place = spot.key("silent_refresh");
                return Err(unknown("app", name, parts.apps.keys(), &place));
            };
            auth = auth.silent_refresh(client.clone());
        }
        if let Some(Time(grace)) = self.outage_grace {
            auth = auth.outage_grace(grace);
        }
        Ok(auth)
    }
}

/// A hook of the program that changes the file's authenticator.
pub(in crate::config) type Change =
    dyn Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync;

/// Returns the named entries, or all without names.
fn chosen<'p, T>(
    what: &str,
    names: &Option<Texts>,
    all: &'p BTreeMap<String, T>,
    spot: &Spot<'_>,
) -> Result<Vec<&'p T>, Problem> {
    let Some(Texts(names)) = names else {
        return Ok(all.values().collect());
    };
    let find = |name: &String| {
        let found = all.get(name);
        found.ok_or_else(|| unknown(what, name, all.keys(), spot))
    };
    names.iter().map(find).collect()
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

impl LoginCookieSettings {
    fn build(&self) -> LoginCookies {
        let defaults = LoginCookies::new();
        let id = self.id_name.as_deref().unwrap_or(defaults.id_name());
        let refresh = self.refresh_name.as_deref().unwrap_or(defaults.refresh_name());
        let mut cookies = LoginCookies::new().with_names(id, refresh);
        if let Some(path) = &self.path {
            cookies = cookies.path(path);
        }
        if let Some(domain) = &self.domain {
            cookies = cookies.domain(domain);
        }
        if self.partitioned {
            cookies = cookies.partitioned();
        }
        match self.danger_plain_http {
            true => cookies.danger_plain_http(),
            false => cookies,
        }
    }
}

impl SessionCookieSettings {
    fn build(&self) -> SessionCookie {
        let mut cookie = SessionCookie::new();
        if let Some(name) = &self.name {
            cookie = cookie.with_name(name);
        }
        cookie = match self.same_site {
            None | Some(SameSite::Lax) => cookie,
            Some(SameSite::Strict) => cookie.same_site_strict(),
            Some(SameSite::DangerNone) => cookie.danger_same_site_none(),
        };
        if let Some(path) = &self.path {
            cookie = cookie.path(path);
        }
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain);
        }
        if self.partitioned {
            cookie = cookie.partitioned();
        }
        if self.until_the_browser_closes {
            cookie = cookie.until_the_browser_closes();
        }
        match self.danger_plain_http {
            true => cookie.danger_plain_http(),
            false => cookie,
        }
    }
}

impl ClaimPathSettings {
    fn build(&self) -> ClaimPaths {
        let mut paths = match self.preset {
            None | Some(Preset::Standard) => ClaimPaths::default(),
            Some(Preset::Keycloak) => ClaimPaths::keycloak(),
            Some(Preset::Cognito) => ClaimPaths::cognito(),
        };
        let each = |paths: &Vec<PathSettings>| -> Vec<ClaimPath> {
            paths.iter().map(|PathSettings(path)| path.clone()).collect()
        };
        if let Some(scopes) = &self.scopes {
            paths = paths.scopes(each(scopes));
        }
        if let Some(roles) = &self.roles {
            paths = paths.roles(each(roles));
        }
        if let Some(permissions) = &self.permissions {
            paths = paths.permissions(each(permissions));
        }
        if let Some(EmailPaths { address, verified }) = &self.email {
            paths = paths.email(address.0.clone(), verified.0.clone());
        }
        if let Some(verified) = &self.email_verified {
            paths = paths.email_verified(each(verified));
        }
        if let Some(Texts(values)) = &self.acr_values {
            paths = paths.acr_values(values);
        }
        paths
    }
}
