//! The login handlers for actix-web routes.

use super::extract::response;
use super::head::RequestHead;
use crate::login::LoginEndpoint;
use actix_web::{Handler, HttpRequest, HttpResponse};
use std::future::Future;
use std::pin::Pin;

impl Handler<(HttpRequest,)> for LoginEndpoint {
    type Output = HttpResponse;
    type Future = Pin<Box<dyn Future<Output = HttpResponse>>>;

    fn call(&self, (request,): (HttpRequest,)) -> Self::Future {
        let answer = self.answer(&RequestHead(&request));
        Box::pin(async move { response(answer.await) })
    }
}
