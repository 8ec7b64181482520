//! [`Target`]: the URL that a proof is for, in a form that can be compared.

/// An http or https URL without query and fragment, normalized (RFC 3986 sections 6.2.2 and 6.2.3).
///
/// Normalization: scheme and host in lower case, no default port, percent-encoding in upper case and
/// only where needed, no dot segments, `/` for an empty path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    /// Parses an absolute URL; `None` for another scheme, a user name, or characters that a URL does
    /// not have.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match &*scheme {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~[]:".contains(c);
        if !authority.chars().all(is_host) {
            return None;
        }
        // The last colon is the port's, except in an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        if host.is_empty() || !port.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mut target = format!("{scheme}://{}", host.to_ascii_lowercase());
        if !port.is_empty() && port != default_port {
            target.push(':');
            target.push_str(port);
        }
        target.push_str(&normal_path(path)?);
        Some(Self(target))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Normalizes a path; `None` for an incomplete escape or a character that must be escaped.
fn normal_path(path: &str) -> Option<String> {
    let mut segments: Vec<String> = Vec::new();
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        let segment = normal_segment(segment)?;
        ends_in_dots = matches!(&*segment, "." | "..");
        match &*segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if ends_in_dots {
        segments.push(String::new());
    }
    Some(format!("/{}", segments.join("/")))
}

fn normal_segment(segment: &str) -> Option<String> {
    let mut normal = String::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                // Two hexadecimal digits are at most 255.
                let value = char::from(u8::try_from(high * 16 + low).ok()?);
                match value {
                    value if value.is_ascii_alphanumeric() || "-._~".contains(value) => {
                        normal.push(value);
                    }
                    value => normal.push_str(&format!("%{:02X}", u32::from(value))),
                }
            }
            0x21..=0x7e => normal.push(char::from(byte)),
            _ => return None,
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(url: &str) -> Option<String> {
        Target::parse(url).map(|target| target.0)
    }

    #[test]
    fn spellings_of_one_url_are_equal() {
        for (url, expected) in [
            ("https://api.example", "https://api.example/"),
            ("HTTPS://API.Example:443/", "https://api.example/"),
            ("http://api.example:80/a", "http://api.example/a"),
            ("http://api.example:443/a", "http://api.example:443/a"),
            ("https://api.example:/a", "https://api.example/a"),
            ("https://[::1]:8443/a", "https://[::1]:8443/a"),
            ("https://[::1]/a", "https://[::1]/a"),
            ("https://api.example/a?q=1#part", "https://api.example/a"),
            ("https://api.example?q=1", "https://api.example/"),
            ("https://api.example#part", "https://api.example/"),
            ("https://api.example/%7ea/%c3%a4", "https://api.example/~a/%C3%A4"),
            ("https://api.example/a%2fb", "https://api.example/a%2Fb"),
            ("https://api.example/a/./b/../c", "https://api.example/a/c"),
            ("https://api.example/a/%2e%2E/b", "https://api.example/b"),
            ("https://api.example/a/..", "https://api.example/"),
            ("https://api.example/../a/.", "https://api.example/a/"),
            ("https://api.example//a//", "https://api.example//a//"),
        ] {
            assert_eq!(normal(url).as_deref(), Some(expected), "{url}");
            assert_eq!(normal(expected).as_deref(), Some(expected), "{expected}");
        }
    }

    #[test]
    fn other_texts_are_not_urls() {
        for url in [
            "",
            "/a",
            "api.example/a",
            "ftp://api.example/a",
            "https:///a",
            "https://:443/a",
            "https://user@api.example/a",
            "https://api.example:port/a",
            "https://api.example\\a",
            "https://api.ex\u{e4}mple/a",
            "https://api.example/\u{e4}",
            "https://api.example/a b",
            "https://api.example/%",
            "https://api.example/%2",
            "https://api.example/%zz",
            "https://api.example/%+1",
        ] {
            assert_eq!(normal(url), None, "{url}");
        }
    }
}
