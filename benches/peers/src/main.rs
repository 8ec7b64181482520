//! A benchmark of jamguard against comparable crates under the same load.
//!
//! Measures processor time per request above the bare server, the share of its request rate,
//! allocations per request, and what warm users keep beside a flood of forged tokens.
//!
//! ```sh
//! cd benches/peers && cargo run --release [-- --quick] [-- ES256 | RS256 | ES512]
//! ```
//!
//! Every server is a child process of this program with one thread on its own processor. It serves
//! the same handler bare and behind the peer, on two ports, measured in turn. Peers get their keys
//! as text where they accept it, so that only verification is measured. A full run writes
//! `docs/peers.md` and its drawings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// The flood's own benchmark reads more of the answers.
#[allow(dead_code)]
#[path = "../../flood/clients.rs"]
mod clients;
mod report;
mod servers;
#[path = "../../support/mod.rs"]
mod support;

use clients::{Flood, Phase};
use jamguard::jose::{Algorithm, SigningKey};
use report::Report;
use servers::{Backend, Peer};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use support::load::{self, Load, Server};
use support::{Effort, Others, Pairs, Table, median, tokens};

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

/// What one contender costs.
pub(crate) struct Figures {
    pub(crate) peer: Peer,
    pub(crate) backend: Backend,
    /// Processor microseconds per request above the bare server.
    pub(crate) over_bare: f64,
    /// Share of the bare server's request rate.
    pub(crate) share: f64,
    /// Allocations per request above the bare server.
    pub(crate) allocations: f64,
    pub(crate) flood: Beside,
}

/// Warm users beside a flood.
pub(crate) struct Beside {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Share of the rate without the flood.
    pub(crate) share: f64,
    /// p99 of the time to the answer, in microseconds.
    pub(crate) p99: f64,
}

fn main() {
    if let Some(arguments) = load::server_arguments() {
        let [title, backend, algorithm, pem] = &arguments[..] else {
            panic!("serve PEER BACKEND ALGORITHM KEY");
        };
        return servers::serve(title, backend, algorithm, pem);
    }
    let effort = Effort::from_args();
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES512];
    let some = algorithms.iter().any(|algorithm| named(algorithm.name()));
    let others = Others::watch();
    let pinned = load::pin_to("0");
    if !pinned {
        println!("load and servers share processors: no taskset, or one processor only");
    }
    let mut report = Report::default();
    for algorithm in algorithms.into_iter().filter(|one| !some || named(one.name())) {
        report.begin(algorithm);
        for (peer, backend) in CONTENDERS {
            match peer.lacks(algorithm) {
                Some(why) => report.left_out(peer, why),
                None => report.add(measure(effort, peer, backend, algorithm, pinned)),
            }
        }
    }
    others.report(&Table);
    if !effort.quick && !some {
        report.write();
    }
}

fn measure(
    effort: Effort,
    peer: Peer,
    backend: Backend,
    algorithm: Algorithm,
    pinned: bool,
) -> Figures {
    let processor = if load::processors() > 1 { "1" } else { "0" };
    let key = tokens::key(algorithm);
    let pem = key.expose_private_pem().unwrap();
    let arguments = [peer.title(), backend.name(), algorithm.name(), pem.expose()];
    let server = Server::start(&arguments, processor);
    let [bare_port, guarded_port, token] = &server.greeting[..] else {
        panic!("{} did not start", peer.title());
    };
    let address =
        |port: &str| SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse::<u16>().unwrap()));
    let connect = |port| Load::connect(address(port), load::request("/", Some(token)), pinned);
    let mut bare = [connect(bare_port)];
    let mut guarded = [connect(guarded_port)];
    // Gives slow and fast peers rounds of about the same time.
    let probe = server.measure(&mut guarded, 500);
    let count = (probe.rate * 0.08).clamp(100.0, 15_000.0) as usize;
    let samples = load::calm_pairs(
        effort.pick(60, 12),
        || server.measure(&mut bare, 10_000),
        || server.measure(&mut guarded, count),
    );
    let cpu = Pairs::of(samples.iter().map(|(a, b)| (a.cpu_micros, b.cpu_micros)));
    let rate = Pairs::of(samples.iter().map(|(a, b)| (a.rate, b.rate)));
    let allocations = |port: &str, load: &mut Load| {
        const REQUESTS: usize = 200;
        let asked = || so_far(address(port), token);
        // What asking itself costs is in both differences.
        let (first, second) = (asked(), asked());
        load.run(REQUESTS);
        let asking = second - first;
        (asked() - second - asking) as f64 / REQUESTS as f64
    };
    let allocations =
        allocations(guarded_port, &mut guarded[0]) - allocations(bare_port, &mut bare[0]);
    let flood = beside_a_flood(effort, address(guarded_port), &key);
    Figures { peer, backend, over_bare: cpu.difference(), share: rate.ratio(), allocations, flood }
}

/// Asks a server how often its thread has allocated.
fn so_far(server: SocketAddr, token: &str) -> i64 {
    let mut stream = TcpStream::connect(server).unwrap();
    let request = format!(
        "GET /allocations HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.trim().parse().unwrap_or_else(|_| panic!("no number: {answer}"))
}

fn beside_a_flood(effort: Effort, server: SocketAddr, key: &SigningKey) -> Beside {
    let mut flood = Flood::connect(server, key);
    let time = Duration::from_millis(effort.pick(2000, 500));
    flood.run(time / 4, Phase::Quiet);
    let rounds = effort.pick(5, 3);
    let runs: Vec<_> = (0..rounds)
        .map(|_| (flood.run(time, Phase::Quiet), flood.run(time, Phase::Forged)))
        .collect();
    let of =
        |figure: &dyn Fn(&(clients::Run, clients::Run)) -> f64| median(runs.iter().map(figure));
    Beside {
        rate: of(&|(_, beside)| beside.warm_rate()),
        share: of(&|(quiet, beside)| beside.warm_rate() / quiet.warm_rate()),
        p99: of(&|(_, beside)| beside.warm.micros(0.99)),
    }
}
