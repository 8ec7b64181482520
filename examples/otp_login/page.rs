//! The HTML pages: plain forms without scripts.

use jamguard::Secret;

/// Escapes user input for HTML.
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn page(content: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>jamguard: a second factor</title>
<style>
  body {{ font-family: sans-serif; max-width: 36em; margin: 3em auto; padding: 0 1em }}
  form {{ margin: 1em 0 }}
  svg {{ max-width: 18em; height: auto; display: block }}
  code, li {{ font-family: monospace; overflow-wrap: anywhere }}
</style>
<h1>A second factor</h1>
{content}
"#
    )
}

/// Renders a form with one field for a code, which browsers can fill in.
fn code_form(action: &str, label: &str, button: &str) -> String {
    format!(
        r#"<form method="post" action="{action}"><label>{label}
<input name="code" autocomplete="one-time-code" required autofocus></label>
<button>{button}</button></form>"#
    )
}

const LOGOUT: &str = r#"<form method="post" action="/logout"><button>Log out</button></form>"#;

pub(crate) fn problem(word: &str) -> String {
    page(&format!(r#"<p role="alert">{}</p><p><a href="/">Back</a></p>"#, text(word)))
}

pub(crate) fn login() -> String {
    page(
        r#"<form method="post" action="/login">
<p><label>Name <input name="user" autocomplete="username" required></label>
<p><label>Password <input name="password" type="password" required></label> (it is: open sesame)
<p><button>Log in</button></form>"#,
    )
}

/// Renders the page without a second factor; `passed` is for one removed during this session.
pub(crate) fn set_up(user: &str, passed: bool) -> String {
    let how = match passed {
        false => {
            r#"with your password only. The <a href="/vault">vault</a> needs a second factor."#
        }
        true => {
            r#"with both factors, but the second one was removed since. The <a href="/vault">vault</a> is open
until you log out."#
        }
    };
    page(&format!(
        r#"<p>You are logged in as {}, {how}</p>
<form method="post" action="/enrol"><button>Set up a second factor</button></form>{LOGOUT}"#,
        text(user)
    ))
}

pub(crate) fn scan(image: &str, secret: &str, uri: &str) -> String {
    let groups: Vec<String> = secret
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    page(&format!(
        r#"<p>Scan this with your authenticator app:</p>
{image}
<p>or enter <code id="secret">{}</code>, or <a href="{}">open the app</a> on this device.</p>{}"#,
        groups.join(" "),
        text(uri),
        code_form("/confirm", "The code from the app", "Confirm")
    ))
}

pub(crate) fn recovery_codes(codes: &[Secret]) -> String {
    let items: String = codes.iter().map(|code| format!("<li>{}</li>\n", code.expose())).collect();
    page(&format!(
        r#"<p>Print these recovery codes. Each logs you in once if you lose your authenticator. They are not
shown again.</p>
<ol id="codes">
{items}</ol><p><a href="/">Continue</a></p>"#
    ))
}

pub(crate) fn ask_for_code(user: &str) -> String {
    page(&format!(
        r"<p>You are logged in as {}, with your password only.</p>{}{}{LOGOUT}",
        text(user),
        code_form("/code", "The code from your authenticator app", "Continue"),
        code_form("/recover", "or a recovery code", "Use it")
    ))
}

pub(crate) fn welcome(user: &str, left: usize) -> String {
    page(&format!(
        r#"<p>You are logged in as {}, with both factors. The <a href="/vault">vault</a> is open.</p>
<p>You have {left} recovery codes.</p>
<form method="post" action="/new-codes"><button>Generate new ones</button></form>
<form method="post" action="/remove"><button>Remove the second factor</button></form>{LOGOUT}"#,
        text(user)
    ))
}
