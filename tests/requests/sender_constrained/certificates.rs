//! Tokens that are bound to a TLS client certificate (RFC 8705).

use super::world::{World, refused, router, with};
use crate::support::{Request, Servers, send};
use actix_web::dev::Service;
use actix_web::{App, HttpMessage, HttpServer, web};
use axum::Extension;
use jamguard::{
    Authenticator, ClientCertificate, ClientCertificateSource, Dpop, ErrorKind, Identity,
};
use serde_json::json;

const INVALID: &str = "invalid_token";
const CERTIFICATE: &[u8] = b"a certificate in DER, which only the TLS layer reads";
/// The same in base64.
const BASE64: &str = "YSBjZXJ0aWZpY2F0ZSBpbiBERVIsIHdoaWNoIG9ubHkgdGhlIFRMUyBsYXllciByZWFkcw==";

fn token(world: &World, der: &[u8]) -> String {
    world.token(json!({ "x5t#S256": ClientCertificate::from_der(der).thumbprint() }))
}

async fn who(identity: Identity) -> String {
    format!("{} by {:?}", identity.subject().unwrap_or_default(), identity.credential())
}

/// Both servers, over connections with this certificate.
async fn connected(auth: impl Fn() -> Authenticator, der: Option<&'static [u8]>) -> Servers {
    let certificate = der.map(ClientCertificate::from_der);
    let router = match certificate {
        Some(certificate) => router(&auth()).layer(Extension(certificate)),
        None => router(&auth()),
    };
    let actix = auth();
    let app = move || {
        let auth = actix.clone();
        App::new().route("/me", web::get().to(who)).wrap(auth.actix()).wrap_fn(
            move |request, service| {
                if let Some(certificate) = certificate {
                    request.extensions_mut().insert(certificate);
                }
                service.call(request)
            },
        )
    };
    Servers::apps(router, app).await
}

async fn passes(servers: &Servers, request: Request) {
    let answer = servers.ask(request).await;
    assert_eq!((answer.status, answer.text()), (200, "ann by Bearer"));
}

#[tokio::test]
async fn attack_48_a_token_of_another_certificate_or_without_one() {
    let world = World::new();
    let auth =
        || world.auth().client_certificates(ClientCertificateSource::connection()).build().unwrap();
    let (own, other) = (token(&world, CERTIFICATE), token(&world, b"another"));
    let servers = connected(auth, Some(CERTIFICATE)).await;
    for _ in 0..2 {
        passes(&servers, Request::get("/me").bearer(&own)).await;
        refused(&servers, Request::get("/me").bearer(&other), INVALID).await;
    }
    // A key instead of the certificate, or another binding.
    refused(&servers, Request::get("/me").bearer(&world.bound()), INVALID).await;
    let both = json!({
        "x5t#S256": ClientCertificate::from_der(CERTIFICATE).thumbprint(),
        "jkt": world.client.thumbprint().unwrap(),
    });
    refused(&servers, Request::get("/me").bearer(&world.token(both)), INVALID).await;
    // Unbound tokens stay bearer tokens.
    passes(&servers, Request::get("/me").bearer(&world.token(json!(null)))).await;
    let servers = connected(auth, None).await;
    refused(&servers, Request::get("/me").bearer(&own), INVALID).await;
    // A header is not a certificate unless it is named.
    let claimed = Request::get("/me").bearer(&own).header("client-cert", format!(":{BASE64}:"));
    refused(&servers, claimed, INVALID).await;
}

