//! Builders that are given what cannot work say so, and what to do.

use crate::client::world::kind;
use jamguard::ErrorKind::Configuration;
use jamguard::oauth2::{OAuth2Client, OAuth2ClientBuilder, Provider, SecretIn};
use std::time::Duration;

fn with(change: impl FnOnce(OAuth2ClientBuilder) -> OAuth2ClientBuilder) -> OAuth2ClientBuilder {
    change(OAuth2Client::builder(Provider::github(), "id").redirect_url("https://app.example/cb"))
}

#[track_caller]
fn refused(builder: OAuth2ClientBuilder, hint: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains(hint), "{error}");
}

#[test]
fn a_client() {
    assert!(with(|client| client).build().is_ok());
    refused(OAuth2Client::builder(Provider::github(), ""), "client id");
    refused(with(|client| client.secret("")), "public client");
    refused(with(|client| client.secret_in(SecretIn::Body)), ".secret(…)");
    refused(with(|client| client.timeout(Duration::ZERO)), "timeout");
    refused(with(|client| client.timeout(Duration::from_secs(56))), "55 s");
    for (url, hint) in [
        ("http://app.example/cb", "plain http"),
        ("app.example", "not a URL"),
        ("https://user:pass@app.example/", "user name"),
        ("https://app.example/#cb", "fragment"),
        ("com.example:/cb", "https"),
        // The URL parser takes them, and the provider compares letter by letter.
        (" https://app.example/cb", "whitespace"),
        ("https://app.example/cb ", "whitespace"),
        ("https://app.example/cb\n", "whitespace"),
        ("https://app.ex\tample/cb", "whitespace"),
        ("https://app.example/c b", "whitespace"),
        ("https://app.example/cb\0", "whitespace"),
    ] {
        refused(with(|client| client.redirect_url(url)), hint);
    }
    for scope in ["a\"b", "a\\b", "ä", "a\nb"] {
        refused(with(|client| client.scopes([scope])), "scope");
    }
}

#[test]
fn a_provider() {
    let client = |provider: Provider| OAuth2Client::builder(provider, "id");
    let sound = "https://idp.example/a";
    for (authorize, token) in [
        ("http://idp.example/a", sound),
        (sound, "http://idp.example/a"),
        ("", sound),
        (sound, "/token"),
        ("https://idp.example/a#b", sound),
        (sound, "https://idp.example/a#b"),
    ] {
        assert_eq!(kind(client(Provider::new("acme", authorize, token)).build()), Configuration);
    }
    for name in ["", "a b", "a\nb", "a:b", "ä", &"a".repeat(65)] {
        let builder = client(Provider::new(name.to_owned(), sound, sound));
        refused(builder, "name");
    }
    let bare = || Provider::new("acme", sound, sound);
    refused(client(bare().oidc()), ".issuer(…)");
    refused(client(bare().always_sends_iss()), ".issuer(…)");
    refused(client(bare().userinfo("http://idp.example/me")), "plain http");
    for issuer in ["http://idp.example", "idp.example", "https://idp.example/?a", "https://a.b/#c"]
    {
        let built = client(Provider::discover("acme", issuer)).build();
        assert_eq!(kind(built), Configuration, "{issuer}");
    }
}

#[tokio::test]
async fn a_request() {
    let client = OAuth2Client::builder(Provider::github(), "id").build().unwrap();
    assert_eq!(kind(client.authorize().begin().await), Configuration);
    let pkce = jamguard::oauth2::Pkce::generate().unwrap();
    assert_eq!(kind(client.exchange_code("code", &pkce).send().await), Configuration);
    let client = with(|client| client).build().unwrap();
    let scopes = client.authorize().scopes(["a\"b"]).begin().await;
    assert_eq!(kind(scopes), Configuration);
    assert_eq!(kind(client.id_token_verifier()), Configuration);
}
