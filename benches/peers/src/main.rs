//! A benchmark of jamguard against comparable crates under the same load.
//!
//! Measures processor time per request above the bare server, and the share of its request rate.
//!
//! ```sh
//! cd benches/peers && cargo run --release [-- --quick]
//! ```
//!
//! Every server is a child process of this program with one thread on its own processor. It serves
//! the same handler bare and behind the peer, on two ports, measured in turn. Peers get their keys
//! as text where they accept it, so that only verification is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod servers;
#[path = "../../support/mod.rs"]
mod support;

use servers::{Backend, Peer};
use std::net::{Ipv4Addr, SocketAddr};
use support::load::{self, Load, Server};
use support::{Effort, Others, Pairs, Table};

/// All contenders, with the crypto backends that they support.
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
        println!("\n{algorithm}, one cached token, 16 connections, one server thread");
        println!(
            "{:<40} | {:<11} | {:>8} | {:>12} | {:>13}",
            "server", "crypto", "bare us", "over bare us", "share of rate"
        );
        println!("{}", "-".repeat(95));
        let (mut ours, mut best) = (0.0_f64, f64::INFINITY);
        for (peer, backend) in CONTENDERS {
            if algorithm == "ES256" && peer == Peer::AxumJwks {
                println!(
                    "{:<40} | rejects key sets with keys other than RSA",
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
            "the best peer costs {:.0} x as much as jamguard's slower framework; target: {bar} x",
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
    // Gives slow and fast peers rounds of about the same time.
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
