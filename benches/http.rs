//! Benchmarks of the layer, per server and per request: rows 5, 8, 10 and 11.
//!
//! Each server is a child process of this program on its own processor; the load runs on another.
//!
//! ```sh
//! cargo bench --bench http --features axum,actix,testing [-- --quick]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use actix_web::dev::Service as _;
use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use hyper::body::Incoming;
use jamguard::jose::Algorithm;
use jamguard::{AuthService, Authenticator, Claims};
use std::convert::Infallible;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use support::load::{self, Load, Server};
use support::tokens::{self, User};
use support::{Bar, Effort, Meter, Others, Pairs, Rates, Table, labelled, now, undisturbed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, service_fn};

fn main() {
    if let Some(arguments) = load::server_arguments() {
        return serve(&arguments[0], arguments[1].parse().unwrap());
    }
    let effort = Effort::from_args();
    let others = Others::watch();
    let table = Table::begin("jamguard, HTTP");
    anonymous(&table, effort);
    allocations(&table);
    in_memory(&table, effort);
    let pinned = load::pin_to("0");
    if !pinned {
        table.note("load and servers share processors: no taskset, or one processor only");
    }
    for framework in ["axum", AXUM_AROUND, "actix"] {
        whole(&table, effort, framework, pinned);
    }
    // Two load threads and two server threads need a processor each.
    let free = load::processors() >= 4;
    let free = load::pin_to(if free { "0,3" } else { "0,1" }) && free;
    for framework in ["axum", AXUM_AROUND, "actix"] {
        two_threads(&table, effort, framework, free);
    }
    others.report(&table);
}

/// The layer around the whole router, where axum does not box it.
const AXUM_AROUND: &str = "axum, around the router";

fn authenticator() -> (Authenticator, String) {
    let key = tokens::key(Algorithm::RS256);
    let verifier = tokens::verifier(&key).build().unwrap();
    let auth = Authenticator::builder().verifier(verifier).build().unwrap();
    (auth, tokens::token(&key, 1))
}

/// Responds without claims; the response is as long as that of `personal`.
async fn public() -> String {
    "user-000000001@example.com".to_owned()
}

async fn personal(user: Claims<User>) -> String {
    user.email.clone()
}

fn axum_bare() -> Router {
    Router::new().route("/", get(public))
}

fn axum_claims() -> Router {
    Router::new().route("/", get(personal))
}

fn axum_guarded(auth: &Authenticator) -> Router {
    axum_claims().layer(auth.layer())
}

fn axum_around(auth: &Authenticator) -> AuthService<Router> {
    auth.layer().layer(axum_claims())
}

/// Runs the server process: the same application without and with the layer, on two ports.
fn serve(framework: &str, threads: usize) {
    let (auth, token) = authenticator();
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [bare_port, guarded_port] =
        [0, 1].map(|at: usize| listeners[at].local_addr().unwrap().port());
    let greet = || println!("{bare_port} {guarded_port} {token}");
    let [bare, guarded] = listeners;
    match framework {
        "axum" | AXUM_AROUND => {
            let mut runtime = match threads {
                1 => tokio::runtime::Builder::new_current_thread(),
                _ => tokio::runtime::Builder::new_multi_thread(),
            };
            // The current-thread runtime ignores the number of workers.
            let runtime = runtime.worker_threads(threads).enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = |listener: TcpListener| {
                    listener.set_nonblocking(true).unwrap();
                    tokio::net::TcpListener::from_std(listener).unwrap()
                };
                tokio::spawn(axum::serve(listener(bare), axum_bare()).into_future());
                let guarded = listener(guarded);
                if framework == AXUM_AROUND {
                    let app =
                        axum::ServiceExt::<Request<Body>>::into_make_service(axum_around(&auth));
                    tokio::spawn(axum::serve(guarded, app).into_future());
                } else {
                    tokio::spawn(axum::serve(guarded, axum_guarded(&auth)).into_future());
                }
                greet();
                std::future::pending().await
            })
        }
        "actix" => actix_web::rt::System::new().block_on(async {
            // Keeps the connections of one application open while the other is measured.
            let idle = Duration::from_secs(600);
            let bare = HttpServer::new(|| App::new().route("/", web::get().to(public)))
                .workers(threads)
                .keep_alive(idle)
                .listen(bare);
            let guarded = HttpServer::new(move || {
                App::new().wrap(auth.actix()).route("/", web::get().to(personal))
            })
            .workers(threads)
            .keep_alive(idle)
            .listen(guarded);
            actix_web::rt::spawn(bare.unwrap().run());
            actix_web::rt::spawn(guarded.unwrap().run());
            greet();
            std::future::pending().await
        }),
        other => panic!("unknown framework {other}"),
    }
}

