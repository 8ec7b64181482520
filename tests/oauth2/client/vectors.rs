//! The OAuth2 vectors of jamlib 2.5.6.post0, and RFC 7636 appendix B.

use crate::client::world::{form_of, json_answer, query_of, tokens, value};
use crate::support::issuer::Server;
use jamguard::oauth2::{OAuth2Client, OAuth2ClientBuilder, Pkce, Provider};
use jamguard::{ErrorKind, Secret};
use serde_json::Value;

fn file(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn jamlib(id: &str) -> Value {
    let file = file(include_str!("../../vectors/jamlib.json"));
    let vectors = file["vectors"].as_array().unwrap();
    vectors.iter().find(|vector| vector["id"] == id).unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn client(provider: Provider, input: &Value) -> OAuth2ClientBuilder {
    OAuth2Client::builder(provider, text(input, "client_id"))
        .secret(text(input, "client_secret"))
        .redirect_url(text(input, "redirect_url"))
}

#[test]
fn rfc_7636_appendix_b() {
    let vector = &file(include_str!("../../vectors/rfc.json"))["pkce"];
    let pkce = Pkce::from_verifier(text(vector, "verifier")).unwrap();
    assert_eq!(pkce.challenge(), text(vector, "challenge_S256"));
    assert_eq!(pkce.verifier().expose(), text(vector, "verifier"));
    // Section 4.1: 43 to 128 unreserved characters; section 7.1: 256 bits of randomness.
    for bad in ["", &"a".repeat(42), &"a".repeat(129), &format!("{}+", "a".repeat(43))] {
        let error = Pkce::from_verifier(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
    }
    assert!(Pkce::from_verifier(format!("-._~{}", "a".repeat(124))).is_ok());
    let new = Pkce::generate().unwrap();
    assert_eq!(new.verifier().expose().len(), 43);
    assert_ne!(new, Pkce::generate().unwrap());
    assert_eq!(format!("{new:?}"), "Pkce(redacted)");
}

/// Ours has all that jamlib's has, in its order, but for `state` and `code_challenge`: jamlib takes
/// what it is given, or sends none; ours are random, and a given one is refused.
#[tokio::test]
async fn oauth2_authorize_urls() {
    let vector = jamlib("oauth2-authorize-urls");
    let input = &vector["input"];
    let custom = &input["custom"];
    let acme = Provider::new(
        text(custom, "name").to_owned(),
        text(custom, "auth_url"),
        "https://idp.example/token",
    );
    let providers =
        [Provider::github(), Provider::gitlab(), Provider::google(), Provider::yandex(), acme];
    let outputs = vector["output"].as_object().unwrap();
    assert_eq!(outputs.len(), providers.len());
    for provider in providers {
        let expected = outputs[provider.name()].as_str().unwrap();
        let client = client(provider, input).build().unwrap();
        let begun = client.authorize().scopes(texts(&input["scope"])).begin().await.unwrap();
        let without = |url: &str| {
            let random = ["state", "code_challenge"];
            let mut pairs = query_of(url);
            pairs.retain(|(name, _)| !random.contains(&&**name));
            pairs
        };
        let (ours, theirs) = (without(begun.url()), without(expected));
        assert_eq!(ours[..theirs.len()], theirs);
        let more = [("code_challenge_method".to_owned(), "S256".to_owned())];
        assert_eq!(ours[theirs.len()..], more);
        let place = |url: &str| url.split('?').next().unwrap().to_owned();
        assert_eq!(place(begun.url()), place(expected));
        for (name, value) in input["extra_params"].as_object().unwrap() {
            let given = client.authorize().parameter(name, value.as_str().unwrap());
            let error = given.begin().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
        }
    }
}

#[tokio::test]
async fn oauth2_token_requests() {
    let vector = jamlib("oauth2-token-requests");
    let input = &vector["input"];
    let expected = vector["output"].as_array().unwrap();
    let server = Server::start().await;
    server.set("/token", json_answer(&tokens()));
    let provider = Provider::new("acme", server.url("/authorize"), server.url("/token"));
    let client = client(provider, input).build().unwrap();
    // A verifier of three characters is none (RFC 7636 section 4.1): ours has 43.
    let verifier = "v~v".repeat(15);
    let pkce = Pkce::from_verifier(&*verifier).unwrap();
    client.exchange_code("CODE/1", &pkce).send().await.unwrap();
    client.refresh("RT+1").send().await.unwrap();
    client.client_credentials().scopes(["a", "b c"]).send().await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), expected.len());
    for (request, expected) in requests.iter().zip(expected) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let first = format!("{} {} HTTP/1.1", text(expected, "method"), text(expected, "path"));
        assert_eq!(head.lines().next(), Some(&*first));
        let head = head.to_ascii_lowercase();
        for (name, value) in expected["headers"].as_object().unwrap() {
            let line = format!("{name}: {}", value.as_str().unwrap()).to_ascii_lowercase();
            assert!(head.lines().any(|found| found == line), "{line} in\n{head}");
        }
        let mut ours = form_of(body);
        let mut theirs = form_of(text(expected, "body"));
        let redirect = value(&ours, "redirect_uri").is_some();
        assert_eq!(redirect, value(&theirs, "redirect_uri").is_some());
        for pair in &mut theirs {
            if pair.0 == "code_verifier" {
                pair.1.clone_from(&verifier);
            }
        }
        // The order of a form's members says nothing.
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
    }
    assert_eq!(Secret::new(text(input, "client_secret")).expose(), "s3cr3t&=");
}
