//! Settings of logins at OAuth2 providers.

use super::location::Spot;
use super::scalars::Given;
use super::settings::{Parts, not_configured};
use crate::authenticator::Authenticator;
use crate::config::document::Problem;
use crate::config::jamguard::facade::{Jamguard, named};
use crate::core::error::Error;
use crate::login::{OAuth2Login, OAuth2LoginBuilder, OAuth2User, Redirect};
use crate::oauth2::OAuth2Client;
use crate::store::Store;
use crate::token::{issuer::Issuer, verifier::Verifier};
use std::collections::BTreeMap;
use std::sync::Arc;

settings! {
    /// Handlers of logins through a provider.
    pub(in crate::config) struct OAuth2LoginSettings {
        /// Path of this site to which browsers go after login and logout. Default: `/`.
        home: Option<String>,
        /// Additional parameters of authorization requests, such as `prompt`.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
        /// Name of an issuer whose token a login creates, instead of a session.
        into_jwt: Option<String>,
        /// Name of a verifier for ID tokens with other keys or algorithms than the provider announces.
        id_token: Option<String>,
        /// Name of the store of pending logins. Default: the store of the sessions, or else memory.
        store: Option<String>,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        #[serde(default)]
        danger_plain_http: bool,
    }
}

/// A factory of login builders, because only the program knows its users.
pub(in crate::config) struct OAuth2LoginParts {
    settings: OAuth2LoginSettings,
    client: OAuth2Client,
    issuer: Option<Issuer>,
    verifier: Option<Verifier>,
    store: Option<Arc<dyn Store>>,
}

impl OAuth2LoginSettings {
    pub(super) fn build(
        &self,
        client: &OAuth2Client,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<OAuth2LoginParts, Problem> {
        let Some(auth) = &parts.authenticator else {
            return Err(spot.wrong(
                "a login needs a session or a token: add 'sessions', or an issuer and 'into_jwt'",
            ));
        };
        /// Returns the entry that a key names, if the key is given.
        fn found<T: Clone>(
            spot: &Spot<'_>,
            (key, what): (&str, &str),
            name: &Option<String>,
            all: &BTreeMap<String, T>,
        ) -> Result<Option<T>, Problem> {
            name.as_ref().map(|name| spot.named(key, what, name, all).cloned()).transpose()
        }
        let login = OAuth2LoginParts {
            settings: self.clone(),
            client: client.clone(),
            issuer: found(spot, ("into_jwt", "issuer"), &self.into_jwt, &parts.issuers)?,
            verifier: found(spot, ("id_token", "verifier"), &self.id_token, &parts.verifiers)?,
            store: found(spot, ("store", "store"), &self.store, &parts.stores)?,
        };
        // Built with placeholders: the program may still set the user or its own handler.
        let tried = match login.issuer {
            Some(_) => login.begin(auth).user(|_| async { Ok(OAuth2User::new("user")) }),
            None => login.begin(auth).on_login(|_| async { Ok(Redirect::to("/")) }),
        };
        tried.build().map_err(|error| spot.refused(error))?;
        Ok(login)
    }
}

impl OAuth2LoginParts {
    fn begin(&self, auth: &Authenticator) -> OAuth2LoginBuilder {
        let mut login = OAuth2Login::builder(auth, self.client.clone());
        for (name, value) in &self.settings.parameters {
            login = login.parameter(name, value);
        }
        login
            .given(&self.settings.home, OAuth2LoginBuilder::home)
            .given(&self.issuer, OAuth2LoginBuilder::into_jwt)
            .given(&self.verifier, OAuth2LoginBuilder::id_token)
            .given(&self.store, OAuth2LoginBuilder::store)
            .when(self.settings.danger_plain_http, OAuth2LoginBuilder::danger_plain_http)
    }
}

impl Jamguard {
    /// Returns a builder of the login handlers for the OAuth2 provider with this name.
    ///
    /// Add to it how the provider's users map to yours.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn oauth2_login(&self, name: &str) -> Result<OAuth2LoginBuilder, Error> {
        let found = named(&self.parts().oauth2, "OAuth2 client", "oauth2", name)?;
        match &found.login {
            Some(login) => Ok(login.begin(self.authenticator()?)),
            None => Err(not_configured("OAuth2 login", &format!("oauth2.{name}.login"))),
        }
    }
}
