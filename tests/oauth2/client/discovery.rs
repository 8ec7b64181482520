//! Providers that are found by discovery.

use crate::client::world::*;
use crate::support::gate::Gate;
use crate::support::issuer::{Answer, NOW, Server, until};
use crate::support::tls;
use jamguard::ErrorKind::{Configuration, Timeout, Unavailable};
use jamguard::oauth2::{OAuth2Client, Provider, SecretIn};
use jamguard::testing::ManualClock;
use serde_json::{Value, json};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PLACE: &str = "/.well-known/openid-configuration";

struct Discovered {
    server: Server,
    clock: ManualClock,
    client: OAuth2Client,
}

fn document(server: &Server) -> Value {
    json!({
        "issuer": server.url(""),
        "authorization_endpoint": server.url("/authorize"),
        "token_endpoint": server.url("/token"),
        "userinfo_endpoint": server.url("/me"),
    })
}

impl Discovered {
    async fn with(secret_in: Option<SecretIn>) -> Self {
        let server = Server::start().await;
        server.set(PLACE, json_answer(&document(&server)));
        server.set("/token", json_answer(&tokens()));
        let clock = ManualClock::at(NOW);
        let provider = Provider::discover("company", server.url(""));
        let mut client = OAuth2Client::builder(provider, "cid-123")
            .secret(CLIENT_SECRET)
            .redirect_url(CALLBACK)
            .timeout(Duration::from_millis(700))
            .clock(clock.clone());
        if let Some(place) = secret_in {
            client = client.secret_in(place);
        }
        Self { client: client.build().unwrap(), server, clock }
    }

    async fn new() -> Self {
        Self::with(None).await
    }

    fn set(&self, name: &str, value: Value) {
        let mut document = document(&self.server);
        document[name] = value;
        self.server.set(PLACE, json_answer(&document));
    }

    fn fetches(&self) -> usize {
        let seen = self.server.seen();
        seen.iter().filter(|line| line.contains(PLACE)).count()
    }
}

#[tokio::test]
async fn endpoints_are_found_once() {
    let world = Discovered::new().await;
    for _ in 0..3 {
        let begun = world.client.authorize().scopes(["openid"]).begin().await.unwrap();
        assert!(begun.url().starts_with(&world.server.url("/authorize?client_id=cid-123&")));
        assert!(begun.pending().nonce().is_some());
        world.client.client_credentials().send().await.unwrap();
    }
    world.server.set("/me", Answer::ok(r#"{"sub":"7"}"#));
    let told: Value = world.client.userinfo(&"access-1".into()).await.unwrap();
    assert_eq!(told["sub"], "7");
    assert_eq!(world.fetches(), 1);
    assert!(world.client.id_token_verifier().unwrap().build().is_ok());
}

const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Metadata of RFC 8414 beside OpenID Connect's, with the same rule for the issuer.
#[tokio::test]
async fn metadata_of_rfc_8414_serves_without_an_openid_document() {
    let world = Discovered::new().await;
    world.server.set(PLACE, Answer::status(404));
    let mut foreign = document(&world.server);
    foreign["issuer"] = json!("https://other.example");
    world.server.set(OAUTH, json_answer(&foreign));
    let error = world.client.client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.message().contains("names another issuer"), "{error}");
    world.server.set(OAUTH, json_answer(&document(&world.server)));
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        world.client.client_credentials().send().await.unwrap();
    }
    let asked = world.server.seen();
    assert_eq!(asked.iter().filter(|line| line.contains(OAUTH)).count(), 2, "{asked:?}");
}

