//! A site with a vault that needs a second factor: its handlers are written once and routed twice.

use crate::support::{NOW, Request, Response, Servers, World, send};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::{any, any_service, get};
use jamguard::otp::{Otp, OtpGuard, OtpSecret, SecondFactor};
use jamguard::policy::second_factor;
use jamguard::store::{MemoryStore, Record, SealingKeys, Store, StoreFuture};
use jamguard::{Error, ErrorKind, Identity, JamLogin, NewSession, Session, Sessions};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const COOKIE: &str = "__Host-jam_session";
pub(crate) const LIFETIME: u64 = 900;

#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct Cart {
    items: Vec<String>,
}

/// What handlers need, and both frameworks hand out in ways of their own.
struct Parts {
    factor: SecondFactor,
    guard: OtpGuard,
    otp: Otp,
}

type Shared = Arc<Parts>;

/// The secret of users whose secrets the site keeps itself.
pub(crate) static OWN: LazyLock<OtpSecret> = LazyLock::new(crate::secret);

async fn login(cart: Session<Cart>, user: String) -> &'static str {
    cart.login(user).await.unwrap();
    "in"
}

async fn login_with_amr(cart: Session<Cart>, user: String) -> &'static str {
    let claims = json!({ "sub": user, "amr": ["pwd"], "role": "clerk" });
    cart.login_with(NewSession::of(user).claims(&claims)).await.unwrap();
    "in"
}

async fn put(cart: Session<Cart>, item: String) -> String {
    cart.modify(move |cart| cart.items.push(item.clone())).unwrap();
    cart.items.join(" ")
}

async fn cart(cart: Session<Cart>) -> String {
    cart.items.join(" ")
}

async fn logout(cart: Session<Cart>) -> Result<&'static str, Error> {
    cart.end().await?;
    Ok("out")
}

/// As after a security key's right answer.
async fn step_up(cart: Session<Cart>) -> Result<&'static str, Error> {
    cart.step_up(&["hwk", "mfa"]).await?;
    Ok("up")
}

async fn user(cart: Session<Cart>) -> String {
    cart.user().unwrap()
}

async fn claims(identity: Identity) -> String {
    identity.raw_claims().to_owned()
}

async fn tokens(session: Session<Cart>) -> String {
    let tokens = session.tokens();
    tokens.map_or("none".to_owned(), |tokens| {
        let refresh = tokens.refresh_token().unwrap().expose();
        format!("{} {refresh}", tokens.id_token().expose())
    })
}

async fn vault() -> &'static str {
    "gold"
}

async fn begin(parts: &Parts, cart: Session<Cart>) -> Result<String, Error> {
    let user = cart.user().unwrap_or_default();
    let enrolment = parts.factor.begin(&user, "somebody").await?;
    Ok(enrolment.secret().to_base32().expose().to_owned())
}

async fn confirm(parts: &Parts, cart: Session<Cart>, code: String) -> Result<String, Error> {
    let codes = cart.confirm_otp(&parts.factor, &code).await?;
    let codes: Vec<_> = codes.iter().map(|code| code.expose()).collect();
    Ok(codes.join(" "))
}

async fn verify(parts: &Parts, cart: Session<Cart>, code: String) -> Result<String, Error> {
    cart.verify_otp(&parts.factor, &code).await?;
    Ok("right".to_owned())
}

async fn verify_own(parts: &Parts, cart: Session<Cart>, code: String) -> Result<String, Error> {
    cart.verify_own_otp(&parts.guard, &parts.otp, &OWN, &code).await?;
    Ok("right".to_owned())
}

async fn recover(parts: &Parts, cart: Session<Cart>, code: String) -> Result<String, Error> {
    cart.recover_otp(&parts.factor, &code).await?;
    Ok("right".to_owned())
}

/// Everything that a request can do with a session at once.
async fn verify_and_put(parts: &Parts, cart: Session<Cart>, code: String) -> Result<String, Error> {
    cart.modify(|cart| cart.items.push("present".to_owned())).unwrap();
    cart.verify_otp(&parts.factor, &code).await?;
    Ok(cart.items.join(" "))
}

