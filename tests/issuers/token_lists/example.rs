//! The example `local_jwt`, used as its users use it.

#[allow(dead_code)]
#[path = "../../../examples/local_jwt.rs"]
mod local_jwt;

use crate::support::wait::until;
use crate::support::{Request, Response, send, serve_axum};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

struct Client(SocketAddr);

impl Client {
    async fn post(&self, path: &str, token: &str, body: Value) -> Response {
        let request = Request::post(path, &body.to_string());
        let mut request = request.header("content-type", "application/json");
        if !token.is_empty() {
            request = request.bearer(token);
        }
        send(self.0, &request).await
    }

    async fn login(&self, user: &str) -> (String, String) {
        let login = json!({"user": user, "password": "open sesame", "device": "laptop"});
        pair(&self.post("/login", "", login).await)
    }

    async fn refresh(&self, token: &str) -> Response {
        self.post("/refresh", "", json!({"refresh_token": token})).await
    }

    async fn me(&self, token: &str) -> u16 {
        send(self.0, &Request::get("/me").bearer(token)).await.status
    }
}

/// Access and refresh token.
fn pair(answer: &Response) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["token_type"], "Bearer");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn local_jwt_from_login_to_logout() {
    let (address, _task) = serve_axum(local_jwt::app().unwrap()).await;
    let client = Client(address);
    let wrong = json!({"user": "ann", "password": "wrong"});
    assert_eq!(client.post("/login", "", wrong).await.status, 401);
    let (access, refresh) = client.login("ann").await;
    let me = send(address, &Request::get("/me").bearer(&access)).await;
    assert_eq!((me.status, me.json()), (200, json!({"user": "ann"})));

    let (second, next) = pair(&client.refresh(&refresh).await);
    assert_eq!(client.me(&second).await, 200);
    assert_eq!(client.me(&access).await, 200);
    // The old one again, in time: the same new one.
    assert_eq!(pair(&client.refresh(&refresh).await).1, next);

    let out = client.post("/logout", &second, json!({"refresh_token": next})).await;
    assert_eq!(out.status, 200);
    assert_eq!(client.me(&second).await, 401);
    for ended in [&refresh, &next] {
        let refused = client.refresh(ended).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.text(), r#"{"error":"invalid_grant"}"#);
        assert_eq!(refused.header("content-type"), Some("application/json"));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
    // Another token of the same login lives on until it expires, or:
    assert_eq!(client.me(&access).await, 200);
    let (other, other_refresh) = client.login("ann").await;
    let (bob, bobs_refresh) = client.login("bob").await;
    let everywhere = client.post("/logout-everywhere", &access, json!({})).await;
    assert_eq!(everywhere.text(), "ann is logged out of 1 devices\n");
    for token in [&access, &other] {
        assert_eq!(client.me(token).await, 401);
    }
    assert_eq!(client.refresh(&other_refresh).await.status, 400);
    assert_eq!(client.me(&bob).await, 200);
    pair(&client.refresh(&bobs_refresh).await);
    // From the next second on she may come back.
    let after = until("she is logged in again", async || {
        let (access, _) = client.login("ann").await;
        client.me(&access).await == 200
    });
    let after = after.await;
    assert!(after < Duration::from_secs(2), "{after:?}");
}
