//! One-time passwords to jamlib and back: codes, windows, and the URIs that authenticator apps scan.
//! jamlib writes URIs and reads none, so each side's are read here as an app reads them.

use crate::interop::python::Python;
use jamguard::otp::{Otp, OtpAlgorithm, OtpKind, OtpSecret};
use reqwest::Url;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const ALGORITHMS: [OtpAlgorithm; 3] =
    [OtpAlgorithm::Sha1, OtpAlgorithm::Sha256, OtpAlgorithm::Sha512];

const SETUP: &str = r#"
from jam.otp import HOTP, TOTP
from jam.utils import generate_otp_key, otp_key_from_string

def otp(kind, secret, digits, digest, interval):
    if kind == "totp":
        return TOTP(secret, int(digits), digest, int(interval))
    return HOTP(secret, int(digits), digest)
"#;

fn jamlibs() -> [Python; 2] {
    ["jamlib-2", "jamlib-4"].map(|package| Python::with(package, SETUP))
}

/// One setting, as ours, and as jamlib's `otp` in the session.
fn set_up(
    python: &mut Python,
    kind: OtpKind,
    algorithm: OtpAlgorithm,
    digits: u8,
    seconds: u64,
    secret: &OtpSecret,
) -> Otp {
    let code = "one = otp(kind, secret, digits, digest, interval)";
    let values = json!({
        "kind": kind.as_str(), "secret": secret.to_base32().expose(), "digits": digits,
        "digest": algorithm.as_str().to_lowercase(), "interval": seconds,
    });
    python.gives(code, values);
    let ours = Otp::builder(kind).algorithm(algorithm).digits(digits);
    match kind {
        OtpKind::Totp => ours.period(Duration::from_secs(seconds)).build().unwrap(),
        _ => ours.build().unwrap(),
    }
}

/// Secrets that either side generated.
fn secrets(python: &mut Python) -> [OtpSecret; 2] {
    let theirs = python.text("generate_otp_key(160)", json!({}));
    [OtpSecret::generate().unwrap(), OtpSecret::from_base32(&theirs).unwrap()]
}

#[test]
fn codes_of_both_jamlibs_are_ours_and_windows_are_as_wide() {
    // Leading zeros, the first moments, and what a number of 32 bits cannot hold.
    let factors = [0_u64, 29, 30, 59, 60, 1_111_111_109, 1_700_000_000, 20_000_000_000];
    let (mut codes, mut verdicts) = (0, 0);
    for mut python in jamlibs() {
        for secret in secrets(&mut python) {
            for algorithm in ALGORITHMS {
                for (kind, digits, seconds) in [
                    (OtpKind::Totp, 6, 30),
                    (OtpKind::Totp, 8, 60),
                    (OtpKind::Totp, 10, 30),
                    (OtpKind::Hotp, 6, 30),
                    (OtpKind::Hotp, 8, 30),
                ] {
                    let ours = set_up(&mut python, kind, algorithm, digits, seconds, &secret);
                    let code = "[one.at(factor) for factor in factors]";
                    let theirs = python.gives(code, json!({"factors": factors}));
                    let own: Vec<_> = factors.map(|at| ours.code_at(&secret, at)).into();
                    let own: Vec<_> = own.iter().map(|code| code.expose()).collect();
                    assert_eq!(theirs, json!(own), "{ours:?}");
                    codes += own.len();
                    verdicts += windows(&mut python, &ours, &secret, seconds);
                }
            }
        }
    }
    println!("{codes} codes, {verdicts} verdicts");
    assert_eq!((codes, verdicts), (2 * 2 * 3 * 5 * 8, 2 * 2 * 3 * 5 * 10));
}

/// Codes of up to two steps away, theirs judged by us and ours by them: the verdicts are the same.
fn windows(python: &mut Python, ours: &Otp, secret: &OtpSecret, seconds: u64) -> usize {
    let (now, step) = match ours.kind() {
        OtpKind::Totp => (1_700_000_000, seconds),
        _ => (1_000, 1),
    };
    let (mut accepted, mut verdicts) = (0, 0);
    for away in [-2, -1, 0, 1, 2_i64] {
        let at = now + i64::try_from(step).unwrap() * away;
        let own = ours.code_at(secret, at.unsigned_abs());
        let values = json!({"code": own.expose(), "now": now, "at": at});
        let theirs = python.gives("[one.verify(code, now), one.at(at)]", values);
        let expected = match ours.kind() {
            OtpKind::Totp => away.abs() <= 1,
            _ => (0..=1).contains(&away),
        };
        assert_eq!(theirs[0], expected, "{ours:?}, {away}");
        let code = theirs[1].as_str().unwrap();
        let verdict = ours.verify_at(secret, code, now.unsigned_abs()).is_some();
        assert_eq!(verdict, expected, "{ours:?}, {away}");
        accepted += usize::from(expected);
        verdicts += 2;
    }
    assert_eq!(accepted, if ours.kind() == OtpKind::Totp { 3 } else { 2 });
    verdicts
}

