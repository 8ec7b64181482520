//! [`McpGuard`] as a tower layer.

use super::body::{RefusalBody, response};
use super::head::PartsHead;
use super::layer::AuthService;
use crate::authenticator::Identity;
use crate::core::AuthResponse;
use crate::mcp::{McpGuard, SESSION, Visit, ascii};
use axum::body::{Body, to_bytes};
use http::{Request, Response};
use std::task::{Context, Poll};
use std::{future::Future, pin::Pin};
use tower_layer::Layer;
use tower_service::Service;

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
            let (request, visit) = match admit(guard, request).await {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(response(refusal)),
            };
            let answer = inner.call(request).await?;
            let session = answer.headers().get(SESSION).map(|id| ascii(id.as_bytes()));
            match visit.end(session, answer.status().is_success()).await {
                Ok(()) => Ok(answer),
                Err(refusal) => Ok(response(refusal)),
            }
        })
    }
}

/// Admits a request, whose body is read or dropped, or refuses it.
async fn admit(
    guard: McpGuard,
    request: Request<Body>,
) -> Result<(Request<Body>, Visit), AuthResponse> {
    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts, ());
    let identity = Identity::from_extensions(head.extensions()).cloned();
    let visit = Visit::begin(guard, identity, &PartsHead::of(&head)).await?;
    let body = match visit.max_body() {
        Some(bytes) => {
            let read = to_bytes(body, bytes).await.map_err(|_| Visit::too_long())?;
            visit.check(Some(&read)).await?;
            Body::from(read)
        }
        None => {
            visit.check(None).await?;
            Body::empty()
        }
    };
    Ok((head.map(|()| body), visit))
}
