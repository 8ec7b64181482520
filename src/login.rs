//! The browser's part of a JAM login: the magic link's redirect, and logging out.

#[cfg(feature = "session")]
use crate::authenticator::Visit;
use crate::authenticator::{Authenticator, Head, Identity, LoginCookies, cookies, credentials};
use crate::core::challenge::Challenge;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use crate::endpoint::Endpoint;
use crate::jam::client::JamClient;
#[cfg(feature = "session")]
use crate::session::{NewSession, Tokens};
use crate::token::keys::BoxFuture;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

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
pub struct JamLogin(Arc<Settings>);

struct Settings {
    auth: Authenticator,
    client: JamClient,
    keep: Keep,
    home: String,
    on_login: Option<OnLogin>,
}

/// Where the tokens go.
enum Keep {
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
            },
        }
    }

    /// The handler of the app's redirect URL, for `GET`.
    pub fn redirect(&self) -> Endpoint {
        let login = self.clone();
        Endpoint::new("redirect", move |asked| {
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

    /// The handler that ends the login, for `POST`: deletes the refresh token at JAM, ends the
    /// session and removes the cookies. Answers 303 to the home page where HTML is asked for,
    /// otherwise 204. Another site's page is refused, 403.
    pub fn logout(&self) -> Endpoint {
        self.ending("logout", false)
    }

    /// The handler that ends all logins of the user, for `POST`: every session, and every refresh
    /// token at JAM. Needs sessions: what stands in cookies cannot be taken back. Answers 401 where
    /// nobody is logged in, otherwise as [`logout`](Self::logout).
    #[cfg(feature = "session")]
    pub fn logout_everywhere(&self) -> Endpoint {
        self.ending("logout_everywhere", true)
    }

    fn ending(&self, name: &'static str, everywhere: bool) -> Endpoint {
        let login = self.clone();
        Endpoint::new(name, move |asked| {
            let login = login.clone();
            let presented = Presented::of(asked, &login);
            let html = credentials::accepts_html(asked);
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
    /// [`ErrorKind::Configuration`] where there is nowhere to put the tokens, or the home is not
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

/// A path of this very site: `//host` and `/\host` would lead elsewhere.
fn check_local(path: &str) -> Result<(), Error> {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'\\');
    if local {
        Ok(())
    } else {
        Err(Error::configuration(
            "the home must be a path of this site, such as /welcome",
        ))
    }
}

/// A verified login, for [`JamLoginBuilder::on_login`].
///
/// # Example
/// ```
/// use jamguard::{Error, Login, Redirect};
///
/// async fn arrived(login: Login) -> Result<Redirect, Error> {
///     #[derive(serde::Deserialize)]
///     struct User { email: String }
///
///     let user: &User = login.identity().claims()?;
///     println!("{} logged in", user.email);
///     Ok(Redirect::to("/welcome"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Login {
    identity: Identity,
    refresh_token: Option<Secret>,
}

impl Login {
    /// Who logged in; its [`token`](Identity::token) is the ID token.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The refresh token, where the app allows refreshing.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }
}

/// Where a browser goes next: `303 See Other`, not to be stored, without a referrer.
///
/// # Example
/// ```
/// use jamguard::Redirect;
/// let next = Redirect::to("/welcome").with_header("set-cookie", "theme=dark; Path=/");
/// ```
#[derive(Clone, Debug)]
pub struct Redirect(Challenge);

impl Redirect {
    /// To this URL. Never take it from the request unchecked: that is an open redirect.
    pub fn to(url: impl Into<String>) -> Self {
        Self(private(
            Challenge::new(303).with_header("location", url.into()),
        ))
    }

    /// The same with a header more; `set-cookie` may come more than once.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.add_header(name, value);
        self
    }
}

/// The tokens of this URL belong into no cache, history entry's referrer, or proxy.
fn private(answer: Challenge) -> Challenge {
    answer
        .with_header("cache-control", "no-store")
        .with_header("referrer-policy", "no-referrer")
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

/// What a request has of a login.
struct Presented {
    id_token: Option<Secret>,
    refresh_token: Option<Secret>,
    /// Whether there are login cookies, whatever they are worth.
    cookies: bool,
    foreign: Option<Error>,
    #[cfg(feature = "session")]
    visit: Option<Arc<Visit>>,
}

impl Presented {
    fn of(head: &impl Head, login: &JamLogin) -> Self {
        let auth = &login.0.auth;
        let cookies = auth.cookies();
        let find = |name: &str| credentials::cookie(head, name);
        let id_token = cookies.map_or(Ok(None), |cookies| find(cookies.id_name()));
        let refresh_token = cookies.map_or(Ok(None), |cookies| find(cookies.refresh_name()));
        let text = |found: &Result<Option<&[u8]>, Error>| {
            let value = found.as_ref().ok().copied().flatten()?;
            std::str::from_utf8(value).ok().map(Secret::new)
        };
        Self {
            id_token: text(&id_token),
            refresh_token: text(&refresh_token),
            cookies: !matches!((&id_token, &refresh_token), (Ok(None), Ok(None))),
            foreign: auth.origins().check(head).err(),
            #[cfg(feature = "session")]
            visit: login.visit(head),
        }
    }

    /// Another site's form comes without the cookies where these are SameSite, and does nothing.
    fn check_origin(&self) -> Result<(), Error> {
        #[cfg(feature = "session")]
        if let Some(visit) = self.visit.as_ref().filter(|visit| visit.has_cookie()) {
            visit.check_origin()?;
        }
        match &self.foreign {
            Some(foreign) if self.cookies => Err(foreign.clone()),
            _ => Ok(()),
        }
    }
}

/// The `idToken` and `refreshToken` of the redirect's query.
fn query_tokens(query: &str) -> Result<(Secret, Option<Secret>), Error> {
    let only = |name: &str| {
        let mut values = credentials::parameter(query, name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => match std::str::from_utf8(&value) {
                Ok(text) if cookies::is_value(text) => Ok(Some(Secret::new(text))),
                _ => Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "a token of the redirect holds characters that no token has",
                )),
            },
            (Some(_), Some(_)) => Err(Error::new(
                ErrorKind::InvalidRequest,
                "a token comes twice in the redirect",
            )),
        }
    };
    let id_token = only("idToken")?
        .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "the redirect has no idToken"))?;
    Ok((id_token, only("refreshToken")?))
}

