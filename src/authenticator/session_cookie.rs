//! The session cookie.

use super::cookies::{Attributes, attribute_setters};
use crate::core::{
    Error, ensure,
    settings::{options, setters},
};

/// Name and attributes of the session cookie.
///
/// Default: `__Host-jam_session`, `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, no `Domain`.
/// `Max-Age` is the session's remaining lifetime. A sibling domain cannot overwrite a `__Host-`
/// cookie (RFC 6265bis section 4.1.3.2).
///
/// # Example
/// ```
/// use jamguard::SessionCookie;
///
/// let shared_computers = SessionCookie::new().until_the_browser_closes();
/// let development = SessionCookie::new().danger_plain_http();
/// assert_eq!(shared_computers.name(), "__Host-jam_session");
/// assert_eq!(development.name(), "jam_session");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionCookie {
    pub(crate) options: SessionCookieOptions,
    pub(crate) attributes: Attributes,
}

options! {
    /// The session cookie.
    #[derive(Debug, PartialEq, Eq)]
    SessionCookieOptions {
        /// Name of the cookie. Default: `__Host-jam_session`.
        name: String = "__Host-jam_session".to_owned(),
        /// `SameSite` of the cookie. Default: `lax`.
        same_site: SameSite = SameSite::Lax,
        /// Omits `Max-Age`: the browser deletes the cookie when it is closed.
        until_the_browser_closes: bool = false,
    }
}

/// Which requests from other sites carry the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum SameSite {
    Lax,
    Strict,
    /// Requests from other sites carry the cookie too.
    DangerNone,
}

impl SessionCookie {
    /// Returns the default cookie, `__Host-jam_session`.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Sets another name. Default: `__Host-jam_session`.
        ///
        /// Without the `__Host-` prefix a sibling domain can overwrite the cookie.
        ///
        /// Browsers store cookies by host, not by port (RFC 6265 section 8.5): two applications on
        /// one host, such as two servers on localhost, need different names. Otherwise each takes
        /// the other's cookie for an ended session's and removes it.
        ///
        /// ```
        /// use jamguard::SessionCookie;
        /// let cookie = SessionCookie::new().with_name("__Host-shop_session").danger_plain_http();
        /// assert_eq!(cookie.name(), "shop_session");
        /// ```
        #[must_use]
        pub fn with_name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets `SameSite=Strict`: a user who follows a link from another site arrives logged out.
        #[must_use]
        pub fn same_site_strict() { self.options.same_site = SameSite::Strict }

        /// Sets `SameSite=None`, for pages in frames of other sites.
        ///
        /// Requests that other sites' pages cause then carry the cookie too.
        #[must_use]
        pub fn danger_same_site_none() { self.options.same_site = SameSite::DangerNone }
    }

    attribute_setters!();

    setters! {
        /// Omits `Max-Age`: the browser deletes the cookie when it is closed.
        #[must_use]
        pub fn until_the_browser_closes() { self.options.until_the_browser_closes = true }
    }

    /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
    #[must_use]
    pub fn danger_plain_http(mut self) -> Self {
        self.attributes.danger_plain_http(&mut self.options.name);
        self
    }

    /// Returns the cookie's name.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.attributes.check(self.name())?;
        ensure(
            self.options.same_site != SameSite::DangerNone || self.is_secure(),
            "SameSite=None needs Secure: browsers reject such a cookie over plain http",
        )
    }
}
