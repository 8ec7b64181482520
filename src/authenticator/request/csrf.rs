//! Protection against cross-site request forgery (CSRF).
//!
//! Browsers add cookies to requests that another site's page makes them send. An unsafe request
//! that is authenticated by a cookie passes if one of these holds:
//!
//! 1. `Sec-Fetch-Site` is `same-origin`, or `none` (the user acted without a page). Every browser
//!    since 2023 sends it to https sites and localhost, and no page can change it.
//! 2. `Sec-Fetch-Site` is missing and `Origin` is this site: host and port are the request's own,
//!    and the scheme is https if the cookies are `Secure`.
//! 3. `Origin` is a trusted origin.
//! 4. Both headers are missing: browsers of recent years send at least one with an unsafe request,
//!    and other clients do not hold the cookies of a user who was lured to a page.
//! 5. `X-CSRF-Token` holds the session's form token, which other sites cannot read.
//!
//! `Sec-Fetch-Site: same-site`, a sibling domain, is another origin: denied unless trusted. A `GET`
//! that opens a WebSocket is as dangerous as a `POST` and treated as one. Browsers do not add
//! bearer tokens and other header credentials: requests with them are exempt.
//!
//! Go's `CrossOriginProtection` and tower-http's `csrf` follow the same rules, without the scheme
//! in point 2, point 5 and WebSockets. tower-http's layer is not used: it does not run in
//! actix-web, and does not know whether a cookie authenticates the request, so it would deny
//! cross-origin bearer requests too.

use super::credentials::Only::{self, Nothing, One, Several};
use super::credentials::{Head, HeaderKey};
use crate::authenticator::origins::{OriginCheck, Scheme, host_of, split};
use crate::core::{Error, ErrorKind};

impl OriginCheck {
    /// Denies an unsafe request that may come from another site's page.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`].
    pub(crate) fn check(&self, head: &impl Head) -> Result<(), Error> {
        if self.off || !is_unsafe(head) {
            return Ok(());
        }
        let site = only(head, "sec-fetch-site");
        match site {
            One(b"same-origin" | b"none") => return Ok(()),
            Nothing | One(_) | Several => {}
        }
        let origin = only(head, "origin");
        let own = match (site, origin) {
            (Nothing, Nothing) => true,
            (Nothing, One(origin)) => self.is_own(origin, head) || self.is_trusted(origin),
            (_, One(origin)) => self.is_trusted(origin),
            (_, Nothing | Several) => false,
        };
        match own {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::CrossSite,
                "another site's page sent this request: if that site is yours, add it with \
                 .trusted_origins(…)",
            )),
        }
    }

    fn is_own(&self, origin: &[u8], head: &impl Head) -> bool {
        let Some((scheme, host)) = split(origin) else {
            return false;
        };
        if self.https_only && scheme != Scheme::Https {
            return false;
        }
        let asked = match (head.authority(), only(head, "host")) {
            (Some(authority), _) => authority.as_bytes(),
            (None, One(asked)) => asked,
            (None, Nothing | Several) => return false,
        };
        host_of(host, scheme).eq_ignore_ascii_case(host_of(asked, scheme))
    }

    fn is_trusted(&self, origin: &[u8]) -> bool {
        let Some((scheme, host)) = split(origin) else {
            return false;
        };
        let host = host_of(host, scheme);
        self.trusted.iter().any(|trusted| {
            split(trusted.as_bytes())
                .is_some_and(|(own, trusted)| own == scheme && trusted.eq_ignore_ascii_case(host))
        })
    }
}

/// Returns the header's single value. An empty value is treated as missing: some proxies send it.
fn only<'a>(head: &'a impl Head, name: &'static str) -> Only<'a> {
    match head.only(HeaderKey::Named(name)) {
        One(value) if value.trim_ascii().is_empty() => Nothing,
        One(value) => One(value.trim_ascii()),
        other => other,
    }
}

