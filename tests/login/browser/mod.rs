//! The quickstarts in a real browser: headless Chromium, driven through WebDriver.
//!
//! Needs `chromium` and `chromedriver`; on Debian: `apt-get install chromium chromium-driver`.

mod example;
mod http;
mod login;
mod other_sites;
mod webdriver;

use example::Example;
use webdriver::Browser;

/// One address of each test's own: the inbox shows everybody's mail.
const ANN: &str = "ann@example.com";

/// Asks for a link and follows it out of the emulator's inbox.
fn log_in(browser: &Browser, app: &Example, email: &str) {
    browser.goto(&app.url("/"));
    browser.type_into("input[name=email]", email);
    browser.click("button");
    browser.wait_for_text("body", &format!("mailed to {email}"));
    browser.click("a[href$='/inbox']");
    // The newest mail stands first.
    browser.click("td a");
    browser.wait_for_text("body", &format!("logged in as {email}"));
    assert_eq!(browser.url(), app.url("/"), "no token is left in the URL");
}
