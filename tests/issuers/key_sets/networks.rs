//! Issuers in private networks: plain http by host, an own authority, an address apart from the
//! issuer's name, and metadata of RFC 8414.

use crate::support::folder::Folder;
use crate::support::issuer::{Answer, ISSUER, NOW, Server, key, set_of, token, verifier, verify};
use crate::support::tls;
use jamguard::jose::SigningKey;
use jamguard::jwks::{FetchedDocument, RemoteKeySet, RemoteKeySetBuilder};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind};
use serde_json::json;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// On Linux another name for loopback, which the rule for URLs does not know as such.
fn by_another_name(url: &str) -> String {
    url.replace("127.0.0.1", "0.0.0.0")
}

async fn serving(key: &SigningKey) -> Server {
    let server = Server::start().await;
    server.set("/keys", Answer::ok(set_of(&[key])));
    server
}

async fn answer(keys: RemoteKeySetBuilder, key: &SigningKey) -> Result<(), ErrorKind> {
    let clock = ManualClock::at(NOW);
    let keys = keys.clock(clock.clone()).build().map_err(|error| error.kind())?;
    verify(&verifier(&keys, &clock), &token(key)).await
}

fn advice<T: std::fmt::Debug>(built: Result<T, Error>) -> String {
    let error = built.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn plain_http_is_for_named_hosts_only() {
    let key = key("k1");
    let server = serving(&key).await;
    let url = by_another_name(&server.url("/keys"));
    let keys = || RemoteKeySet::builder(&url);
    assert!(advice(keys().build()).contains("danger_plain_http_hosts"));
    for other in ["0.0.0.1", "keycloak"] {
        let keys = keys().danger_plain_http_hosts([other]);
        assert!(advice(keys.build()).contains("danger_plain_http_hosts"), "{other}");
    }
    assert_eq!(server.hits(), 0);
    assert_eq!(answer(keys().danger_plain_http_hosts(["0.0.0.0"]), &key).await, Ok(()));
    // A suffix of a permitted host is another host.
    for url in ["http://a.keycloak/keys", "http://keycloak.example/keys", "http://keycloa/keys"] {
        let keys = RemoteKeySet::builder(url).danger_plain_http_hosts(["keycloak"]);
        assert!(advice(keys.build()).contains("plain http"), "{url}");
    }
    let keys = RemoteKeySet::builder("http://keycloak:8080/keys");
    assert!(keys.danger_plain_http_hosts(["keycloak"]).build().is_ok());
}

#[test]
fn what_is_not_a_host_is_refused_by_name() {
    let nonsense =
        ["", "http://keycloak", "keycloak:8080", "keycloak/", "*", "*.svc", "Keycloak", "a b"];
    for name in nonsense {
        let keys = RemoteKeySet::builder("https://issuer.example/keys");
        let message = advice(keys.danger_plain_http_hosts([name]).build());
        assert!(message.contains(&format!("'{name}'")) && message.contains("name alone"), "{name}");
    }
}

#[tokio::test]
async fn a_key_set_on_a_host_that_is_not_named_is_not_fetched() {
    let key = key("k1");
    let server = serving(&key).await;
    let foreign = serving(&key).await;
    let address = by_another_name(&server.url(""));
    let keys = || {
        RemoteKeySet::discover(ISSUER).discover_at(&address).danger_plain_http_hosts(["0.0.0.0"])
    };
    let publish = |jwks_uri: &str| {
        let document = json!({"issuer": ISSUER, "jwks_uri": jwks_uri});
        server.set(OPENID, Answer::ok(document.to_string()));
    };
    publish("http://keycloak/keys");
    assert_eq!(answer(keys(), &key).await, Err(ErrorKind::Unavailable));
    assert_eq!(foreign.hits(), 0);
    publish(&by_another_name(&foreign.url("/keys")));
    assert_eq!(answer(keys(), &key).await, Ok(()));
    assert_eq!(foreign.hits(), 1);
}

#[tokio::test]
async fn the_address_differs_from_the_issuers_name() {
    let key = key("k1");
    let server = serving(&key).await;
    for (issuer, jwks_uri, asked) in [
        // Below the issuer: at the address. Elsewhere: as it stands there.
        (ISSUER.to_owned(), format!("{ISSUER}/keys"), "/realm/keys"),
        (ISSUER.to_owned(), server.url("/keys"), "/keys"),
    ] {
        let document = json!({"issuer": issuer, "jwks_uri": jwks_uri});
        server.set(&format!("/realm{OPENID}"), Answer::ok(document.to_string()));
        server.set("/realm/keys", Answer::ok(set_of(&[&key])));
        let keys = RemoteKeySet::discover(&*issuer).discover_at(server.url("/realm"));
        assert_eq!(answer(keys, &key).await, Ok(()), "{jwks_uri}");
        assert_eq!(server.seen().last().unwrap(), &format!("GET {asked} HTTP/1.1"));
    }
    // Another host that begins with the issuer's name is not below the issuer.
    let document = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}.attacker.invalid/keys")});
    server.set(&format!("/realm{OPENID}"), Answer::ok(document.to_string()));
    let before = server.hits();
    let keys = RemoteKeySet::discover(ISSUER).discover_at(server.url("/realm"));
    assert_eq!(answer(keys, &key).await, Err(ErrorKind::Unavailable));
    assert_eq!(server.hits(), before + 1);
    // The document must name the issuer, not the address.
    let document = json!({"issuer": server.url("/realm"), "jwks_uri": server.url("/keys")});
    server.set(&format!("/realm{OPENID}"), Answer::ok(document.to_string()));
    let keys = RemoteKeySet::discover(ISSUER).discover_at(server.url("/realm"));
    assert_eq!(answer(keys, &key).await, Err(ErrorKind::Unavailable));
}

