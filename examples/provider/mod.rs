//! A small OpenID Connect provider on loopback, for the examples.
//!
//! Not for production: it checks no password.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, get_service, post};
use axum::{Form, Json, Router};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::Pkce;
use jamguard::{Authenticator, Claims, Error, Issuer, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

pub(crate) const CLIENT_ID: &str = "example";
pub(crate) const CLIENT_SECRET: &str = "a secret of the example's";
/// The audience of access tokens.
pub(crate) const AUDIENCE: &str = "orders";

/// The provider's state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Inner>);

struct Inner {
    url: String,
    redirect_url: String,
    id_tokens: Issuer,
    access_tokens: Issuer,
    /// Grants by code or refresh token; each is used once.
    grants: Mutex<HashMap<String, Grant>>,
    token_requests: AtomicU64,
}

#[derive(Clone)]
struct Grant {
    user: String,
    scope: String,
    nonce: Option<String>,
    /// The PKCE challenge; only for a code.
    challenge: Option<String>,
}

/// An authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
#[derive(Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
    scope: Option<String>,
    nonce: Option<String>,
    /// The user, once chosen on the page.
    user: Option<String>,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

type Refusal = (StatusCode, Json<Value>);

fn refusal(code: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code })))
}

impl Provider {
    /// Creates a provider at this URL, with one client whose redirect URL is `redirect_url`.
    pub(crate) fn new(url: &str, redirect_url: &str) -> Result<Self, Error> {
        let key = SigningKey::generate(Algorithm::RS256)?.with_key_id("provider-1");
        let issuer =
            |audience: &str| Issuer::builder().key(key.clone()).issuer(url).audience(audience);
        Ok(Self(Arc::new(Inner {
            url: url.to_owned(),
            redirect_url: redirect_url.to_owned(),
            id_tokens: issuer(CLIENT_ID).build()?,
            access_tokens: issuer(AUDIENCE).token_type("at+jwt").build()?,
            grants: Mutex::default(),
            token_requests: AtomicU64::new(0),
        })))
    }

    /// Returns the number of token requests.
    #[allow(dead_code)]
    pub(crate) fn token_requests(&self) -> u64 {
        self.0.token_requests.load(Ordering::Relaxed)
    }

    pub(crate) fn app(&self) -> Result<Router, Error> {
        let verifier = self.0.access_tokens.verifier();
        let auth = Authenticator::builder().verifier(verifier).build()?;
        Ok(Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get_service(self.0.id_tokens.jwks_endpoint()?))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .layer(auth.layer())
            .with_state(self.clone()))
    }

    fn keep(&self, grant: Grant) -> Result<String, Error> {
        // Any random text will do.
        let name = Pkce::generate()?.verifier().expose().to_owned();
        let mut grants = self.0.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.insert(name.clone(), grant);
        Ok(name)
    }

    fn take(&self, name: Option<&str>) -> Result<Grant, Refusal> {
        let mut grants = self.0.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = name.and_then(|name| grants.remove(name));
        grant.ok_or_else(|| refusal("invalid_grant"))
    }

    async fn tokens(&self, grant: Grant) -> Result<Value, Error> {
        let access = json!({"sub": grant.user, "scope": grant.scope});
        let access = self.0.access_tokens.issue(&access).await?;
        let id = json!({
            "sub": grant.user, "nonce": grant.nonce,
            "email": format!("{}@example.com", grant.user), "email_verified": true,
        });
        let id = self.0.id_tokens.issue(&id).await?;
        let scope = grant.scope.clone();
        let refresh = self.keep(Grant { challenge: None, ..grant })?;
        Ok(json!({
            "access_token": access.expose(), "token_type": "Bearer", "expires_in": 900,
            "refresh_token": refresh, "id_token": id.expose(), "scope": scope,
        }))
    }
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let url = &provider.0.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Lets the user choose an account, and redirects the browser back with a code.
async fn authorize(
    State(provider): State<Provider>,
    Query(asked): Query<Asked>,
    uri: axum::http::Uri,
) -> Result<Response, Refusal> {
    let sound = asked.client_id == CLIENT_ID
        && asked.redirect_uri == provider.0.redirect_url
        && asked.response_type == "code"
        && asked.code_challenge_method == "S256";
    if !sound {
        // No redirect: the redirect URL of an invalid request cannot be trusted.
        return Err(refusal("invalid_request"));
    }
    let users = ["ann", "bob"];
    let Some(user) = asked.user.filter(|user| users.contains(&&**user)) else {
        let query = uri.query().unwrap_or_default().replace('"', "%22").replace('&', "&amp;");
        let link =
            |user| format!("<li><a href=\"/authorize?{query}&amp;user={user}\">{user}</a></li>");
        let links = users.map(link).concat();
        return Ok(
            Html(format!("<!doctype html><h1>Who are you?</h1><ul>{links}</ul>")).into_response()
        );
    };
    let failed = |_| refusal("server_error");
    let code = provider
        .keep(Grant {
            user,
            scope: asked.scope.unwrap_or_default(),
            nonce: asked.nonce,
            challenge: Some(asked.code_challenge),
        })
        .map_err(failed)?;
    let mut back = Url::parse(&asked.redirect_uri).map_err(|_| refusal("invalid_request"))?;
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked.state)
        .append_pair("iss", &provider.0.url);
    Ok(Redirect::to(back.as_str()).into_response())
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(asked): Form<TokenRequest>,
) -> Result<Json<Value>, Refusal> {
    provider.0.token_requests.fetch_add(1, Ordering::Relaxed);
    // `example:a secret of the example's`, both parts form-encoded (RFC 6749 section 2.3.1).
    let own = "Basic ZXhhbXBsZTphK3NlY3JldCtvZit0aGUrZXhhbXBsZSUyN3M=";
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != own) {
        return Err(refusal("invalid_client"));
    }
    let failed = |_| refusal("server_error");
    let grant = match &*asked.grant_type {
        "authorization_code" => {
            let grant = provider.take(asked.code.as_deref())?;
            let pkce = Pkce::from_verifier(asked.code_verifier.unwrap_or_default());
            let challenge = pkce.map(|pkce| pkce.challenge()).ok();
            let same = challenge.is_some() && challenge == grant.challenge;
            if !same || asked.redirect_uri.as_deref() != Some(&provider.0.redirect_url) {
                return Err(refusal("invalid_grant"));
            }
            grant
        }
        "refresh_token" => provider.take(asked.refresh_token.as_deref())?,
        "client_credentials" => {
            let claims = json!({"sub": CLIENT_ID, "scope": asked.scope});
            let token = provider.0.access_tokens.issue(&claims).await.map_err(failed)?;
            return Ok(Json(json!({
                "access_token": token.expose(), "token_type": "Bearer", "expires_in": 900,
            })));
        }
        _ => return Err(refusal("unsupported_grant_type")),
    };
    provider.tokens(grant).await.map(Json).map_err(failed)
}

async fn userinfo(user: Claims<Subject>) -> Json<Value> {
    Json(json!({"sub": user.sub, "name": user.sub, "orders": 3}))
}

/// Returns a verifier of the provider's access tokens, for other services.
#[allow(dead_code)]
pub(crate) fn access_tokens(url: &str) -> Result<Verifier, Error> {
    Verifier::builder()
        .discover(url)
        .algorithms([Algorithm::RS256])
        .audience(AUDIENCE)
        .token_type("at+jwt")
        .build()
}
