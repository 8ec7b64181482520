//! Two-factor login in axum.
//!
//! Shows enrolment by QR code, one-time passwords, recovery codes, and a vault that requires both
//! factors.
//!
//! ```sh
//! cargo run --example otp_login --features axum,otp
//! PORT=3001 cargo run --example otp_login --features axum,otp
//! ```
//!
//! | request | form | answer |
//! |---|---|---|
//! | `GET /` | | the actions that are possible now |
//! | `POST /login` | `user`, `password` | logged in with one factor; every user's password is `open sesame` |
//! | `POST /enrol` | | a QR code and its secret |
//! | `POST /confirm` | `code` | enrolled and logged in with both factors; ten recovery codes |
//! | `POST /code` | `code` | logged in with both factors |
//! | `POST /recover` | `code` | logged in with both factors, by a recovery code |
//! | `GET /vault` | | the vault; requires both factors |
//! | `POST /new-codes` | | ten new recovery codes; requires both factors |
//! | `POST /remove` | | removes the second factor; requires both factors |
//! | `POST /logout` | | logged out |

mod page;

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jamguard::otp::SecondFactor;
use jamguard::policy::second_factor;
use jamguard::store::{MemoryStore, SealingKeys};
use jamguard::{
    AuthResponse, Authenticator, Error, ErrorKind, Identity, Session, SessionCookie, Sessions,
};
use std::process::ExitCode;

/// A session without application data: it only records the user.
type Visitor = Session<()>;

#[derive(serde::Deserialize)]
struct Login {
    user: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct Code {
    code: String,
}

/// Maximum length of a user name, in bytes.
const MAX_NAME: usize = 64;

/// An error page with the status of the error.
struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = AuthResponse::for_error(&self.0, "otp_login").status();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let word = match self.0.kind() {
            ErrorKind::WrongCode | ErrorKind::UsedCode => {
                "That code is wrong, expired or already used."
            }
            ErrorKind::LockedOut => "Too many wrong codes: try again in 15 minutes.",
            ErrorKind::InvalidRequest => "That name is too long: at most 64 bytes.",
            ErrorKind::NotVerified => "That is not the password.",
            ErrorKind::MissingCredentials => "Log in first.",
            ErrorKind::NotEnrolled => "Set up the second factor first.",
            ErrorKind::AlreadyEnrolled => "You already have a second factor.",
            _ => "That did not work. Try again in a moment.",
        };
        (status, secret(page::problem(word))).into_response()
    }
}

/// Keeps codes and secrets out of HTTP caches.
fn secret(page: String) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Html(page))
}

/// Returns whether the second factor was passed in this session.
fn passed(identity: Option<&Identity>) -> bool {
    identity.is_some_and(|identity| identity.check(&second_factor()).is_ok())
}

async fn home(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
    identity: Option<Identity>,
) -> Result<impl IntoResponse, Problem> {
    let Some(user) = visitor.user() else {
        return Ok(secret(page::login()));
    };
    let page = match (passed(identity.as_ref()), factor.is_enrolled(&user).await?) {
        (passed, false) => page::set_up(&user, passed),
        (false, true) => page::ask_for_code(&user),
        (true, true) => page::welcome(&user, factor.recovery_codes_left(&user).await?),
    };
    Ok(secret(page))
}

/// Checks the password; a real app has a different one for each user.
async fn login(visitor: Visitor, Form(login): Form<Login>) -> Result<Redirect, Problem> {
    let right = jamguard::Secret::new("open sesame") == jamguard::Secret::new(login.password);
    if !right || login.user.is_empty() {
        return Err(Error::new(ErrorKind::NotVerified, "a wrong password").into());
    }
    // The name becomes part of the otpauth URI, whose names have at most 256 bytes.
    if login.user.len() > MAX_NAME {
        return Err(Error::new(ErrorKind::InvalidRequest, "a name that is too long").into());
    }
    visitor.login(login.user).await?;
    Ok(Redirect::to("/"))
}

