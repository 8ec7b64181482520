//! An axum app that issues its own tokens.
//!
//! Shows short-lived JWTs, rotating refresh tokens, and a deny list that revokes access tokens.
//!
//! ```sh
//! cargo run --example local_jwt --features axum
//! ```

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Json, Router};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, Claims, Error, Identity, Issuer, RefreshTokens, Secret, TokenList};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

const ISSUER: &str = "https://local-jwt.example";
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The claims of an access token.
#[derive(serde::Serialize, serde::Deserialize)]
struct User {
    sub: String,
}

/// The data stored with a refresh token.
#[derive(serde::Serialize, serde::Deserialize)]
struct Device {
    name: String,
}

#[derive(serde::Deserialize)]
struct Login {
    user: String,
    password: String,
    device: Option<String>,
}

#[derive(serde::Deserialize)]
struct Refresh {
    refresh_token: String,
}

#[derive(Clone)]
struct App {
    issuer: Issuer,
    refresh: RefreshTokens<Device>,
    denied: TokenList,
}

impl App {
    fn new() -> Result<Self, Error> {
        // To survive restarts use a FileStore, to share between machines a RedisStore; the key
        // then belongs in a KeyRing over the same store.
        let store = MemoryStore::new();
        Ok(Self {
            issuer: Issuer::builder()
                .key(SigningKey::generate(Algorithm::ES512)?)
                .issuer(ISSUER)
                .audience(ISSUER)
                .lifetime(LIFETIME)
                .build()?,
            refresh: RefreshTokens::<Device>::builder(store.clone())
                .lifetime(Duration::from_secs(30 * 24 * 3600))
                .on_reuse(|reuse| {
                    eprintln!(
                        "a refresh token of {} was reused, first issued to {}: the login is ended",
                        reuse.subject, reuse.data.name
                    );
                })
                .build()?,
            denied: TokenList::deny(store).max_token_lifetime(LIFETIME).build()?,
        })
    }

    /// Builds the token response to a login or a refresh (RFC 6749 section 5.1).
    async fn tokens(&self, user: &User, refresh_token: &Secret) -> Result<Json<Value>, Error> {
        let access_token = self.issuer.issue(user).await?;
        Ok(Json(json!({
            "access_token": access_token.expose(),
            "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
            "refresh_token": refresh_token.expose(),
        })))
    }
}

/// Checks a password, in place of a user table with hashed passwords.
fn knows(user: &str, password: &str) -> bool {
    matches!(user, "ann" | "bob") && Secret::new(password) == Secret::new("open sesame")
}

async fn login(State(app): State<App>, Json(login): Json<Login>) -> Result<Json<Value>> {
    if !knows(&login.user, &login.password) {
        // jamguard's errors are about tokens, and this request has none.
        return Err((StatusCode::UNAUTHORIZED, "wrong user name or password\n").into());
    }
    let device = Device { name: login.device.unwrap_or_else(|| "an unknown device".to_owned()) };
    let refresh_token = app.refresh.issue(&login.user, &device).await?;
    let user = User { sub: login.user };
    Ok(app.tokens(&user, &refresh_token).await?)
}

async fn refresh(State(app): State<App>, Json(sent): Json<Refresh>) -> Result<Json<Value>, Error> {
    let refreshed = app.refresh.rotate(&sent.refresh_token).await?;
    let user = User { sub: refreshed.subject };
    app.tokens(&user, &refreshed.token).await
}

async fn me(user: Claims<User>) -> Json<Value> {
    Json(json!({ "user": user.sub }))
}

/// Ends this login: revokes its access token and its family of refresh tokens.
async fn logout(
    State(app): State<App>,
    identity: Identity,
    Json(sent): Json<Refresh>,
) -> Result<&'static str, Error> {
    app.refresh.revoke(&sent.refresh_token).await?;
    if let Some(token) = identity.token() {
        app.denied.revoke(token).await?;
    }
    Ok("logged out\n")
}

/// Ends every login of this user; refresh tokens first, so that none issues a new token.
async fn logout_everywhere(State(app): State<App>, user: Claims<User>) -> Result<String, Error> {
    let ended = app.refresh.revoke_subject(&user.sub).await?;
    app.denied.revoke_subject(ISSUER, &user.sub, SystemTime::now()).await?;
    Ok(format!("{} is logged out of {ended} devices\n", user.sub))
}

pub(crate) fn app() -> Result<Router, Error> {
    let app = App::new()?;
    let auth = Authenticator::builder()
        .verifier(app.issuer.verifier())
        .deny_list(app.denied.clone())
        .build()?;
    Ok(Router::new()
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/me", get(me))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
        .layer(auth.layer())
        .with_state(app))
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => {
            port.parse().map_err(|_| format!("PORT must be a port, 0 to 65535, not '{port}'"))?
        }
        Err(_) => 3000,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    println!(
        "\
Log in as ann or bob, and keep both tokens of the response:
  curl -s {url}/login -H 'content-type: application/json' \\
       -d '{{\"user\": \"ann\", \"password\": \"open sesame\", \"device\": \"laptop\"}}'
  ACCESS=…; REFRESH=…
Show the user:
  curl -i {url}/me -H \"authorization: Bearer $ACCESS\"
Exchange the refresh token for new tokens; reusing it after five seconds ends the login:
  curl -i {url}/refresh -H 'content-type: application/json' -d '{{\"refresh_token\": \"'$REFRESH'\"}}'
Log out; /me then returns 401, although the token is not expired:
  curl -i {url}/logout -H \"authorization: Bearer $ACCESS\" \\
       -H 'content-type: application/json' -d '{{\"refresh_token\": \"'$REFRESH'\"}}'
Log out on every device:
  curl -i -X POST {url}/logout-everywhere -H \"authorization: Bearer $ACCESS\"

Stop with Ctrl-C."
    );
    axum::serve(listener, app()?).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local_jwt: {error}");
            ExitCode::FAILURE
        }
    }
}
