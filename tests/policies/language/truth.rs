//! Every policy means what its parts mean: against an evaluator that was written apart.

use super::model::{Model, claims, policies};
use super::{allows, check};
use jamguard::policy::{ClaimIndex, ClaimPaths, Subject};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Policy};
use proptest::prelude::*;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_policy_lets_in_whom_it_should(model in policies(), claims in claims()) {
        let policy = model.policy();
        prop_assert_eq!(allows(&policy, &claims), model.holds(&claims), "{} about {}", policy, claims);
    }

    #[test]
    fn asked_in_any_way_it_answers_the_same(model in policies(), claims in claims()) {
        let policy = model.policy();
        let index = ClaimIndex::of(&claims).unwrap();
        let (paths, clock) = (ClaimPaths::default(), ManualClock::at(super::NOW));
        let subject = Subject::new(&index, &paths, &clock);
        let checked = policy.check(&subject);
        let waited = match pin!(policy.check_async(&subject)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("nothing in it waits"),
        };
        prop_assert_eq!(checked.is_ok(), waited.is_ok());
        let why = policy.explain(&subject);
        prop_assert_eq!(why.is_allowed(), Some(checked.is_ok()));
        prop_assert!(!why.deciding().is_empty());
        if let Err(error) = checked {
            prop_assert!(matches!(error.kind(), ErrorKind::InsufficientScope | ErrorKind::StepUp));
            prop_assert_eq!(error.kind(), waited.unwrap_err().kind());
        }
    }

    #[test]
    fn its_text_is_the_policy(model in policies()) {
        let policy = model.policy();
        let text = policy.to_string();
        let again: Policy = match text.parse() {
            Ok(again) => again,
            Err(error) => return Err(TestCaseError::fail(format!("{text}: {error}"))),
        };
        prop_assert_eq!(&again, &policy, "{}", text);
        prop_assert_eq!(again.to_string(), text);
        let json = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    }

    #[test]
    fn no_text_is_too_much_for_the_parser(text in "\\PC*") {
        let _ = text.parse::<Policy>();
    }

    #[test]
    fn nearly_right_text_is_no_trouble_either(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "scope:", "a", "&", "|", "!", "(", ")", "claim:", "in", "[", "]", ",", "=", "<", "\"", ".", " ", "é",
                "fresh:", "5m", "custom:", "never", "\\",
            ]),
            0..12,
        ),
    ) {
        if let Ok(policy) = parts.concat().parse::<Policy>() {
            prop_assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
        }
    }
}

#[test]
fn a_refusal_that_a_login_would_lift_says_so() {
    // Whatever the rest of the policy is: with a fresh login the same claims are let in.
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..Default::default()
    });
    runner
        .run(&(policies(), claims()), |(model, claims)| {
            let Err(error) = check(&model.policy(), &claims) else {
                return Ok(());
            };
            let lifted = stepped_up(&model).holds(&claims);
            prop_assert_eq!(error.kind() == ErrorKind::StepUp, lifted);
            Ok(())
        })
        .unwrap();
}

/// The policy in the eyes of somebody who just logged in, with two factors.
fn stepped_up(model: &Model) -> Model {
    let each = |models: &[Model]| models.iter().map(stepped_up).collect();
    match model {
        Model::Fresh(_) | Model::SecondFactor => Model::Authenticated,
        Model::Not(inner) => Model::Not(Box::new(stepped_up(inner))),
        Model::All(models) => Model::All(each(models)),
        Model::Any(models) => Model::Any(each(models)),
        other => other.clone(),
    }
}
