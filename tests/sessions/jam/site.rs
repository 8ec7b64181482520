//! A site whose logins are sessions, its store, and browsers.

use crate::support::{Request, Response, Servers, World, send};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::{any, any_service, get};
use jamguard::policy::{email_domain, fresh};
use jamguard::store::{MemoryStore, Store, StoreFuture};
use jamguard::{
    AuthRejection, AuthenticatorBuilder, Claims, Error, ErrorKind, Identity, JamLogin,
    JamLoginBuilder, Session, Sessions,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const COOKIE: &str = "__Host-jam_session";

#[derive(serde::Deserialize)]
struct User {
    email: String,
    exp: u64,
}

#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct Cart {
    items: Vec<String>,
}

async fn me(user: Claims<User>) -> String {
    user.email.clone()
}

async fn expires(user: Claims<User>) -> String {
    user.exp.to_string()
}

/// Only for who logged in within ten minutes.
async fn vault(identity: Identity) -> Result<&'static str, AuthRejection> {
    identity.check(&fresh(Duration::from_secs(600)))?;
    Ok("gold")
}

/// Only for addresses of the company.
async fn office(identity: Identity) -> Result<&'static str, AuthRejection> {
    identity.check(&email_domain("example.com"))?;
    Ok("desk")
}

async fn hello(user: Option<Claims<User>>) -> String {
    user.map_or("stranger".to_owned(), |user| user.email.clone())
}

async fn cart(cart: Session<Cart>) -> String {
    cart.items.join(" ")
}

async fn put(cart: Session<Cart>, item: String) -> String {
    cart.modify(move |cart| cart.items.push(item.clone())).unwrap();
    cart.items.join(" ")
}

/// Says what the handler has; the tokens themselves only where they are asked for.
async fn tokens(session: Session<Cart>) -> String {
    let Some(tokens) = session.tokens() else {
        return "none".to_owned();
    };
    assert_eq!(format!("{tokens:?}"), "SessionTokens(redacted)");
    let refresh_token = tokens.refresh_token().map(|token| token.expose());
    format!("{} {}", tokens.id_token().expose(), refresh_token.unwrap_or("none"))
}

/// A store that can be taken away.
#[derive(Clone)]
pub(crate) struct Failing(MemoryStore, Arc<AtomicBool>);

impl Store for Failing {
    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        match self.is_down() {
            true => Box::pin(async { Err(down()) }),
            false => self.0.remove_owned(owner),
        }
    }

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<jamguard::store::Record>> {
        match self.is_down() {
            true => Box::pin(async { Err(down()) }),
            false => self.0.get(key),
        }
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        match self.is_down() {
            true => Box::pin(async { Err(down()) }),
            false => self.0.replace(key, version, value, ttl),
        }
    }

    passes_on!(0: insert remove owned purge);
}

fn down() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is down")
}

impl Failing {
    fn is_down(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }

    pub(crate) fn goes_down(&self, down: bool) {
        self.1.store(down, Ordering::SeqCst);
    }
}

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) servers: Servers,
    pub(crate) sessions: Sessions,
    pub(crate) store: Failing,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(|auth| auth, |login| login).await
    }

    pub(crate) async fn with(
        change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
        change_login: impl FnOnce(JamLoginBuilder) -> JamLoginBuilder,
    ) -> Self {
        let world = World::new().await;
        world.app.set_id_token_lifetime(Duration::from_secs(900));
        let store = MemoryStore::builder().clock(world.clock.clone()).build().unwrap();
        let store = Failing(store, Arc::default());
        let sessions = Sessions::builder(store.clone()).clock(world.clock.clone());
        let sessions = sessions.build().unwrap();
        let auth = jamguard::Authenticator::builder()
            .jam(world.jam())
            .sessions(sessions.clone())
            .silent_refresh(world.client())
            .clock(world.clock.clone())
            .realm("api");
        let auth = change(auth).build().unwrap();
        let login = JamLogin::builder(&auth, world.client()).home("/welcome");
        let login = change_login(login).build().unwrap();
        let router = Router::new()
            .route("/me", any(me))
            .route("/expires", get(expires))
            .route("/hello", get(hello))
            .route("/vault", get(vault))
            .route("/office", get(office))
            .route("/cart", get(cart).post(put))
            .route("/tokens", get(tokens))
            .route("/jam-redirect", any_service(login.redirect()))
            .route("/logout", any_service(login.logout()))
            .route("/logout-everywhere", any_service(login.logout_everywhere()))
            .layer(auth.layer());
        let routes = move |config: &mut web::ServiceConfig| {
            config
                .service(web::resource("/me").to(me))
                .service(web::resource("/expires").to(expires))
                .service(web::resource("/hello").to(hello))
                .service(web::resource("/vault").to(vault))
                .service(web::resource("/office").to(office))
                .service(
                    web::resource("/cart").route(web::get().to(cart)).route(web::post().to(put)),
                )
                .service(web::resource("/tokens").to(tokens))
                .service(web::resource("/jam-redirect").to(login.redirect()))
                .service(web::resource("/logout").to(login.logout()))
                .service(web::resource("/logout-everywhere").to(login.logout_everywhere()));
        };
        let wrap = move || Condition::new(true, auth.actix());
        Self { servers: Servers::serve(router, wrap, routes).await, world, sessions, store }
    }

    /// One browser for each framework.
    pub(crate) fn browsers(&self) -> [(&'static str, Browser); 2] {
        self.servers.each().map(|(name, address)| {
            let id = None;
            (name, Browser { address, id })
        })
    }
}

/// A browser, as far as one cookie goes.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    pub(crate) id: Option<String>,
}

impl Browser {
    pub(crate) async fn ask(&mut self, request: Request) -> Response {
        let request = match &self.id {
            Some(id) => request.cookie(COOKIE, id),
            None => request,
        };
        let answer = send(self.address, &request).await;
        for cookie in answer.all("set-cookie") {
            let value = cookie.split(['=', ';']).nth(1).unwrap();
            assert!(cookie.starts_with(COOKIE), "{cookie}");
            self.id = (!value.is_empty()).then(|| value.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.ask(Request::get(path)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Response {
        self.ask(Request::post(path, body)).await
    }

    /// Follows the link's redirect with these tokens.
    pub(crate) async fn arrive(&mut self, id_token: &str, refresh_token: Option<&str>) -> Response {
        let mut path = format!("/jam-redirect?idToken={id_token}");
        if let Some(token) = refresh_token {
            // What a base64 text has of characters that mean something in a query.
            let token = token.replace('+', "%2B");
            path.push_str(&format!("&refreshToken={token}"));
        }
        self.ask(Request::get(&path).header("user-agent", "Browser of a test")).await
    }

    /// Ann logs in; the refresh token.
    pub(crate) async fn log_in(&mut self, world: &World) -> String {
        let refresh_token = world.refresh_token();
        let answer = self.arrive(&world.token(), Some(&refresh_token)).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        refresh_token
    }

    /// Asks until the answer is this one, for five seconds.
    pub(crate) async fn until(&mut self, path: &str, is: impl Fn(&Response) -> bool) -> Response {
        let mut last = None;
        crate::support::wait::until(path, async || is(last.insert(self.get(path).await))).await;
        last.unwrap()
    }
}