/// The provider has another name inside the network than for browsers and in tokens.
#[tokio::test]
async fn a_provider_is_reached_at_another_address() {
    const OUTSIDE: &str = "https://login.example/realm";
    let server = Server::start().await;
    let inside = server.url("/realm").replace("127.0.0.1", "0.0.0.0");
    server.set(
        &format!("/realm{PLACE}"),
        json_answer(&json!({
            "issuer": OUTSIDE,
            "authorization_endpoint": format!("{OUTSIDE}/authorize"),
            "token_endpoint": format!("{OUTSIDE}/token"),
            "userinfo_endpoint": format!("{OUTSIDE}/me"),
        })),
    );
    server.set("/realm/token", json_answer(&tokens()));
    server.set("/realm/me", Answer::ok(r#"{"sub":"7"}"#));
    let provider = || Provider::discover("shop", OUTSIDE).discover_at(&inside);
    let client = || {
        let client = OAuth2Client::builder(provider(), "cid-123").secret(CLIENT_SECRET);
        client.redirect_url(CALLBACK)
    };
    let error = client().build().unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains("danger_plain_http_hosts"), "{error}");
    let client = client().danger_plain_http_hosts(["0.0.0.0"]).build().unwrap();
    client.client_credentials().send().await.unwrap();
    let told: Value = client.userinfo(&"access-1".into()).await.unwrap();
    assert_eq!(told["sub"], "7");
    // Browsers use the outside name.
    let begun = client.authorize().begin().await.unwrap();
    assert!(begun.url().starts_with(&format!("{OUTSIDE}/authorize?")), "{}", begun.url());
}

#[tokio::test]
async fn a_provider_behind_an_own_authority() {
    let server = Server::start().await;
    let front = tls::in_front_of(server.url("")[7..].parse().unwrap()).await;
    server.set("/token", json_answer(&tokens()));
    let base = format!("https://localhost:{}", front.port());
    let provider = Provider::new("acme", format!("{base}/authorize"), format!("{base}/token"));
    let client = OAuth2Client::builder(provider, "cid-123").secret(CLIENT_SECRET);
    let trusting = client.ca_pem(tls::authority()).build().unwrap();
    trusting.client_credentials().send().await.unwrap();
    let provider = Provider::new("acme", format!("{base}/authorize"), format!("{base}/token"));
    let client = OAuth2Client::builder(provider, "cid-123").secret(CLIENT_SECRET).build().unwrap();
    let error = client.client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), jamguard::ErrorKind::Connection);
    assert_eq!(server.hits(), 1);
}

#[test]
fn an_address_is_for_providers_with_metadata() {
    let provider = Provider::github().discover_at("https://github.internal.example");
    let error = OAuth2Client::builder(provider, "cid").build().unwrap_err();
    assert!(error.message().contains("Provider::discover"), "{error}");
}

