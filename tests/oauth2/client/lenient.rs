//! Answers that real providers give beside the plain ones.

use crate::client::world::*;
use crate::support::issuer::{Answer, NOW, Server};
use jamguard::ErrorKind::{ClientRefused, Configuration, UnexpectedBody, UnexpectedStatus};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::{OAuth2Client, Provider};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Error, ErrorKind, Secret, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

/// Tokens with these members in the place of the usual ones.
fn with(members: Value) -> Answer {
    let mut body = tokens();
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    json_answer(&body)
}

#[tokio::test]
async fn empty_members_count_as_absent() {
    let world = World::new().await;
    for empty in [json!(""), json!(null)] {
        let members = json!({
            "error": empty, "error_description": empty, "refresh_token": empty,
            "id_token": empty, "expires_in": empty, "token_type": empty,
        });
        world.server.set("/token", with(members));
        let tokens = world.login().await.unwrap();
        assert_eq!(tokens.access_token().expose(), "access-1");
        assert!(tokens.refresh_token().is_none() && tokens.id_token().is_none());
        assert_eq!(tokens.expires_in(), None);
        assert_eq!(tokens.token_type(), "Bearer");
        // A refresh that brings no new refresh token leaves the old one.
        let refreshed = world.client.refresh("refresh-0").send().await.unwrap();
        assert_eq!(refreshed.refresh_token().unwrap().expose(), "refresh-0");
        world.clock.advance(Duration::from_secs(60));
        // An access token is what it is all about.
        world.server.set("/token", with(json!({"access_token": empty})));
        assert_eq!(kind(world.login().await), UnexpectedBody);
    }
    // An error is one in any case of the status, and none is none.
    world.server.set("/token", with(json!({"error": "invalid_scope"})));
    assert_eq!(kind(world.login().await), ClientRefused);
    let refused =
        Answer::Whole { status: 400, headers: Vec::new(), body: r#"{"error":""}"#.into() };
    world.server.set("/token", refused);
    assert_eq!(kind(world.login().await), UnexpectedStatus);
}

#[tokio::test]
async fn an_empty_error_in_a_callback_counts_as_absent() {
    let world = World::new().await;
    let pending = world.begun().await;
    let query = callback(&pending, "&error=&error_description=");
    world.client.callback(pending, &query).unwrap().send().await.unwrap();
    let pending = world.begun().await;
    let query = format!("state={}&error=", pending.state().expose());
    let refused = world.client.callback(pending, &query);
    assert_eq!(kind(refused), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn another_token_type_is_understood_where_the_provider_has_it() {
    let named = |name: &'static str| move |provider: Provider| provider.token_type(name);
    let world = World::with(named("JWT"), |client| client).await;
    for name in ["JWT", "jwt", "Bearer", "bearer"] {
        world.server.set("/token", with(json!({"token_type": name})));
        assert_eq!(world.login().await.unwrap().token_type(), name);
    }
    for name in ["mac", "DPoP", "JWT2"] {
        world.server.set("/token", with(json!({"token_type": name})));
        let error = world.login().await.unwrap_err();
        assert_eq!(error.kind(), UnexpectedBody);
        let shown = format!("token_type '{name}', expected JWT");
        assert!(error.message().contains(&shown), "{error}");
        assert!(error.message().contains("Provider::token_type("), "{error}");
    }
    let world = World::new().await;
    world.server.set("/token", with(json!({"token_type": "JWT"})));
    let error = world.login().await.unwrap_err();
    assert!(error.message().contains("'JWT', expected Bearer"), "{error}");
    // What was sent is not repeated, wherever it comes back.
    world.server.set("/token", with(json!({"token_type": CODE})));
    assert!(!shown(&world.login().await.unwrap_err()).contains(CODE));
    let provider = Provider::new("acme", "https://a.example/a", "https://a.example/t");
    let empty = OAuth2Client::builder(provider.token_type(" "), "cid").build();
    assert_eq!(kind(empty), Configuration);
}

/// A provider by discovery, whose keys and announcements a test sets.
struct Idp {
    server: Server,
    clock: ManualClock,
    secret: &'static str,
}

const SECRET: &str = "a secret of a client that is as long as the longest hash, which is 64";

impl Idp {
    async fn new(keys: &[&SigningKey], announced: Value) -> Self {
        let server = Server::start().await;
        let public: Vec<Value> = keys
            .iter()
            .filter_map(|key| key.verifying_key().unwrap().to_jwk().cloned())
            .map(|jwk| serde_json::from_str(&jwk.to_json()).unwrap())
            .collect();
        server.set("/keys", json_answer(&json!({"keys": public})));
        let idp = Self { server, clock: ManualClock::at(NOW), secret: SECRET };
        idp.says(json!({"id_token_signing_alg_values_supported": announced}));
        idp
    }

    fn says(&self, members: Value) {
        let mut document = json!({
            "issuer": self.server.url(""),
            "authorization_endpoint": self.server.url("/authorize"),
            "token_endpoint": self.server.url("/token"),
            "userinfo_endpoint": self.server.url("/me"),
            "jwks_uri": self.server.url("/keys"),
        });
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let place = "/.well-known/openid-configuration";
        self.server.set(place, json_answer(&document));
    }

    fn client(&self, change: impl FnOnce(Provider) -> Provider) -> OAuth2Client {
        let provider = change(Provider::discover("idp", self.server.url("")));
        let client = OAuth2Client::builder(provider, "web").clock(self.clock.clone());
        match self.secret {
            "" => client.build().unwrap(),
            secret => client.secret(secret).build().unwrap(),
        }
    }

    fn claims(&self) -> Value {
        let now = NOW;
        json!({"iss": self.server.url(""), "aud": "web", "sub": "1102", "iat": now, "exp": now + 600})
    }

    /// Whether a client accepts an ID token of this key.
    async fn accepts(&self, key: &SigningKey) -> Result<(), Error> {
        let verifier = self.client(|provider| provider).id_token_verifier().unwrap();
        let token = mint(key, &self.claims()).unwrap();
        verifier.build().unwrap().verify(&token).await.map(drop)
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_key_id(algorithm.name())
}

#[tokio::test]
async fn id_tokens_are_signed_as_the_provider_announces() {
    use Algorithm::{ES256, EdDSA, HS256, HS512, RS256};
    let (rsa, ed, ec) = (key(RS256), key(EdDSA), key(ES256));
    let shared = |algorithm| SigningKey::from_secret(algorithm, SECRET.as_bytes()).unwrap();
    let keys = [&rsa, &ed, &ec];
    for (announced, accepted) in [
        (json!(["EdDSA"]), &[EdDSA][..]),
        (json!(["none", "EdDSA", "ML-DSA-44"]), &[EdDSA]),
        (json!(["RS256", "ES256"]), &[RS256, ES256]),
        (json!(["HS512"]), &[HS512]),
        (json!(["RS256", "HS256"]), &[RS256, HS256]),
        // OpenID Connect Core 1.0 section 3.1.3.7, and nothing said.
        (json!(null), &[RS256]),
    ] {
        let idp = Idp::new(&keys, announced.clone()).await;
        for signing in [&rsa, &ed, &ec, &shared(HS256), &shared(HS512)] {
            let algorithm = signing.algorithm();
            let answer = idp.accepts(signing).await;
            match accepted.contains(&algorithm) {
                true => answer.unwrap(),
                false => assert_eq!(kind(answer), ErrorKind::UnknownKey, "{announced} {algorithm}"),
            }
        }
    }
    // What the application names counts instead, on the provider and on the verifier.
    let idp = Idp::new(&keys, json!(["RS256"])).await;
    let token = mint(&ec, &idp.claims()).unwrap();
    let named = idp.client(|provider| provider.id_token_algorithms([ES256]));
    let verifier = named.id_token_verifier().unwrap().build().unwrap();
    verifier.verify(&token).await.unwrap();
    let plain = idp.client(|provider| provider).id_token_verifier().unwrap();
    let verifier = plain.algorithms([ES256]).build().unwrap();
    verifier.verify(&token).await.unwrap();
    let other = mint(&rsa, &idp.claims()).unwrap();
    assert!(verifier.verify(&other).await.is_err());
    // One that is known nowhere names the way out.
    let idp = Idp::new(&keys, json!(["ML-DSA-44"])).await;
    let error = idp.accepts(&rsa).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("Provider::id_token_algorithms("), "{error}");
    let none = Provider::discover("idp", "https://idp.example").id_token_algorithms([]);
    assert_eq!(kind(OAuth2Client::builder(none, "web").build()), Configuration);
}

/// The secret is a key of its own, and a published key is never one.
#[tokio::test]
async fn a_clients_secret_verifies_only_what_was_announced_and_is_long_enough() {
    use Algorithm::{HS256, HS384, HS512, RS256};
    let rsa = key(RS256);
    let shared = |algorithm, secret: &str| SigningKey::from_secret(algorithm, secret.as_bytes());
    let public = rsa.verifying_key().unwrap();
    let jwk = public.to_jwk().unwrap().to_json();
    let all = json!(["RS256", "HS256", "HS384", "HS512"]);
    // The public key as a secret, in the forms in which an attacker has it.
    let mut idp = Idp::new(&[&rsa], all.clone()).await;
    let n = serde_json::from_str::<Value>(&jwk).unwrap()["n"].as_str().unwrap().to_owned();
    for text in [n.as_str(), "another secret of 64 bytes or more, which the client does not have"] {
        for algorithm in [HS256, HS384, HS512] {
            let forged = shared(algorithm, text).unwrap().with_key_id("RS256");
            assert_eq!(kind(idp.accepts(&forged).await), ErrorKind::BadSignature);
        }
    }
    // Without announcement, or without a secret, there is no such key.
    let genuine = shared(HS512, SECRET).unwrap();
    idp.accepts(&genuine).await.unwrap();
    idp.secret = "";
    assert_eq!(kind(idp.accepts(&genuine).await), ErrorKind::UnknownKey);
    idp.accepts(&rsa).await.unwrap();
    // Too short for HS512, and long enough for HS256.
    idp.secret = "a secret of forty bytes, which is shorter";
    let short = |algorithm| shared(algorithm, "a secret of forty bytes, which is shorter");
    idp.accepts(&short(HS256).unwrap()).await.unwrap();
    idp.says(json!({"id_token_signing_alg_values_supported": ["HS512"]}));
    let error = idp.accepts(&genuine).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("as long as the hash"), "{error}");
    // A provider that signs with secrets alone may have no keys, and no place for them.
    let mut idp = Idp::new(&[], all.clone()).await;
    idp.accepts(&genuine).await.unwrap();
    idp.says(json!({"id_token_signing_alg_values_supported": all, "jwks_uri": null}));
    idp.accepts(&genuine).await.unwrap();
    idp.secret = "";
    assert_eq!(kind(idp.accepts(&rsa).await), ErrorKind::Unavailable);
}

/// Faults 1 and 3: an answer that is no key set says nothing about the keys, also where the client's
/// secret is one of them.
#[tokio::test]
async fn a_key_set_that_cannot_be_read_leaves_the_keys_as_they_are() {
    let rsa = key(Algorithm::RS256);
    let unknown = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("unknown");
    let shared = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let idp = Idp::new(&[&rsa], json!(["RS256", "HS256"])).await;
    let verifier = || {
        let client = idp.client(|provider| provider);
        client.id_token_verifier().unwrap().build().unwrap()
    };
    let running = verifier();
    let token = |key: &SigningKey, number: usize| {
        let mut claims = idp.claims();
        // Never one that is remembered.
        claims["jti"] = number.to_string().into();
        claims["exp"] = (NOW + 100_000).into();
        mint(key, &claims).unwrap()
    };
    running.verify(&token(&rsa, 0)).await.unwrap();
    let broken = ["<html>maintenance</html>", "{}"];
    let without_keys = [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA"}]}"#];
    for (number, body) in (1..).zip(broken.iter().chain(&without_keys)) {
        idp.server.set("/keys", Answer::ok(*body));
        idp.clock.advance(Duration::from_secs(400));
        let before = idp.server.hits();
        let error = running.verify(&token(&unknown, number)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}: {error}");
        assert!(idp.server.hits() > before, "{body}: the key set is fetched");
        for key in [&rsa, &shared] {
            let answer = running.verify(&token(key, number)).await;
            answer.unwrap_or_else(|error| panic!("{body}: {error}"));
        }
    }
    // At the start nothing is known of the published keys.
    for body in broken {
        idp.server.set("/keys", Answer::ok(body));
        let error = verifier().verify(&token(&rsa, 0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}: {error}");
    }
}

#[tokio::test]
async fn null_members_of_a_discovery_document_count_as_absent() {
    let idp = Idp::new(&[&key(Algorithm::RS256)], json!(null)).await;
    idp.says(json!({
        "userinfo_endpoint": null, "authorization_response_iss_parameter_supported": null,
        "token_endpoint_auth_methods_supported": null, "code_challenge_methods_supported": null,
        "registration_endpoint": null, "userinfo_signing_alg_values_supported": null,
    }));
    let provider = Provider::discover("idp", idp.server.url(""));
    let client = OAuth2Client::builder(provider, "web").redirect_url(CALLBACK);
    let begun = client.build().unwrap().authorize().begin().await.unwrap();
    assert!(begun.url().starts_with(&idp.server.url("/authorize?")));
}

fn jwt(body: impl Into<String>) -> Answer {
    Answer::Whole {
        status: 200,
        headers: vec![("content-type", "application/jwt; charset=utf-8".into())],
        body: body.into().into_bytes(),
    }
}

#[tokio::test]
async fn signed_userinfo_is_verified() {
    #[derive(Debug, serde::Deserialize)]
    struct Profile {
        sub: String,
    }
    let (ours, theirs) = (key(Algorithm::ES256), key(Algorithm::ES256));
    let idp = Idp::new(&[&ours], json!(["RS256", "ES256"])).await;
    let client = idp.client(|provider| provider);
    let access = Secret::new("access-1");
    let ask = async |body: String| {
        idp.server.set("/me", jwt(body));
        client.userinfo::<Profile>(&access).await
    };
    let claims = |change: Value| {
        let mut claims = json!({"iss": idp.server.url(""), "aud": "web", "sub": "1102"});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    let sound = mint(&ours, &claims(json!({}))).unwrap();
    assert_eq!(ask(sound.clone()).await.unwrap().sub, "1102");
    assert_eq!(ask(format!("{sound}\n")).await.unwrap().sub, "1102");
    let several = mint(&ours, &claims(json!({"aud": ["web", "another"]}))).unwrap();
    assert_eq!(ask(several).await.unwrap().sub, "1102");
    for change in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"aud": "another"}),
        json!({"aud": null}),
        json!({"exp": NOW - 3600}),
    ] {
        let error = ask(mint(&ours, &claims(change.clone())).unwrap()).await;
        assert_eq!(kind(error), UnexpectedBody, "{change}");
    }
    let (head, _) = sound.rsplit_once('.').unwrap();
    for forged in [
        mint(&theirs, &claims(json!({}))).unwrap(),
        format!("{head}."),
        format!("eyJhbGciOiJub25lIn0.{}.", sound.split('.').nth(1).unwrap()),
        claims(json!({})).to_string(),
        String::new(),
    ] {
        assert_eq!(kind(ask(forged.clone()).await), UnexpectedBody, "{forged}");
    }
    let error = ask("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d".to_owned()).await.unwrap_err();
    assert!(error.message().contains("is encrypted"), "{error}");
    let other = mint(&ours, &claims(json!({"sub": 7}))).unwrap();
    assert!(ask(other).await.is_err());
    // Keys that cannot be had say nothing about the answer.
    let away = idp.client(|provider| provider);
    idp.server.set("/keys", Answer::status(500));
    idp.server.set("/me", jwt(sound.clone()));
    assert_eq!(kind(away.userinfo::<Profile>(&access).await), ErrorKind::Unavailable);
    // Without OpenID Connect nothing says whose keys count.
    let url = idp.server.url("/me");
    let plain = Provider::new("hub", idp.server.url("/a"), idp.server.url("/t")).userinfo(url);
    let plain = OAuth2Client::builder(plain, "web").build().unwrap();
    let error = plain.userinfo::<Profile>(&access).await.unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains(".oidc()"), "{error}");
    // Unsigned, it is read as before.
    idp.server.set("/me", Answer::ok(r#"{"sub":"1102"}"#));
    assert_eq!(client.userinfo::<Profile>(&access).await.unwrap().sub, "1102");
}

/// Userinfo may be signed with another algorithm than ID tokens.
#[tokio::test]
async fn signed_userinfo_has_algorithms_of_its_own() {
    let (ec, ed) = (key(Algorithm::ES256), key(Algorithm::EdDSA));
    let idp = Idp::new(&[&ec, &ed], json!(null)).await;
    idp.says(json!({
        "id_token_signing_alg_values_supported": ["ES256"],
        "userinfo_signing_alg_values_supported": ["EdDSA"],
    }));
    let client = idp.client(|provider| provider);
    for (signing, sound) in [(&ec, false), (&ed, true)] {
        idp.server.set("/me", jwt(mint(signing, &idp.claims()).unwrap()));
        let answer = client.userinfo::<Value>(&Secret::new("access-1")).await;
        assert_eq!(answer.is_ok(), sound);
        assert_eq!(idp.accepts(signing).await.is_ok(), !sound);
    }
}

#[tokio::test]
async fn googles_issuer_may_lack_its_scheme() {
    let signing = key(Algorithm::ES256);
    let verifier = |issuer: &str| {
        Verifier::builder()
            .key(signing.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .issuer(issuer)
            .audience("web")
            .clock(ManualClock::at(NOW))
            .build()
            .unwrap()
    };
    let token = |issuer: &str| {
        let exp = NOW + 600;
        mint(&signing, &json!({"iss": issuer, "aud": "web", "exp": exp})).unwrap()
    };
    let (google, bare) = ("https://accounts.google.com", "accounts.google.com");
    for issuer in [google, bare] {
        verifier(google).verify(&token(issuer)).await.unwrap();
    }
    for issuer in [
        "http://accounts.google.com",
        "https://accounts.google.com/",
        "accounts.google.com.evil.example",
        "Accounts.google.com",
    ] {
        let refused = verifier(google).verify(&token(issuer)).await;
        assert_eq!(kind(refused), ErrorKind::InvalidClaim, "{issuer}");
    }
    // Of no other issuer, and not the other way round.
    let refused = verifier("https://idp.example").verify(&token("idp.example")).await;
    assert_eq!(kind(refused), ErrorKind::InvalidClaim);
    assert!(verifier(bare).verify(&token(google)).await.is_err());
}
