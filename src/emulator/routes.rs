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
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

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
                let status = if (200..600).contains(&status) { status } else { 500 };
                let status = StatusCode::from_u16(status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
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
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, shared).await;
        let app = path.ok().and_then(|path| shared.app(path.get("app_id")?));
        app.map(Self).ok_or(not_found)
    }
}

type Body = Result<Bytes, BytesRejection>;

/// Returns a text in a JSON body, with any content type.
fn member(body: Body, name: &str) -> Result<String, Refusal> {
    let body = body.map_err(|_| bad_request("The body cannot be read or is too long."))?;
    let body = serde_json::from_slice::<HashMap<String, Value>>(&body).ok();
    let text = body.as_ref().and_then(|body| body.get(name)?.as_str());
    text.map(str::to_owned).ok_or(bad_request("The body is not JSON with the right members."))
}

async fn authenticate(
    State(shared): AppState,
    Named(app): Named,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let email = member(body, "email")?;
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
    let part = |part: &str| !part.is_empty() && part.chars().all(plain);
    let parts = text.split_once('@').filter(|_| text.len() <= 254);
    parts.is_some_and(|(local, domain)| part(local) && part(domain))
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

async fn verify(Named(app): Named, body: Body) -> Result<Json<Value>, Refusal> {
    let id_token = member(body, "idToken")?;
    let verified =
        app.verify(&id_token).await.map_err(|_| unauthorized("The ID token is not valid."))?;
    Ok(Json(json!({ "header": verified.header(), "claims": verified.claims() })))
}

async fn refresh(Named(app): Named, body: Body) -> Result<Json<Value>, Refusal> {
    let refresh_token = member(body, "refreshToken")?;
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
    match app.delete_refresh_token(&email, &refresh_token) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal(StatusCode::NOT_FOUND, "No such refresh token.")),
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
