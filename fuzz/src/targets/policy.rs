//! The text of a policy.
//!
//! Oracle: the text that is printed is the same policy; its meaning is that of the model that the tests of
//! the policy language use.
//!
//! Inputs that begin with `!` are a text. Of others, proptest draws a model and claims.

use crate::Verdict;
use crate::common::{NOW, sha256};
use jamguard::Policy;
use jamguard::policy::{ClaimIndex, ClaimPaths, Subject};
use jamguard::testing::ManualClock;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::cell::OnceCell;

#[path = "../../../tests/policies/language/model.rs"]
mod model;

pub const WORDS: &[&str] = &[
    "role:a",
    "scope:",
    "permission:a:*",
    "claim:",
    "resource:",
    " & ",
    " | ",
    "!",
    "(",
    ")",
    " = ",
    " != ",
    " >= ",
    " in [",
    "]",
    ", ",
    "\"",
    "\\u0041",
    "\\",
    "contains",
    "starts_with",
    "is_claim",
    "fresh:5m",
    "never",
    "authenticated",
    "second_factor",
    "custom:own",
    "email_domain:*.a.b",
    "1e300",
    "-0",
    "1.0",
    "true",
    "\u{e9}",
];

pub fn run(data: &[u8]) -> Verdict {
    match data.strip_prefix(b"!") {
        Some(text) => text_of(text),
        None => drawn(data),
    }
}

fn text_of(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let policy = text.parse::<Policy>();
    match &policy {
        Ok(policy) => {
            let again = printed_and_parsed(policy);
            for claims in samples() {
                assert_eq!(allows(policy, &claims), allows(&again, &claims), "{text} for {claims}");
            }
        }
        Err(error) => {
            let column = error.message().strip_prefix("column ").unwrap_or_default();
            let column: String = column.chars().take_while(char::is_ascii_digit).collect();
            let last = text.chars().count() + 1;
            let column: usize = column.parse().unwrap_or_else(|_| panic!("no column: {error}"));
            assert!((1..=last).contains(&column), "{text:?}: {error}");
        }
    }
    Verdict::of(&policy)
}

fn drawn(data: &[u8]) -> Verdict {
    thread_local! {
        static STRATEGY: OnceCell<proptest::strategy::BoxedStrategy<(model::Model, Value)>> =
            const { OnceCell::new() };
    }
    // The bytes themselves, as a generator, would end: some strategies then draw for ever.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &sha256(data));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let drawn = STRATEGY.with(|strategy| {
        strategy
            .get_or_init(|| (model::policies(), model::claims()).boxed())
            .new_tree(&mut runner)
            .map(|tree| tree.current())
    });
    let Ok((model, claims)) = drawn else {
        return Verdict::Refused;
    };
    let policy = printed_and_parsed(&model.policy());
    let allowed = allows(&policy, &claims);
    assert_eq!(allowed, model.holds(&claims), "{policy} for {claims}");
    if allowed { Verdict::Accepted } else { Verdict::Refused }
}

/// Returns the policy that is parsed from the text of this one, which is the same.
fn printed_and_parsed(policy: &Policy) -> Policy {
    let text = policy.to_string();
    let again: Policy = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(again, *policy, "{text}");
    assert_eq!(again.to_string(), text);
    again
}

fn allows(policy: &Policy, claims: &Value) -> bool {
    let (index, paths) = (ClaimIndex::of(claims).unwrap(), ClaimPaths::default());
    let clock = ManualClock::at(NOW);
    let subject = Subject::new(&index, &paths, &clock);
    let allowed = policy.check(&subject).is_ok();
    assert_eq!(policy.explain(&subject).is_allowed(), Some(allowed), "{policy}");
    allowed
}

fn samples() -> [Value; 3] {
    [
        json!({}),
        json!({"sub": "a", "roles": ["a", "b"], "scope": "a b", "permissions": ["a:*"], "a": 1}),
        json!({"a": {"b": "true"}, "roles": "a", "iss": "a", "auth_time": NOW, "amr": ["otp", "pwd"]}),
    ]
}
