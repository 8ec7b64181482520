//! Builds an authenticator.

use super::cookies::{self, LoginCookies};
use super::credentials::{Source, SourceKind};
use super::csrf::OriginCheck;
use super::enrich::{self, EnrichHook, Enricher};
use super::gate::Authenticator;
use super::identity::Identity;
use super::judge::{Hook, Judge, Rules};
use super::routing::Routing;
#[cfg(feature = "session")]
use super::session::{SessionCookie, SessionSettings};
use crate::core::challenge::Challenge;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::core::striped::Striped;
#[cfg(feature = "client")]
use crate::jam::{app::JamApp, client::JamClient};
use crate::policy::ClaimPaths;
#[cfg(feature = "session")]
use crate::session::Sessions;
use crate::store::Store;
use crate::token::list::TokenList;
use crate::token::verifier::Verifier;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Sets an [`Authenticator`] up: which tokens it accepts, where they may be, how it refuses.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, Source, Verifier, jose::{Algorithm, SigningKey}};
///
/// let key = SigningKey::generate(Algorithm::HS256)?;
/// let verifier = Verifier::builder()
///     .key(key.verifying_key()?)
///     .algorithms([Algorithm::HS256])
///     .audience("orders")
///     .build()?;
/// let auth = Authenticator::builder()
///     .verifier(verifier)
///     .sources([Source::bearer(), Source::cookie("__Host-session")])
///     .realm("orders")
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct AuthenticatorBuilder {
    verifiers: Vec<Result<Verifier, Error>>,
    deny_lists: Vec<TokenList>,
    sources: Vec<Source>,
    cookies: Option<LoginCookies>,
    realm: String,
    hook: Option<Hook>,
    lenient_headers: bool,
    strict_cookies: bool,
    trusted_origins: Vec<String>,
    cross_site: bool,
    claim_paths: ClaimPaths,
    clock: Arc<dyn Clock>,
    enrich: Option<EnrichHook>,
    enrichment_ttl: Option<Duration>,
    enrichment_store: Option<Arc<dyn Store>>,
    #[cfg(feature = "client")]
    refresh: Option<JamClient>,
    #[cfg(all(feature = "client", feature = "session"))]
    grace: Option<Duration>,
    #[cfg(feature = "session")]
    sessions: Option<Sessions>,
    #[cfg(feature = "session")]
    session_cookie: Option<SessionCookie>,
}

impl AuthenticatorBuilder {
    pub(crate) fn new() -> Self {
        Self {
            verifiers: Vec::new(),
            deny_lists: Vec::new(),
            sources: Vec::new(),
            cookies: None,
            realm: "jamguard".to_owned(),
            hook: None,
            lenient_headers: false,
            strict_cookies: false,
            trusted_origins: Vec::new(),
            cross_site: false,
            claim_paths: ClaimPaths::default(),
            clock: Arc::new(SystemClock),
            enrich: None,
            enrichment_ttl: None,
            enrichment_store: None,
            #[cfg(feature = "client")]
            refresh: None,
            #[cfg(all(feature = "client", feature = "session"))]
            grace: None,
            #[cfg(feature = "session")]
            sessions: None,
            #[cfg(feature = "session")]
            session_cookie: None,
        }
    }

    /// Accepts the ID tokens of a JAM app. Called again: of another app too.
    #[cfg(feature = "client")]
    pub fn jam(mut self, app: JamApp) -> Self {
        self.verifiers.push(app.verifier());
        self
    }

    /// Accepts the tokens of a verifier. Called again: of another too; a token goes to the one
    /// whose issuer it names, or else to those that ask for no issuer.
    pub fn verifier(mut self, verifier: Verifier) -> Self {
        self.verifiers.push(Ok(verifier));
        self
    }

    /// Refuses the tokens of a deny list, whatever verifier they belong to. Called again: of another
    /// list too.
    ///
    /// ```
    /// # #[cfg(feature = "client")] {
    /// use jamguard::{Authenticator, JamApp, TokenList, store::MemoryStore};
    ///
    /// let denied = TokenList::deny(MemoryStore::new()).build()?;
    /// let auth = Authenticator::builder()
    ///     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
    ///     .deny_list(denied.clone())
    ///     .build()?;
    /// # }
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn deny_list(mut self, list: TokenList) -> Self {
        self.deny_lists.push(list);
        self
    }

