//! Route guards: require a login, a policy or a route table.

use super::requirement::Requirement;
use crate::authenticator::handle::Authenticator;
#[cfg(feature = "config")]
use crate::policy::LiveTable;
use crate::policy::{Policy, RouteTable};
use std::sync::Arc;

/// A guard that lets only authorized requests reach a route.
///
/// Made by [`Authenticator::require_login`], [`Authenticator::require`] and
/// [`Authenticator::routes`]. It decides before the request's body is read.
///
/// A tower layer and an actix-web middleware, for a route, a router or a whole service. Behind
/// [`Authenticator::layer`] or [`Authenticator::actix`] it uses their identity; without them it
/// authenticates the request itself and attaches the identity for extractors.
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
///         .route("/", get(|| async { "home" }))
///         .layer(auth.layer())
/// }
/// # }
/// ```
#[must_use = "a guard does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct RouteGuard {
    pub(crate) auth: Authenticator,
    pub(crate) requirement: Requirement,
}

impl Authenticator {
    fn guard(&self, requirement: Requirement) -> RouteGuard {
        RouteGuard { auth: self.clone(), requirement }
    }

    /// Returns a guard for routes that need a login, for tower, axum and actix-web.
    pub fn require_login(&self) -> RouteGuard {
        self.guard(Requirement::Login)
    }

    /// Returns a guard for routes that need a policy's consent, for tower, axum and actix-web.
    ///
    /// Without a login the answer is 401. If the policy denies, it is 403 with the scopes that the
    /// policy names, or 401 with the requirements of a new login ([RFC 9470]). The reason is logged
    /// at debug level and not sent to the client.
    ///
    /// ```
    /// # #[cfg(feature = "actix")] {
    /// # use jamguard::Authenticator;
    /// use actix_web::{App, web};
    /// use jamguard::policy::role;
    ///
    /// # fn example(auth: Authenticator) {
    /// let app = App::new()
    ///     .wrap(auth.actix())
    ///     .service(
    ///         web::scope("/admin")
    ///             .wrap(auth.require(role("admin")))
    ///             .route("/users", web::get().to(async || "all of them")),
    ///     );
    /// # }
    /// # }
    /// ```
    ///
    /// [RFC 9470]: https://www.rfc-editor.org/rfc/rfc9470
    pub fn require(&self, policy: Policy) -> RouteGuard {
        self.guard(Requirement::Policy(Arc::new(policy)))
    }

    /// Returns a guard that applies a route table to each request's method and path.
    ///
    /// For tower, axum and actix-web. Public routes see the identity too, if there is one.
    ///
    /// Patterns are whole paths, even if the guard is in a nested axum router or an actix-web
    /// scope. A table with a pattern that matches only the rest of a nested path is answered with
    /// 500 and a log line. Put middleware that rewrites paths around the guard. A path that is
    /// ambiguous or that the table closes is denied before its credential is read.
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
    ///         .route("/", get(|| async { "home" }))
    ///         .route("/account", get(|| async { "yours" }))
    ///         .route("/admin/users", get(|| async { "all of them" }))
    ///         .layer(auth.routes(table)))
    /// }
    /// # }
    /// ```
    pub fn routes(&self, table: RouteTable) -> RouteGuard {
        self.guard(Requirement::Table(table))
    }

    /// Returns a guard with a table that can be replaced at run time.
    #[cfg(feature = "config")]
    pub(crate) fn live_routes(&self, table: LiveTable) -> RouteGuard {
        self.guard(Requirement::LiveTable(table))
    }
}
