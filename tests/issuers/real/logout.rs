//! Logout at an issuer as a browser does it (OpenID Connect RP-Initiated Logout 1.0).

use super::issuer::Announced;
use super::metadata::Metadata;
use super::probe::{authorization, web};
use crate::support::browser::Browser;
use url::Url;

const STATE: &str = "logged-out-here";

/// A user who has logged in.
pub(super) struct LoggedIn {
    pub(super) browser: Browser,
    pub(super) id_token: String,
}

/// Follows the issuer's logout and says where the browser ends up.
pub(super) async fn probe(
    announced: &Announced,
    metadata: &Metadata,
    user: Option<LoggedIn>,
) -> String {
    let mut seen = Vec::new();
    if let Some(endpoint) = metadata.end_session_endpoint() {
        seen.push(match user {
            Some(user) => log_out(announced, endpoint, user).await,
            None => "announced, but there is no login".to_owned(),
        });
    }
    seen.extend(metadata.logout_channels().into_iter().map(|name| format!("{name} announced")));
    if seen.is_empty() { "none".to_owned() } else { seen.join(", ") }
}

async fn log_out(announced: &Announced, endpoint: &str, user: LoggedIn) -> String {
    let LoggedIn { mut browser, id_token } = user;
    let home = announced.logged_out.as_deref().expect("a registered post_logout_redirect_uri");
    let mut parameters =
        vec![("id_token_hint", &*id_token), ("post_logout_redirect_uri", home), ("state", STATE)];
    let was_known = is_known(announced, &mut browser).await;
    browser.submitted = 0;
    let mut came = visit(endpoint, &parameters, home, &mut browser).await;
    let question = if browser.submitted == 0 { "" } else { " after a question" };
    let session = match (was_known, is_known(announced, &mut browser).await) {
        (true, true) => ", the session goes on",
        (true, false) => ", the session has ended",
        (false, _) => "",
    };
    if !came.starts_with("back") {
        parameters.push(("client_id", &announced.client_id));
        let named = visit(endpoint, &parameters, home, &mut browser).await;
        if named.starts_with("back") {
            came = format!("{named} if the request names the client");
        }
    }
    format!("{came}{question}{session}")
}

/// Visits the endpoint, agrees on the page that it shows, if it shows one, and says what came.
async fn visit(
    endpoint: &str,
    parameters: &[(&str, &str)],
    home: &str,
    browser: &mut Browser,
) -> String {
    let url = Url::parse_with_params(endpoint, parameters).unwrap();
    let fields = browser.fields.take();
    let mut end = browser.visit(url.as_str(), home).await;
    browser.fields = fields;
    if end.starts_with(endpoint) {
        end = browser.visit(url.as_str(), home).await;
    }
    match end.strip_prefix(home) {
        Some(rest) if rest == format!("?state={STATE}") => "back with `state`".to_owned(),
        Some(_) => "back without `state`".to_owned(),
        None if browser.status == 200 => "another page".to_owned(),
        None => {
            println!("{end}: {}", browser.page);
            format!("refused with {}", browser.status)
        }
    }
}

/// Whether the issuer gives a code without a page for the user (`prompt=none`).
async fn is_known(announced: &Announced, browser: &mut Browser) -> bool {
    let fields = browser.fields.take();
    let client = web(announced);
    let request = authorization(announced, &client).parameter("prompt", "none");
    let request = request.begin().await.unwrap();
    let end = browser.visit(request.url(), &announced.callback).await;
    browser.fields = fields;
    end.starts_with(&announced.callback) && end.contains("code=")
}
