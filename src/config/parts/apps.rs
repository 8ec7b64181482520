//! Settings of JustAuthenticateMe apps.

use super::key_sets::key_set;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Given, Texts};
use super::settings::{Parts, not_configured};
use crate::config::document::Problem;
use crate::config::jamguard::facade::{Jamguard, named};
use crate::core::error::Error;
use crate::core::settings::Time;
use crate::jam::{
    app::JamApp,
    client::{JamClient, JamClientBuilder},
};
use crate::jwks::{RemoteKeySet, builder::KeySetOptions};
use std::fmt;

settings! {
    /// A JustAuthenticateMe app: its ID tokens, and the client that calls JAM.
    pub(in crate::config) struct AppSettings {
        /// The app's public id.
        app_id: String,
        /// Base URL of a self-hosted service or of the emulator. Default: the hosted service.
        base_url: Option<String>,
        /// Tolerated clock difference to JAM. Default: 60 s, at most 1 hour.
        leeway: Option<Time>,
        /// Cache of verified tokens, in bytes. Default: 64 MiB. At least 64 KiB; 0 disables the cache.
        cache_bytes: Option<u64>,
        /// Names of deny lists.
        #[serde(default)]
        deny_lists: Texts,
        /// How the app's keys are fetched.
        key_set: Option<KeySetOptions>,
        /// Deadline of one operation of the client, including the connection. Default: 10 s.
        timeout: Option<Time>,
        /// Deletes refresh tokens at the paths of older SDKs.
        #[serde(default)]
        legacy_paths: bool,
    }
}

/// An app and its client.
pub(in crate::config) struct App {
    pub(in crate::config) app: JamApp,
    pub(in crate::config) client: JamClient,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.app.fmt(f)
    }
}

impl AppSettings {
    pub(in crate::config) fn build(&self, spot: &Spot<'_>, lists: &Lists) -> Result<App, Problem> {
        let mut app = JamApp::new(&self.app_id)
            .clock(spot.world.clock.clone())
            .given(&self.base_url, JamApp::base_url)
            .given(&self.leeway, |app, Time(leeway)| app.leeway(leeway))
            .given(&self.cache_bytes, JamApp::cache_bytes);
        let client = JamClient::builder(&self.app_id)
            .legacy_paths(self.legacy_paths)
            .given(&self.base_url, JamClientBuilder::base_url)
            .given(&self.timeout, |client, Time(timeout)| client.timeout(timeout));
        for list in spot.lists("deny_lists", &self.deny_lists.0, lists)? {
            app = app.deny_list(list);
        }
        if let Some(settings) = &self.key_set {
            let url = app.jwks_url().map_err(|error| spot.refused(error))?;
            let keys = key_set(RemoteKeySet::builder(url), settings, &spot.key("key_set"))?;
            app = app.jwks(keys);
        }
        // Reports settings that cannot verify now, even if no authenticator uses the app.
        app.verifier().map_err(|error| spot.refused(error))?;
        let client = client.build().map_err(|error| spot.refused(error))?;
        Ok(App { app, client })
    }
}

impl Parts {
    /// Returns the only app; none or several are an error.
    pub(in crate::config) fn only_app(&self) -> Result<&App, Error> {
        let mut apps = self.apps.values();
        match (apps.next(), apps.next()) {
            (Some(app), None) => Ok(app),
            (None, _) => Err(not_configured("app", "apps.NAME")),
            _ => {
                let names: Vec<&str> = self.apps.keys().map(String::as_str).collect();
                Err(Error::configuration(format!(
                    "the configuration has several apps: name one of {}",
                    names.join(", ")
                )))
            }
        }
    }
}

impl Jamguard {
    /// Returns the JustAuthenticateMe app with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn app(&self, name: &str) -> Result<&JamApp, Error> {
        named(&self.parts().apps, "app", "apps", name).map(|app| &app.app)
    }

    /// Returns the client of the only app.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none, or
    /// several.
    pub fn client(&self) -> Result<&JamClient, Error> {
        self.parts().only_app().map(|app| &app.client)
    }

    /// Returns the client of the app with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn client_of(&self, app: &str) -> Result<&JamClient, Error> {
        named(&self.parts().apps, "app", "apps", app).map(|app| &app.client)
    }
}
