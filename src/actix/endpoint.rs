//! [`Endpoint`] as an actix-web handler, and resources of endpoints.

use super::extract::response;
use super::head::RequestHead;
use crate::endpoint::Endpoint;
use crate::token::protected_resource::ProtectedResource;
use actix_web::web::{self, ServiceConfig};
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

impl ProtectedResource {
    /// Returns the actix-web resources of the metadata, for `App::configure`.
    ///
    /// ```
    /// # fn example(resource: jamguard::ProtectedResource) {
    /// let app = actix_web::App::new().configure(resource.actix_metadata_routes());
    /// # }
    /// ```
    pub fn actix_metadata_routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let (endpoint, paths) = (self.metadata_endpoint(), self.metadata_paths().to_vec());
        move |config| {
            for path in paths {
                config.service(web::resource(path).to(endpoint.clone()));
            }
        }
    }
}
