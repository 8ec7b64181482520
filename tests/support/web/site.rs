//! The app: its handlers are written once and routed twice.

use actix_web::web;
use axum::Router;
use axum::routing::{any, any_service, get};
use jamguard::{Authenticator, Claims, CredentialKind, Error, ErrorKind, Identity, JamLogin};

#[derive(serde::Deserialize)]
pub(crate) struct User {
    pub(crate) email: String,
}

/// Claims that no ID token has.
#[derive(serde::Deserialize)]
pub(crate) struct Order {
    pub(crate) order: u64,
}

/// A handler that fails with each of these is at `/error/{kind}`.
pub(crate) const ERRORS: &[ErrorKind] = ErrorKind::ALL;

/// What the two servers serve.
#[derive(Clone)]
pub(crate) struct Site {
    auth: Authenticator,
    login: Option<JamLogin>,
    layered: bool,
}

impl Site {
    /// With the layer around everything.
    pub(crate) fn new(auth: Authenticator) -> Self {
        Self { auth, login: None, layered: true }
    }

    /// The same routes and guards without the layer.
    pub(crate) fn without_layer(mut self) -> Self {
        self.layered = false;
        self
    }

    /// With `/jam-redirect` and `/logout`.
    pub(crate) fn login(mut self, login: JamLogin) -> Self {
        self.login = Some(login);
        self
    }

    pub(super) fn axum(&self) -> Router {
        let guard = || self.auth.require_login();
        let guarded = Router::new().route("/guarded", any(echo)).route_layer(guard());
        let scope =
            Router::new().route("/page", any(public)).route("/me", any(me)).route_layer(guard());
        let mut router = Router::new()
            .route("/me", any(me))
            .route("/hello", any(hello))
            .route("/identity", any(identity))
            .route("/orders", any(orders))
            .route("/orders-if-any", any(orders_if_any))
            .route("/public", any(public))
            .route("/echo", any(echo))
            .route("/guarded-get", get(public).route_layer(guard()))
            .merge(guarded)
            .nest("/guarded-scope", scope);
        for &kind in ERRORS {
            router = router.route(&format!("/error/{kind}"), any(move || fails(kind)));
        }
        if let Some(login) = &self.login {
            router = router
                .route("/jam-redirect", any_service(login.redirect()))
                .route("/logout", any_service(login.logout()));
        }
        match self.layered {
            true => router.layer(self.auth.layer()),
            false => router,
        }
    }

    pub(super) fn actix(&self, config: &mut web::ServiceConfig) {
        let guard = || self.auth.require_login();
        let scope = web::scope("/guarded-scope")
            .service(web::resource("/page").to(public))
            .service(web::resource("/me").to(me))
            .wrap(guard());
        config
            .service(web::resource("/me").to(me))
            .service(web::resource("/hello").to(hello))
            .service(web::resource("/identity").to(identity))
            .service(web::resource("/orders").to(orders))
            .service(web::resource("/orders-if-any").to(orders_if_any))
            .service(web::resource("/public").to(public))
            .service(web::resource("/echo").to(echo))
            .service(web::resource("/guarded").wrap(guard()).to(echo))
            .service(web::resource("/guarded-get").wrap(guard()).route(web::get().to(public)))
            .service(scope);
        for &kind in ERRORS {
            config.service(web::resource(format!("/error/{kind}")).to(move || fails(kind)));
        }
        if let Some(login) = &self.login {
            config
                .service(web::resource("/jam-redirect").to(login.redirect()))
                .service(web::resource("/logout").to(login.logout()));
        }
    }

    pub(super) fn auth(&self) -> &Authenticator {
        &self.auth
    }

    pub(super) fn is_layered(&self) -> bool {
        self.layered
    }
}

async fn me(user: Claims<User>) -> String {
    user.email.clone()
}

async fn hello(user: Option<Claims<User>>) -> String {
    match user {
        Some(user) => format!("Hello, {}!", user.email),
        None => "Hello, stranger!".to_owned(),
    }
}

async fn identity(identity: Identity) -> String {
    let from = match identity.credential() {
        CredentialKind::Bearer => "bearer",
        CredentialKind::Header => "header",
        CredentialKind::Cookie => "cookie",
        CredentialKind::Query => "query",
        CredentialKind::WebSocket => "websocket",
        other => panic!("a request has no credential from {other:?}"),
    };
    let email = identity.claims::<User>().map(|user| user.email.clone());
    format!("{from} {}", email.unwrap_or_default())
}

async fn orders(order: Claims<Order>) -> String {
    order.order.to_string()
}

async fn orders_if_any(order: Option<Claims<Order>>) -> String {
    order.map_or("none".to_owned(), |order| order.order.to_string())
}

async fn public() -> &'static str {
    "open"
}

async fn echo(body: String) -> String {
    body
}

async fn fails(kind: ErrorKind) -> Result<String, Error> {
    Err(Error::new(kind, "the precise reason"))
}