/// A server process and the loads on its two ports.
struct Subject {
    server: Server,
    bare: Vec<Load>,
    guarded: Vec<Load>,
}

impl Subject {
    /// Starts a server with `threads` threads, and connects `loads` loads to each port.
    fn start(framework: &str, threads: usize, loads: usize, polls: bool) -> Self {
        let processors = match load::processors() {
            1 => "0".to_owned(),
            2 if threads > 1 => "0,1".to_owned(),
            _ => format!("1-{threads}"),
        };
        let server = Server::start(&[framework, &threads.to_string()], &processors);
        let address = |at: usize| {
            SocketAddr::from((Ipv4Addr::LOCALHOST, server.greeting[at].parse().unwrap()))
        };
        let request = load::request("/", Some(&server.greeting[2]));
        let connect = |at: usize| {
            (0..loads).map(|_| Load::connect(address(at), request.clone(), polls)).collect()
        };
        Self { bare: connect(0), guarded: connect(1), server }
    }
}

/// Row 5: keep-alive requests with a cached token, one server thread.
fn whole(table: &Table, effort: Effort, framework: &str, pinned: bool) {
    let Subject { server, mut bare, mut guarded } = Subject::start(framework, 1, 1, pinned);
    let samples = load::calm_pairs(
        effort.pick(80, 20),
        || server.measure(&mut bare, 15_000),
        || server.measure(&mut guarded, 15_000),
    );
    let cpu = Pairs::of(samples.iter().map(|(a, b)| (a.cpu_micros, b.cpu_micros)));
    let rate = Pairs::of(samples.iter().map(|(a, b)| (a.rate, b.rate)));
    table.row(
        "5",
        &format!("{framework}: processor time per request"),
        (format!("bare {:.2} us", cpu.a()), format!("with claims {:.2} us", cpu.b())),
        (cpu.difference(), "us more"),
        Bar::AtMost(0.6),
    );
    table.row(
        "5",
        &format!("{framework}: requests per second"),
        (format!("bare {:.0}/s", rate.a()), format!("with claims {:.0}/s", rate.b())),
        (rate.ratio(), "x"),
        Bar::AtLeast(0.93),
    );
}

/// Row 8: the requests of row 5 on two server threads against one.
fn two_threads(table: &Table, effort: Effort, framework: &str, free: bool) {
    let [mut one, mut two] = [1, 2].map(|threads| Subject::start(framework, threads, 2, free));
    let rates = |one_loads: &mut [Load], two_loads: &mut [Load]| {
        let samples = load::calm_pairs(
            effort.pick(40, 12),
            || one.server.measure(one_loads, 8_000),
            || two.server.measure(two_loads, 8_000),
        );
        Pairs::of(samples.iter().map(|(one, two)| (one.rate, two.rate)))
    };
    let guarded = rates(&mut one.guarded, &mut two.guarded);
    let bare = rates(&mut one.bare, &mut two.bare);
    for (what, pairs, bar) in
        [("with claims", guarded, Bar::AtLeast(1.7)), ("bare", bare, Bar::Stated)]
    {
        let rate = |label: &str, rate: f64| format!("{label} {:.0} k/s", rate / 1000.0);
        table.row(
            "8",
            &format!("{framework}, two server threads, {what}"),
            (rate("one", pairs.a()), rate("two", pairs.b())),
            (pairs.ratio(), "x"),
            if free { bar } else { Bar::Stated },
        );
    }
    if !free {
        table.note("not judged here: two server and two load threads need four processors");
    }
}

