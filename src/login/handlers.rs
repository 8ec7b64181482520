//! The handlers of JAM logins and their builder.

use super::parts::{Login, Redirect, check_local, endpoint, query_tokens};
use crate::authenticator::request::{Head, RequestSession};
use crate::authenticator::{Authenticator, LoginCookies};
use crate::core::settings::{options, setters};
use crate::core::{BoxFuture, Error, call_limit::CallLimit, debug_fields, ensure};
use crate::endpoint::Endpoint;
use crate::jam::client::JamClient;
use std::{future::Future, sync::Arc, time::Duration};

/// Concurrent logouts that call JAM; others wait.
const PARALLEL: usize = 16;
/// Deadline of a logout's calls to JAM, including the wait for other logouts.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

type OnLogin = Arc<dyn Fn(Login) -> BoxFuture<Result<Redirect, Error>> + Send + Sync>;

/// Ready-made handlers for the redirect of a magic link and for logout.
///
/// The redirect handler verifies the ID token in the URL, starts a session that keeps both tokens
/// on the server (or sets HttpOnly cookies, or calls your closure), and redirects the browser to a
/// URL without tokens.
///
/// A session of the same browser gets a new id: a guest's data stays, another user's session ends.
/// The session's user is the ID token's `sub`, or else its `email`; its claims are the token's.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::{get_service, post_service}};
/// use jamguard::{Authenticator, JamApp, JamClient, JamLogin, LoginCookies};
///
/// # fn example() -> Result<Router, jamguard::Error> {
/// let auth = Authenticator::builder()
///     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
///     .cookies(LoginCookies::new())
///     .build()?;
/// let client = JamClient::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895")?;
/// let login = JamLogin::builder(&auth, client).home("/welcome").build()?;
/// let app: Router = Router::new()
///     .route("/jam-redirect", get_service(login.redirect()))
///     .route("/logout", post_service(login.logout()));
/// # Ok(app) }
/// # }
/// ```
#[derive(Clone)]
pub struct JamLogin(pub(super) Arc<Settings>);

pub(super) struct Settings {
    pub(super) auth: Authenticator,
    pub(super) client: JamClient,
    pub(super) keep: Keep,
    pub(super) home: String,
    pub(super) on_login: Option<OnLogin>,
    /// Limits calls to JAM at logout.
    pub(super) calls: CallLimit,
}

/// Where the tokens of a login are kept.
pub(super) enum Keep {
    Nowhere,
    Cookies(LoginCookies),
    Session,
}

options! {
    /// Handlers of the magic link's redirect and of logout.
    JamLoginOptions {
        /// Path of this site to which browsers go after login and logout. Default: `/`.
        home: String = "/".to_owned(),
        /// Where a login is kept. Default: a session if there are sessions, or else cookies.
        keep: Option<KeepIn> = None,
    }
}

/// A place for the tokens of a login.
#[derive(Clone, Copy, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Keep"))]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeepIn {
    Session,
    Cookies,
}

/// Builder of a [`JamLogin`].
#[must_use]
pub struct JamLoginBuilder {
    auth: Authenticator,
    client: JamClient,
    on_login: Option<OnLogin>,
    pub(crate) options: JamLoginOptions,
}

impl JamLogin {
    /// Returns a builder of the handlers of an app.
    ///
    /// `auth` verifies ID tokens; `client` names the app and deletes refresh tokens at logout.
    pub fn builder(auth: &Authenticator, client: JamClient) -> JamLoginBuilder {
        JamLoginBuilder {
            auth: auth.clone(),
            client,
            on_login: None,
            options: JamLoginOptions::default(),
        }
    }

    /// Returns the `GET` handler for the app's redirect URL.
    ///
    /// Other methods are answered 405, however it is mounted: a `HEAD` of link previews and
    /// monitors does not log in.
    pub fn redirect(&self) -> Endpoint {
        let login = self.clone();
        endpoint("redirect", "GET", &self.0.auth, move |request| {
            let (login, session) = (login.clone(), login.session(request));
            let tokens = query_tokens(request.query().unwrap_or_default());
            async move {
                let (id_token, refresh_token) = tokens?;
                let arrived = login.arrived(id_token, refresh_token).await?;
                login.welcome(arrived, session).await
            }
        })
    }

    /// Returns the session of a request, if logins go into sessions.
    pub(super) fn session(&self, head: &impl Head) -> Option<Arc<RequestSession>> {
        self.0.auth.session(head).filter(|_| matches!(self.0.keep, Keep::Session))
    }
}

impl JamLoginBuilder {
    setters! {
        /// Sets where browsers go after login and logout: a path of this site. Default: `/`.
        pub fn home(path: impl Into<String>) { self.options.home = path.into() }

        /// Starts a session at each login. This is the default if the authenticator has sessions.
        pub fn into_session() { self.options.keep = Some(KeepIn::Session) }

        /// Keeps the tokens in the authenticator's login cookies, even if it has sessions.
        pub fn into_cookies() { self.options.keep = Some(KeepIn::Cookies) }
    }

    /// Passes each login to a closure instead of keeping the tokens.
    ///
    /// The response to its error is the standard one, after
    /// [`on_refusal`](crate::AuthenticatorBuilder::on_refusal).
    ///
    /// ```
    /// # use jamguard::{JamLoginBuilder, Redirect};
    /// # fn example(builder: JamLoginBuilder) -> JamLoginBuilder {
    /// builder.on_login(|login| async move {
    ///     let refresh_token = login.refresh_token();      // keep it on the server
    ///     Ok(Redirect::to("/welcome"))
    /// })
    /// # }
    /// ```
    pub fn on_login<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(Login) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Redirect, Error>> + Send + 'static,
    {
        self.on_login = Some(Arc::new(move |login| Box::pin(handler(login))));
        self
    }

    /// Builds the handlers.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there is no place to keep
    /// the tokens, or the home is not a path of this site.
    pub fn build(self) -> Result<JamLogin, Error> {
        let Self { auth, client, on_login, options: JamLoginOptions { home, keep } } = self;
        let keep = match (keep, auth.cookies()) {
            (Some(KeepIn::Session), _) => Keep::Session,
            (None, _) if auth.has_sessions() => Keep::Session,
            (_, Some(cookies)) => Keep::Cookies(cookies.clone()),
            (_, None) => Keep::Nowhere,
        };
        let can_keep = match &keep {
            Keep::Nowhere => on_login.is_some(),
            Keep::Cookies(_) => true,
            Keep::Session => auth.has_sessions(),
        };
        ensure(
            can_keep,
            "no place to keep the tokens: call .sessions(…) or .cookies(LoginCookies::new()) \
             on the authenticator's builder, or .on_login(…) here",
        )?;
        check_local(&home)?;
        let calls = CallLimit::new(PARALLEL, DEADLINE);
        Ok(JamLogin(Arc::new(Settings { auth, client, keep, home, on_login, calls })))
    }
}

debug_fields!(JamLogin, self, home = self.0.home);

debug_fields!(JamLoginBuilder, self, home = self.options.home);
