//! One server per peer, each set up as its documentation shows.
//!
//! All check issuer, audience and expiry, and pass typed claims to the handler.

use crate::support::tokens::{self, AUDIENCE, ISSUER, User};
use actix_web::dev::ServiceRequest;
use actix_web::{App, HttpMessage, HttpServer, web};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use actix_web_httpauth::middleware::HttpAuthentication;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::{Authenticator, Verifier};
use jsonwebtoken::{DecodingKey, Validation};
use std::future::pending;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Peer {
    JamguardAxum,
    JamguardActix,
    JwtAuthorizer,
    AxumJwtAuth,
    TowerOauth2,
    AxumJwks,
    HandWritten,
    ActixHttpauth,
}

impl Peer {
    const ALL: [Self; 8] = [
        Self::JamguardAxum,
        Self::JamguardActix,
        Self::JwtAuthorizer,
        Self::AxumJwtAuth,
        Self::TowerOauth2,
        Self::AxumJwks,
        Self::HandWritten,
        Self::ActixHttpauth,
    ];

    /// Why a peer does not take part for an algorithm.
    pub(crate) fn lacks(self, algorithm: Algorithm) -> Option<&'static str> {
        match (self, algorithm) {
            (Self::JamguardAxum | Self::JamguardActix, _) => None,
            (_, Algorithm::ES512) => Some("does not verify ES512"),
            (Self::AxumJwks, Algorithm::ES256) => Some("rejects key sets with keys other than RSA"),
            _ => None,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::JamguardAxum => "jamguard, axum",
            Self::JamguardActix => "jamguard, actix-web",
            Self::JwtAuthorizer => "jwt-authorizer 0.15 (axum 0.7)",
            Self::AxumJwtAuth => "axum-jwt-auth 0.7",
            Self::TowerOauth2 => "tower-oauth2-resource-server 0.12",
            Self::AxumJwks => "axum-jwks 0.12",
            Self::HandWritten => "by hand with jsonwebtoken 11, axum",
            Self::ActixHttpauth => "actix-web-httpauth 0.8, jsonwebtoken 11",
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Backend {
    AwsLc,
    RustCrypto,
    Ring,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AwsLc => "aws-lc",
            Self::RustCrypto => "rust_crypto",
            Self::Ring => "ring",
        }
    }
}

/// The issuer: what a peer must know about it, and one of its tokens.
struct Issuer {
    algorithm: Algorithm,
    jwks: String,
    token: String,
    key: SigningKey,
}

impl Issuer {
    /// Makes the issuer with this private key in PEM.
    fn new(algorithm: &str, pem: &str) -> Self {
        let algorithm: Algorithm = algorithm.parse().unwrap();
        let key = SigningKey::from_pem(algorithm, pem).unwrap().with_key_id(tokens::KEY_ID);
        Self {
            algorithm,
            jwks: KeySet::from(key.verifying_key().unwrap()).to_json(),
            token: tokens::token(&key, 1),
            key,
        }
    }

    fn jwk<K: serde::de::DeserializeOwned>(&self) -> K {
        let set: serde_json::Value = serde_json::from_str(&self.jwks).unwrap();
        serde_json::from_value(set["keys"][0].clone()).unwrap()
    }

    /// With the default verification pool, as in an application.
    fn authenticator(&self) -> Authenticator {
        let verifier = Verifier::builder()
            .key(self.key.verifying_key().unwrap())
            .algorithms([self.algorithm])
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .build()
            .unwrap();
        Authenticator::builder().verifier(verifier).build().unwrap()
    }

    fn by_hand(&self) -> ByHand {
        let algorithm = match self.algorithm {
            Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
            _ => jsonwebtoken::Algorithm::ES256,
        };
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        ByHand(Arc::new((DecodingKey::from_jwk(&self.jwk()).unwrap(), validation)))
    }
}

/// Responds without claims; the response is as long as that of `personal`.
async fn public() -> String {
    "user-000000001@example.com".to_owned()
}

/// Returns how often this thread has allocated.
async fn allocations() -> String {
    jamguard_bench_allocations::so_far().to_string()
}

fn app<S: Clone + Send + Sync + 'static>(personal: MethodRouter<S>) -> Router<S> {
    Router::new().route("/", personal).route("/allocations", get(allocations))
}

