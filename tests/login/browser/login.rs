//! A login by link, its cookie, its end.

use crate::browser::webdriver::{Browser, Driver};
use crate::browser::{ANN, Example, log_in};
use crate::support::folder::Folder;

fn whole_life(name: &str) {
    let app = Example::start(name);
    let driver = Driver::start();
    let folder = Folder::new(&format!("browser-{name}"));
    let (home, away) = (folder.path().join("home"), folder.path().join("away"));

    let browser = driver.open(&home);
    log_in(&browser, &app, ANN);

    // The cookie as the browser has it.
    let cookie = browser.cookie();
    println!("{name}: {cookie}");
    assert_eq!(cookie["name"], "quickstart_session");
    assert_eq!(cookie["value"].as_str().unwrap().len(), 43);
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Lax");
    assert_eq!(cookie["secure"], false, "the example is plain http");
    assert_eq!(cookie["path"], "/");
    assert_eq!(cookie["domain"], "127.0.0.1");
    let days = (cookie["expiry"].as_u64().unwrap() - now()) / 86_400;
    assert!((29..=30).contains(&days), "kept for {days} days");
    assert_eq!(browser.run("return document.cookie"), "");
    // Her address is at the domain that the guards ask for.
    may(&browser, [200, 200, 200, 200]);
    drop(browser);

    // It comes back after the browser restarted.
    let browser = driver.open(&home);
    browser.goto(&app.url("/"));
    browser.wait_for_text("body", "logged in as ann@example.com");
    assert_eq!(browser.cookie()["value"], cookie["value"]);

    // Another device logs in, and out everywhere.
    let other = driver.open(&away);
    log_in(&other, &app, ANN);
    assert_ne!(other.cookie()["value"], cookie["value"]);
    other.click("form[action='/logout-everywhere'] button");
    other.wait_for_text("body", "Send me a link");
    assert!(other.cookies().is_empty());
    browser.goto(&app.url("/"));
    browser.wait_for_text("body", "Send me a link");
    assert!(browser.cookies().is_empty(), "a dead cookie is removed");

    // And in again, and out here alone.
    log_in(&other, &app, ANN);
    log_in(&browser, &app, ANN);
    browser.click("form[action='/logout'] button");
    browser.wait_for_text("body", "Send me a link");
    assert!(browser.cookies().is_empty());
    other.goto(&app.url("/"));
    other.wait_for_text("body", "logged in as ann@example.com");

    // Somebody else is a user as well, and no admin.
    other.click("form[action='/logout'] button");
    other.wait_for_text("body", "Send me a link");
    may(&other, [401, 200, 401, 401]);
    log_in(&other, &app, "bob@elsewhere.example");
    may(&other, [403, 200, 403, 200]);
}

/// What the guarded routes answer to whoever uses the browser.
fn may(browser: &Browser, expected: [u16; 4]) {
    let paths = ["/admin", "/table/open", "/table/admin/users", "/table/other"];
    for (path, expected) in paths.into_iter().zip(expected) {
        let status = browser.run(&format!(
            "const asked = new XMLHttpRequest(); asked.open('GET', '{path}', false); asked.send(); \
             return asked.status"
        ));
        assert_eq!(status, expected, "{path}");
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_login_in_axum() {
    whole_life("quickstart");
}

#[test]
fn a_login_in_actix() {
    whole_life("quickstart_actix");
}
