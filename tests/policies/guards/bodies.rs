//! A refused request's body is not read.

use super::{auth, token};
use crate::support::{Around, Guarded, Request, SECRET, World, open, receive, table};
use jamguard::policy::Unmatched;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{MissedTickBehavior, interval, timeout};

const LENGTH: usize = 100_000_000;
/// What may lie in the buffers of both sides, and of the server's HTTP library.
const BUFFERED: usize = 16_000_000;

fn head(path: &str, token: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: app.example\r\ncontent-type: text/plain\r\n\
         authorization: Bearer {token}\r\ncontent-length: {LENGTH}\r\n{more}\r\n"
    )
}

/// Sends a body of 100 MB, some of it every millisecond, until the answer is there: the status, and
/// how much was taken. What servers do to the rest is theirs: actix-web's throws away what comes
/// within a second, so that the client gets to see the answer.
async fn flood(address: SocketAddr, head: &str) -> (u16, usize) {
    let stream = open(address, head.as_bytes()).await;
    let (mut reader, mut writer) = stream.into_split();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let sending = tokio::spawn(async move {
        let chunk = vec![b'x'; 256 * 1024];
        let mut rate = interval(Duration::from_millis(1));
        rate.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while count.load(Ordering::Relaxed) < LENGTH {
            match writer.write(&chunk).await {
                Ok(taken) => count.fetch_add(taken, Ordering::Relaxed),
                Err(_) => break,
            };
            rate.tick().await;
        }
    });
    let mut answer = vec![0; 4096];
    let mut length = 0;
    while !answer[..length].windows(4).any(|four| four == b"\r\n\r\n") {
        let read = timeout(Duration::from_secs(60), reader.read(&mut answer[length..])).await;
        match read.expect("an answer in time") {
            Ok(0) | Err(_) => break,
            Ok(read) => length += read,
        }
    }
    let sent = sent.load(Ordering::Relaxed);
    sending.abort();
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer but '{text}'")), sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_to_a_refused_route_are_not_read() {
    let world = World::new().await;
    let token = token(&world, json!({}));
    let closed = Around::Table(table(Unmatched::Deny));
    for (around, paths) in [
        (Around::Layer, vec!["/admin", "/waits-too", "/area/secret", "/typed"]),
        (Around::Nothing, vec!["/admin"]),
        (closed, vec!["/table/admin/users", "/table/unnamed", "//table/any"]),
    ] {
        let servers = Guarded::new(auth(&world), around).start().await;
        for path in paths {
            let status = match path {
                "//table/any" => 400,
                "/waits-too" => 503,
                _ => 403,
            };
            for (name, address) in servers.each() {
                let (answered, sent) = flood(address, &head(path, &token, "")).await;
                assert_eq!(answered, status, "{name} {path}");
                assert!(sent < BUFFERED, "{name} {path}: {sent} bytes were taken");

                // Nobody asks for the body: the answer is the first thing that comes. (actix-web's
                // server invites bodies by itself, before any middleware.)
                if name == "axum" {
                    let expecting = head(path, &token, "expect: 100-continue\r\n");
                    let mut stream = open(address, expecting.as_bytes()).await;
                    let answer = receive(&mut stream, false).await;
                    assert_eq!(answer.status, status, "{name} {path}");
                }
            }
        }
    }
}

/// The same ways take the body of a request that is let in, so the test above can fail.
#[tokio::test]
async fn the_body_of_an_admitted_request_is_read() {
    let world = World::new().await;
    let admin = super::admin(&world);
    let servers = Guarded::new(auth(&world), Around::Layer).start().await;
    for path in ["/admin", "/waits-too", "/area/secret", "/typed"] {
        let answer = servers.ask(Request::post(path, " and more").bearer(&admin)).await;
        assert_eq!(answer.text(), format!("{SECRET} and more"), "{path}");
    }
    for (name, address) in servers.each() {
        let short = head("/admin", &admin, "expect: 100-continue\r\n").replace("100000000", "4");
        let mut stream = open(address, short.as_bytes()).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 100", "{name}");
    }
}
