//! The origins whose pages may send requests with cookies.

use crate::core::{Error, debug_fields};

/// The origin check for requests with cookies.
#[derive(Clone, Default)]
pub(crate) struct OriginCheck {
    /// In lower case, without default ports.
    pub(super) trusted: Vec<String>,
    /// Set if the cookies are `Secure`: then http pages are not this site's.
    pub(super) https_only: bool,
    pub(super) off: bool,
}

impl OriginCheck {
    pub(crate) fn new(trusted: &[String], https_only: bool, off: bool) -> Result<Self, Error> {
        let trusted = trusted.iter().map(|origin| {
            let (scheme, host) = split(origin.as_bytes()).ok_or_else(|| not_an_origin(origin))?;
            let host = host_of(host, scheme);
            let host = std::str::from_utf8(host).map_err(|_| not_an_origin(origin))?;
            Ok(format!("{}://{}", scheme.name(), host.to_ascii_lowercase()))
        });
        Ok(Self { trusted: trusted.collect::<Result<_, Error>>()?, https_only, off })
    }
}

debug_fields!(
    OriginCheck,
    self,
    trusted = self.trusted,
    https_only = self.https_only,
    off = self.off
);

fn not_an_origin(text: &str) -> Error {
    Error::configuration(format!(
        "'{text}' is not an origin: write it as browsers do, https://app.example.com or \
         http://localhost:3000, without a path; names with wildcards are not possible"
    ))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Splits an `Origin` (RFC 6454 section 7) into scheme and host. `None` for `null` and non-web
/// origins.
pub(super) fn split(origin: &[u8]) -> Option<(Scheme, &[u8])> {
    let (scheme, host) = match origin.strip_prefix(b"https://") {
        Some(host) => (Scheme::Https, host),
        None => (Scheme::Http, origin.strip_prefix(b"http://")?),
    };
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
    (!host.is_empty() && host.iter().all(fits)).then_some((scheme, host))
}

/// Removes the scheme's default port.
pub(super) fn host_of(host: &[u8], scheme: Scheme) -> &[u8] {
    let default: &[u8] = match scheme {
        Scheme::Http => b":80",
        Scheme::Https => b":443",
    };
    host.strip_suffix(default).unwrap_or(host)
}