/// RFC 8414 section 2: without a word the secret goes into the header.
#[tokio::test]
async fn the_document_says_where_secrets_go() {
    let methods = "token_endpoint_auth_methods_supported";
    for (said, chosen, header) in [
        (json!(null), None, true),
        (json!(["client_secret_basic", "client_secret_post"]), None, true),
        (json!(["client_secret_post"]), None, false),
        (json!(["client_secret_post"]), Some(SecretIn::Header), true),
        (json!(null), Some(SecretIn::Body), false),
    ] {
        let world = Discovered::with(chosen).await;
        world.set(methods, said.clone());
        world.client.client_credentials().send().await.unwrap();
        let request = world.server.requests().pop().unwrap().to_ascii_lowercase();
        assert_eq!(request.contains("authorization: basic "), header, "{said}");
        assert_eq!(request.contains("client_secret="), !header, "{said}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_used() {
    let world = Discovered::new().await;
    let cases = [
        ("issuer", json!("https://evil.example")),
        ("issuer", json!(null)),
        ("authorization_endpoint", json!(7)),
        ("authorization_endpoint", json!("http://idp.example/authorize")),
        ("authorization_endpoint", json!("https://idp.example/authorize#top")),
        ("authorization_endpoint", json!("https://idp.example/authorize?state=x")),
        ("token_endpoint", json!(7)),
        ("token_endpoint", json!("file:///etc/passwd")),
        ("token_endpoint", json!("https://user@idp.example/token")),
        ("userinfo_endpoint", json!("http://idp.example/me")),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("code_challenge_methods_supported", json!([])),
    ];
    for (name, value) in cases {
        world.set(name, value.clone());
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(kind(world.client.authorize().begin().await), Unavailable, "{name}: {value}");
    }
    for answer in [Answer::status(404), Answer::status(302), Answer::Huge, Answer::ok("<html>")] {
        world.server.set(PLACE, answer);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(kind(world.client.client_credentials().send().await), Unavailable);
    }
    world.set("code_challenge_methods_supported", json!(["plain", "S256"]));
    world.clock.advance(Duration::from_secs(1));
    assert!(world.client.authorize().begin().await.is_ok());
}

/// RFC 8414 section 2: authorization_endpoint is there "unless no grant types are supported that use"
/// it, and so is PKCE.
#[tokio::test]
async fn a_server_for_client_credentials_alone() {
    for methods in [json!(null), json!([])] {
        let world = Discovered::new().await;
        let mut document = document(&world.server);
        document.as_object_mut().unwrap().remove("authorization_endpoint");
        document["code_challenge_methods_supported"] = methods.clone();
        world.server.set(PLACE, json_answer(&document));
        let source = world.client.token_source().build().unwrap();
        assert_eq!(source.token().await.unwrap().expose(), "access-1", "{methods}");
        world.client.refresh("refresh-0").send().await.unwrap();
        let error = world.client.authorize().begin().await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{methods}");
        assert!(error.message().contains("authorization_endpoint"), "{error}");
        assert_eq!(world.fetches(), 1, "{methods}");
    }
}

/// The endpoints move; while the document cannot be had, the old ones serve.
#[tokio::test]
async fn a_document_ages() {
    let world = Discovered::new().await;
    let begin = async || world.client.authorize().begin().await.unwrap().url().to_owned();
    assert!(begin().await.contains("/authorize?"));
    world.clock.advance(Duration::from_secs(3599));
    begin().await;
    assert_eq!(world.fetches(), 1);
    world.server.set(PLACE, Answer::status(500));
    world.clock.advance(Duration::from_secs(1));
    assert!(begin().await.contains("/authorize?"));
    until("a failed fetch", || world.fetches() == 2).await;
    world.set("authorization_endpoint", world.server.url("/moved").into());
    // The failure ends some time after its request came.
    let used = async || {
        world.clock.advance(Duration::from_secs(1));
        begin().await.contains("/moved?")
    };
    crate::support::wait::until("the new document is used", used).await;
}

/// Discovery and the request to the provider share the client's deadline.
#[tokio::test(flavor = "multi_thread")]
async fn discovery_and_request_share_one_deadline() {
    for asks_userinfo in [false, true] {
        let server = Server::start().await;
        let (discovery, requests) = (Gate::closed(), Gate::closed());
        let held = |gate: &Gate, body: Value| Answer::Held(gate.clone(), body.to_string().into());
        server.set(PLACE, held(&discovery, document(&server)));
        server.set("/token", held(&requests, tokens()));
        server.set("/me", held(&requests, json!({"sub": "7"})));
        let provider = Provider::discover("company", server.url(""));
        let client = OAuth2Client::builder(provider, "cid-123").secret(CLIENT_SECRET);
        let client = client.timeout(Duration::from_secs(2)).build().unwrap();
        let mut answer = pin!(async {
            match asks_userinfo {
                true => client.userinfo::<Value>(&"access-1".into()).await.map(drop),
                false => client.client_credentials().send().await.map(drop),
            }
        });
        let begun = Instant::now();
        let early = timeout(Duration::from_millis(1_300), answer.as_mut()).await;
        assert!(early.is_err(), "it waits for the document");
        discovery.open();
        assert_eq!(kind(answer.await), Timeout);
        assert!(begun.elapsed() < Duration::from_millis(3_000), "{:?}", begun.elapsed());
        requests.open();
        // What was found is kept.
        let again = client.client_credentials().send().await;
        assert!(again.is_ok());
        assert_eq!(server.seen().iter().filter(|line| line.contains(PLACE)).count(), 1);
    }
}

/// What the application itself says is looked at before anything is asked.
#[test]
fn a_userinfo_that_cannot_be_asked_is_refused_at_once() {
    for userinfo in ["http://idp.example/me", "/me"] {
        let provider = Provider::discover("company", "https://idp.example").userinfo(userinfo);
        let built = OAuth2Client::builder(provider, "cid-123").build();
        assert_eq!(kind(built), Configuration, "{userinfo}");
    }
}
