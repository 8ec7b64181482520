//! Settings of logins at OAuth2 providers.

use super::feature::{Build, Feature};
use super::location::Spot;
use super::registry::Parts;
use super::scalars::Given;
use crate::authenticator::Authenticator;
use crate::config::document::{Problem, Section};
use crate::core::debug_fields;
use crate::login::{
    OAuth2Login, OAuth2LoginBuilder, OAuth2User, Redirect, oauth2::builder::OAuth2LoginOptions,
};
use crate::oauth2::OAuth2Client;
use crate::store::Store;
use crate::token::{issuer::Issuer, verifier::Verifier};
use std::{collections::BTreeMap, sync::Arc};

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// Handlers of logins through the provider.
        login: Option<Section<OAuth2LoginOptions, OAuth2LoginSettings>>,
    }

    /// Handlers of logins through a provider.
    pub(in crate::config) struct OAuth2LoginSettings {
        /// Additional parameters of authorization requests, such as `prompt`.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
        /// Name of an issuer whose token a login creates, instead of a session.
        into_jwt: Option<String>,
        /// Name of a verifier for ID tokens with other keys or algorithms than the provider announces.
        id_token: Option<String>,
        /// Name of the store of pending logins. Default: the store of the sessions, or else memory.
        store: Option<String>,
    }
}

/// A factory of login builders, because only the program knows its users.
pub(in crate::config) struct OAuth2LoginParts {
    options: OAuth2LoginOptions,
    parameters: BTreeMap<String, String>,
    client: OAuth2Client,
    issuer: Option<Issuer>,
    verifier: Option<Verifier>,
    store: Option<Arc<dyn Store>>,
}

debug_fields!(OAuth2LoginParts, self, parameters = self.parameters.keys());

impl Feature for Keys {
    type Built = Option<OAuth2LoginParts>;
}

impl Build<(&OAuth2Client, &Parts)> for Keys {
    fn build(
        &self,
        (client, parts): (&OAuth2Client, &Parts),
        spot: &Spot<'_>,
    ) -> Result<Self::Built, Problem> {
        let Some(Section(options, settings)) = &self.login else {
            return Ok(None);
        };
        let spot = &spot.key("login");
        let Some(auth) = &parts.authenticator else {
            return Err(spot.wrong(
                "a login needs a session or a token: add 'sessions', or an issuer and 'into_jwt'",
            ));
        };
        let login = OAuth2LoginParts {
            options: options.clone(),
            parameters: settings.parameters.clone(),
            client: client.clone(),
            issuer: spot.if_named("into_jwt", "issuer", &settings.into_jwt, &parts.issuers)?,
            verifier: spot
                .if_named("id_token", "verifier", &settings.id_token, &parts.verifiers)?
                .map(|accepted| accepted.verifier),
            store: spot.if_named("store", "store", &settings.store, &parts.stores)?,
        };
        // Built with placeholders: the program may still set the user or its own handler.
        let tried = match login.issuer {
            Some(_) => login.begin(auth).user(|_| async { Ok(OAuth2User::new("user")) }),
            None => login.begin(auth).on_login(|_| async { Ok(Redirect::to("/")) }),
        };
        spot.built(tried.build())?;
        Ok(Some(login))
    }
}

impl OAuth2LoginParts {
    pub(in crate::config) fn begin(&self, auth: &Authenticator) -> OAuth2LoginBuilder {
        let mut login = OAuth2Login::builder(auth, self.client.clone());
        login.options = self.options.clone();
        for (name, value) in &self.parameters {
            login = login.parameter(name, value);
        }
        login
            .given(&self.issuer, OAuth2LoginBuilder::into_jwt)
            .given(&self.verifier, OAuth2LoginBuilder::id_token)
            .given(&self.store, OAuth2LoginBuilder::store)
    }
}
