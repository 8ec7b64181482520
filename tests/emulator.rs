//! The emulated JAM over real HTTP: jam-rest's table and its emulator section, line by line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jamguard::emulator::{App, AppSettings, Emulator, Endpoint, IdToken};
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::testing::{self, ManualClock};
use jamguard::{ErrorKind, Verifier};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
const OTHER: &str = "0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11";
const NOW: u64 = 1_700_000_000;
const ANN: &str = "ann@example.com";

struct World {
    emulator: Emulator,
    app: App,
    clock: ManualClock,
    http: Client,
}

impl World {
    async fn new() -> Self {
        Self::with(AppSettings::new(APP).allow_refresh(true)).await
    }

    async fn with(settings: AppSettings) -> Self {
        let clock = ManualClock::at(NOW);
        let emulator = Emulator::builder()
            .clock(clock.clone())
            .start()
            .await
            .unwrap();
        let app = emulator.add_app(settings).unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            emulator,
            app,
            clock,
            http,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.app.issuer())
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.http
            .post(self.url(path))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn delete(&self, path: &str, token: &str) -> Response {
        let request = self.http.delete(self.url(path)).bearer_auth(token);
        request.send().await.unwrap()
    }

    async fn get(&self, url: &str) -> Response {
        self.http.get(url).send().await.unwrap()
    }

    async fn mail_link(&self, email: &str) -> String {
        let answer = self.post("authenticate", &json!({"email": email})).await;
        assert_eq!(answer.status(), 200);
        self.emulator.mails()[0].link.clone()
    }

    /// Where a login ends: the redirect URL, and its query.
    async fn log_in(&self, email: &str) -> (Url, HashMap<String, String>) {
        let answer = self.get(&self.mail_link(email).await).await;
        assert_eq!(answer.status(), 303);
        let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query = url.query_pairs().into_owned().collect();
        (url, query)
    }

    /// A refresh token with everything that standard base64 has over the URL-safe one.
    fn awkward_refresh_token(&self, email: &str) -> String {
        (0..1_000)
            .map(|_| self.app.refresh_token(email).unwrap().expose().to_owned())
            .find(|token| "+/=".chars().all(|c| token.contains(c)))
            .expect("one of a thousand random texts has a plus and a slash")
    }

    async fn refresh(&self, refresh_token: &str) -> Response {
        self.post("refresh", &json!({"refreshToken": refresh_token}))
            .await
    }

    fn verifier(&self) -> Verifier {
        Verifier::builder()
            .jwks_json(&self.app.jwks_json())
            .unwrap()
            .algorithms([Algorithm::ES512])
            .issuer(self.app.issuer())
            .audience(APP)
            .leeway(Duration::ZERO)
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }
}

/// Checks status and form of a failure; gives its message.
async fn refused(answer: Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    let body: Value = answer.json().await.unwrap();
    body["message"].as_str().expect("a message").to_owned()
}

fn encoded(token: &str) -> String {
    percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_login_goes_all_the_way_round() {
    let world = World::new().await;
    let (url, query) = world.log_in(ANN).await;
    assert!(
        url.as_str()
            .starts_with("http://127.0.0.1:3000/jam-redirect?idToken=")
    );
    let (id_token, refresh_token) = (&query["idToken"], &query["refreshToken"]);
    let verified = world.verifier().verify(id_token).await.unwrap();
    assert!(verified.raw_claims().contains(ANN));

    let answer = world.refresh(refresh_token).await;
    assert_eq!(answer.status(), 200);
    let fresh = answer.json::<Value>().await.unwrap()["idToken"]
        .as_str()
        .unwrap()
        .to_owned();
    world.verifier().verify(&fresh).await.unwrap();

    let path = format!("user/refresh/{}", encoded(refresh_token));
    assert_eq!(world.delete(&path, &fresh).await.status(), 204);
    refused(world.refresh(refresh_token).await, 401).await;
    world.emulator.stop().await;
}
