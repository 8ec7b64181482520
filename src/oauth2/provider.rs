//! Who issues the tokens, and where.

use crate::jose::Algorithm;
use std::borrow::Cow;

/// An authorization server: one that is built in, one by its two URLs, or one by discovery.
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
    pub(super) issuer: Option<Cow<'static, str>>,
    pub(super) is_oidc: bool,
    pub(super) sends_iss: bool,
    pub(super) userinfo: Option<Cow<'static, str>>,
    /// Of the `Authorization` header that its userinfo asks for.
    pub(super) scheme: &'static str,
    /// What separates the scopes that it answers, besides a space.
    pub(super) comma: bool,
    /// What it calls bearer tokens, besides by their name.
    pub(super) token_type: Option<Cow<'static, str>>,
    /// Instead of those that it announces.
    pub(super) id_token_algorithms: Option<Vec<Algorithm>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Urls {
        authorize: Cow<'static, str>,
        token: Cow<'static, str>,
    },
    /// The issuer's discovery document says where.
    Discovered,
}

impl Provider {
    /// GitHub. It issues no ID tokens; who logged in its userinfo says,
    /// `https://api.github.com/user`.
    pub fn github() -> Self {
        Self::at(
            "github",
            "https://github.com/login/oauth/authorize",
            "https://github.com/login/oauth/access_token",
        )
        .issuer("https://github.com/login/oauth")
        .userinfo("https://api.github.com/user")
        .with_commas()
    }

    /// GitLab, the one at gitlab.com. With the scope `openid` it issues ID tokens.
    pub fn gitlab() -> Self {
        Self::at(
            "gitlab",
            "https://gitlab.com/oauth/authorize",
            "https://gitlab.com/oauth/token",
        )
        .issuer("https://gitlab.com")
        .userinfo("https://gitlab.com/oauth/userinfo")
        .oidc()
    }

    /// Google. With the scope `openid` it issues ID tokens; it gives a refresh token to who asks
    /// with the parameter `access_type=offline`.
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

    /// Yandex. It issues no ID tokens; who logged in its userinfo says,
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

    /// Any other, by the URLs of its authorization and token endpoints. The name is for logs and
    /// for telling its users from others'.
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

    /// Any other, by its discovery document at `/.well-known/openid-configuration` (OpenID Connect
    /// Discovery 1.0), which is fetched when first needed and kept for an hour. That of a server for
    /// client credentials alone needs no `authorization_endpoint` (RFC 8414 section 2).
    pub fn discover(name: impl Into<String>, issuer: impl Into<String>) -> Self {
        let mut provider = Self::at(Cow::Owned(name.into()), "", "")
            .issuer(issuer)
            .oidc();
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
            place: Place::Urls {
                authorize: authorize.into(),
                token: token.into(),
            },
            issuer: None,
            is_oidc: false,
            sends_iss: false,
            userinfo: None,
            scheme: "Bearer",
            comma: false,
            token_type: None,
            id_token_algorithms: None,
        }
    }

    fn with_commas(mut self) -> Self {
        self.comma = true;
        self
    }

    /// Its issuer. A callback with another `iss` is refused (RFC 9207), and so is one with any
    /// where this is not said.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(Cow::Owned(issuer.into()));
        self
    }

    /// It issues ID tokens (OpenID Connect), with its issuer as `iss` and keys that its discovery
    /// document names. So it is without being said for GitLab, Google, and those by discovery.
    #[must_use]
    pub fn oidc(mut self) -> Self {
        self.is_oidc = true;
        self
    }

    /// It sends its `iss` with every callback, so that one without is refused too (RFC 9207
    /// section 2.4). A discovery document says so itself.
    #[must_use]
    pub fn always_sends_iss(mut self) -> Self {
        self.sends_iss = true;
        self
    }

    /// Where it says who an access token's user is. A discovery document says so itself.
    #[must_use]
    pub fn userinfo(mut self, url: impl Into<String>) -> Self {
        self.userinfo = Some(Cow::Owned(url.into()));
        self
    }

    /// It answers this `token_type`, such as `JWT`, and means bearer tokens. Case does not matter;
    /// `Bearer` is understood as well. Default: `Bearer` alone.
    ///
    /// ```
    /// # use jamguard::oauth2::Provider;
    /// let acme = Provider::discover("acme", "https://idp.example").token_type("JWT");
    /// ```
    #[must_use]
    pub fn token_type(mut self, name: impl Into<String>) -> Self {
        self.token_type = Some(Cow::Owned(name.into()));
        self
    }

    /// It signs ID tokens and signed userinfo with one of these. HS256, HS384 and HS512 are made
    /// with the client's secret, which must be as long as the hash. Default: the algorithms that the
    /// discovery document announces; where it announces none, RS256.
    ///
    /// ```
    /// # use jamguard::{jose::Algorithm, oauth2::Provider};
    /// let acme = Provider::discover("acme", "https://idp.example")
    ///     .id_token_algorithms([Algorithm::ES256]);
    /// ```
    #[must_use]
    pub fn id_token_algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.id_token_algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
