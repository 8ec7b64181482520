//! [`McpGuard`] as a tower layer.

use super::body::{RefusalBody, response};
use super::layer::AuthService;
use crate::authenticator::Identity;
use crate::core::{AuthResponse, Error, ErrorKind};
use crate::mcp::McpGuard;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, Response};
use std::task::{Context, Poll};
use std::{future::Future, pin::Pin};
use tower_layer::Layer;
use tower_service::Service;

const SESSION: &str = "mcp-session-id";

impl<S> Layer<S> for McpGuard {
    type Service = AuthService<McpService<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.auth().require_login().layer(McpService { inner, guard: self.clone() })
    }
}

/// The service that [`McpGuard`] wraps around an MCP server, behind the login.
///
/// # Example
/// ```
/// use jamguard::{AuthService, McpGuard, tower::McpService};
/// use tower::Layer;
///
/// fn guarded<S>(guard: &McpGuard, server: S) -> AuthService<McpService<S>> {
///     guard.layer(server)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct McpService<S> {
    inner: S,
    guard: McpGuard,
}

impl<S, R> Service<Request<Body>> for McpService<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    R: RefusalBody + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The future takes the service that was polled ready; a clone replaces it.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let guard = self.guard.clone();
        Box::pin(async move {
            let (request, visit) = match Visit::begin(guard, request).await {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(response(refusal)),
            };
            let answer = inner.call(request).await?;
            let success = answer.status().is_success();
            match visit.end(session(answer.headers()), success).await {
                Ok(()) => Ok(answer),
                Err(refusal) => Ok(response(refusal)),
            }
        })
    }
}

/// An admitted request, until its response.
struct Visit {
    guard: McpGuard,
    identity: Identity,
    /// The id of the request's session.
    session: Option<String>,
    ends_session: bool,
}

/// Returns the only session id of these headers; the empty text if it is not ASCII.
fn session(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION).map(|id| id.to_str().unwrap_or_default())
}

impl Visit {
    /// Admits a request, whose body is read, or refuses it.
    async fn begin(
        guard: McpGuard,
        request: Request<Body>,
    ) -> Result<(Request<Body>, Self), AuthResponse> {
        let refuse = |kind, message| guard.auth().challenge(&Error::new(kind, message));
        let (parts, body) = request.into_parts();
        let Some(identity) = Identity::from_extensions(&parts.extensions).cloned() else {
            return Err(refuse(ErrorKind::MissingCredentials, "the request has no identity"));
        };
        if parts.headers.get_all(SESSION).iter().count() > 1 {
            return Err(refuse(ErrorKind::InvalidRequest, "more than one Mcp-Session-Id"));
        }
        let session = session(&parts.headers).map(str::to_owned);
        if let Some(id) = &session {
            guard.check_session(&identity, id).await?;
        }
        let has_messages = parts.method == Method::POST;
        let body = match has_messages {
            true => {
                let read = to_bytes(body, guard.max_body()).await;
                let read = read.map_err(|_| AuthResponse::new(413))?;
                guard.check_policies(&identity, Some(&read)).await?;
                Body::from(read)
            }
            false => {
                guard.check_policies(&identity, None).await?;
                body
            }
        };
        let ends_session = parts.method == Method::DELETE;
        let request = Request::from_parts(parts, body);
        Ok((request, Self { guard, identity, session, ends_session }))
    }

    /// Records the session that the response begins, and forgets one that it ended.
    async fn end(self, answered: Option<&str>, success: bool) -> Result<(), AuthResponse> {
        match (answered, &self.session) {
            (Some(new), known) if known.as_deref() != Some(new) => {
                self.guard.begin_session(&self.identity, new).await
            }
            (_, Some(ended)) if self.ends_session && success => self.guard.end_session(ended).await,
            _ => Ok(()),
        }
    }
}
