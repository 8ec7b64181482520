//! The inbox: captured mails as HTML and JSON.

use super::state::{Mail, Shared};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, VARY};
use axum::response::{Html, IntoResponse, Json, Response};
use serde_json::Value;
use std::{fmt::Write, sync::Arc, time::Duration};

pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mails = shared.mails();
    let body = if wants_json(&headers) {
        Json(mails.iter().map(Mail::to_json).collect::<Value>()).into_response()
    } else {
        Html(page(&mails, shared.clock.now())).into_response()
    };
    ([(CACHE_CONTROL, "no-store"), (VARY, "accept")], body).into_response()
}

/// Whether `Accept` prefers JSON, or accepts it no less than HTML.
fn wants_json(headers: &HeaderMap) -> bool {
    let weight = |media_type: &str| {
        headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let named = parts.next()?.eq_ignore_ascii_case(media_type);
                let weight = parts.find_map(|part| part.strip_prefix("q="));
                named.then(|| weight.map_or(1.0, |text| text.parse().unwrap_or(0.0)))
            })
            .fold(0.0, f32::max)
    };
    let json = weight("application/json");
    json > 0.0 && json >= weight("text/html")
}

fn page(mails: &[Mail], now: Duration) -> String {
    let mut rows = String::new();
    for mail in mails {
        let link = escaped(&mail.link);
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{} s ago</td><td>{}</td><td><a href=\"{link}\">Log in</a></td></tr>",
            escaped(&mail.email),
            now.saturating_sub(mail.sent()).as_secs(),
            escaped(&mail.app_id),
        );
    }
    if mails.is_empty() {
        rows.push_str("<tr><td colspan=\"4\">No mail yet.</td></tr>\n");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"refresh\" content=\"5\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Inbox</title>\n\
         <style>body{{font-family:sans-serif;margin:2em}}td,th{{padding:.3em 1em;text-align:left}}</style>\n\
         </head>\n<body>\n<h1>Inbox</h1>\n\
         <p>An emulated JustAuthenticateMe, for development only: nothing is really mailed.</p>\n\
         <table>\n<tr><th>To</th><th>Sent</th><th>App</th><th>Link</th></tr>\n{rows}</table>\n\
         </body>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    let escapes = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    escapes.iter().fold(text.to_owned(), |text, (c, escape)| text.replace(*c, escape))
}
