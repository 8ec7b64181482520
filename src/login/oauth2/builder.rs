//! The builder of [`OAuth2Login`].

use super::handlers::{Keep, OAuth2Login, OnLogin, Settings, Who};
use super::pending::{BrowserCookie, PendingLogins};
use super::user::{OAuth2Arrival, OAuth2User};
use crate::authenticator::Authenticator;
use crate::core::settings::{options, setters};
use crate::core::{Error, debug_fields};
use crate::login::{Redirect, parts::check_local};
use crate::oauth2::{AuthorizationRequest, OAuth2Client};
use crate::store::{MemoryStore, Store};
use crate::token::{issuer::Issuer, verifier::Verifier};
use std::{future::Future, sync::Arc};

/// The default path after login and logout.
const HOME: &str = "/";

options! {
    /// The options of a login.
    OAuth2LoginOptions {
        /// Path of this site to which browsers go after login and logout. Default: `/`.
        home: Option<String> = None,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        danger_plain_http: bool = false,
    }
}

/// Builder of an [`OAuth2Login`].
///
/// # Example
/// ```
/// # use jamguard::{Authenticator, Error, OAuth2Login, OAuth2User, oauth2::OAuth2Client};
/// # fn example(auth: Authenticator, github: OAuth2Client) -> Result<OAuth2Login, Error> {
/// #[derive(serde::Deserialize)]
/// struct Profile { id: u64 }
///
/// OAuth2Login::builder(&auth, github)
///     .home("/welcome")
///     .user(|arrival| async move {
///         let profile: Profile = arrival.userinfo().await?;
///         Ok(OAuth2User::new(format!("github:{}", profile.id)))
///     })
///     .build()
/// # }
/// ```
#[must_use]
pub struct OAuth2LoginBuilder {
    auth: Authenticator,
    client: OAuth2Client,
    request: AuthorizationRequest,
    issuer: Option<Issuer>,
    verifier: Option<Verifier>,
    who: Option<Who>,
    on_login: Option<OnLogin>,
    store: Option<Arc<dyn Store>>,
    pub(crate) options: OAuth2LoginOptions,
}

impl OAuth2LoginBuilder {
    fn new(auth: &Authenticator, client: OAuth2Client) -> Self {
        Self {
            auth: auth.clone(),
            request: client.authorize(),
            client,
            issuer: None,
            verifier: None,
            who: None,
            on_login: None,
            store: None,
            options: OAuth2LoginOptions::default(),
        }
    }

    setters! {
        /// Sets where browsers go after login and logout: a path of this site. Default: `/`.
        pub fn home(path: impl Into<String>) { self.options.home = Some(path.into()) }
    }

