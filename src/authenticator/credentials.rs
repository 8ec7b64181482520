//! Finds the credential in raw header bytes, without allocating.

use crate::core::error::{Error, ErrorKind};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What the core sees of a request; each framework's leaf provides it.
pub(crate) trait Head {
    /// The values of a header, in order.
    fn header<'a>(&'a self, name: HeaderKey<'a>) -> impl Iterator<Item = &'a [u8]> + 'a;
    /// The query string, as sent.
    fn query(&self) -> Option<&str>;
    /// The method, in upper case.
    fn method(&self) -> &str;
    /// Host and port of the URI, where it has them: HTTP/2 puts them there, and proxies' clients.
    fn authority(&self) -> Option<&str>;
}

/// A request on its way to a route.
pub(crate) trait RoutedHead: Head {
    /// The path, as the router that the guard stands in sees it.
    fn path(&self) -> &str;
    /// The path as the outermost router got it, where one said so.
    fn original_path(&self) -> Option<&str>;
    /// The pattern at which that router is nested in others, where one said so.
    fn nested_at(&self) -> Option<&str>;
}

/// The two headers of every request get their own names: frameworks find those faster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderKey<'a> {
    Authorization,
    Cookie,
    Named(&'a str),
}

/// Where a credential may be.
///
/// # Example
/// ```
/// use jamguard::Source;
/// let sources = [Source::bearer(), Source::cookie("__Host-jam_id")];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(pub(crate) SourceKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Bearer,
    Header(Box<str>),
    Cookie(Box<str>),
    Query(Box<str>),
    #[cfg(feature = "session")]
    Session,
}

impl Source {
    /// `Authorization: Bearer …` (RFC 6750 section 2.1).
    pub fn bearer() -> Self {
        Self(SourceKind::Bearer)
    }

    /// The whole value of a header of your own, such as `x-id-token`.
    pub fn header(name: impl Into<String>) -> Self {
        Self(SourceKind::Header(
            name.into().to_ascii_lowercase().into_boxed_str(),
        ))
    }

    /// A cookie.
    pub fn cookie(name: impl Into<String>) -> Self {
        Self(SourceKind::Cookie(name.into().into_boxed_str()))
    }

    /// A query parameter (RFC 6750 section 2.3). URLs end up in logs and histories: only for
    /// clients that cannot send a header, such as a browser's `EventSource`.
    pub fn query(name: impl Into<String>) -> Self {
        Self(SourceKind::Query(name.into().into_boxed_str()))
    }

    /// The cookie of a session; only to give it another place than the last. Which cookie that is
    /// [`session_cookie`](crate::AuthenticatorBuilder::session_cookie) says.
    #[cfg(feature = "session")]
    pub fn session() -> Self {
        Self(SourceKind::Session)
    }

    /// The request header that decides, for `Vary`.
    pub(crate) fn vary(&self) -> Option<&str> {
        match &self.0 {
            SourceKind::Bearer => Some("authorization"),
            SourceKind::Header(name) => Some(name),
            SourceKind::Cookie(_) => Some("cookie"),
            SourceKind::Query(_) => None,
            #[cfg(feature = "session")]
            SourceKind::Session => Some("cookie"),
        }
    }
}

/// A credential, still to be verified.
pub(crate) struct Found<'a> {
    pub(crate) token: Cow<'a, [u8]>,
    pub(crate) source: &'a Source,
}

impl Found<'_> {
    /// Whether the token looks like one. Asked only where memory does not know it: what was
    /// verified looks like one.
    pub(crate) fn check_form(&self, token: &[u8]) -> Result<(), Error> {
        match &self.source.0 {
            // Verification says so, and the dead cookie is then removed.
            SourceKind::Cookie(_) => Ok(()),
            _ => visible(token),
        }
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// The first source that has a credential decides; its place comes along. An error names its source.
pub(crate) fn find<'a>(
    head: &'a impl Head,
    sources: &'a [Source],
) -> Result<Option<(Found<'a>, usize)>, (Error, &'a Source)> {
    for (place, source) in sources.iter().enumerate() {
        let token = read(head, source).map_err(|error| (error, source))?;
        if let Some(token) = token {
            return Ok(Some((Found { token, source }, place)));
        }
    }
    Ok(None)
}

