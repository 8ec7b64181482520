//! Benchmarks of overload: what forged tokens cost the users with good ones.
//!
//! The server is a child process of this program, with one worker thread, on its own processor; the
//! load runs on another. Both are pinned if `taskset` exists. A run takes about 5 minutes.
//!
//! ```sh
//! cargo bench --bench flood --features axum,actix,testing [-- --quick] [-- costs | ES512 | RS256 | ES256]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "flood/clients.rs"]
mod clients;
#[path = "flood/costs.rs"]
mod costs;
mod support;

use actix_web::{App, HttpServer, web};
use axum::{Router, routing::get};
use clients::{Flood, Phase};
use jamguard::jose::{Algorithm, VerifyingKey};
use jamguard::{Authenticator, Claims, VerificationPool, Verifier};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;
use support::load::{self, Server};
use support::tokens::{self, User};
use support::{Bar, Effort, Others, Pairs, Table};

fn main() {
    if let Some(arguments) = load::server_arguments() {
        let [framework, algorithm, pem, pool] = &arguments[..] else {
            panic!("serve FRAMEWORK ALGORITHM KEY POOL");
        };
        return serve(framework, algorithm.parse().unwrap(), pem, pool == "off");
    }
    let effort = Effort::from_args();
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let others = Others::watch();
    let table = Table::begin("jamguard, overload");
    let algorithms = [Algorithm::ES512, Algorithm::RS256, Algorithm::ES256];
    let some = named("costs") || algorithms.iter().any(|algorithm| named(algorithm.name()));
    if !some || named("costs") {
        costs::costs(&table);
    }
    if !load::pin_to("0") {
        table.note("load and server share processors: no taskset, or one processor only");
    }
    for algorithm in algorithms.into_iter().filter(|algorithm| !some || named(algorithm.name())) {
        for framework in ["axum", "actix"] {
            flood(&table, effort, framework, algorithm, 1, "on");
        }
        flood(&table, effort, "axum", algorithm, 1, "off");
        if load::processors() >= 3 {
            flood(&table, effort, "axum", algorithm, 2, "on");
        }
    }
    if load::processors() < 3 {
        table.note("not measured: a server on two processors and the load need three");
    }
    others.report(&table);
}

async fn personal(user: Claims<User>) -> String {
    user.email.clone()
}

/// Runs the server process, with one worker thread.
fn serve(framework: &str, algorithm: Algorithm, pem: &str, is_off: bool) {
    let mut pool = VerificationPool::builder();
    if is_off {
        pool = pool.threads(0);
    }
    let key = VerifyingKey::from_pem(algorithm, pem).unwrap().with_key_id(tokens::KEY_ID);
    let verifier = Verifier::builder()
        .key(key)
        .algorithms([algorithm])
        .issuer(tokens::ISSUER)
        .audience(tokens::AUDIENCE)
        .verification_pool(pool.build().unwrap())
        .build()
        .unwrap();
    let auth = Authenticator::builder().verifier(verifier).build().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    match framework {
        "axum" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = Router::new().route("/", get(personal)).layer(auth.layer());
                axum::serve(listener, app).await.unwrap();
            });
        }
        "actix" => actix_web::rt::System::new().block_on(async {
            let app = move || App::new().wrap(auth.actix()).route("/", web::get().to(personal));
            let idle = Duration::from_secs(600);
            let server = HttpServer::new(app).workers(1).keep_alive(idle).listen(listener);
            server.unwrap().run().await.unwrap();
        }),
        other => panic!("unknown framework {other}"),
    }
}

