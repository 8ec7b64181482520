//! An app behind DPoP in both frameworks, its issuer, and a client that can make every wrong proof.

use crate::support::{Request, Response, Servers, send};
use actix_web::{App, web};
use axum::Router;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{
    Authenticator, AuthenticatorBuilder, Dpop, DpopBuilder, DpopKey, Identity, Verifier,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const NOW: u64 = 1_700_000_000;
pub(super) const PUBLIC: &str = "https://api.example";

pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) issuer: SigningKey,
    pub(super) client: SigningKey,
}

/// A proof as JSON, before it is signed.
pub(super) struct Draft {
    pub(super) header: Value,
    pub(super) claims: Value,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(SigningKey::generate(Algorithm::ES256).unwrap())
    }

    pub(super) fn of(issuer: SigningKey) -> Self {
        Self {
            clock: ManualClock::at(NOW),
            issuer,
            client: SigningKey::generate(Algorithm::ES256).unwrap(),
        }
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier::builder()
            .key(self.issuer.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .audience("api")
            .leeway(Duration::ZERO)
            .build()
            .unwrap()
    }

    /// An authenticator of the issuer's tokens, without DPoP.
    pub(super) fn auth(&self) -> AuthenticatorBuilder {
        Authenticator::builder().verifier(self.verifier()).clock(self.clock.clone()).realm("api")
    }

    /// Both servers, each with an authenticator and a memory of used proofs of its own.
    pub(super) async fn dpop(&self, change: impl Fn(DpopBuilder) -> DpopBuilder) -> Servers {
        let dpop = || change(Dpop::builder().public_url(PUBLIC)).build().unwrap();
        self.serve(|| self.auth().dpop(dpop()).build().unwrap()).await
    }

    pub(super) async fn serve(&self, auth: impl Fn() -> Authenticator) -> Servers {
        let actix = auth();
        let app = move || {
            let orders = web::resource("/orders").wrap(actix.require_login()).to(who);
            App::new()
                .wrap(actix.actix())
                .service(web::resource("/me").to(who))
                .service(web::resource("/open").to(open))
                .service(web::scope("/v1").service(orders))
        };
        Servers::apps(router(&auth()), app).await
    }

    /// Both servers with a guard inside of a nested router, and no layer around it.
    pub(super) async fn nested(&self) -> Servers {
        let auth = || {
            let dpop = Dpop::builder().public_url(PUBLIC).build().unwrap();
            self.auth().dpop(dpop).build().unwrap()
        };
        let guarded = Router::new().route("/orders", any(who)).layer(auth().require_login());
        let actix = auth();
        let app = move || {
            let scope = web::scope("/v1").route("/orders", web::to(who));
            App::new().service(scope.wrap(actix.require_login()))
        };
        Servers::apps(Router::new().nest("/v1", guarded), app).await
    }

    pub(super) fn token(&self, confirmation: Value) -> String {
        let mut claims = json!({ "sub": "ann", "aud": "api", "exp": NOW + 3600 });
        if !confirmation.is_null() {
            claims["cnf"] = confirmation;
        }
        mint(&self.issuer, &claims).unwrap()
    }

    /// A token that is bound to the client's key.
    pub(super) fn bound(&self) -> String {
        self.token(json!({ "jkt": self.client.thumbprint().unwrap() }))
    }

    /// A correct proof for a request.
    pub(super) fn draft(&self, method: &str, path: &str, token: &str) -> Draft {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let key = DpopKey::new(self.client.clone()).unwrap();
        let proof = key
            .proof(method, &format!("{PUBLIC}{path}"))
            .access_token(&token.into())
            .issued_at(UNIX_EPOCH + Duration::from_secs(NOW));
        let proof = proof.sign().unwrap();
        let mut parts = proof.split('.').take(2).map(decoded);
        let (header, mut claims) = (parts.next().unwrap(), parts.next().unwrap());
        claims["jti"] = format!("proof {}", MADE.fetch_add(1, Ordering::Relaxed)).into();
        Draft { header, claims }
    }

    /// Signs a draft with the client's key.
    pub(super) fn sign(&self, draft: &Draft) -> String {
        let claims = draft.claims.to_string();
        mint_with_header(&self.client, &draft.header, claims.as_bytes()).unwrap()
    }

    /// A correct request with a token of the client's.
    pub(super) fn request(&self, method: &str, path: &str, token: &str) -> Request {
        let proof = self.sign(&self.draft(method, path, token));
        with(Request::new(method, path), token, &proof)
    }

    /// The request `GET /me` with this change of a correct proof.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Draft)) -> Request {
        let token = self.bound();
        let mut draft = self.draft("GET", "/me", &token);
        change(&mut draft);
        with(Request::get("/me"), &token, &self.sign(&draft))
    }
}

/// The part of a compact JWS as JSON.
fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap_or_default()
}

/// The request with a token and a proof.
pub(super) fn with(request: Request, token: &str, proof: &str) -> Request {
    request.header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

/// The answers of both servers, which may differ in a nonce.
pub(super) async fn each(servers: &Servers, request: &Request) -> [Response; 2] {
    let (axum, actix) = tokio::join!(send(servers.axum, request), send(servers.actix, request));
    assert_eq!(axum.status, actix.status);
    [axum, actix]
}

/// Checks that both servers refuse the request with this error of the scheme DPoP.
pub(super) async fn refused(servers: &Servers, request: Request, error: &str) {
    let answer = servers.ask(request).await;
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    assert_eq!(answer.status, 401, "{challenge} {}", answer.text());
    assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
}

/// Checks that both servers let the request pass.
pub(super) async fn accepted(servers: &Servers, request: Request) {
    let answer = servers.ask(request).await;
    let challenge = answer.header("www-authenticate").map(str::to_owned);
    assert_eq!((answer.status, answer.text()), (200, "ann by Dpop"), "{challenge:?}");
}

pub(super) fn router(auth: &Authenticator) -> Router {
    let orders = Router::new().route("/orders", any(who)).route_layer(auth.require_login());
    Router::new()
        .route("/me", any(who))
        .route("/open", any(open))
        .nest("/v1", orders)
        .layer(auth.layer())
}

async fn who(identity: Identity) -> String {
    format!("{} by {:?}", identity.subject().unwrap_or_default(), identity.credential())
}

async fn open(identity: Option<Identity>) -> &'static str {
    if identity.is_some() { "known" } else { "unknown" }
}
