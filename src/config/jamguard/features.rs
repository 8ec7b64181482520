//! What a [`Jamguard`] returns with the features `client`, `otp` and `oauth2`.

use super::facade::{self, Jamguard};
use crate::core::Error;

#[cfg(feature = "client")]
impl Jamguard {
    /// Returns the JustAuthenticateMe app with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn app(&self, name: &str) -> Result<&crate::jam::app::JamApp, Error> {
        facade::named(&self.parts().apps, "app", "apps", name).map(|app| &app.app)
    }

    /// Returns the client of the only app.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none, or
    /// several.
    pub fn client(&self) -> Result<&crate::jam::client::JamClient, Error> {
        let mut apps = self.parts().apps.values();
        match (apps.next(), apps.next()) {
            (Some(app), None) => Ok(&app.client),
            (None, _) => Err(facade::not_configured("app", "apps.NAME")),
            _ => {
                let names: Vec<&str> = self.parts().apps.keys().map(String::as_str).collect();
                Err(Error::configuration(format!(
                    "the configuration has several apps: name one of {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// Returns the client of the app with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn client_of(&self, app: &str) -> Result<&crate::jam::client::JamClient, Error> {
        facade::named(&self.parts().apps, "app", "apps", app).map(|app| &app.client)
    }
}

#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
impl Jamguard {
    /// Returns a builder of the login handlers for browsers, to which you may add your own handler.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn login(&self) -> Result<crate::login::JamLoginBuilder, Error> {
        let login = facade::configured(&self.0.built.login, "login", "login")?;
        Ok(login.begin(self.authenticator()?))
    }
}

#[cfg(feature = "otp")]
impl Jamguard {
    /// Returns the settings that create and check one-time passwords.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn otp(&self) -> Result<&crate::otp::Otp, Error> {
        facade::configured(&self.0.built.otp.otp, "one-time passwords", "otp")
    }

    /// Returns the OTP guard, for applications that store the OTP secrets themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn otp_guard(&self) -> Result<&crate::otp::OtpGuard, Error> {
        facade::configured(&self.0.built.otp.guard, "guard of one-time passwords", "otp_guard")
    }

    /// Returns the recovery codes, for applications that store the OTP secrets themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn recovery_codes(&self) -> Result<&crate::otp::RecoveryCodes, Error> {
        facade::configured(&self.0.built.otp.recovery_codes, "recovery codes", "recovery_codes")
    }

    /// Returns the users' second factor.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn second_factor(&self) -> Result<&crate::otp::SecondFactor, Error> {
        facade::configured(&self.0.built.otp.second_factor, "second factor", "second_factor")
    }
}

#[cfg(feature = "oauth2")]
impl Jamguard {
    /// Returns the client of the OAuth2 provider with this name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn oauth2(&self, name: &str) -> Result<&crate::oauth2::OAuth2Client, Error> {
        let found = facade::named(&self.0.built.oauth2, "OAuth2 client", "oauth2", name);
        found.map(|oauth2| &oauth2.client)
    }

    /// Returns the source of tokens for calls to other services, by the OAuth2 client's name.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn token_source(&self, name: &str) -> Result<&crate::oauth2::TokenSource, Error> {
        let found = facade::named(&self.0.built.oauth2, "OAuth2 client", "oauth2", name)?;
        let section = format!("oauth2.{name}.token_source");
        facade::configured(&found.source, "token source", &section)
    }
}

#[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
impl Jamguard {
    /// Returns a builder of the login handlers for the OAuth2 provider with this name.
    ///
    /// Add to it how the provider's users map to yours.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn oauth2_login(&self, name: &str) -> Result<crate::login::OAuth2LoginBuilder, Error> {
        let found = facade::named(&self.0.built.oauth2, "OAuth2 client", "oauth2", name)?;
        let section = format!("oauth2.{name}.login");
        let login = facade::configured(&found.login, "OAuth2 login", &section)?;
        Ok(login.begin(self.authenticator()?))
    }
}
