//! Other sites' pages, and the cookies that browsers add to what they send: refused in both
//! frameworks, in the same bytes.

mod form_tokens;
mod logins;
mod site;

use crate::support::{ANN, Request, Response, World};
use jamguard::{Authenticator, CredentialSource};
use site::{COOKIE, site, start};

const SITE: &str = "sec-fetch-site";

/// What only another origin's page sends.
const FOREIGN: [(&str, &str); 4] = [
    (SITE, "cross-site"),
    (SITE, "same-site"),
    ("origin", "https://evil.example"),
    ("origin", "null"),
];

/// What this site's pages send, or what is no browser.
const OWN: [(&str, &str); 4] =
    [(SITE, "same-origin"), (SITE, "none"), ("origin", "https://app.example"), ("accept", "*/*")];

fn is_refused(answer: &Response) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.header("set-cookie"), None);
    let problem = answer.json();
    assert_eq!(problem["type"], "cross_site");
    assert_eq!(problem["status"], 403);
}

#[tokio::test]
async fn a_sessions_cookie_opens_nothing_to_another_site() {
    let world = start(|auth| auth).await;
    let ann = world.log_in().await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for path in ["/put", "/hello", "/guarded"] {
            for (name, value) in FOREIGN {
                let request = Request::new(method, path).cookie(COOKIE, &ann);
                let asked = world.asked();
                is_refused(&world.ask(request.header(name, value)).await);
                assert_eq!(world.asked(), asked, "the store was asked");
            }
            for (name, value) in OWN {
                let request = Request::new(method, path).cookie(COOKIE, &ann);
                let answer = world.ask(request.header(name, value)).await;
                assert_eq!(answer.status, 200, "{method} {path} {name}: {value}");
            }
        }
    }
    // Nothing else came into the cart than what the own pages put there, through two frameworks.
    let cart = world.ask(Request::get("/cart").cookie(COOKIE, &ann)).await;
    assert_eq!(cart.text(), "32");
}

/// An answer before the body is there: nothing of it was read.
#[tokio::test]
async fn it_is_refused_before_its_body_comes() {
    let world = start(|auth| auth).await;
    let ann = world.log_in().await;
    for (name, address) in world.servers.each() {
        let request = Request::new("POST", "/put")
            .cookie(COOKIE, &ann)
            .header(SITE, "cross-site")
            .header("content-length", "1000000");
        let mut stream = crate::support::open(address, &request.bytes()).await;
        let answer = crate::support::receive(&mut stream, false).await;
        assert_eq!(answer.status, 403, "{name}");
    }
}

#[tokio::test]
async fn reading_is_nobodys_harm() {
    let world = start(|auth| auth).await;
    let ann = world.log_in().await;
    for (name, value) in FOREIGN {
        let request = Request::get("/cart").cookie(COOKIE, &ann);
        let answer = world.ask(request.header(name, value)).await;
        assert_eq!(answer.status, 200);
    }
}

/// Its cookies open it too, and over it goes whatever its page likes.
#[tokio::test]
async fn a_websocket_of_another_site_is_refused() {
    let world = start(|auth| auth).await;
    let ann = world.log_in().await;
    let upgrade = || {
        Request::get("/hello")
            .cookie(COOKIE, &ann)
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
    };
    for (name, value) in FOREIGN {
        is_refused(&world.ask(upgrade().header(name, value)).await);
    }
    for (name, value) in OWN {
        assert_eq!(world.ask(upgrade().header(name, value)).await.status, 200);
    }
}

