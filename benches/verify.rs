//! Benchmarks of verification against its parts: rows 1 to 4, 7, 8 and 11, deny lists (row L), and
//! introspection (row I, with the feature `client`).
//!
//! ```sh
//! cargo bench --bench verify --features tower,testing [-- --quick]
//! cargo bench --bench verify --features tower,testing,redis -- lists [--quick]
//! cargo bench --bench verify --features tower,testing,client -- introspection [--quick]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "client")]
#[path = "verify/introspection.rs"]
mod introspection;
#[path = "verify/lists.rs"]
mod lists;
#[cfg(feature = "redis")]
#[path = "../tests/support/redis.rs"]
#[allow(dead_code)]
mod redis;
mod support;
#[cfg(feature = "redis")]
#[path = "../tests/support/wait.rs"]
mod wait;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair,
};
use axum::http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::{Authenticator, Verifier};
use std::convert::Infallible;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::arrivals::Arrivals;
use support::tokens::{self, User};
use support::{Bar, Effort, Meter, Others, Pairs, Random, Table, labelled, nanos_each, now};
use tower::{Layer, Service, service_fn};

const ENTRIES: usize = 50_000;
const HOT: usize = 1_000;
const ROOM: u64 = 16 << 30;

fn main() {
    let effort = Effort::from_args();
    if std::env::args().nth(1).is_some_and(|first| first == "growth") {
        return growth(&Table, effort);
    }
    let others = Others::watch();
    if std::env::args().any(|argument| argument == "lists") {
        let table = Table::begin("jamguard, deny lists");
        lists::deny_lists(&table, effort);
        return others.report(&table);
    }
    #[cfg(feature = "client")]
    if std::env::args().any(|argument| argument == "introspection") {
        let table = Table::begin("jamguard, introspection");
        let tokens = tokens::tokens(&rs256(), HOT);
        introspection::introspected(&table, effort, &tokens, &warmed(&rs256(), &tokens));
        return others.report(&table);
    }
    let table = Table::begin("jamguard, verification");
    let tokens = tokens::tokens(&rs256(), ENTRIES);
    warm(&table, effort, &tokens);
    against_cold(&table, effort, &tokens[..HOT]);
    cold(&table, effort);
    cold_hmac(&table, effort);
    two_threads(&table, effort, &tokens[..HOT]);
    allocations(&table, &tokens[0]);
    lists::deny_lists(&table, effort);
    #[cfg(feature = "client")]
    introspection::introspected(&table, effort, &tokens[..HOT], &warmed(&rs256(), &tokens[..HOT]));
    // In a separate process, so that its resident memory can be measured.
    Command::new(std::env::current_exe().unwrap())
        .arg("growth")
        .args(effort.quick.then_some("--quick"))
        .status()
        .unwrap();
    others.report(&table);
}

/// Returns the one RSA key of the whole run.
fn rs256() -> SigningKey {
    static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
    KEY.get_or_init(|| tokens::key(Algorithm::RS256)).clone()
}

/// Returns a verifier that has all these tokens in its cache.
fn warmed(key: &SigningKey, tokens: &[String]) -> Verifier {
    let verifier = tokens::verifier(key).cache_bytes(ROOM).build().unwrap();
    for token in tokens {
        now(verifier.verify(token)).unwrap();
    }
    let held = verifier.cache_stats().entries;
    assert_eq!(held, tokens.len() as u64, "the cache must hold every token");
    verifier
}

/// Returns the nanoseconds that `work` takes per request, over about `count` requests.
///
/// The construction of the requests is not measured.
fn nanos_each_request(
    arrivals: &mut Arrivals<'_>,
    count: usize,
    mut work: impl FnMut(Request<()>),
) -> f64 {
    arrivals.batches(count, |arrived| {
        let requests: Vec<_> = arrived.iter().map(|token| request(token)).collect();
        let start = Instant::now();
        requests.into_iter().for_each(&mut work);
        start.elapsed()
    })
}