/// Runs a server process: prints its two ports and the token, then serves.
pub(crate) fn serve(title: &str, backend: &str, algorithm: &str, pem: &str) {
    let peer = Peer::ALL.into_iter().find(|peer| peer.title() == title).unwrap();
    choose(backend);
    let issuer = Issuer::new(algorithm, pem);
    jamguard_bench_allocations::begin();
    match peer {
        Peer::JamguardActix | Peer::ActixHttpauth => serve_actix(peer, &issuer),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(serve_axum(peer, &issuer)),
    }
}

/// Selects the backend of jsonwebtoken 10 and 11; version 9 only has `ring`.
fn choose(backend: &str) {
    if backend == Backend::RustCrypto.name() {
        jsonwebtoken_10::crypto::rust_crypto::DEFAULT_PROVIDER.install_default().ok();
        jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default().ok();
    } else {
        jsonwebtoken_10::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
        jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
    }
}

fn listeners(issuer: &Issuer) -> [TcpListener; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [bare, guarded] = [0, 1].map(|at: usize| listeners[at].local_addr().unwrap().port());
    println!("{bare} {guarded} {}", issuer.token);
    listeners
}

async fn serve_axum(peer: Peer, issuer: &Issuer) {
    let guarded = match peer {
        Peer::JwtAuthorizer => return serve_axum_07(issuer).await,
        Peer::JamguardAxum => app(get(with_jamguard)).layer(issuer.authenticator().layer()),
        Peer::AxumJwtAuth => with_axum_jwt_auth(issuer),
        Peer::TowerOauth2 => with_tower_oauth2(issuer).await,
        Peer::AxumJwks => with_axum_jwks(issuer),
        Peer::HandWritten => with_hands(issuer),
        Peer::JamguardActix | Peer::ActixHttpauth => panic!("not an axum application"),
    };
    let [bare_listener, guarded_listener] = listeners(issuer).map(into_tokio);
    tokio::spawn(axum::serve(bare_listener, app(get(public))).into_future());
    axum::serve(guarded_listener, guarded).await.unwrap();
}

fn into_tokio(listener: TcpListener) -> tokio::net::TcpListener {
    listener.set_nonblocking(true).unwrap();
    tokio::net::TcpListener::from_std(listener).unwrap()
}

async fn with_jamguard(user: jamguard::Claims<User>) -> String {
    user.email.clone()
}

/// Serves jwt-authorizer, whose extractor needs axum 0.7; its bare server uses 0.7 too.
async fn serve_axum_07(issuer: &Issuer) {
    use axum_07::{Router, routing::get};
    use jwt_authorizer::{IntoLayer, JwtAuthorizer, JwtClaims, Validation};

    async fn personal(JwtClaims(user): JwtClaims<User>) -> String {
        user.email
    }
    let authorizer = JwtAuthorizer::<User>::from_jwks_text(&issuer.jwks)
        .validation(Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]))
        .build()
        .await
        .unwrap();
    let app = |personal| Router::new().route("/", personal).route("/allocations", get(allocations));
    let guarded = app(get(personal)).layer(authorizer.into_layer());
    let bare = app(get(public));
    let [bare_listener, guarded_listener] = listeners(issuer).map(into_tokio);
    tokio::spawn(axum_07::serve(bare_listener, bare).into_future());
    axum_07::serve(guarded_listener, guarded).await.unwrap();
}

fn with_axum_jwt_auth(issuer: &Issuer) -> Router {
    use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
    use jsonwebtoken_10::{Algorithm as Algorithm10, DecodingKey, Validation};

    async fn personal(user: Claims<User>) -> String {
        user.claims.email
    }
    let mut validation = Validation::new(match issuer.algorithm {
        Algorithm::RS256 => Algorithm10::RS256,
        _ => Algorithm10::ES256,
    });
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    let decoder = LocalDecoder::builder()
        .keys(vec![DecodingKey::from_jwk(&issuer.jwk()).unwrap()])
        .validation(validation)
        .build()
        .unwrap();
    let decoder: Decoder<User> = Arc::new(decoder);
    app(get(personal)).with_state(decoder)
}

async fn with_tower_oauth2(issuer: &Issuer) -> Router {
    use tower_oauth2_resource_server::server::OAuth2ResourceServer;
    use tower_oauth2_resource_server::tenant::TenantConfiguration;
    use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

    let rules = ClaimsValidationSpec::new().iss(ISSUER).aud(&vec![AUDIENCE.to_owned()]).exp(true);
    let tenant = TenantConfiguration::static_builder(issuer.jwks.clone())
        .claims_validation(rules)
        .build()
        .unwrap();
    let server = OAuth2ResourceServer::<User>::builder().add_tenant(tenant).build().await.unwrap();
    app(get(extended)).layer(server.into_layer())
}

