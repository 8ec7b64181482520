//! Settings of OAuth2 clients.

use super::location::Spot;
use super::scalars::{Alg, Algs, Hidden, Texts, Time};
use super::settings::Parts;
#[cfg(any(feature = "tower", feature = "actix"))]
use super::stores::unknown;
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::authenticator::Authenticator;
use crate::config::document::Problem;
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::login::{OAuth2Login, OAuth2LoginBuilder, OAuth2User, Redirect};
use crate::oauth2::{OAuth2Client, Provider, SecretIn, TokenSource};
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::store::Store;
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::token::{issuer::Issuer, verifier::Verifier};
use serde::Deserialize;
use std::collections::BTreeMap;
#[cfg(any(feature = "tower", feature = "actix"))]
use std::sync::Arc;

/// A client of an OAuth2 provider.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OAuth2Settings {
    /// Built-in provider. Default: the one named like this section, if neither `discover` nor
    /// `authorize_url` is given.
    provider: Option<BuiltIn>,
    /// Issuer of another provider, whose discovery document lists the endpoints.
    discover: Option<String>,
    /// Authorization endpoint of another provider. Requires `token_url`.
    authorize_url: Option<String>,
    /// Token endpoint of another provider. Requires `authorize_url`.
    token_url: Option<String>,
    /// The provider's issuer. A callback with another `iss` is rejected.
    issuer: Option<String>,
    /// Declares that the provider issues ID tokens (OpenID Connect).
    #[serde(default)]
    oidc: bool,
    /// Rejects a callback without `iss` too.
    #[serde(default)]
    always_sends_iss: bool,
    /// Userinfo endpoint. Default: as in the discovery document, if any.
    userinfo: Option<String>,
    /// The `token_type` that the provider uses for bearer tokens. Default: `Bearer` alone.
    token_type: Option<String>,
    /// Algorithms of ID tokens and signed userinfo. Default: as discovered, or else RS256.
    id_token_algorithms: Option<Algs>,
    /// The client's id at the provider.
    client_id: String,
    /// The client's secret. Default: none, for a public client.
    secret: Option<Hidden>,
    /// A file with the client's secret. One line ending at its end is ignored.
    secret_file: Option<String>,
    /// Where id and secret are sent. Default: as in the discovery document, or else `body`.
    secret_in: Option<Place>,
    /// URL to which the provider redirects browsers, exactly as registered there.
    redirect_url: Option<String>,
    /// Scopes of requests that name none.
    #[serde(default)]
    scopes: Texts,
    /// Deadline of an exchange with the provider. Default: 10 s, at most 55 s.
    timeout: Option<Time>,
    /// Handlers of logins through the provider.
    #[cfg(any(feature = "tower", feature = "actix"))]
    login: Option<OAuth2LoginSettings>,
    /// Client-credentials tokens for calls to other services.
    token_source: Option<TokenSourceSettings>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum BuiltIn {
    Github,
    Gitlab,
    Google,
    Yandex,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Place {
    /// `client_secret_post`.
    Body,
    /// `client_secret_basic`.
    Header,
}

/// Client-credentials tokens for calls to other services.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TokenSourceSettings {
    /// Scopes of the tokens. Default: the client's own scopes.
    scopes: Option<Texts>,
    /// Additional request parameters, such as `audience`.
    #[serde(default)]
    parameters: BTreeMap<String, Hidden>,
}

/// Handlers of logins through a provider.
#[cfg(any(feature = "tower", feature = "actix"))]
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OAuth2LoginSettings {
    /// Path of this site to which browsers go after login and logout. Default: `/`.
    home: Option<String>,
    /// Additional parameters of authorization requests, such as `prompt`.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Name of an issuer whose token a login creates, instead of a session.
    into_jwt: Option<String>,
    /// Name of a verifier for ID tokens with other keys or algorithms than the provider announces.
    id_token: Option<String>,
    /// Name of the store of pending logins. Default: the store of the sessions, or else memory.
    store: Option<String>,
    /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
    #[serde(default)]
    danger_plain_http: bool,
}

/// A client with its token source and login.
pub(in crate::config) struct OAuth2 {
    pub(in crate::config) client: OAuth2Client,
    pub(in crate::config) source: Option<TokenSource>,
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(in crate::config) login: Option<OAuth2LoginParts>,
}

