//! Policies: what they let in, how they are written, and tables of routes.

mod answers;
mod claims;
mod leaves;
mod model;
mod paths;
mod routers;
mod table;
mod text;
mod truth;

use jamguard::policy::{ClaimIndex, ClaimPaths, Subject};
use jamguard::testing::ManualClock;
use jamguard::{Error, Policy};
use serde_json::Value;

/// The time in all of these tests.
const NOW: u64 = 1_700_000_000;

/// Asks a policy about somebody with these claims.
fn check_with(policy: &Policy, claims: &Value, paths: &ClaimPaths) -> Result<(), Error> {
    let (claims, clock) = (ClaimIndex::of(claims).unwrap(), ManualClock::at(NOW));
    policy.check(&Subject::new(&claims, paths, &clock))
}

fn check(policy: &Policy, claims: &Value) -> Result<(), Error> {
    check_with(policy, claims, &ClaimPaths::default())
}

fn allows(policy: &Policy, claims: &Value) -> bool {
    check(policy, claims).is_ok()
}
