//! [`Endpoint`] as an actix-web handler.

use super::extract::response;
use super::head::RequestHead;
use crate::endpoint::Endpoint;
use actix_web::{Handler, HttpRequest, HttpResponse};
use std::{future::Future, pin::Pin};

impl Handler<(HttpRequest,)> for Endpoint {
    type Output = HttpResponse;
    type Future = Pin<Box<dyn Future<Output = HttpResponse>>>;

    fn call(&self, (request,): (HttpRequest,)) -> Self::Future {
        let answer = self.answer(&RequestHead(&request));
        Box::pin(async move { response(answer.await) })
    }
}
