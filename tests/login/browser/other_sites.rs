//! Other sites' pages, open in the browser of a user who is logged in.

use crate::browser::http::serve_page;
use crate::browser::webdriver::{Browser, Driver};
use crate::browser::{ANN, Example, log_in};
use crate::support::folder::Folder;

/// A page that posts a form to the app as soon as it is open.
fn attack(app: &Example, path: &str) -> u16 {
    serve_page(format!(
        "<!doctype html><title>Kittens</title><form method=\"post\" action=\"{}\"></form>\
         <script>document.forms[0].submit()</script>",
        app.url(path)
    ))
}

fn is_logged_in(browser: &Browser, app: &Example) {
    browser.goto(&app.url("/"));
    browser.wait_for_text("body", "logged in as ann@example.com");
}

fn attacked(name: &str) {
    let app = Example::start(name);
    let driver = Driver::start();
    let folder = Folder::new(&format!("browser-attacked-{name}"));
    let browser = driver.open(folder.path());
    log_in(&browser, &app, ANN);
    // What comes without the cookie is a stranger's logout: that of nobody.
    for (path, stranger) in
        [("/logout", "logged in as"), ("/logout-everywhere", "missing_credentials")]
    {
        let port = attack(&app, path);
        // Another port of the same host: the same site to SameSite, which sends the cookie.
        browser.goto(&format!("http://127.0.0.1:{port}/"));
        browser.wait_for_text("body", "cross_site");
        assert_eq!(browser.url(), app.url(path), "the form was sent");
        is_logged_in(&browser, &app);
        // Another host: the cookie stays at home.
        browser.goto(&format!("http://localhost:{port}/"));
        browser.wait_for_text("body", stranger);
        is_logged_in(&browser, &app);
    }
    // The page's own button does what the others' could not.
    browser.click("form[action='/logout'] button");
    browser.wait_for_text("body", "Send me a link");
}

#[test]
fn another_sites_form_does_nothing_in_axum() {
    attacked("quickstart");
}

#[test]
fn another_sites_form_does_nothing_in_actix() {
    attacked("quickstart_actix");
}
