//! What an emulated app is told when it is added.

use std::time::Duration;

/// What an emulated app is like.
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
    /// An app that forbids refresh, whose ID tokens live an hour, and whose users are sent back
    /// to `http://127.0.0.1:3000/jam-redirect`.
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

    /// Where a magic link sends the browser, with the tokens added to its query.
    pub fn redirect_url(mut self, url: impl Into<String>) -> Self {
        self.redirect_url = url.into();
        self
    }

    /// Whether a login also gives a refresh token; no unless set.
    pub fn allow_refresh(mut self, allow: bool) -> Self {
        self.allow_refresh = allow;
        self
    }

    /// The time from `iat` to `exp`; an hour unless set.
    pub fn id_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.id_token_lifetime = lifetime;
        self
    }

    /// How long a refresh token can be used; 30 days unless set.
    pub fn refresh_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_token_lifetime = lifetime;
        self
    }

    /// `Cache-Control: max-age` of the key set; no such header unless set.
    pub fn jwks_max_age(mut self, max_age: Duration) -> Self {
        self.jwks_max_age = Some(max_age);
        self
    }
}
