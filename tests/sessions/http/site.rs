//! The app: its handlers are written once and routed twice.

use crate::http::store::Watched;
use crate::http::types::{any_and_cart, any_data, any_login, number_if_any, order, order_if_any};
use crate::http::{Client, NOW};
use crate::support::Servers;
use crate::support::gate::Gate;
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::any;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::{ManualClock, mint};
use jamguard::{
    AuthRejection, Authenticator, AuthenticatorBuilder, Claims, CredentialKind, Error, ErrorKind,
    Identity, NewSession, Session, Sessions, SessionsBuilder, Verifier,
};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cart {
    pub(crate) items: Vec<String>,
}

/// The same data for somebody who needs the number alone, and keeps the rest.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct Any(serde_json::Map<String, serde_json::Value>);

#[derive(serde::Deserialize)]
struct User {
    sub: String,
    #[serde(default)]
    role: String,
}

/// What the handlers answer: the items, each behind the one before.
fn show(cart: &Session<Cart>) -> String {
    cart.items.join(" ")
}

fn push(cart: &Session<Cart>, item: String) {
    cart.modify(move |cart| cart.items.push(item.clone())).unwrap();
}

/// A gate by its name: a request that names it in its body waits there.
pub(crate) fn gate(name: &str) -> Gate {
    static GATES: LazyLock<Mutex<HashMap<String, Gate>>> = LazyLock::new(Mutex::default);
    GATES.lock().unwrap().entry(name.to_owned()).or_default().clone()
}

/// A closed gate of its own, with its name.
pub(crate) fn closed_gate() -> (String, Gate) {
    static MADE: AtomicU32 = AtomicU32::new(1);
    let name = MADE.fetch_add(1, Ordering::Relaxed).to_string();
    let gate = gate(&name);
    gate.close();
    (name, gate)
}

/// `GATE ITEM`; the gate `0` is open.
async fn slowly(body: &str) -> String {
    let (name, item) = body.split_once(' ').unwrap();
    gate(name).pass().await;
    item.to_owned()
}

async fn public() -> &'static str {
    "open"
}

async fn cart(cart: Session<Cart>) -> String {
    show(&cart)
}

pub(crate) async fn put(cart: Session<Cart>, item: String) -> String {
    push(&cart, item);
    show(&cart)
}

async fn slow(cart: Session<Cart>, body: String) -> String {
    push(&cart, slowly(&body).await);
    show(&cart)
}

/// Who has read the cart waits here until the test lets so many pass.
pub(crate) static GATE: Semaphore = Semaphore::const_new(0);

async fn gated(cart: Session<Cart>, item: String) -> String {
    GATE.acquire().await.unwrap().forget();
    push(&cart, item);
    show(&cart)
}

async fn by_hand(mut cart: Session<Cart>, body: String) -> String {
    let item = slowly(&body).await;
    cart.get_mut().unwrap().items.push(item);
    show(&cart)
}

async fn set(cart: Session<Cart>, body: String) -> String {
    let items = vec![slowly(&body).await];
    cart.set(Cart { items }).unwrap();
    show(&cart)
}

async fn merged(mut cart: Session<Cart>, body: String) -> String {
    let item = slowly(&body).await;
    cart.get_mut().unwrap().items.push(item);
    cart.on_conflict(|theirs, ours| {
        for item in &ours.items {
            if !theirs.items.contains(item) {
                theirs.items.push(item.clone());
            }
        }
    });
    show(&cart)
}

async fn looked_at_by_hand(mut cart: Session<Cart>) -> String {
    cart.get_mut().unwrap().items.len().to_string()
}

/// Two extractors of the session, and one of another type, share it.
async fn twice(mut first: Session<Cart>, second: Session<Cart>, third: Session<Any>) -> String {
    push(&first, "first".into());
    push(&second, "second".into());
    third
        .modify(|data| {
            if let Some(items) = data.0["items"].as_array_mut() {
                items.push("third".into());
            }
        })
        .unwrap();
    first.get_mut().unwrap().items.push("fourth".into());
    format!("{}, {}", show(&first), show(&second))
}

async fn login(cart: Session<Cart>, user: String) -> String {
    cart.login(user).await.unwrap();
    format!("{:?} {}", cart.user(), show(&cart))
}

