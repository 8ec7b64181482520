//! The base URL and the id of an app.

use super::{APP, client, kind};
use jamguard::{ErrorKind, JamApp, JamClient};

#[test]
fn app_id_is_appended_once_and_trailing_slash_is_removed() {
    let key_set = |app: JamApp| app.jwks_url().unwrap();
    let default = format!("https://api.justauthenticate.me/{APP}/.well-known/jwks.json");
    assert_eq!(key_set(JamApp::new(APP)), default);
    for (base_url, expected) in [
        ("https://api.justauthenticate.me", "https://api.justauthenticate.me/"),
        ("https://api.justauthenticate.me/", "https://api.justauthenticate.me/"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000/"),
        ("https://jam.example/auth/v1/", "https://jam.example/auth/v1/"),
    ] {
        let issuer = format!("{expected}{APP}");
        for base_url in [base_url, &issuer, &format!("{issuer}/")] {
            let url = key_set(JamApp::new(APP).base_url(base_url));
            assert_eq!(url, format!("{issuer}/.well-known/jwks.json"), "{base_url}");
            assert!(format!("{:?}", client(base_url)).contains(&format!("{issuer:?}")));
        }
    }
}

#[test]
fn invalid_base_urls_and_app_ids_are_rejected() {
    for app_id in ["", "a/b", "..", "a b", "a?b", "a%2Fb", "ä"] {
        assert_eq!(kind(JamClient::new(app_id)), ErrorKind::Configuration, "{app_id}");
        assert_eq!(kind(JamApp::new(app_id).jwks_url()), ErrorKind::Configuration, "{app_id}");
    }
    for base_url in [
        "",
        "jam.example",
        "http://jam.example",
        "ftp://jam.example",
        "https://user@jam.example",
        "https://jam.example/?a=b",
        "https://jam.example/#a",
    ] {
        let url = JamApp::new(APP).base_url(base_url).jwks_url();
        assert_eq!(kind(url), ErrorKind::Configuration, "{base_url}");
    }
}
