//! The `Set-Cookie` values that set and remove cookies.

use crate::authenticator::cookies::{Attributes, LoginCookies};
use crate::authenticator::session_cookie::{SameSite, SessionCookie};
use std::time::Duration;

impl Attributes {
    /// Returns the `Set-Cookie` value of a cookie without an expiry.
    pub(crate) fn set(&self, name: &str, value: &str) -> String {
        self.set_for(name, value, SameSite::Lax)
    }

    fn set_for(&self, name: &str, value: &str, same_site: SameSite) -> String {
        let mut cookie = format!("{name}={value}; Path={}", self.path);
        if let Some(domain) = &self.domain {
            cookie.push_str("; Domain=");
            cookie.push_str(domain);
        }
        if self.is_secure() {
            cookie.push_str("; Secure");
        }
        cookie.push_str("; HttpOnly; SameSite=");
        cookie.push_str(match same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
            SameSite::DangerNone => "None",
        });
        if self.partitioned {
            cookie.push_str("; Partitioned");
        }
        cookie
    }

    /// Returns the `Set-Cookie` value that removes a cookie.
    pub(crate) fn remove(&self, name: &str) -> String {
        format!("{}; Max-Age=0", self.set(name, ""))
    }
}

impl SessionCookie {
    /// Returns the `Set-Cookie` value for a session with this remaining lifetime.
    pub(crate) fn set(&self, id: &str, left: Duration) -> String {
        let mut cookie = self.value(id);
        if !self.options.until_the_browser_closes {
            cookie.push_str("; Max-Age=");
            cookie.push_str(&left.as_secs().to_string());
        }
        cookie
    }

    pub(crate) fn remove(&self) -> String {
        format!("{}; Max-Age=0", self.value(""))
    }

    fn value(&self, id: &str) -> String {
        self.attributes.set_for(self.name(), id, self.options.same_site)
    }
}

impl LoginCookies {
    pub(crate) fn remove_id(&self) -> String {
        self.attributes.remove(self.id_name())
    }
}
