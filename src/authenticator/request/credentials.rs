//! Extracts the credential from raw header bytes without allocating.

use super::websocket;
use crate::authenticator::certificates::ClientCertificate;
use crate::authenticator::identity::CredentialKind;
use crate::authenticator::sources::{CredentialSource, SUBPROTOCOLS, SourceKind};
use crate::core::{Error, ErrorKind};
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, ops::Range};

/// The core's view of a request. Each framework adapter implements it.
pub(crate) trait Head {
    /// The values of a header, in order.
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a;
    /// The value of a header that must not repeat.
    fn only<'a>(&'a self, name: HeaderKey<'a>) -> Only<'a> {
        let mut values = self.header(name);
        match (values.next(), values.next()) {
            (None, _) => Only::Nothing,
            (Some(value), None) => Only::One(value),
            (Some(_), Some(_)) => Only::Several,
        }
    }
    /// The query string, as sent.
    fn query(&self) -> Option<&str>;
    /// The method, in upper case.
    fn method(&self) -> &str;
    /// Host and port of the URI, if present, as in HTTP/2 and requests to proxies.
    fn authority(&self) -> Option<&str>;
}

/// The view of a request with its path, for route guards.
pub(crate) trait RoutedHead: Head {
    /// The path as the router around the guard sees it.
    fn path(&self) -> &str;
    /// The path as the outermost router saw it, if known.
    fn original_path(&self) -> Option<&str>;
    /// Returns the pattern at which the router is nested, if the framework reports it.
    fn nested_at(&self) -> Option<&str>;
    /// The certificate that the TLS layer put into the extensions of the request or connection.
    fn client_certificate(&self) -> Option<ClientCertificate>;
}

/// A header name. The two common headers have variants because frameworks find them faster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderKey<'a> {
    Authorization,
    Cookie,
    Named(&'a str),
}

/// The value of a header that must not repeat.
#[derive(Clone, Copy)]
pub(crate) enum Only<'a> {
    Nothing,
    One(&'a [u8]),
    Several,
}

impl CredentialSource {
    pub(super) fn is_cookie(&self) -> bool {
        matches!(self.0, SourceKind::Cookie(_))
    }

    /// Returns whether browsers cause it unasked, also for requests of other sites' pages.
    pub(super) fn is_ambient(&self) -> bool {
        matches!(self.0, SourceKind::Cookie(_) | SourceKind::ProxyHeader(_))
    }

    pub(super) fn kind(&self) -> CredentialKind {
        match &self.0 {
            SourceKind::Bearer => CredentialKind::Bearer,
            SourceKind::Dpop => CredentialKind::Dpop,
            SourceKind::Header(_) | SourceKind::ProxyHeader(_) => CredentialKind::Header,
            SourceKind::Cookie(_) => CredentialKind::Cookie,
            SourceKind::Query(_) => CredentialKind::Query,
            SourceKind::Websocket => CredentialKind::WebSocket,
            SourceKind::Session => CredentialKind::Session,
        }
    }
}

/// A credential that is not verified yet.
pub(crate) struct Found<'a> {
    pub(crate) token: Cow<'a, [u8]>,
    pub(crate) source: &'a CredentialSource,
    /// The index of the source.
    pub(crate) place: usize,
}

impl Found<'_> {
    /// Checks the token's form. Needed only on a cache miss: cached tokens passed before.
    pub(crate) fn check_form(&self, token: &[u8]) -> Result<(), Error> {
        match &self.source.0 {
            // Verification rejects it; then the dead cookie is removed.
            SourceKind::Cookie(_) => Ok(()),
            _ => visible(token),
        }
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// Returns the credential of the first of these sources that has one.
///
/// # Errors
/// The error of a malformed credential, and its source.
pub(crate) fn find<'a>(
    head: &'a impl Head,
    all: &'a [CredentialSource],
    among: Range<usize>,
) -> Result<Option<Found<'a>>, (Error, &'a CredentialSource)> {
    let first = among.start;
    for (place, source) in all.get(among).unwrap_or_default().iter().enumerate() {
        let token = read(head, source).map_err(|error| (error, source))?;
        if let Some(token) = token {
            check_alone(head, all, source).map_err(|error| (error, source))?;
            return Ok(Some(Found { token, source, place: first + place }));
        }
    }
    Ok(None)
}

fn read<'a>(
    head: &'a impl Head,
    source: &'a CredentialSource,
) -> Result<Option<Cow<'a, [u8]>>, Error> {
    Ok(match &source.0 {
        SourceKind::Bearer => authorization(head, "bearer")?.map(Cow::Borrowed),
        SourceKind::Dpop => authorization(head, "dpop")?.map(Cow::Borrowed),
        SourceKind::Header(name) | SourceKind::ProxyHeader(name) => {
            header(head, name)?.map(Cow::Borrowed)
        }
        SourceKind::Cookie(name) => cookie(head, name)?.map(Cow::Borrowed),
        SourceKind::Query(name) => query(head, name)?,
        SourceKind::Websocket => websocket::token(head.header(HeaderKey::Named(SUBPROTOCOLS)))?,
        // Read separately: a guest has a session too.
        SourceKind::Session => None,
    })
}

