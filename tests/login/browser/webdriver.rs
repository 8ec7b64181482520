//! Chromium through chromedriver (WebDriver, <https://www.w3.org/TR/webdriver2/>): the ten calls
//! that are needed here are a hundred lines, fewer than a client crate's dependencies.

use crate::browser::http::ask;
use crate::support::wait::until_blocking;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Limit of each wait: shorter than in `until_blocking`, so that a failure shows the page.
const PATIENCE: Duration = Duration::from_secs(25);
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One chromedriver, gone at its end.
pub(crate) struct Driver {
    process: Child,
    address: SocketAddr,
}

impl Driver {
    pub(crate) fn start() -> Self {
        const HOW: &str = "the browser tests need chromium and chromedriver; on Debian: apt-get \
                           install chromium chromium-driver";
        let version = Command::new("chromium").arg("--version").output();
        assert!(version.is_ok(), "'chromium' is missing: {HOW}");
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.unwrap_or_else(|_| panic!("'chromedriver' is missing: {HOW}"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver starts")));
        // It goes on writing: nobody reading would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    /// A browser with the profile of this folder, where it may have been before.
    pub(crate) fn open(&self, profile: &Path) -> Browser {
        let arguments = json!([
            "--headless=new",
            // Tests may run as root, where there is no sandbox.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Loopback and nothing else.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            format!("--user-data-dir={}", profile.display()),
        ]);
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": chromium() },
        }}});
        let session = call(self.address, "POST", "/session", &capabilities).unwrap();
        let id = session["sessionId"].as_str().expect("a session");
        Browser { driver: self.address, path: format!("/session/{id}") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the browser is: chromedriver looks for other names first.
fn chromium() -> String {
    let folders = std::env::var("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .map(|folder| folder.join("chromium"))
        .find(|path| path.is_file());
    found.expect("chromium").display().to_string()
}

/// One call; an error of WebDriver's comes as its text.
fn call(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let body = if method == "POST" { body.to_string() } else { String::new() };
    let (status, answer) =
        ask(driver, method, path, &body).map_err(|error| format!("{method} {path}: {error}"))?;
    let mut answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    match status {
        200 => Ok(answer["value"].take()),
        _ => Err(format!("{method} {path}: {}", answer["value"])),
    }
}

/// One window of one profile, closed at its end.
pub(crate) struct Browser {
    driver: SocketAddr,
    path: String,
}

impl Browser {
    fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        call(self.driver, method, &format!("{}{path}", self.path), &body)
    }

    /// Asks again until there is an answer.
    fn wait<T>(&self, for_what: &str, ask: impl Fn() -> Result<T, String>) -> T {
        let begun = Instant::now();
        let mut found = None;
        until_blocking(for_what, || {
            match ask() {
                Ok(answer) => found = Some(answer),
                Err(error) if begun.elapsed() > PATIENCE => {
                    let page = self.run("return document.documentElement.outerHTML");
                    panic!("{for_what}: {error}\nat {}\n{page}", self.url());
                }
                Err(_) => {}
            }
            found.is_some()
        });
        found.unwrap()
    }

    pub(crate) fn goto(&self, url: &str) {
        self.call("POST", "/url", json!({ "url": url })).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        let url = self.call("GET", "/url", Value::Null).unwrap();
        url.as_str().unwrap().to_owned()
    }

    fn element(&self, css: &str) -> Result<String, String> {
        let using = json!({ "using": "css selector", "value": css });
        let found = self.call("POST", "/element", using)?;
        Ok(found[ELEMENT].as_str().ok_or("no element")?.to_owned())
    }

    pub(crate) fn click(&self, css: &str) {
        self.wait(css, || {
            let element = self.element(css)?;
            self.call("POST", &format!("/element/{element}/click"), json!({}))
        });
    }

    pub(crate) fn type_into(&self, css: &str, text: &str) {
        self.wait(css, || {
            let element = self.element(css)?;
            let path = format!("/element/{element}/value");
            self.call("POST", &path, json!({ "text": text }))
        });
    }

    /// Until an element's text contains this.
    pub(crate) fn wait_for_text(&self, css: &str, text: &str) {
        self.wait(&format!("'{text}' in {css}"), || {
            let element = self.element(css)?;
            let shown = self.call("GET", &format!("/element/{element}/text"), Value::Null)?;
            match shown.as_str() {
                Some(shown) if shown.contains(text) => Ok(()),
                _ => Err(format!("it says {shown}")),
            }
        });
    }

    /// What a script of the page returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.call("POST", "/execute/sync", body).unwrap()
    }

    /// The cookies that the browser has for this page, also those that scripts cannot see.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        let cookies = self.call("GET", "/cookie", Value::Null).unwrap();
        cookies.as_array().unwrap().clone()
    }

    /// The only cookie for this page.
    pub(crate) fn cookie(&self) -> Value {
        let mut cookies = self.cookies();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        cookies.remove(0)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.call("DELETE", "", Value::Null);
    }
}
