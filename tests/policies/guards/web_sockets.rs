//! WebSockets over HTTP/2, which begin with an extended CONNECT (RFC 8441): what a guard asks of a
//! `GET` holds for them too. actix-web's server does not offer them.

use super::{admin, auth, token};
use crate::support::World;
use axum::Router;
use axum::http::{Method, Request, StatusCode};
use axum::routing::{any, get};
use h2::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use jamguard::policy::{RouteTable, Unmatched, role};
use serde_json::json;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};

/// A server of HTTP/2 that offers WebSockets.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let mut server =
                    hyper_util::server::conn::auto::Builder::new(TokioExecutor::new()).http2_only();
                server.http2().enable_connect_protocol();
                server.serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
    address
}

/// The answer to a handshake with these headers.
async fn handshake(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    // The server's settings say that it offers WebSockets: they come with its first frame.
    let mut client = client.ready().await.unwrap();
    while !client.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://app.example{path}"))
        .extension(Protocol::from_static("websocket"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (answer, _stream) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let status = answer.await.unwrap().status();
    connection.abort();
    status
}

#[tokio::test]
async fn a_rule_for_get_guards_a_web_socket_over_http_2() {
    let world = World::new().await;
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("GET", "/socket", role("admin"))
        .public("GET", "/news")
        .guard("POST", "/orders", role("admin"))
        .build()
        .unwrap();
    let open = || any(|| async { "open" });
    let router = Router::new()
        .route("/socket", open())
        .route("/news", open())
        .route("/orders", open())
        .layer(auth(&world).routes(table));
    let address = serve(router).await;
    let (admin, user) = (admin(&world), token(&world, json!({"roles": ["user"]})));
    let (admin, user) = (format!("Bearer {admin}"), format!("Bearer {user}"));
    for (path, headers, expected) in [
        ("/socket", &[][..], StatusCode::UNAUTHORIZED),
        ("/socket", &[("authorization", &*user)], StatusCode::FORBIDDEN),
        ("/socket", &[("authorization", &*admin)], StatusCode::OK),
        ("/SOCKET", &[], StatusCode::UNAUTHORIZED),
        ("/news", &[], StatusCode::OK),
        // No rule of this pattern is one for WebSockets.
        ("/orders", &[("authorization", &*admin)], StatusCode::FORBIDDEN),
    ] {
        assert_eq!(handshake(address, path, headers).await, expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_web_socket_of_another_site_over_http_2_is_refused() {
    let world = World::new().await;
    let auth = auth(&world);
    let router = Router::new()
        .route("/socket", any(|| async { "open" }))
        .route("/page", get(|| async { "page" }))
        .layer(auth.layer());
    let address = serve(router).await;
    let cookie = format!("__Host-jam_id={}", world.token());
    for (name, value, expected) in [
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-site", StatusCode::FORBIDDEN),
        ("origin", "https://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("origin", "https://app.example", StatusCode::OK),
        ("sec-fetch-site", "same-origin", StatusCode::OK),
    ] {
        let headers = [("cookie", &*cookie), (name, value)];
        assert_eq!(handshake(address, "/socket", &headers).await, expected, "{name}: {value}");
    }
}
