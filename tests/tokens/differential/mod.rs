//! Mutated tokens, judged by a [`Verifier`] and by jsonwebtoken under the same rules: whatever we
//! accept, jsonwebtoken accepts as well, with the same claims.
//!
//! The one exception is in [`IGNORED`]. In the other direction we are stricter on purpose, so
//! nothing is asked there.

mod case;
mod policy;

use case::Case;
use jamguard::{Clock, SystemClock};
use policy::Policy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

const TOKENS: u32 = 10_000;

/// Header members that we never look at, as RFC 7515 section 4.1 lets a verifier do that finds its
/// key by itself (and section 4 tells it to do with members of no meaning to it). jsonwebtoken has
/// typed fields for them and refuses a token in which one has another JSON type.
const IGNORED: [&str; 9] = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "cty", "url", "nonce"];

#[derive(Debug, Default)]
struct Count {
    both_accept: u32,
    both_refuse: u32,
    only_jsonwebtoken: u32,
    ill_typed_ignored: u32,
    /// Refusals by our error kind.
    kinds: BTreeMap<&'static str, u32>,
}

impl Count {
    fn check(&mut self, policies: &[Policy], case: &Case) -> Result<(), String> {
        let now = SystemClock.now().as_secs();
        let policy = &policies[case.policy()];
        let signed = case.signed(policy, now);
        let token = case.damaged(&signed);
        let ours = policy.ours(&token);
        if policy.ours(&token) != ours {
            return Err(format!("the second verdict differs: {token}"));
        }
        match (ours, policy.theirs(&token)) {
            (Ok(mine), Ok(theirs)) if mine == theirs => self.both_accept += 1,
            (Ok(mine), Ok(theirs)) => {
                return Err(format!("claims differ, {mine} and {theirs}: {token}"));
            }
            (Ok(mine), Err(error)) => {
                let bare = case.without(&IGNORED).signed(policy, now);
                if token != signed || policy.theirs(&bare).as_ref() != Ok(&mine) {
                    return Err(format!("only we accept, {error}: {token}"));
                }
                self.ill_typed_ignored += 1;
            }
            (Err(kind), theirs) => {
                *self.kinds.entry(kind.as_str()).or_default() += 1;
                match theirs {
                    Ok(_) => self.only_jsonwebtoken += 1,
                    Err(_) => self.both_refuse += 1,
                }
            }
        }
        Ok(())
    }

    /// A run in which one verdict hardly occurs would show nothing.
    fn assert_healthy(&self) {
        println!("{self:#?}");
        let tenth = TOKENS / 10;
        assert!(self.both_accept > tenth && self.both_refuse > tenth);
        assert!(self.only_jsonwebtoken > 0 && self.ill_typed_ignored > 0);
        for kind in [
            "malformed",
            "unsupported_algorithm",
            "bad_signature",
            "expired",
            "not_yet_valid",
            "missing_claim",
            "invalid_claim",
        ] {
            assert!(self.kinds.get(kind).is_some_and(|n| *n >= 20), "{kind}");
        }
    }
}

fn run(seed: u64) {
    println!("seed {seed}");
    let policies = policy::all();
    let count = RefCell::new(Count::default());
    let config = Config {
        cases: TOKENS,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    let seed_bytes: Vec<u8> = seed.to_le_bytes().repeat(4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed_bytes);
    TestRunner::new_with_rng(config, rng)
        .run(&case::any_case(), |case| {
            let verdict = count.borrow_mut().check(&policies, &case);
            verdict.map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|failure| panic!("DIFFERENTIAL_SEED={seed} repeats it: {failure}"));
    count.borrow().assert_healthy();
}

#[test]
fn with_a_fixed_seed() {
    run(2026);
}

/// `DIFFERENTIAL_SEED` repeats a run.
#[test]
fn with_a_random_seed() {
    run(match std::env::var("DIFFERENTIAL_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => {
            let mut bytes = [0; 8];
            aws_lc_rs::rand::fill(&mut bytes).unwrap();
            u64::from_le_bytes(bytes)
        }
    });
}

/// The comparison itself: a sound token passes at both, and each finds a fault that it must find.
#[test]
fn the_two_sides_judge_by_the_same_rules() {
    let policies = policy::all();
    let now = SystemClock.now().as_secs();
    for signer in 0..case::SIGNERS.len() {
        let sound = Case::sound(signer);
        let policy = &policies[sound.policy()];
        let token = sound.signed(policy, now);
        let claims: Value = policy.ours(&token).unwrap();
        assert_eq!(policy.theirs(&token).unwrap(), claims);
        for claim in ["iss", "aud", "exp"] {
            let token = sound.clone().without_claim(claim).signed(policy, now);
            assert_eq!(policy.ours(&token).unwrap_err().as_str(), "missing_claim");
            assert!(policy.theirs(&token).unwrap_err().contains(claim));
        }
    }
}
