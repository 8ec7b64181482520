//! Settings of OAuth2 clients.

use super::feature::{Build, BuiltOf, Feature};
use super::keys::{PrivateKey, SharedSecret, SigningMaterial};
use super::location::Spot;
use super::oauth2_login;
use super::registry::Parts;
use super::scalars::{Given, Hidden, Texts};
use crate::config::document::{Problem, Section};
use crate::core::{debug_fields, network::NetworkOptions};
use crate::jose::Algorithm;
use crate::oauth2::{
    OAuth2Client, OAuth2ClientBuilder, Provider, TokenSource, builder::ClientOptions,
    provider::ProviderOptions,
};
use crate::token::dpop::DpopKey;
use std::collections::BTreeMap;

settings! {
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct Keys {
        /// OAuth2 clients, by a name of your choice. Built in: `github`, `gitlab`, `google`, `yandex`.
        oauth2: BTreeMap<String, OAuth2Section>,
    }

    /// A client of an OAuth2 provider.
    struct OAuth2Settings {
        /// Built-in provider. Default: the one named like this section, if neither `discover` nor
        /// `authorize_url` is given.
        provider: Option<BuiltIn>,
        /// Issuer of another provider, whose discovery document lists the endpoints.
        discover: Option<String>,
        /// Authorization endpoint of another provider. Requires `token_url`.
        authorize_url: Option<String>,
        /// Token endpoint of another provider. Requires `authorize_url`.
        token_url: Option<String>,
        /// The client's id at the provider.
        client_id: String,
        /// The client's secret. Default: none, for a public client.
        secret: Option<Hidden>,
        /// A file with the client's secret. One line ending at its end is ignored.
        secret_file: Option<String>,
        /// The key that tokens are bound to (DPoP, RFC 9449). Empty: a new key at each start.
        dpop_key: Option<DpopKeySection>,
        /// Client-credentials tokens for calls to other services.
        token_source: Option<TokenSourceSettings>,
    }

    enum BuiltIn {
        Github,
        Gitlab,
        Google,
        Yandex,
    }

    /// The key that an OAuth2 client binds its tokens to. Without a private key, each start makes a new
    /// one.
    struct DpopKeySettings {
        /// Algorithm of the private key, such as `ES256`. A new key is for ES256.
        algorithm: Option<Algorithm>,
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
type OAuth2Section = Section<
    ClientOptions,
    Section<ProviderOptions, Section<NetworkOptions, Section<oauth2_login::Keys, OAuth2Settings>>>,
>;

/// A client with its token source and login.
pub(in crate::config) struct OAuth2 {
    pub(in crate::config) client: OAuth2Client,
    pub(in crate::config) source: Option<TokenSource>,
    pub(in crate::config) login: BuiltOf<oauth2_login::Keys>,
}

debug_fields!(OAuth2, self, client = self.client, login = self.login);

impl Feature for Keys {
    type Built = BTreeMap<String, OAuth2>;
}

impl Build<&Parts> for Keys {
    fn build(&self, parts: &Parts, spot: &Spot<'_>) -> Result<Self::Built, Problem> {
        spot.each("oauth2", &self.oauth2, |settings, name, spot| settings.build(name, spot, parts))
    }
}

impl OAuth2Section {
    fn build(&self, name: &str, spot: &Spot<'_>, parts: &Parts) -> Result<OAuth2, Problem> {
        let Self(options, Section(provider, Section(network, Section(login, settings)))) = self;
        let provider = settings.provider(name, provider.clone(), spot)?;
        let mut client = OAuth2Client::builder(provider, &settings.client_id).clock(spot.clock());
        client.options = options.clone();
        client.network = spot.network(network)?;
        let secret = spot.secret("secret", &settings.secret, &settings.secret_file)?;
        client = client.given(&secret, OAuth2ClientBuilder::secret);
        if let Some(key) = &settings.dpop_key {
            client = client.dpop_key(key.build(&spot.key("dpop_key"))?);
        }
        let client = spot.built(client.build())?;
        let source = settings.token_source.as_ref();
        let source = source.map(|settings| settings.build(&client, &spot.key("token_source")));
        let source = source.transpose()?;
        let login = login.build((&client, parts), spot)?;
        Ok(OAuth2 { client, source, login })
    }
}

impl OAuth2Settings {
    fn provider(
        &self,
        name: &str,
        given: ProviderOptions,
        spot: &Spot<'_>,
    ) -> Result<Provider, Problem> {
        spot.one_of(&["provider", "discover", "authorize_url"])?;
        // The discovery document names its issuer.
        spot.one_of(&["discover", "issuer"])?;
        if self.discover.is_none() && given.discover_at.is_some() {
            let place = spot.key("discover_at");
            return Err(place.wrong("it goes with 'discover', which is the issuer's own name"));
        }
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
        let own = provider.options;
        provider.options = ProviderOptions {
            issuer: given.issuer.or(own.issuer),
            userinfo: given.userinfo.or(own.userinfo),
            oidc: given.oidc || own.oidc,
            ..given
        };
        Ok(provider)
    }
}

impl TokenSourceSettings {
    fn build(&self, client: &OAuth2Client, spot: &Spot<'_>) -> Result<TokenSource, Problem> {
        let mut source = client.token_source();
        source = source.given(&self.scopes, |source, Texts(scopes)| source.scopes(scopes));
        for (name, Hidden(value)) in &self.parameters {
            source = source.parameter(name, value.clone());
        }
        spot.built(source.build())
    }
}

/// A section of a DPoP key.
type DpopKeySection = Section<PrivateKey, DpopKeySettings>;

impl DpopKeySection {
    fn build(&self, spot: &Spot<'_>) -> Result<DpopKey, Problem> {
        let Self(private, settings) = self;
        match (SigningMaterial::is_given(spot), settings.algorithm) {
            (false, None) => spot.built(DpopKey::generate()),
            (false, Some(_)) => Err(spot.wrong(
                "'algorithm' without a key: give 'private_key' or 'private_key_file' too, or leave it \
                 out for a new key at each start",
            )),
            (true, algorithm) => {
                let material = Section(SharedSecret::default(), private.clone());
                spot.built(DpopKey::new(material.build(algorithm, None, spot)?))
            }
        }
    }
}
