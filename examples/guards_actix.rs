//! Policies in every form, in actix-web.
//!
//! Around a route, as a type, inside a handler and in a route table; roles come from the
//! application's own database.
//!
//! ```sh
//! cargo run --example guards_actix --features actix
//! ```
//!
//! The requests are listed in `examples/office/mod.rs`.

pub(crate) mod office;

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{App, HttpServer};
use jamguard::{AuthRejection, Error, Identity, Require};
use office::{Admin, Office};
use serde_json::{Value, json};
use std::process::ExitCode;

async fn admin(admin: Require<Admin>) -> String {
    format!("welcome, {}\n", admin.subject().unwrap_or("admin"))
}

async fn document(identity: Identity, name: Path<String>) -> Result<Json<Value>, AuthRejection> {
    office::read(&identity, &name).map(Json)
}

async fn promote(
    _: Require<Admin>,
    office: Data<Office>,
    user: Path<String>,
) -> Result<Json<Value>, Error> {
    office.promote(&user).await.map(Json)
}

/// Adds the routes; the route table wraps the `App`.
pub(crate) fn routes(office: &Office, config: &mut ServiceConfig) {
    let auth = &office.auth;
    let read = web::get()
        .to(async || Json(json!({ "orders": [] })))
        .wrap(auth.require(office::may_read()));
    let write = web::post()
        .to(async |order: String| Json(json!({ "ordered": order })))
        .wrap(auth.require(office::may_write()));
    config
        .app_data(Data::new(office.clone()))
        .route("/", web::get().to(async || "public\n"))
        .service(web::resource("/orders").route(read).route(write))
        .route("/admin", web::get().to(admin))
        .route("/documents/{name}", web::get().to(document))
        .route("/promote/{user}", web::post().to(promote))
        .route("/reports/summary", web::get().to(async || "all is well\n"))
        .route("/reports/{rest:.+}", web::get().to(async || "numbers\n"));
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (office, port) = (Office::new()?, office::port()?);
    let table = office::table()?;
    let app = office.clone();
    let server = HttpServer::new(move || {
        App::new().wrap(app.auth.routes(table.clone())).configure(|config| routes(&app, config))
    })
    .bind(("127.0.0.1", port))
    .map_err(|error| office::cannot_listen(port, &error))?;
    for address in server.addrs() {
        office.print_next_steps(address.port()).await?;
    }
    server.run().await?;
    Ok(())
}

#[actix_web::main]
async fn main() -> ExitCode {
    office::exit(run().await)
}
