//! Shared code of both quickstarts: the JAM emulator, the pages and the printed instructions.

use jamguard::emulator::{AppSettings, Emulator};
use jamguard::policy::{RouteTable, Unmatched, authenticated, email_domain};
use jamguard::store::MemoryStore;
use jamguard::{
    Authenticator, Error, JamApp, JamClient, JamLogin, Policy, SessionCookie, SessionInfo, Sessions,
};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) const APP_ID: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";

#[derive(serde::Deserialize)]
pub(crate) struct User {
    pub(crate) email: String,
}

/// Requires an address at this domain: a JAM token holds only its user's e-mail address.
pub(crate) fn admins() -> Policy {
    email_domain("example.com")
}

/// Builds the route table. Unmatched paths are left to the handlers.
pub(crate) fn table() -> Result<RouteTable, Error> {
    RouteTable::builder(Unmatched::Allow)
        .public("*", "/table/open")
        .guard("*", "/table/admin/{*rest}", admins())
        .guard("*", "/table/{*rest}", authenticated())
        .build()
}

#[derive(serde::Deserialize)]
pub(crate) struct LoginForm {
    pub(crate) email: String,
}

/// The parts that do not depend on the web framework.
pub(crate) struct Quickstart {
    pub(crate) auth: Authenticator,
    pub(crate) client: JamClient,
    pub(crate) login: JamLogin,
    pub(crate) port: u16,
    /// Runs until dropped.
    pub(crate) emulator: Emulator,
}

fn env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            eprintln!("{name} must be a number, not '{text}'");
            std::process::exit(2);
        }),
        Err(_) => default,
    }
}

/// Returns the port from the environment variable, or the default.
fn port(name: &str, default: u16) -> u16 {
    u16::try_from(env(name, default.into())).unwrap_or_else(|_| {
        eprintln!("{name} must be a port, 0 to 65535");
        std::process::exit(2);
    })
}

/// Formats the error for a port that cannot be bound.
pub(crate) fn cannot_listen(port: u16, error: &std::io::Error) -> String {
    format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
}

/// Prints the error, if any, and returns the exit code.
pub(crate) fn exit(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Quickstart {
    pub(crate) async fn start() -> Result<Self, Error> {
        let port = port("PORT", 3000);

        // In production this is https://api.justauthenticate.me, and this block is not needed.
        let emulator = Emulator::builder()
            .port(self::port("JAM_PORT", 4000))
            .on_mail(|mail| println!("mail to {}: {}", mail.email, mail.link))
            .start()
            .await?;
        emulator.add_app(
            AppSettings::new(APP_ID)
                .redirect_url(format!("http://127.0.0.1:{port}/jam-redirect"))
                .allow_refresh(true)
                .id_token_lifetime(Duration::from_secs(env("JAM_TOKEN_SECONDS", 900))),
        )?;
        let base_url = emulator.base_url();

        let client = JamClient::builder(APP_ID).base_url(base_url).build()?;
        // In production use a store that outlives the process: FileStore or RedisStore.
        let sessions = Sessions::builder(MemoryStore::new()).build()?;
        let auth = Authenticator::builder()
            // Both sides use the same clock, so no leeway is needed.
            .jam(JamApp::new(APP_ID).base_url(base_url).leeway(Duration::ZERO))
            // A browser login is a session: its tokens stay on the server.
            .sessions(sessions)
            // For plain http in this example only; by default the cookie is Secure.
            .session_cookie(
                SessionCookie::new().with_name("__Host-quickstart_session").danger_plain_http(),
            )
            .silent_refresh(client.clone())
            .realm("quickstart")
            .build()?;
        let login = JamLogin::builder(&auth, client.clone()).home("/").build()?;
        Ok(Self { auth, client, login, port, emulator })
    }

    pub(crate) fn print_next_steps(&self) {
        let (port, jam) = (self.port, self.emulator.base_url());
        println!(
            "\
The app:          http://127.0.0.1:{port}/
Its JAM service:  {jam}   (an emulator for development; mails: {jam}/inbox)

In a browser: open the app, log in with any address, then click the link in the inbox.

With curl:
  curl -i http://127.0.0.1:{port}/me                      # 401: no token
  curl -i -d email=ann@example.com http://127.0.0.1:{port}/login
  curl -s -H 'accept: application/json' {jam}/inbox       # the mail with its link
  curl -s -L -c jar -b jar 'LINK' > /dev/null             # follow it, keep the cookies
  curl -s -b jar http://127.0.0.1:{port}/me               # the claims
  curl -s -b jar http://127.0.0.1:{port}/devices          # a page with every session
  curl -i -b jar http://127.0.0.1:{port}/admin            # 403 except for …@example.com
  curl -i http://127.0.0.1:{port}/table/open              # public; the rest of /table is not
  curl -i -b jar -X POST http://127.0.0.1:{port}/logout   # or /logout-everywhere

Stop with Ctrl-C."
        );
    }
}

/// Renders the page at `/`.
pub(crate) fn page(user: Option<&User>, inbox: &str) -> String {
    let body = match user {
        Some(user) => format!(
            "<p>You are logged in as <b>{}</b>.</p>\
             <p><a href=\"/me\">your claims</a>, <a href=\"/devices\">your devices</a></p>\
             <form method=\"post\" action=\"/logout\"><button>Log out</button></form>\
             <form method=\"post\" action=\"/logout-everywhere\">\
             <button>Log out everywhere</button></form>",
            escape(&user.email)
        ),
        None => format!(
            "<form method=\"post\" action=\"/login\">\
             <label>E-mail <input name=\"email\" type=\"email\" required autofocus></label> \
             <button>Send me a link</button></form>\
             <p>The mail arrives in the <a href=\"{0}/inbox\">inbox of the JAM emulator</a>.</p>",
            escape(inbox)
        ),
    };
    document(&body)
}

/// Renders the list of a user's sessions; `own` is the handle of the current one.
pub(crate) fn devices(devices: &[SessionInfo], own: Option<&str>) -> String {
    let rows: String = devices
        .iter()
        .map(|device| {
            let here = match own == Some(device.handle()) {
                true => ", this one",
                false => "",
            };
            let seen = device.last_seen().elapsed().unwrap_or_default().as_secs();
            let name = escape(device.device().unwrap_or("unknown"));
            format!("<li>{name}{here}, seen {seen} s ago</li>")
        })
        .collect();
    document(&format!("<p>You are logged in here:</p><ul>{rows}</ul>"))
}

/// Renders the page shown after a link was requested.
pub(crate) fn mail_sent(email: &str, inbox: &str) -> String {
    document(&format!(
        "<p>A link was mailed to {}. Click it in the <a href=\"{}/inbox\">inbox</a>.</p>",
        escape(email),
        escape(inbox)
    ))
}

fn document(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <title>jamguard quickstart</title>\
         <body style=\"font-family: sans-serif; max-width: 40em; margin: 3em auto\">\
         <h1>jamguard quickstart</h1>{body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
