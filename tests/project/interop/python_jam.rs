//! python-jam, the client of JustAuthenticateMe from PyPI, against the emulator. Its base URL is an
//! attribute, which the tests point at loopback; nothing else of it is touched.

use crate::interop::python::Python;
use crate::support::run::Tool;
use jamguard::JamApp;
use jamguard::emulator::{App, AppSettings, Emulator, IdToken};
use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
const NO_REFRESH: &str = "0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11";
const ANN: &str = "ann@example.com";

/// The client as `jam`, one of an app without refresh as `other`, one of no app as `nobody`.
fn client(base_url: &str) -> Python {
    let mut python = Python::with(
        "python-jam",
        "from python_jam import JustAuthenticateMe\n\
         def at(base, app):\n    \
             jam = JustAuthenticateMe(app)\n    \
             jam.base_url = f'{base}/{app}/'\n    \
             return jam",
    );
    let values = json!({"base": base_url, "APP": APP, "OTHER": NO_REFRESH});
    let clients = "jam, other, nobody = at(base, APP), at(base, OTHER), at(base, 'x' * 36)";
    python.gives(clients, values);
    python
}

/// `examples/jam_emulator.rs`, as people run it.
struct Example(Child, String);

impl Example {
    fn start() -> Self {
        let mut command = Tool::build("jam_emulator").command();
        command.env("JAM_PORT", "0").env("JAM_APP_ID", APP);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base_url = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.strip_prefix("Base URL:")?.trim().to_owned())
        });
        // It goes on printing mails, and would fail if nobody took them.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child, base_url.expect("it prints its base URL"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Clicks the link of the newest mail, as a browser would, and gives what the redirect carries.