/// Row 8 without a network: each thread serves HTTP/1 over an in-memory pipe.
///
/// The load then costs almost nothing, and leaves the processors to the servers.
fn in_memory(table: &Table, effort: Effort) {
    let (auth, token) = authenticator();
    let request = load::request("/", Some(&token));
    let time = Duration::from_millis(effort.pick(300, 100));
    let row = |what: &str, bar: Bar, pipe: &(dyn Fn(&Barrier) -> Rates + Sync)| {
        let what = format!("axum in memory, two server threads, {what}");
        support::two_threads(table, &what, effort.pick(15, 9), bar, pipe);
    };
    let (guarded, around, bare) = (axum_guarded(&auth), axum_around(&auth), axum_bare());
    row("with claims", Bar::AtLeast(1.7), &|barrier| {
        serve_pipe(guarded.clone(), &request, time, barrier)
    });
    row("the layer around the router", Bar::AtLeast(1.7), &|barrier| {
        serve_pipe(around.clone(), &request, time, barrier)
    });
    row("bare", Bar::Stated, &|barrier| serve_pipe(bare.clone(), &request, time, barrier));
}

/// Serves requests over a pipe on this thread, and returns the rates.
fn serve_pipe<S>(app: S, request: &[u8], time: Duration, barrier: &Barrier) -> Rates
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(8192);
        let service =
            hyper::service::service_fn(move |request| Service::call(&mut app.clone(), request));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(hyper_util::rt::TokioIo::new(server), service),
        );
        let mut response = vec![0; 4096];
        let mut exchange = async || {
            client.write_all(request).await.unwrap();
            let length = client.read(&mut response).await.unwrap();
            assert!(response[..length].starts_with(b"HTTP/1.1 200 "));
        };
        for _ in 0..100 {
            exchange().await;
        }
        barrier.wait();
        let (meter, mut served) = (Meter::start(), 0);
        while meter.runs(time) {
            for _ in 0..10 {
                exchange().await;
            }
            served += 10;
        }
        meter.rates(served)
    })
}

/// Times batches of prepared requests, without their construction.
fn nanos_each<R>(count: usize, make: impl Fn() -> R, mut work: impl FnMut(R)) -> f64 {
    const BATCH: usize = 32;
    let batches = count.div_ceil(BATCH);
    let times = (0..batches).map(|_| {
        let requests: Vec<R> = (0..BATCH).map(|_| make()).collect();
        let start = Instant::now();
        requests.into_iter().for_each(&mut work);
        start.elapsed()
    });
    undisturbed(times) / BATCH as f64
}

