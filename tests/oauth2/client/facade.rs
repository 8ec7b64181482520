//! The promises of the OAuth2 client, one test each; `row_…` are the calls of jam.Jam.

use crate::client::world::*;
use crate::support::issuer::NOW;
use jamguard::ErrorKind::{ClaimsMismatch, Configuration};
use jamguard::oauth2::{OAuth2Client, Pending, Provider, SecretIn, TokenResponse};
use jamguard::{ErrorKind, Secret};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

/// `oauth2_get_authorized_url(provider, scope, extra)`: always with `state` and PKCE S256.
#[tokio::test]
async fn row_oauth2_get_authorized_url() {
    let world = World::new().await;
    let begun = world
        .client
        .authorize()
        .scopes(["read:user", "repo"])
        .parameter("prompt", "consent & more")
        .begin()
        .await
        .unwrap();
    let query = query_of(begun.url());
    assert_eq!(value(&query, "scope"), Some("read:user repo"));
    assert_eq!(value(&query, "prompt"), Some("consent & more"));
    assert_eq!(value(&query, "state"), Some(begun.pending().state().expose()));
    assert_eq!(value(&query, "code_challenge").unwrap().len(), 43);
    assert_eq!(value(&query, "code_challenge_method"), Some("S256"));
    // Always, and each time others.
    let plain = world.client.authorize().begin().await.unwrap();
    let plain = query_of(plain.url());
    assert_eq!(value(&plain, "scope"), Some("read write"), "the client's own");
    for name in ["state", "code_challenge"] {
        assert_eq!(value(&plain, name).unwrap().len(), 43);
        assert_ne!(value(&plain, name), value(&query, name));
    }
    let twice = world.client.authorize().parameter("a", "1").parameter("a", "2");
    assert_eq!(kind(twice.begin().await), Configuration);
}

/// `oauth2_fetch_token(provider, code, grant_type, extra)`.
#[tokio::test]
async fn row_oauth2_fetch_token() {
    let world = World::new().await;
    world.login().await.unwrap();
    let form = world.form();
    assert_eq!(value(&form, "grant_type"), Some("authorization_code"));
    assert_eq!(value(&form, "code"), Some(CODE));
    assert_eq!(value(&form, "client_id"), Some("cid-123"));
    assert_eq!(value(&form, "client_secret"), Some(CLIENT_SECRET));
    assert_eq!(value(&form, "scope"), None);
    // With more parameters, and with a grant type of one's own.
    let pending = world.begun().await;
    let query = callback(&pending, "");
    let request = world.client.callback(pending, &query).unwrap();
    request.parameter("audience", "orders").send().await.unwrap();
    assert_eq!(value(&world.form(), "audience"), Some("orders"));
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let request = world.client.grant(device).parameter("device_code", CODE);
    request.parameter("code", "x").scopes(["a b"]).send().await.unwrap();
    let form = world.form();
    assert_eq!(value(&form, "grant_type"), Some(device));
    assert_eq!(value(&form, "device_code"), Some(CODE));
    assert_eq!(value(&form, "code"), Some("x"));
    assert_eq!(value(&form, "scope"), Some("a b"));
    for own in ["", "authorization_code", "refresh_token", "client_credentials"] {
        assert_eq!(kind(world.client.grant(own).send().await), Configuration, "{own}");
    }
}

/// `oauth2_refresh_token(provider, refresh_token, …)`.
#[tokio::test]
async fn row_oauth2_refresh_token() {
    let world = World::new().await;
    let mut body = tokens();
    body["refresh_token"] = "refresh-2".into();
    world.server.set("/token", json_answer(&body));
    let request = world.client.refresh("refresh-1").scopes(["read"]);
    let new = request.parameter("audience", "orders").send().await.unwrap();
    assert_eq!(new.refresh_token().unwrap().expose(), "refresh-2");
    let form = world.form();
    assert_eq!(value(&form, "grant_type"), Some("refresh_token"));
    assert_eq!(value(&form, "refresh_token"), Some("refresh-1"));
    assert_eq!(value(&form, "scope"), Some("read"));
    assert_eq!(value(&form, "audience"), Some("orders"));
    assert_eq!(value(&form, "redirect_uri"), None);
    // Without a new one the old one goes on (RFC 6749 section 6).
    body.as_object_mut().unwrap().remove("refresh_token");
    world.server.set("/token", json_answer(&body));
    let same = world.client.refresh("refresh-2").send().await.unwrap();
    assert_eq!(same.refresh_token().unwrap().expose(), "refresh-2");
}