async fn login_as_admin(cart: Session<Cart>, user: String) -> &'static str {
    let claims = json!({ "sub": user, "role": "admin" });
    cart.login_with(NewSession::of(user).claims(&claims)).await.unwrap();
    "in"
}

async fn login_and_put(cart: Session<Cart>, user: String) -> String {
    cart.login(user).await.unwrap();
    push(&cart, "present".into());
    show(&cart)
}

async fn rotate(cart: Session<Cart>) -> &'static str {
    cart.rotate_id().await.unwrap();
    "rotated"
}

async fn rotate_and_put(cart: Session<Cart>, item: String) -> String {
    cart.rotate_id().await.unwrap();
    push(&cart, item);
    show(&cart)
}

async fn logout(cart: Session<Cart>) -> Result<String, Error> {
    cart.end().await?;
    Ok(format!("{:?} {}", cart.user(), show(&cart)))
}

/// A word for the next page.
async fn logout_and_put(cart: Session<Cart>, item: String) -> Result<String, Error> {
    push(&cart, "too late".into());
    cart.end().await?;
    push(&cart, item);
    Ok(show(&cart))
}

/// Somebody changes their mind.
async fn login_and_logout(cart: Session<Cart>, user: String) -> Result<String, Error> {
    cart.login(user).await.unwrap();
    cart.end().await?;
    Ok(format!("{:?}", cart.user()))
}

async fn logout_everywhere(cart: Session<Cart>) -> Result<String, Error> {
    Ok(cart.end_all().await?.to_string())
}

async fn devices(cart: Session<Cart>) -> Result<String, Error> {
    let this = cart.handle();
    let devices = cart.devices().await?;
    let names: Vec<String> = devices
        .iter()
        .map(|device| {
            let this = Some(device.handle()) == this.as_deref();
            let name = device.device().unwrap_or("unnamed");
            format!("{}{name}", if this { "*" } else { "" })
        })
        .collect();
    Ok(names.join(" "))
}

/// Ends the device of that name.
async fn end_device(cart: Session<Cart>, name: String) -> Result<String, Error> {
    let devices = cart.devices().await?;
    let device = devices.iter().find(|device| device.device() == Some(&*name));
    let handle = device.map_or("none", |device| device.handle());
    Ok(cart.end_device(handle).await?.to_string())
}

/// Writes, and then fails.
async fn fails(cart: Session<Cart>) -> Result<String, Error> {
    push(&cart, "of a failure".into());
    cart.login("nobody").await.unwrap();
    Err(Error::new(ErrorKind::Internal, "told to fail"))
}

/// Writes, and refuses.
async fn refuses(cart: Session<Cart>) -> Result<String, Error> {
    push(&cart, "refused".into());
    Err(Error::new(ErrorKind::Forbidden, "told to refuse"))
}

/// The result of the write of [`late`].
pub(crate) type Late = oneshot::Receiver<Result<(), Error>>;

/// The write of the last request to [`late`].
pub(crate) static LATE: Mutex<Option<Late>> = Mutex::new(None);

/// Writes after the response was sent: when the gate of this name opens.
async fn late(cart: Session<Cart>, gate_name: String) -> &'static str {
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        gate(&gate_name).pass().await;
        let _ = tell.send(cart.modify(|cart| cart.items.push("late".into())));
    });
    *LATE.lock().unwrap() = Some(told);
    "answered"
}

async fn is_new(cart: Session<Cart>) -> String {
    cart.is_new().to_string()
}

async fn if_any(cart: Option<Session<Cart>>) -> String {
    cart.map_or("none".into(), |cart| show(&cart))
}

async fn caught(cart: Result<Session<Cart>, AuthRejection>) -> String {
    match cart {
        Ok(cart) => show(&cart),
        Err(refused) => refused.error().kind().to_string(),
    }
}

/// Data that no cart is.
async fn number(number: Session<u64>) -> String {
    number.to_string()
}

async fn who(identity: Identity) -> String {
    let from = match identity.credential() {
        CredentialKind::Session => "session",
        CredentialKind::Bearer => "bearer",
        other => panic!("no credential of this site's: {other:?}"),
    };
    assert_eq!(identity.token().is_some(), from == "bearer");
    assert!(identity.raw_claims().contains("sub"));
    format!("{from} {}", identity.subject().unwrap())
}

