//! Policies in every form, in axum.
//!
//! Around a route, as a type, inside a handler and in a route table; roles come from the
//! application's own database.
//!
//! ```sh
//! cargo run --example guards --features axum
//! ```
//!
//! The requests are listed in `examples/office/mod.rs`.

pub(crate) mod office;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use jamguard::{AuthRejection, Error, Identity, Require};
use office::{Admin, Office};
use serde_json::{Value, json};
use std::process::ExitCode;

async fn admin(admin: Require<Admin>) -> String {
    format!("welcome, {}\n", admin.subject().unwrap_or("admin"))
}

async fn document(
    identity: Identity,
    Path(name): Path<String>,
) -> Result<Json<Value>, AuthRejection> {
    office::read(&identity, &name).map(Json)
}

async fn promote(
    _: Require<Admin>,
    State(office): State<Office>,
    Path(user): Path<String>,
) -> Result<Json<Value>, Error> {
    office.promote(&user).await.map(Json)
}

pub(crate) fn app(office: &Office) -> Result<Router, Error> {
    let auth = &office.auth;
    let read = get(|| async { Json(json!({ "orders": [] })) });
    let write = post(|order: String| async move { Json(json!({ "ordered": order })) });
    let orders = read
        .route_layer(auth.require(office::may_read()))
        .merge(write.route_layer(auth.require(office::may_write())));
    Ok(Router::new()
        .route("/", get(|| async { "public\n" }))
        .route("/orders", orders)
        .route("/admin", get(admin))
        .route("/documents/{name}", get(document))
        .route("/promote/{user}", post(promote))
        .route("/reports/summary", get(|| async { "all is well\n" }))
        .route("/reports/{*rest}", get(|| async { "numbers\n" }))
        .with_state(office.clone())
        .layer(auth.routes(office::table()?)))
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (office, port) = (Office::new()?, office::port()?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| office::cannot_listen(port, &error))?;
    office.print_next_steps(listener.local_addr()?.port()).await?;
    axum::serve(listener, app(&office)?)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    office::exit(run().await)
}