/// Handles requests of peers that store the claims in the request's extensions.
async fn extended(Extension(user): Extension<User>) -> String {
    user.email
}

/// The rejection for axum-jwks.
pub(crate) struct Unauthorized;

impl From<axum_jwks::TokenError> for Unauthorized {
    fn from(_: axum_jwks::TokenError) -> Self {
        Self
    }
}

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

impl axum_jwks::ParseTokenClaims for User {
    type Rejection = Unauthorized;
}

fn with_axum_jwks(issuer: &Issuer) -> Router {
    async fn personal(axum_jwks::Claims(user): axum_jwks::Claims<User>) -> String {
        user.email
    }
    let set: jsonwebtoken_9::jwk::JwkSet = serde_json::from_str(&issuer.jwks).unwrap();
    let jwks = axum_jwks::Jwks::from_jwk_set(set, Some(AUDIENCE), None).unwrap();
    app(get(personal)).with_state(jwks)
}

/// A hand-written check with jsonwebtoken alone.
#[derive(Clone)]
struct ByHand(Arc<(DecodingKey, Validation)>);

impl ByHand {
    fn user(&self, token: &str) -> Option<User> {
        let (key, validation) = &*self.0;
        jsonwebtoken::decode(token, key, validation).ok().map(|token| token.claims)
    }
}

fn with_hands(issuer: &Issuer) -> Router {
    async fn check(
        State(by_hand): State<ByHand>,
        mut request: Request,
        next: Next,
    ) -> Result<Response, StatusCode> {
        let user = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(|token| by_hand.user(token))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        request.extensions_mut().insert(user);
        Ok(next.run(request).await)
    }
    let check = middleware::from_fn_with_state(issuer.by_hand(), check);
    app(get(extended)).layer(check)
}

fn serve_actix(peer: Peer, issuer: &Issuer) {
    async fn with_jamguard(user: jamguard::Claims<User>) -> String {
        user.email.clone()
    }
    async fn extended(user: web::ReqData<User>) -> String {
        user.email.clone()
    }
    async fn check(
        request: ServiceRequest,
        credential: BearerAuth,
    ) -> Result<ServiceRequest, (actix_web::Error, ServiceRequest)> {
        let user =
            request.app_data::<ByHand>().and_then(|by_hand| by_hand.user(credential.token()));
        match user {
            Some(user) => {
                request.extensions_mut().insert(user);
                Ok(request)
            }
            None => Err((actix_web::error::ErrorUnauthorized("refused"), request)),
        }
    }
    /// Runs in the worker thread, whose allocations count.
    fn routes(personal: fn() -> actix_web::Route) -> impl FnOnce(&mut web::ServiceConfig) {
        move |config| {
            jamguard_bench_allocations::begin();
            config.route("/", personal()).route("/allocations", web::get().to(allocations));
        }
    }
    actix_web::rt::System::new().block_on(async {
        let [bare_listener, guarded_listener] = listeners(issuer);
        // Keeps the connections of one application open while the other is measured.
        let idle = Duration::from_secs(600);
        let bare = HttpServer::new(|| App::new().configure(routes(|| web::get().to(public))))
            .workers(1)
            .keep_alive(idle)
            .listen(bare_listener);
        actix_web::rt::spawn(bare.unwrap().run());
        let (auth, by_hand) = (issuer.authenticator(), issuer.by_hand());
        if peer == Peer::JamguardActix {
            let guarded = HttpServer::new(move || {
                let routes = routes(|| web::get().to(with_jamguard));
                App::new().wrap(auth.actix()).configure(routes)
            });
            let guarded = guarded.workers(1).keep_alive(idle).listen(guarded_listener);
            actix_web::rt::spawn(guarded.unwrap().run());
        } else {
            let guarded = HttpServer::new(move || {
                App::new()
                    .app_data(by_hand.clone())
                    .wrap(HttpAuthentication::bearer(check))
                    .configure(routes(|| web::get().to(extended)))
            });
            let guarded = guarded.workers(1).keep_alive(idle).listen(guarded_listener);
            actix_web::rt::spawn(guarded.unwrap().run());
        }
        pending().await
    })
}