fn read<'a>(head: &'a impl Head, source: &'a Source) -> Result<Option<Cow<'a, [u8]>>, Error> {
    Ok(match &source.0 {
        SourceKind::Bearer => bearer(head)?.map(Cow::Borrowed),
        SourceKind::Header(name) => header(head, name)?.map(Cow::Borrowed),
        SourceKind::Cookie(name) => cookie(head, name)?.map(Cow::Borrowed),
        SourceKind::Query(name) => query(head, name)?,
        // Looked at by itself: a guest has a session too.
        #[cfg(feature = "session")]
        SourceKind::Session => None,
    })
}

/// Checks that a bearer token comes in the header or in the query alone (RFC 6750 section 2).
pub(crate) fn check_alone(
    head: &impl Head,
    sources: &[Source],
    found: &Source,
) -> Result<(), Error> {
    for source in sources {
        let other = matches!(
            (&found.0, &source.0),
            (SourceKind::Bearer, SourceKind::Query(_)) | (SourceKind::Query(_), SourceKind::Bearer)
        );
        if other && read(head, source)?.is_some() {
            return Err(invalid("a bearer token in the header and one in the query"));
        }
    }
    Ok(())
}

fn bearer(head: &impl Head) -> Result<Option<&[u8]>, Error> {
    let mut values = head.header(HeaderKey::Authorization);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("more than one Authorization header"));
    }
    let Some((scheme, token)) = value.trim_ascii().split_at_checked(6) else {
        return Ok(None);
    };
    match token {
        _ if !scheme.eq_ignore_ascii_case(b"bearer") => Ok(None),
        [] | [b' ', ..] => present(token.trim_ascii_start()).map(Some),
        // The scheme goes on.
        _ => Ok(None),
    }
}

fn header<'a>(head: &'a impl Head, name: &'a str) -> Result<Option<&'a [u8]>, Error> {
    let mut values = head.header(HeaderKey::Named(name));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("the credential's header comes more than once"));
    }
    present(value.trim_ascii()).map(Some)
}

fn present(token: &[u8]) -> Result<&[u8], Error> {
    match token {
        [] => Err(invalid("the credential is empty")),
        token => Ok(token),
    }
}

/// A credential in a header is one word of visible ASCII.
fn visible(token: &[u8]) -> Result<(), Error> {
    // No early exit, so that it runs over many bytes at a time.
    let odd = token
        .iter()
        .fold(false, |odd, byte| odd | !(0x21..=0x7e).contains(byte));
    if odd {
        return Err(invalid("the credential holds spaces or control characters"));
    }
    Ok(())
}

/// The cookie of this name (RFC 6265 section 5.4); several `Cookie` headers count as one.
///
/// What it holds may be garbage: verification says so, and a dead cookie is then removed.
pub(crate) fn cookie<'a>(head: &'a impl Head, name: &str) -> Result<Option<&'a [u8]>, Error> {
    let mut found: Option<&[u8]> = None;
    for header in head.header(HeaderKey::Cookie) {
        for pair in header.split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = pair
                .strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
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

/// What the client says of itself.
#[cfg(feature = "session")]
// For tower alone there are neither extractors nor logins.
#[cfg_attr(
    not(any(feature = "axum", feature = "actix", feature = "client")),
    allow(dead_code)
)]
pub(crate) fn user_agent(head: &impl Head) -> Option<Box<str>> {
    let agent = head.header(HeaderKey::Named("user-agent")).next()?;
    std::str::from_utf8(agent).ok().map(Into::into)
}

/// Whether the client asks for a page.
#[cfg(feature = "client")]
pub(crate) fn accepts_html(head: &impl Head) -> bool {
    head.header(HeaderKey::Named("accept")).any(|accept| {
        accept
            .windows(9)
            .any(|part| part.eq_ignore_ascii_case(b"text/html"))
    })
}

/// The values of a query parameter, percent-decoded.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    query.split('&').filter_map(move |pair| {
        let value = pair.strip_prefix(name)?.strip_prefix('=')?;
        Some(Cow::from(percent_decode_str(value)))
    })
}
