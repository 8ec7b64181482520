//! An emulator with one app, and a client that follows no redirect.

use jamguard::Verifier;
use jamguard::emulator::{App, AppSettings, Emulator};
use jamguard::jose::Algorithm;
use jamguard::testing::ManualClock;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

pub(crate) const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
pub(crate) const OTHER_APP: &str = "0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11";
pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const BEN: &str = "ben@example.com";

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) app: App,
    pub(crate) clock: ManualClock,
    pub(crate) http: Client,
}

pub(crate) fn http() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(AppSettings::new(APP).allow_refresh(true)).await
    }

    pub(crate) async fn with(settings: AppSettings) -> Self {
        let clock = ManualClock::at(NOW);
        let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
        let app = emulator.add_app(settings).unwrap();
        Self { emulator, app, clock, http: http() }
    }

    /// A request to a path of the app.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{path}", self.app.issuer());
        self.http.request(method, url)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        let request = self.request(Method::POST, path).json(body);
        request.send().await.unwrap()
    }

    pub(crate) async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.request(Method::POST, path).body(body);
        request.send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str, id_token: &str) -> Response {
        let request = self.request(Method::DELETE, path).bearer_auth(id_token);
        request.send().await.unwrap()
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Response {
        self.post("refresh", &json!({ "refreshToken": refresh_token })).await
    }

    pub(crate) async fn verify(&self, id_token: &str) -> Response {
        self.post("verify", &json!({ "idToken": id_token })).await
    }

    /// Asks for a mail; gives its link.
    pub(crate) async fn mailed(&self, email: &str) -> String {
        let answer = self.post("authenticate", &json!({ "email": email })).await;
        assert_eq!(answer.status(), 200);
        let mail = &self.emulator.mails()[0];
        assert_eq!(mail.email, email);
        mail.link.clone()
    }

    pub(crate) async fn open(&self, link: &str) -> Response {
        self.http.get(link).send().await.unwrap()
    }

    /// Where a login ends, and the query there.
    pub(crate) async fn log_in(&self, email: &str) -> (Url, HashMap<String, String>) {
        let answer = self.open(&self.mailed(email).await).await;
        assert_eq!(answer.status(), 303);
        let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query = url.query_pairs().into_owned().collect();
        (url, query)
    }

    pub(crate) fn id_token(&self) -> String {
        self.app.id_token(ANN).unwrap()
    }

    pub(crate) fn refresh_token(&self, email: &str) -> String {
        self.app.refresh_token(email).unwrap().expose().to_owned()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::builder()
            .jwks_json(&self.app.jwks_json())
            .unwrap()
            .algorithms([Algorithm::ES512])
            .issuer(self.app.issuer())
            .audience(APP)
            .token_type("JWT")
            .require_key_id()
            .require_text("token_use", "id")
            .leeway(Duration::ZERO)
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }
}

/// Checks a failure's status and form.
pub(crate) async fn assert_refused(answer: Response, status: u16) {
    let url = answer.url().path().to_owned();
    assert_eq!(answer.status(), status, "{url}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{url}: {body}");
}

pub(crate) async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

pub(crate) fn encoded(segment: &str) -> String {
    percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A part of a token, decoded.
pub(crate) fn part(token: &str, index: usize) -> Value {
    use base64::Engine;
    let text = token.split('.').nth(index).unwrap();
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