    /// Adds a place where a credential may be. The first that has one decides. Without any:
    /// the bearer header, and the cookies of [`cookies`](Self::cookies).
    pub fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    /// Adds several places, in order.
    pub fn sources(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.sources.extend(sources);
        self
    }

    /// Accepts the ID token that a browser login left in these cookies.
    pub fn cookies(mut self, cookies: LoginCookies) -> Self {
        self.cookies = Some(cookies);
        self
    }

    /// Accepts sessions that are kept on the server: a session's user is who sent the request, and
    /// [`Session<T>`](crate::Session) is its data. Its cookie is looked at after all other sources,
    /// unless [`Source::session`] gives it another place.
    ///
    /// ```
    /// use jamguard::{Authenticator, Sessions, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new()).build()?;
    /// let auth = Authenticator::builder().sessions(sessions).build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    #[cfg(feature = "session")]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// The cookie of [`sessions`](Self::sessions); `__Host-jam_session` unless set. Over plain http,
    /// as in development, clients do not give that one back, and every request begins anew: there
    /// it needs [`danger_plain_http`](SessionCookie::danger_plain_http).
    ///
    /// ```
    /// use jamguard::{Authenticator, SessionCookie, Sessions, store::MemoryStore};
    ///
    /// let development = SessionCookie::new().danger_plain_http();
    /// let auth = Authenticator::builder()
    ///     .sessions(Sessions::builder(MemoryStore::new()).build()?)
    ///     .session_cookie(development)
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    #[cfg(feature = "session")]
    pub fn session_cookie(mut self, cookie: SessionCookie) -> Self {
        self.session_cookie = Some(cookie);
        self
    }

    /// The realm of the challenge; `jamguard` unless set.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Replaces the answers to refused requests: gets the error and the standard answer, returns
    /// the one to send. Runs for every framework alike.
    ///
    /// ```
    /// # use jamguard::{Authenticator, ErrorKind};
    /// # let builder = Authenticator::builder();
    /// let builder = builder.on_refusal(|error, challenge| match error.kind() {
    ///     ErrorKind::MissingCredentials => challenge.with_status(303).with_header("location", "/login"),
    ///     _ => challenge,
    /// });
    /// ```
    pub fn on_refusal(
        mut self,
        hook: impl Fn(&Error, Challenge) -> Challenge + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Treats an invalid header or query credential as none where logging in is optional;
    /// otherwise it is refused there too.
    pub fn ignore_invalid_bearer(mut self) -> Self {
        self.lenient_headers = true;
        self
    }

    /// Refuses an invalid or expired cookie also where logging in is optional; otherwise it
    /// makes the request anonymous there.
    pub fn refuse_invalid_cookies(mut self) -> Self {
        self.strict_cookies = true;
        self
    }

    /// Pages of these origins may send requests that rest on a cookie, as this site's own may: another
    /// subdomain of yours, or this site's name in public where a proxy changes the `Host` header.
    ///
    /// Other sites' pages must not: a browser adds cookies to the requests that they make it send
    /// (cross-site request forgery). A request of another method than GET, HEAD, OPTIONS and TRACE,
    /// or that opens a WebSocket, is answered 403 if it comes with a session's or token's cookie and
    /// its `Sec-Fetch-Site` or `Origin` header names another origin. Without both headers it comes
    /// from no browser, and passes. Requests with a bearer token are not asked where they come from.
    ///
    /// A WebSocket over HTTP/2 begins with a `CONNECT` ([RFC 8441]) instead of a `GET`; it is checked
    /// the same. A form on a page with `Referrer-Policy: no-referrer` sends `Origin: null`; over plain
    /// http, where no `Sec-Fetch-Site` comes with it, that is refused: use `same-origin` there.
    ///
    /// [RFC 8441]: https://www.rfc-editor.org/rfc/rfc8441
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// let builder = Authenticator::builder()
    ///     .trusted_origins(["https://admin.example.com", "http://localhost:5173"]);
    /// ```
    pub fn trusted_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.trusted_origins
            .extend(origins.into_iter().map(Into::into));
        self
    }

