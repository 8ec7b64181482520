//! What grows, and what is measured about it.

use crate::Step;
use crate::support::tokens::{self, AUDIENCE};
use crate::support::{Random, median, now, resident_bytes};
use jamguard::jose::{Algorithm, KeySet};
use jamguard::jwks::{Fetch, FetchedDocument};
use jamguard::policy::{ClaimIndex, ClaimPaths, RouteTable, Subject as Claimant, Unmatched, role};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, Error, JamApp, Policy, SessionId, Sessions, SystemClock, Verifier};
use jamguard::{VerificationPool, testing};
use serde_json::json;
use std::future::{Future, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Builder;

/// The most members that a step uses, spread over all: more than a thread's cache holds.
const SAMPLE: usize = 10_000;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// What one use and one member are.
    pub(crate) what: &'static str,
    /// Why its time grows as it does.
    pub(crate) why: &'static str,
    pub(crate) fewest: usize,
    pub(crate) most: usize,
    /// Memory that one member needs at most, in bytes.
    pub(crate) bytes: u64,
    pub(crate) run: fn(usize) -> Step,
}

pub(crate) const SUBJECTS: [Subject; 6] = [
    Subject {
        name: "tokens",
        what: "`Verifier::verify` of a remembered HS256 token, as long as an RS256 one",
        why: "It is one lookup in a hash table, with more misses of the processor's caches: up to 4,096 \
              tokens are in the thread's own cache, the others are spread over memory.",
        fewest: 1_000,
        most: 10_000_000,
        bytes: 2_400,
        run: verified_tokens,
    },
    Subject {
        name: "sessions",
        what: "`Sessions::get` from a `MemoryStore`",
        why: "It is one lookup in a hash table, with more misses of the processor's caches.",
        fewest: 1_000,
        most: 1_000_000,
        bytes: 2_400,
        run: sessions,
    },
    Subject {
        name: "issuers",
        what: "`Authenticator::authenticate` of a remembered token, a verifier for each issuer",
        why: "Up to 4,096 tokens are in the thread's own cache. The `iss` of others is parsed, and their \
              verifier found in a hash table.",
        fewest: 10,
        most: 10_000,
        bytes: 200_000,
        run: issuers,
    },
    Subject {
        name: "apps",
        what: "`Authenticator::authenticate` of a remembered ID token of a JAM app, keys fetched",
        why: "It is as for issuers; at most 1,000 apps are used.",
        fewest: 10,
        most: 10_000,
        bytes: 200_000,
        run: apps,
    },
    Subject {
        name: "routes",
        what: "`RouteTable::find` of a path with a parameter",
        why: "The patterns are a tree of path segments, and a larger one misses the processor's caches more \
              often.",
        fewest: 10,
        most: 100_000,
        bytes: 20_000,
        run: routes,
    },
    Subject {
        name: "conditions",
        what: "`Policy::check` of alternatives that are all false; the time is of the whole policy",
        why: "It is linear by its meaning: the policy is false only after each alternative was.",
        fewest: 10,
        most: 1_000,
        bytes: 10_000,
        run: conditions,
    },
];

/// Builds members, then uses random ones of them; `use_one` gets a number below `sample`.
fn step<T>(
    members: usize,
    sample: usize,
    build: impl FnOnce() -> T,
    mut use_one: impl FnMut(&T, usize),
    accounted: impl FnOnce(&T) -> Option<f64>,
) -> Step {
    let before = resident_bytes();
    let begun = Instant::now();
    let built = build();
    let add_nanos = begun.elapsed().as_nanos() as f64 / members as f64;
    let order = Random(7).order(sample);
    // Once, so that what is made at the first use counts as memory and not as time.
    order.iter().for_each(|at| use_one(&built, *at));
    let resident = resident_bytes().saturating_sub(before) as f64 / members as f64;
    let rounds = (20_000 / sample).clamp(5, 1_000);
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        order.iter().for_each(|at| use_one(black_box(&built), *at));
        begun.elapsed().as_nanos() as f64 / sample as f64
    });
    let use_nanos = median(times);
    let accounted = accounted(&built);
    Step { members, use_nanos, add_nanos, resident, accounted }
}

