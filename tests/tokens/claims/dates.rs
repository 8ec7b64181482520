//! When a token is valid.

use crate::claims::{payload, target};
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use serde_json::{Value, json};
use std::time::Duration;

/// Values of every JSON type but the number.
const NOT_NUMBERS: [&str; 10] = [
    // How serde_json writes a number down with a feature that is off here.
    r#"{"$serde_json::private::Number":"1800000600"}"#,
    r#""1800000600""#,
    r#""""#,
    r#""soon""#,
    "null",
    "true",
    "false",
    "[1800000600]",
    "[]",
    "{}",
];

#[test]
fn line_11_exp() {
    let target = target();
    for value in NOT_NUMBERS {
        target.refuses_payload(payload("exp", value), InvalidClaim);
    }
    for value in [
        "-1",
        "-1800000600",
        "-1e9",
        "-0.5",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "9223372036854775807",
        "9223372036854775808",
        "340282366920938463463374607431768211456",
        "1e19",
        "1e30",
        "1e308",
        // Milliseconds, and the first second after the year 9999.
        "1800000600000",
        "253402300800",
        "253402300800.0",
        "2.6e11",
    ] {
        target.refuses_payload(payload("exp", value), InvalidClaim);
    }
    for value in
        ["1e400", "-1e400", "NaN", "Infinity", "01800000600", "1_800_000_600", "1800000600s"]
    {
        target.refuses_payload(payload("exp", value), Malformed);
    }
    for value in
        ["0", "-0", "-0.0", "0.0", "0e0", "1", "1e-9", "1e-400", "1799999940", "1.79999994e9"]
    {
        target.refuses_payload(payload("exp", value), Expired);
    }
    target.refuses_claims(&claims_without("exp"), MissingClaim);
    let exp = NOW + 600;
    for more in [format!("\"exp\":{exp}"), "\"exp\":0".to_owned(), format!("\"\\u0065xp\":{exp}")] {
        let twice = format!("{},{more}}}", claims().to_string().strip_suffix('}').unwrap());
        target.refuses_payload(twice, Malformed);
    }
    // Other notations of a sound moment; the last second of the year 9999.
    for value in [
        "1800000600",
        "1800000600.0",
        "1800000600.75",
        "18000006e2",
        "1.8000006e9",
        "1.8000006E+9",
        "18000006000e-1",
        "253402300799",
        "253402300799.0",
    ] {
        target.accepts_payload(payload("exp", value));
    }
}

#[test]
fn line_11_exp_to_the_second() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    for (leeway, exp, last) in [
        (60, json!(NOW), NOW + 59),
        (0, json!(NOW), NOW - 1),
        (3600, json!(NOW), NOW + 3599),
        // A fraction does not lengthen a life.
        (0, json!(NOW as f64 + 0.9), NOW - 1),
    ] {
        let clock = ManualClock::at(last);
        let rules = rules(&key).leeway(Duration::from_secs(leeway));
        let verifier = rules.clock(clock.clone()).build().unwrap();
        let token = mint(&key, &claims_with("exp", exp)).unwrap();
        accepts(&verifier, &token, "in its last second");
        clock.set_wall(last + 1);
        refuses(&verifier, &token, Expired, "one second later");
        let fresh = mint(&key, &claims_with("exp", json!(last + 2))).unwrap();
        accepts(&verifier, &fresh, "another one");
    }
}

#[test]
fn line_11_leeway_must_be_finite_and_small() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let build = |leeway| rules(&key).leeway(leeway).build().map_err(|error| error.kind());
    for leeway in [0, 1, 60, 3600].map(Duration::from_secs) {
        assert!(build(leeway).is_ok());
    }
    for leeway in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(3601)] {
        assert_eq!(build(leeway).unwrap_err(), Configuration);
    }
    assert_eq!(build(Duration::from_millis(3_600_001)).unwrap_err(), Configuration);
    // Numbers that are not finite do not even make a Duration.
    for seconds in [f64::INFINITY, f64::NAN, -1.0, 1e300] {
        assert!(Duration::try_from_secs_f64(seconds).is_err());
    }
    // Half a second of leeway is none.
    let rules = rules(&key).leeway(Duration::from_millis(999)).build().unwrap();
    refuses(&rules, &mint(&key, &claims_with("exp", NOW.into())).unwrap(), Expired, "999 ms");
    accepts(&rules, &mint(&key, &claims()).unwrap(), "sound");
}

#[test]
fn line_11_missing_exp_only_where_asked_for() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let target = Target::with_rules(key, |rules| rules.danger_accept_missing_exp());
    target.accepts_claims(&claims_without("exp"));
    target.refuses_claims(&claims_with("exp", json!(1)), Expired);
    target.refuses_claims(&claims_with("exp", Value::Null), InvalidClaim);
}

#[test]
fn line_12_nbf_and_iat() {
    let target = target();
    for name in ["nbf", "iat"] {
        for value in NOT_NUMBERS {
            target.refuses_payload(payload(name, value), InvalidClaim);
        }
        for value in [
            "-1",
            "1e300",
            "18446744073709551615",
            "18446744073709551616",
            "253402300800",
            "-1e300",
        ] {
            target.refuses_payload(payload(name, value), InvalidClaim);
        }
        for value in ["1e400", "NaN"] {
            target.refuses_payload(payload(name, value), Malformed);
        }
        // Beyond the leeway of 60 s; a fraction counts as the next second.
        for value in ["1800000061", "1800000060.001", "1800000061.0", "18000001e2", "253402300799"]
        {
            target.refuses_payload(payload(name, value), NotYetValid);
        }
        for value in
            ["0", "1800000000", "1800000060", "1800000060.0", "1800000059.5", "1.8e9", "0.5"]
        {
            target.accepts_payload(payload(name, value));
        }
    }
    // The later of the two counts.
    let (past, future) = (json!(NOW - 10), json!(NOW + 3600));
    let both = |nbf: &Value, iat: &Value| {
        let mut claims = claims_with("nbf", nbf.clone());
        claims["iat"] = iat.clone();
        claims
    };
    target.refuses_claims(&both(&past, &future), NotYetValid);
    target.refuses_claims(&both(&future, &past), NotYetValid);
    target.accepts_claims(&both(&past, &past));
    let strict = Target::with_rules(target.key.clone(), |rules| rules.leeway(Duration::ZERO));
    for name in ["nbf", "iat"] {
        strict.refuses_claims(&claims_with(name, json!(NOW + 1)), NotYetValid);
        strict.accepts_claims(&claims_with(name, json!(NOW)));
    }
}
