//! Base URL of a JAM app, which is also the issuer of its tokens.

use crate::core::error::{Error, ensure};
use crate::core::http::checked_url;
use url::Url;

/// Base URL of the hosted service.
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.justauthenticate.me";

/// Returns an app's URL without a trailing slash, appending the app id if it is missing.
pub(crate) fn app_url(base_url: &str, app_id: &str) -> Result<Url, Error> {
    check_app_id(app_id)?;
    let mut url = checked_url(base_url)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::configuration(format!(
            "the base URL '{base_url}' must have no query and no fragment: give its part before \
             '?' and '#'"
        )));
    }
    let path = url.path().trim_end_matches('/');
    let path = if path.rsplit('/').next() == Some(app_id) {
        path.to_owned()
    } else {
        format!("{path}/{app_id}")
    };
    url.set_path(&path);
    Ok(url)
}

/// Returns the `iss` of the tokens of the app at this URL.
pub(crate) fn issuer(app_url: &Url) -> String {
    app_url.as_str().to_owned()
}

fn check_app_id(app_id: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    ensure(
        !app_id.is_empty() && app_id.bytes().all(allowed),
        "the app id must be letters, digits, '-' and '_' only: give the id that JAM shows for the \
         app, such as dcd6555e-edff-4f3d-83c9-3af79ea8f895",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::error::ErrorKind;

    const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";

    fn text(base_url: &str) -> Option<String> {
        app_url(base_url, APP).ok().map(|url| issuer(&url))
    }

    #[test]
    fn app_id_is_appended_once_and_trailing_slash_is_removed() {
        for (base_url, expected) in [
            (DEFAULT_BASE_URL, "https://api.justauthenticate.me/"),
            ("https://api.justauthenticate.me/", "https://api.justauthenticate.me/"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/"),
            ("https://jam.example/auth/v1/", "https://jam.example/auth/v1/"),
        ] {
            let expected = format!("{expected}{APP}");
            assert_eq!(text(base_url).as_deref(), Some(&*expected));
            assert_eq!(text(&expected).as_deref(), Some(&*expected));
            assert_eq!(text(&format!("{expected}/")).as_deref(), Some(&*expected));
        }
    }

    #[test]
    fn invalid_base_urls_and_app_ids_are_rejected() {
        let refused = |base_url: &str, app_id: &str| {
            app_url(base_url, app_id).map_err(|error| error.kind()).err()
                == Some(ErrorKind::Configuration)
        };
        for app_id in ["", "a/b", "..", "a b", "a?b", "a%2Fb", "ä"] {
            assert!(refused(DEFAULT_BASE_URL, app_id), "{app_id}");
        }
        for base_url in [
            "",
            "jam.example",
            "http://jam.example",
            "ftp://jam.example",
            "https://user@jam.example",
            "https://jam.example/?a=b",
            "https://jam.example/#a",
        ] {
            assert!(refused(base_url, APP), "{base_url}");
        }
    }
}