/// Row 10: a request without a credential, through the layer.
fn anonymous(table: &Table, effort: Effort) {
    let (auth, _) = authenticator();
    let (rounds, count) = (effort.pick(301, 101), 10_000);
    let row = |what: &str, pairs: Pairs, bar: Bar| {
        table.row(
            "10",
            &format!("no credential: {what}"),
            (labelled("bare", pairs.a()), labelled("layer", pairs.b())),
            (pairs.difference(), "ns more"),
            bar,
        );
    };
    let bar = Bar::AtMost(100.0);

    let mut bare = service_fn(|request: Request<()>| {
        drop(request);
        std::future::ready(Ok::<_, Infallible>(Response::new(Vec::<u8>::new())))
    });
    let mut guarded = auth.layer().layer(bare);
    let make = || Request::new(());
    row(
        "a tower service",
        Pairs::measure(
            rounds,
            || {
                nanos_each(count, make, |request| {
                    black_box(now(bare.call(request))).unwrap();
                })
            },
            || {
                nanos_each(count, make, |request| {
                    black_box(now(guarded.call(request))).unwrap();
                })
            },
        ),
        bar,
    );

    let (mut bare, mut guarded) = (axum_bare(), axum_bare().layer(auth.layer()));
    // axum boxes each layer's service, even one that does nothing.
    let mut idle = axum_bare().layer(tower::layer::util::Identity::new());
    let call = |router: &mut Router| {
        nanos_each(
            count,
            || Request::new(Body::empty()),
            |request| {
                let Ok(answer) = now(Service::call(router, request));
                black_box(answer);
            },
        )
    };
    row(
        "an axum router, over one with an idle layer",
        Pairs::measure(rounds, || call(&mut idle), || call(&mut guarded)),
        bar,
    );
    row(
        "an axum router, over one without any layer",
        Pairs::measure(rounds, || call(&mut bare), || call(&mut guarded)),
        Bar::Stated,
    );
    let mut around = auth.layer().layer(axum_bare());
    row(
        "around an axum router, over one without any layer",
        Pairs::measure(
            rounds,
            || call(&mut bare),
            || {
                nanos_each(
                    count,
                    || Request::new(Body::empty()),
                    |request| {
                        let Ok(answer) = now(around.call(request));
                        black_box(answer);
                    },
                )
            },
        ),
        bar,
    );

    actix_web::rt::System::new().block_on(async {
        let app = || App::new().route("/", web::get().to(public));
        let bare = actix_web::test::init_service(app()).await;
        let guarded = actix_web::test::init_service(
            App::new().wrap(auth.actix()).route("/", web::get().to(public)),
        )
        .await;
        let make = || actix_web::test::TestRequest::default().to_request();
        row(
            "an actix-web app",
            Pairs::measure(
                rounds,
                || {
                    nanos_each(count, make, |request| {
                        black_box(now(bare.call(request))).unwrap();
                    })
                },
                || {
                    nanos_each(count, make, |request| {
                        black_box(now(guarded.call(request))).unwrap();
                    })
                },
            ),
            bar,
        );
    });
}

/// Row 11: allocations of a whole request with a cached token and claims.
fn allocations(table: &Table) {
    const REQUESTS: u64 = 1000;
    let row = |what: &str, bare: u64, guarded: u64| {
        let each = |count: u64| count as f64 / REQUESTS as f64;
        table.row(
            "11",
            &format!("allocations per request: {what}"),
            (format!("bare {:.2}", each(bare)), format!("with claims {:.2}", each(guarded))),
            (each(guarded) - each(bare), "more"),
            Bar::Stated,
        );
    };

    let (auth, token) = authenticator();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let over_http = |app: Router| {
        let (mut stream, mut response) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let listener = listener.await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(axum::serve(listener, app).into_future());
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            (stream, vec![0; 4096])
        });
        let request = load::request("/", Some(&token));
        // Responses are short and the server is idle, so one read returns all of it.
        let mut exchange = |requests: u64| {
            runtime.block_on(async {
                for _ in 0..requests {
                    stream.write_all(&request).await.unwrap();
                    let length = stream.read(&mut response).await.unwrap();
                    assert!(response[..length].starts_with(b"HTTP/1.1 200 "));
                }
            })
        };
        exchange(REQUESTS);
        jamguard_bench_allocations::count(|| exchange(REQUESTS))
    };
    row("axum over HTTP", over_http(axum_bare()), over_http(axum_guarded(&auth)));

    actix_web::rt::System::new().block_on(async {
        let bare = App::new().route("/", web::get().to(public));
        let bare = actix_web::test::init_service(bare).await;
        let guarded = App::new().wrap(auth.actix()).route("/", web::get().to(personal));
        let guarded = actix_web::test::init_service(guarded).await;
        let requests = || {
            let request = || {
                actix_web::test::TestRequest::default()
                    .insert_header(("authorization", format!("Bearer {token}")))
                    .to_request()
            };
            (0..REQUESTS).map(|_| request()).collect::<Vec<_>>()
        };
        let call_bare = |request| drop(now(bare.call(request)).unwrap());
        let call_guarded = |request| {
            let response = now(guarded.call(request)).unwrap();
            assert_eq!(response.status(), 200);
        };
        count_each(requests(), call_guarded);
        row(
            "actix-web, without its HTTP codec",
            count_each(requests(), call_bare),
            count_each(requests(), call_guarded),
        );
    });
}

fn count_each<R>(requests: Vec<R>, call: impl Fn(R)) -> u64 {
    jamguard_bench_allocations::count(|| requests.into_iter().for_each(call))
}
