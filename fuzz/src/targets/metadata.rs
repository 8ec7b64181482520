//! Metadata of an authorization server (RFC 8414, OpenID Connect Discovery) and what it leads to.
//!
//! Oracle: keys are fetched from the `jwks_uri` of a document that names this exact issuer, and from
//! nowhere else; they verify a token if and only if they are its key.

use crate::Verdict;
use crate::common::{AUDIENCE, ISSUER, NOW, block_on, clock, sign};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::{Fetch, FetchedDocument, RemoteKeySet};
use jamguard::{Error, ErrorKind, Verifier};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use url::Url;

pub const WORDS: &[&str] = &[
    "\"issuer\":\"https://issuer.example\"",
    "\"issuer\":\"https://issuer.example/\"",
    "\"jwks_uri\":\"https://issuer.example/keys\"",
    "\"jwks_uri\":\"http://127.0.0.1/keys\"",
    "\"jwks_uri\":\"http://issuer.example/keys\"",
    "https://user@issuer.example/",
    "file:///etc/keys",
    "{\"keys\":[]}",
    "null",
    "\\u0069ssuer",
    "<html>",
];

struct World {
    keys: String,
    token: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_jwk(Algorithm::ES256, super::compact::P256).unwrap();
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": NOW + 600});
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap().to_json();
    World {
        keys: format!("{{\"keys\":[{jwk}]}}"),
        token: sign(&key, br#"{"alg":"ES256"}"#, claims.to_string().as_bytes()),
    }
});

/// Answers with the input at the well-known places, and with the keys anywhere else.
struct Server {
    document: Vec<u8>,
    asked: Mutex<Vec<String>>,
}

impl Fetch for Server {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        self.asked.lock().unwrap().push(url.to_owned());
        let body = match url {
            "https://issuer.example/.well-known/openid-configuration" => self.document.clone(),
            "https://issuer.example/.well-known/oauth-authorization-server" => {
                let error = Error::new(ErrorKind::NotFound, "no document");
                return Box::pin(async { Err(error) });
            }
            _ => WORLD.keys.clone().into_bytes(),
        };
        Box::pin(async { Ok(FetchedDocument::new(body)) })
    }
}

pub fn run(data: &[u8]) -> Verdict {
    let server = Arc::new(Server { document: data.to_vec(), asked: Mutex::default() });
    let answer = block_on(async {
        let keys = RemoteKeySet::discover(ISSUER).fetcher(server.clone()).clock(clock()).build();
        let keys = keys.unwrap();
        let verifier = Verifier::builder()
            .jwks(keys)
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .cache_bytes(0)
            .clock(clock())
            .build()
            .unwrap();
        verifier.verify(&WORLD.token).await
    });
    let document: Option<Value> = serde_json::from_slice(data).ok();
    let member = |name: &str| document.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let place = member("jwks_uri").filter(|_| member("issuer").as_deref() == Some(ISSUER));
    let asked = server.asked.lock().unwrap().clone();
    let elsewhere: Vec<_> = asked.iter().filter(|url| !url.contains("/.well-known/")).collect();
    for url in &elsewhere {
        assert_eq!(Some(*url), place.as_ref(), "{}", String::from_utf8_lossy(data));
        let url = Url::parse(url).unwrap_or_else(|_| panic!("fetches from {url}"));
        let local =
            ["127.0.0.1", "localhost", "[::1]"].contains(&url.host_str().unwrap_or_default());
        let loopback = local
            || url
                .host_str()
                .is_some_and(|host| host.ends_with(".localhost") || host.starts_with("127."));
        assert!(url.scheme() == "https" || (url.scheme() == "http" && loopback), "{url}");
        assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    }
    let well_known = place.as_ref().is_some_and(|place| place.contains("/.well-known/"));
    match &answer {
        Ok(_) => assert!(place.is_some() && (!elsewhere.is_empty() || well_known)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(elsewhere.is_empty(), "the keys of {elsewhere:?} verify: {error}");
        }
    }
    Verdict::of(&answer)
}
