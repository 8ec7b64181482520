//! Tokens of our own: what an issuer promises, what it refuses, and its keys, rotated under use.

mod algorithms;
mod facade;
mod lists;
mod nonsense;
mod ring;

use crate::support::tokens::{AUDIENCE, ISSUER, NOW, verify};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind, Issuer, IssuerBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

fn sound() -> IssuerBuilder {
    Issuer::builder()
        .key(key(Algorithm::ES256))
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(ManualClock::at(NOW))
}

/// Issuers of keys in memory never wait.
fn issue<T: Serialize + ?Sized>(issuer: &Issuer, claims: &T) -> Result<String, Error> {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    let answer = std::pin::pin!(issuer.issue(claims));
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(token) => token.map(|token| token.expose().to_owned()),
        Poll::Pending => panic!("an issuer of keys in memory waits for something"),
    }
}

/// A part of a token as JSON: 0 the header, 1 the claims.
fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&crate::support::tokens::decode(
        crate::support::tokens::parts(token)[at],
    ))
    .unwrap()
}

fn claims_text(token: &str) -> String {
    String::from_utf8(crate::support::tokens::decode(crate::support::tokens::parts(token)[1]))
        .unwrap()
}
