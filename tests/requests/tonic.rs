//! A tonic server behind the same layer: a wrong credential is UNAUTHENTICATED, a right one is
//! served, over real HTTP/2.

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, AuthenticatorBuilder, Error, ErrorKind, Identity, Verifier};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

const ISSUER: &str = "https://issuer.example";
const NOW: u64 = 1_700_000_000;

struct Issuer {
    key: SigningKey,
    clock: ManualClock,
}

impl Issuer {
    fn new() -> Self {
        Self { key: SigningKey::generate(Algorithm::EdDSA).unwrap(), clock: ManualClock::at(NOW) }
    }

    fn token(&self, subject: &str, expires: u64) -> String {
        let claims = json!({"iss": ISSUER, "sub": subject, "exp": expires});
        testing::mint(&self.key, &claims).unwrap()
    }

    fn auth(&self) -> AuthenticatorBuilder {
        let verifier = Verifier::builder()
            .any_audience()
            .key(self.key.verifying_key().unwrap())
            .algorithms([Algorithm::EdDSA])
            .issuer(ISSUER)
            .clock(self.clock.clone())
            .build()
            .unwrap();
        Authenticator::builder().verifier(verifier).realm("rpc")
    }
}

/// Serves the health service behind a layer; gives a client of it.
macro_rules! client_behind {
    ($layer:expr) => {
        client_behind!($layer, |request| Ok(request))
    };
    ($layer:expr, $interceptor:expr) => {{
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let reporter = HealthReporter::new();
        reporter.set_service_status("orders", ServingStatus::Serving).await;
        let health = HealthServer::with_interceptor(
            HealthService::from_health_reporter(reporter),
            $interceptor,
        );
        tokio::spawn(
            Server::builder()
                .layer($layer.any_body())
                .add_service(health)
                .serve_with_incoming(TcpIncoming::from(listener)),
        );
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        HealthClient::new(channel.connect().await.unwrap())
    }};
}

fn request(token: Option<&str>) -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest { service: "orders".into() });
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request.set_timeout(Duration::from_secs(60));
    request
}

/// The state of the service, or the status of the refusal.
async fn check(client: &mut HealthClient<Channel>, token: Option<&str>) -> Result<i32, Status> {
    let answer = client.check(request(token)).await?;
    Ok(answer.into_inner().status)
}

async fn code(client: &mut HealthClient<Channel>, token: Option<&str>) -> Code {
    check(client, token).await.unwrap_err().code()
}

