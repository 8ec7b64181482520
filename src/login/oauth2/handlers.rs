//! The handlers of OAuth2 logins.

use super::pending::{BrowserCookie, PendingLogins};
use super::user::{OAuth2Arrival, OAuth2User};
use crate::authenticator::request::{Head, RequestSession};
use crate::authenticator::{Authenticator, LoginCookies};
use crate::core::{BoxFuture, Error, Secret, debug_fields};
use crate::endpoint::Endpoint;
use crate::login::{Redirect, logout::Presented, parts::endpoint};
use crate::oauth2::{AuthorizationRequest, OAuth2Client};
use crate::token::{issuer::Issuer, verifier::Verifier};
use std::sync::Arc;

pub(super) type Who =
    Arc<dyn Fn(OAuth2Arrival) -> BoxFuture<Result<OAuth2User, Error>> + Send + Sync>;
pub(super) type OnLogin =
    Arc<dyn Fn(OAuth2Arrival) -> BoxFuture<Result<Redirect, Error>> + Send + Sync>;

/// Ready-made handlers for login at an OAuth2 provider, its callback, and logout.
///
/// A login ends in a session that keeps the provider's tokens on the server, in a token of your
/// own, or in your closure. The ID token of an OpenID Connect provider is verified, including its
/// `nonce`. The `state` is valid once, in the browser that started the login, for 10 minutes; PKCE
/// binds the code to this server.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::{get_service, post_service}};
/// use jamguard::oauth2::{OAuth2Client, Provider};
/// use jamguard::{Authenticator, OAuth2Login, Sessions, store::MemoryStore};
///
/// # fn example() -> Result<Router, jamguard::Error> {
/// let auth = Authenticator::builder()
///     .sessions(Sessions::builder(MemoryStore::new()).build()?)
///     .build()?;
/// let google = OAuth2Client::builder(Provider::google(), "client id")
///     .secret("client secret")
///     .redirect_url("https://app.example/google/callback")
///     .scopes(["openid", "email"])
///     .build()?;
/// let login = OAuth2Login::builder(&auth, google).home("/welcome").build()?;
/// let app: Router = Router::new()
///     .route("/google/login", get_service(login.begin()))
///     .route("/google/callback", get_service(login.callback()))
///     .route("/logout", post_service(login.logout()));
/// # Ok(app) }
/// # }
/// ```
#[derive(Clone)]
pub struct OAuth2Login(pub(super) Arc<Settings>);

pub(super) struct Settings {
    pub(super) auth: Authenticator,
    pub(super) client: OAuth2Client,
    pub(super) home: String,
    /// The start of each login, with extra parameters.
    pub(super) request: AuthorizationRequest,
    pub(super) keep: Keep,
    /// The verifier of ID tokens, if the provider issues them.
    pub(super) verifier: Option<Verifier>,
    pub(super) who: Option<Who>,
    pub(super) pending: PendingLogins,
    pub(super) cookie: BrowserCookie,
}

/// What a login ends in.
pub(super) enum Keep {
    Token(Issuer, LoginCookies),
    Handed(OnLogin),
    Session,
}

impl OAuth2Login {
    /// Returns the `GET` handler that redirects browsers to the provider.
    ///
    /// Other methods are answered 405, however it is mounted: a `HEAD` of link previews and
    /// monitors does not start a login.
    ///
    /// `?return_to=/orders` sets where the browser goes after the login: a path of this site, at
    /// most 2048 bytes. Default: the home.
    pub fn begin(&self) -> Endpoint {
        let login = self.clone();
        endpoint("oauth2_begin", "GET", &self.0.auth, move |request| {
            let login = login.clone();
            // Two different cookies are replaced by a new one.
            let browser = login.0.cookie.of(request).ok().flatten();
            let query = request.query().unwrap_or_default().to_owned();
            async move { login.leave_for_provider(&query, browser).await }
        })
    }

    /// Returns the `GET` handler of the client's redirect URL. Other methods are answered 405.
    ///
    /// Refusals: 400 for a callback without a pending login of this browser; 403 if the user or the
    /// provider denied access; 401 for a rejected code or ID token; 502 and 503 for an invalid or
    /// missing answer of the provider; 500 if the provider rejects the client.
    pub fn callback(&self) -> Endpoint {
        let login = self.clone();
        endpoint("oauth2_callback", "GET", &self.0.auth, move |request| {
            let (login, session) = (login.clone(), login.session(request));
            let browser = login.0.cookie.of(request);
            let query = Secret::new(request.query().unwrap_or_default());
            async move {
                let arrival = login.arrived(query.expose(), browser?).await?;
                login.welcome(arrival, session).await
            }
        })
    }

    /// Returns the `POST` handler that ends the login: ends the session and removes the cookies.
    ///
    /// The user stays logged in at the provider. It answers 303 to the home page if the client
    /// accepts HTML, otherwise 204. A request from another site's page is denied with 403; other
    /// methods are answered 405, however it is mounted.
    pub fn logout(&self) -> Endpoint {
        self.ending("oauth2_logout", false)
    }

    /// Returns the `POST` handler that ends all sessions of the user.
    ///
    /// Tokens in other browsers' cookies cannot be revoked and stay valid until they expire. It
    /// answers 401 without a login, otherwise like [`logout`](Self::logout).
    pub fn logout_everywhere(&self) -> Endpoint {
        self.ending("oauth2_logout_everywhere", true)
    }

    fn ending(&self, name: &'static str, everywhere: bool) -> Endpoint {
        let login = self.clone();
        endpoint(name, "POST", &self.0.auth, move |request| {
            let login = login.clone();
            let presented = Presented::of(request, &login.0.auth, login.session(request));
            async move {
                presented.end(everywhere).await?;
                Ok(presented.farewell(&login.0.home))
            }
        })
    }

    /// Returns the session of a request, if logins go into sessions.
    fn session(&self, head: &impl Head) -> Option<Arc<RequestSession>> {
        self.0.auth.session(head).filter(|_| matches!(self.0.keep, Keep::Session))
    }
}

debug_fields!(OAuth2Login, self, client = self.0.client, home = self.0.home);
