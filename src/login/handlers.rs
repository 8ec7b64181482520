//! The ready-made handlers, and where logins go.

use super::leaving::Presented;
use super::parts::{Login, Redirect, check_local, endpoint, private, query_tokens};
#[cfg(feature = "session")]
use crate::authenticator::Visit;
use crate::authenticator::{Authenticator, Head, LoginCookies, credentials};
use crate::core::call_limit::CallLimit;
use crate::core::error::Error;
use crate::endpoint::Endpoint;
use crate::jam::client::JamClient;
use crate::token::keys::BoxFuture;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Logouts that talk to JAM at once; more of them wait.
const PARALLEL: usize = 16;
/// The longest that JAM, and other logouts, hold up a logout.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

type OnLogin = Arc<dyn Fn(Login) -> BoxFuture<Result<Redirect, Error>> + Send + Sync>;

/// Ready-made handlers for the redirect of a magic link and for logging out.
///
/// The redirect handler verifies the ID token of the URL, begins a session that holds both tokens on
/// the server (or keeps them in HttpOnly cookies, or gives them to a closure of yours), and sends
/// the browser on to a URL without tokens.
///
/// A session of the same browser gets another id: a guest's data stays, another user's session ends.
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
    /// Logouts at JAM.
    pub(super) calls: CallLimit,
}

/// Where the tokens go.
pub(super) enum Keep {
    Nowhere,
    Cookies(LoginCookies),
    #[cfg(feature = "session")]
    Session,
}

/// Sets a [`JamLogin`] up.
#[must_use]
pub struct JamLoginBuilder {
    settings: Settings,
}

impl JamLogin {
    /// Begins the handlers of an app: `auth` verifies, `client` says which app it is and ends
    /// refresh tokens at logout.
    pub fn builder(auth: &Authenticator, client: JamClient) -> JamLoginBuilder {
        JamLoginBuilder {
            settings: Settings {
                auth: auth.clone(),
                client,
                keep: keep(auth),
                home: "/".to_owned(),
                on_login: None,
                calls: CallLimit::new(PARALLEL, DEADLINE),
            },
        }
    }

    /// The handler of the app's redirect URL, for `GET`. Other methods are answered 405, however it is
    /// mounted: `HEAD`, with which previews and monitors look at links, logs in nowhere.
    pub fn redirect(&self) -> Endpoint {
        let login = self.clone();
        endpoint("redirect", "GET", move |asked| {
            let (login, tokens) = (
                login.clone(),
                query_tokens(asked.query().unwrap_or_default()),
            );
            #[cfg(feature = "session")]
            let visit = login.visit(asked);
            Box::pin(async move {
                let arrived = match tokens {
                    Ok((id_token, refresh_token)) => login.arrived(id_token, refresh_token).await,
                    Err(error) => Err(error),
                };
                let answer = match arrived {
                    #[cfg(feature = "session")]
                    Ok(arrived) => login.welcome(arrived, visit).await,
                    #[cfg(not(feature = "session"))]
                    Ok(arrived) => login.welcome(arrived).await,
                    Err(error) => Err(error),
                };
                answer.unwrap_or_else(|error| private(login.0.auth.challenge(&error)))
            })
        })
    }

    /// The handler that ends the login, for `POST`: ends the session, deletes its refresh token at JAM
    /// and removes the cookies. Answers 303 to the home page where HTML is asked for, otherwise 204.
    /// Another site's page is refused, 403; other methods are answered 405, however it is mounted.
    ///
    /// A refresh token in a cookie is deleted at JAM where the ID token beside it is genuine, also an
    /// expired one. At most 16 logouts talk to JAM at once, and each waits 5 s at most: the login ends
    /// here in any case.
    pub fn logout(&self) -> Endpoint {
        self.ending("logout", false)
    }

    /// The handler that ends all logins of the user, for `POST`: every session, and every refresh
    /// token at JAM. ID tokens in other browsers' cookies cannot be taken back, and live until they
    /// expire. Answers 401 where nobody is logged in, otherwise as [`logout`](Self::logout).
    pub fn logout_everywhere(&self) -> Endpoint {
        self.ending("logout_everywhere", true)
    }

    fn ending(&self, name: &'static str, everywhere: bool) -> Endpoint {
        let login = self.clone();
        endpoint(name, "POST", move |asked| {
            let auth = &login.0.auth;
            #[cfg(feature = "session")]
            let presented = Presented::of(asked, auth, login.visit(asked));
            #[cfg(not(feature = "session"))]
            let presented = Presented::of(asked, auth);
            let html = credentials::accepts_html(asked);
            let login = login.clone();
            Box::pin(async move {
                let left = match presented.check_origin() {
                    Ok(()) => login.leave(presented, html, everywhere).await,
                    Err(error) => Err(error),
                };
                left.unwrap_or_else(|error| private(login.0.auth.challenge(&error)))
            })
        })
    }
}

impl JamLoginBuilder {
    /// Where browsers go after logging in or out: a path of this site, `/` unless set.
    pub fn home(mut self, path: impl Into<String>) -> Self {
        self.settings.home = path.into();
        self
    }

    /// Begins a session at each login; so it is without being said where the authenticator has
    /// sessions.
    #[cfg(feature = "session")]
    pub fn into_session(mut self) -> Self {
        self.settings.keep = Keep::Session;
        self
    }

    /// Keeps the tokens in the authenticator's login cookies, also where it has sessions.
    pub fn into_cookies(mut self) -> Self {
        self.settings.keep = match self.settings.auth.cookies() {
            Some(cookies) => Keep::Cookies(cookies.clone()),
            None => Keep::Nowhere,
        };
        self
    }

    /// Gives the tokens to your code instead of keeping them. An error is answered as
    /// any refusal is.
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
        self.settings.on_login = Some(Arc::new(move |login| Box::pin(handler(login))));
        self
    }

    /// Builds the handlers.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where there is nowhere to put the tokens, or the home is not
    /// a path of this site.
    pub fn build(self) -> Result<JamLogin, Error> {
        let settings = self.settings;
        let nowhere = match &settings.keep {
            Keep::Nowhere => settings.on_login.is_none(),
            Keep::Cookies(_) => false,
            #[cfg(feature = "session")]
            Keep::Session => !settings.auth.has_sessions(),
        };
        if nowhere {
            return Err(Error::configuration(
                "nowhere to put the tokens: call .sessions(…) or .cookies(LoginCookies::new()) on \
                 the authenticator's builder, or .on_login(…) here",
            ));
        }
        check_local(&settings.home)?;
        Ok(JamLogin(Arc::new(settings)))
    }
}

/// Where a login goes unless that is said: the safest place that there is.
fn keep(auth: &Authenticator) -> Keep {
    #[cfg(feature = "session")]
    if auth.has_sessions() {
        return Keep::Session;
    }
    match auth.cookies() {
        Some(cookies) => Keep::Cookies(cookies.clone()),
        None => Keep::Nowhere,
    }
}

#[cfg(feature = "session")]
impl JamLogin {
    /// The session of a request, where logins go there.
    pub(super) fn visit(&self, head: &impl Head) -> Option<Arc<Visit>> {
        match self.0.keep {
            Keep::Session => self.0.auth.visit(head),
            _ => None,
        }
    }
}

impl fmt::Debug for JamLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JamLogin")
            .field("home", &self.0.home)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for JamLoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JamLoginBuilder")
            .field("home", &self.settings.home)
            .finish_non_exhaustive()
    }
}
