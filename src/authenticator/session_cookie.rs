//! The session cookie.

use super::cookies::Attributes;
use crate::core::Error;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    pub(super) name: String,
    pub(super) attributes: Attributes,
    pub(super) persistent: bool,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionCookie {
    /// Returns the default cookie, `__Host-jam_session`.
    pub fn new() -> Self {
        Self {
            name: "__Host-jam_session".to_owned(),
            attributes: Attributes::default(),
            persistent: true,
        }
    }

    /// Sets another name. Default: `__Host-jam_session`.
    ///
    /// Without the `__Host-` prefix a sibling domain can overwrite the cookie.
    ///
    /// Browsers store cookies by host, not by port (RFC 6265 section 8.5): two applications on one
    /// host, such as two servers on localhost, need different names. Otherwise each takes the
    /// other's cookie for an ended session's and removes it.
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

    /// Sets `SameSite=Strict`: a user who follows a link from another site arrives logged out.
    #[must_use]
    pub fn same_site_strict(mut self) -> Self {
        self.attributes.same_site = "Strict";
        self
    }

    /// Sets `SameSite=None`, for pages in frames of other sites.
    ///
    /// Requests that other sites' pages cause then carry the cookie too.
    #[must_use]
    pub fn danger_same_site_none(mut self) -> Self {
        self.attributes.same_site = "None";
        self
    }

    /// Sets the `Path`: browsers send the cookie to it and below. Default: `/`.
    ///
    /// Needs a [name](Self::with_name) without the `__Host-` prefix.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = path.into();
        self
    }

    /// Sets the `Domain`: browsers send the cookie to its subdomains too. Default: this host alone.
    ///
    /// Each of these hosts can read and overwrite the cookie. Needs a [name](Self::with_name) without
    /// the `__Host-` prefix.
    ///
    /// ```
    /// use jamguard::SessionCookie;
    /// let cookie = SessionCookie::new().with_name("__Secure-session").domain("example.com");
    /// assert_eq!(cookie.name(), "__Secure-session");
    /// ```
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(domain.into());
        self
    }

    /// Sets `Partitioned`: in a frame, the cookie belongs to the page around it (CHIPS).
    ///
    /// Frames of other sites need [`danger_same_site_none`](Self::danger_same_site_none) too.
    #[must_use]
    pub fn partitioned(mut self) -> Self {
        self.attributes.partitioned = true;
        self
    }

    /// Omits `Max-Age`: the browser deletes the cookie when it is closed.
    #[must_use]
    pub fn until_the_browser_closes(mut self) -> Self {
        self.persistent = false;
        self
    }

    /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
    #[must_use]
    pub fn danger_plain_http(mut self) -> Self {
        if let Some(bare) = self.name.strip_prefix("__Host-") {
            self.name = bare.to_owned();
        }
        self.attributes.secure = false;
        self
    }

    /// Returns the cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether browsers send it only over https.
    pub(crate) fn is_secure(&self) -> bool {
        self.attributes.secure
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.attributes.check(&self.name)
    }
}