impl JamLogin {
    /// The session of a request, where logins go there.
    #[cfg(feature = "session")]
    fn visit(&self, head: &impl Head) -> Option<Arc<Visit>> {
        match self.0.keep {
            Keep::Session => self.0.auth.visit(head),
            _ => None,
        }
    }

    async fn arrived(
        &self,
        id_token: Secret,
        refresh_token: Option<Secret>,
    ) -> Result<Login, Error> {
        let settings = &*self.0;
        let identity = settings.auth.authenticate(id_token.expose()).await?;
        // The authenticator may know other apps and issuers; their users are others.
        if !settings.client.is_issuer(identity.issuer()) {
            return Err(Error::new(
                ErrorKind::UnknownIssuer,
                "the token is not of this app",
            ));
        }
        Ok(Login {
            identity,
            refresh_token,
        })
    }

    async fn welcome(
        &self,
        login: Login,
        #[cfg(feature = "session")] visit: Option<Arc<Visit>>,
    ) -> Result<Challenge, Error> {
        let settings = &*self.0;
        if let Some(on_login) = &settings.on_login {
            return on_login(login).await.map(|redirect| redirect.0);
        }
        let redirect = Redirect::to(&settings.home);
        #[cfg(feature = "session")]
        if let Some(visit) = visit {
            let cookie = visit.log_in(login.into_session()?).await?;
            return Ok(redirect.with_header("set-cookie", cookie).0);
        }
        let (Keep::Cookies(cookies), Some(token)) = (&settings.keep, login.identity.token()) else {
            return Ok(redirect.0);
        };
        let refresh_token = match &login.refresh_token {
            Some(token) => cookies.set_refresh(token.expose()),
            // One of an earlier login must not outlive this one.
            None => cookies.remove_refresh(),
        };
        Ok(redirect
            .with_header("set-cookie", cookies.set_id(token.expose_token()))
            .with_header("set-cookie", refresh_token)
            .0)
    }

