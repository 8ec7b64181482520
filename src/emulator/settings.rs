//! Settings of an emulated app.

use crate::core::settings::setters;
use std::time::Duration;

/// The settings of an emulated app.
///
/// # Example
/// ```
/// use jamguard::emulator::AppSettings;
/// use std::time::Duration;
///
/// let settings = AppSettings::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895")
///     .redirect_url("http://127.0.0.1:3000/jam-redirect")
///     .allow_refresh(true)
///     .id_token_lifetime(Duration::from_secs(60));
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct AppSettings {
    pub(super) app_id: String,
    pub(super) redirect_url: String,
    pub(super) allow_refresh: bool,
    pub(super) id_token_lifetime: Duration,
    pub(super) refresh_token_lifetime: Duration,
    pub(super) jwks_max_age: Option<Duration>,
}

impl AppSettings {
    /// Creates settings with the defaults.
    ///
    /// Refresh is forbidden, ID tokens live 1 hour, refresh tokens 30 days, and the redirect URL is
    /// `http://127.0.0.1:3000/jam-redirect`.
    pub fn new(app_id: impl Into<String>) -> Self {
        Self {
            app_id: app_id.into(),
            redirect_url: "http://127.0.0.1:3000/jam-redirect".into(),
            allow_refresh: false,
            id_token_lifetime: Duration::from_secs(60 * 60),
            refresh_token_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            jwks_max_age: None,
        }
    }

    setters! {
        /// Sets the URL that a magic link redirects to, with the tokens added to its query.
        pub fn redirect_url(url: impl Into<String>) { self.redirect_url = url.into() }

        /// Sets whether a login also returns a refresh token. Default: false.
        pub fn allow_refresh(allow: bool) { self.allow_refresh = allow }

        /// Sets the time from `iat` to `exp` of ID tokens. Default: 1 hour.
        pub fn id_token_lifetime(lifetime: Duration) { self.id_token_lifetime = lifetime }

        /// Sets the lifetime of refresh tokens. Default: 30 days.
        pub fn refresh_token_lifetime(lifetime: Duration) { self.refresh_token_lifetime = lifetime }

        /// Sets `Cache-Control: max-age` of the key set. Default: no such header.
        pub fn jwks_max_age(max_age: Duration) { self.jwks_max_age = Some(max_age) }
    }
}
