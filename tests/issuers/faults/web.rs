//! An axum application behind the layer, its issuer an emulator over real HTTP.

use crate::support::issuer::NOW;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use jamguard::emulator::{App, AppSettings, Emulator};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Claims, Clock, JamApp, Verifier, jwks::RemoteKeySet};
use serde::Deserialize;
use tower::ServiceExt as _;

pub(crate) const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";

#[derive(Deserialize)]
struct User {
    email: String,
}

/// The application, and handles on what it looks at.
pub(crate) struct Site {
    pub(crate) keys: RemoteKeySet,
    pub(crate) verifier: Verifier,
    app: Router,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<u64>,
}

impl Site {
    /// Of the JAM app at this base URL; nothing is fetched yet.
    pub(crate) fn new(base_url: &str, clock: impl Clock + Clone) -> Self {
        let jam = JamApp::new(APP).base_url(base_url).clock(clock.clone());
        let keys = RemoteKeySet::builder(jam.jwks_url().unwrap()).clock(clock).build().unwrap();
        let verifier = jam.jwks(keys.clone()).verifier().unwrap();
        let auth = Authenticator::builder().verifier(verifier.clone()).build().unwrap();
        let app = Router::new()
            .route("/me", get(async |user: Claims<User>| user.email.clone()))
            .layer(auth.layer());
        Self { keys, verifier, app }
    }

    pub(crate) async fn get(&self, token: &str) -> Reply {
        let request = Request::get("/me")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let retry_after = answer.headers().get(header::RETRY_AFTER);
        Reply {
            status: answer.status(),
            retry_after: retry_after.map(|value| value.to_str().unwrap().parse().unwrap()),
        }
    }
}

/// An emulated issuer whose time stands still, and a site of it.
pub(crate) async fn world() -> (Emulator, App, ManualClock, Site) {
    let clock = ManualClock::at(NOW);
    let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
    let settings = AppSettings::new(APP).id_token_lifetime(std::time::Duration::from_secs(86_400));
    let app = emulator.add_app(settings).unwrap();
    let site = Site::new(emulator.base_url(), clock.clone());
    (emulator, app, clock, site)
}
