//! OAuth2 providers and their endpoints.

use crate::core::settings::{options, setters};
use crate::jose::{Algorithm, algorithm::Algorithms};
use crate::jwks::discovery::Discovery;
use std::borrow::Cow;

/// An authorization server: built in, by its two URLs, or by discovery.
///
/// # Example
/// ```
/// use jamguard::oauth2::Provider;
///
/// let github = Provider::github();
/// let acme = Provider::new("acme", "https://idp.example/authorize", "https://idp.example/token")
///     .issuer("https://idp.example");
/// let company = Provider::discover("company", "https://login.company.example");
/// assert_eq!(company.name(), "company");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub(super) name: Cow<'static, str>,
    pub(super) place: Place,
    pub(crate) options: ProviderOptions,
    /// Scheme of the `Authorization` header for its API.
    pub(super) scheme: &'static str,
    /// Whether it separates granted scopes by commas too.
    pub(super) comma: bool,
}

options! {
    /// The options of a provider.
    #[derive(Debug, PartialEq, Eq)]
    ProviderOptions {
        /// The provider's issuer. A callback with another `iss` is rejected.
        issuer: Option<String> = None,
        /// URL at which the issuer of `discover` is reached. Default: the issuer itself.
        discover_at: Option<String> = None,
        /// Declares that the provider issues ID tokens (OpenID Connect).
        oidc: bool = false,
        /// Rejects a callback without `iss` too.
        always_sends_iss: bool = false,
        /// Userinfo endpoint. Default: as in the discovery document, if any.
        userinfo: Option<String> = None,
        /// The `token_type` that the provider uses for bearer tokens. Default: `Bearer` alone.
        token_type: Option<String> = None,
        /// Algorithms of ID tokens and signed userinfo. Default: as discovered, or else RS256.
        id_token_algorithms: Option<Algorithms> = None,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Urls {
        authorize: Cow<'static, str>,
        token: Cow<'static, str>,
    },
    /// Endpoints from the issuer's metadata.
    Discovered,
}

impl Provider {
    /// Returns GitHub.
    ///
    /// It issues no ID tokens; the user's identity comes from its userinfo,
    /// `https://api.github.com/user`.
    pub fn github() -> Self {
        let mut github = Self::at(
            "github",
            "https://github.com/login/oauth/authorize",
            "https://github.com/login/oauth/access_token",
        )
        .issuer("https://github.com/login/oauth")
        .userinfo("https://api.github.com/user");
        github.comma = true;
        github
    }

    /// Returns GitLab at gitlab.com; it issues ID tokens for the scope `openid`.
    pub fn gitlab() -> Self {
        Self::at("gitlab", "https://gitlab.com/oauth/authorize", "https://gitlab.com/oauth/token")
            .issuer("https://gitlab.com")
            .userinfo("https://gitlab.com/oauth/userinfo")
            .oidc()
    }

    /// Returns Google; it issues ID tokens for the scope `openid`.
    ///
    /// It returns a refresh token only for logins with the parameter `access_type=offline`.
    pub fn google() -> Self {
        Self::at(
            "google",
            "https://accounts.google.com/o/oauth2/v2/auth",
            "https://oauth2.googleapis.com/token",
        )
        .issuer("https://accounts.google.com")
        .userinfo("https://openidconnect.googleapis.com/v1/userinfo")
        .oidc()
    }

    /// Returns Yandex.
    ///
    /// It issues no ID tokens; the user's identity comes from its userinfo,
    /// `https://login.yandex.ru/info`.
    pub fn yandex() -> Self {
        let mut yandex = Self::at(
            "yandex",
            "https://oauth.yandex.ru/authorize",
            "https://oauth.yandex.ru/token",
        )
        .userinfo("https://login.yandex.ru/info?format=json");
        yandex.scheme = "OAuth";
        yandex
    }

    /// Returns a provider by the URLs of its authorization and token endpoints.
    ///
    /// The name appears in logs and distinguishes its users from the users of other providers.
    pub fn new(
        name: impl Into<String>,
        authorize_url: impl Into<String>,
        token_url: impl Into<String>,
    ) -> Self {
        Self::at(
            Cow::Owned(name.into()),
            Cow::Owned(authorize_url.into()),
            Cow::Owned(token_url.into()),
        )
    }

    /// Returns a provider by its metadata (OpenID Connect Discovery 1.0, or else RFC 8414).
    ///
    /// The document, `/.well-known/openid-configuration` or, if there is none,
    /// `/.well-known/oauth-authorization-server`, is fetched at first use and cached for its
    /// `max-age`, from 1 minute to 24 hours. Default: 1 hour. For client credentials alone it needs
    /// no `authorization_endpoint` (RFC 8414 section 2).
    pub fn discover(name: impl Into<String>, issuer: impl Into<String>) -> Self {
        let mut provider = Self::at(Cow::Owned(name.into()), "", "").issuer(issuer).oidc();
        provider.place = Place::Discovered;
        provider
    }

    fn at(
        name: impl Into<Cow<'static, str>>,
        authorize: impl Into<Cow<'static, str>>,
        token: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            name: name.into(),
            place: Place::Urls { authorize: authorize.into(), token: token.into() },
            options: ProviderOptions::default(),
            scheme: "Bearer",
            comma: false,
        }
    }

    setters! {
        /// Sets the issuer.
        ///
        /// A callback with another `iss` is rejected (RFC 9207); without an issuer, so is a
        /// callback with any.
        #[must_use]
        pub fn issuer(issuer: impl Into<String>) { self.options.issuer = Some(issuer.into()) }

        /// Reaches a provider by [`discover`](Self::discover) at this URL instead of the issuer's.
        ///
        /// For networks in which the provider has another name than outside. Its metadata and the
        /// endpoints below the issuer are requested there, except the authorization endpoint, which
        /// browsers use. The issuer's own name stays: the metadata must contain it.
        ///
        /// ```
        /// # use jamguard::oauth2::{OAuth2Client, Provider};
        /// let shop = Provider::discover("shop", "https://login.example/realms/shop")
        ///     .discover_at("http://keycloak:8080/realms/shop");
        /// let client = OAuth2Client::builder(shop, "client id")
        ///     .danger_plain_http_hosts(["keycloak"])
        ///     .build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        #[must_use]
        pub fn discover_at(url: impl Into<String>) { self.options.discover_at = Some(url.into()) }

        /// Declares that it issues ID tokens (OpenID Connect).
        ///
        /// Their `iss` is its issuer, and its discovery document names their keys. GitLab, Google
        /// and providers by discovery are declared already.
        #[must_use]
        pub fn oidc() { self.options.oidc = true }

        /// Declares that every callback has an `iss`, so that one without is rejected.
        ///
        /// RFC 9207 section 2.4. A discovery document declares this itself.
        #[must_use]
        pub fn always_sends_iss() { self.options.always_sends_iss = true }

        /// Sets the userinfo endpoint. Default: as in the discovery document, if any.
        #[must_use]
        pub fn userinfo(url: impl Into<String>) { self.options.userinfo = Some(url.into()) }

        /// Sets the `token_type`, such as `JWT`, that the provider uses for bearer tokens.
        ///
        /// Letter case is ignored, and `Bearer` is accepted as well. Default: `Bearer` alone.
        ///
        /// ```
        /// # use jamguard::oauth2::Provider;
        /// let acme = Provider::discover("acme", "https://idp.example").token_type("JWT");
        /// ```
        #[must_use]
        pub fn token_type(name: impl Into<String>) { self.options.token_type = Some(name.into()) }

        /// Sets the algorithms that sign ID tokens and signed userinfo.
        ///
        /// HS256, HS384 and HS512 use the client's secret, which must be as long as the hash.
        /// Default: the algorithms that the discovery document announces, or RS256 if it announces
        /// none.
        ///
        /// ```
        /// # use jamguard::{jose::Algorithm, oauth2::Provider};
        /// let acme = Provider::discover("acme", "https://idp.example")
        ///     .id_token_algorithms([Algorithm::ES256]);
        /// ```
        #[must_use]
        pub fn id_token_algorithms(algorithms: impl IntoIterator<Item = Algorithm>) {
            self.options.id_token_algorithms = Some(Algorithms(algorithms.into_iter().collect()))
        }
    }

    /// Returns where its metadata is published; `None` without an issuer.
    pub(super) fn discovery(&self) -> Option<Discovery> {
        let ProviderOptions { issuer, discover_at: address, .. } = self.options.clone();
        Some(Discovery { address, ..Discovery::of(issuer?) })
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