    /// Lets every site's pages do in your users' name what your own may do; only where something
    /// else in front checks that.
    pub fn danger_accept_cross_site(mut self) -> Self {
        self.cross_site = true;
        self
    }

    /// Where in the claims policies find scopes, roles and the like; as
    /// [`ClaimPaths::default`] says unless set.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// use jamguard::policy::ClaimPaths;
    /// let builder = Authenticator::builder().claim_paths(ClaimPaths::keycloak());
    /// ```
    pub fn claim_paths(mut self, paths: ClaimPaths) -> Self {
        self.claim_paths = paths;
        self
    }

    /// The clock by which policies tell how long ago a login was, and for how long an
    /// [enrichment](Self::enrich) is remembered; the system's unless set. Verifiers have their own.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Adds to each identity's claims what the application itself knows of the user, such as roles
    /// from its own database: a JSON object, whose members take the place of claims of the same
    /// name. Policies see them, and so do [`Claims<T>`](crate::Claims) and
    /// [`Identity::claims`](crate::Identity::claims).
    ///
    /// The hook is asked once per issuer and subject (`sub`, or without that a verified `email`),
    /// however many requests come, and what it gives is remembered for
    /// [a minute](Self::enrichment_ttl) or until [`Authenticator::forget`]: it must depend on nothing
    /// else of the identity. It is not asked about anonymous requests and refused credentials.
    ///
    /// If it fails, the answer is 503, whatever the error, and the next request asks again. It needs
    /// a deadline of its own: requests wait for it. It cannot change `iss`, `sub`, `aud`, `exp`,
    /// `nbf`, `iat` and `jti`, which were checked before; if it tries to, the answer is 500.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// #[derive(serde::Serialize)]
    /// struct Added { roles: Vec<String> }
    ///
    /// # async fn roles_of(email: Option<String>) -> Result<Vec<String>, jamguard::Error> { Ok(vec![]) }
    /// # #[derive(serde::Deserialize)] struct User { email: String }
    /// let builder = Authenticator::builder().enrich(|identity| async move {
    ///     let email = identity.claims::<User>().ok().map(|user| user.email.clone());
    ///     Ok(Added { roles: roles_of(email).await? })
    /// });
    /// ```
    pub fn enrich<F, T>(mut self, hook: impl Fn(Identity) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Serialize,
    {
        self.enrich = Some(enrich::hook(hook));
        self
    }

    /// For how long what [`enrich`](Self::enrich) added is remembered; a minute unless set.
    pub fn enrichment_ttl(mut self, ttl: Duration) -> Self {
        self.enrichment_ttl = Some(ttl);
        self
    }

    /// A store over which other processes learn of [`Authenticator::forget`], such as a `RedisStore`.
    /// All of them are given the same. While it cannot be reached, what was forgotten elsewhere
    /// stays until its [time](Self::enrichment_ttl) has passed.
    pub fn enrichment_store(mut self, store: impl Store) -> Self {
        self.enrichment_store = Some(Arc::new(store));
        self
    }

    /// Renews ID tokens from the refresh token of their login, once per token however many requests
    /// come. Off unless called.
    ///
    /// - An expired token in a cookie: on the way, needs [`cookies`](Self::cookies).
    /// - That of a JAM login's session: in the background for the last fifth of its life, five
    ///   minutes at most; a request waits only where it has expired before. Where JAM refuses, the
    ///   session ends; how long it goes on while JAM is down `outage_grace` says.
    #[cfg(feature = "client")]
    pub fn silent_refresh(mut self, client: JamClient) -> Self {
        self.refresh = Some(client);
        self
    }

    /// How long a JAM login's session goes on, with the claims that it has, after its ID token
    /// expired and while JAM cannot be reached to renew it; an hour unless set. After that its
    /// requests are answered 503, and the cookie is kept: the session may still be good.
    #[cfg(all(feature = "client", feature = "session"))]
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Builds the authenticator; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says
    /// what to change.
    pub fn build(self) -> Result<Authenticator, Error> {
        let verifiers = self
            .verifiers
            .into_iter()
            .map(|verifier| verifier?.with_deny_lists(&self.deny_lists))
            .collect::<Result<Vec<_>, _>>()?;
        #[cfg(feature = "session")]
        let with_sessions = self.sessions.is_some();
        #[cfg(not(feature = "session"))]
        let with_sessions = false;
        if verifiers.is_empty() && !with_sessions {
            return Err(Error::configuration(
                "nothing to verify with: call .jam(JamApp::new(…)), .verifier(…) or .sessions(…)",
            ));
        }
        let mut sources = self.sources;
        if sources.is_empty() && !verifiers.is_empty() {
            sources.push(Source::bearer());
        }
        if let Some(cookies) = &self.cookies {
            cookies.check()?;
            let source = Source::cookie(cookies.id_name());
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        #[cfg(feature = "session")]
        let sessions = SessionSettings::new(self.sessions, self.session_cookie, &mut sources)?;
        let secure = |source: &Source| match &source.0 {
            SourceKind::Cookie(name) => match &self.cookies {
                Some(cookies) if cookies.id_name() == &**name => cookies.is_secure(),
                _ => name.starts_with("__"),
            },
            #[cfg(feature = "session")]
            SourceKind::Session => sessions.as_ref().is_some_and(|s| s.is_secure()),
            _ => true,
        };
        let secure = sources.iter().all(secure);
        let origins = OriginCheck::new(&self.trusted_origins, secure, self.cross_site)?;
        for source in &sources {
            match &source.0 {
                SourceKind::Header(name) | SourceKind::Cookie(name) => cookies::check_name(name)?,
                SourceKind::Query(name) if name.is_empty() => {
                    return Err(Error::configuration(
                        "an empty query parameter: give Source::query(…) its name",
                    ));
                }
                _ => {}
            }
        }
        if !self.realm.chars().all(|c| matches!(c, ' '..='~')) {
            return Err(Error::configuration(
                "the realm must be printable ASCII: it goes into a header",
            ));
        }
        #[cfg(feature = "client")]
        if self.refresh.is_some() && self.cookies.is_none() && !with_sessions {
            return Err(Error::configuration(
                "silent refresh works on login cookies and sessions: call \
                 .cookies(LoginCookies::new()) or .sessions(…) too",
            ));
        }
        #[cfg(all(feature = "client", feature = "session"))]
        if self.grace.is_some() && (self.refresh.is_none() || !with_sessions) {
            return Err(Error::configuration(
                "outage_grace is for sessions that silent refresh renews: call .sessions(…) and \
                 .silent_refresh(…) too",
            ));
        }
        if self.enrich.is_none() && self.enrichment_store.is_some() {
            return Err(Error::configuration(
                "a store for enrichment without any: call .enrich(…) too",
            ));
        }
        if self.enrich.is_none() && self.enrichment_ttl.is_some() {
            return Err(Error::configuration(
                "enrichment_ttl without enrichment: call .enrich(…) too",
            ));
        }
        let enricher = self
            .enrich
            .map(|hook| {
                Enricher::new(
                    hook,
                    self.enrichment_ttl.unwrap_or(enrich::TTL),
                    self.clock.clone(),
                    self.enrichment_store,
                )
            })
            .transpose()?;
        let rules = Arc::new(Rules {
            paths: self.claim_paths,
            clock: self.clock,
            email_verifiers: verifiers
                .iter()
                .filter(|verifier| verifier.issuer_verifies_emails())
                .flat_map(|verifier| verifier.issuers().iter().cloned())
                .collect(),
            realm: self.realm,
            hook: self.hook,
        });
        Ok(Authenticator::new(super::gate::Settings {
            routing: Arc::new(Routing::new(verifiers)),
            sources,
            cookies: self.cookies,
            enricher,
            judges: Striped::new(|| Arc::new(Judge::new(&rules))),
            lenient_headers: self.lenient_headers,
            strict_cookies: self.strict_cookies,
            origins,
            #[cfg(feature = "client")]
            refresh: self.refresh.map(super::refresh::Refresher::new),
            #[cfg(all(feature = "client", feature = "session"))]
            grace: self.grace.unwrap_or(super::session::GRACE),
            #[cfg(feature = "session")]
            sessions: sessions.map(Arc::new),
        }))
    }
}

impl fmt::Debug for AuthenticatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("sources", &self.sources)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}
