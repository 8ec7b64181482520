//! The browser's part of a JAM login: the magic link's redirect, and logging out.

use crate::authenticator::{Authenticator, Head, Identity, LoginCookies, cookies, credentials};
use crate::core::challenge::Challenge;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use crate::endpoint::Endpoint;
use crate::jam::client::JamClient;
use crate::token::keys::BoxFuture;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

type OnLogin = Arc<dyn Fn(Login) -> BoxFuture<Result<Redirect, Error>> + Send + Sync>;

/// Ready-made handlers for the redirect of a magic link and for logging out.
///
/// The redirect handler verifies the ID token of the URL, keeps both tokens in HttpOnly cookies
/// (or gives them to a closure of yours) and sends the browser on to a URL without tokens.
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
    cookies: Option<LoginCookies>,
    home: String,
    on_login: Option<OnLogin>,
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
                cookies: auth.cookies().cloned(),
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
            Box::pin(async move {
                match tokens {
                    Ok((id_token, refresh_token)) => login.arrived(id_token, refresh_token).await,
                    Err(error) => private(login.0.auth.challenge(&error)),
                }
            })
        })
    }

    /// The handler that ends the login, for `POST`: deletes the refresh token at JAM and removes
    /// the cookies. Answers 303 to the home page where HTML is asked for, otherwise 204.
    pub fn logout(&self) -> Endpoint {
        let login = self.clone();
        Endpoint::new("logout", move |asked| {
            let login = login.clone();
            let cookies = login.0.cookies.as_ref();
            let presented = cookies.map(|cookies| Presented::of(asked, cookies));
            let html = credentials::accepts_html(asked);
            let foreign = login.0.auth.origins().check(asked).err();
            Box::pin(async move {
                let presented = presented.unwrap_or_default();
                match foreign.filter(|_| presented.any) {
                    Some(error) => private(login.0.auth.challenge(&error)),
                    None => login.leave(presented, html).await,
                }
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

    /// Gives the tokens to your code instead of putting them into cookies. An error is answered as
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
        if settings.cookies.is_none() && settings.on_login.is_none() {
            return Err(Error::configuration(
                "nowhere to put the tokens: call .cookies(LoginCookies::new()) on the \
                 authenticator's builder, or .on_login(…) here",
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

/// The login cookies of a request.
#[derive(Default)]
struct Presented {
    any: bool,
    id_token: Option<Secret>,
    refresh_token: Option<Secret>,
}

impl Presented {
    fn of(head: &impl Head, cookies: &LoginCookies) -> Self {
        let id_token = credentials::cookie(head, cookies.id_name());
        let refresh_token = credentials::cookie(head, cookies.refresh_name());
        let text = |found: &Result<Option<&[u8]>, Error>| {
            let value = found.as_ref().ok().copied().flatten()?;
            std::str::from_utf8(value).ok().map(Secret::new)
        };
        Self {
            any: !matches!((&id_token, &refresh_token), (Ok(None), Ok(None))),
            id_token: text(&id_token),
            refresh_token: text(&refresh_token),
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
    async fn arrived(&self, id_token: Secret, refresh_token: Option<Secret>) -> Challenge {
        let settings = &*self.0;
        let identity = match settings.auth.authenticate(id_token.expose()).await {
            // The authenticator may know other apps and issuers; their users are others.
            Ok(identity) if !settings.client.is_issuer(identity.issuer()) => {
                let error = Error::new(ErrorKind::UnknownIssuer, "the token is not of this app");
                return private(settings.auth.challenge(&error));
            }
            Ok(identity) => identity,
            Err(error) => return private(settings.auth.challenge(&error)),
        };
        let login = Login {
            identity,
            refresh_token,
        };
        if let Some(on_login) = &settings.on_login {
            return match on_login(login).await {
                Ok(redirect) => redirect.0,
                Err(error) => private(settings.auth.challenge(&error)),
            };
        }
        let mut redirect = Redirect::to(&settings.home);
        if let Some(cookies) = &settings.cookies {
            redirect = redirect.with_header("set-cookie", cookies.set_id(id_token.expose()));
            redirect = redirect.with_header(
                "set-cookie",
                match &login.refresh_token {
                    Some(token) => cookies.set_refresh(token.expose()),
                    // One of an earlier login must not outlive this one.
                    None => cookies.remove_refresh(),
                },
            );
        }
        redirect.0
    }

    async fn leave(&self, presented: Presented, html: bool) -> Challenge {
        let settings = &*self.0;
        if let Some(refresh_token) = &presented.refresh_token
            && let Err(error) = self.end(presented.id_token, refresh_token).await
        {
            telemetry::warn("a refresh token could not be deleted at logout", &error);
        }
        let mut redirect = if html {
            Redirect::to(&settings.home)
        } else {
            Redirect(private(Challenge::new(204)))
        };
        // Another site's form comes without the cookies (SameSite) and must not remove them.
        if let Some(cookies) = settings.cookies.as_ref().filter(|_| presented.any) {
            redirect = redirect
                .with_header("set-cookie", cookies.remove_refresh())
                .with_header("set-cookie", cookies.remove_id());
        }
        redirect.0
    }

    /// Deletes the refresh token at JAM; an expired ID token is renewed for that first.
    async fn end(&self, id_token: Option<Secret>, refresh_token: &Secret) -> Result<(), Error> {
        let client = &self.0.client;
        let refresh_token = refresh_token.expose();
        if let Some(id_token) = id_token {
            match client
                .delete_refresh_token(id_token.expose(), refresh_token)
                .await
            {
                Err(error) if error.kind() == ErrorKind::Unauthorized => {}
                answer => return answer,
            }
        }
        let id_token = client.refresh(refresh_token).await?;
        client
            .delete_refresh_token(id_token.expose(), refresh_token)
            .await
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
