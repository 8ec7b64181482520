//! Builders that are given what cannot work say what to do.

use crate::api::door::keys;
use jamguard::otp::{
    Enrolment, Otp, OtpAlgorithm, OtpGuard, OtpKind, OtpSecret, RecoveryCodes, SecondFactor,
};
use jamguard::store::MemoryStore;
use jamguard::{Error, ErrorKind};
use std::time::Duration;

#[track_caller]
fn refuses<T>(answer: Result<T, Error>, hint: &str) {
    let error = answer.err().expect("it is taken");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.message().contains(hint), "{error}");
}

#[test]
fn settings_of_codes() {
    for digits in [0, 1, 5, 11, 255] {
        refuses(Otp::totp().digits(digits).build(), ".digits(");
        refuses(Otp::hotp().digits(digits).build(), ".digits(");
    }
    for millis in [0, 1, 999, 1_001, 30_500] {
        refuses(Otp::totp().period(Duration::from_millis(millis)).build(), "whole seconds");
    }
    refuses(Otp::hotp().period(Duration::from_secs(30)).build(), ".period(");
    refuses(Otp::totp().look_ahead(u32::MAX).build(), ".look_ahead(");
    refuses("motp".parse::<OtpKind>(), "'totp' or 'hotp'");
    for name in ["", "md5", "SHA", "SHA-384", "SHA--1", "sha3-256"] {
        refuses(name.parse::<OtpAlgorithm>(), "SHA1, SHA256 or SHA512");
    }
}

#[test]
fn names_in_uris() {
    let (totp, hotp) = (Otp::totp().build().unwrap(), Otp::hotp().build().unwrap());
    let secret = OtpSecret::generate().unwrap();
    let long = "a".repeat(257);
    for bad in ["", "a:b", ":", &long] {
        refuses(totp.uri(&secret, bad, "ann"), "issuer");
        refuses(totp.uri(&secret, "My App", bad), "account");
        refuses(hotp.uri_at(&secret, bad, "ann", 1), "issuer");
        refuses(Enrolment::new(&totp, "My App", bad), "account");
    }
    refuses(totp.uri_at(&secret, "My App", "ann", 1), ".uri(");
}

#[test]
fn settings_of_what_keeps_them() {
    let store = MemoryStore::new();
    let guard = || OtpGuard::builder(store.clone());
    refuses(guard().name("").build(), "name");
    refuses(guard().name("a/b").build(), "name");
    refuses(guard().max_failures(0).build(), "1 to 100");
    refuses(guard().max_failures(101).build(), "1 to 100");
    refuses(guard().lockout(Duration::ZERO).build(), "1 second to 1 day");
    refuses(guard().lockout(Duration::from_secs(86_401)).build(), "1 second to 1 day");
    let recovery = || RecoveryCodes::builder(store.clone());
    refuses(recovery().count(0).build(), "1 to 50");
    refuses(recovery().count(51).build(), "1 to 50");
    refuses(recovery().name("a b").build(), "name");
    refuses(recovery().max_failures(0).build(), "1 to 100");
    refuses(recovery().lockout(Duration::ZERO).build(), "1 second to 1 day");
    let bare = || SecondFactor::builder(store.clone(), keys());
    let factor = || bare().issuer("My App");
    refuses(bare().build(), ".issuer(");
    refuses(bare().issuer("a:b").build(), ".issuer(");
    refuses(bare().issuer("a".repeat(65)).build(), ".issuer(");
    refuses(factor().name("").build(), "name");
    refuses(factor().recovery_codes(0).build(), "1 to 50");
    refuses(factor().max_failures(0).build(), "1 to 100");
    refuses(factor().lockout(Duration::ZERO).build(), "1 second to 1 day");
    assert!(factor().build().is_ok() && recovery().build().is_ok() && guard().build().is_ok());
}

/// A last step or time, were it taken for one, would refuse every code that is to come.
#[tokio::test]
async fn a_counter_where_there_is_none() {
    let secret = crate::secret();
    let factor = SecondFactor::builder(MemoryStore::new(), keys()).issuer("My App");
    let factor = factor.build().unwrap();
    for counter in [1, 1_800_000_000] {
        refuses(factor.import("ann", &secret, counter).await, "give 0");
    }
    assert!(!factor.is_enrolled("ann").await.unwrap());
    factor.import("ann", &secret, 0).await.unwrap();
}
