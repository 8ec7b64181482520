//! The framework-independent handler.

use crate::authenticator::{Head, HeaderKey};
use crate::core::challenge::AuthResponse;
use crate::core::future::BoxFuture;
use crate::core::secret::Secret;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

type Answer = dyn Fn(&Asked) -> BoxFuture<AuthResponse> + Send + Sync;

/// A ready-made handler for axum and actix-web.
///
/// A tower service for axum's `get_service` and `post_service`, and a handler for actix-web's
/// `web::get().to(…)` and `web::post().to(…)`.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "axum", feature = "actix"))] {
/// # fn example(issuer: jamguard::Issuer) -> Result<(), jamguard::Error> {
/// let keys = issuer.jwks_endpoint()?;
///
/// // axum
/// use axum::{Router, routing::get_service};
/// let app: Router = Router::new().route("/.well-known/jwks.json", get_service(keys.clone()));
///
/// // actix-web
/// use actix_web::{App, web};
/// let app = App::new().route("/.well-known/jwks.json", web::get().to(keys));
/// # Ok(()) }
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    name: &'static str,
    answer: Arc<Answer>,
}

impl Endpoint {
    /// Creates a handler. The closure must read all it needs of the request before it returns.
    pub(crate) fn new(
        name: &'static str,
        answer: impl Fn(&Asked) -> BoxFuture<AuthResponse> + Send + Sync + 'static,
    ) -> Self {
        Self { name, answer: Arc::new(answer) }
    }

    pub(crate) fn answer(&self, head: &impl Head) -> BoxFuture<AuthResponse> {
        (self.answer)(&Asked::of(head))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.name).finish()
    }
}

/// The request headers that handlers may read.
const LOOKED_AT: [HeaderKey<'static>; 8] = [
    HeaderKey::Cookie,
    HeaderKey::Named("accept"),
    HeaderKey::Named("host"),
    HeaderKey::Named("if-none-match"),
    HeaderKey::Named("origin"),
    HeaderKey::Named("sec-fetch-site"),
    HeaderKey::Named("user-agent"),
    HeaderKey::Named("x-csrf-token"),
];

/// A framework-independent copy of the request data that handlers read.
///
/// Cookies and the query may hold tokens, so they are zeroized.
pub(crate) struct Asked {
    headers: [Vec<Zeroizing<Vec<u8>>>; LOOKED_AT.len()],
    query: Option<Secret>,
    method: Box<str>,
    authority: Option<Box<str>>,
}

impl Asked {
    fn of(head: &impl Head) -> Self {
        let values = |name| head.header(name).map(|value| Zeroizing::new(value.to_vec()));
        Self {
            headers: LOOKED_AT.map(|name| values(name).collect()),
            query: head.query().map(Secret::new),
            method: head.method().into(),
            authority: head.authority().map(Into::into),
        }
    }
}

impl Head for Asked {
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
        let place = LOOKED_AT.iter().position(|known| *known == name);
        let values = place.and_then(|at| self.headers.get(at));
        values.into_iter().flatten().map(|value| &***value)
    }

    fn query(&self) -> Option<&str> {
        self.query.as_ref().map(Secret::expose)
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }
}