/// `USER CODE`: both factors in one form. Nobody is logged in before the code was right.
async fn login_and_verify(
    parts: &Parts,
    cart: Session<Cart>,
    body: String,
) -> Result<String, Error> {
    let (user, code) = body.split_once(' ').unwrap();
    parts.factor.verify(user, code).await?;
    cart.login(user).await.unwrap();
    cart.step_up(&["otp", "mfa"]).await?;
    Ok("in".to_owned())
}

/// `CODE USER`: what was proved was somebody else's.
async fn verify_and_login(
    parts: &Parts,
    cart: Session<Cart>,
    body: String,
) -> Result<String, Error> {
    let (code, user) = body.split_once(' ').unwrap();
    cart.verify_otp(&parts.factor, code).await?;
    cart.login(user).await.unwrap();
    Ok("in".to_owned())
}

/// `CODE USER`, both at the same time: somebody logs in while the code is looked at.
async fn verify_while_login(
    parts: &Parts,
    cart: Session<Cart>,
    body: String,
) -> Result<String, Error> {
    let (code, user) = body.split_once(' ').unwrap();
    let login = async { cart.login(user).await.unwrap() };
    let (verified, ()) = tokio::join!(cart.verify_otp(&parts.factor, code), login);
    // The page that comes is the next user's, whatever became of the code.
    Ok(verified.map_or_else(|error| error.kind().to_string(), |()| "right".to_owned()))
}

async fn verify_and_logout(
    parts: &Parts,
    cart: Session<Cart>,
    code: String,
) -> Result<String, Error> {
    cart.verify_otp(&parts.factor, &code).await?;
    cart.end().await?;
    Ok("out".to_owned())
}

async fn verify_and_fail(
    parts: &Parts,
    cart: Session<Cart>,
    code: String,
) -> Result<String, Error> {
    cart.verify_otp(&parts.factor, &code).await?;
    Err(Error::new(ErrorKind::Internal, "told to fail"))
}

/// A store that can be taken away.
#[derive(Clone)]
struct Failing(MemoryStore, Arc<AtomicBool>);

impl Store for Failing {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        match self.1.load(Ordering::SeqCst) {
            true => Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "down")) }),
            false => Box::pin(async move {
                // Others get a turn, as with a store that is far away.
                tokio::task::yield_now().await;
                self.0.get(key).await
            }),
        }
    }

    passes_on!(0: insert replace remove owned remove_owned purge);
}

/// The routes of both frameworks: plain ones, and those that need the parts.
macro_rules! routes {
    (plain $($path:literal $handler:ident)* parts $($with:literal $needs:ident($($body:ident)?))*) => {
        fn axum_routes(parts: &Shared) -> Router {
            Router::new()
                $(.route($path, any($handler)))*
                $(.route($with, {
                    let parts = parts.clone();
                    any(async move |cart: Session<Cart> $(, $body: String)?| {
                        $needs(&parts, cart $(, $body)?).await
                    })
                }))*
        }
        fn actix_routes(parts: &Shared, config: &mut web::ServiceConfig) {
            config
                $(.service(web::resource($path).to($handler)))*
                $(.service(web::resource($with).to({
                    let parts = parts.clone();
                    move |cart: Session<Cart> $(, $body: String)?| {
                        let parts = parts.clone();
                        async move { $needs(&parts, cart $(, $body)?).await }
                    }
                })))*;
        }
    };
}

