//! A server that is down, hangs, or comes back.

use super::{TOKEN, answer};
use crate::support::issuer::{ISSUER, NOW};
use crate::support::wait;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use jamguard::ErrorKind::*;
use jamguard::testing::ManualClock;
use jamguard::{Introspection, Verifier};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// Loopback address that no server listens at.
async fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap()
}

async fn serve(address: SocketAddr, router: Router) -> AbortHandle {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle()
}

fn sound() -> Router {
    Router::new().route("/introspect", post(async || answer().to_string()))
}

fn verifier(address: SocketAddr, timeout: u64) -> (Introspection, Verifier) {
    let introspection = Introspection::builder(format!("http://{address}/introspect"))
        .client_secret_basic("api", "s3cret")
        .timeout(Duration::from_secs(timeout))
        .build()
        .unwrap();
    let verifier = Verifier::builder()
        .introspection(introspection.clone())
        .issuer(ISSUER)
        .audience("api")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    (introspection, verifier)
}

#[tokio::test]
async fn a_server_that_is_down_is_spared_and_back_within_a_second() {
    let address = free_address().await;
    let (introspection, verifier) = verifier(address, 2);
    let begun = Instant::now();
    let mut refused = 0;
    while begun.elapsed() < Duration::from_millis(1_500) {
        let token = format!("token{refused}");
        let error = verifier.verify(&token).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{error}");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // One at once, then one each half second.
    let calls = introspection.calls();
    assert!((3..=6).contains(&calls), "{calls} calls for {refused} requests");

    let server = serve(address, sound()).await;
    let back = wait::until("back", async || verifier.verify(TOKEN).await.is_ok()).await;
    println!("the introspection server is back: first token accepted after {back:?}");
    assert!(back <= Duration::from_secs(1), "{back:?}");
    server.abort();
}

#[tokio::test]
async fn the_answer_within_an_outage_says_when_to_try_again() {
    let (introspection, verifier) = verifier(free_address().await, 2);
    for _ in 0..2 {
        verifier.verify("a").await.unwrap_err();
    }
    let calls = introspection.calls();
    let error = verifier.verify("b").await.unwrap_err();
    assert!(error.message().ends_with("(a moment ago)"), "{error}");
    assert!(error.retry_after().unwrap() <= Duration::from_millis(500));
    assert_eq!(introspection.calls(), calls);
}

/// Attempts continue while earlier ones still wait for an answer.
#[tokio::test]
async fn a_server_that_hung_is_back_within_a_second() {
    let address = free_address().await;
    let (_, verifier) = verifier(address, 2);
    let silent = TcpListener::bind(address).await.unwrap();
    let hung = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let ask = |number: usize| {
        let verifier = verifier.clone();
        tokio::spawn(async move { verifier.verify(&format!("token{number}")).await.map(drop) })
    };
    assert_eq!(ask(0).await.unwrap().unwrap_err().kind(), Unavailable);
    // The next attempt hangs until its deadline of a second.
    let hanging = ask(1);
    wait::until("others are refused at once", async || {
        let begun = Instant::now();
        ask(2).await.unwrap().is_err() && begun.elapsed() < Duration::from_millis(100)
    })
    .await;
    hung.abort();
    wait::until("the address is free", async || TcpListener::bind(address).await.is_ok()).await;
    let server = serve(address, sound()).await;
    let mut number = 3;
    let back = wait::until("a token is accepted", async || {
        number += 1;
        let token = format!("token{number}");
        let answer = tokio::time::timeout(Duration::from_millis(200), verifier.verify(&token));
        answer.await.is_ok_and(|answer| answer.is_ok())
    })
    .await;
    assert!(back <= Duration::from_secs(1), "{back:?}");
    assert!(hanging.await.unwrap().is_err());
    server.abort();
}

/// A token that the server answers with an error must not shut out all others.
#[tokio::test]
async fn a_token_that_the_server_fails_on_does_not_cause_an_outage() {
    let address = free_address().await;
    let router = Router::new().route(
        "/introspect",
        post(async |body: String| match body.contains("token=bad") {
            true => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
            false => (StatusCode::OK, answer().to_string()),
        }),
    );
    let server = serve(address, router).await;
    let (_, verifier) = verifier(address, 2);
    for number in 0..20 {
        let bad = verifier.verify(&format!("bad{number}")).await.unwrap_err();
        assert_eq!(bad.kind(), Unavailable);
        verifier.verify(&format!("good{number}")).await.unwrap();
    }
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_are_limited() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (now, most.clone());
    let router = Router::new().route(
        "/introspect",
        post(async move || {
            let (now, most) = counts;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer().to_string()
        }),
    );
    let address = free_address().await;
    let server = serve(address, router).await;
    let (_, verifier) = verifier(address, 50);
    let mut crowd = JoinSet::new();
    for number in 0..500 {
        let verifier = verifier.clone();
        crowd.spawn(async move { verifier.verify(&format!("t{number}")).await.map(drop) });
    }
    for answer in crowd.join_all().await {
        answer.unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= 64, "{most:?}");
    server.abort();
}
