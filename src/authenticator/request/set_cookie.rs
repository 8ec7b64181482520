//! The `Set-Cookie` values that set and remove cookies.

use crate::authenticator::cookies::{Attributes, LoginCookies};
use crate::authenticator::session_cookie::SessionCookie;
use std::time::Duration;

impl Attributes {
    /// Returns the `Set-Cookie` value of a cookie without an expiry.
    pub(crate) fn set(&self, name: &str, value: &str) -> String {
        let mut cookie = format!("{name}={value}; Path={}", self.path);
        if let Some(domain) = &self.domain {
            cookie.push_str("; Domain=");
            cookie.push_str(domain);
        }
        if self.secure {
            cookie.push_str("; Secure");
        }
        cookie.push_str("; HttpOnly; SameSite=");
        cookie.push_str(self.same_site);
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
        let mut cookie = self.attributes.set(&self.name, id);
        if self.persistent {
            cookie.push_str("; Max-Age=");
            cookie.push_str(&left.as_secs().to_string());
        }
        cookie
    }

    pub(crate) fn remove(&self) -> String {
        self.attributes.remove(&self.name)
    }
}

impl LoginCookies {
    pub(crate) fn remove_id(&self) -> String {
        self.attributes.remove(&self.id)
    }
}
