//! Base URL of a JAM app, which is also the issuer of its tokens.

use crate::core::{Error, ensure, network::checked_url};
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
