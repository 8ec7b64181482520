//! Introspection of opaque tokens, configured by a file.

use crate::files::{SECRET, jam, refusal};
use crate::support::issuer::{Answer, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQ\
    Qg\\n-----END PRIVATE KEY-----";

fn section(keys: &str) -> String {
    format!(
        "[jam.verifiers.opaque]\nissuer = 'https://issuer.example'\naudience = 'api'\n\
         [jam.verifiers.opaque.introspection]\n{keys}"
    )
}

/// What the server gets of an introspection with these keys.
async fn request(keys: &str) -> String {
    let server = Server::start().await;
    let answer = json!({
        "active": true, "token_type": "urn:acme:access", "sub": "42", "aud": "api",
        "exp": 99_999_999_999_u64,
    });
    server.set("/introspect", Answer::ok(answer.to_string()));
    let url = server.url("/introspect");
    let keys = format!("url = '{url}'\nclient_id = 'api'\ntoken_types = 'urn:acme:access'\n{keys}");
    let jam = jam(&section(&keys)).unwrap();
    let verifier = jam.verifier("opaque").unwrap();
    for _ in 0..2 {
        let verified = verifier.verify("an-opaque-token").await.unwrap();
        assert_eq!(verified.subject(), Some("42"));
    }
    let requests = server.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    request.clone()
}

#[tokio::test]
async fn a_secret_is_sent_where_the_file_says() {
    let basic = STANDARD.encode(format!("api:{SECRET}"));
    let in_header = format!("authorization: Basic {basic}");
    for keys in ["secret = '${SECRET}'", "secret = '${SECRET}'\nsecret_in = 'header'"] {
        let sent = request(keys).await;
        assert!(sent.contains(&in_header), "{sent}");
    }
    let sent = request("secret = '${SECRET}'\nsecret_in = 'body'").await;
    assert!(sent.contains(&format!("client_secret={SECRET}")), "{sent}");
    assert!(!sent.contains("authorization"), "{sent}");
}

#[test]
fn keys_that_are_missing_or_exclude_each_other_are_refused() {
    let url = "url = 'https://issuer.example/introspect'\nclient_id = 'api'\n";
    let secret = "secret = '${SECRET}'";
    for (keys, text) in [
        ("client_id = 'api'".to_owned(), "introspection: there is no server: give 'url' or"),
        (format!("{url}discover = 'https://a.example'"), "'url' is given too"),
        (url.to_owned(), "introspection: there are no credentials: give 'secret'"),
        (format!("{url}secret_in = 'body'"), "secret_in: there is no 'secret' that it applies to"),
        (format!("{url}{secret}\nsecret_file = 'a'"), "'secret' is given too"),
        (format!("{url}{secret}\nprivate_key = \"{PEM}\""), "'secret' is given too"),
        (format!("{url}private_key = \"{PEM}\""), "the key 'algorithm' is missing"),
        (format!("{url}{secret}\nactive_ttl = '2h'"), "active_ttl is over an hour"),
        (format!("{url}{secret}\nsigned_answers = 'ES256'"), "use Introspection::discover(…)"),
        (format!("{url}{secret}\nactive_tl = '2s'"), "did you mean 'active_ttl'?"),
    ] {
        let refusal = refusal(&section(&keys));
        assert!(refusal.contains(text), "{refusal}");
        assert!(!refusal.contains(SECRET), "{refusal}");
    }
    let algorithms = "algorithms = ['ES256']\n[jam.verifiers.opaque.introspection]";
    let rules = section(&format!("{url}{secret}"))
        .replace("[jam.verifiers.opaque.introspection]", algorithms);
    assert!(refusal(&rules).contains("are rules for JWTs"));
}