/// Whether a request may change state: an unsafe method (RFC 9110 section 9.2.1) or a WebSocket
/// upgrade, over which any message may follow.
fn is_unsafe(head: &impl Head) -> bool {
    if !matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE") {
        return true;
    }
    let mut upgrades = head.header(HeaderKey::Named("upgrade"));
    upgrades.any(|upgrade| {
        let mut protocols = upgrade.split(|byte| *byte == b',');
        protocols.any(|name| {
            let name = name.trim_ascii();
            name.len() >= 9 && name[..9].eq_ignore_ascii_case(b"websocket")
        })
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Request {
        method: &'static str,
        authority: Option<&'static str>,
        headers: Vec<(&'static str, &'static str)>,
    }

    impl Head for Request {
        fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a {
            self.headers.iter().filter_map(move |(known, value)| {
                (HeaderKey::Named(known) == name).then_some(value.as_bytes())
            })
        }

        fn query(&self) -> Option<&str> {
            None
        }

        fn method(&self) -> &str {
            self.method
        }

        fn authority(&self) -> Option<&str> {
            self.authority
        }
    }

    const SITE: &str = "sec-fetch-site";

    fn post(headers: &[(&'static str, &'static str)]) -> Request {
        let mut headers = headers.to_vec();
        headers.push(("host", "app.example"));
        Request { method: "POST", authority: None, headers }
    }

    fn check(https_only: bool) -> OriginCheck {
        let trusted =
            ["https://Admin.example:443".to_owned(), "http://dev.example:8080".to_owned()];
        OriginCheck::new(&trusted, https_only, false).unwrap()
    }

    fn passes(request: &Request) -> bool {
        match check(true).check(request) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::CrossSite);
                false
            }
        }
    }

    #[test]
    fn sec_fetch_site_decides() {
        for (site, own) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("Same-Origin", false),
            ("same-origin, none", false),
            ("null", false),
        ] {
            assert_eq!(passes(&post(&[(SITE, site)])), own, "{site}");
            // `Origin` cannot override it, except for a trusted origin.
            let other = [(SITE, site), ("origin", "https://app.example")];
            assert_eq!(passes(&post(&other)), own, "{site}");
            let trusted = [(SITE, site), ("origin", "https://admin.example")];
            assert!(passes(&post(&trusted)), "{site}");
        }
        assert!(!passes(&post(&[(SITE, "same-origin"), (SITE, "cross-site")])));
        assert!(!passes(&post(&[(SITE, "same-origin"), (SITE, "same-origin")])));
    }

    #[test]
    fn without_sec_fetch_site_the_origin_decides() {
        for (origin, own) in [
            ("https://app.example", true),
            ("https://APP.example", true),
            ("https://app.example:443", true),
            ("https://admin.example", true),
            ("https://admin.example:443", true),
            ("http://dev.example:8080", true),
            ("http://app.example", false),
            ("https://app.example:8443", false),
            ("https://app.example.evil.example", false),
            ("https://evil.example", false),
            ("https://app.example@evil.example", false),
            ("https://evil.example/app.example", false),
            ("https://app.example/", false),
            ("http://admin.example", false),
            ("http://dev.example", false),
            ("app.example", false),
            ("file://", false),
            ("null", false),
            ("https://", false),
        ] {
            assert_eq!(passes(&post(&[("origin", origin)])), own, "{origin}");
        }
        let twice = [("origin", "https://app.example"), ("origin", "https://app.example")];
        assert!(!passes(&post(&twice)));
    }

    /// Both headers are missing or empty.
    #[test]
    fn non_browser_requests_pass() {
        assert!(passes(&post(&[])));
        assert!(passes(&post(&[(SITE, ""), ("origin", "")])));
        assert!(!passes(&post(&[(SITE, ""), ("origin", "null")])));
    }

    #[test]
    fn the_scheme_matters_if_cookies_are_secure() {
        let plain = post(&[("origin", "http://app.example")]);
        assert!(check(true).check(&plain).is_err());
        assert!(check(false).check(&plain).is_ok());
        let with_port = Request {
            headers: vec![("origin", "http://app.example"), ("host", "app.example:80")],
            ..plain
        };
        assert!(check(false).check(&with_port).is_ok());
        let other_port = Request {
            headers: vec![("origin", "https://app.example"), ("host", "app.example:80")],
            ..with_port
        };
        assert!(check(false).check(&other_port).is_err());
    }

    #[test]
    fn the_uri_authority_takes_precedence_over_the_host_header() {
        let mut request = post(&[("origin", "https://app.example")]);
        request.authority = Some("other.example");
        assert!(!passes(&request));
        request.authority = Some("app.example:443");
        request.headers.pop();
        assert!(passes(&request));
        request.authority = None;
        assert!(!passes(&request));
        request.headers.extend([("host", "app.example"), ("host", "app.example")]);
        assert!(!passes(&request));
    }

    #[test]
    fn only_safe_methods_pass() {
        for (method, safe) in [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("TRACE", true),
            ("POST", false),
            ("PUT", false),
            ("PATCH", false),
            ("DELETE", false),
            ("CONNECT", false),
            ("get", false),
            ("FROBNICATE", false),
        ] {
            let request = Request { method, ..post(&[(SITE, "cross-site")]) };
            assert_eq!(passes(&request), safe, "{method}");
            assert!(OriginCheck { off: true, ..check(true) }.check(&request).is_ok());
        }
    }

    #[test]
    fn a_websocket_upgrade_is_unsafe() {
        for (upgrade, safe) in [
            ("websocket", false),
            ("WebSocket", false),
            ("h2c, websocket", false),
            ("websocket/13", false),
            ("h2c", true),
        ] {
            let headers = [("upgrade", upgrade), ("origin", "https://evil.example")];
            let request = Request { method: "GET", ..post(&headers) };
            assert_eq!(passes(&request), safe, "{upgrade}");
        }
        let own = [("upgrade", "websocket"), ("origin", "https://app.example")];
        assert!(passes(&Request { method: "GET", ..post(&own) }));
    }

    #[test]
    fn only_origins_can_be_trusted() {
        for wrong in [
            "",
            "null",
            "*",
            "app.example",
            "https://*.example",
            "https://app.example/",
            "https://app.example/path",
            "https://user@app.example",
            "wss://app.example",
            "https://\u{e4}.example",
        ] {
            let error = OriginCheck::new(&[wrong.to_owned()], true, false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{wrong}");
        }
    }
}