#[tokio::test]
async fn behind_a_guard_only_a_valid_token_is_served() {
    let issuer = Issuer::new();
    let auth = issuer.auth().build().unwrap();
    let mut client = client_behind!(auth.require_login());
    let (good, expired) = (issuer.token("42", NOW + 60), issuer.token("42", NOW - 61));
    let foreign = Issuer::new().token("42", NOW + 60);
    for _ in 0..2 {
        assert_eq!(code(&mut client, None).await, Code::Unauthenticated);
        assert_eq!(code(&mut client, Some(&expired)).await, Code::Unauthenticated);
        assert_eq!(code(&mut client, Some(&foreign)).await, Code::Unauthenticated);
        assert_eq!(code(&mut client, Some("garbage")).await, Code::Unauthenticated);
        assert_eq!(check(&mut client, Some(&good)).await.unwrap(), 1);
    }
    // What an HTTP client would get, it can read too.
    let status = check(&mut client, Some(&expired)).await.unwrap_err();
    assert_eq!(status.message(), "The token is expired.");
    let challenge = status.metadata().get("www-authenticate").unwrap();
    assert!(
        challenge.to_str().unwrap().starts_with(r#"Bearer realm="rpc", error="invalid_token""#)
    );
    let status = check(&mut client, Some("two words")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    // Streams too.
    let status = client.watch(request(None)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut stream = client.watch(request(Some(&good))).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().status, 1);
}

#[tokio::test]
async fn behind_the_layer_anonymous_calls_pass_and_wrong_tokens_do_not() {
    let issuer = Issuer::new();
    let auth = issuer.auth().build().unwrap();
    let mut client = client_behind!(auth.layer());
    assert_eq!(check(&mut client, None).await.unwrap(), 1);
    let good = issuer.token("42", NOW + 60);
    assert_eq!(check(&mut client, Some(&good)).await.unwrap(), 1);
    let expired = issuer.token("42", NOW - 61);
    assert_eq!(code(&mut client, Some(&expired)).await, Code::Unauthenticated);
    // It is valid no longer than it lives.
    issuer.clock.advance(Duration::from_secs(120));
    assert_eq!(code(&mut client, Some(&good)).await, Code::Unauthenticated);
}

#[tokio::test]
async fn the_identity_reaches_what_is_inside() {
    let issuer = Issuer::new();
    let auth = issuer.auth().build().unwrap();
    let only_42 = |request: Request<()>| match Identity::from_extensions(request.extensions()) {
        Some(identity) if identity.subject() == Some("42") => Ok(request),
        Some(_) => Err(Status::permission_denied("somebody else")),
        None => Err(Status::unauthenticated("nobody")),
    };
    let mut client = client_behind!(auth.layer(), only_42);
    let token = |subject| issuer.token(subject, NOW + 60);
    assert_eq!(check(&mut client, Some(&token("42"))).await.unwrap(), 1);
    let status = check(&mut client, Some(&token("43"))).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "somebody else"));
    let status = check(&mut client, None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "nobody"));
}

/// The same hook as everywhere makes answers that gRPC clients read in full.
#[tokio::test]
async fn a_hook_answers_in_grpc() {
    let issuer = Issuer::new();
    let auth = issuer.auth().on_refusal(|error, challenge| {
        let (code, message) = match error.kind() {
            ErrorKind::MissingCredentials => (Code::Unauthenticated, "log in first"),
            ErrorKind::Expired => (Code::Unauthenticated, "the token is expired"),
            ErrorKind::InvalidRequest => (Code::InvalidArgument, "one token, please"),
            _ => (Code::PermissionDenied, "the token is invalid"),
        };
        challenge
            .with_status(200)
            .with_body("application/grpc", "")
            .with_header("grpc-status", (code as i32).to_string())
            .with_header("grpc-message", message)
    });
    let mut client = client_behind!(auth.build().unwrap().require_login());
    let expired = issuer.token("42", NOW - 61);
    for (token, code, message) in [
        (None, Code::Unauthenticated, "log in first"),
        (Some(&*expired), Code::Unauthenticated, "the token is expired"),
        (Some("two words"), Code::InvalidArgument, "one token, please"),
        (Some("garbage"), Code::PermissionDenied, "the token is invalid"),
    ] {
        let status = check(&mut client, token).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
    }
    let good = issuer.token("42", NOW + 60);
    assert_eq!(check(&mut client, Some(&good)).await.unwrap(), 1);
}

/// An issuer that does not answer.
struct Down;

impl Fetch for Down {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async { Err(Error::new(ErrorKind::Connection, "down")) })
    }
}

#[tokio::test]
async fn an_outage_is_unavailable_and_no_verdict() {
    let issuer = Issuer::new();
    let keys = RemoteKeySet::builder("https://issuer.example/keys").fetcher(Down).build().unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .jwks(keys)
        .algorithms([Algorithm::EdDSA])
        .issuer(ISSUER)
        .clock(issuer.clock.clone())
        .build()
        .unwrap();
    let auth = Authenticator::builder().verifier(verifier).build().unwrap();
    let mut client = client_behind!(auth.layer());
    let good = issuer.token("42", NOW + 60);
    let status = check(&mut client, Some(&good)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("retry-after").unwrap(), "1");
    assert_eq!(check(&mut client, None).await.unwrap(), 1);
}
