//! Settings of JustAuthenticateMe apps.

use super::feature::{AddTo, Build, Feature};
use super::key_sets::{KeySetSection, key_set};
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Given, Texts};
use crate::authenticator::{AuthenticatorBuilder, silent_refresh::SilentRefreshOptions};
use crate::config::document::{Problem, Section};
use crate::core::debug_fields;
use crate::jam::app::{JamApp, JamAppOptions};
use crate::jam::client::{JamClient, JamClientBuilder, JamClientOptions};
use crate::jwks::RemoteKeySet;
use std::collections::BTreeMap;

settings! {
    #[derive(Default)]
    #[serde(default)]
    pub(in crate::config) struct Keys {
        /// JustAuthenticateMe apps, by a name of your choice.
        apps: BTreeMap<String, AppSection>,
    }

    #[derive(Default)]
    pub(in crate::config) struct AuthenticatorApps {
        /// Names of the apps whose ID tokens are accepted. Default: all.
        apps: Option<Texts>,
        /// Name of the app that renews ID tokens in cookies and sessions. Default: no renewal.
        silent_refresh: Option<String>,
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
    }
}

/// A section of an app.
type AppSection = Section<JamAppOptions, Section<JamClientOptions, AppSettings>>;

/// The authenticator's keys for apps.
pub(in crate::config) type AuthenticatorKeys = Section<SilentRefreshOptions, AuthenticatorApps>;

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

impl AppSection {
    fn build(&self, spot: &Spot<'_>, lists: &Lists) -> Result<App, Problem> {
        let Self(options, Section(client_options, settings)) = self;
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
        let mut client = JamClient::builder(&settings.app_id)
            .given(&options.base_url, JamClientBuilder::base_url);
        client.options = client_options.clone();
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
        let Self(options, settings) = self;
        auth.silent_refresh.options = options.clone();
        for app in spot.chosen("apps", "app", &settings.apps, apps)? {
            auth = auth.jam(app.app);
        }
        let renewing = spot.if_named("silent_refresh", "app", &settings.silent_refresh, apps)?;
        Ok(auth.given(&renewing, |auth, app| auth.silent_refresh(app.client)))
    }
}