/// What an authenticator app reads in a URI.
fn scan(uri: &str) -> BTreeMap<String, String> {
    let uri = Url::parse(uri).unwrap();
    assert_eq!(uri.scheme(), "otpauth");
    // A label that breaks the path, or a name that breaks the query, would show here.
    assert_eq!((uri.fragment(), uri.username()), (None, ""));
    let mut read: BTreeMap<String, String> = uri.query_pairs().into_owned().collect();
    let label = decoded(uri.path());
    read.insert("kind".into(), uri.host_str().unwrap().into());
    read.insert("label".into(), label.trim_start_matches('/').into());
    read
}

/// Undoes it, as for a query, in which `+` would be a space.
fn decoded(path: &str) -> String {
    let query = format!("x={}", path.replace('+', "%2B"));
    let decoded: Vec<(String, String)> = serde_urlencoded::from_str(&query).unwrap();
    decoded[0].1.clone()
}

#[test]
fn uris_of_both_jamlibs_are_ours_and_either_sets_the_other_up() {
    let names = [
        ("My App", "ann@example.com"),
        ("A & B = 100% ?", "jürgen+test@example.com"),
        ("a/b#c", "~tilde_- .äöü☃"),
    ];
    let mut count = 0;
    for mut python in jamlibs() {
        for secret in secrets(&mut python) {
            for (kind, algorithm, digits, seconds) in [
                (OtpKind::Totp, OtpAlgorithm::Sha1, 6, 30),
                (OtpKind::Totp, OtpAlgorithm::Sha256, 8, 60),
                (OtpKind::Hotp, OtpAlgorithm::Sha512, 8, 30),
            ] {
                let ours = set_up(&mut python, kind, algorithm, digits, seconds, &secret);
                for (issuer, name) in names {
                    let own = match kind {
                        OtpKind::Hotp => ours.uri_at(&secret, issuer, name, 7),
                        _ => ours.uri(&secret, issuer, name),
                    };
                    let own = own.unwrap();
                    let code = "one.provisioning_uri(name, issuer, kind, counter=7)";
                    let values = json!({"name": name, "issuer": issuer});
                    let theirs = python.text(code, values);
                    let (own, mut theirs) = (scan(own.expose()), scan(&theirs));
                    assert_eq!(own["label"], format!("{issuer}:{name}"));
                    if seconds != 30 {
                        // jamlib forgets it, and apps then show codes of half a minute.
                        assert_eq!(theirs.insert("period".into(), "60".into()), None);
                    }
                    assert_eq!(own, theirs);
                    codes_of_what_was_scanned(&mut python, &own, &ours, &secret);
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 2 * 2 * 3 * 3);
}

/// jamlib set up from what our URI says, and ours from what its URI says, show one code.
fn codes_of_what_was_scanned(
    python: &mut Python,
    read: &BTreeMap<String, String>,
    ours: &Otp,
    secret: &OtpSecret,
) {
    let usual = "30".to_owned();
    let period = read.get("period").unwrap_or(&usual);
    let code = ours.code_at(secret, 1_700_000_000);
    let values = json!({
        "kind": read["kind"], "secret": read["secret"], "digits": read["digits"],
        "digest": read["algorithm"].to_lowercase(), "interval": period, "at": 1_700_000_000,
    });
    let call = "otp(kind, secret, digits, digest, interval).at(at)";
    assert_eq!(python.text(call, values), code.expose());

    let scanned = Otp::builder(read["kind"].parse().unwrap())
        .algorithm(read["algorithm"].parse().unwrap())
        .digits(read["digits"].parse().unwrap());
    let scanned = match ours.kind() {
        OtpKind::Totp => scanned.period(Duration::from_secs(period.parse().unwrap())),
        _ => scanned,
    };
    let secret = OtpSecret::from_base32(&read["secret"]).unwrap();
    let again = scanned.build().unwrap().code_at(&secret, 1_700_000_000);
    assert_eq!(again, code);
}

/// The calls of `jam.Jam` itself, and its secrets from texts.
#[test]
fn the_calls_of_jam_jam_come_to_what_ours_do() {
    let mut python = Python::with(
        "jamlib-2",
        "from jam import Jam\nfrom jam.utils import otp_key_from_string\n\
         jam = Jam(config={'otp': {'type': 'totp', 'digits': 6, 'digest': 'sha1'}})",
    );
    let key = python.text("otp_key_from_string(text)", json!({"text": "ann@example.com"}));
    let secret = OtpSecret::danger_from_text("ann@example.com");
    assert_eq!(secret.to_base32().expose(), key);

    let ours = Otp::totp().build().unwrap();
    let now = 1_700_000_000;
    let values = json!({"secret": key, "now": now});
    let code = python.text("jam.otp_code(secret, now)", values);
    assert_eq!(ours.code_at(&secret, now).expose(), code);
    let uri = python.text("jam.otp_uri(secret, 'ann', 'My App')", json!({}));
    // jamlib writes a colon and a blank so that some apps show '%3A' and '+'.
    let uri = uri.replace("%3A", ":").replace('+', "%20");
    assert_eq!(ours.uri(&secret, "My App", "ann").unwrap().expose(), uri);
    for (away, right) in [(0, true), (31, true), (90, false)] {
        let values = json!({"code": code, "later": now + away});
        let theirs = python.gives("jam.otp_verify_code(secret, code, later)", values);
        let own = ours.verify_at(&secret, &code, now + away).is_some();
        assert_eq!((theirs, own), (json!(right), right), "{away}");
    }
}