/// Begins an enrolment; fails if the user is enrolled, who must use `/remove` first.
async fn enrol(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
) -> Result<impl IntoResponse, Problem> {
    let user = user(&visitor)?;
    let enrolment = factor.begin(&user, &user.replace(':', " ")).await?;
    let image = enrolment.qr_svg()?;
    let text = enrolment.secret().to_base32();
    let page = page::scan(&image, text.expose(), enrolment.uri().expose());
    Ok(secret(page))
}

async fn confirm(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
    Form(Code { code }): Form<Code>,
) -> Result<impl IntoResponse, Problem> {
    let codes = visitor.confirm_otp(&factor, code.trim()).await?;
    Ok(secret(page::recovery_codes(&codes)))
}

async fn code(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
    Form(Code { code }): Form<Code>,
) -> Result<Redirect, Problem> {
    visitor.verify_otp(&factor, code.trim()).await?;
    Ok(Redirect::to("/"))
}

async fn recover(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
    Form(Code { code }): Form<Code>,
) -> Result<Redirect, Problem> {
    visitor.recover_otp(&factor, &code).await?;
    Ok(Redirect::to("/"))
}

async fn vault(identity: Identity) -> Json<serde_json::Value> {
    let claims = serde_json::from_str::<serde_json::Value>(identity.raw_claims());
    Json(serde_json::json!({ "vault": "gold", "claims": claims.unwrap_or_default() }))
}

async fn new_codes(
    State(factor): State<SecondFactor>,
    visitor: Visitor,
) -> Result<impl IntoResponse, Problem> {
    let codes = factor.new_recovery_codes(&user(&visitor)?).await?;
    Ok(secret(page::recovery_codes(&codes)))
}

/// Removes the second factor, and ends all sessions, which may have passed it.
async fn remove(State(factor): State<SecondFactor>, visitor: Visitor) -> Result<Redirect, Problem> {
    factor.remove(&user(&visitor)?).await?;
    visitor.end_all().await?;
    Ok(Redirect::to("/"))
}

async fn logout(visitor: Visitor) -> Result<Redirect, Problem> {
    visitor.end().await?;
    Ok(Redirect::to("/"))
}

fn user(visitor: &Visitor) -> Result<String, Error> {
    let missing = || Error::new(ErrorKind::MissingCredentials, "no user is logged in");
    visitor.user().ok_or_else(missing)
}

fn app() -> Result<Router, Error> {
    // A real app loads its key from a secret store: a new key cannot decrypt stored second factors.
    let key = SealingKeys::generate_key()?;
    let keys = SealingKeys::from_base64url(key.expose())?;
    let store = MemoryStore::new();
    let factor = SecondFactor::builder(store.clone(), keys).issuer("otp_login").build()?;
    let auth = Authenticator::builder()
        .sessions(Sessions::builder(store).build()?)
        // For plain http in this example only; by default the cookie is Secure.
        .session_cookie(SessionCookie::new().with_name("__Host-vault_session").danger_plain_http())
        .build()?;
    let strong = Router::new()
        .route("/vault", get(vault))
        .route("/new-codes", post(new_codes))
        .route("/remove", post(remove))
        .route_layer(auth.require(second_factor()));
    Ok(Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/enrol", post(enrol))
        .route("/confirm", post(confirm))
        .route("/code", post(code))
        .route("/recover", post(recover))
        .route("/logout", post(logout))
        .merge(strong)
        .with_state(factor)
        .layer(auth.layer()))
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a port, 0 to 65535")?,
        Err(_) => 3000,
    };
    let app = app()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|error| {
        format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
    })?;
    println!("The app: http://127.0.0.1:{}/\nStop with Ctrl-C.", listener.local_addr()?.port());
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
            eprintln!("otp_login: {error}");
            ExitCode::FAILURE
        }
    }
}