#[tokio::test]
async fn trusted_origins_are_this_site_too() {
    let trusted = ["https://admin.example", "http://localhost:5173"];
    let world = start(|auth| auth.trusted_origins(trusted)).await;
    let ann = world.log_in().await;
    let put =
        |origin: &str| Request::new("POST", "/put").cookie(COOKIE, &ann).header("origin", origin);
    for origin in trusted {
        for site in ["same-site", "cross-site"] {
            let answer = world.ask(put(origin).header(SITE, site)).await;
            assert_eq!(answer.status, 200, "{origin}");
        }
        assert_eq!(world.ask(put(origin)).await.status, 200, "{origin}");
    }
    for origin in ["http://admin.example", "https://admin.example:8443", "http://localhost"] {
        is_refused(&world.ask(put(origin).header(SITE, "same-site")).await);
    }
    let wrong = Authenticator::builder()
        .sessions(world.sessions.clone())
        .trusted_origins(["https://*.example"])
        .build();
    assert!(wrong.unwrap_err().message().contains("wildcards"));
}

/// The cookie of a token is a cookie; a token in a header is sent by nobody unasked.
#[tokio::test]
async fn tokens_in_cookies_are_guarded_and_bearers_are_not() {
    let jam = World::new().await;
    let own = "api_token";
    let auth = jam.auth().sources([CredentialSource::bearer(), CredentialSource::cookie(own)]);
    let servers =
        crate::support::Servers::start(crate::support::Site::new(auth.build().unwrap())).await;
    let token = jam.token();
    let post = |path: &str| Request::new("POST", path).header(SITE, "cross-site");
    for path in ["/me", "/hello", "/guarded", "/public"] {
        for cookie in ["__Host-jam_id", own] {
            is_refused(&servers.ask(post(path).cookie(cookie, &token)).await);
            // Which is true or not plays no part.
            is_refused(&servers.ask(post(path).cookie(cookie, "garbage")).await);
            // The bearer header is looked at first.
            let both = post(path).bearer(&token).cookie(cookie, &token);
            assert_eq!(servers.ask(both).await.status, 200, "{path}");
        }
        assert_eq!(servers.ask(post(path).bearer(&token)).await.status, 200, "{path}");
    }
    // Without any it is a stranger's request.
    assert_eq!(servers.ask(post("/hello")).await.text(), "Hello, stranger!");
    // Without https of the cookies' own, the scheme cannot count.
    let plain = Request::new("POST", "/me").cookie(own, &token);
    let plain = plain.header("origin", "http://app.example");
    assert_eq!(servers.ask(plain).await.text(), ANN);
}

/// The proxy adds its header to whatever the browser of a logged-in user sends.
#[tokio::test]
async fn attack_49_another_sites_page_uses_the_login_at_a_proxy() {
    let jam = World::new().await;
    let header = "x-assertion";
    let auth = jam.auth().source(CredentialSource::proxy_header(header)).build().unwrap();
    let servers = crate::support::Servers::start(crate::support::Site::new(auth)).await;
    let token = jam.token();
    for path in ["/me", "/hello", "/guarded", "/public"] {
        let post = || Request::new("POST", path).header(header, &token);
        for (name, value) in FOREIGN {
            is_refused(&servers.ask(post().header(name, value)).await);
        }
        for (name, value) in OWN {
            let answer = servers.ask(post().header(name, value)).await;
            assert_eq!(answer.status, 200, "{path} {name}: {value}");
        }
    }
}

#[tokio::test]
async fn it_can_be_left_to_something_else() {
    let world = start(|auth| auth.danger_accept_cross_site()).await;
    let ann = world.log_in().await;
    for (name, value) in FOREIGN {
        let request = Request::new("POST", "/put").cookie(COOKIE, &ann);
        assert_eq!(world.ask(request.header(name, value)).await.status, 200);
    }
}

/// The check stands where nothing else asks: in a guard without the layer.
#[tokio::test]
async fn a_guard_alone_checks_too() {
    let world = site(|auth| auth, false).await;
    let ann = world.log_in_elsewhere().await;
    let request = Request::new("POST", "/guarded").cookie(COOKIE, &ann);
    is_refused(&world.ask(request.clone().header(SITE, "cross-site")).await);
    assert_eq!(world.ask(request).await.status, 200);
}
