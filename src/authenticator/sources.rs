//! The places of a request where a credential may be.

use crate::core::{Error, ensure};

/// The header with the subprotocols that a WebSocket client offers (RFC 6455 section 11.3.4).
pub(crate) const SUBPROTOCOLS: &str = "sec-websocket-protocol";

/// The headers of proxies that know browsers by a cookie.
const PROXY_HEADERS: [&str; 3] =
    ["x-amzn-oidc-data", "x-goog-iap-jwt-assertion", "cf-access-jwt-assertion"];

/// A place where a credential may be.
///
/// # Example
/// ```
/// use jamguard::CredentialSource;
/// let sources = [CredentialSource::bearer(), CredentialSource::cookie("__Host-jam_id")];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSource(pub(crate) SourceKind);

/// A place where a credential may be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SourceSettings"))]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceKind {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: DPoP …`, with a proof in the header `DPoP`.
    Dpop,
    /// The whole value of this header, which the client's own code sets.
    Header(Box<str>),
    /// The whole value of this header, which a proxy adds for browsers that logged in at it.
    ProxyHeader(Box<str>),
    /// The cookie with this name.
    Cookie(Box<str>),
    /// The query parameter with this name.
    Query(Box<str>),
    /// The subprotocol after `bearer` that a WebSocket client offers, or the Kubernetes form.
    Websocket,
    /// The session cookie.
    Session,
}

impl From<SourceKind> for CredentialSource {
    fn from(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Header(name) => Self::header(name),
            SourceKind::ProxyHeader(name) => Self::proxy_header(name),
            kind => Self(kind),
        }
    }
}

impl CredentialSource {
    /// Creates a source for `Authorization: Bearer …` (RFC 6750 section 2.1).
    pub fn bearer() -> Self {
        Self(SourceKind::Bearer)
    }

    /// Creates a source for `Authorization: DPoP …` (RFC 9449 section 7.1).
    ///
    /// [`dpop`](crate::AuthenticatorBuilder::dpop) adds it after the bearer header, or first.
    pub fn dpop() -> Self {
        Self(SourceKind::Dpop)
    }

    /// Creates a source for a header whose whole value is the token, such as `x-id-token`.
    ///
    /// Only for headers that the client's own code sets: the origin of the request is not checked.
    /// A header that a proxy adds for a browser is a [`proxy_header`](Self::proxy_header); the names
    /// of the proxies listed there are an error here.
    pub fn header(name: impl Into<String>) -> Self {
        Self(SourceKind::Header(name.into().to_ascii_lowercase().into_boxed_str()))
    }

    /// Creates a source for a header that a proxy adds for browsers that logged in at the proxy.
    ///
    /// Such as `x-amzn-oidc-data` of AWS load balancers, `x-goog-iap-jwt-assertion` of Google's
    /// Identity-Aware Proxy and `cf-access-jwt-assertion` of Cloudflare Access. The whole value is
    /// the token. The proxy knows the browser by a cookie, which browsers also send with requests of
    /// other sites' pages: the check of
    /// [`trusted_origins`](crate::AuthenticatorBuilder::trusted_origins) applies as for cookies.
    ///
    /// The token is verified like any other: a request that bypasses the proxy with a header of its
    /// own is refused. Headers with a bare name or e-mail address beside it, such as
    /// `x-goog-authenticated-user-email`, are never read.
    pub fn proxy_header(name: impl Into<String>) -> Self {
        Self(SourceKind::ProxyHeader(name.into().to_ascii_lowercase().into_boxed_str()))
    }

    /// Creates a source for a cookie.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self(SourceKind::Cookie(name.into().into_boxed_str()))
    }

    /// Creates a source for a query parameter (RFC 6750 section 2.3).
    ///
    /// URLs end up in logs and histories: only for clients that cannot send a header, such as a
    /// browser's `EventSource`.
    pub fn query(name: impl Into<String>) -> Self {
        Self(SourceKind::Query(name.into().into_boxed_str()))
    }

    /// Creates a source for the token that a WebSocket client offers as a subprotocol.
    ///
    /// A browser's script can set no header of a WebSocket but `Sec-WebSocket-Protocol`. Two forms
    /// are read: the subprotocol `bearer` with the token as the next one, and Kubernetes'
    /// `base64url.bearer.authorization.k8s.io.<token in base64url without padding>`.
    ///
    /// ```js
    /// new WebSocket("wss://api.example.com/live", ["chat", "bearer", token])
    /// ```
    ///
    /// A browser closes the connection unless the response names one of the offered subprotocols (RFC
    /// 6455 section 4.1). Select from a list of your own names, with `bearer` last for clients that
    /// offer no other, and never echo what the client sent: that would be the token.
    ///
    /// ```
    /// use axum::extract::ws::WebSocketUpgrade;
    ///
    /// fn select(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    ///     upgrade.protocols(["chat", "bearer"])
    /// }
    /// ```
    ///
    /// Beside the bearer header of other requests:
    ///
    /// ```
    /// use jamguard::{Authenticator, CredentialSource};
    ///
    /// let builder = Authenticator::builder()
    ///     .sources([CredentialSource::bearer(), CredentialSource::websocket()]);
    /// ```
    ///
    /// Pages of other sites have no token to offer, so the origin is not checked for this source.
    /// [`Identity::validity`](crate::Identity::validity) ends the connection with its credential.
    pub fn websocket() -> Self {
        Self(SourceKind::Websocket)
    }

    /// Creates a source for the session cookie, to read it earlier than last.
    ///
    /// [`session_cookie`](crate::AuthenticatorBuilder::session_cookie) sets its name.
    pub fn session() -> Self {
        Self(SourceKind::Session)
    }

    /// Returns the request header that this source reads, for `Vary`.
    pub(crate) fn vary(&self) -> Option<&str> {
        match &self.0 {
            SourceKind::Bearer | SourceKind::Dpop => Some("authorization"),
            SourceKind::Header(name) | SourceKind::ProxyHeader(name) => Some(name),
            SourceKind::Cookie(_) => Some("cookie"),
            SourceKind::Query(_) => None,
            SourceKind::Websocket => Some(SUBPROTOCOLS),
            SourceKind::Session => Some("cookie"),
        }
    }
}

/// Checks that the header of a proxy is not read without the check against CSRF.
pub(super) fn check_header(name: &str) -> Result<(), Error> {
    ensure(
        !PROXY_HEADERS.contains(&name),
        format!(
            "the proxy adds '{name}' to requests of other sites' pages too: use \
             CredentialSource::proxy_header(…), in the configuration `proxy_header`, which checks \
             their origin"
        ),
    )
}

/// Checks that no token is read from the query, for protected resources.
pub(super) fn check_no_query(sources: &[CredentialSource]) -> Result<(), Error> {
    ensure(
        !sources.iter().any(|source| matches!(source.0, SourceKind::Query(_))),
        "a protected resource does not accept tokens in the query (MCP authorization \
         specification): remove CredentialSource::query(…)",
    )
}
