//! Settings of JustAuthenticateMe apps.

use super::feature::{AddTo, Build, Feature};
use super::key_sets::{KeySetSection, key_set};
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Given, Texts};
use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::{Problem, Section};
use crate::core::{debug_fields, settings::Time};
use crate::jam::app::{JamApp, JamAppOptions};
use crate::jam::client::{JamClient, JamClientBuilder};
use crate::jwks::RemoteKeySet;
use std::collections::BTreeMap;

settings! {
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct Keys {
        /// JustAuthenticateMe apps, by a name of your choice.
        apps: BTreeMap<String, Section<JamAppOptions, AppSettings>>,
    }

    #[derive(Default)]
    pub(in crate::config) struct AuthenticatorKeys {
        /// Names of the apps whose ID tokens are accepted. Default: all.
        apps: Option<Texts>,
        /// Name of the app that renews ID tokens in cookies and sessions. Default: no renewal.
        silent_refresh: Option<String>,
        /// How long a JAM login's session continues while JAM is unreachable. Default: 1 hour.
        outage_grace: Option<Time>,
    }

    /// A JustAuthenticateMe app: its ID tokens, and the client that calls JAM.
    struct AppSettings {
        /// The app's public id.
        app_id: String,
        /// Names of deny lists.
        #[serde(default)]
        deny_lists: Texts,
        /// How the app's keys are fetched.
        key_set: Option<KeySetSection>,
        /// Deadline of one operation of the client, including the connection. Default: 10 s.
        timeout: Option<Time>,
        /// Deletes refresh tokens at the paths of older SDKs.
        #[serde(default)]
        legacy_paths: bool,
    }
}

/// An app and its client.
#[derive(Clone)]
pub(in crate::config) struct App {
    pub(in crate::config) app: JamApp,
    pub(in crate::config) client: JamClient,
}

debug_fields!(App, self, app = self.app);

impl Feature for Keys {
    type Built = BTreeMap<String, App>;
}

impl Build<&Lists> for Keys {
    fn build(&self, lists: &Lists, spot: &Spot<'_>) -> Result<Self::Built, Problem> {
        spot.each("apps", &self.apps, |app, _, spot| app.build(spot, lists))
    }
}

impl Section<JamAppOptions, AppSettings> {
    fn build(&self, spot: &Spot<'_>, lists: &Lists) -> Result<App, Problem> {
        let Self(options, settings) = self;
        let mut app = JamApp::new(&settings.app_id).clock(spot.clock());
        app.options = options.clone();
        let denied = spot.lists("deny_lists", &settings.deny_lists.0, lists)?;
        app = denied.into_iter().fold(app, JamApp::deny_list);
        if let Some(options) = &settings.key_set {
            let keys = RemoteKeySet::builder(spot.built(app.jwks_url())?);
            app = app.jwks(key_set(keys, options, &spot.key("key_set"))?);
        }
        // Reports settings that cannot verify now, even if no authenticator uses the app.
        spot.built(app.verifier())?;
        let client = JamClient::builder(&settings.app_id)
            .legacy_paths(settings.legacy_paths)
            .given(&options.base_url, JamClientBuilder::base_url)
            .given(&settings.timeout, |client, Time(timeout)| client.timeout(timeout));
        Ok(App { app, client: spot.built(client.build())? })
    }
}

impl AddTo<AuthenticatorBuilder, &BTreeMap<String, App>> for AuthenticatorKeys {
    fn add_to(
        &self,
        mut auth: AuthenticatorBuilder,
        apps: &BTreeMap<String, App>,
        spot: &Spot<'_>,
    ) -> Result<AuthenticatorBuilder, Problem> {
        for app in spot.chosen("apps", "app", &self.apps, apps)? {
            auth = auth.jam(app.app);
        }
        let renewing = spot.if_named("silent_refresh", "app", &self.silent_refresh, apps)?;
        Ok(auth
            .given(&renewing, |auth, app| auth.silent_refresh(app.client))
            .given(&self.outage_grace, |auth, Time(grace)| auth.outage_grace(grace)))
    }
}