async fn click(base_url: &str) -> HashMap<String, String> {
    let browser = Client::builder().redirect(redirect::Policy::none());
    let browser = browser.build().unwrap();
    let inbox = browser.get(format!("{base_url}/inbox"));
    let inbox = inbox.header("accept", "application/json").send().await;
    let mails: Value = inbox.unwrap().json().await.unwrap();
    assert_eq!(mails[0]["email"], ANN);
    let answer = browser.get(mails[0]["link"].as_str().unwrap()).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().unwrap();
    let location = Url::parse(location).unwrap();
    location.query_pairs().into_owned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_jam_logs_in_and_out_through_the_example() {
    let example = Example::start();
    let base_url = &*example.1;
    let mut python = client(base_url);
    let ours = JamApp::new(APP).base_url(base_url).verifier().unwrap();

    let nothing = python.gives("jam.authenticate(email)", json!({"email": ANN}));
    assert_eq!(nothing, Value::Null);
    let query = click(base_url).await;
    let tokens = json!({"id": query["idToken"], "refresh": query["refreshToken"]});

    // jwks: it takes the set's first key, and finds a P-521 key that is the published one.
    let key = python.gives("(await jam.jwk()).export_public(as_dict=True)", tokens);
    let set = reqwest::get(format!("{base_url}/{APP}/.well-known/jwks.json")).await;
    let set: Value = set.unwrap().json().await.unwrap();
    assert_eq!(key["crv"], "P-521");
    for field in ["kty", "x", "y", "kid"] {
        assert_eq!(key[field], set["keys"][0][field], "{field}");
    }

    // verify, there and by the service: both give header and claims.
    let local = python.gives("jam.verify_token(id)", json!({}));
    assert_eq!(local[0]["alg"], "ES512");
    assert_eq!(local[0]["kid"], key["kid"]);
    assert_eq!(local[1]["email"], ANN);
    assert_eq!(local[1]["aud"], APP);
    assert_eq!(local[1]["iss"], format!("{base_url}/{APP}"));
    assert_eq!(python.gives("jam.verify_remote(id)", json!({})), local);
    let verified = ours.verify(&query["idToken"]).await.unwrap();
    assert_eq!(verified.claims::<Value>().unwrap(), &local[1]);

    // refresh: the new token is as good, here and there.
    let fresh = python.text("jam.refresh(refresh)", json!({}));
    let claims = python.gives("(await jam.verify_token(id))[1]", json!({"id": fresh}));
    let verified = ours.verify(&fresh).await.unwrap();
    assert_eq!(verified.claims::<Value>().unwrap(), &claims);

    // Both deletes. After each, the tokens that it names are no more, and no others.
    python.gives("jam.authenticate(email)", json!({}));
    let second = json!({"second": click(base_url).await["refreshToken"]});
    python.gives("jam.delete_refresh_token(id, refresh)", second);
    python.raises("jam.refresh(refresh)", json!({}), "JAMUnauthorized");
    python.gives("jam.refresh(second)", json!({}));
    python.gives("jam.delete_all_refresh_tokens(id)", json!({}));
    python.raises("jam.refresh(second)", json!({}), "JAMUnauthorized");
}

/// An emulator with an app that allows refresh and one that does not.
async fn world() -> (Emulator, App, App, Python) {
    let emulator = Emulator::builder().start().await.unwrap();
    let app = AppSettings::new(APP).allow_refresh(true);
    let app = emulator.add_app(app).unwrap();
    let other = emulator.add_app(AppSettings::new(NO_REFRESH)).unwrap();
    let python = client(emulator.base_url());
    (emulator, app, other, python)
}

/// Every failure that python-jam tells apart, with the message that it hands on.
#[tokio::test(flavor = "multi_thread")]
async fn python_jam_sees_each_failure_as_its_own_kind() {
    let (_emulator, app, other, mut python) = world().await;
    let mut raises = |code: &str, values: Value, class: &str, says: &str| {
        assert_eq!(python.raises(code, values, class), says, "{code}");
    };
    let none = || json!({});
    let (bad, unknown) = ("JAMBadRequest", "JAMNotFound");
    let (no_app, no_token) = ("No such app.", "No such refresh token.");

    let no_address = "That is not an e-mail address.";
    raises("jam.authenticate('ann')", none(), bad, no_address);
    raises("nobody.authenticate('a@b.example')", none(), unknown, no_app);
    raises("nobody.jwk()", none(), unknown, no_app);

    let expired = app.issue(IdToken::new(ANN).lifetime(Duration::ZERO));
    let forged = other.id_token(ANN).unwrap();
    let tokens = json!({
        "id": app.id_token(ANN).unwrap(), "expired": expired.unwrap(), "forged": forged,
        "refresh": app.refresh_token(ANN).unwrap().expose(),
    });
    let verify = "JAMNotVerified";
    raises("jam.verify_token(expired)", tokens, verify, "expired");
    raises("jam.verify_token(forged)", none(), verify, "");
    raises("jam.verify_remote(expired)", none(), verify, "");
    raises("jam.verify_remote(forged)", none(), verify, "");
    raises("nobody.verify_remote(id)", none(), unknown, no_app);

    let refused = "JAMUnauthorized";
    let invalid = "Refresh token was invalid or expired";
    let forbidden = "The app does not allow refresh.";
    raises("jam.refresh('nothing')", none(), refused, invalid);
    raises("other.refresh(refresh)", none(), bad, forbidden);
    raises("nobody.refresh(refresh)", none(), unknown, no_app);

    let invalid = "ID token is invalid";
    for delete in ["delete_refresh_token(forged, refresh)", "delete_all_refresh_tokens(forged)"] {
        raises(&format!("jam.{delete}"), none(), refused, invalid);
    }
    let delete = "jam.delete_refresh_token(id, 'nothing')";
    raises(delete, none(), unknown, no_token);
    let delete = "nobody.delete_refresh_token(id, refresh)";
    raises(delete, none(), unknown, no_app);
    python.gives("jam.refresh(refresh)", none()); // none of that deleted it
}

/// It writes a refresh token into a path by rules of its own (`quote_plus`), and what sends the
/// request writes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn python_jam_deletes_a_refresh_token_whatever_its_characters() {
    let (_emulator, app, _, mut python) = world().await;
    let id = app.id_token(ANN).unwrap();
    for characters in ["+", "/", "=", "+/="] {
        let token = (0..1_000)
            .map(|_| app.refresh_token(ANN).unwrap())
            .find(|token| characters.chars().all(|c| token.expose().contains(c)))
            .unwrap();
        let values = json!({"id": id, "refresh": token.expose()});
        python.gives("jam.refresh(refresh)", values);
        python.gives("jam.delete_refresh_token(id, refresh)", json!({}));
        python.raises("jam.refresh(refresh)", json!({}), "JAMUnauthorized");
    }
}

/// Where ours goes on, python-jam does not: it keeps the first key that it saw.
#[tokio::test(flavor = "multi_thread")]
async fn python_jam_keeps_its_key_for_ever_and_ours_follows() {
    let (emulator, app, _, mut python) = world().await;
    let ours = JamApp::new(APP).base_url(emulator.base_url());
    let ours = ours.verifier().unwrap();
    for round in 0..2 {
        let token = app.id_token(ANN).unwrap();
        ours.verify(&token).await.unwrap();
        let values = json!({"id": token});
        match round {
            0 => drop(python.gives("jam.verify_token(id)", values)),
            _ => drop(python.raises("jam.verify_token(id)", values, "JAMNotVerified")),
        }
        app.replace_key().unwrap();
    }
}
