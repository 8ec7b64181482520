//! Server-side sessions in axum: a shopping cart for guests and users.
//!
//! ```sh
//! cargo run --example sessions --features axum,file,redis
//! PORT=3001 JAM_STORE=file:/tmp/sessions.redb cargo run --example sessions --features axum,file,redis
//! ```
//!
//! `JAM_STORE` is `memory`, `file:PATH` or a `redis://` URL. Default: `memory`. The requests are
//! listed in `examples/cart/mod.rs`.

mod cart;

use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use cart::Cart;
use jamguard::{Authenticator, Error, Session};
use serde_json::Value;
use std::process::ExitCode;

async fn home() -> Html<&'static str> {
    Html(cart::PAGE)
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

pub(crate) fn app(auth: &Authenticator) -> Router {
    let users = Router::new()
        .route("/devices", get(devices))
        .route("/logout-everywhere", post(logout_everywhere))
        .route_layer(auth.require_login());
    Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/cart", get(look).post(put))
        .route("/slow", post(put_slowly))
        .route("/logout", post(logout))
        .merge(users)
        .layer(auth.layer())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (auth, port) = (cart::authenticator().await?, cart::port()?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| cart::cannot_listen(port, &error))?;
    cart::print_next_steps(listener.local_addr()?.port());
    axum::serve(listener, app(&auth))
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cart::exit(run().await)
}