    async fn leave(
        &self,
        presented: Presented,
        html: bool,
        everywhere: bool,
    ) -> Result<Challenge, Error> {
        let settings = &*self.0;
        let mut logins = vec![(presented.id_token, presented.refresh_token)];
        let mut removals = Vec::new();
        #[cfg(feature = "session")]
        if let Some(visit) = &presented.visit {
            // The session ends first: whatever JAM says, nobody uses it any more.
            if let Some(left) = visit.log_out(everywhere).await? {
                let tokens = left.tokens().map(|tokens| {
                    let refresh = tokens.refresh.clone();
                    (Some(tokens.id.clone()), refresh)
                });
                logins.extend(tokens);
            } else if everywhere {
                return Err(Error::new(
                    ErrorKind::MissingCredentials,
                    "nobody is logged in with this session",
                ));
            }
            if visit.has_cookie() {
                removals.push(visit.remove_cookie());
            }
        }
        for (id_token, refresh_token) in logins {
            if let Some(refresh_token) = &refresh_token
                && let Err(error) = self.end(id_token, refresh_token, everywhere).await
            {
                telemetry::warn("a refresh token could not be deleted at logout", &error);
            }
        }
        let mut redirect = if html {
            Redirect::to(&settings.home)
        } else {
            Redirect(private(Challenge::new(204)))
        };
        // Another site's form comes without the cookies (SameSite) and must not remove them.
        if let Some(cookies) = settings.auth.cookies().filter(|_| presented.cookies) {
            removals.extend([cookies.remove_refresh(), cookies.remove_id()]);
        }
        for removal in removals {
            redirect = redirect.with_header("set-cookie", removal);
        }
        Ok(redirect.0)
    }

    /// Deletes the refresh token at JAM, or all of its user's; an expired ID token is renewed for
    /// that first.
    async fn end(
        &self,
        id_token: Option<Secret>,
        refresh_token: &Secret,
        everywhere: bool,
    ) -> Result<(), Error> {
        let client = &self.0.client;
        let refresh_token = refresh_token.expose();
        let delete = async |id_token: &Secret| match everywhere {
            true => client.delete_all_refresh_tokens(id_token.expose()).await,
            false => {
                let id_token = id_token.expose();
                client.delete_refresh_token(id_token, refresh_token).await
            }
        };
        if let Some(id_token) = &id_token {
            match delete(id_token).await {
                Err(error) if error.kind() == ErrorKind::Unauthorized => {}
                answer => return answer,
            }
        }
        delete(&client.refresh(refresh_token).await?).await
    }
}

impl Login {
    /// The session that it begins.
    #[cfg(feature = "session")]
    fn into_session(self) -> Result<NewSession, Error> {
        #[derive(serde::Deserialize)]
        struct Mail {
            email: String,
        }

        let user = match (self.identity.subject(), self.identity.claims::<Mail>()) {
            (Some(subject), _) => subject.to_owned(),
            (None, Ok(mail)) => mail.email.clone(),
            (None, Err(_)) => {
                return Err(Error::new(
                    ErrorKind::MissingClaim,
                    "the ID token has neither 'sub' nor 'email': whose session would it be?",
                ));
            }
        };
        let token = self.identity.token().map(|token| token.expose_token());
        let id_token = Secret::new(token.unwrap_or_default());
        Ok(NewSession::of(user)
            .claims_text(self.identity.raw_claims().to_owned())
            .tokens(Tokens::new(id_token, self.refresh_token)))
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
