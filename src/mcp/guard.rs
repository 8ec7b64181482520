//! The guard of an MCP server: its settings, and the decision about a request.

use super::session::McpSessions;
use crate::authenticator::{Authenticator, Identity};
use crate::core::{AuthResponse, Error, ErrorKind, debug_fields, ensure, sanitize::shown};
use crate::policy::Policy;
use crate::store::{MemoryStore, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::{sync::Arc, time::Duration};

/// A guard of an MCP server (Streamable HTTP): login, policies by tool, sessions.
///
/// A tower layer, and actix-web middleware.
///
/// - Every request needs a login, as with [`Authenticator::require_login`].
/// - A tool's [policy](McpGuardBuilder::tool) is checked before the server sees the call. A 403 names
///   all scopes that the tool needs, so that a client can ask the user for them and repeat the
///   call; for a batch, those of all its tools. The tool is read from the body. If the headers
///   `Mcp-Method` and `Mcp-Name` (revision 2026-07-28 of MCP) name another call of a tool, the answer is 400.
/// - No body reaches the server unread: those of `GET`, `HEAD`, `OPTIONS` and `DELETE` are dropped, and
///   one with a `Content-Encoding` is answered 415.
/// - Other methods, such as `resources/read` and `prompts/get`, need a login and the policy of
///   [`require`](McpGuardBuilder::require) only; `tools/list` shows all tools.
/// - An `Mcp-Session-Id` belongs to the user whose request began the session. To another user's
///   request the session does not exist (404), because a session id is no credential.
///
/// Put CORS around it, and the metadata of the [`ProtectedResource`](crate::ProtectedResource)
/// beside it.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::Router;
/// use jamguard::{Authenticator, McpGuard, ProtectedResource, policy::scope};
/// # use axum::routing::any_service;
///
/// # fn example<S>(auth: Authenticator, resource: ProtectedResource, mcp_server: S)
/// # -> Result<(), jamguard::Error>
/// # where
/// #     S: tower::Service<axum::extract::Request, Error = std::convert::Infallible>
/// #         + Clone + Send + Sync + 'static,
/// #     S::Response: axum::response::IntoResponse,
/// #     S::Future: Send + 'static,
/// # {
/// let guard = McpGuard::builder(&auth)
///     .tool("read_notes", scope("notes.read"))
///     .tool("add_note", scope("notes.write"))
///     .build()?;
/// let app: Router = Router::new()
///     .route_service("/mcp", any_service(mcp_server))
///     .layer(guard)
///     .merge(resource.metadata_routes());
/// # Ok(()) }
/// # }
/// ```
///
/// In actix-web:
/// ```
/// # #[cfg(feature = "actix")] {
/// use actix_web::{App, HttpRequest, HttpResponse, web};
/// use jamguard::{Authenticator, McpGuard, ProtectedResource, policy::scope};
///
/// async fn mcp_server(request: HttpRequest, messages: web::Bytes) -> HttpResponse {
///     // …
/// #   HttpResponse::Ok().finish()
/// }
///
/// # fn example(auth: Authenticator, resource: ProtectedResource) -> Result<(), jamguard::Error> {
/// let guard = McpGuard::builder(&auth).tool("read_notes", scope("notes.read")).build()?;
/// let app = App::new()
///     .configure(resource.actix_metadata_routes())
///     .service(web::resource("/mcp").wrap(guard).to(mcp_server));
/// # Ok(()) }
/// # }
/// ```
#[must_use = "a guard does nothing until it wraps a service"]
#[derive(Clone)]
pub struct McpGuard(Arc<Inner>);

struct Inner {
    auth: Authenticator,
    /// For every request.
    base: Option<Policy>,
    tools: BTreeMap<String, Policy>,
    sessions: McpSessions,
    max_body: usize,
}

/// A builder of an [`McpGuard`].
#[must_use]
pub struct McpGuardBuilder {
    auth: Authenticator,
    base: Option<Policy>,
    tools: Vec<(String, Policy)>,
    store: Arc<dyn Store>,
    session_ttl: Duration,
    max_body: usize,
}

impl McpGuard {
    /// Returns a builder. The authenticator should have a
    /// [protected resource](crate::AuthenticatorBuilder::protected_resource).
    pub fn builder(auth: &Authenticator) -> McpGuardBuilder {
        McpGuardBuilder {
            auth: auth.clone(),
            base: None,
            tools: Vec::new(),
            store: Arc::new(MemoryStore::new()),
            session_ttl: Duration::from_secs(24 * 3600),
            max_body: 4 << 20,
        }
    }

    pub(crate) fn auth(&self) -> &Authenticator {
        &self.0.auth
    }

    pub(super) fn max_body(&self) -> usize {
        self.0.max_body
    }

    /// Checks that a session is the user's own.
    pub(super) async fn check_session(
        &self,
        identity: &Identity,
        id: &str,
    ) -> Result<(), AuthResponse> {
        match self.0.sessions.is_of(id, identity).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(no_session()),
            Err(error) => Err(self.0.auth.challenge(&error)),
        }
    }

    /// Checks the policy of every request, and those of the tools that it calls.
    pub(super) async fn check_policies(
        &self,
        identity: &Identity,
        tools: &BTreeSet<String>,
    ) -> Result<(), AuthResponse> {
        let own: Result<Vec<_>, Error> = tools.iter().map(|tool| self.policy_of(tool)).collect();
        let own = own.map_err(|error| self.0.auth.challenge(&error))?.into_iter().flatten();
        // One policy, so that a denial names the scopes of all tools.
        let policy = self.0.base.iter().chain(own).cloned().reduce(|all, next| all & next);
        match policy {
            Some(policy) => {
                let answer = identity.check_async(&policy).await;
                answer.map_err(|rejection| rejection.challenge())
            }
            None => Ok(()),
        }
    }

    /// Returns the policy of a tool.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for a tool that is not listed, if others are.
    fn policy_of(&self, tool: &str) -> Result<Option<&Policy>, Error> {
        match self.0.tools.get(tool) {
            None if self.0.tools.is_empty() => Ok(None),
            None => Err(Error::new(
                ErrorKind::Forbidden,
                format!("the tool '{}' has no policy: add .tool(…)", shown(tool)),
            )),
            policy => Ok(policy),
        }
    }

    /// Records the session that a response begins.
    pub(super) async fn begin_session(
        &self,
        identity: &Identity,
        id: &str,
    ) -> Result<(), AuthResponse> {
        let answer = self.0.sessions.begin(id, identity).await;
        answer.map_err(|error| self.0.auth.challenge(&error))
    }

    /// Forgets a session that the client ended.
    pub(super) async fn end_session(&self, id: &str) -> Result<(), AuthResponse> {
        let answer = self.0.sessions.end(id).await;
        answer.map_err(|error| self.0.auth.challenge(&error))
    }
}