    /// Adds a parameter to each authorization request, such as `prompt` or Google's `access_type`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request = self.request.parameter(name, value);
        self
    }

    /// Sets a closure that maps a login to the application's user: key and claims.
    ///
    /// Its error denies the login; [`AccessDenied`](crate::ErrorKind::AccessDenied) is answered
    /// 403.
    ///
    /// Default: the key is the provider's name and the ID token's subject, such as `google:1102`. A
    /// session's claims are the ID token's, with `email` only if it is verified, as defined by
    /// [`email_domain`](crate::policy::email_domain). Required for providers without ID tokens.
    pub fn user<F, R>(mut self, who: F) -> Self
    where
        F: Fn(OAuth2Arrival) -> R + Send + Sync + 'static,
        R: Future<Output = Result<OAuth2User, Error>> + Send + 'static,
    {
        self.who = Some(Arc::new(move |arrival| Box::pin(who(arrival))));
        self
    }

    setters! {
        /// Ends logins in a token that `issuer` signs, in the authenticator's ID cookie.
        ///
        /// There is no session then, and the provider's tokens are not kept. The authenticator must
        /// accept the issuer's tokens.
        ///
        /// ```
        /// # use jamguard::{Authenticator, Error, Issuer, LoginCookies, OAuth2Login, oauth2::OAuth2Client};
        /// # fn example(issuer: Issuer, google: OAuth2Client) -> Result<OAuth2Login, Error> {
        /// let auth = Authenticator::builder()
        ///     .verifier(issuer.verifier())
        ///     .cookies(LoginCookies::new())
        ///     .build()?;
        /// OAuth2Login::builder(&auth, google).into_jwt(issuer).build()
        /// # }
        /// ```
        pub fn into_jwt(issuer: Issuer) { self.issuer = Some(issuer) }
    }

    /// Passes each login to a closure instead of keeping it.
    ///
    /// The response to its error is the standard one, after
    /// [`on_refusal`](crate::AuthenticatorBuilder::on_refusal).
    pub fn on_login<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(OAuth2Arrival) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Redirect, Error>> + Send + 'static,
    {
        self.on_login = Some(Arc::new(move |arrival| Box::pin(handler(arrival))));
        self
    }

    setters! {
        /// Sets the verifier of ID tokens, at login and at refreshes of a session's tokens.
        ///
        /// Needed for algorithms that the provider does not announce, or keys from another place.
        /// The verifier must require the issuer, and the client's id as audience. Default:
        /// [`OAuth2Client::id_token_verifier`](crate::oauth2::OAuth2Client::id_token_verifier).
        pub fn id_token(verifier: Verifier) { self.verifier = Some(verifier) }

        /// Sets the store of pending logins. Default: the store of the sessions, or else memory.
        ///
        /// In memory, a callback must reach the process that started its login.
        pub fn store(store: impl Store) { self.store = Some(Arc::new(store)) }

        /// Removes the `__Host-` prefix and `Secure` of the browser cookie, for development over
        /// http.
        ///
        /// This is the default if the authenticator's cookies are plain too.
        pub fn danger_plain_http() { self.options.danger_plain_http = true }
    }

    /// Builds the handlers.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if logins have no place to end
    /// in, the user is unknown without `.user(…)`, the client has no redirect URL, a parameter is
    /// one that each login sets, or the home is not a path of this site.
    pub fn build(self) -> Result<OAuth2Login, Error> {
        let refuse = |message: &'static str| Err(Error::configuration(message));
        if self.client.redirect_url().is_none() {
            return refuse("the client has no redirect URL: call .redirect_url(…) on its builder");
        }
        let verifier = match self.verifier {
            Some(verifier) => Some(verifier),
            None if self.request.asks_for_id_token() => {
                Some(self.client.id_token_verifier()?.build()?)
            }
            None => None,
        };
        if verifier.is_some() && !self.request.asks_for_id_token() {
            return refuse(
                "a verifier of ID tokens without ID tokens: the client's provider must be .oidc(), \
                 and its scopes must contain openid",
            );
        }
        let keep = match (self.on_login, self.issuer) {
            (Some(_), Some(_)) => {
                return refuse(".into_jwt(…) and .on_login(…) exclude each other: choose one");
            }
            (Some(on_login), None) => Keep::Handed(on_login),
            (None, Some(issuer)) => match self.auth.cookies() {
                Some(cookies) => Keep::Token(issuer, cookies.clone()),
                None => {
                    return refuse(
                        ".into_jwt(…) needs a cookie: call .cookies(LoginCookies::new()) on the \
                         authenticator's builder",
                    );
                }
            },
            (None, None) if self.auth.has_sessions() => Keep::Session,
            (None, None) => {
                return refuse(
                    "logins have nowhere to end: call .sessions(…) on the authenticator's builder, \
                     or .into_jwt(…) or .on_login(…) here",
                );
            }
        };
        let handed = matches!(keep, Keep::Handed(_));
        if self.who.is_none() && verifier.is_none() && !handed {
            return refuse(
                "it is unknown who logged in: call .user(…), or request an ID token with the \
                 scope openid if the provider issues them",
            );
        }
        let home = self.options.home.unwrap_or_else(|| HOME.to_owned());
        check_local(&home)?;
        self.request.check()?;
        if let (Keep::Session, Some(verifier)) = (&keep, &verifier) {
            self.auth.renews_id_tokens(&self.client, verifier);
        }
        let store = match self.store {
            Some(store) => store,
            None => self.auth.session_store().unwrap_or_else(|| Arc::new(MemoryStore::new())),
        };
        let plain = self.options.danger_plain_http || self.auth.has_plain_cookies();
        Ok(OAuth2Login(Arc::new(Settings {
            pending: PendingLogins::new(store, self.client.provider().name()),
            auth: self.auth,
            client: self.client,
            home,
            request: self.request,
            keep,
            verifier,
            who: self.who,
            cookie: BrowserCookie::new(!plain),
        })))
    }
}

impl OAuth2Login {
    /// Returns a builder of the handlers for one provider.
    ///
    /// `auth` has the sessions or cookies in which a login is kept.
    pub fn builder(auth: &Authenticator, client: OAuth2Client) -> OAuth2LoginBuilder {
        OAuth2LoginBuilder::new(auth, client)
    }
}

debug_fields!(
    OAuth2LoginBuilder,
    self,
    client = self.client,
    home = self.options.home.as_deref().unwrap_or(HOME)
);