fn request(token: &str) -> Request<()> {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let mut request = Request::new(());
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// Row 1: a cached token against one keyed hash of it and one moka look-up by it.
fn warm(table: &Table, effort: Effort, tokens: &[String]) {
    let verifier = warmed(&rs256(), tokens);
    let hasher = foldhash::quality::RandomState::default();
    let cache = moka::sync::Cache::builder()
        .max_capacity(2 * ENTRIES as u64)
        .build_with_hasher(hasher.clone());
    for token in tokens {
        cache.insert(token.clone(), Arc::new(token.len()));
    }
    cache.run_pending_tasks();
    assert_eq!(cache.entry_count(), tokens.len() as u64);

    let auth = Authenticator::builder().verifier(verifier.clone()).build().unwrap();
    let mut bare = service_fn(|request: Request<()>| {
        drop(request);
        std::future::ready(Ok::<_, Infallible>(Response::new(Vec::<u8>::new())))
    });
    let mut guarded = auth.layer().layer(bare);

    let shuffled = Random(1).order(tokens.len());
    let in_turn: Vec<usize> = (0..HOT).collect();
    let (rounds, count) = (effort.pick(101, 31), effort.pick(20_000, 8_000));
    for (pattern, order) in [
        ("one token", &[0][..]),
        ("1,000 tokens in turn", &in_turn),
        ("50,000 in random order", &shuffled),
    ] {
        let mut arrivals = Arrivals::new(tokens, order);
        let mut reference = || {
            arrivals.nanos_each(count, |token| {
                black_box(hasher.hash_one(token));
                black_box(cache.get(token)).unwrap();
            })
        };
        let mut arrivals = Arrivals::new(tokens, order);
        let verify = || {
            arrivals.nanos_each(count, |token| {
                black_box(now(verifier.verify(token))).unwrap();
            })
        };
        let pairs = Pairs::measure(rounds, &mut reference, verify);
        table.row(
            "1",
            &format!("Verifier::verify, {pattern}"),
            (labelled("hash + moka", pairs.a()), labelled("verify", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::AtMost(2.0),
        );

        let mut arrivals = Arrivals::new(tokens, order);
        let mut without = || {
            nanos_each_request(&mut arrivals, count, |request| {
                black_box(now(bare.call(request))).unwrap();
            })
        };
        let mut arrivals = Arrivals::new(tokens, order);
        let mut with = || {
            nanos_each_request(&mut arrivals, count, |request| {
                black_box(now(guarded.call(request))).unwrap();
            })
        };
        let layer = || {
            let without = without();
            with() - without
        };
        let pairs = Pairs::measure(rounds, reference, layer);
        table.row(
            "1",
            &format!("the layer around a service, {pattern}"),
            (labelled("hash + moka", pairs.a()), labelled("layer", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::AtMost(2.0),
        );
    }
}

/// Row 2: a cached token against verifying it again.
fn against_cold(table: &Table, effort: Effort, rs256_tokens: &[String]) {
    let es512 = tokens::key(Algorithm::ES512);
    let es512_tokens = tokens::tokens(&es512, HOT);
    let in_turn: Vec<usize> = (0..HOT).collect();
    for (key, tokens, bar) in [(es512, &es512_tokens[..], 500.0), (rs256(), rs256_tokens, 30.0)] {
        let algorithm = key.algorithm();
        let warm = warmed(&key, tokens);
        let cold = tokens::verifier(&key).cache_bytes(0).build().unwrap();
        let mut arrivals = Arrivals::new(tokens, &in_turn);
        let pairs = Pairs::measure(
            effort.pick(51, 15),
            || {
                nanos_each(32, |at| {
                    now(cold.verify(&tokens[at])).unwrap();
                })
            },
            || {
                arrivals.nanos_each(20_000, |token| {
                    now(warm.verify(token)).unwrap();
                })
            },
        );
        table.row(
            "2",
            &format!("{algorithm}, cached, 1,000 tokens in turn"),
            (labelled("again", pairs.a()), labelled("cached", pairs.b())),
            (pairs.speedup(), "x"),
            Bar::AtLeast(bar),
        );
    }
}

/// Generates a key pair for both sides of row 3.
fn pair(algorithm: Algorithm) -> (SigningKey, ParsedPublicKey) {
    let load = |private: &[u8],
                public: &[u8],
                parameters: &'static dyn signature::VerificationAlgorithm| {
        (
            SigningKey::from_der(algorithm, private).unwrap().with_key_id(tokens::KEY_ID),
            ParsedPublicKey::new(parameters, public).unwrap(),
        )
    };
    let curve = |signing, verifying| {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let private = pair.to_pkcs8v1().unwrap();
        load(private.as_ref(), pair.public_key().as_ref(), verifying)
    };
    match algorithm {
        Algorithm::RS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let private: Pkcs8V1Der<'static> = pair.as_der().unwrap();
            load(
                private.as_ref(),
                pair.public_key().as_ref(),
                &signature::RSA_PKCS1_2048_8192_SHA256,
            )
        }
        Algorithm::ES256 => {
            curve(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &signature::ECDSA_P256_SHA256_FIXED)
        }
        Algorithm::ES512 => {
            curve(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, &signature::ECDSA_P521_SHA512_FIXED)
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate().unwrap();
            let private = pair.to_pkcs8v1().unwrap();
            load(private.as_ref(), pair.public_key().as_ref(), &signature::ED25519)
        }
        other => panic!("{other} is not measured"),
    }
}

/// Row 3: full verification against the signature alone.
fn cold(table: &Table, effort: Effort) {
    for (algorithm, count) in [
        (Algorithm::RS256, 128),
        (Algorithm::ES256, 64),
        (Algorithm::ES512, 16),
        (Algorithm::EdDSA, 64),
    ] {
        let (key, public) = pair(algorithm);
        let tokens = tokens::tokens(&key, count);
        let signed: Vec<(&[u8], Vec<u8>)> = tokens
            .iter()
            .map(|token| {
                let (input, signature) = token.rsplit_once('.').unwrap();
                let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
                (input.as_bytes(), signature)
            })
            .collect();
        let bare = || {
            nanos_each(count, |at| {
                let (input, signature) = &signed[at];
                public.verify_sig(input, signature).unwrap();
            })
        };
        let off = tokens::verifier(&key).cache_bytes(0).build().unwrap();
        let without_cache = || {
            nanos_each(count, |at| {
                now(off.verify(&tokens[at])).unwrap();
            })
        };
        // A new verifier each time, so that every token is a cache miss.
        let into_cache = || {
            let new = tokens::verifier(&key).build().unwrap();
            let nanos = nanos_each(count, |at| {
                now(new.verify(&tokens[at])).unwrap();
            });
            assert_eq!(new.cache_stats().misses, count as u64);
            nanos
        };
        let rounds = effort.pick(151, 41);
        for (how, pairs) in [
            ("cache off", Pairs::measure(rounds, bare, without_cache)),
            ("into the cache", Pairs::measure(rounds, bare, into_cache)),
        ] {
            table.row(
                "3",
                &format!("{algorithm}, verified in full, {how}"),
                (labelled("bare aws-lc-rs", pairs.a()), labelled("verify", pairs.b())),
                (pairs.ratio(), "x"),
                Bar::AtMost(1.10),
            );
        }
    }
}

/// Row 4: full HS256 verification against jsonwebtoken's decode, which always deserializes claims.
fn cold_hmac(table: &Table, effort: Effort) {
    const SECRET: &[u8] = b"a secret of the benchmark, long enough for HS256";
    const COUNT: usize = 256;
    let key =
        SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap().with_key_id(tokens::KEY_ID);
    let tokens = tokens::tokens(&key, COUNT);
    let decoding_key = jsonwebtoken::DecodingKey::from_secret(SECRET).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&[tokens::AUDIENCE]);
    validation.set_issuer(&[tokens::ISSUER]);
    let theirs = || {
        nanos_each(COUNT, |at| {
            let token = tokens[at].as_str();
            black_box(jsonwebtoken::decode::<User>(token, &decoding_key, &validation)).unwrap();
        })
    };
    let ours = |verifier: &Verifier, with_claims: bool| {
        nanos_each(COUNT, |at| {
            let verified = now(verifier.verify(&tokens[at])).unwrap();
            if with_claims {
                black_box(verified.claims::<User>()).unwrap();
            }
        })
    };
    let off = tokens::verifier(&key).cache_bytes(0).build().unwrap();
    let new = || tokens::verifier(&key).build().unwrap();
    let rounds = effort.pick(301, 101);
    for (how, pairs) in [
        ("cache off", Pairs::measure(rounds, theirs, || ours(&off, false))),
        ("into the cache", Pairs::measure(rounds, theirs, || ours(&new(), false))),
        ("cache off, and typed claims", Pairs::measure(rounds, theirs, || ours(&off, true))),
        ("into the cache, and typed claims", Pairs::measure(rounds, theirs, || ours(&new(), true))),
    ] {
        table.row(
            "4",
            &format!("HS256, verified in full, {how}"),
            (labelled("jsonwebtoken", pairs.a()), labelled("verify", pairs.b())),
            (pairs.speedup(), "x"),
            Bar::AtLeast(2.0),
        );
    }
}

/// Row 8: two threads on one verifier against one.
fn two_threads(table: &Table, effort: Effort, tokens: &[String]) {
    let verifier = warmed(&rs256(), tokens);
    let time = Duration::from_millis(effort.pick(300, 150));
    let sweep = || {
        for token in tokens {
            black_box(now(verifier.verify(token))).unwrap();
        }
    };
    support::two_threads(
        table,
        "two threads on one verifier, 1,000 tokens in turn",
        effort.pick(15, 9),
        Bar::AtLeast(1.8),
        |barrier| {
            sweep();
            barrier.wait();
            let (meter, mut sweeps) = (Meter::start(), 0);
            while meter.runs(time) {
                sweep();
                sweeps += 1;
            }
            meter.rates(sweeps * tokens.len())
        },
    );
}

/// Row 11: allocations for a cached token.
fn allocations(table: &Table, token: &String) {
    let verifier = warmed(&rs256(), std::slice::from_ref(token));
    let count = |times: usize| {
        jamguard_bench_allocations::count(|| {
            for _ in 0..times {
                let verified = now(verifier.verify(token)).unwrap();
                black_box(verified.claims::<User>()).unwrap();
            }
        })
    };
    count(1000);
    let counted = count(1000);
    table.row(
        "11",
        "allocations per cached verification with typed claims",
        (String::new(), format!("{counted} in 1,000")),
        (counted as f64 / 1000.0, "each"),
        Bar::AtMost(0.0),
    );
}

/// Row 7: many entries against few, and the memory per entry.
fn growth(table: &Table, effort: Effort) {
    let key = tokens::key(Algorithm::HS256);
    let many = effort.pick(1_000_000, 100_000);
    let tokens = tokens::long_tokens(&key, many);
    let small = warmed(&key, &tokens[..HOT]);
    let before = support::resident_bytes();
    let large = warmed(&key, &tokens);
    let each = (support::resident_bytes() - before) as f64 / many as f64;
    let accounted = large.cache_stats().bytes as f64 / many as f64;

    let in_turn: Vec<usize> = (0..HOT).collect();
    let spread: Vec<usize> = (0..HOT).map(|at| at * (many / HOT)).collect();
    let shuffled = Random(7).order(many);
    let (rounds, count) = (effort.pick(101, 31), 20_000);
    for (pattern, few_order, many_order) in [
        ("one token", &[0][..], &[many / 2][..]),
        ("1,000 tokens in turn", &in_turn, &spread),
        ("all in random order", &in_turn, &shuffled),
    ] {
        let mut few_arrivals = Arrivals::new(&tokens, few_order);
        let mut many_arrivals = Arrivals::new(&tokens, many_order);
        let pairs = Pairs::measure(
            rounds,
            || {
                few_arrivals.nanos_each(count, |token| {
                    black_box(now(small.verify(token))).unwrap();
                })
            },
            || {
                many_arrivals.nanos_each(count, |token| {
                    black_box(now(large.verify(token))).unwrap();
                })
            },
        );
        table.row(
            "7",
            &format!("{many} entries against 1,000, {pattern}"),
            (labelled("1,000:", pairs.a()), labelled("many:", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::AtMost(2.0),
        );
    }
    table.row(
        "7",
        &format!("memory per entry, tokens of {} bytes", tokens[0].len()),
        (format!("accounted {accounted:.0} B"), format!("resident {each:.0} B")),
        (each / accounted, "x"),
        Bar::Stated,
    );
}