/// Checks that a token is not sent in both header and query (RFC 6750 section 2).
fn check_alone(
    head: &impl Head,
    sources: &[CredentialSource],
    found: &CredentialSource,
) -> Result<(), Error> {
    for source in sources {
        let other = matches!(
            (&found.0, &source.0),
            (SourceKind::Bearer | SourceKind::Dpop, SourceKind::Query(_))
                | (SourceKind::Query(_), SourceKind::Bearer | SourceKind::Dpop)
        );
        if other && read(head, source)?.is_some() {
            return Err(invalid("bearer tokens in header and query: send only one"));
        }
    }
    Ok(())
}

/// Returns the token of the `Authorization` header, if it has this scheme.
fn authorization<'a>(head: &'a impl Head, scheme: &str) -> Result<Option<&'a [u8]>, Error> {
    let value = match head.only(HeaderKey::Authorization) {
        Only::Nothing => return Ok(None),
        Only::One(value) => value,
        Only::Several => return Err(invalid("more than one Authorization header: send only one")),
    };
    let Some((found, token)) = value.trim_ascii().split_at_checked(scheme.len()) else {
        return Ok(None);
    };
    match token {
        _ if !found.eq_ignore_ascii_case(scheme.as_bytes()) => Ok(None),
        [] | [b' ', ..] => present(token.trim_ascii_start()).map(Some),
        // A longer scheme name.
        _ => Ok(None),
    }
}

fn header<'a>(head: &'a impl Head, name: &'a str) -> Result<Option<&'a [u8]>, Error> {
    match head.only(HeaderKey::Named(name)) {
        Only::Nothing => Ok(None),
        Only::One(value) => present(value.trim_ascii()).map(Some),
        Only::Several => Err(invalid("the credential's header is repeated: send it once")),
    }
}

fn present(token: &[u8]) -> Result<&[u8], Error> {
    match token {
        [] => Err(invalid("the credential is empty")),
        token => Ok(token),
    }
}

/// Checks that a header credential is one word of visible ASCII.
fn visible(token: &[u8]) -> Result<(), Error> {
    // No early exit, so that the loop vectorizes.
    let odd = token.iter().fold(false, |odd, byte| odd | !(0x21..=0x7e).contains(byte));
    if odd {
        return Err(invalid("the credential holds spaces or control characters"));
    }
    Ok(())
}

/// Returns the cookie of this name (RFC 6265 section 5.4), over all `Cookie` headers.
///
/// The value is not checked: verification rejects garbage, and then the dead cookie is removed.
pub(crate) fn cookie<'a>(head: &'a impl Head, name: &str) -> Result<Option<&'a [u8]>, Error> {
    let mut found: Option<&[u8]> = None;
    for header in head.header(HeaderKey::Cookie) {
        for pair in header.split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) =
                pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            let value = value
                .strip_prefix(b"\"")
                .and_then(|inner| inner.strip_suffix(b"\""))
                .unwrap_or(value);
            match found {
                Some(other) if other != value => {
                    return Err(invalid("two different cookies of one name"));
                }
                _ => found = Some(value),
            }
        }
    }
    Ok(found.filter(|value| !value.is_empty()))
}

fn query<'a>(head: &'a impl Head, name: &str) -> Result<Option<Cow<'a, [u8]>>, Error> {
    let Some(query) = head.query() else {
        return Ok(None);
    };
    let mut found: Option<Cow<'a, [u8]>> = None;
    for value in parameter(query, name) {
        match &found {
            Some(other) if *other != value => {
                return Err(invalid("two different credentials in the query"));
            }
            _ => found = Some(value),
        }
    }
    match found {
        Some(token) => {
            present(&token)?;
            Ok(Some(token))
        }
        None => Ok(None),
    }
}

/// Returns the `User-Agent` header.
#[cfg(any(feature = "axum", feature = "actix", feature = "client"))]
pub(crate) fn user_agent(head: &impl Head) -> Option<Box<str>> {
    let agent = head.header(HeaderKey::Named("user-agent")).next()?;
    std::str::from_utf8(agent).ok().map(Into::into)
}

/// Whether the client accepts HTML.
#[cfg(feature = "client")]
pub(crate) fn accepts_html(head: &impl Head) -> bool {
    head.header(HeaderKey::Named("accept"))
        .any(|accept| accept.windows(9).any(|part| part.eq_ignore_ascii_case(b"text/html")))
}

/// Returns the values of a query parameter, percent-decoded.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    query.split('&').filter_map(move |pair| {
        let value = pair.strip_prefix(name)?.strip_prefix('=')?;
        Some(Cow::from(percent_decode_str(value)))
    })
}
