//! The argument of a preset, such as a tenant's domain, checked before it enters a URL.

use crate::core::Error;
use crate::core::mismatch::list;

/// The form of an argument.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A host name, also written as `https://host/`.
    Host,
    /// An https URL, or http on loopback, without a slash at the end.
    Url,
    /// A URL with the path `/oauth2/…` of a custom authorization server of Okta.
    OktaIssuer,
    /// A UUID.
    Uuid,
    /// The ID of a Cognito user pool: its region, `_` and a name.
    UserPool,
    /// Letters, digits, `.`, `_`, `:` and `-`.
    Name,
    /// Names with slashes between them.
    Path,
}

/// An argument of this form, with where to find it at the provider.
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) advice: &'static str,
}

impl Argument {
    /// Returns the checked value.
    ///
    /// # Errors
    /// A configuration error that says where to find the value.
    pub(super) fn check(&self, preset: &str, value: &str) -> Result<String, Error> {
        let Self { name, form, advice } = self;
        let value = value.trim();
        if value.is_empty() {
            return Err(Error::configuration(format!(
                "the preset `{preset}` lacks its {name}: {advice}"
            )));
        }
        form.read(value).ok_or_else(|| {
            let shown = list(&[value], "");
            Error::configuration(format!(
                "{shown} is not a valid {name} of the preset `{preset}`: {advice}"
            ))
        })
    }
}

impl Form {
    fn read(self, value: &str) -> Option<String> {
        let trimmed = value.trim_end_matches('/');
        let is_name = |text: &str| {
            let is_valid = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
            !text.is_empty() && text.chars().all(is_valid) && text.chars().any(|c| c != '.')
        };
        match self {
            Self::Host => {
                let host = value.strip_prefix("https://").unwrap_or(value);
                let host = host.strip_suffix('/').unwrap_or(host);
                (is_name(host) && !host.contains(':')).then(|| host.to_ascii_lowercase())
            }
            // Key sets and discovery check the URL.
            Self::Url => trimmed.contains("://").then(|| trimmed.to_owned()),
            Self::OktaIssuer => {
                let (_, server) = trimmed.split_once("/oauth2/")?;
                is_name(server).then(|| trimmed.to_owned())
            }
            Self::Uuid => {
                let lengths = value.split('-').map(str::len);
                let is_hex = value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
                let is_uuid = is_hex && lengths.eq([8, 4, 4, 4, 12]);
                is_uuid.then(|| value.to_ascii_lowercase())
            }
            Self::UserPool => {
                let (region, pool) = value.split_once('_')?;
                let is_valid = is_name(region) && pool.bytes().all(|b| b.is_ascii_alphanumeric());
                (is_valid && !pool.is_empty()).then(|| value.to_owned())
            }
            Self::Name => is_name(value).then(|| value.to_owned()),
            Self::Path => value.split('/').all(is_name).then(|| value.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Form::{self, *};

    #[test]
    fn arguments_are_checked_before_they_enter_a_url() {
        let read = Form::read;
        for text in ["acme.eu.auth0.com", "https://acme.eu.auth0.com/", "ACME.eu.auth0.com"] {
            assert_eq!(read(Host, text).as_deref(), Some("acme.eu.auth0.com"));
        }
        for text in ["a b", "a/b", "a?b", "a#b", "a@b", "http://a", "a\u{e9}", "..", "https://"] {
            assert_eq!(read(Host, text), None, "{text}");
            assert_eq!(read(Name, text), None, "{text}");
        }
        assert_eq!(read(Path, "acme/shop").as_deref(), Some("acme/shop"));
        for text in ["acme/", "/acme", "acme//shop", "acme/../shop", "acme/*"] {
            assert_eq!(read(Path, text), None, "{text}");
        }
        let tenant = "3A1B6C2E-5d0f-4c1a-9c53-0a5d1b1a7f10";
        assert_eq!(read(Uuid, tenant), Some(tenant.to_ascii_lowercase()));
        for text in ["common", "acme.onmicrosoft.com", "3a1b6c2e5d0f4c1a9c530a5d1b1a7f10", "----"] {
            assert_eq!(read(Uuid, text), None, "{text}");
        }
        assert!(read(UserPool, "eu-central-1_a1B2c3").is_some());
        for text in ["eu-central-1", "eu-central-1_", "_a", "eu/../us_a", "eu-central-1_a/b"] {
            assert_eq!(read(UserPool, text), None, "{text}");
        }
        let url = read(Url, "https://sso.example.com/realms/shop/");
        assert_eq!(url.as_deref(), Some("https://sso.example.com/realms/shop"));
        assert_eq!(read(Url, "sso.example.com"), None);
    }
}
