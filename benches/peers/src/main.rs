//! The same load on jamguard and on its peers: processor time per request over the bare server,
//! and the share of its requests per second.
//!
//! ```sh
//! cd benches/peers && cargo run --release [-- --quick]
//! ```
//!
//! Every server is this program started again with one thread on a processor of its own; it
//! serves the same handler bare and behind the peer, on two ports, measured in turn. Keys are
//! given to the peers as text where they take it, so that nothing but verification is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod servers;
#[path = "../../support/mod.rs"]
mod support;

use servers::{Backend, Peer};
use std::net::{Ipv4Addr, SocketAddr};
use support::load::{self, Load, Server};
use support::{Effort, Others, Pairs, Table};

/// Everybody, with the crypto backends that they can be built with.
const CONTENDERS: [(Peer, Backend); 12] = [
    (Peer::JamguardAxum, Backend::AwsLc),
    (Peer::JamguardActix, Backend::AwsLc),
    (Peer::JwtAuthorizer, Backend::Ring),
    (Peer::AxumJwtAuth, Backend::RustCrypto),
    (Peer::AxumJwtAuth, Backend::AwsLc),
    (Peer::TowerOauth2, Backend::RustCrypto),
    (Peer::TowerOauth2, Backend::AwsLc),
    (Peer::AxumJwks, Backend::Ring),
    (Peer::HandWritten, Backend::RustCrypto),
    (Peer::HandWritten, Backend::AwsLc),
    (Peer::ActixHttpauth, Backend::RustCrypto),
    (Peer::ActixHttpauth, Backend::AwsLc),
];

fn main() {
    if let Some(arguments) = load::server_arguments() {
        return servers::serve(&arguments[0], &arguments[1], &arguments[2]);
    }
    let effort = Effort::from_args();
    let others = Others::watch();
    let pinned = load::pin_to("0");
    if !pinned {
        println!("load and servers share processors: no taskset, or one processor only");
    }
    for (algorithm, bar) in [("RS256", 40.0), ("ES256", 100.0)] {
        println!("\n{algorithm}, one warm token, 16 connections, one server thread");
        println!(
            "{:<40} | {:<11} | {:>8} | {:>12} | {:>13}",
            "server", "crypto", "bare us", "over bare us", "share of rate"
        );
        println!("{}", "-".repeat(95));
        let (mut ours, mut best) = (0.0_f64, f64::INFINITY);
        for (peer, backend) in CONTENDERS {
            if algorithm == "ES256" && peer == Peer::AxumJwks {
                println!(
                    "{:<40} | refuses key sets with other than RSA keys",
                    peer.title()
                );
                continue;
            }
            let (cpu, rate) = measure(effort, peer, backend, algorithm, pinned);
            let over = cpu.difference();
            println!(
                "{:<40} | {:<11} | {:>8.2} | {over:>12.2} | {:>13.3}",
                peer.title(),
                backend.name(),
                cpu.a(),
                rate.ratio(),
            );
            match peer {
                Peer::JamguardAxum | Peer::JamguardActix => ours = ours.max(over),
                _ => best = best.min(over),
            }
        }
        println!(
            "the best of them costs {:.0} x what jamguard does at its dearest; bar: {bar} x",
            best / ours
        );
    }
    others.report(&Table);
}

fn measure(
    effort: Effort,
    peer: Peer,
    backend: Backend,
    algorithm: &str,
    pinned: bool,
) -> (Pairs, Pairs) {
    let processor = if load::processors() > 1 { "1" } else { "0" };
    let server = Server::start(&[peer.title(), backend.name(), algorithm], processor);
    let [bare_port, guarded_port, token] = &server.greeting[..] else {
        panic!("{} did not start", peer.title());
    };
    let connect = |port: &str| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
        Load::connect(address, load::request("/", Some(token)), pinned)
    };
    let mut bare = [connect(bare_port)];
    let mut guarded = [connect(guarded_port)];
    // Rounds of about the same time, however slow the peer is.
    let probe = server.measure(&mut guarded, 500);
    let count = (probe.rate * 0.08).clamp(200.0, 15_000.0) as usize;
    let samples = load::calm_pairs(
        effort.pick(60, 12),
        || server.measure(&mut bare, 10_000),
        || server.measure(&mut guarded, count),
    );
    (
        Pairs::of(samples.iter().map(|(a, b)| (a.cpu_micros, b.cpu_micros))),
        Pairs::of(samples.iter().map(|(a, b)| (a.rate, b.rate))),
    )
}
