//! Setting the login cookies, each to a token.

use crate::authenticator::cookies::{Attributes, LoginCookies};
use crate::core::Error;

/// 400 days, the longest that browsers keep a cookie (RFC 6265bis section 5.5). The tokens end
/// sooner, and the cookie of a dead token is removed.
const MAX_AGE: u32 = 400 * 24 * 3600;

/// Bytes of name and value together that browsers keep (RFC 6265bis section 5.6).
const MAX_LENGTH: usize = 4096;

impl LoginCookies {
    /// Returns the `Set-Cookie` value for the ID token.
    pub(crate) fn set_id(&self, token: &str) -> Result<String, Error> {
        self.attributes.set_token(self.id_name(), token)
    }

    /// Returns the `Set-Cookie` value for the refresh token.
    pub(crate) fn set_refresh(&self, token: &str) -> Result<String, Error> {
        self.attributes.set_token(self.refresh_name(), token)
    }

    pub(crate) fn remove_refresh(&self) -> String {
        self.attributes.remove(self.refresh_name())
    }
}

impl Attributes {
    fn set_token(&self, name: &str, value: &str) -> Result<String, Error> {
        let length = name.len() + value.len();
        if length > MAX_LENGTH {
            return Err(Error::configuration(format!(
                "the cookie '{name}' would have {length} bytes with its token, and browsers drop \
                 cookies over {MAX_LENGTH}: keep logins in sessions (.sessions(…)), or put fewer \
                 claims into the token"
            )));
        }
        Ok(format!("{}; Max-Age={MAX_AGE}", self.set(name, value)))
    }
}

/// Whether a text is a valid cookie value (RFC 6265 section 4.1.1): no byte may end the value or
/// start an attribute.
pub(crate) fn is_value(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn login_cookies_are_removed_with_the_attributes_that_they_were_set_with() {
        let cookies = LoginCookies::new()
            .with_names("__Secure-id", "__Secure-refresh")
            .path("/app")
            .domain("shop.example")
            .partitioned();
        cookies.check().unwrap();
        let attributes =
            "Path=/app; Domain=shop.example; Secure; HttpOnly; SameSite=Lax; Partitioned";
        assert_eq!(
            cookies.set_id("a.b.c").unwrap(),
            format!("__Secure-id=a.b.c; {attributes}; Max-Age={MAX_AGE}")
        );
        assert_eq!(
            cookies.set_refresh("r").unwrap(),
            format!("__Secure-refresh=r; {attributes}; Max-Age={MAX_AGE}")
        );
        assert_eq!(cookies.remove_id(), format!("__Secure-id=; {attributes}; Max-Age=0"));
        assert_eq!(cookies.remove_refresh(), format!("__Secure-refresh=; {attributes}; Max-Age=0"));
        assert!(LoginCookies::new().domain("shop.example").check().is_err());
        assert!(LoginCookies::new().path("/app").check().is_err());
    }
}