/// Row 12: warm users, new users and renewed tokens, without and beside forged tokens.
fn flood(
    table: &Table,
    effort: Effort,
    framework: &str,
    algorithm: Algorithm,
    processors: usize,
    pool: &str,
) {
    let key = tokens::key(algorithm);
    let pem = key.verifying_key().unwrap().to_pem().unwrap();
    let pinned = match (load::processors(), processors) {
        (1, _) => "0",
        (_, 1) => "1",
        _ => "1,2",
    };
    let server = Server::start(&[framework, algorithm.name(), &pem, pool], pinned);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.greeting[0].parse().unwrap()));
    let mut flood = Flood::connect(address, &key);
    let time = Duration::from_millis(effort.pick(3000, 1000));
    flood.run(time / 4, Phase::Quiet);
    let mut run = |phase| {
        let before = server.cpu_seconds();
        let run = flood.run(time, phase);
        let per_cpu = run.warm.count() as f64 / (server.cpu_seconds() - before);
        (run, per_cpu)
    };
    let rounds = effort.pick(5, 3);
    let pairs: Vec<_> = (0..rounds).map(|_| (run(Phase::Quiet), run(Phase::Forged))).collect();
    let per_cpu = Pairs::of(pairs.iter().map(|((_, quiet), (_, during))| (*quiet, *during)));
    let pairs: Vec<_> =
        pairs.into_iter().map(|((quiet, _), (during, _))| (quiet, during)).collect();
    let median = |figure: &dyn Fn(usize) -> f64| {
        let mut all: Vec<f64> = (0..rounds).map(figure).collect();
        all.sort_by(f64::total_cmp);
        all[rounds / 2]
    };
    let what = |what: &str| {
        let places = if processors == 1 { "one processor" } else { "two processors" };
        format!("{framework} {algorithm}, {places}, pool {pool}: {what}")
    };
    let judged = |bar: Bar| if pool == "on" { bar } else { Bar::Stated };
    let share = if processors == 1 { 0.45 } else { 0.8 };
    let rate = |at: usize| (pairs[at].0.warm_rate(), pairs[at].1.warm_rate());
    table.row(
        "12",
        &what("warm users' requests"),
        (
            format!("quiet {:.0}/s", median(&|at| rate(at).0)),
            format!("flood {:.0}/s", median(&|at| rate(at).1)),
        ),
        (median(&|at| rate(at).1 / rate(at).0), "x"),
        judged(Bar::AtLeast(share)),
    );
    // Other programs disturb it less than the rate.
    table.row(
        "12",
        &what("the same per second of processor time"),
        (format!("quiet {:.0}/s", per_cpu.a()), format!("flood {:.0}/s", per_cpu.b())),
        (per_cpu.ratio(), "x"),
        Bar::Stated,
    );
    let p99 = |at: usize| (pairs[at].0.warm.micros(0.99), pairs[at].1.warm.micros(0.99));
    table.row(
        "12",
        &what("warm users' p99"),
        (
            format!("quiet {:.0} us", median(&|at| p99(at).0)),
            format!("flood {:.0} us", median(&|at| p99(at).1)),
        ),
        (median(&|at| p99(at).1 / p99(at).0), "x"),
        judged(Bar::AtMost(4.0)),
    );
    let during: Vec<_> = pairs.into_iter().map(|(_, during)| during).collect();
    let [new, known, forged] = [
        clients::Answers::sum(during.iter().map(|run| &run.new)),
        clients::Answers::sum(during.iter().map(|run| &run.known)),
        clients::Answers::sum(during.iter().map(|run| &run.forged)),
    ];
    assert_eq!(forged.of(200), 0, "a forged token was accepted");
    assert_eq!(new.of(401) + known.of(401), 0, "a good token was refused");
    table.row(
        "12",
        &what("new good tokens, p99"),
        (
            format!("200: {}, 503: {}", new.of(200), new.of(503)),
            format!("p50 {:.1} ms", new.micros(0.5) / 1000.0),
        ),
        (new.micros(0.99) / 1000.0, "ms"),
        judged(Bar::AtMost(1000.0)),
    );
    table.row(
        "12",
        &what("known users' renewed tokens with 200"),
        (
            format!("200: {}, 503: {}", known.of(200), known.of(503)),
            format!("p99 {:.1} ms", known.micros(0.99) / 1000.0),
        ),
        (known.of(200) as f64 / known.count().max(1) as f64, "of all"),
        judged(Bar::AtLeast(0.9)),
    );
    table.row(
        "12",
        &what("forged tokens"),
        (
            format!("401: {}, 503: {}", forged.of(401), forged.of(503)),
            format!("p50 {:.1} ms", forged.micros(0.5) / 1000.0),
        ),
        (forged.count() as f64 / (time.as_secs_f64() * rounds as f64), "/s"),
        Bar::Stated,
    );
}