impl OAuth2Settings {
    pub(in crate::config) fn build(
        &self,
        name: &str,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<OAuth2, Problem> {
        let provider = self.provider(name, spot)?;
        let mut client =
            OAuth2Client::builder(provider, &self.client_id).clock(spot.world.clock.clone());
        let secret = spot
            .secret(("secret", self.secret.as_ref()), ("secret_file", self.secret_file.as_ref()))?;
        if let Some(secret) = secret {
            client = client.secret(secret);
        }
        if let Some(place) = self.secret_in {
            client = client.secret_in(match place {
                Place::Body => SecretIn::Body,
                Place::Header => SecretIn::Header,
            });
        }
        if let Some(url) = &self.redirect_url {
            client = client.redirect_url(url);
        }
        client = client.scopes(&self.scopes.0);
        if let Some(Time(timeout)) = self.timeout {
            client = client.timeout(timeout);
        }
        let client = client.build().map_err(|error| spot.refused(error))?;
        let source = match &self.token_source {
            Some(settings) => Some(settings.build(&client, &spot.key("token_source"))?),
            None => None,
        };
        #[cfg(any(feature = "tower", feature = "actix"))]
        let login = match &self.login {
            Some(settings) => Some(settings.build(&client, &spot.key("login"), parts)?),
            None => None,
        };
        #[cfg(not(any(feature = "tower", feature = "actix")))]
        let _ = parts;
        Ok(OAuth2 {
            client,
            source,
            #[cfg(any(feature = "tower", feature = "actix"))]
            login,
        })
    }

    fn provider(&self, name: &str, spot: &Spot<'_>) -> Result<Provider, Problem> {
        spot.one_of(&[
            ("provider", self.provider.is_some()),
            ("discover", self.discover.is_some()),
            ("authorize_url", self.authorize_url.is_some()),
        ])?;
        // The discovery document names its issuer.
        spot.one_of(&[("discover", self.discover.is_some()), ("issuer", self.issuer.is_some())])?;
        let built_in = |built_in| match built_in {
            BuiltIn::Github => Provider::github(),
            BuiltIn::Gitlab => Provider::gitlab(),
            BuiltIn::Google => Provider::google(),
            BuiltIn::Yandex => Provider::yandex(),
        };
        let mut provider = match (&self.discover, &self.authorize_url, &self.token_url) {
            (Some(issuer), _, None) => Provider::discover(name, issuer),
            (None, Some(authorize), Some(token)) => Provider::new(name, authorize, token),
            (None, Some(_), None) => {
                return Err(spot.wrong("'authorize_url' goes with 'token_url': give both"));
            }
            (_, _, Some(_)) => {
                return Err(spot
                    .key("token_url")
                    .wrong("it goes with 'authorize_url' only: add that key, or remove this one"));
            }
            (None, None, None) => built_in(match (self.provider, name) {
                (Some(provider), _) => provider,
                (None, "github") => BuiltIn::Github,
                (None, "gitlab") => BuiltIn::Gitlab,
                (None, "google") => BuiltIn::Google,
                (None, "yandex") => BuiltIn::Yandex,
                _ => {
                    return Err(spot.wrong(
                        "no provider: set 'provider' to github, gitlab, google or yandex, or give \
                         'discover', or 'authorize_url' and 'token_url'",
                    ));
                }
            }),
        };
        if let Some(issuer) = &self.issuer {
            provider = provider.issuer(issuer);
        }
        if self.oidc {
            provider = provider.oidc();
        }
        if self.always_sends_iss {
            provider = provider.always_sends_iss();
        }
        if let Some(url) = &self.userinfo {
            provider = provider.userinfo(url);
        }
        if let Some(name) = &self.token_type {
            provider = provider.token_type(name);
        }
        if let Some(Algs(algorithms)) = &self.id_token_algorithms {
            provider = provider.id_token_algorithms(algorithms.iter().map(|Alg(alg)| *alg));
        }
        Ok(provider)
    }
}

impl TokenSourceSettings {
    fn build(&self, client: &OAuth2Client, spot: &Spot<'_>) -> Result<TokenSource, Problem> {
        let mut source = client.token_source();
        if let Some(Texts(scopes)) = &self.scopes {
            source = source.scopes(scopes);
        }
        for (name, Hidden(value)) in &self.parameters {
            source = source.parameter(name, value.clone());
        }
        source.build().map_err(|error| spot.refused(error))
    }
}

/// A factory of login builders, because only the program knows its users.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(in crate::config) struct OAuth2LoginParts {
    settings: OAuth2LoginSettings,
    client: OAuth2Client,
    issuer: Option<Issuer>,
    verifier: Option<Verifier>,
    store: Option<Arc<dyn Store>>,
}

#[cfg(any(feature = "tower", feature = "actix"))]
impl OAuth2LoginSettings {
    fn build(
        &self,
        client: &OAuth2Client,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<OAuth2LoginParts, Problem> {
        let Some(auth) = &parts.authenticator else {
            return Err(spot.wrong(
                "a login needs a session or a token: add 'sessions', or an issuer and 'into_jwt'",
            ));
        };
        let issuer = match &self.into_jwt {
            Some(name) => {
                let place = spot.key("into_jwt");
                let found = parts.issuers.get(name).cloned();
                Some(found.ok_or_else(|| unknown("issuer", name, parts.issuers.keys(), &place))?)
            }
            None => None,
        };
        let verifier = match &self.id_token {
            Some(name) => {
                let place = spot.key("id_token");
                let found = parts.verifiers.get(name).cloned();
                Some(
                    found
                        .ok_or_else(|| unknown("verifier", name, parts.verifiers.keys(), &place))?,
                )
            }
            None => None,
        };
        let store = match &self.store {
            Some(name) => Some(parts.stores.named(name, &spot.key("store"))?),
            None => None,
        };
        let login = OAuth2LoginParts {
            settings: self.clone(),
            client: client.clone(),
            issuer,
            verifier,
            store,
        };
        // Built with placeholders: the program may still set the user or its own handler.
        let tried = match login.issuer {
            Some(_) => login.begin(auth).user(|_| async { Ok(OAuth2User::new("user")) }),
            None => login.begin(auth).on_login(|_| async { Ok(Redirect::to("/")) }),
        };
        tried.build().map_err(|error| spot.refused(error))?;
        Ok(login)
    }
}

#[cfg(any(feature = "tower", feature = "actix"))]
impl OAuth2LoginParts {
    pub(in crate::config) fn begin(&self, auth: &Authenticator) -> OAuth2LoginBuilder {
        let mut login = OAuth2Login::builder(auth, self.client.clone());
        if let Some(home) = &self.settings.home {
            login = login.home(home);
        }
        for (name, value) in &self.settings.parameters {
            login = login.parameter(name, value);
        }
        if let Some(issuer) = &self.issuer {
            login = login.into_jwt(issuer.clone());
        }
        if let Some(verifier) = &self.verifier {
            login = login.id_token(verifier.clone());
        }
        if let Some(store) = &self.store {
            login = login.store(store.clone());
        }
        match self.settings.danger_plain_http {
            true => login.danger_plain_http(),
            false => login,
        }
    }
}
