//! JustAuthenticateMe apps.

use super::lists::Lists;
use super::scalars::{Texts, Time};
use super::spot::Spot;
use super::verifiers::KeySetSettings;
use crate::config::document::Problem;
use crate::jam::{app::JamApp, client::JamClient};
use crate::jwks::RemoteKeySet;
use serde::Deserialize;

/// A JustAuthenticateMe app: whose ID tokens are accepted, and how JAM is reached.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AppSettings {
    /// The app's public id.
    app_id: String,
    /// Another place than the hosted service: self-hosted, or the emulator.
    base_url: Option<String>,
    /// How far JAM's clock may be off; 60 s unless set.
    leeway: Option<Time>,
    /// Memory for verified tokens, in bytes; 64 MiB unless set, 0 switches the cache off.
    cache_bytes: Option<u64>,
    /// The names of deny lists.
    #[serde(default)]
    deny_lists: Texts,
    /// How the app's keys are fetched.
    key_set: Option<KeySetSettings>,
    /// How long an operation of the client may take; 10 s unless set.
    timeout: Option<Time>,
    /// Deletes at the paths of older SDKs.
    #[serde(default)]
    legacy_paths: bool,
}

/// What a file says of an app.
pub(in crate::config) struct App {
    pub(in crate::config) app: JamApp,
    pub(in crate::config) client: JamClient,
}

impl AppSettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>, lists: &Lists) -> Result<App, Problem> {
        let mut app = JamApp::new(&self.app_id).clock(spot.world.clock.clone());
        let mut client = JamClient::builder(&self.app_id).legacy_paths(self.legacy_paths);
        if let Some(url) = &self.base_url {
            (app, client) = (app.base_url(url), client.base_url(url));
        }
        if let Some(Time(leeway)) = self.leeway {
            app = app.leeway(leeway);
        }
        if let Some(bytes) = self.cache_bytes {
            app = app.cache_bytes(bytes);
        }
        if let Some(Time(timeout)) = self.timeout {
            client = client.timeout(timeout);
        }
        for list in lists.named(&self.deny_lists.0, &spot.key("deny_lists"))? {
            app = app.deny_list(list);
        }
        if let Some(settings) = &self.key_set {
            let url = app.jwks_url().map_err(|error| spot.refused(error))?;
            let keys = settings.build(RemoteKeySet::builder(url), &spot.key("key_set"))?;
            app = app.jwks(keys);
        }
        // What it cannot verify with is told now, also where no authenticator uses it.
        app.verifier().map_err(|error| spot.refused(error))?;
        let client = client.build().map_err(|error| spot.refused(error))?;
        Ok(App { app, client })
    }
}