fn verified_tokens(members: usize) -> Step {
    let key = tokens::key(Algorithm::HS256);
    let token = |number: usize| tokens::long_token(&key, number);
    let sample = members.min(SAMPLE);
    let used: Vec<String> = (0..sample).map(|at| token(at * (members / sample))).collect();
    // The time to sign them is not the verifier's.
    let begun = Instant::now();
    (0..10_000).for_each(|number| drop(black_box(token(number))));
    let sign_nanos = begun.elapsed().as_nanos() as f64 / 10_000.0;
    let mut step = step(
        members,
        sample,
        || {
            let verifier = tokens::verifier(&key).cache_bytes(1 << 40).build().unwrap();
            (0..members).for_each(|number| drop(now(verifier.verify(&token(number))).unwrap()));
            verifier
        },
        |verifier, at| drop(black_box(now(verifier.verify(&used[at])).unwrap())),
        |verifier| {
            let stats = verifier.cache_stats();
            assert_eq!(stats.entries, members as u64, "some were evicted");
            Some(stats.bytes as f64 / members as f64)
        },
    );
    step.add_nanos -= sign_nanos;
    step
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Cart {
    items: Vec<String>,
}

fn sessions(members: usize) -> Step {
    let cart = Cart { items: ["green tea", "a cup", "honey"].map(str::to_owned).into() };
    let sample = members.min(SAMPLE);
    let every = members / sample;
    step(
        members,
        sample,
        || {
            let store = MemoryStore::builder().max_bytes(1 << 40).build().unwrap();
            let sessions = Sessions::builder(store).build().unwrap();
            let create = |number: usize| {
                now(sessions.create(Some(&format!("user-{number:09}")), &cart)).unwrap()
            };
            let ids = (0..members).map(create).enumerate();
            let used = ids.filter(|(number, _)| number % every == 0).map(|(_, id)| id);
            let used: Vec<SessionId> = used.take(sample).collect();
            (sessions, used)
        },
        |(sessions, used), at| {
            let found = now(sessions.get::<Cart>(&used[at])).unwrap();
            assert!(black_box(found).is_some());
        },
        |_| None,
    )
}

fn issuers(members: usize) -> Step {
    let key = tokens::key(Algorithm::HS256);
    let issuer = |number: usize| format!("https://issuer-{number}.example");
    let used: Vec<String> = (0..members)
        .map(|number| {
            let claims = json!({"iss": issuer(number), "aud": AUDIENCE, "sub": "ann", "exp": 4_102_444_800u64});
            testing::mint(&key, &claims).unwrap()
        })
        .collect();
    step(
        members,
        members,
        || {
            let verifiers = (0..members).map(|number| {
                Verifier::builder()
                    .key(key.verifying_key().unwrap())
                    .algorithms([Algorithm::HS256])
                    .issuer(issuer(number))
                    .audience(AUDIENCE)
                    .build()
                    .unwrap()
            });
            let builder = Authenticator::builder();
            verifiers.fold(builder, |builder, verifier| builder.verifier(verifier)).build().unwrap()
        },
        |auth, at| drop(black_box(now(auth.authenticate(&used[at])).unwrap())),
        |_| None,
    )
}

/// Answers every URL with the same key set, at once.
struct Keys(String);

impl Fetch for Keys {
    fn fetch<'a>(
        &'a self,
        _url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(ready(Ok(FetchedDocument::new(self.0.clone().into_bytes()))))
    }
}

fn apps(members: usize) -> Step {
    let key = tokens::key(Algorithm::ES512);
    let mut set = KeySet::default();
    set.push(key.verifying_key().unwrap());
    let keys = Arc::new(Keys(set.to_json()));
    let id = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    let app = |number: usize| JamApp::new(id(number)).fetcher(keys.clone());
    let sample = members.min(1_000);
    let id_token = |number: usize| {
        let issuer = format!("https://api.justauthenticate.me/{}", id(number));
        let claims = json!({
            "iss": issuer, "aud": id(number), "token_use": "id", "email": "ann@example.com",
            "iat": 1_700_000_000u64, "nbf": 1_700_000_000u64, "exp": 4_102_444_800u64,
        });
        testing::mint(&key, &claims).unwrap()
    };
    let used: Vec<String> = (0..sample).map(|at| id_token(at * (members / sample))).collect();
    let pool = VerificationPool::builder().threads(0).build().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    step(
        members,
        sample,
        || {
            let builder = Authenticator::builder().verification_pool(pool);
            let auth = (0..members).fold(builder, |builder, number| builder.jam(app(number)));
            let auth = auth.build().unwrap();
            // Fetches the keys.
            runtime.block_on(async {
                for token in &used {
                    auth.authenticate(token).await.unwrap();
                }
            });
            auth
        },
        |auth, at| drop(black_box(now(auth.authenticate(&used[at])).unwrap())),
        |_| None,
    )
}

fn routes(members: usize) -> Step {
    let sample = members.min(SAMPLE);
    let used: Vec<String> =
        (0..sample).map(|at| format!("/api/v1/kind-{}/4711", at * (members / sample))).collect();
    step(
        members,
        sample,
        || {
            let pattern = |number: usize| format!("/api/v1/kind-{number}/{{id}}");
            let table = (0..members).fold(RouteTable::builder(Unmatched::Deny), |table, number| {
                table.guard("GET", pattern(number), role("reader"))
            });
            table.build().unwrap()
        },
        |table, at| assert!(!black_box(table.find("GET", &used[at])).unwrap().is_public()),
        |_| None,
    )
}

fn conditions(members: usize) -> Step {
    let claims = json!({"sub": "ann", "roles": ["reader", "writer", "clerk", "admin"]});
    let claims = ClaimIndex::of(&claims).unwrap();
    let paths = ClaimPaths::default();
    let subject = Claimant::new(&claims, &paths, &SystemClock);
    step(
        members,
        1,
        || (0..members).map(|number| role(format!("role-{number}"))).reduce(|a, b| a | b).unwrap(),
        |policy: &Policy, _| assert!(black_box(policy).check(&subject).is_err()),
        |_| None,
    )
}
