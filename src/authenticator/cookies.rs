//! The cookies of a browser login.

use crate::core::{
    Error,
    settings::{options, setters},
};

/// Names and attributes of the two login cookies, for the ID token and the refresh token.
///
/// Default: both are `__Host-` cookies: `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, no `Domain`.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginCookies {
    pub(crate) names: LoginCookieNames,
    pub(crate) attributes: Attributes,
}

options! {
    /// The cookies of a browser login.
    #[derive(Debug, PartialEq, Eq)]
    LoginCookieNames {
        /// Name of the ID token's cookie. Default: `__Host-jam_id`.
        id_name: String = "__Host-jam_id".to_owned(),
        /// Name of the refresh token's cookie. Default: `__Host-jam_refresh`.
        refresh_name: String = "__Host-jam_refresh".to_owned(),
    }
}

options! {
    /// The attributes of a cookie. Removing a cookie needs those that it was set with.
    #[derive(Debug, PartialEq, Eq)]
    Attributes {
        /// `Path` of the cookie. Default: `/`.
        path: String = "/".to_owned(),
        /// `Domain` of the cookie. Default: this host alone.
        domain: Option<String> = None,
        /// Sets `Partitioned`: in a frame, the cookie belongs to the page around it.
        partitioned: bool = false,
        /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
        danger_plain_http: bool = false,
    }
}

/// The setters of the attributes of one or more cookies.
macro_rules! attribute_setters {
    () => {
        /// Sets the `Path`: browsers send the cookie to it and below. Default: `/`.
        ///
        /// Needs a name without the `__Host-` prefix.
        #[must_use]
        pub fn path(mut self, path: impl Into<String>) -> Self {
            self.attributes.path = path.into();
            self
        }

        /// Sets the `Domain`: browsers send the cookie to its subdomains too. Default: this host
        /// alone.
        ///
        /// Each of these hosts can read and overwrite the cookie. Needs a name without the `__Host-`
        /// prefix, such as `__Secure-session`.
        #[must_use]
        pub fn domain(mut self, domain: impl Into<String>) -> Self {
            self.attributes.domain = Some(domain.into());
            self
        }

        /// Sets `Partitioned`: in a frame, the cookie belongs to the page around it (CHIPS).
        ///
        /// Frames of other sites need `SameSite=None` too.
        #[must_use]
        pub fn partitioned(mut self) -> Self {
            self.attributes.partitioned = true;
            self
        }

        /// Whether browsers send the cookie only over https.
        pub(crate) fn is_secure(&self) -> bool {
            self.attributes.is_secure()
        }
    };
}
pub(super) use attribute_setters;

impl LoginCookies {
    /// Returns the default names: `__Host-jam_id` and `__Host-jam_refresh`.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Sets other names. Default: `__Host-jam_id` and `__Host-jam_refresh`.
        ///
        /// Without the `__Host-` prefix a sibling domain can overwrite the cookies.
        ///
        /// Browsers store cookies by host, not by port (RFC 6265 section 8.5): two applications on
        /// one host, such as two servers on localhost, need different names, or each logs the
        /// other's users out.
        #[must_use]
        pub fn with_names(id: impl Into<String>, refresh: impl Into<String>) {
            self.names = LoginCookieNames { id_name: id.into(), refresh_name: refresh.into() }
        }
    }

    attribute_setters!();

    /// Removes the `__Host-` prefix and `Secure`, for development over plain http.
    #[must_use]
    pub fn danger_plain_http(mut self) -> Self {
        self.attributes.danger_plain_http(&mut self.names.id_name);
        self.attributes.danger_plain_http(&mut self.names.refresh_name);
        self
    }

    /// Returns the name of the ID-token cookie.
    pub fn id_name(&self) -> &str {
        &self.names.id_name
    }

    /// Returns the name of the refresh-token cookie.
    pub fn refresh_name(&self) -> &str {
        &self.names.refresh_name
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.attributes.check(self.id_name())?;
        self.attributes.check(self.refresh_name())?;
        if self.id_name() == self.refresh_name() {
            return Err(Error::configuration(
                "the two login cookies have the same name: give each its own",
            ));
        }
        Ok(())
    }
}

/// In bytes. A longer name would leave no room for a value.
const MAX_NAME: usize = 1024;

/// Checks that a name is a token (RFC 6265 section 4.1.1).
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fits = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if fits {
        Ok(())
    } else {
        Err(Error::configuration(format!(
            "'{name}' cannot name a cookie or header: use letters, digits, - and _"
        )))
    }
}

impl Attributes {
    /// Whether browsers send the cookie only over https.
    pub(crate) fn is_secure(&self) -> bool {
        !self.danger_plain_http
    }

    /// Removes `Secure`, and the `__Host-` prefix from the cookie's name.
    pub(super) fn danger_plain_http(&mut self, name: &mut String) {
        self.danger_plain_http = true;
        if let Some(bare) = name.strip_prefix("__Host-") {
            *name = bare.to_owned();
        }
    }

    /// Checks that browsers accept a cookie of this name with these attributes.
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        if name.len() > MAX_NAME {
            return Err(Error::configuration(format!(
                "a cookie name has {} bytes, the limit is {MAX_NAME}: shorten it",
                name.len()
            )));
        }
        let wrong = |message: &'static str| Err(Error::configuration(message));
        if name.starts_with("__") && self.danger_plain_http {
            return wrong(
                "a cookie with a __Host- or __Secure- prefix needs Secure: browsers refuse it over \
                 plain http",
            );
        }
        let is_host = name.starts_with("__Host-");
        if is_host && (self.domain.is_some() || self.path != "/") {
            return wrong(
                "a cookie with the __Host- prefix has no Domain and the path /: give the cookie a \
                 name without that prefix, such as __Secure-session",
            );
        }
        if self.partitioned && self.danger_plain_http {
            return wrong(
                "Partitioned needs Secure: browsers reject such a cookie over plain http",
            );
        }
        let is_text = |text: &str| text.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b';');
        if !self.path.starts_with('/') || !is_text(&self.path) {
            return wrong("a cookie's path begins with / and has no semicolon, space or control");
        }
        let is_name = |text: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
            !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed)
        };
        if self.domain.as_deref().is_some_and(|domain| !is_name(domain)) {
            return wrong("a cookie's domain is a host name, such as example.com");
        }
        Ok(())
    }
}
