//! DPoP clients from npm (RFC 9449): with a token of oidc-provider they call an API in both frameworks.

use super::issuer::{Announced, RealIssuer, Registry, command};
use crate::support::Servers;
use actix_web::{App, web};
use axum::Router;
use axum::routing::any;
use jamguard::jose::Algorithm;
use jamguard::store::SealingKeys;
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Dpop, Identity, Verifier};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A request of a client, with the nonce in its proof, and the answer's nonce.
#[derive(Debug, Deserialize)]
struct Exchange {
    status: u16,
    error: Option<String>,
    sent: Option<String>,
    given: Option<String>,
}

impl Exchange {
    #[track_caller]
    fn is_accepted(&self, sent: &str) {
        assert_eq!((self.status, self.sent.as_deref()), (200, Some(sent)), "{self:?}");
    }

    #[track_caller]
    fn is_refused(&self, error: &str) {
        assert_eq!((self.status, self.error.as_deref()), (401, Some(error)), "{self:?}");
    }
}

/// What a client says once it has a token.
#[derive(Deserialize)]
struct Ready {
    version: String,
    token_type: String,
}

struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(package: &str, announced: &Announced, api: SocketAddr) -> (Self, Ready) {
        let mut process = command(Registry::Npm("dpop"), "client")
            .args([package, &announced.issuer, &announced.client_id])
            .args([announced.secret.as_deref().unwrap(), resource(announced)])
            .arg(format!("http://{api}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut client = Self { process, input, output };
        let ready = client.read();
        (client, ready)
    }

    fn read<T: DeserializeOwned>(&mut self) -> T {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Makes a step, and returns the requests that it took.
    fn step<const N: usize>(&mut self, step: &Value) -> [Exchange; N] {
        writeln!(self.input.as_mut().unwrap(), "{step}").unwrap();
        let taken: Vec<Exchange> = self.read();
        taken.try_into().unwrap_or_else(|taken| panic!("{step}: {taken:?}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

fn resource(announced: &Announced) -> &str {
    announced.resource.as_deref().unwrap()
}

async fn orders(identity: Identity) -> String {
    identity.subject().unwrap_or_default().to_owned()
}

async fn serve(announced: &Announced, clock: &ManualClock) -> Servers {
    let auth = || {
        let resource = resource(announced);
        let verifier = Verifier::builder().discover(&announced.issuer).audience(resource);
        let dpop = Dpop::builder()
            .public_url(resource)
            .nonces(SealingKeys::new(&[7; 32]))
            .window(Duration::from_secs(600));
        Authenticator::builder()
            .verifier(verifier.algorithms([Algorithm::RS256]).build().unwrap())
            .dpop(dpop.build().unwrap())
            .clock(clock.clone())
            .build()
            .unwrap()
    };
    let router = Router::new().route("/orders", any(orders)).route("/others", any(orders));
    let actix = auth();
    let app = move || {
        App::new()
            .wrap(actix.require_login())
            .route("/orders", web::to(orders))
            .route("/others", web::to(orders))
    };
    Servers::apps(router.layer(auth().require_login()), app).await
}

/// What each client does at each framework.
fn walk(client: &mut Client, clock: &ManualClock) {
    let call = json!({ "call": ["GET", "/orders"] });
    let replay = json!({ "replay": ["GET", "/orders"] });

    let [asked, accepted] = client.step(&call);
    asked.is_refused("use_dpop_nonce");
    let first = asked.given.unwrap();
    accepted.is_accepted(&first);
    assert_eq!((asked.sent, accepted.given), (None, None));

    let [again] = client.step(&replay);
    again.is_refused("invalid_dpop_proof");

    // A proof for another method or URL is refused, and good for its own.
    for arrives_as in [["POST", "/orders"], ["GET", "/others"]] {
        let [changed] =
            client.step(&json!({ "call": ["GET", "/orders"], "arrives_as": arrives_as }));
        changed.is_refused("invalid_dpop_proof");
        let [own] = client.step(&replay);
        own.is_accepted(&first);
        let [again] = client.step(&replay);
        again.is_refused("invalid_dpop_proof");
    }

    // The next nonce comes before the first one ends, and the client uses it.
    clock.advance(Duration::from_secs(151));
    let [accepted] = client.step(&call);
    accepted.is_accepted(&first);
    let second = accepted.given.unwrap();
    let [accepted] = client.step(&call);
    accepted.is_accepted(&second);

    // Both have ended: the client is asked again.
    clock.advance(Duration::from_secs(301));
    let [asked, accepted] = client.step(&call);
    asked.is_refused("use_dpop_nonce");
    assert_eq!(asked.sent, Some(second));
    accepted.is_accepted(&asked.given.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dpop_clients_use_nonces_and_each_proof_once_in_both_frameworks() {
    let issuer = RealIssuer::start(Registry::Npm("node"), "oidc-provider");
    let interop = include_str!("../../../docs/interop.md");
    for package in ["openid-client", "oauth4webapi"] {
        for framework in 0..2 {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let clock = ManualClock::at(now.as_secs());
            let servers = serve(&issuer.announced, &clock).await;
            let (_, address) = servers.each()[framework];
            let (mut client, ready) = Client::start(package, &issuer.announced, address);
            assert_eq!(ready.token_type, "dpop");
            let named = format!("`{package}` {}", ready.version);
            assert!(interop.contains(&named), "docs/interop.md does not name {named}");
            walk(&mut client, &clock);
        }
    }
}
