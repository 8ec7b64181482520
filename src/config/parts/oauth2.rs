//! Settings of OAuth2 clients.

use super::location::Spot;
#[cfg(any(feature = "tower", feature = "actix"))]
use super::oauth2_login::{OAuth2LoginParts, OAuth2LoginSettings};
use super::scalars::{Alg, Algs, Given, Hidden, Texts};
use super::settings::{Parts, not_configured};
use crate::config::document::{Problem, Section};
use crate::config::jamguard::facade::{Jamguard, named};
use crate::core::error::Error;
use crate::oauth2::builder::ClientOptions;
use crate::oauth2::{OAuth2Client, Provider, TokenSource};
use std::collections::BTreeMap;
use std::fmt;

settings! {
    /// A client of an OAuth2 provider.
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
        /// Handlers of logins through the provider.
        #[cfg(any(feature = "tower", feature = "actix"))]
        login: Option<OAuth2LoginSettings>,
        /// Client-credentials tokens for calls to other services.
        token_source: Option<TokenSourceSettings>,
    }

    enum BuiltIn {
        Github,
        Gitlab,
        Google,
        Yandex,
    }

    /// Client-credentials tokens for calls to other services.
    struct TokenSourceSettings {
        /// Scopes of the tokens. Default: the client's own scopes.
        scopes: Option<Texts>,
        /// Additional request parameters, such as `audience`.
        #[serde(default)]
        parameters: BTreeMap<String, Hidden>,
    }
}

/// A section of an OAuth2 client.
pub(in crate::config) type OAuth2Section = Section<ClientOptions, OAuth2Settings>;

/// A client with its token source and login.
pub(in crate::config) struct OAuth2 {
    pub(in crate::config) client: OAuth2Client,
    source: Option<TokenSource>,
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(super) login: Option<OAuth2LoginParts>,
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

impl OAuth2Section {
    pub(in crate::config) fn build(
        &self,
        name: &str,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<OAuth2, Problem> {
        let Self(options, settings) = self;
        let mut client = OAuth2Client::builder(settings.provider(name, spot)?, &settings.client_id)
            .clock(spot.world.clock.clone());
        client.options = options.clone();
        if let Some(secret) =
            spot.secret("secret", &settings.secret, "secret_file", &settings.secret_file)?
        {
            client = client.secret(secret);
        }
        let client = client.build().map_err(|error| spot.refused(error))?;
        let source = settings.token_source.as_ref();
        let source = source.map(|settings| settings.build(&client, &spot.key("token_source")));
        #[cfg(any(feature = "tower", feature = "actix"))]
        let login = settings.login.as_ref();
        #[cfg(any(feature = "tower", feature = "actix"))]
        let login = login.map(|settings| settings.build(&client, &spot.key("login"), parts));
        #[cfg(not(any(feature = "tower", feature = "actix")))]
        let _ = parts;
        Ok(OAuth2 {
            source: source.transpose()?,
            #[cfg(any(feature = "tower", feature = "actix"))]
            login: login.transpose()?,
            client,
        })
    }
}

impl OAuth2Settings {
    fn provider(&self, name: &str, spot: &Spot<'_>) -> Result<Provider, Problem> {
        spot.one_of(&[
            ("provider", self.provider.is_some()),
            ("discover", self.discover.is_some()),
            ("authorize_url", self.authorize_url.is_some()),
        ])?;
        // The discovery document names its issuer.
        spot.one_of(&[("discover", self.discover.is_some()), ("issuer", self.issuer.is_some())])?;
        let provider = match (&self.discover, &self.authorize_url, &self.token_url) {
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
            (None, None, None) => match (&self.provider, name) {
                (Some(BuiltIn::Github), _) | (None, "github") => Provider::github(),
                (Some(BuiltIn::Gitlab), _) | (None, "gitlab") => Provider::gitlab(),
                (Some(BuiltIn::Google), _) | (None, "google") => Provider::google(),
                (Some(BuiltIn::Yandex), _) | (None, "yandex") => Provider::yandex(),
                _ => {
                    return Err(spot.wrong(
                        "no provider: set 'provider' to github, gitlab, google or yandex, or give \
                         'discover', or 'authorize_url' and 'token_url'",
                    ));
                }
            },
        };
        Ok(provider
            .given(&self.issuer, Provider::issuer)
            .when(self.oidc, Provider::oidc)
            .when(self.always_sends_iss, Provider::always_sends_iss)
            .given(&self.userinfo, Provider::userinfo)
            .given(&self.token_type, Provider::token_type)
            .given(&self.id_token_algorithms, |provider, Algs(algorithms)| {
                provider.id_token_algorithms(algorithms.iter().map(|Alg(algorithm)| *algorithm))
            }))
    }
}

impl TokenSourceSettings {
    fn build(&self, client: &OAuth2Client, spot: &Spot<'_>) -> Result<TokenSource, Problem> {
        let mut source = client.token_source();
        source = source.given(&self.scopes, |source, Texts(scopes)| source.scopes(scopes));
        for (name, Hidden(value)) in &self.parameters {
            source = source.parameter(name, value.clone());
        }
        source.build().map_err(|error| spot.refused(error))
    }
}

impl Jamguard {
    /// Returns the client of the OAuth2 provider with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn oauth2(&self, name: &str) -> Result<&OAuth2Client, Error> {
        named(&self.parts().oauth2, "OAuth2 client", "oauth2", name).map(|found| &found.client)
    }

    /// Returns the source of tokens for calls to other services, by the OAuth2 client's name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn token_source(&self, name: &str) -> Result<&TokenSource, Error> {
        let found = named(&self.parts().oauth2, "OAuth2 client", "oauth2", name)?;
        let source = found.source.as_ref();
        source.ok_or_else(|| not_configured("token source", &format!("oauth2.{name}.token_source")))
    }
}