routes! {
    plain
    "/login" login
    "/login-with-amr" login_with_amr
    "/put" put
    "/cart" cart
    "/logout" logout
    "/claims" claims
    "/user" user
    "/step-up" step_up
    "/tokens" tokens
    parts
    "/begin" begin()
    "/confirm" confirm(body)
    "/code" verify(body)
    "/own-code" verify_own(body)
    "/recover" recover(body)
    "/code-and-put" verify_and_put(body)
    "/login-and-code" login_and_verify(body)
    "/code-and-login" verify_and_login(body)
    "/code-while-login" verify_while_login(body)
    "/code-and-logout" verify_and_logout(body)
    "/code-and-fail" verify_and_fail(body)
}

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    pub(crate) factor: SecondFactor,
    pub(crate) otp: Otp,
    down: Arc<AtomicBool>,
    servers: Servers,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        world.app.set_id_token_lifetime(Duration::from_secs(LIFETIME));
        let clock = world.clock.clone();
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        // Nothing stays in memory: what is not in the record is gone with the request.
        let sessions = Sessions::builder(store).cache_bytes(0);
        let sessions = sessions.clock(clock.clone());
        let sessions = sessions.build().unwrap();
        let down = Arc::default();
        let store = Failing(MemoryStore::builder().clock(clock.clone()).build().unwrap(), down);
        let down = store.1.clone();
        let otp = Otp::totp().clock(clock.clone()).build().unwrap();
        let keys = SealingKeys::new(&[7; 32]);
        let factor = SecondFactor::builder(store.clone(), keys).issuer("My App");
        let factor = factor.otp(otp.clone()).build().unwrap();
        let parts = Arc::new(Parts {
            factor: factor.clone(),
            guard: OtpGuard::builder(store).build().unwrap(),
            otp: otp.clone(),
        });
        let auth = jamguard::Authenticator::builder()
            .jam(world.jam())
            .sessions(sessions.clone())
            .silent_refresh(world.client())
            .clock(clock)
            .realm("api");
        let auth = auth.build().unwrap();
        let jam = JamLogin::builder(&auth, world.client()).home("/cart");
        let jam = jam.build().unwrap();
        let guard = auth.require(second_factor());
        let router = axum_routes(&parts)
            .route("/vault", get(vault).route_layer(guard.clone()))
            .route("/jam-redirect", any_service(jam.redirect()))
            .layer(auth.layer());
        let routes = move |config: &mut web::ServiceConfig| {
            actix_routes(&parts, config);
            config
                .service(web::resource("/vault").wrap(guard.clone()).to(vault))
                .service(web::resource("/jam-redirect").to(jam.redirect()));
        };
        let wrap = move || Condition::new(true, auth.actix());
        Self {
            servers: Servers::serve(router, wrap, routes).await,
            world,
            sessions,
            factor,
            otp,
            down,
        }
    }

    /// The store of the second factor is gone, or back.
    pub(crate) fn goes_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// A browser for each framework.
    pub(crate) fn browsers(&self) -> [Browser; 2] {
        self.servers.each().map(|(name, address)| Browser { name, address, id: None })
    }

    /// Enrols a user with a fixed secret; returns it and the recovery codes.
    pub(crate) async fn enrol(&self, user: &str) -> (OtpSecret, Vec<String>) {
        let bytes: Vec<u8> = user.bytes().cycle().take(20).collect();
        let secret = OtpSecret::from_bytes(&bytes).unwrap();
        let codes = self.factor.import(user, &secret, 0).await.unwrap();
        let text = |code: &jamguard::Secret| code.expose().to_owned();
        (secret, codes.iter().map(text).collect())
    }

    pub(crate) fn code(&self, secret: &OtpSecret) -> String {
        self.otp.code(secret).unwrap().expose().to_owned()
    }

    pub(crate) fn after(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn begun(&self) -> u64 {
        NOW
    }
}

/// A browser, as far as one cookie goes.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) name: &'static str,
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

    /// Posts what must be answered 200; the answer's text.
    pub(crate) async fn does(&mut self, path: &str, body: &str) -> String {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{}: {path}: {}", self.name, answer.text());
        answer.text().to_owned()
    }

    /// Whether the vault opens; where it does not, a step-up is asked for.
    pub(crate) async fn vault(&mut self) -> bool {
        let answer = self.get("/vault").await;
        match answer.status {
            200 => answer.text() == "gold",
            status => {
                let challenge = answer.header("www-authenticate").unwrap();
                let wanted = match self.id {
                    Some(_) => "insufficient_user_authentication",
                    None => "Bearer realm=\"api\"",
                };
                assert!(status == 401 && challenge.contains(wanted), "{challenge}");
                false
            }
        }
    }

    pub(crate) async fn claims(&mut self) -> Value {
        let answer = self.get("/claims").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn amr(&mut self) -> Value {
        self.claims().await["amr"].clone()
    }
}
