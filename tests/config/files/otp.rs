//! One-time passwords, configured by a file.

use crate::files::{NOW, builder, jam, variable};
use jamguard::config::Format;
use jamguard::otp::OtpSecret;
use jamguard::store::SealingKeys;
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Jamguard};
use serde_json::Value;
use std::time::Duration;

/// `otp_code(secret, factor)`: TOTP at a Unix time (default: now), HOTP at a counter (required).
/// Compared with codes that jamlib made under the same settings.
#[test]
fn otp_code() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/jamlib.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let mut codes = 0;
    for vector in vectors.iter().filter(|v| v["kind"] == "totp" || v["kind"] == "hotp") {
        let (input, kind) = (&vector["input"], vector["kind"].as_str().unwrap());
        let period = match input["interval"].as_u64() {
            Some(seconds) => format!("period = '{seconds}s'"),
            None => String::new(),
        };
        let text = format!(
            "[jam.otp]\nkind = '{kind}'\ndigits = {}\nalgorithm = {}\n{period}",
            input["digits"], input["digest"],
        );
        let jam = jam(&text).unwrap();
        let otp = jam.otp().unwrap();
        let secret = input["secret"].as_str().unwrap();
        let secret = OtpSecret::danger_from_short_base32(secret).unwrap();
        let factors = input["factors"].as_array().unwrap();
        let output = vector["output"]["codes"].as_array().unwrap();
        assert_eq!(factors.len(), output.len());
        for (factor, code) in factors.iter().zip(output) {
            let made = otp.code_at(&secret, factor.as_u64().unwrap());
            assert_eq!(made.expose(), code.as_str().unwrap(), "{text}");
            codes += 1;
        }
    }
    assert_eq!(codes, 58);
    let secret = OtpSecret::generate().unwrap();
    let totp = jam("[jam.otp]").unwrap();
    let now = totp.otp().unwrap().code(&secret).unwrap();
    let then = totp.otp().unwrap().code_at(&secret, NOW);
    assert_eq!(now.expose(), then.expose());
    let hotp = jam("[jam.otp]\nkind = 'hotp'").unwrap();
    let required = hotp.otp().unwrap().code(&secret).unwrap_err();
    assert_eq!(required.kind(), ErrorKind::Configuration);
}

/// `otp_uri(secret, name, issuer, counter)`: `otpauth://totp/…` or hotp, `issuer:label`
/// percent-encoded, with algorithm, digits, and the period when it is not 30.
#[test]
fn otp_uri() {
    let secret = OtpSecret::from_bytes(b"12345678901234567890").unwrap();
    let uri = |text: &str| {
        let jam = jam(text).unwrap();
        let uri = jam.otp().unwrap().uri(&secret, "My App", "ann@example.com");
        uri.unwrap().expose().to_owned()
    };
    let plain = uri("[jam.otp]");
    assert!(
        plain.starts_with("otpauth://totp/My%20App:ann%40example.com?secret=GEZDGNBV"),
        "{plain}"
    );
    assert!(plain.contains("algorithm=SHA1") && plain.contains("digits=6"), "{plain}");
    assert!(!plain.contains("period="), "{plain}");
    let other = uri("[jam.otp]\nalgorithm = 'SHA512'\ndigits = 8\nperiod = '1m'");
    for wanted in ["algorithm=SHA512", "digits=8", "period=60"] {
        assert!(other.contains(wanted), "{other}");
    }
    assert!(uri("[jam.otp]\nkind = 'hotp'").starts_with("otpauth://hotp/"));
}

/// `otp_verify_code(secret, code, factor, look_ahead = 1)`: TOTP ± look_ahead steps; HOTP from
/// factor to factor + look_ahead.
#[test]
fn otp_verify_code() {
    let secret = OtpSecret::generate().unwrap();
    for (text, step, accepted) in [
        ("[jam.otp]", 30, -1..=1),
        ("[jam.otp]\nlook_ahead = 3", 30, -3..=3),
        ("[jam.otp]\nlook_ahead = 0\nperiod = '1m'", 60, 0..=0),
        ("[jam.otp]\nkind = 'hotp'", 1, 0..=1),
        ("[jam.otp]\nkind = 'hotp'\nlook_ahead = 10", 1, 0..=10),
    ] {
        let jam = jam(text).unwrap();
        let otp = jam.otp().unwrap();
        for steps in -15_i64..15 {
            let code = otp.code_at(&secret, NOW.checked_add_signed(step * steps).unwrap());
            let found = otp.verify_at(&secret, code.expose(), NOW);
            assert_eq!(found.is_some(), accepted.contains(&steps), "{text} {steps}");
        }
    }
}

/// What an editor accepts by the schema and what is read are the same.
#[test]
fn hashes_of_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(jamguard::config::schema()).unwrap();
    let choices = schema["$defs"]["OtpAlgorithm"]["anyOf"][0]["enum"].as_array();
    let choices: Vec<_> = choices.unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    for name in ["SHA1", "SHA256", "SHA512", "sha1", "sha256", "sha512", "Sha1", "SHA-1", "md5"] {
        let read = jam(&format!("[jam.otp]\nalgorithm = '{name}'"));
        assert_eq!(read.is_ok(), choices.contains(&name), "{name}");
    }
}

