//! The example `oauth2_login`, used as a browser uses it.

#[allow(dead_code)]
#[path = "../../../examples/oauth2_login.rs"]
mod oauth2_login;

use crate::login::site::Browser;
use crate::support::{Request, send};
use oauth2_login::provider::Provider;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test]
async fn oauth2_login_from_the_page_to_the_logout() {
    let listen = async || TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (site, provider) = (listen().await, listen().await);
    let address = |listener: &TcpListener| listener.local_addr().unwrap();
    let (site_at, provider_at) = (address(&site), address(&provider));
    let (site_url, issuer) = (format!("http://{site_at}"), format!("http://{provider_at}"));
    let app = oauth2_login::app(&site_url, &issuer).unwrap();
    let serving = Provider::new(&issuer, &format!("{site_url}/callback")).unwrap().app().unwrap();
    tokio::spawn(async move { axum::serve(site, app).await });
    tokio::spawn(async move { axum::serve(provider, serving).await });

    let mut browser = Browser::new(site_at);
    assert!(browser.get("/").await.text().contains("Log in"));
    assert_eq!(browser.get("/me").await.status, 401);
    let begun = browser.begin("?return_to=/me").await;
    let place = begun.answer.header("location").unwrap();
    let place = place.strip_prefix(&issuer).unwrap().to_owned();
    let page = send(provider_at, &Request::get(&place)).await;
    assert!(page.text().contains("Who are you?"));
    let chosen = send(provider_at, &Request::get(&format!("{place}&user=ann"))).await;
    let back = chosen.header("location").unwrap().strip_prefix(&site_url).unwrap().to_owned();
    let answer = browser.get(&back).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/me")));
    assert!(browser.cookies.contains_key("oauth2_login_session"));
    let me: Value = browser.get("/me").await.json();
    assert_eq!(me, json!({"sub": "ann", "email": "ann@example.com"}));
    assert_eq!(browser.get("/orders").await.json(), json!({"orders": 3}));
    assert_eq!(browser.get(&back).await.status, 400);
    assert_eq!(browser.ask(Request::post("/logout", "")).await.status, 204);
    assert_eq!(browser.get("/me").await.status, 401);
}