async fn hello(user: Option<Claims<User>>) -> String {
    match user {
        Some(user) => format!("{}{}", user.sub, user.role),
        None => "nobody".into(),
    }
}

pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) sessions: Sessions,
    pub(crate) store: Watched,
    pub(crate) clock: ManualClock,
    pub(crate) auth: Authenticator,
    key: SigningKey,
}

/// The routes of both frameworks.
macro_rules! routes {
    ($($path:literal $handler:ident)*) => {
        fn axum_routes() -> Router {
            Router::new()$(.route($path, any($handler)))*
        }
        fn actix_routes(config: &mut web::ServiceConfig) {
            config$(.service(web::resource($path).to($handler)))*;
        }
    };
}

routes! {
    "/public" public
    "/cart" cart
    "/put" put
    "/slow" slow
    "/gated" gated
    "/by-hand" by_hand
    "/set" set
    "/merged" merged
    "/looked-at-by-hand" looked_at_by_hand
    "/twice" twice
    "/login" login
    "/login-as-admin" login_as_admin
    "/login-and-put" login_and_put
    "/rotate" rotate
    "/rotate-and-put" rotate_and_put
    "/logout" logout
    "/logout-and-put" logout_and_put
    "/login-and-logout" login_and_logout
    "/logout-everywhere" logout_everywhere
    "/devices" devices
    "/end-device" end_device
    "/fails" fails
    "/refuses" refuses
    "/late" late
    "/is-new" is_new
    "/caught" caught
    "/if-any" if_any
    "/number" number
    "/number-if-any" number_if_any
    "/order" order
    "/order-if-any" order_if_any
    "/any-data" any_data
    "/any-login" any_login
    "/any-and-cart" any_and_cart
    "/who" who
    "/hello" hello
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|sessions| sessions, |auth| auth, true).await
    }

    pub(crate) async fn with(
        sessions: impl FnOnce(SessionsBuilder) -> SessionsBuilder,
        change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
        layered: bool,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let store = Arc::new(MemoryStore::builder().clock(clock.clone()).build().unwrap());
        Self::made(clock, store, sessions, change, layered).await
    }

    /// Over a store that goes by the machine's clock.
    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        let clock = ManualClock::at(NOW);
        Self::made(clock, store, |sessions| sessions, |auth| auth, true).await
    }

    async fn made(
        clock: ManualClock,
        store: Arc<dyn Store>,
        sessions: impl FnOnce(SessionsBuilder) -> SessionsBuilder,
        change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
        layered: bool,
    ) -> Self {
        let store = Watched::over(store);
        let builder = Sessions::builder(store.clone()).clock(clock.clone());
        let sessions = sessions(builder).build().unwrap();
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let verifier = Verifier::builder()
            .any_audience()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .clock(clock.clone());
        let builder =
            Authenticator::builder().verifier(verifier.build().unwrap()).sessions(sessions.clone());
        let auth = change(builder).build().unwrap();
        let guard = auth.require_login();
        let guarded = Router::new()
            .route("/guarded", any(public))
            .route("/guarded-cart", any(put))
            .route_layer(guard.clone());
        let router = axum_routes().merge(guarded);
        let router = match layered {
            true => router.layer(auth.layer()),
            false => router,
        };
        let routes = move |config: &mut web::ServiceConfig| {
            actix_routes(config);
            config
                .service(web::resource("/guarded").wrap(guard.clone()).to(public))
                .service(web::resource("/guarded-cart").wrap(guard.clone()).to(put));
        };
        let wrap = {
            let auth = auth.clone();
            move || Condition::new(layered, auth.actix())
        };
        Self {
            servers: Servers::serve(router, wrap, routes).await,
            sessions,
            store,
            clock,
            auth,
            key,
        }
    }

    /// A browser for each framework.
    pub(crate) fn clients(&self) -> [(&'static str, Client); 2] {
        self.servers.each().map(|(name, address)| (name, Client { address, id: None }))
    }

    pub(crate) fn token(&self) -> String {
        mint(&self.key, &json!({ "sub": "token's", "exp": NOW + 3600 })).unwrap()
    }

    pub(crate) fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn count(&self, user: &str) -> u64 {
        self.sessions.count(user).await.unwrap()
    }
}
