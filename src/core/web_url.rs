//! The rule for URLs from which others fetch.

use std::net::Ipv6Addr;

/// Returns whether this is an absolute URL without query and fragment: https, or http on loopback.
///
/// With `plain_http`, http on every host.
pub(crate) fn is_web_url(url: &str, plain_http: bool) -> bool {
    let host = |scheme| host(url.strip_prefix(scheme)?.split('/').next()?);
    let plain = |host| plain_http || matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let clean = |b: u8| b.is_ascii_graphic() && b != b'?' && b != b'#';
    url.bytes().all(clean) && (host("https://").is_some() || host("http://").is_some_and(plain))
}

/// Returns the host of an authority; `None` with a user name, an empty host, or a port that is none.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of an IPv6 address is not the port's.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "0"),
    };
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let in_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            !host.is_empty() && host.bytes().all(in_name)
        }
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (is_host && is_port).then_some(host)
}
