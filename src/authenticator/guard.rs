//! Guards: what a route asks of a request beyond a look at its credential.

use super::gate::Authenticator;
use super::need::Need;
#[cfg(feature = "config")]
use crate::policy::LiveTable;
use crate::policy::{Policy, RouteTable};
use std::sync::Arc;

/// Lets through only whom a route is for, before the request's body is read; made by
/// [`Authenticator::require_login`], [`Authenticator::require`] and [`Authenticator::routes`].
///
/// For a route, a router or a whole service: it is a tower layer and an actix-web middleware.
/// Behind [`Authenticator::layer`] or [`Authenticator::actix`] it uses what they found; without
/// them it authenticates by itself, and leaves the identity for extractors inside as they do.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// # use jamguard::Authenticator;
/// use axum::{Router, routing::{get, post}};
/// use jamguard::policy::{role, scope};
///
/// fn app(auth: &Authenticator) -> Router {
///     let refunds = auth.require(scope("orders.refund") & !role("suspended"));
///     Router::new()
///         .route("/refunds", post(|| async { "done" }).route_layer(refunds))
///         .route("/account", get(|| async { "yours" }).route_layer(auth.require_login()))
///         .route("/", get(|| async { "everybody's" }))
///         .layer(auth.layer())
/// }
/// # }
/// ```
#[must_use = "it guards only what it is put around"]
#[derive(Clone, Debug)]
pub struct RouteGuard {
    pub(crate) auth: Authenticator,
    pub(crate) need: Need,
}

impl Authenticator {
    fn guard(&self, need: Need) -> RouteGuard {
        RouteGuard {
            auth: self.clone(),
            need,
        }
    }

    /// A guard for routes that need a login, for tower, axum and actix-web.
    pub fn require_login(&self) -> RouteGuard {
        self.guard(Need::Login)
    }

    /// A guard for routes that need a policy's consent, for tower, axum and actix-web.
    ///
    /// Without a login the answer is 401; where the policy refuses, 403 with the scopes that it
    /// names, or 401 with what a new login needs ([RFC 9470]). Why it refused is logged at debug
    /// level and not told.
    ///
    /// [RFC 9470]: https://www.rfc-editor.org/rfc/rfc9470
    pub fn require(&self, policy: Policy) -> RouteGuard {
        self.guard(Need::Policy(Arc::new(policy)))
    }

    /// The same as [`require`](Self::require), by the name that goes with
    /// [`actix`](Self::actix).
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// use actix_web::{App, web};
    /// use jamguard::policy::role;
    ///
    /// # fn example(auth: Authenticator) {
    /// let app = App::new()
    ///     .wrap(auth.actix())
    ///     .service(
    ///         web::scope("/admin")
    ///             .wrap(auth.actix_require(role("admin")))
    ///             .route("/users", web::get().to(async || "all of them")),
    ///     );
    /// # }
    /// ```
    #[cfg(feature = "actix")]
    pub fn actix_require(&self, policy: Policy) -> RouteGuard {
        self.require(policy)
    }

    /// A guard that asks of each request what a table says of its method and path, for tower, axum
    /// and actix-web. Public routes see the identity too, where there is one.
    ///
    /// Patterns are whole paths, also where the guard stands in a router that is nested in another
    /// of axum's, or in a scope of actix-web's. A table whose pattern fits only the rest of a nested
    /// path is answered with 500 and a log line. Middleware that rewrites paths goes around the
    /// guard. What the table closes, or a path that is ambiguous, is refused before its credential
    /// is looked at.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// # use jamguard::Authenticator;
    /// use axum::{Router, routing::get};
    /// use jamguard::policy::{RouteTable, Unmatched, authenticated, role};
    ///
    /// fn app(auth: &Authenticator) -> Result<Router, jamguard::Error> {
    ///     let table = RouteTable::builder(Unmatched::Deny)
    ///         .public("GET", "/")
    ///         .guard("GET", "/account", authenticated())
    ///         .guard("*", "/admin/{*rest}", role("admin"))
    ///         .build()?;
    ///     Ok(Router::new()
    ///         .route("/", get(|| async { "everybody's" }))
    ///         .route("/account", get(|| async { "yours" }))
    ///         .route("/admin/users", get(|| async { "all of them" }))
    ///         .layer(auth.routes(table)))
    /// }
    /// # }
    /// ```
    pub fn routes(&self, table: RouteTable) -> RouteGuard {
        self.guard(Need::Table(table))
    }

    /// The same with a table that can be replaced.
    #[cfg(feature = "config")]
    pub(crate) fn live_routes(&self, table: LiveTable) -> RouteGuard {
        self.guard(Need::LiveTable(table))
    }
}