/// `oauth2_client_credentials_flow(provider, scope, extra)`.
#[tokio::test]
async fn row_oauth2_client_credentials_flow() {
    let world = World::new().await;
    let request = world.client.client_credentials().scopes(["a", "b"]);
    request.parameter("resource", "https://orders.example").send().await.unwrap();
    let form = world.form();
    assert_eq!(value(&form, "grant_type"), Some("client_credentials"));
    assert_eq!(value(&form, "scope"), Some("a b"));
    assert_eq!(value(&form, "resource"), Some("https://orders.example"));
    world.client.client_credentials().send().await.unwrap();
    assert_eq!(value(&world.form(), "scope"), Some("read write"), "the client's own");
}

/// The built-in providers: GitHub, GitLab, Google and Yandex.
#[tokio::test]
async fn built_in_providers() {
    for (provider, authorize, issuer) in [
        (Provider::github(), "https://github.com/login/oauth/authorize", true),
        (Provider::gitlab(), "https://gitlab.com/oauth/authorize", true),
        (Provider::google(), "https://accounts.google.com/o/oauth2/v2/auth", true),
        (Provider::yandex(), "https://oauth.yandex.ru/authorize", false),
    ] {
        let name = provider.name().to_owned();
        let openid = matches!(&*name, "gitlab" | "google");
        let client = OAuth2Client::builder(provider, "id")
            .redirect_url(CALLBACK)
            .scopes(["openid"])
            .build()
            .unwrap();
        let begun = client.authorize().begin().await.unwrap();
        assert!(begun.url().starts_with(&format!("{authorize}?client_id=id&")), "{name}");
        assert_eq!(begun.pending().nonce().is_some(), openid, "{name}");
        assert_eq!(client.id_token_verifier().is_ok(), openid, "{name}");
        // Their issuers are known.
        let (_, pending) = begun.into_parts();
        let wrong = callback(&pending, "&iss=https%3A%2F%2Fevil.example");
        assert_eq!(kind(client.callback(pending.clone(), &wrong)), ErrorKind::InvalidCallback);
        if issuer {
            let iss = match &*name {
                "github" => "https://github.com/login/oauth",
                "gitlab" => "https://gitlab.com",
                _ => "https://accounts.google.com",
            };
            let right = callback(&pending, &format!("&iss={iss}"));
            assert!(client.callback(pending, &right).is_ok(), "{name}");
        }
    }
    // The token endpoints are in the sources once; what they are is pinned here.
    let debug = |provider: Provider| format!("{provider:?}");
    for (provider, token) in [
        (Provider::github(), "https://github.com/login/oauth/access_token"),
        (Provider::gitlab(), "https://gitlab.com/oauth/token"),
        (Provider::google(), "https://oauth2.googleapis.com/token"),
        (Provider::yandex(), "https://oauth.yandex.ru/token"),
    ] {
        assert!(debug(provider).contains(&format!("\"{token}\"")), "{token}");
    }
}

/// The redirect URI is sent exactly as given, character by character, in both requests.
#[tokio::test]
async fn exact_redirect_uri() {
    for url in [
        "https://app.example",
        "https://APP.example:443/cb/../x?b=2&a=1%2f",
        "http://127.0.0.1:3000/cb",
        "http://localhost:3000",
    ] {
        let world = World::with(|p| p, |client| client.redirect_url(url)).await;
        let begun = world.client.authorize().begin().await.unwrap();
        assert_eq!(value(&query_of(begun.url()), "redirect_uri"), Some(url));
        world.login().await.unwrap();
        assert_eq!(value(&world.form(), "redirect_uri"), Some(url));
    }
}

/// Requests say `Accept: application/json`, and what else the provider needs.
#[tokio::test]
async fn accept_application_json() {
    let world = World::new().await;
    world.login().await.unwrap();
    assert_eq!(world.header("accept").as_deref(), Some("application/json"));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(world.header("content-type").as_deref(), Some(form));
    assert_eq!(world.header("authorization"), None);
    // RFC 6749 section 2.3.1: encoded as in a form, then as a pair.
    let in_header =
        |client: jamguard::oauth2::OAuth2ClientBuilder| client.secret_in(SecretIn::Header);
    let world = World::with(|p| p, in_header).await;
    world.login().await.unwrap();
    let pair = "Y2lkLTEyMzpzM2NyM3QlMjYlM0QrdGhhdCtub2JvZHkrbWF5K3NlZQ==";
    assert_eq!(world.header("authorization"), Some(format!("Basic {pair}")));
    assert_eq!(value(&world.form(), "client_id"), None);
    assert_eq!(value(&world.form(), "client_secret"), None);
}

