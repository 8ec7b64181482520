//! Benchmarks of policies over indexed claims, of route tables, and of enrichment.
//!
//! ```sh
//! cargo bench --bench policy --features testing [-- --quick]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, Signature, UnparsedPublicKey,
};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{ClaimIndex, ClaimPaths, RouteTable, Subject, Unmatched, role};
use jamguard::{Authenticator, Policy, SystemClock, Verifier};
use serde_json::json;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::{Bar, Effort, Others, Pairs, Table, labelled, nanos_each};

/// Runs timed together: a single one is too short for the clock.
const BATCH: usize = 1_000;

fn main() {
    let effort = Effort::from_args();
    let others = Others::watch();
    let table = Table::begin("jamguard, policies");
    leaves(&table, effort);
    routes(&table, effort);
    enrichment(&table, effort);
    allocations(&table);
    others.report(&table);
}

/// Returns the nanoseconds per run of `work`, over batches.
fn each(effort: Effort, mut work: impl FnMut(usize)) -> f64 {
    let batches = effort.pick(20, 10);
    nanos_each(batches, |batch| (0..BATCH).for_each(|at| work(batch * BATCH + at))) / BATCH as f64
}

/// Returns realistic claims, more than a policy needs.
fn claims() -> ClaimIndex {
    ClaimIndex::of(&claims_json()).unwrap()
}

fn claims_json() -> serde_json::Value {
    json!({
        "iss": "https://issuer.example/", "aud": "https://api.example/", "sub": "user-000000042",
        "iat": 1_700_000_000u64, "exp": 4_102_444_800u64, "jti": "4ff2c1d6-2d3c-4a1a-8a3d-0d0d4a1b6f6d",
        "email": "ann@example.com", "email_verified": true, "name": "Ann Example",
        "scope": "openid profile email orders.read orders.write",
        "roles": ["reader", "writer", "clerk", "admin"],
        "permissions": ["orders:read", "orders:refund", "stock:*"],
        "plan": "gold", "level": 7, "tenant": "acme", "amr": ["pwd", "otp"],
    })
}

/// Nanoseconds of an EdDSA verification with a parsed key on the reference machine.
///
/// Only ratios are comparable between machines, and between moments on a busy one. So figures are
/// scaled to the reference machine before they are compared with a target in nanoseconds.
const REFERENCE: f64 = 45_900.0;

/// The EdDSA signature that is verified to measure the processor's speed.
struct Yardstick {
    key: ParsedPublicKey,
    signature: Signature,
}

impl Yardstick {
    const MESSAGE: [u8; 850] = [b'x'; 850];

    fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        Self { key: key.parse().unwrap(), signature: pair.sign(&Self::MESSAGE) }
    }

    fn nanos(&self) -> f64 {
        nanos_each(20, |_| {
            let message = black_box(&Self::MESSAGE);
            self.key.verify_sig(message, self.signature.as_ref()).unwrap();
        })
    }

    /// Prints a row for some work, in nanoseconds of the reference machine.
    ///
    /// Uses the median of the pairs in which this machine was as fast as the reference: a shared
    /// core slows short work down more than the yardstick.
    fn row(
        &self,
        table: &Table,
        effort: Effort,
        what: &str,
        mut work: impl FnMut() -> f64,
        bar: f64,
    ) {
        const ENOUGH: usize = 51;
        let (mut all, mut quiet) = (Vec::new(), Vec::new());
        work();
        while quiet.len() < ENOUGH && all.len() < effort.pick(4_000, 1_000) {
            let pair = (self.nanos(), work());
            all.push(pair);
            quiet.extend((pair.0 <= 1.1 * REFERENCE).then_some(pair));
        }
        let pairs = match quiet.len() < ENOUGH {
            true => {
                table.note("the processor was shared, or slower than the reference machine");
                Pairs::of(all)
            }
            false => Pairs::of(quiet),
        };
        table.row(
            "P",
            what,
            (labelled("EdDSA", pairs.a()), labelled("here", pairs.b())),
            (pairs.ratio() * REFERENCE, "ns"),
            Bar::AtMost(bar),
        );
    }
}

/// Policies of ten conditions that must all be evaluated.
const TEN: [(&str, &str); 3] = [
    (
        "one of each kind",
        "authenticated & scope:orders.write & role:admin & permission:stock:count & claim:plan = gold \
         & claim:level >= 3 & subject:user-000000042 & email_domain:example.com \
         & issued_by:https://issuer.example/ & !role:suspended",
    ),
    (
        "scopes and roles, down to the last of each list",
        "scope:orders.write & scope:orders.read & scope:email & scope:profile & scope:openid \
         & role:admin & role:clerk & role:writer & role:reader & !role:suspended",
    ),
    (
        "alternatives, only the last is true",
        "role:a | role:b | scope:c | scope:d | claim:plan = silver | claim:level > 9 | permission:x:y \
         | email_domain:other.example | claim:tenant in [x, y, z] | role:admin",
    ),
];

