//! CORS and tracing layers around a guarded axum app, and the order they need.
//!
//! ```sh
//! cargo run --example cors --features axum,tower-http
//! ```

use axum::Router;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{HeaderName, Method};
use axum::routing::get;
use jamguard::jose::{Algorithm, Jws, SigningKey};
use jamguard::tower::RequestSpan;
use jamguard::{Authenticator, Claims, Verifier};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tower_http::cors::CorsLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;

/// The page that may call this service from a browser.
pub(crate) const PAGE: &str = "http://127.0.0.1:8080";

#[derive(serde::Deserialize)]
struct User {
    email: String,
}

async fn me(user: Claims<User>) -> String {
    user.email.clone()
}

/// Builds the app. Each `.layer` wraps everything above it: the last one sees a request first.
pub(crate) fn app(auth: &Authenticator) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static(PAGE))
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION])
        // Lets the page's script read the reason for a rejection.
        .expose_headers([HeaderName::from_static("www-authenticate")]);
    Router::new()
        .route("/me", get(me))
        .layer(auth.layer())
        // Outside of the auth layer it also sees rejected requests. The span omits the query.
        .layer(TraceLayer::new_for_http().make_span_with(RequestSpan::new().include_headers(true)))
        // Marks the credential as sensitive before the TraceLayer prints the headers.
        .layer(SetSensitiveRequestHeadersLayer::new(auth.sensitive_headers()))
        // Outermost: it answers preflights, which carry no credential, and adds the CORS headers
        // that a page needs to read a rejection.
        .layer(cors)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG).init();
    let key = SigningKey::generate(Algorithm::EdDSA)?;
    let verifier = Verifier::builder()
        .key(key.verifying_key()?)
        .algorithms([Algorithm::EdDSA])
        .issuer("https://issuer.example")
        .audience("api")
        .build()?;
    let auth = Authenticator::builder().verifier(verifier).build()?;

    let in_an_hour = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(3600);
    let claims = json!({
        "iss": "https://issuer.example",
        "aud": "api",
        "exp": in_an_hour.as_secs(),
        "email": "ann@example.com",
    });
    let token = Jws::sign(&key, claims.to_string().as_bytes())?;

    let port = match std::env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 3000,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!(
        "\
The preflight that a browser sends for a page of {PAGE}:
  curl -i -X OPTIONS -H 'origin: {PAGE}' -H 'access-control-request-method: GET' \\
       -H 'access-control-request-headers: authorization' http://127.0.0.1:{port}/me
The request itself, without and with a token:
  curl -i -H 'origin: {PAGE}' http://127.0.0.1:{port}/me
  curl -i -H 'origin: {PAGE}' -H 'authorization: Bearer {token}' http://127.0.0.1:{port}/me

Stop with Ctrl-C."
    );
    axum::serve(listener, app(&auth)).await?;
    Ok(())
}