#[tokio::test]
async fn a_token_bound_to_a_key_and_a_certificate_needs_both() {
    let world = World::new();
    let auth = || {
        let dpop = Dpop::builder().public_url("https://api.example").build().unwrap();
        let source = ClientCertificateSource::connection();
        world.auth().dpop(dpop).client_certificates(source).build().unwrap()
    };
    let both = |der: &[u8]| {
        world.token(json!({
            "x5t#S256": ClientCertificate::from_der(der).thumbprint(),
            "jkt": world.client.thumbprint().unwrap(),
        }))
    };
    let servers = connected(auth, Some(CERTIFICATE)).await;
    let answer = servers.ask(world.request("GET", "/me", &both(CERTIFICATE))).await;
    assert_eq!((answer.status, answer.text()), (200, "ann by Dpop"));
    refused(&servers, world.request("GET", "/me", &both(b"another")), INVALID).await;
    refused(&servers, Request::get("/me").bearer(&both(CERTIFICATE)), INVALID).await;
    let wrong = with(Request::get("/me"), &both(CERTIFICATE), "nonsense");
    refused(&servers, wrong, "invalid_dpop_proof").await;
}

#[tokio::test]
async fn the_certificate_may_come_in_a_named_header() {
    let world = World::new();
    let own = token(&world, CERTIFICATE);
    let bearer = || Request::get("/me").bearer(&own);
    let auth =
        |source: ClientCertificateSource| world.auth().client_certificates(source).build().unwrap();
    // RFC 9440 section 2.1.
    let servers =
        connected(|| auth(ClientCertificateSource::danger_header("Client-Cert")), None).await;
    passes(&servers, bearer().header("client-cert", format!(":{BASE64}:"))).await;
    refused(&servers, bearer(), INVALID).await;
    refused(&servers, bearer().header("client-cert", ""), INVALID).await;
    refused(&servers, bearer().header("client-cert", ":YW5vdGhlcg==:"), INVALID).await;
    let twice = bearer().header("client-cert", format!(":{BASE64}:"));
    let twice = twice.header("client-cert", format!(":{BASE64}:"));
    for malformed in [
        bearer().header("client-cert", BASE64),
        bearer().header("client-cert", ":not base64:"),
        bearer().header("client-cert", ":"),
        bearer().header("client-cert", b"\xff"),
        twice,
    ] {
        assert_eq!(servers.ask(malformed).await.status, 400);
    }
    // As nginx sends it.
    let servers =
        connected(|| auth(ClientCertificateSource::danger_pem_header("ssl-client-cert")), None)
            .await;
    let pem = |base64: &str| {
        let base64 = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("-----BEGIN%20CERTIFICATE-----%0A{base64}%0A-----END%20CERTIFICATE-----%0A")
    };
    passes(&servers, bearer().header("ssl-client-cert", pem(BASE64))).await;
    refused(&servers, bearer().header("ssl-client-cert", pem("YW5vdGhlcg==")), INVALID).await;
    refused(&servers, bearer(), INVALID).await;
    for malformed in ["nonsense", "%ff", "-----BEGIN%20PUBLIC%20KEY-----"] {
        let answer = servers.ask(bearer().header("ssl-client-cert", malformed)).await;
        assert_eq!(answer.status, 400, "{malformed}");
    }
    let source = ClientCertificateSource::danger_header("client cert");
    let error = world.auth().client_certificates(source).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

/// actix-web puts what it learns of a connection elsewhere than into the request's extensions.
#[tokio::test]
async fn actix_web_finds_the_certificate_of_the_connection() {
    let world = World::new();
    let source = ClientCertificateSource::connection();
    let auth = world.auth().client_certificates(source).build().unwrap();
    let (started, wait) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().wrap(auth.actix()).route("/me", web::get().to(who));
            let server = HttpServer::new(app).workers(1).disable_signals();
            let server = server.on_connect(|_, data| {
                data.insert(ClientCertificate::from_der(CERTIFICATE));
            });
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            let _ = started.send((address, server.handle()));
            server.await.unwrap();
        });
    });
    let (address, handle) = wait.await.unwrap();
    let ask = async |token: &str| send(address, &Request::get("/me").bearer(token)).await.status;
    assert_eq!(ask(&token(&world, CERTIFICATE)).await, 200);
    assert_eq!(ask(&token(&world, b"another")).await, 401);
    drop(handle.stop(false));
    thread.join().unwrap();
}
