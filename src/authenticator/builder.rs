//! The builder of [`Authenticator`].

use super::accepted::{AcceptedTokens, PathsByIssuer};
use super::context::{HandlerContext, Hook, Rules};
use super::cookies::{self, LoginCookies};
use super::enrich::{self, EnrichHook, Enricher};
use super::handle::Authenticator;
use super::origins::OriginCheck;
use super::possession::Possession;
use super::routing::Routing;
use super::session_cookie::SessionCookie;
use super::session_settings::SessionSettings;
#[cfg(feature = "client")]
use super::silent_refresh::SilentRefresh;
use super::sources::{self, CredentialSource, SourceKind};
use crate::core::settings::{Texts, Time, options, setters};
use crate::core::{
    AuthResponse, Clock, Error, SystemClock, debug_fields, ensure, sharded::Striped,
};
use crate::policy::ClaimPaths;
use crate::session::Sessions;
use crate::store::Store;
use crate::token::{
    list::TokenList, pool::VerificationPool, protected_resource::ProtectedResource,
    verifier::Verifier,
};
use std::sync::Arc;

options! {
    /// The options of an authenticator.
    AuthenticatorOptions {
        /// Realm of challenges, in printable ASCII. Default: `jamguard`.
        realm: String = "jamguard".to_owned(),
        /// Treats an invalid header or query credential as anonymous where login is optional.
        ignore_invalid_bearer: bool = false,
        /// Rejects an invalid cookie also where login is optional.
        refuse_invalid_cookies: bool = false,
        /// Other origins whose pages may send requests with cookie credentials.
        trusted_origins: Texts = Texts::default(),
        /// Lets the pages of all sites send such requests: disables the check against CSRF.
        danger_accept_cross_site: bool = false,
        /// How long claims that the program adds to identities are cached. Default: 1 minute.
        enrichment_ttl: Option<Time> = None,
    }
}

/// Builder of an [`Authenticator`]: accepted tokens, their sources, and how requests are refused.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, CredentialSource, Verifier, jose::{Algorithm, SigningKey}};
///
/// let key = SigningKey::generate(Algorithm::HS256)?;
/// let verifier = Verifier::builder()
///     .key(key.verifying_key()?)
///     .algorithms([Algorithm::HS256])
///     .audience("orders")
///     .build()?;
/// let auth = Authenticator::builder()
///     .verifier(verifier)
///     .sources([CredentialSource::bearer(), CredentialSource::cookie("__Host-session")])
///     .realm("orders")
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Default)]
pub struct AuthenticatorBuilder {
    pub(crate) accepted: Vec<Result<AcceptedTokens, Error>>,
    deny_lists: Vec<TokenList>,
    sources: Vec<CredentialSource>,
    cookies: Option<LoginCookies>,
    hook: Option<Hook>,
    claim_paths: ClaimPaths,
    clock: Option<Arc<dyn Clock>>,
    pool: Option<VerificationPool>,
    pub(super) enrich: Option<EnrichHook>,
    pub(super) enrichment_store: Option<Arc<dyn Store>>,
    #[cfg(feature = "client")]
    pub(crate) silent_refresh: SilentRefresh,
    sessions: Option<Sessions>,
    session_cookie: Option<SessionCookie>,
    pub(super) resource: Option<ProtectedResource>,
    pub(super) possession: Possession,
    pub(crate) options: AuthenticatorOptions,
}

impl Authenticator {
    /// Returns a builder.
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::default()
    }
}

