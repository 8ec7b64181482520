//! OAuth2 clients and logins, configured by a file.

use crate::files::{SECRET, jam};
use crate::support::issuer::{Answer, Server};
use jamguard::{Jamguard, OAuth2User};
use serde_json::json;
use std::collections::HashMap;

fn parameters(url: &str) -> HashMap<String, String> {
    let (_, query) = url.split_once('?').unwrap();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.collect()
}

/// The built-in providers GitHub, GitLab, Google and Yandex: `oauth2_get_authorized_url(provider,
/// scope, extra)`, always with `state` and PKCE S256.
#[tokio::test]
async fn oauth2_get_authorized_url() {
    for (name, authorize) in [
        ("github", "https://github.com/login/oauth/authorize"),
        ("gitlab", "https://gitlab.com/oauth/authorize"),
        ("google", "https://accounts.google.com/o/oauth2/v2/auth"),
        ("yandex", "https://oauth.yandex.ru/authorize"),
    ] {
        for section in [name.to_owned(), format!("own]\nprovider='{name}'\n#")] {
            let text = format!(
                "[jam.oauth2.{section}]\nclient_id = 'cid'\nsecret = '${{SECRET}}'\n\
                 redirect_url = 'https://app.example/cb'\nscopes = ['a', 'b']"
            );
            let jam = jam(&text).unwrap();
            let client = jam.oauth2("own").or(jam.oauth2(name)).unwrap();
            let begun = client.authorize().parameter("prompt", "login").begin().await.unwrap();
            let url = begun.url();
            assert!(url.starts_with(&format!("{authorize}?")), "{url}");
            let sent = parameters(url);
            assert_eq!(sent["client_id"], "cid");
            assert_eq!(sent["redirect_uri"], "https://app.example/cb");
            assert_eq!(sent["scope"], "a b");
            assert_eq!(sent["prompt"], "login");
            assert_eq!(sent["code_challenge_method"], "S256");
            assert!(sent["state"].len() >= 22 && sent["code_challenge"].len() == 43);
            assert!(!url.contains(SECRET));
        }
    }
}

async fn acme() -> (Server, Jamguard) {
    let server = Server::start().await;
    let answer = json!({
        "access_token": "access-1", "token_type": "bearer", "expires_in": 3600,
        "refresh_token": "refresh-1", "scope": "read",
    });
    server.set("/token", Answer::ok(answer.to_string()));
    let jam = jam(&format!(
        "
        [jam.oauth2.acme]
        authorize_url = '{}'
        token_url = '{}'
        client_id = 'cid'
        secret = '${{SECRET}}'
        redirect_url = 'https://app.example/cb'
        token_source = {{ scopes = ['orders.read'], parameters = {{ audience = 'orders' }} }}
        ",
        server.url("/authorize?tenant=1"),
        server.url("/token")
    ))
    .unwrap();
    (server, jam)
}

/// The form of the last request.
fn form(server: &Server) -> HashMap<String, String> {
    let request = server.requests().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("accept: application/json"), "{head}");
    parameters(&format!("?{body}"))
}

/// `oauth2_fetch_token`, `oauth2_refresh_token` and `oauth2_client_credentials_flow` at a provider
/// that is given by its two URLs. An authorization URL that already has a query is extended.
#[tokio::test]
async fn the_flows_of_another_provider() {
    let (server, jam) = acme().await;
    let client = jam.oauth2("acme").unwrap();
    let begun = client.authorize().begin().await.unwrap();
    let sent = parameters(begun.url());
    assert_eq!((&*sent["tenant"], &*sent["client_id"]), ("1", "cid"));
    let (_, pending) = begun.into_parts();
    let query = format!("code=abc&state={}", pending.state().expose());
    let tokens = client.callback(pending, &query).unwrap().send().await.unwrap();
    assert_eq!(tokens.access_token().expose(), "access-1");
    assert_eq!(tokens.refresh_token().unwrap().expose(), "refresh-1");
    let fetched = form(&server);
    assert_eq!(fetched["grant_type"], "authorization_code");
    assert_eq!(fetched["client_secret"], SECRET);
    assert!(fetched.contains_key("code_verifier"));

    client.refresh("refresh-0").send().await.unwrap();
    let refreshed = form(&server);
    assert_eq!(refreshed["grant_type"], "refresh_token");
    assert_eq!(refreshed["refresh_token"], "refresh-0");

    let own = client.client_credentials().scopes(["x"]).parameter("more", "y");
    own.send().await.unwrap();
    let credentials = form(&server);
    assert_eq!(credentials["grant_type"], "client_credentials");
    assert_eq!((&*credentials["scope"], &*credentials["more"]), ("x", "y"));

    let source = jam.token_source("acme").unwrap();
    assert_eq!(source.token().await.unwrap().expose(), "access-1");
    let sourced = form(&server);
    assert_eq!((&*sourced["scope"], &*sourced["audience"]), ("orders.read", "orders"));
    let before = server.requests().len();
    source.token().await.unwrap();
    assert_eq!(server.requests().len(), before, "kept until shortly before it expires");
}

/// A provider that is found by discovery.
#[tokio::test]
async fn a_provider_by_discovery() {
    let server = Server::start().await;
    let document = json!({
        "issuer": server.url(""), "authorization_endpoint": server.url("/begin"),
        "token_endpoint": server.url("/token"), "jwks_uri": server.url("/keys"),
        "response_types_supported": ["code"],
    });
    server.set("/.well-known/openid-configuration", Answer::ok(document.to_string()));
    let jam = jam(&format!(
        "[jam.oauth2.company]\ndiscover = '{}'\nclient_id = 'cid'\nredirect_url = 'https://app.example/cb'",
        server.url("")
    ))
    .unwrap();
    let begun = jam.oauth2("company").unwrap().authorize().begin().await.unwrap();
    assert!(begun.url().starts_with(&server.url("/begin?")), "{}", begun.url());
}

/// Logins end where the file says; who somebody is the program may say.
#[test]
fn logins_of_the_file_are_finished_by_the_program() {
    let jam = jam("
        [jam.sessions]
        store = 'memory'
        [jam.oauth2.github]
        client_id = 'cid'
        secret = '${SECRET}'
        redirect_url = 'https://app.example/cb'
        login = { home = '/welcome' }
    ")
    .unwrap();
    let login = || jam.oauth2_login("github").unwrap();
    // GitHub issues no ID tokens: without the program nothing says who logged in.
    let refused = crate::files::message(login().build());
    assert!(refused.contains(".user("), "{refused}");
    login().user(async |_| Ok(OAuth2User::new("github:1"))).build().unwrap();
}

/// The parameters of each login can be set in the file, as in the builder.
#[tokio::test]
async fn parameters_of_each_login() {
    let jam = jam("
        [jam.sessions]
        store = 'memory'
        [jam.oauth2.google]
        client_id = 'cid'
        redirect_url = 'https://app.example/cb'
        scopes = 'openid'
        login = { parameters = { access_type = 'offline', prompt = 'consent' } }
    ")
    .unwrap();
    let login = jam.oauth2_login("google").unwrap().build().unwrap();
    let app = axum::Router::new().route("/login", axum::routing::get_service(login.begin()));
    let (address, _task) = crate::support::serve_axum(app).await;
    let answer = crate::support::send(address, &crate::support::Request::get("/login")).await;
    let sent = parameters(answer.header("location").unwrap());
    assert_eq!((&*sent["access_type"], &*sent["prompt"]), ("offline", "consent"));
    assert_eq!(sent["code_challenge_method"], "S256");
}
