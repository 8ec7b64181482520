//! A small OAuth authorization server on loopback, for the example: metadata (RFC 8414), dynamic
//! client registration (RFC 7591), authorization code with PKCE (RFC 7636), resource (RFC 8707).
//!
//! Not for production: it asks for no password and approves every request.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{get, get_service, post};
use axum::{Form, Json, Router};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::Pkce;
use jamguard::{Error, Issuer};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// The scopes that it grants.
const SCOPES: [&str; 2] = ["notes.read", "notes.write"];

#[derive(Clone)]
pub(crate) struct AuthorizationServer(Arc<Inner>);

struct Inner {
    issuer: String,
    /// The only resource that it issues tokens for.
    resource: String,
    tokens: Issuer,
    state: Mutex<Granted>,
}

#[derive(Default)]
struct Granted {
    /// The redirect URIs of the registered clients, by client id.
    clients: HashMap<String, Vec<String>>,
    /// Grants by code or refresh token; each is used once.
    grants: HashMap<String, Grant>,
}

#[derive(Clone)]
struct Grant {
    client_id: String,
    user: String,
    scope: String,
    /// The redirect URI and the PKCE challenge; only for a code.
    code: Option<(String, String)>,
}

/// An authorization request (RFC 6749 section 4.1.1).
#[derive(Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    code_challenge: String,
    code_challenge_method: String,
    state: Option<String>,
    scope: Option<String>,
    resource: Option<String>,
    /// The user; "ann" without one.
    login_hint: Option<String>,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    resource: Option<String>,
}

type Refusal = (StatusCode, Json<Value>);

fn refusal(code: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code })))
}

fn failed(_: Error) -> Refusal {
    refusal("server_error")
}

/// Any random text will do for a client id, a code or a refresh token.
fn random() -> Result<String, Error> {
    Ok(Pkce::generate()?.verifier().expose().to_owned())
}

impl AuthorizationServer {
    /// Creates a server with this issuer, for the tokens of one resource.
    pub(crate) fn new(issuer: &str, resource: &str) -> Result<Self, Error> {
        let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("example-1");
        let tokens = Issuer::builder().key(key).issuer(issuer).audience(resource);
        Ok(Self(Arc::new(Inner {
            issuer: issuer.to_owned(),
            resource: resource.to_owned(),
            tokens: tokens.token_type("at+jwt").build()?,
            state: Mutex::default(),
        })))
    }

    pub(crate) fn app(&self) -> Result<Router, Error> {
        Ok(Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get_service(self.0.tokens.jwks_endpoint()?))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, Granted> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, grant: Grant) -> Result<String, Error> {
        let name = random()?;
        self.state().grants.insert(name.clone(), grant);
        Ok(name)
    }

    fn is_resource(&self, resource: Option<&str>) -> bool {
        resource.is_none_or(|resource| resource.trim_end_matches('/') == self.0.resource)
    }
}

async fn metadata(State(server): State<AuthorizationServer>) -> Json<Value> {
    let issuer = &server.0.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "jwks_uri": format!("{issuer}/keys"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Registers a public client with https or loopback redirect URIs.
async fn register(
    State(server): State<AuthorizationServer>,
    Json(mut client): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let is_safe = |uri: &str| {
        let url = Url::parse(uri).ok();
        let loopback =
            |url: &Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        url.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && loopback(&url)))
    };
    let uris: Option<Vec<String>> = serde_json::from_value(client["redirect_uris"].clone()).ok();
    let uris = uris.filter(|uris| !uris.is_empty() && uris.iter().all(|uri| is_safe(uri)));
    let uris = uris.ok_or_else(|| refusal("invalid_redirect_uri"))?;
    let id = random().map_err(failed)?;
    client["client_id"] = json!(id);
    client["token_endpoint_auth_method"] = json!("none");
    server.state().clients.insert(id, uris);
    Ok((StatusCode::CREATED, Json(client)))
}

/// Approves the request, and redirects the browser back with a code.
async fn authorize(
    State(server): State<AuthorizationServer>,
    Query(asked): Query<Asked>,
) -> Result<Redirect, Refusal> {
    let clients = server.state().clients.clone();
    let known = clients.get(&asked.client_id).is_some_and(|u| u.contains(&asked.redirect_uri));
    let mut back = match Url::parse(&asked.redirect_uri) {
        Ok(back) if known => back,
        // No redirect: the redirect URI of an invalid request cannot be trusted.
        _ => return Err(refusal("invalid_request")),
    };
    let is_code = asked.response_type == "code" && asked.code_challenge_method == "S256";
    let outcome = if !is_code {
        ("error", "invalid_request".to_owned())
    } else if !server.is_resource(asked.resource.as_deref()) {
        ("error", "invalid_target".to_owned())
    } else {
        let asked_for = asked.scope.unwrap_or_default();
        let scopes = asked_for.split(' ').filter(|scope| SCOPES.contains(scope));
        let grant = Grant {
            client_id: asked.client_id,
            user: asked.login_hint.unwrap_or_else(|| "ann".to_owned()),
            scope: scopes.collect::<Vec<_>>().join(" "),
            code: Some((asked.redirect_uri, asked.code_challenge)),
        };
        ("code", server.keep(grant).map_err(failed)?)
    };
    back.query_pairs_mut().append_pair(outcome.0, &outcome.1);
    if let Some(state) = &asked.state {
        back.query_pairs_mut().append_pair("state", state);
    }
    back.query_pairs_mut().append_pair("iss", &server.0.issuer);
    Ok(Redirect::to(back.as_str()))
}

async fn token(
    State(server): State<AuthorizationServer>,
    Form(asked): Form<TokenRequest>,
) -> Result<Json<Value>, Refusal> {
    let name = match &*asked.grant_type {
        "authorization_code" => asked.code,
        "refresh_token" => asked.refresh_token,
        _ => return Err(refusal("unsupported_grant_type")),
    };
    let grant = name.and_then(|name| server.state().grants.remove(&name));
    let grant = grant.filter(|grant| grant.client_id == asked.client_id);
    let grant = grant.ok_or_else(|| refusal("invalid_grant"))?;
    if let Some((redirect_uri, challenge)) = &grant.code {
        let pkce = Pkce::from_verifier(asked.code_verifier.unwrap_or_default());
        let is_same = pkce.is_ok_and(|pkce| pkce.challenge() == *challenge);
        if !is_same || asked.redirect_uri.as_ref() != Some(redirect_uri) {
            return Err(refusal("invalid_grant"));
        }
    }
    if !server.is_resource(asked.resource.as_deref()) {
        return Err(refusal("invalid_target"));
    }
    let claims = json!({"sub": grant.user, "client_id": grant.client_id, "scope": grant.scope});
    let access = server.0.tokens.issue(&claims).await.map_err(failed)?;
    let scope = grant.scope.clone();
    let refresh = server.keep(Grant { code: None, ..grant }).map_err(failed)?;
    Ok(Json(json!({
        "access_token": access.expose(), "token_type": "Bearer", "expires_in": 900,
        "refresh_token": refresh, "scope": scope,
    })))
}