impl AuthenticatorBuilder {
    setters! {
        /// Accepts the tokens of a verifier. Can be called several times.
        ///
        /// A token goes to the verifier of its `iss`, or else to the verifiers without an issuer.
        pub fn verifier(verifier: Verifier) { self.accepted.push(Ok(verifier.into())) }

        /// Rejects the tokens on a deny list, for every verifier. Can be called several times.
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
        pub fn deny_list(list: TokenList) { self.deny_lists.push(list) }

        /// Adds a place where a credential may be. The first source with a credential decides.
        ///
        /// Default, if no source is named: the bearer header or the header of each preset. The
        /// cookies of [`cookies`](Self::cookies) and [`sessions`](Self::sessions) follow in any
        /// case.
        pub fn source(source: CredentialSource) { self.sources.push(source) }

        /// Adds several sources, in order.
        pub fn sources(sources: impl IntoIterator<Item = CredentialSource>) {
            self.sources.extend(sources)
        }

        /// Accepts the ID token of a browser login from these cookies.
        pub fn cookies(cookies: LoginCookies) { self.cookies = Some(cookies) }

        /// Accepts server-side sessions: a session's user is the sender of the request.
        ///
        /// [`Session<T>`](crate::Session) is the session's data. The session cookie is read after
        /// all other sources; [`CredentialSource::session`] moves it.
        ///
        /// ```
        /// use jamguard::{Authenticator, Sessions, store::MemoryStore};
        ///
        /// let sessions = Sessions::builder(MemoryStore::new()).build()?;
        /// let auth = Authenticator::builder().sessions(sessions).build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn sessions(sessions: Sessions) { self.sessions = Some(sessions) }

        /// Sets the cookie of [`sessions`](Self::sessions). Default: `__Host-jam_session`.
        ///
        /// Over plain http, as in development, clients do not send the default cookie back, so
        /// every request starts a new session: use
        /// [`danger_plain_http`](SessionCookie::danger_plain_http).
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
        pub fn session_cookie(cookie: SessionCookie) { self.session_cookie = Some(cookie) }

        /// Sets the realm of challenges, in printable ASCII. Default: `jamguard`.
        pub fn realm(realm: impl Into<String>) { self.options.realm = realm.into() }
    }

    /// Replaces the responses to refused requests, for every framework.
    ///
    /// The hook gets the error and the standard response, and returns the response to send.
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
        hook: impl Fn(&Error, AuthResponse) -> AuthResponse + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    setters! {
        /// Treats an invalid header or query credential as anonymous where login is optional.
        ///
        /// Default: it is rejected there too.
        pub fn ignore_invalid_bearer() { self.options.ignore_invalid_bearer = true }

        /// Rejects an invalid or expired cookie also where login is optional.
        ///
        /// Default: it makes the request anonymous there.
        pub fn refuse_invalid_cookies() { self.options.refuse_invalid_cookies = true }

        /// Adds origins whose pages may send requests with cookies, in addition to this site's own.
        ///
        /// For example another subdomain, or this site's public name behind a proxy that changes
        /// the `Host` header.
        ///
        /// A browser adds cookies to requests that pages of other sites make it send (cross-site
        /// request forgery). A request with a session or token cookie, or with the header of a
        /// [proxy](CredentialSource::proxy_header), is answered 403 if its method is not GET, HEAD,
        /// OPTIONS or TRACE, or if it opens a WebSocket, and its `Sec-Fetch-Site` or `Origin`
        /// header names another origin. A request without both headers does not come from a browser
        /// and passes. Requests with a bearer token are not checked.
        ///
        /// WebSockets over HTTP/2 (`CONNECT`, [RFC 8441]) are checked the same way. A form on a
        /// page with `Referrer-Policy: no-referrer` sends `Origin: null`. Over plain http browsers
        /// send no `Sec-Fetch-Site`, so that is denied: use `same-origin` there.
        ///
        /// [RFC 8441]: https://www.rfc-editor.org/rfc/rfc8441
        ///
        /// ```
        /// # use jamguard::Authenticator;
        /// let builder = Authenticator::builder()
        ///     .trusted_origins(["https://admin.example.com", "http://localhost:5173"]);
        /// ```
        pub fn trusted_origins(origins: impl IntoIterator<Item = impl Into<String>>) {
            self.options.trusted_origins.0.extend(origins.into_iter().map(Into::into))
        }

        /// Disables the check for cross-site request forgery.
        ///
        /// Every site's pages can then act in your users' name. Use it only behind a proxy that
        /// checks.
        pub fn danger_accept_cross_site() { self.options.danger_accept_cross_site = true }

        /// Sets where policies find scopes, roles and similar values in the claims.
        ///
        /// Default: [`ClaimPaths::default`]. The tokens of a preset are read with the paths of
        /// their preset alone, also for [`scope_implies`](ClaimPaths::scope_implies): change them
        /// with [`Preset::claim_paths`](crate::Preset::claim_paths).
        ///
        /// ```
        /// # use jamguard::Authenticator;
        /// use jamguard::policy::ClaimPaths;
        /// let builder = Authenticator::builder().claim_paths(ClaimPaths::keycloak());
        /// ```
        pub fn claim_paths(paths: ClaimPaths) { self.claim_paths = paths }

        /// Sets the clock of the authenticator and of all its parts.
        ///
        /// It decides when tokens, sessions, logins, fetched keys and the
        /// [enrichment](Self::enrich) cache expire. It replaces the clocks of the verifiers, their
        /// key sets, key rings and lists, and of the sessions, also in clones of them outside of
        /// the authenticator. A part that several authenticators share follows the first of them
        /// that has a clock. Dates that a part already holds do not change: give the clock to an
        /// in-memory key ring too if its rotation matters. Stores keep their own, which only
        /// decides when expired records are removed.
        ///
        /// Default: each part keeps its clock; policies and the cache use the system clock.
        ///
        /// ```
        /// # #[cfg(feature = "testing")] {
        /// use jamguard::{Authenticator, Sessions, store::MemoryStore, testing::ManualClock};
        ///
        /// let clock = ManualClock::at(1_700_000_000);
        /// let auth = Authenticator::builder()
        ///     .sessions(Sessions::builder(MemoryStore::new()).build()?)
        ///     .clock(clock.clone())
        ///     .build()?;
        /// clock.advance(std::time::Duration::from_secs(24 * 3600)); // idle sessions have ended
        /// # }
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn clock(clock: impl Clock) { self.clock = Some(Arc::new(clock)) }
    }

