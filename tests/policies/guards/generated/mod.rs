//! Generated tables and applications, with the real routers of axum and actix-web: no handler is
//! reached unless the rule of its route was asked.
//!
//! `JAMGUARD_FUZZ_REQUESTS` sets the number of requests (default: 200,000), `JAMGUARD_FUZZ_SEED` the
//! seed (default: 1).

mod actix_side;
mod axum_side;
mod patterns;
mod requests;

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{RouteTable, Unmatched, custom};
use jamguard::{Authenticator, Issuer};
use patterns::Pattern;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Requests for each table and pair of applications.
const REQUESTS_EACH: usize = 100;

/// Names the route that answered.
const CHOSEN: &str = "chosen";

thread_local! {
    /// The rules that the last request was asked for, by their numbers.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Where a setting of an application is drawn from: splitmix64, the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Where the middleware that normalizes paths stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Normalize {
    Never,
    Outside,
    Inside,
}

/// A table, and what an application around it is made from.
#[derive(Debug)]
pub(super) struct World {
    patterns: Vec<Pattern>,
    guarded: Vec<bool>,
    table: RouteTable,
    normalize: Normalize,
    /// A first segment below which the routes stand in a router or scope of their own.
    nested: Option<String>,
    /// Whether the guard of those stands inside of it.
    guard_inside: bool,
}

impl World {
    /// `None` for patterns that no router takes together.
    pub(super) fn new(random: &mut Random) -> Option<Self> {
        let mut patterns: Vec<Pattern> = Vec::new();
        for _ in 0..3 + random.below(6) {
            let pattern = Pattern::random(random);
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        let guarded: Vec<bool> = patterns.iter().map(|_| random.percent(60)).collect();
        let unmatched = match random.percent(75) {
            true => Unmatched::Allow,
            false => Unmatched::Deny,
        };
        let mut table = RouteTable::builder(unmatched);
        if random.percent(30) {
            table = table.keep_encoded_slashes();
        }
        for (number, pattern) in patterns.iter().enumerate() {
            let rule = custom(number.to_string(), move |_| {
                ASKED.with(|asked| asked.set(asked.get() | 1 << number));
                true
            });
            table = match guarded[number] {
                true => table.guard("*", pattern.axum(), rule),
                false => table.public("*", pattern.axum()),
            };
        }
        let firsts: Vec<String> = patterns.iter().filter_map(Pattern::first_literal).collect();
        let nested = (!firsts.is_empty() && random.percent(40))
            .then(|| firsts[random.below(firsts.len())].clone());
        Some(Self {
            table: table.build().ok()?,
            patterns,
            guarded,
            normalize: random.pick(&[
                Normalize::Never,
                Normalize::Never,
                Normalize::Outside,
                Normalize::Inside,
            ]),
            nested,
            guard_inside: random.percent(50),
        })
    }

    /// Whether this route stands in the nested router.
    fn is_nested(&self, pattern: &Pattern) -> bool {
        self.nested.is_some() && pattern.first_literal() == self.nested
    }

    /// Checks the route that a request reached, and counts it.
    fn check(
        &self,
        framework: &'static str,
        path: &str,
        chosen: Option<usize>,
        reached: &mut Reached,
    ) {
        let Some(chosen) = chosen else { return };
        let asked = ASKED.with(Cell::get);
        assert!(
            !self.guarded[chosen] || asked & (1 << chosen) != 0,
            "{framework}: '{path}' reaches '{}' unasked, in {self:#?}",
            self.patterns[chosen].axum()
        );
        *reached.entry((framework, requests::kind_of(path))).or_default() += 1;
    }
}

/// How many requests reached a handler, by framework and spelling.
pub(super) type Reached = BTreeMap<(&'static str, &'static str), u64>;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// The identity that all requests have.
pub(super) struct Sender {
    auth: Authenticator,
    bearer: String,
    system: actix_web::rt::SystemRunner,
}

impl Sender {
    pub(super) fn new() -> Self {
        let issuer = Issuer::builder()
            .key(SigningKey::generate(Algorithm::HS256).unwrap())
            .issuer("https://issuer.example")
            .audience("api")
            .build()
            .unwrap();
        let auth = Authenticator::builder().verifier(issuer.verifier()).build().unwrap();
        let system = actix_web::rt::System::new();
        let token = system.block_on(issuer.issue(&serde_json::json!({"sub": "ann"}))).unwrap();
        Self { auth, bearer: format!("Bearer {}", token.expose()), system }
    }

    /// Sends each path to both applications of a world; returns the number of requests.
    pub(super) fn send(
        &self,
        world: &World,
        random: &mut Random,
        paths: &[String],
        reached: &mut Reached,
    ) -> usize {
        let mut sent = paths.len();
        if let Some(router) = axum_side::app(world, &self.auth, random) {
            for path in paths {
                ASKED.with(|asked| asked.set(0));
                let chosen = self.system.block_on(axum_side::send(&router, path, &self.bearer));
                world.check("axum", path, chosen, reached);
            }
            sent += paths.len();
        }
        ASKED.with(|asked| asked.set(0));
        let then = |path: &str, chosen| {
            world.check("actix-web", path, chosen, reached);
            ASKED.with(|asked| asked.set(0));
        };
        let bearer = &self.bearer;
        self.system.block_on(actix_side::send_each(world, &self.auth, random, paths, bearer, then));
        sent
    }
}

#[test]
fn no_handler_of_a_generated_application_is_reached_past_its_rule() {
    let (requests, seed) =
        (setting("JAMGUARD_FUZZ_REQUESTS", 200_000), setting("JAMGUARD_FUZZ_SEED", 1));
    let mut random = Random(seed);
    let sender = Sender::new();
    let (mut reached, mut sent) = (Reached::new(), 0);
    while sent < requests {
        let Some(world) = World::new(&mut random) else {
            continue;
        };
        let paths: Vec<String> =
            (0..REQUESTS_EACH).map(|_| requests::path(&world.patterns, &mut random)).collect();
        sent += sender.send(&world, &mut random, &paths, &mut reached) as u64;
    }
    println!("seed {seed}, {sent} requests, handlers reached: {reached:#?}");
    for framework in ["axum", "actix-web"] {
        for kind in requests::KINDS {
            let count = reached.get(&(framework, kind)).copied().unwrap_or_default();
            assert!(count > 0, "{framework}: no handler was reached by a path with {kind}");
        }
    }
}
