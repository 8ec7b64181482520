//! The cookies of a browser login.

use crate::core::error::Error;

/// Names and attributes of the two login cookies, for the ID token and the refresh token.
///
/// Both are `__Host-` cookies: `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, no `Domain`.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, JamApp, LoginCookies};
/// let auth = Authenticator::builder()
///     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
///     .cookies(LoginCookies::new())
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginCookies {
    id: String,
    refresh: String,
    secure: bool,
}

impl Default for LoginCookies {
    fn default() -> Self {
        Self::new()
    }
}

/// 400 days, the longest that browsers keep a cookie (RFC 6265bis section 5.5). The tokens end
/// sooner, and the cookie of a dead token is removed.
#[cfg(feature = "client")]
const MAX_AGE: u32 = 400 * 24 * 3600;

impl LoginCookies {
    /// Returns the default names: `__Host-jam_id` and `__Host-jam_refresh`.
    pub fn new() -> Self {
        Self {
            id: "__Host-jam_id".to_owned(),
            refresh: "__Host-jam_refresh".to_owned(),
            secure: true,
        }
    }

    /// Sets other names. Default: `__Host-jam_id` and `__Host-jam_refresh`.
    ///
    /// Without the `__Host-` prefix a sibling domain can overwrite the cookies.
    ///
    /// Browsers store cookies by host, not by port (RFC 6265 section 8.5): two applications on one
    /// host, such as two servers on localhost, need different names, or each logs the other's users
    /// out.
    #[must_use]
    pub fn names(mut self, id: impl Into<String>, refresh: impl Into<String>) -> Self {
        self.id = id.into();
        self.refresh = refresh.into();
        self
    }

    /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
    #[must_use]
    pub fn danger_plain_http(mut self) -> Self {
        for name in [&mut self.id, &mut self.refresh] {
            if let Some(bare) = name.strip_prefix("__Host-") {
                *name = bare.to_owned();
            }
        }
        self.secure = false;
        self
    }

    /// Returns the name of the ID-token cookie.
    pub fn id_name(&self) -> &str {
        &self.id
    }

    /// Returns the name of the refresh-token cookie.
    pub fn refresh_name(&self) -> &str {
        &self.refresh
    }

    /// Whether browsers send the cookies only over https.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        for name in [&self.id, &self.refresh] {
            check_cookie(name, self.secure)?;
        }
        if self.id == self.refresh {
            return Err(Error::configuration(
                "the two login cookies have the same name: give each its own",
            ));
        }
        Ok(())
    }

    /// Returns the `Set-Cookie` value for the ID token.
    #[cfg(feature = "client")]
    pub(crate) fn set_id(&self, token: &str) -> Result<String, Error> {
        set(&self.id, token, self.secure)
    }

    /// Returns the `Set-Cookie` value for the refresh token.
    #[cfg(feature = "client")]
    pub(crate) fn set_refresh(&self, token: &str) -> Result<String, Error> {
        set(&self.refresh, token, self.secure)
    }

    pub(crate) fn remove_id(&self) -> String {
        remove(&self.id, self.secure, LAX)
    }

    #[cfg(feature = "client")]
    pub(crate) fn remove_refresh(&self) -> String {
        remove(&self.refresh, self.secure, LAX)
    }
}

/// Bytes of name and value together that browsers keep (RFC 6265bis section 5.6).
#[cfg(feature = "client")]
const MAX_LENGTH: usize = 4096;
/// In bytes. A longer name would leave no room for a value.
const MAX_NAME: usize = 1024;

/// Checks that a name is a token (RFC 6265 section 4.1.1).
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fits = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if fits {
        Ok(())
    } else {
        Err(Error::configuration(format!(
            "'{name}' cannot name a cookie or header: use letters, digits, - and _"
        )))
    }
}

/// Checks that browsers accept a cookie of this name and `Secure` attribute.
pub(crate) fn check_cookie(name: &str, secure: bool) -> Result<(), Error> {
    check_name(name)?;
    if name.len() > MAX_NAME {
        return Err(Error::configuration(format!(
            "a cookie name has {} bytes, the limit is {MAX_NAME}: shorten it",
            name.len()
        )));
    }
    if name.starts_with("__") && !secure {
        return Err(Error::configuration(
            "a cookie with a __Host- or __Secure- prefix needs Secure: browsers refuse it over \
             plain http",
        ));
    }
    Ok(())
}

/// The default SameSite attribute.
pub(crate) const LAX: &str = "Lax";

/// Returns the `Set-Cookie` value of a cookie without an expiry.
pub(crate) fn with_value(name: &str, value: &str, secure: bool, same_site: &str) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite={same_site}")
}

#[cfg(feature = "client")]
fn set(name: &str, value: &str, secure: bool) -> Result<String, Error> {
    let length = name.len() + value.len();
    if length > MAX_LENGTH {
        return Err(Error::configuration(format!(
            "the cookie '{name}' would have {length} bytes with its token, and browsers drop \
             cookies over {MAX_LENGTH}: keep logins in sessions (.sessions(…)), or put fewer \
             claims into the token"
        )));
    }
    let cookie = with_value(name, value, secure, LAX);
    Ok(format!("{cookie}; Max-Age={MAX_AGE}"))
}

/// Whether a text is a valid cookie value (RFC 6265 section 4.1.1): no byte may end the value or
/// start an attribute.
#[cfg(feature = "client")]
pub(crate) fn is_value(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e))
}

pub(crate) fn remove(name: &str, secure: bool, same_site: &str) -> String {
    let cookie = with_value(name, "", secure, same_site);
    format!("{cookie}; Max-Age=0")
}
