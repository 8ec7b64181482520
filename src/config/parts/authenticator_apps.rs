//! Settings of the authenticator about JustAuthenticateMe apps.

use super::apps::App;
use super::feature::AddTo;
use super::location::Spot;
use super::scalars::{Given, Texts};
use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::Problem;
use crate::core::settings::Time;
use std::collections::BTreeMap;

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// Names of the apps whose ID tokens are accepted. Default: all.
        apps: Option<Texts>,
        /// Name of the app that renews ID tokens in cookies and sessions. Default: no renewal.
        silent_refresh: Option<String>,
        /// How long a JAM login's session continues while JAM is unreachable. Default: 1 hour.
        outage_grace: Option<Time>,
    }
}

impl AddTo<AuthenticatorBuilder, &BTreeMap<String, App>> for Keys {
    fn add_to(
        &self,
        mut auth: AuthenticatorBuilder,
        apps: &BTreeMap<String, App>,
        spot: &Spot<'_>,
    ) -> Result<AuthenticatorBuilder, Problem> {
        for app in spot.chosen("apps", "app", &self.apps, apps)? {
            auth = auth.jam(app.app);
        }
        if let Some(app) = spot.if_named("silent_refresh", "app", &self.silent_refresh, apps)? {
            auth = auth.silent_refresh(app.client);
        }
        Ok(auth.given(&self.outage_grace, |auth, Time(grace)| auth.outage_grace(grace)))
    }
}
