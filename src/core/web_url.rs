//! The rule for URLs from which others fetch.

/// Returns whether this is an absolute URL without query and fragment: https, or http on loopback.
///
/// With `plain_http`, http on every host.
pub(crate) fn is_web_url(url: &str, plain_http: bool) -> bool {
    let host = |scheme| {
        let rest = url.strip_prefix(scheme)?;
        let authority = rest.split('/').next()?;
        (!authority.is_empty() && !authority.contains('@')).then_some(authority)
    };
    let loopback = |authority: &str| {
        let (name, port) = authority.rsplit_once(':').unwrap_or((authority, "0"));
        matches!(name, "localhost" | "127.0.0.1" | "[::1]") && port.parse::<u16>().is_ok()
    };
    let plain = |authority: &str| plain_http || loopback(authority);
    let clean = |b: u8| b.is_ascii_graphic() && b != b'?' && b != b'#';
    url.bytes().all(clean) && (host("https://").is_some() || host("http://").is_some_and(plain))
}
