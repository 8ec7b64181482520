//! The identifier of a protected resource, and the metadata made of it (RFC 9728).
//!
//! Oracle: the metadata names the identifier as it was given; its URL is that of section 3.1, which the
//! crate url makes; the paths are those of that URL.

use crate::Verdict;
use jamguard::ProtectedResource;
use serde_json::Value;
use url::Url;

pub const WORDS: &[&str] = &[
    "https://",
    "http://",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "api.example",
    ":8080",
    ":443",
    "/mcp",
    "/",
    "//",
    "/.",
    "/..",
    "%2F",
    "%2e",
    "?q",
    "#f",
    "user@",
    "\\",
    "\u{e9}",
    "\t",
    "{",
    "*",
    "\"",
];

pub fn run(data: &[u8]) -> Verdict {
    let Ok(identifier) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let resource = ProtectedResource::builder(identifier)
        .authorization_server("https://login.example.com")
        .scopes(["notes.read"])
        .build();
    let verdict = Verdict::of(&resource);
    let Ok(resource) = resource else {
        return verdict;
    };
    assert_eq!(resource.identifier(), identifier);
    let metadata: Value = serde_json::from_str(resource.metadata()).unwrap();
    assert_eq!(metadata["resource"], identifier);
    let Ok(mut url) = Url::parse(identifier) else {
        // `url` also knows which numbers are an address, and which labels are punycode.
        let authority = identifier.split('/').nth(2).unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with(|c: char| c.is_ascii_digit());
        assert!(is_number || host.to_ascii_lowercase().contains("xn--"), "no URL: {identifier:?}");
        return verdict;
    };
    assert!(url.query().is_none() && url.fragment().is_none(), "{identifier:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{identifier:?}");
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/oauth-protected-resource{path}"));
    let ours = Url::parse(resource.metadata_url()).unwrap();
    assert_eq!(
        ours.as_str().trim_end_matches('/'),
        url.as_str().trim_end_matches('/'),
        "{identifier:?}"
    );
    // The challenge is a quoted string in a header.
    let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    assert!(resource.metadata_url().chars().all(plain), "{:?}", resource.metadata_url());
    for path in resource.metadata_paths() {
        assert!(path.starts_with("/.well-known/oauth-protected-resource"), "{path}");
    }
    let canonical = &resource.metadata_paths()[0];
    assert!(resource.metadata_url().ends_with(&**canonical), "{canonical}");
    verdict
}
