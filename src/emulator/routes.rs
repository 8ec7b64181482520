//! The emulator's HTTP endpoints.

use super::app::App;
use super::inbox;
use super::state::{Endpoint, Shared};
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodRouter, delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type AppState = State<Arc<Shared>>;

/// Enough for tokens, the longest values.
const MAX_BODY: usize = 64 * 1024;

pub(super) fn all(shared: Arc<Shared>) -> Router {
    let on = |endpoint, route: MethodRouter<Arc<Shared>>| {
        route.route_layer(from_fn_with_state((shared.clone(), endpoint), meet))
    };
    let delete_all = || on(Endpoint::DeleteAllRefreshTokens, delete(delete_refresh_tokens));
    let delete_one = || on(Endpoint::DeleteRefreshToken, delete(delete_refresh_token));
    Router::new()
        .route("/inbox", on(Endpoint::Inbox, get(inbox::show)))
        .route("/{app_id}/authenticate", on(Endpoint::Authenticate, post(authenticate)))
        .route("/{app_id}/.well-known/jwks.json", on(Endpoint::Jwks, get(jwks)))
        .route("/{app_id}/verify", on(Endpoint::Verify, post(verify)))
        .route("/{app_id}/refresh", on(Endpoint::Refresh, post(refresh)).merge(delete_all()))
        .route("/{app_id}/refresh/{refresh_token}", delete_one())
        .route("/{app_id}/user/refresh", delete_all())
        .route("/{app_id}/user/refresh/{refresh_token}", delete_one())
        // A preview with HEAD must not use up the code.
        .route("/{app_id}/magic", on(Endpoint::Magic, get(magic).head(StatusCode::NO_CONTENT)))
        .fallback(Refusal(StatusCode::NOT_FOUND, "No such endpoint."))
        .method_not_allowed_fallback(async || {
            Refusal(StatusCode::METHOD_NOT_ALLOWED, "No such method here.")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared.clone())
}

/// An error response in JAM's format.
#[derive(Clone)]
struct Refusal(StatusCode, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1 }))).into_response()
    }
}

impl From<crate::core::error::Error> for Refusal {
    fn from(_: crate::core::error::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "The emulator failed.")
    }
}

const fn bad_request(message: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message)
}

const fn unauthorized(message: &'static str) -> Refusal {
    Refusal(StatusCode::UNAUTHORIZED, message)
}

/// Counts a request and applies its fault; ends it with 503 when the emulator stops.
async fn meet(
    State((shared, endpoint)): State<(Arc<Shared>, Endpoint)>,
    request: Request,
    next: Next,
) -> Response {
    let fault = shared.arrive(endpoint);
    let mut stopped = shared.stopped.clone();
    let answer = async move {
        tokio::time::sleep(fault.delay).await;
        match fault.status {
            None => next.run(request).await,
            Some(status) => {
                let status = StatusCode::from_u16(status)
                    .ok()
                    .filter(|status| (200..600).contains(&status.as_u16()))
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Refusal(status, "The emulator was told to fail.").into_response()
            }
        }
    };
    tokio::select! {
        answer = answer => answer,
        _ = stopped.changed() => {
            Refusal(StatusCode::SERVICE_UNAVAILABLE, "The emulator stops.").into_response()
        }
    }
}

/// The app named in the path; 404 if there is none.
struct Named(App);

impl FromRequestParts<Arc<Shared>> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let not_found = Refusal(StatusCode::NOT_FOUND, "No such app.");
        let Ok(Path(path)) =
            Path::<HashMap<String, String>>::from_request_parts(parts, shared).await
        else {
            return Err(not_found);
        };
        path.get("app_id").and_then(|app_id| shared.app(app_id)).map(Self).ok_or(not_found)
    }
}

/// Parses a JSON body, with any content type.
fn parse<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|_| bad_request("The body cannot be read or is too long."))?;
    serde_json::from_slice(&body)
        .map_err(|_| bad_request("The body is not JSON with the right members."))
}

#[derive(Deserialize)]
struct Authenticate {
    email: String,
}

async fn authenticate(
    State(shared): AppState,
    Named(app): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let Authenticate { email } = parse(body)?;
    if !is_email(&email) {
        return Err(bad_request("That is not an e-mail address."));
    }
    let code = app.new_code(email.clone())?;
    shared.send(&app, email, &code);
    Ok(Json(json!({})))
}

/// Whether the text has one `@` between two parts, and no characters that need quotes.
fn is_email(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"(),:;<>@[\\]".contains(c);
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && local.chars().all(plain)
                && domain.chars().all(plain)
        })
}

async fn jwks(Named(app): Named) -> Response {
    let mut answer = ([("content-type", "application/json")], app.jwks_json()).into_response();
    if let Some(max_age) = app.jwks_max_age()
        && let Ok(value) = format!("max-age={}", max_age.as_secs()).try_into()
    {
        answer.headers_mut().insert(CACHE_CONTROL, value);
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdTokenBody {
    id_token: String,
}

async fn verify(
    Named(app): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let IdTokenBody { id_token } = parse(body)?;
    let verified =
        app.verify(&id_token).await.map_err(|_| unauthorized("The ID token is not valid."))?;
    Ok(Json(json!({ "header": verified.header(), "claims": verified.claims() })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefreshTokenBody {
    refresh_token: String,
}

async fn refresh(
    Named(app): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let RefreshTokenBody { refresh_token } = parse(body)?;
    if !app.allows_refresh() {
        return Err(bad_request("The app does not allow refresh."));
    }
    let email = app
        .refresh_token_owner(&refresh_token)
        .ok_or(unauthorized("The refresh token is not valid."))?;
    Ok(Json(json!({ "idToken": app.id_token(email)? })))
}

/// Returns the address of the ID token in the request's `Authorization` header.
async fn bearer(app: &App, headers: &HeaderMap) -> Result<String, Refusal> {
    let refused = || unauthorized("The ID token is missing or not valid.");
    let (scheme, token) = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let verified = app.verify(token.trim()).await.map_err(|_| refused())?;
    let email = verified.claims()["email"].as_str();
    email.map(str::to_owned).ok_or_else(refused)
}

async fn delete_refresh_token(
    Named(app): Named,
    Path((_, refresh_token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let email = bearer(&app, &headers).await?;
    if app.delete_refresh_token(&email, &refresh_token) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal(StatusCode::NOT_FOUND, "No such refresh token."))
    }
}

async fn delete_refresh_tokens(
    Named(app): Named,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let email = bearer(&app, &headers).await?;
    app.delete_refresh_tokens(&email);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Magic {
    #[serde(default)]
    code: String,
}

async fn magic(
    Named(app): Named,
    query: Result<Query<Magic>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Magic { code }) = query.map_err(|_| bad_request("The link is damaged."))?;
    let url = app.redeem(&code)?.ok_or(bad_request(
        "This link was used already, or is older than 15 minutes. Log in again.",
    ))?;
    let headers =
        [(LOCATION, url.as_str()), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
