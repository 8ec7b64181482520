//! Settings of the cookies.

use super::scalars::Given;
use crate::authenticator::{LoginCookies, SessionCookie};

settings! {
    /// The cookies of a browser login.
    pub(super) struct LoginCookieSettings {
        /// Name of the ID token's cookie. Default: `__Host-jam_id`.
        id_name: Option<String>,
        /// Name of the refresh token's cookie. Default: `__Host-jam_refresh`.
        refresh_name: Option<String>,
        /// `Path` of the cookies. Default: `/`.
        path: Option<String>,
        /// `Domain` of the cookies. Default: this host alone.
        domain: Option<String>,
        /// Sets `Partitioned`: in a frame, the cookies belong to the page around it.
        #[serde(default)]
        partitioned: bool,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        #[serde(default)]
        danger_plain_http: bool,
    }

    /// The session cookie.
    pub(super) struct SessionCookieSettings {
        /// Name of the cookie. Default: `__Host-jam_session`.
        name: Option<String>,
        /// `SameSite` of the cookie. Default: `lax`.
        same_site: Option<SameSite>,
        /// `Path` of the cookie. Default: `/`.
        path: Option<String>,
        /// `Domain` of the cookie. Default: this host alone.
        domain: Option<String>,
        /// Sets `Partitioned`: in a frame, the cookie belongs to the page around it.
        #[serde(default)]
        partitioned: bool,
        /// Omits `Max-Age`: the browser deletes the cookie when it is closed.
        #[serde(default)]
        until_the_browser_closes: bool,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        #[serde(default)]
        danger_plain_http: bool,
    }

    enum SameSite {
        Lax,
        Strict,
        /// Requests from other sites carry the cookie too.
        DangerNone,
    }
}

impl LoginCookieSettings {
    pub(super) fn build(&self) -> LoginCookies {
        let defaults = LoginCookies::new();
        let id = self.id_name.as_deref().unwrap_or(defaults.id_name());
        let refresh = self.refresh_name.as_deref().unwrap_or(defaults.refresh_name());
        LoginCookies::new()
            .with_names(id, refresh)
            .given(&self.path, LoginCookies::path)
            .given(&self.domain, LoginCookies::domain)
            .when(self.partitioned, LoginCookies::partitioned)
            .when(self.danger_plain_http, LoginCookies::danger_plain_http)
    }
}

impl SessionCookieSettings {
    pub(super) fn build(&self) -> SessionCookie {
        let same_site = |cookie: SessionCookie, choice| match choice {
            SameSite::Lax => cookie,
            SameSite::Strict => cookie.same_site_strict(),
            SameSite::DangerNone => cookie.danger_same_site_none(),
        };
        SessionCookie::new()
            .given(&self.name, SessionCookie::with_name)
            .given(&self.same_site, same_site)
            .given(&self.path, SessionCookie::path)
            .given(&self.domain, SessionCookie::domain)
            .when(self.partitioned, SessionCookie::partitioned)
            .when(self.until_the_browser_closes, SessionCookie::until_the_browser_closes)
            .when(self.danger_plain_http, SessionCookie::danger_plain_http)
    }
}
