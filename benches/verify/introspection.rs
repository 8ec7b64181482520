//! Row I: a remembered answer of introspection against a cached JWT of the same text.

use super::support::arrivals::Arrivals;
use super::support::tokens::{self, AUDIENCE, ISSUER};
use super::support::{Bar, Effort, Pairs, Table, labelled, now};
use jamguard::{Introspection, Verifier};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

pub(crate) fn introspected(table: &Table, effort: Effort, tokens: &[String], jwts: &Verifier) {
    let opaque = remembered(tokens, jwts);
    let in_turn: Vec<usize> = (0..tokens.len()).collect();
    for (pattern, order) in [("one token", &[0][..]), ("1,000 tokens in turn", &in_turn)] {
        let measured = |verifier| {
            let mut arrivals = Arrivals::new(tokens, order);
            move || {
                let mut pass = || {
                    arrivals.nanos_each(20_000, |token| {
                        black_box(now(Verifier::verify(verifier, token))).unwrap();
                    })
                };
                // Not measured: the other verifier's tokens have the same places in the thread's cache.
                pass();
                pass()
            }
        };
        let pairs = Pairs::measure(effort.pick(101, 31), measured(jwts), measured(&opaque));
        table.row(
            "I",
            &format!("introspected, remembered, {pattern}"),
            (labelled("cached JWT", pairs.a()), labelled("introspected", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::AtMost(1.3),
        );
    }
}

/// Returns a verifier that remembers the answers about all these tokens.
///
/// The JWTs are verified again in between, so that both caches are filled amid the same traffic.
fn remembered(tokens: &[String], jwts: &Verifier) -> Verifier {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    let introspection = Introspection::builder(url)
        .client_secret_basic("api", "a secret of the benchmark")
        .active_ttl(Duration::from_secs(3600))
        .build()
        .unwrap();
    let verifier = Verifier::builder().introspection(introspection).issuer(ISSUER);
    let verifier = verifier.audience(AUDIENCE).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    jwts.forget_all();
    for token in tokens {
        runtime.block_on(verifier.verify(token)).unwrap();
        runtime.block_on(jwts.verify(token)).unwrap();
    }
    let held = verifier.cache_stats().entries;
    assert_eq!(held, tokens.len() as u64, "the cache must hold every token");
    verifier
}

/// Says that the token is active.
fn answer(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let mut claims = tokens::claims(0, 334);
    claims["active"] = true.into();
    claims["token_type"] = "Bearer".into();
    let body = claims.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}", body.len());
    reader.into_inner().write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
}