/// The response for a session that is not the user's: the client begins another.
fn no_session() -> AuthResponse {
    let body = r#"{"type":"no_session","title":"No such session","status":404,"detail":"The session has ended or does not exist."}"#;
    AuthResponse::new(404).with_body("application/problem+json", body)
}

impl McpGuardBuilder {
    /// Requires a policy for every request, such as a scope of the whole server.
    pub fn require(mut self, policy: Policy) -> Self {
        self.base = Some(match self.base {
            Some(base) => base & policy,
            None => policy,
        });
        self
    }

    /// Requires a policy for calls of a tool.
    ///
    /// Once one tool is listed, calls of tools that are not listed are refused.
    pub fn tool(mut self, name: impl Into<String>, policy: Policy) -> Self {
        self.tools.push((name.into(), policy));
        self
    }

    /// Sets the store of the sessions' users. Default: in memory.
    ///
    /// Several processes that share their MCP sessions need a shared store, such as `RedisStore`.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Sets the lifetime of a session's binding to its user. Default: 1 day.
    ///
    /// A use renews it once less than half is left, so an unused session ends after half of this time
    /// to all of it.
    /// Afterwards a request with its id gets a 404, and the client begins another session.
    pub fn session_ttl(mut self, ttl: Duration) -> Self {
        self.session_ttl = ttl;
        self
    }

    /// Sets the longest accepted request body, in bytes. Default: 4 MiB. A longer one gets a 413.
    ///
    /// Handlers of actix-web have a limit of their own, `web::PayloadConfig`.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Builds the guard.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a tool that is listed
    /// twice, and for a session lifetime of zero.
    pub fn build(self) -> Result<McpGuard, Error> {
        ensure(
            !self.session_ttl.is_zero(),
            "the session lifetime is zero: give .session_ttl(…) some time between two requests",
        )?;
        let mut tools = BTreeMap::new();
        for (name, policy) in self.tools {
            ensure(
                !tools.contains_key(&name),
                format!("the tool '{name}' is listed twice: combine its policies with `&`"),
            )?;
            tools.insert(name, policy);
        }
        Ok(McpGuard(Arc::new(Inner {
            auth: self.auth,
            base: self.base,
            tools,
            sessions: McpSessions { store: self.store, ttl: self.session_ttl },
            max_body: self.max_body,
        })))
    }
}

debug_fields!(McpGuard, self, auth = self.0.auth, tools = self.0.tools.keys());
debug_fields!(McpGuardBuilder, self, auth = self.auth);
