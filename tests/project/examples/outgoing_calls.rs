//! The example `outgoing_calls`, run as people run it.

use crate::support::run::{Run, Tool};

#[test]
fn a_hundred_calls_take_one_token() {
    let output = Tool::build("outgoing_calls").command().output().unwrap();
    let run: Run = output.into();
    assert_eq!(run.status, 0, "{}", run.stderr);
    let expected = [
        "100 of 100 calls answered with 1 token request",
        "after a rejected token: 200 3 orders for example, 2 token requests",
        "with a token for another scope: 403",
    ];
    assert_eq!(run.lines, expected);
}
