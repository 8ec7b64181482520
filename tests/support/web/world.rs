//! The JAM service behind the app, with a clock that only the test moves.

use jamguard::emulator::{App, AppSettings, Emulator, IdToken};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, AuthenticatorBuilder, JamApp, JamClient, LoginCookies};
use std::time::Duration;

pub(crate) const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const BOB: &str = "bob@example.com";

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) app: App,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
        let app = emulator.add_app(AppSettings::new(APP).allow_refresh(true)).unwrap();
        Self { emulator, app, clock }
    }

    /// What the app is for an authenticator. One clock for both sides, so no leeway.
    pub(crate) fn jam(&self) -> JamApp {
        JamApp::new(APP)
            .base_url(self.emulator.base_url())
            .clock(self.clock.clone())
            .leeway(Duration::ZERO)
    }

    pub(crate) fn client(&self) -> JamClient {
        JamClient::builder(APP).base_url(self.emulator.base_url()).build().unwrap()
    }

    /// The app's ID tokens as bearer or in the login cookies.
    pub(crate) fn auth(&self) -> AuthenticatorBuilder {
        Authenticator::builder().jam(self.jam()).cookies(LoginCookies::new()).realm("api")
    }

    /// Ann's token.
    pub(crate) fn token(&self) -> String {
        self.app.id_token(ANN).unwrap()
    }

    pub(crate) fn expired_token(&self) -> String {
        self.issue(IdToken::new(ANN).lifetime(Duration::ZERO))
    }

    /// Signed by a key that nobody published.
    pub(crate) fn unknown_key_token(&self) -> String {
        self.issue(IdToken::new(ANN).header("kid", "unknown"))
    }

    pub(crate) fn issue(&self, token: IdToken) -> String {
        self.app.issue(token).unwrap()
    }

    pub(crate) fn refresh_token(&self) -> String {
        self.app.refresh_token(ANN).unwrap().expose().to_owned()
    }
}

/// The token with another character in the middle of its signature.
pub(crate) fn damaged(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 10;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