/// A token response is typed: access, refresh and ID token, expiry, scope, and the rest.
#[tokio::test]
async fn a_token_response_is_typed() {
    let world = World::new().await;
    let mut body = tokens();
    body["token_type"] = "BEARER".into();
    body["id_token"] = "a.b.c".into();
    body["team"] = json!({"id": 7, "name": "tea"});
    world.server.set("/token", json_answer(&body));
    let tokens_of = world.login().await.unwrap();
    let check = |tokens: &TokenResponse| {
        assert_eq!(tokens.access_token().expose(), "access-1");
        assert_eq!(tokens.token_type(), "BEARER");
        assert_eq!(tokens.refresh_token(), Some(&Secret::new("refresh-1")));
        assert_eq!(tokens.id_token(), Some(&Secret::new("a.b.c")));
        assert_eq!(tokens.expires_in(), Some(Duration::from_secs(3600)));
        let expires = UNIX_EPOCH + Duration::from_secs(NOW + 3600);
        assert_eq!(tokens.expires_at(), Some(expires));
        assert_eq!(tokens.scopes(), ["read", "write"]);
        assert!(tokens.has_scope("write") && !tokens.has_scope("writ"));
        #[derive(serde::Deserialize)]
        struct Rest {
            team: Team,
        }
        #[derive(serde::Deserialize)]
        struct Team {
            id: u64,
            name: String,
        }
        let rest: Rest = tokens.rest().unwrap();
        assert_eq!((rest.team.id, &*rest.team.name), (7, "tea"));
        assert_eq!(kind(tokens.rest::<Vec<u8>>()), ClaimsMismatch);
        assert!(tokens.rest::<Secretless>().unwrap().access_token.is_none());
    };
    #[derive(serde::Deserialize)]
    struct Secretless {
        access_token: Option<String>,
    }
    check(&tokens_of);
    check(&TokenResponse::from_json(tokens_of.expose_json().expose()).unwrap());
    assert_eq!(kind(TokenResponse::from_json("{}")), ErrorKind::Malformed);
    // What providers write in other ways.
    for (name, written, scopes, lifetime) in [
        ("scope", json!("a  b"), vec!["a", "b"], Some(3600)),
        ("scope", json!(["a", "b"]), vec!["a", "b"], Some(3600)),
        ("scope", json!(""), vec![], Some(3600)),
        ("scope", json!("a,b"), vec!["a,b"], Some(3600)),
        // RFC 6749 section 5.1: as it was asked for.
        ("scope", json!(null), vec!["read", "write"], Some(3600)),
        ("expires_in", json!("60"), vec!["read", "write"], Some(60)),
        ("expires_in", json!(60.9), vec!["read", "write"], Some(60)),
        ("expires_in", json!(0), vec!["read", "write"], Some(0)),
        ("expires_in", json!(u64::MAX), vec!["read", "write"], Some(366 * 24 * 3600)),
        ("expires_in", json!(null), vec!["read", "write"], None),
        ("token_type", json!(null), vec!["read", "write"], Some(3600)),
    ] {
        let mut body = tokens();
        body[name] = written.clone();
        world.server.set("/token", json_answer(&body));
        let tokens = world.login().await.unwrap();
        assert_eq!(tokens.scopes(), scopes, "{written}");
        assert_eq!(tokens.expires_in(), lifetime.map(Duration::from_secs), "{written}");
        assert_eq!(tokens.expires_at().is_some(), lifetime.is_some(), "{written}");
    }
}

/// An authorization URL that already has a query is extended, not broken.
#[tokio::test]
async fn an_authorization_url_that_already_has_a_query() {
    for (query, before) in [
        ("?tenant=a%20b&x=", vec![("tenant", "a b"), ("x", "")]),
        ("?", vec![]),
        ("?flag", vec![("flag", "")]),
        ("?a=1&a=2", vec![("a", "1"), ("a", "2")]),
    ] {
        let url = format!("https://idp.example/authorize{query}");
        let provider = Provider::new("acme", url, "https://idp.example/token");
        let client = OAuth2Client::builder(provider, "cid").redirect_url(CALLBACK);
        let client = client.build().unwrap();
        let begun = client.authorize().begin().await.unwrap();
        assert_eq!(begun.url().matches('?').count(), 1, "{}", begun.url());
        let pairs = query_of(begun.url());
        let found: Vec<_> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(found[..before.len()], before);
        assert_eq!(found[before.len()], ("client_id", "cid"));
        // What is there is not said twice (RFC 6749 section 3.1).
        if let Some((name, _)) = before.first() {
            let again = client.authorize().parameter(*name, "2").begin().await;
            assert_eq!(kind(again), Configuration);
        }
    }
}

/// What the server keeps of a pending login can be written to a store.
#[tokio::test]
async fn what_is_pending_can_be_kept() {
    let world = World::new().await;
    let pending = world.begun().await;
    let kept = pending.expose_json();
    assert_eq!(format!("{kept:?}"), "Secret(redacted)");
    let back = Pending::from_json(kept.expose()).unwrap();
    let query = callback(&pending, "");
    world.client.callback(back, &query).unwrap().send().await.unwrap();
    let sent = value(&world.form(), "code_verifier").unwrap().to_owned();
    assert!(kept.expose().contains(&sent));
    for other in ["", "{}", "[]", "null", "{\"state\":1}"] {
        assert_eq!(kind(Pending::from_json(other)), ErrorKind::Malformed, "{other}");
    }
}
