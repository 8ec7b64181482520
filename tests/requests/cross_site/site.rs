//! A site with sessions, and a store that counts how often it is asked.

use crate::support::{Request, Response, Servers};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::{any, get, post};
use jamguard::store::{MemoryStore, Record, Store, StoreFuture};
use jamguard::{Authenticator, AuthenticatorBuilder, Error, NewSession, Session, Sessions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const COOKIE: &str = "__Host-jam_session";

#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cart {
    items: u64,
}

/// Counts reads.
struct Counting(MemoryStore, Arc<AtomicU64>);

impl Store for Counting {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.get(key)
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.peek(key)
    }

    passes_on!(0: insert replace remove owned remove_owned purge watch);
}

pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) sessions: Sessions,
    asked: Arc<AtomicU64>,
}

async fn hello() -> &'static str {
    "hello"
}

async fn cart(cart: Session<Cart>) -> String {
    cart.items.to_string()
}

async fn put(cart: Session<Cart>) -> &'static str {
    cart.modify(|cart| cart.items += 1).unwrap();
    "put"
}

async fn login(cart: Session<Cart>) -> &'static str {
    cart.login("ann").await.unwrap();
    "in"
}

async fn form_token(cart: Session<Cart>) -> Result<String, Error> {
    cart.form_token()
}

async fn form(cart: Session<Cart>, token: String) -> Result<&'static str, Error> {
    cart.check_form_token(&token)?;
    Ok("taken")
}

async fn rotate(cart: Session<Cart>) -> &'static str {
    cart.rotate_id().await.unwrap();
    "rotated"
}

pub(crate) async fn start(
    change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
) -> World {
    site(change, true).await
}

pub(crate) async fn site(
    change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
    layered: bool,
) -> World {
    let asked = Arc::new(AtomicU64::new(0));
    let store = Counting(MemoryStore::new(), asked.clone());
    let sessions = Sessions::builder(store).build().unwrap();
    let builder = Authenticator::builder().sessions(sessions.clone());
    let auth = change(builder).build().unwrap();
    let guard = auth.require_login();
    let guarded = Router::new().route("/guarded", any(hello)).route_layer(guard.clone());
    let router = Router::new()
        .route("/hello", any(hello))
        .route("/cart", get(cart))
        .route("/put", any(put))
        .route("/login", post(login))
        .route("/form-token", get(form_token))
        .route("/form", post(form))
        .route("/rotate", post(rotate))
        .merge(guarded);
    let router = match layered {
        true => router.layer(auth.layer()),
        false => router,
    };
    let routes = move |config: &mut web::ServiceConfig| {
        config
            .service(web::resource("/hello").to(hello))
            .service(web::resource("/cart").to(cart))
            .service(web::resource("/put").to(put))
            .service(web::resource("/login").to(login))
            .service(web::resource("/form-token").to(form_token))
            .service(web::resource("/form").to(form))
            .service(web::resource("/rotate").to(rotate))
            .service(web::resource("/guarded").wrap(guard.clone()).to(hello));
    };
    let wrap = move || Condition::new(layered, auth.actix());
    World { servers: Servers::serve(router, wrap, routes).await, sessions, asked }
}

impl World {
    /// The answer of both frameworks.
    pub(crate) async fn ask(&self, request: Request) -> Response {
        self.servers.ask(request).await
    }

    /// How often the store was.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Ann's session, as her browser begins it.
    pub(crate) async fn log_in(&self) -> String {
        let request = Request::new("POST", "/login").header("sec-fetch-site", "same-origin");
        let answer = crate::support::send(self.servers.axum, &request).await;
        let cookie = answer.header("set-cookie").expect("a session");
        let (_, value) = cookie.split_once('=').unwrap();
        value.split(';').next().unwrap().to_owned()
    }

    pub(crate) async fn log_in_elsewhere(&self) -> String {
        let new = NewSession::of("ann").data(&Cart::default());
        let id = self.sessions.create_with(new).await.unwrap();
        id.expose().to_owned()
    }
}