/// A HOTP authenticator that ran ahead is found again, as far as the file says.
#[tokio::test]
async fn a_resync_window() {
    let text = |sealing: &str, window: u32| {
        format!(
            "
            [jam.otp]
            kind = 'hotp'
            [jam.otp_guard]
            store = 'memory'
            resync_window = {window}
            [jam.second_factor]
            store = 'memory'
            issuer = 'My App'
            sealing = {{ key = '{sealing}' }}
            resync_window = {window}
            "
        )
    };
    let key = SealingKeys::generate_key().unwrap();
    let jam_of = |window| jam(&text(key.expose(), window));
    let jam = jam_of(50).unwrap();
    let (otp, secret) = (jam.otp().unwrap(), OtpSecret::generate().unwrap());
    let (factor, guard) = (jam.second_factor().unwrap(), jam.otp_guard().unwrap());
    factor.import("ann", &secret, 0).await.unwrap();
    for (first, found) in [(51, false), (50, true)] {
        let two = [first, first + 1].map(|counter| otp.code_at(&secret, counter));
        let [first, second] = two.each_ref().map(|code| code.expose());
        let answer = factor.resync("ann", first, second).await;
        assert_eq!(answer.is_ok(), found);
        let answer = guard.resync("ann", otp, &secret, first, second).await;
        assert_eq!(answer.is_ok(), found);
    }
    assert!(crate::files::message(jam_of(0)).contains("1 to 1000"));
}

fn with_factor(clock: &ManualClock) -> Jamguard {
    let key = SealingKeys::generate_key().unwrap();
    let text = format!(
        "
        [jam.otp]
        digits = 8
        [jam.otp_guard]
        store = 'memory'
        max_failures = 2
        lockout = '1m'
        [jam.recovery_codes]
        store = 'memory'
        count = 3
        [jam.second_factor]
        store = 'memory'
        issuer = 'My App'
        sealing = {{ key = '{}' }}
        recovery_codes = 4
        max_failures = 2
        ",
        key.expose()
    );
    let jam = builder().variables(variable).clock(clock.clone());
    jam.from_str(&text, Format::Toml).unwrap()
}

/// A code is accepted once, and wrong codes lock the user out: `OtpGuard` and
/// `SecondFactor` do both, the bare function neither.
#[tokio::test]
async fn a_code_is_accepted_once_and_guesses_end() {
    let clock = ManualClock::at(NOW);
    let jam = with_factor(&clock);
    let (otp, guard) = (jam.otp().unwrap(), jam.otp_guard().unwrap());
    let secret = OtpSecret::generate().unwrap();
    let code = otp.code(&secret).unwrap();
    assert_eq!(code.expose().len(), 8);
    let verify = async |code: &str| {
        let answer = guard.verify("ann", otp, &secret, code).await;
        answer.map_err(|error| error.kind())
    };
    assert_eq!(verify(code.expose()).await, Ok(()));
    assert_eq!(verify(code.expose()).await, Err(ErrorKind::UsedCode));
    // The bare function knows of neither.
    assert!(otp.verify(&secret, code.expose()).unwrap().is_some());
    assert_eq!(verify("x").await, Err(ErrorKind::WrongCode));
    assert_eq!(verify("y").await, Err(ErrorKind::WrongCode));
    clock.advance(Duration::from_secs(30));
    let next = otp.code(&secret).unwrap();
    assert_eq!(verify(next.expose()).await, Err(ErrorKind::LockedOut));
    clock.advance(Duration::from_secs(31));
    let later = otp.code(&secret).unwrap();
    assert_eq!(verify(later.expose()).await, Ok(()));
}

#[tokio::test]
async fn the_second_factor_and_recovery_codes_of_the_file() {
    let clock = ManualClock::at(NOW);
    let jam = with_factor(&clock);
    let factor = jam.second_factor().unwrap();
    let enrolment = factor.begin("ann", "ann@example.com").await.unwrap();
    assert!(enrolment.uri().expose().contains("My%20App"));
    // As the section `otp` says.
    assert!(enrolment.uri().expose().contains("digits=8"));
    let code = jam.otp().unwrap().code(enrolment.secret()).unwrap();
    let recovery = factor.confirm("ann", code.expose()).await.unwrap();
    assert_eq!(recovery.len(), 4);
    factor.recover("ann", recovery[0].expose()).await.unwrap();
    let used = factor.verify("ann", code.expose()).await.unwrap_err();
    assert_eq!(used.kind(), ErrorKind::UsedCode);

    let codes = jam.recovery_codes().unwrap();
    let own = codes.issue("bob").await.unwrap();
    assert_eq!(own.len(), 3);
    codes.redeem("bob", own[1].expose()).await.unwrap();
    assert_eq!(codes.left("bob").await.unwrap(), 2);
}