    /// Sets the pool that checks costly signatures, of tokens and of DPoP proofs.
    ///
    /// It replaces the pools of the verifiers, also in clones of them outside of the authenticator. A
    /// verifier that several authenticators share follows the first of them that has a pool. Default:
    /// each verifier keeps its pool, and those without one share one.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// use jamguard::VerificationPool;
    /// let pool = VerificationPool::builder().threads(2).build()?;
    /// let builder = Authenticator::builder().verification_pool(pool);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn verification_pool(mut self, pool: VerificationPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Builds the authenticator. Fetches nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration); the message says what to
    /// change.
    pub fn build(self) -> Result<Authenticator, Error> {
        let options = self.options;
        let accepted = self
            .accepted
            .into_iter()
            .map(|accepted| {
                let accepted = accepted?.with_deny_lists(&self.deny_lists)?;
                Ok(accepted.accepting_bound(self.possession.is_any()))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let with_sessions = self.sessions.is_some();
        if accepted.is_empty() && !with_sessions {
            return Err(Error::configuration(
                "nothing to verify with: call .preset(…), .jam(JamApp::new(…)), .verifier(…) or \
                 .sessions(…)",
            ));
        }
        let mut sources = self.sources;
        if sources.is_empty() {
            for AcceptedTokens { source, .. } in &accepted {
                if !sources.contains(source) {
                    sources.push(source.clone());
                }
            }
        }
        self.possession.add_to(&mut sources)?;
        if let Some(cookies) = &self.cookies {
            cookies.check()?;
            let source = CredentialSource::cookie(cookies.id_name());
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let sessions = SessionSettings::new(self.sessions, self.session_cookie, &mut sources)?;
        let secure = |source: &CredentialSource| match &source.0 {
            SourceKind::Cookie(name) => match &self.cookies {
                Some(cookies) if cookies.id_name() == &**name => cookies.is_secure(),
                _ => name.starts_with("__"),
            },
            SourceKind::Session => sessions.as_ref().is_some_and(|s| s.is_secure()),
            _ => true,
        };
        let secure = sources.iter().all(secure);
        let origins =
            OriginCheck::new(&options.trusted_origins.0, secure, options.danger_accept_cross_site)?;
        for source in &sources {
            match &source.0 {
                SourceKind::Header(name) => {
                    cookies::check_name(name)?;
                    sources::check_header(name)?;
                }
                SourceKind::ProxyHeader(name) | SourceKind::Cookie(name) => {
                    cookies::check_name(name)?
                }
                SourceKind::Query(name) if name.is_empty() => {
                    return Err(Error::configuration(
                        "the name of a query parameter is empty: give CredentialSource::query(…) a name",
                    ));
                }
                _ => {}
            }
        }
        if !options.realm.chars().all(|c| matches!(c, ' '..='~')) {
            return Err(Error::configuration(
                "the realm must be printable ASCII: it goes into a header",
            ));
        }
        if self.resource.is_some() {
            sources::check_no_query(&sources)?;
            ensure(
                !options.realm.contains(['=', '"', '\\']),
                "the realm of a protected resource must have no '=', quotes and backslashes: \
                 clients search the text of the challenge for its parameters",
            )?;
        }
        #[cfg(feature = "client")]
        self.silent_refresh.check(self.cookies.is_some(), with_sessions)?;
        if self.enrich.is_none() && self.enrichment_store.is_some() {
            return Err(Error::configuration(
                "enrichment_store without enrichment: call .enrich(…) too",
            ));
        }
        if self.enrich.is_none() && options.enrichment_ttl.is_some() {
            return Err(Error::configuration(
                "enrichment_ttl without enrichment: call .enrich(…) too",
            ));
        }
        let paths = PathsByIssuer::new(self.claim_paths, &accepted)?;
        let verifiers: Vec<Verifier> = accepted.into_iter().map(|tokens| tokens.verifier).collect();
        if let Some(clock) = &self.clock {
            verifiers.iter().for_each(|verifier| verifier.follow_clock(clock));
            if let Some(sessions) = &sessions {
                sessions.sessions.follow_clock(clock);
            }
            self.possession.follow_clock(clock);
        }
        if let Some(pool) = &self.pool {
            verifiers.iter().for_each(|verifier| verifier.follow_pool(pool));
            self.possession.follow_pool(pool);
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let enricher = self
            .enrich
            .map(|hook| {
                Enricher::new(
                    hook,
                    options.enrichment_ttl.map_or(enrich::TTL, |Time(ttl)| ttl),
                    clock.clone(),
                    self.enrichment_store,
                )
            })
            .transpose()?;
        let email_verifiers = verifiers
            .iter()
            .filter(|verifier| verifier.issuer_verifies_emails())
            .flat_map(|verifier| verifier.issuers().exact().iter().cloned())
            .collect();
        let routing = Arc::new(Routing::new(verifiers)?);
        let rules = Arc::new(Rules {
            paths,
            clock,
            email_verifiers,
            realm: options.realm,
            dpop: self.possession.dpop.clone(),
            hook: self.hook,
            vary: vary(&sources),
            routing: routing.clone(),
            sessions: sessions.as_ref().map(|settings| settings.sessions.clone()),
            resource: self.resource,
        });
        Ok(Authenticator::new(super::handle::Settings {
            routing,
            sources,
            cookies: self.cookies,
            enricher,
            contexts: Striped::new(|| Arc::new(HandlerContext::new(&rules))),
            lenient_headers: options.ignore_invalid_bearer,
            strict_cookies: options.refuse_invalid_cookies,
            origins,
            #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
            refresh: super::request::refresh::Refresher::new(self.silent_refresh),
            sessions: sessions.map(Arc::new),
            possession: self.possession.is_any().then(|| Arc::new(self.possession)),
        }))
    }
}

/// Returns the request headers of all sources.
fn vary(sources: &[CredentialSource]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in sources.iter().filter_map(CredentialSource::vary) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

debug_fields!(AuthenticatorBuilder, self, sources = self.sources, realm = self.options.realm);
