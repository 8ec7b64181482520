//! A guarded actix-web app that needs no other service: the built-in emulator stands in for JAM.
//!
//! ```sh
//! cargo run --example quickstart_actix --features actix,emulator
//! ```

mod shared;

use actix_web::dev::Service;
use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, web};
use jamguard::{Claims, Error, JamClient, Session};
use serde_json::{Value, json};
use shared::{LoginForm, Quickstart, User};
use std::process::ExitCode;

#[derive(Clone)]
struct Services {
    client: JamClient,
    inbox: String,
}

fn html(page: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

/// Renders the public page, which differs for logged-in users.
async fn home(app: web::Data<Services>, user: Option<Claims<User>>) -> impl Responder {
    html(shared::page(user.as_deref(), &app.inbox))
}

/// Returns the raw claims; requires a valid token.
async fn me(claims: Claims<Value>) -> impl Responder {
    web::Json(Value::clone(&claims))
}

/// Greets the user; login is optional.
async fn hello(user: Option<Claims<User>>) -> String {
    match user {
        Some(user) => format!("Hello, {}!\n", user.email),
        None => "Hello, stranger!\n".to_owned(),
    }
}

/// Lists the user's sessions.
async fn devices(session: Session<()>) -> Result<HttpResponse, Error> {
    let devices = session.devices().await?;
    Ok(html(shared::devices(&devices, session.handle().as_deref())))
}

/// Serves admins; the route carries the policy.
async fn admin(user: Claims<User>) -> String {
    format!("Hello, {}, you may do everything.\n", user.email)
}

/// Serves the paths under `/table`; the route table carries the policies.
async fn table(request: HttpRequest, user: Option<Claims<User>>) -> String {
    let user = user.as_ref().map_or("stranger", |user| &user.email);
    format!("{} for {user}\n", request.path())
}

/// Asks JAM to mail the magic link; accepts the page's form or JSON.
async fn login(
    app: web::Data<Services>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Error> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let form: Option<LoginForm> = if is_json {
        serde_json::from_slice(&body).ok()
    } else {
        serde_urlencoded::from_bytes(&body).ok()
    };
    let Some(form) = form else {
        return Ok(HttpResponse::BadRequest().body("an e-mail address is missing\n"));
    };
    app.client.authenticate(&form.email).await?;
    Ok(if is_json {
        HttpResponse::Ok().json(json!({ "mailed": form.email }))
    } else {
        html(shared::mail_sent(&form.email, &app.inbox))
    })
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let quickstart = Quickstart::start().await?;
    let app = Services {
        client: quickstart.client.clone(),
        inbox: quickstart.emulator.base_url().to_owned(),
    };
    let (auth, login_handlers) = (quickstart.auth.clone(), quickstart.login.clone());
    let routes = shared::table()?;
    let server = HttpServer::new(move || {
        let admins = auth.require(shared::admins());
        App::new()
            // Does all that auth.actix() does, and enforces the table.
            .wrap(auth.routes(routes.clone()))
            // A log line per request, without the query: the magic link's holds a token.
            .wrap_fn(|request, service| {
                let line = format!("{} {}", request.method(), request.path());
                let answer = service.call(request);
                async move {
                    let answer = answer.await?;
                    eprintln!("{line}: {}", answer.status());
                    Ok(answer)
                }
            })
            .app_data(web::Data::new(app.clone()))
            .app_data(web::PayloadConfig::new(4096))
            .route("/", web::get().to(home))
            .route("/login", web::post().to(login))
            .route("/jam-redirect", web::get().to(login_handlers.redirect()))
            .route("/me", web::get().to(me))
            .route("/hello", web::get().to(hello))
            .route("/devices", web::get().to(devices))
            .route("/admin", web::get().to(admin).wrap(admins))
            .route("/table/{rest:.+}", web::get().to(table))
            .route("/logout", web::post().to(login_handlers.logout()))
            .route("/logout-everywhere", web::post().to(login_handlers.logout_everywhere()))
    })
    .bind(("127.0.0.1", quickstart.port))
    .map_err(|error| shared::cannot_listen(quickstart.port, &error))?;
    quickstart.print_next_steps();
    server.run().await?;
    Ok(())
}

#[actix_web::main]
async fn main() -> ExitCode {
    shared::exit(run().await)
}