#[test]
fn an_address_needs_discovery_and_a_url() {
    let keys = RemoteKeySet::builder("https://issuer.example/keys");
    assert!(
        advice(keys.discover_at("https://keycloak").build()).contains("RemoteKeySet::discover")
    );
    for url in ["keycloak", "http://keycloak", "https://keycloak/?a=b", "https://keycloak/#a"] {
        advice(RemoteKeySet::discover(ISSUER).discover_at(url).build());
    }
    assert!(
        advice(RemoteKeySet::discover("").discover_at("https://keycloak").build()).contains("iss")
    );
}

#[tokio::test]
async fn an_own_authority_is_trusted_from_a_file_and_from_a_text() {
    let key = key("k1");
    let server = serving(&key).await;
    let front = tls::in_front_of(server.url("")[7..].parse().unwrap()).await;
    let folder = Folder::new("authority");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, tls::authority()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/keys", front.port());
        let keys = || RemoteKeySet::builder(&url);
        assert_eq!(answer(keys(), &key).await, Err(ErrorKind::Unavailable));
        assert_eq!(answer(keys().ca_file(&file), &key).await, Ok(()));
        assert_eq!(answer(keys().ca_pem(tls::authority()), &key).await, Ok(()));
    }
    // The name is still checked.
    let url = format!("https://0.0.0.0:{}/keys", front.port());
    let keys = RemoteKeySet::builder(&url).ca_file(&file);
    assert_eq!(answer(keys, &key).await, Err(ErrorKind::Unavailable));
    assert_eq!(server.hits(), 4);
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_once() {
    let keys = || RemoteKeySet::builder("https://issuer.example/keys");
    let missing = advice(keys().ca_file("/nowhere/ca.pem").build());
    assert!(missing.contains(".ca_file(") && missing.contains("/nowhere/ca.pem"), "{missing}");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["no certificate", "-----BEGIN CERTIFICATE-----\n", broken] {
        let message = advice(keys().ca_pem(pem).build());
        assert!(message.contains("ca_file"), "{pem}: {message}");
    }
    let custom = keys().fetcher(Never).ca_pem(tls::authority());
    assert!(advice(custom.build()).contains(".fetcher("));
}

struct Never;

impl jamguard::jwks::Fetch for Never {
    fn fetch<'a>(
        &'a self,
        _: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async { Err(Error::new(ErrorKind::Connection, "never")) })
    }
}

/// An issuer with metadata of RFC 8414 alone, or beside OpenID Connect's.
struct Metadata {
    server: Server,
    key: SigningKey,
    path: &'static str,
}

impl Metadata {
    async fn new(path: &'static str) -> Self {
        let key = key("k1");
        Self { server: serving(&key).await, key, path }
    }

    fn issuer(&self) -> String {
        self.server.url(self.path)
    }

    fn set(&self, place: &str, issuer: &str) {
        let document = json!({"issuer": issuer, "jwks_uri": self.server.url("/keys")});
        self.server.set(place, Answer::ok(document.to_string()));
    }

    async fn load(&self) -> Result<(), String> {
        let keys = RemoteKeySet::discover(self.issuer()).build().unwrap();
        keys.load().await.map_err(|error| error.message().to_owned())
    }

    fn asked(&self) -> Vec<String> {
        let first = self.server.seen().into_iter();
        first.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn metadata_of_rfc_8414_serves_where_there_is_no_openid_document() {
    for path in ["", "/tenant", "/tenant/"] {
        let metadata = Metadata::new(path).await;
        let bare = path.trim_end_matches('/');
        metadata.set(&format!("{OAUTH}{bare}"), &metadata.issuer());
        assert_eq!(metadata.load().await, Ok(()), "{path}");
        let asked = [format!("{bare}{OPENID}"), format!("{OAUTH}{bare}"), "/keys".to_owned()];
        assert_eq!(metadata.asked(), asked);
    }
    // A page of HTML for every unknown path is no document either.
    let metadata = Metadata::new("").await;
    metadata.server.set(OPENID, Answer::ok("<!doctype html>"));
    metadata.set(OAUTH, &metadata.issuer());
    assert_eq!(metadata.load().await, Ok(()));
    assert_eq!(metadata.key.key_id(), Some("k1"));
}

#[tokio::test]
async fn the_openid_document_goes_first_and_is_enough() {
    let metadata = Metadata::new("").await;
    metadata.set(OPENID, &metadata.issuer());
    metadata.set(OAUTH, "https://other.example");
    assert_eq!(metadata.load().await, Ok(()));
    assert_eq!(metadata.asked(), [OPENID, "/keys"]);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused_at_both_places() {
    let metadata = Metadata::new("").await;
    metadata.set(OPENID, "https://other.example");
    metadata.set(OAUTH, &metadata.issuer());
    let message = metadata.load().await.unwrap_err();
    assert!(message.contains("names another issuer") && message.contains(OPENID), "{message}");
    assert_eq!(metadata.asked(), [OPENID]);

    let metadata = Metadata::new("").await;
    metadata.set(OAUTH, "https://other.example");
    let message = metadata.load().await.unwrap_err();
    assert!(message.contains("names another issuer") && message.contains(OAUTH), "{message}");
    assert_eq!(metadata.asked(), [OPENID, OAUTH]);
}

#[tokio::test]
async fn an_issuer_without_metadata_is_told_with_both_urls() {
    let metadata = Metadata::new("/tenant").await;
    let message = metadata.load().await.unwrap_err();
    let (openid, oauth) = (format!("/tenant{OPENID}"), format!("{OAUTH}/tenant"));
    assert!(message.contains(&openid) && message.contains(&oauth), "{message}");
}
