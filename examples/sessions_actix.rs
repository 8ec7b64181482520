//! Server-side sessions in actix-web: a shopping cart for guests and users.
//!
//! ```sh
//! cargo run --example sessions_actix --features actix,file,redis
//! PORT=3001 JAM_STORE=file:/tmp/sessions.redb cargo run --example sessions_actix --features actix,file,redis
//! ```
//!
//! `JAM_STORE` is `memory`, `file:PATH` or a `redis://` URL. Default: `memory`. The requests are
//! listed in `examples/cart/mod.rs`.

mod cart;

use actix_web::web::{self, Html, Json, ServiceConfig};
use actix_web::{App, HttpServer};
use cart::Cart;
use jamguard::{Authenticator, Error, Session};
use serde_json::Value;
use std::process::ExitCode;

async fn home() -> Html {
    Html::new(cart::PAGE)
}

async fn login(cart: Session<Cart>, body: String) -> Result<Json<Value>, Error> {
    cart::login(&cart, &body).await.map(Json)
}

async fn look(cart: Session<Cart>) -> Json<Value> {
    Json(cart::look(&cart))
}

async fn put(cart: Session<Cart>, body: String) -> Result<Json<Value>, Error> {
    cart::put(&cart, &body).map(Json)
}

async fn put_slowly(cart: Session<Cart>, body: String) -> Result<Json<Value>, Error> {
    cart::put_slowly(&cart, &body).await.map(Json)
}

async fn devices(cart: Session<Cart>) -> Result<Json<Value>, Error> {
    cart::devices(&cart).await.map(Json)
}

async fn logout(cart: Session<Cart>) -> Result<Json<Value>, Error> {
    cart::logout(&cart).await.map(Json)
}

async fn logout_everywhere(cart: Session<Cart>) -> Result<Json<Value>, Error> {
    cart::logout_everywhere(&cart).await.map(Json)
}

pub(crate) fn app(auth: &Authenticator, config: &mut ServiceConfig) {
    let guard = || auth.require_login();
    config
        .route("/", web::get().to(home))
        .route("/login", web::post().to(login))
        .route("/cart", web::get().to(look))
        .route("/cart", web::post().to(put))
        .route("/slow", web::post().to(put_slowly))
        .route("/logout", web::post().to(logout))
        .route("/devices", web::get().to(devices).wrap(guard()))
        .route("/logout-everywhere", web::post().to(logout_everywhere).wrap(guard()));
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (auth, port) = (cart::authenticator().await?, cart::port()?);
    let server = HttpServer::new(move || {
        App::new().wrap(auth.actix()).configure(|config| app(&auth, config))
    })
    .bind(("127.0.0.1", port))
    .map_err(|error| cart::cannot_listen(port, &error))?;
    for address in server.addrs() {
        cart::print_next_steps(address.port());
    }
    server.run().await?;
    Ok(())
}

#[actix_web::main]
async fn main() -> ExitCode {
    cart::exit(run().await)
}
