//! The cookie that holds a session's id.

use crate::authenticator::cookies;
use crate::core::error::Error;
use std::time::Duration;

/// Name and attributes of the session's cookie.
///
/// `__Host-jam_session`, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain; it stays for as long as
/// the session may live, also when the browser is closed. A sibling domain cannot overwrite a
/// `__Host-` cookie (RFC 6265bis section 4.1.3.2).
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    secure: bool,
    same_site: &'static str,
    persistent: bool,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionCookie {
    /// `__Host-jam_session`.
    pub fn new() -> Self {
        Self {
            name: "__Host-jam_session".to_owned(),
            secure: true,
            same_site: cookies::LAX,
            persistent: true,
        }
    }

    /// Another name; without a `__Host-` prefix a sibling domain could overwrite the cookie.
    /// Default: `__Host-jam_session`.
    ///
    /// Browsers keep cookies by host, not by port (RFC 6265 section 8.5): two applications on one
    /// host, such as two servers on localhost, need a name each. Otherwise each takes the other's
    /// cookie for that of a session that ended, and removes it.
    ///
    /// ```
    /// use jamguard::SessionCookie;
    /// let cookie = SessionCookie::new().with_name("__Host-shop_session").danger_plain_http();
    /// assert_eq!(cookie.name(), "shop_session");
    /// ```
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// SameSite=Strict: a visitor who follows a link from elsewhere arrives logged out.
    #[must_use]
    pub fn same_site_strict(mut self) -> Self {
        self.same_site = "Strict";
        self
    }

    /// SameSite=None, for pages inside other sites' frames: other sites' requests carry the cookie
    /// too.
    #[must_use]
    pub fn danger_same_site_none(mut self) -> Self {
        self.same_site = "None";
        self
    }

    /// Without Max-Age: the browser forgets the cookie when it is closed.
    #[must_use]
    pub fn until_the_browser_closes(mut self) -> Self {
        self.persistent = false;
        self
    }

    /// For development over plain http: drops the `__Host-` prefix and `Secure` together.
    #[must_use]
    pub fn danger_plain_http(mut self) -> Self {
        if let Some(bare) = self.name.strip_prefix("__Host-") {
            self.name = bare.to_owned();
        }
        self.secure = false;
        self
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether browsers send it over https alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        cookies::check_cookie(&self.name, self.secure)?;
        if self.same_site == "None" && !self.secure {
            return Err(Error::configuration(
                "SameSite=None needs Secure: browsers refuse such a cookie over plain http",
            ));
        }
        Ok(())
    }

    /// `Set-Cookie` for a session that may live for so long.
    pub(crate) fn set(&self, id: &str, left: Duration) -> String {
        let mut cookie = cookies::with_value(&self.name, id, self.secure, self.same_site);
        if self.persistent {
            cookie.push_str("; Max-Age=");
            cookie.push_str(&left.as_secs().to_string());
        }
        cookie
    }

    pub(crate) fn remove(&self) -> String {
        cookies::remove(&self.name, self.secure, self.same_site)
    }
}
