//! Login at an OpenID Connect provider, in axum.
//!
//! The session keeps the provider's tokens on the server and uses them for calls on the user's
//! behalf.
//!
//! ```sh
//! cargo run --example oauth2_login --features axum,oauth2
//! ```
//!
//! The provider runs here too, on its own port. Environment variables: `PORT` (default: 3000) and
//! `PROVIDER_PORT` (default: 4000). For Google, use `Provider::google()` with your client's id and
//! secret.

pub(crate) mod provider;

use axum::response::Html;
use axum::routing::{get, get_service, post_service};
use axum::{Json, Router};
use jamguard::oauth2::{OAuth2Client, Provider};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, Error, Identity, OAuth2Login, Session, SessionCookie, Sessions};
use serde_json::{Value, json};
use std::process::ExitCode;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error>;

async fn home(user: Option<Identity>) -> Html<String> {
    Html(match user {
        None => {
            "<!doctype html><h1>Hello!</h1><a href=\"/login?return_to=/\">Log in</a>".to_owned()
        }
        Some(_) => "<!doctype html><h1>You are logged in.</h1>\
                    <a href=\"/me\">me</a> <a href=\"/orders\">my orders</a>\
                    <form method=\"post\" action=\"/logout\"><button>Log out</button></form>"
            .to_owned(),
    })
}

async fn me(user: Identity) -> Result<Json<Value>, Error> {
    let claims: &Value = user.claims()?;
    Ok(Json(json!({"sub": claims["sub"], "email": claims["email"]})))
}

/// Calls the provider on the user's behalf; refreshes the access token if needed.
async fn orders(session: Session<()>, provider: OAuth2Client) -> Result<Json<Value>, Error> {
    let tokens = session.fresh_oauth2_tokens(&provider).await?;
    let told: Value = provider.userinfo(tokens.access_token()).await?;
    Ok(Json(json!({"orders": told["orders"]})))
}

pub(crate) fn app(site: &str, issuer: &str) -> Result<Router, Error> {
    let provider = OAuth2Client::builder(Provider::discover("local", issuer), provider::CLIENT_ID)
        .secret(provider::CLIENT_SECRET)
        .redirect_url(format!("{site}/callback"))
        .scopes(["openid", "email"])
        .build()?;
    let auth = Authenticator::builder()
        .sessions(Sessions::builder(MemoryStore::new()).build()?)
        .session_cookie(
            SessionCookie::new().with_name("__Host-oauth2_login_session").danger_plain_http(),
        ) // this is http://127.0.0.1
        .build()?;
    let login = OAuth2Login::builder(&auth, provider.clone()).build()?;
    Ok(Router::new()
        .route("/", get(home))
        .route("/login", get_service(login.begin()))
        .route("/callback", get_service(login.callback()))
        .route("/logout", post_service(login.logout()))
        .route("/me", get(me))
        .route("/orders", get(move |session: Session<()>| orders(session, provider.clone())))
        .layer(auth.layer()))
}

fn port(variable: &str, otherwise: u16) -> Result<u16, Failure> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{variable} must be a port, 0 to 65535, not '{text}'").into()),
        Err(_) => Ok(otherwise),
    }
}

async fn listen(port: u16) -> Result<(TcpListener, String), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("cannot listen on port {port} of 127.0.0.1: {error}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

async fn run() -> Result<(), Failure> {
    let (listener, site) = listen(port("PORT", 3000)?).await?;
    let (provider_listener, issuer) = listen(port("PROVIDER_PORT", 4000)?).await?;
    let provider = provider::Provider::new(&issuer, &format!("{site}/callback"))?.app()?;
    let app = app(&site, &issuer)?;
    println!("the provider: {issuer}");
    println!("the site:     {site} (open it in a browser: log in, see /me and /orders, log out)");
    tokio::spawn(async move { axum::serve(provider_listener, provider).await });
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oauth2_login: {error}");
            ExitCode::FAILURE
        }
    }
}
