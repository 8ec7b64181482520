//! A guarded axum app that needs no other service: the built-in emulator stands in for JAM.
//!
//! ```sh
//! cargo run --example quickstart --features axum,emulator,tower-http
//! ```

mod shared;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, get_service, post, post_service};
use axum::{Json, Router};
use jamguard::tower::RequestSpan;
use jamguard::{Claims, Error, JamClient, Session};
use serde_json::{Value, json};
use shared::{LoginForm, Quickstart, User};
use std::process::ExitCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::Level;

/// The page of another origin that may call this app with a bearer token.
const FRONT_END: &str = "http://localhost:5173";

#[derive(Clone)]
struct App {
    client: JamClient,
    inbox: String,
}

/// Renders the public page, which differs for logged-in users.
async fn home(State(app): State<App>, user: Option<Claims<User>>) -> Html<String> {
    Html(shared::page(user.as_deref(), &app.inbox))
}

/// Returns the raw claims; requires a valid token.
async fn me(claims: Claims<Value>) -> Json<Value> {
    Json(Value::clone(&claims))
}

/// Greets the user; login is optional.
async fn hello(user: Option<Claims<User>>) -> String {
    match user {
        Some(user) => format!("Hello, {}!\n", user.email),
        None => "Hello, stranger!\n".to_owned(),
    }
}

/// Lists the user's sessions.
async fn devices(session: Session<()>) -> Result<Html<String>, Error> {
    let devices = session.devices().await?;
    Ok(Html(shared::devices(&devices, session.handle().as_deref())))
}

/// Serves admins; the route carries the policy.
async fn admin(user: Claims<User>) -> String {
    format!("Hello, {}, you may do everything.\n", user.email)
}

/// Serves the paths under `/table`; the route table carries the policies.
async fn table(uri: Uri, user: Option<Claims<User>>) -> String {
    let user = user.as_ref().map_or("stranger", |user| &user.email);
    format!("{} for {user}\n", uri.path())
}

/// Asks JAM to mail the magic link; accepts the page's form or JSON.
async fn login(State(app): State<App>, request: Request<Body>) -> Result<Response, Error> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let Ok(body) = to_bytes(request.into_body(), 4096).await else {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let form: Option<LoginForm> = if is_json {
        serde_json::from_slice(&body).ok()
    } else {
        serde_urlencoded::from_bytes(&body).ok()
    };
    let Some(form) = form else {
        return Ok((StatusCode::BAD_REQUEST, "an e-mail address is missing\n").into_response());
    };
    app.client.authenticate(&form.email).await?;
    Ok(if is_json {
        Json(json!({ "mailed": form.email })).into_response()
    } else {
        Html(shared::mail_sent(&form.email, &app.inbox)).into_response()
    })
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let quickstart = Quickstart::start().await?;
    let app =
        App { client: quickstart.client.clone(), inbox: quickstart.emulator.base_url().to_owned() };
    tracing_subscriber::fmt().with_max_level(Level::INFO).with_writer(std::io::stderr).init();
    let admins = quickstart.auth.require(shared::admins());
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static(FRONT_END))
        .allow_headers([header::AUTHORIZATION]);
    // The span has no query: the magic link's holds a token.
    let trace = TraceLayer::new_for_http()
        .make_span_with(RequestSpan::new().include_headers(true))
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    let sensitive = SetSensitiveRequestHeadersLayer::new(quickstart.auth.sensitive_headers());
    let router = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/jam-redirect", get_service(quickstart.login.redirect()))
        .route("/me", get(me))
        .route("/hello", get(hello))
        .route("/devices", get(devices))
        .route("/admin", get(admin).route_layer(admins))
        .route("/table/{*rest}", get(table))
        .route("/logout", post_service(quickstart.login.logout()))
        .route("/logout-everywhere", post_service(quickstart.login.logout_everywhere()))
        // Does all that auth.layer() does, and enforces the table.
        .layer(quickstart.auth.routes(shared::table()?))
        // Each layer wraps those above it. A panic of a handler is answered 500.
        .layer(CatchPanicLayer::new())
        // Preflights carry no credential, so they must not reach the guard.
        .layer(cors)
        .layer(trace)
        // Around the log, which would print credentials otherwise.
        .layer(sensitive)
        .with_state(app);

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", quickstart.port))
        .await
        .map_err(|error| shared::cannot_listen(quickstart.port, &error))?;
    quickstart.print_next_steps();
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit(run().await)
}