fn leaves(table: &Table, effort: Effort) {
    let (claims, paths) = (claims(), ClaimPaths::default());
    let subject = Subject::new(&claims, &paths, &SystemClock);
    let yardstick = Yardstick::new();
    for (what, text) in TEN {
        let policy: Policy = text.parse().unwrap();
        yardstick.row(
            table,
            effort,
            &format!("ten conditions over indexed claims: {what}"),
            || each(effort, |_| black_box(&policy).check(black_box(&subject)).unwrap()),
            150.0,
        );
    }
}

/// Builds a table of 1,000 routes, four for each of 250 kinds of resources.
fn thousand() -> RouteTable {
    let table = (0..250).fold(RouteTable::builder(Unmatched::Deny), |table, kind| {
        table
            .guard("GET", format!("/api/v1/kind-{kind}"), role("reader"))
            .guard("GET PUT", format!("/api/v1/kind-{kind}/{{id}}"), role("reader"))
            .guard("*", format!("/api/v1/kind-{kind}/{{id}}/parts/{{*rest}}"), role("writer"))
            .public("GET", format!("/api/v1/kind-{kind}/about"))
    });
    table.build().unwrap()
}

fn routes(table: &Table, effort: Effort) {
    let (routes, yardstick) = (thousand(), Yardstick::new());
    let paths = |path: &dyn Fn(usize) -> String| -> Vec<String> { (0..250).map(path).collect() };
    let cases = [
        ("fixed text", paths(&|kind| format!("/api/v1/kind-{kind}"))),
        ("a parameter", paths(&|kind| format!("/api/v1/kind-{kind}/4711"))),
        ("a tree", paths(&|kind| format!("/api/v1/kind-{kind}/4711/parts/a/b"))),
        ("other spellings", paths(&|kind| format!("/api/v1/kind-{kind}/Caf%c3%a9%20A/parts/a;x/"))),
    ];
    for (what, paths) in cases {
        let guarded = |path: &str| routes.find("GET", path).map(|access| access.policies().count());
        assert!(guarded(&paths[7]).is_ok_and(|count| count > 0));
        yardstick.row(
            table,
            effort,
            &format!("a table of 1,000 routes: {what}"),
            || {
                each(effort, |at| {
                    let _ = black_box(routes.find("GET", black_box(&paths[at % 250])));
                })
            },
            1_000.0,
        );
    }
}

/// Returns the output of a future that must be ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("this path must not wait"),
    }
}

/// Measures a cached token with enrichment against one without.
fn enrichment(table: &Table, effort: Effort) {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let auth = || {
        let verifier = Verifier::builder()
            .any_audience()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .build()
            .unwrap();
        Authenticator::builder().verifier(verifier)
    };
    let plain = auth().build().unwrap();
    let enriched = auth()
        .enrichment_ttl(Duration::from_secs(86_400))
        .enrich(|_| async { Ok(json!({"roles": ["admin"]})) })
        .build()
        .unwrap();
    let token = jamguard::testing::mint(&key, &claims_json()).unwrap();
    let ask = |auth: &Authenticator| {
        each(effort, |_| drop(black_box(now(auth.authenticate(black_box(&token)))).unwrap()))
    };
    // The allowed extra cost: one look-up by the text of the claims.
    let claims: Arc<str> = claims_json().to_string().into();
    let cache = moka::sync::Cache::builder()
        .max_capacity(1_000)
        .build_with_hasher(foldhash::quality::RandomState::default());
    cache.insert(claims.clone(), Arc::new(()));
    let look_up = || each(effort, |_| drop(black_box(cache.get(black_box(&claims))).unwrap()));
    let pairs = Pairs::measure(effort.pick(201, 51), || ask(&plain) + look_up(), || ask(&enriched));
    table.row(
        "P",
        "a cached token, enriched, against plain plus one moka look-up",
        (labelled("plain + moka", pairs.a()), labelled("enriched", pairs.b())),
        (pairs.ratio(), "x"),
        Bar::AtMost(1.0),
    );
    let count = |auth: &Authenticator| {
        let each = || drop(now(auth.authenticate(&token)).unwrap());
        jamguard_bench_allocations::count(|| (0..BATCH).for_each(|_| each())) as f64 / BATCH as f64
    };
    let (without, with) = (count(&plain), count(&enriched));
    table.row(
        "P",
        "allocations of a cached enriched token",
        (labelled_count("plain", without), labelled_count("enriched", with)),
        (with - without, "allocations"),
        Bar::AtMost(0.1),
    );
}

fn labelled_count(what: &str, count: f64) -> String {
    format!("{what} {count:.2}")
}

/// Counts the allocations of a policy check and a route look-up.
fn allocations(table: &Table) {
    let (claims, paths) = (claims(), ClaimPaths::default());
    let subject = Subject::new(&claims, &paths, &SystemClock);
    let policy: Policy = TEN[0].1.parse().unwrap();
    let routes = thousand();
    let count = jamguard_bench_allocations::count(|| {
        policy.check(&subject).unwrap();
        routes.find("GET", "/api/v1/kind-7/4711").unwrap().check(&subject).unwrap();
    });
    table.row(
        "P",
        "allocations of a policy and a table",
        (String::new(), String::new()),
        (count as f64, "allocations"),
        Bar::AtMost(0.0),
    );
}
