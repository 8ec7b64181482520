//! [`McpGuard`] as actix-web middleware.

use super::extract::response;
use super::head::RequestHead;
use super::middleware::ActixService;
use crate::authenticator::request::Attached;
use crate::core::AuthResponse;
use crate::mcp::{McpGuard, SESSION, Visit, ascii};
use actix_web::body::{BodyStream, BoxBody, EitherBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};
use std::future::{Future, Ready};
use std::task::{Context, Poll};
use std::{pin::Pin, rc::Rc};

impl<S, B> Transform<S, ServiceRequest> for McpGuard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<BoxBody>>;
    type Error = Error;
    type Transform = ActixService<McpService<S>>;
    type InitError = ();
    type Future = Ready<Result<ActixService<McpService<S>>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let service = McpService { inner: Rc::new(inner), guard: self.clone() };
        self.auth().require_login().new_transform(service)
    }
}

/// The service that [`McpGuard`] wraps around an MCP server, behind the login.
#[derive(Debug)]
pub struct McpService<S> {
    inner: Rc<S>,
    guard: McpGuard,
}

impl<S, B> Service<ServiceRequest> for McpService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (inner, guard) = (self.inner.clone(), self.guard.clone());
        Box::pin(async move {
            let visit = match admit(guard, &mut request).await {
                Ok(visit) => visit,
                Err(refusal) => return Ok(request.into_response(response(refusal))),
            };
            let answer = inner.call(request).await?.map_into_boxed_body();
            let session = answer.headers().get(SESSION).map(|id| ascii(id.as_bytes()));
            match visit.end(session, answer.status().is_success()).await {
                Ok(()) => Ok(answer),
                Err(refusal) => Ok(answer.into_response(response(refusal))),
            }
        })
    }
}

/// Admits a request, whose body is read or dropped, or refuses it.
async fn admit(guard: McpGuard, request: &mut ServiceRequest) -> Result<Visit, AuthResponse> {
    let attached = request.extensions().get::<Attached>().cloned();
    let identity = attached.and_then(|attached| attached.sender.known().cloned());
    let visit = Visit::begin(guard, identity, &RequestHead(request.request())).await?;
    match visit.max_body() {
        Some(bytes) => {
            let body = BodyStream::new(request.take_payload());
            let read = to_bytes_limited(body, bytes).await;
            let read = read.ok().and_then(Result::ok).ok_or_else(Visit::too_long)?;
            visit.check(Some(&read)).await?;
            request.set_payload(Payload::from(read));
        }
        None => {
            visit.check(None).await?;
            drop(request.take_payload());
        }
    }
    Ok(visit)
}
