//! The promises of one-time passwords, one test each; `vectors` compares the codes of jamlib.

use crate::api::NOW;
use crate::api::door::{USER, factor};
use crate::secret;
use jamguard::ErrorKind;
use jamguard::otp::{Otp, OtpAlgorithm, OtpGuard, OtpKind, OtpSecret};
use jamguard::store::MemoryStore;
use jamguard::testing::ManualClock;
use std::time::{Duration, Instant};

const BASE32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// otp_code(secret, factor): TOTP at a Unix time (default now), HOTP at a counter (required).
#[test]
fn otp_code() {
    let clock = ManualClock::at(59);
    let totp = Otp::totp().clock(clock).build().unwrap();
    assert_eq!(totp.code(&secret()).unwrap().expose(), "287082");
    assert_eq!(totp.code_at(&secret(), 1_234_567_890).expose(), "005924");
    let hotp = Otp::hotp().build().unwrap();
    assert_eq!(hotp.code_at(&secret(), 5).expose(), "254676");
    let error = hotp.code(&secret()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains(".code_at("));
}

/// otp_uri(secret, name, issuer, counter): `otpauth://totp/…` or hotp, `issuer:label`
/// percent-encoded, with algorithm, digits, and period when it is not 30.
#[test]
fn otp_uri() {
    let uri = |otp: Otp, name: &str| {
        let uri = otp.uri(&secret(), "A&B Käse", name).unwrap();
        uri.expose().to_owned()
    };
    let totp = Otp::totp().build().unwrap();
    assert_eq!(
        uri(totp, "ann/x?y#z%+~"),
        format!(
            "otpauth://totp/A%26B%20K%C3%A4se:ann%2Fx%3Fy%23z%25%2B~?secret={BASE32}\
             &issuer=A%26B%20K%C3%A4se&algorithm=SHA1&digits=6"
        )
    );
    let slow = Otp::totp().period(Duration::from_secs(60)).digits(8);
    let slow = slow.algorithm(OtpAlgorithm::Sha256).build().unwrap();
    assert!(uri(slow, "ann").ends_with("&algorithm=SHA256&digits=8&period=60"));
    let hotp = Otp::hotp().build().unwrap();
    let at = hotp.uri_at(&secret(), "ACME", "bob", u64::MAX).unwrap();
    assert!(at.expose().starts_with("otpauth://hotp/ACME:bob?secret="));
    assert!(at.expose().ends_with(&format!("&digits=6&counter={}", u64::MAX)));
    assert!(uri(hotp, "bob").ends_with("&digits=6&counter=0"));
}

/// otp_verify_code(secret, code, factor, look_ahead = 1): TOTP: ± look_ahead steps; HOTP: factor …
/// factor + look_ahead.
#[test]
fn otp_verify_code() {
    let secret = secret();
    for reach in [None, Some(0), Some(1), Some(2), Some(20)] {
        for kind in [OtpKind::Totp, OtpKind::Hotp] {
            let otp = Otp::builder(kind);
            let otp = match reach {
                Some(reach) => otp.look_ahead(reach),
                None => otp,
            };
            let otp = otp.build().unwrap();
            let reach = i64::from(reach.unwrap_or(1));
            for steps in -25..=25_i64 {
                let (step, at) = match kind {
                    OtpKind::Totp => (30, NOW.saturating_add_signed(30 * steps)),
                    _ => (1, 1000_u64.saturating_add_signed(steps)),
                };
                let now = if step == 30 { NOW } else { 1000 };
                let code = otp.code_at(&secret, at);
                let first = if kind == OtpKind::Totp { -reach } else { 0 };
                let wanted = (first..=reach).contains(&steps).then_some(at / step);
                assert_eq!(otp.verify_at(&secret, code.expose(), now), wanted, "{steps}");
            }
        }
    }
    // At both ends of time.
    let totp = Otp::totp().build().unwrap();
    assert_eq!(totp.verify_at(&secret, "755224", 0), Some(0));
    let hotp = Otp::hotp().build().unwrap();
    let last = hotp.code_at(&secret, u64::MAX);
    assert_eq!(hotp.verify_at(&secret, last.expose(), u64::MAX), Some(u64::MAX));
}

/// SHA-1, SHA-256, SHA-512; 6 to 10 digits; any interval.
#[test]
fn algorithms_digits_and_intervals() {
    let secret = secret();
    for name in ["sha1", "SHA256", "SHA-512", "sha-1"] {
        let algorithm: OtpAlgorithm = name.parse().unwrap();
        for digits in 6..=10 {
            for seconds in [1, 7, 30, 60, 86_400, 1 << 40] {
                let otp = Otp::totp().algorithm(algorithm).digits(digits);
                let otp = otp.period(Duration::from_secs(seconds)).build().unwrap();
                let code = otp.code_at(&secret, NOW);
                assert_eq!(code.expose().len(), usize::from(digits));
                assert!(code.expose().bytes().all(|byte| byte.is_ascii_digit()));
                let verified = otp.verify_at(&secret, code.expose(), NOW);
                assert_eq!(verified, Some(NOW / seconds));
                let hotp = Otp::hotp().algorithm(algorithm).digits(digits).build().unwrap();
                assert_eq!(hotp.code_at(&secret, NOW / seconds), code);
            }
        }
    }
    // Ten digits are the whole number: 1284755224 is RFC 4226's for the counter 0.
    let ten = Otp::hotp().digits(10).build().unwrap();
    assert_eq!(ten.code_at(&secret, 0).expose(), "1284755224");
}

/// Secret as base32 (case, padding and spaces tolerated) or bytes.
#[test]
fn secrets_in_base32_and_bytes() {
    let bytes = OtpSecret::from_bytes(b"12345678901234567890").unwrap();
    assert_eq!(secret(), bytes);
    for text in [
        BASE32.to_lowercase(),
        format!("{BASE32}===="),
        format!(" {BASE32}\n"),
        "GeZd gNbV gY3t qOjQ gEzD GnBv\tGy3T QoJq  ======".to_owned(),
    ] {
        assert_eq!(OtpSecret::from_base32(&text).unwrap(), bytes, "{text}");
    }
    // Other lengths have padding of their own.
    for length in 16..=24 {
        let secret = OtpSecret::generate_bytes(length).unwrap();
        let mut text = secret.to_base32().expose().to_owned();
        while !text.len().is_multiple_of(8) {
            text.push('=');
        }
        assert_eq!(OtpSecret::from_base32(&text).unwrap(), secret);
    }
    // However far behind the padding something stands.
    for spaces in [0, 1, 1_000] {
        let text = format!("{BASE32}{}{}1", "=".repeat(224), " ".repeat(spaces));
        let error = OtpSecret::from_base32(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{text}");
    }
    for text in [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ0",
        "GEZDGNBVGY3TQOJQ=GEZDGNBVGY3TQOJQ",
        "GEZDGNBV-GY3TQOJQGEZDGNBVGY3TQOJQ",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQG",
        "ＧEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    ] {
        let error = OtpSecret::from_base32(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{text}");
        assert!(!error.to_string().contains("GEZD"));
    }
}

/// Key generator (default 160 bits) and `key_from_string`-style derivation for compatibility with
/// the vectors (which `vectors` compares).
#[test]
fn keys_are_generated_and_derived() {
    let keys: Vec<_> = (0..100).map(|_| OtpSecret::generate().unwrap()).collect();
    assert!(keys.iter().all(|key| key.expose().len() * 8 == 160));
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key));
    }
    let derived = OtpSecret::danger_from_text("");
    assert_eq!(derived.expose()[..4], [0xda, 0x39, 0xa3, 0xee]);
}

/// Constant-time comparison across the whole window: where in it the code is, or whether at all,
/// takes the same time. The bound is far above what a busy machine does to the medians of
/// interleaved runs, and far below what leaving at the first hit saves.
#[test]
fn the_whole_window_is_compared() {
    let secret = secret();
    let otp = Otp::totp().look_ahead(20).build().unwrap();
    let code = |steps: i64| otp.code_at(&secret, NOW.saturating_add_signed(30 * steps));
    let codes = [code(-20), code(0), code(20), code(300)];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..400 {
        for (code, times) in codes.iter().zip(&mut times) {
            let begun = Instant::now();
            let found = otp.verify_at(&secret, code.expose(), NOW);
            times.push(begun.elapsed());
            std::hint::black_box(found);
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[200]
    });
    println!("first, middle, last of 41 steps, none: {medians:?}");
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*most < *least * 3 / 2, "{medians:?}");
}

/// A code is accepted once: a replay guard over a `Store`, atomic, and a failure counter with
/// lockout, explicit in the bare function: it does neither, the guard beside it does both. How
/// atomic is in `attacks`, and that both are on by default in the session-bound helper in
/// `otp_sessions`.
#[tokio::test]
async fn the_bare_function_remembers_nothing_and_the_guard_does() {
    let otp = Otp::totp().clock(ManualClock::at(NOW)).build().unwrap();
    let secret = secret();
    let code = otp.code(&secret).unwrap();
    for _ in 0..10 {
        assert_eq!(otp.verify(&secret, "000000").unwrap(), None);
    }
    for _ in 0..2 {
        assert!(otp.verify(&secret, code.expose()).unwrap().is_some());
    }
    let guard = OtpGuard::builder(MemoryStore::new()).build().unwrap();
    guard.verify(USER, &otp, &secret, code.expose()).await.unwrap();
    let again = guard.verify(USER, &otp, &secret, code.expose()).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::UsedCode);

    // And so does the second factor, without a word about it.
    let factor = factor(MemoryStore::new(), &otp);
    factor.import(USER, &secret, 0).await.unwrap();
    factor.verify(USER, code.expose()).await.unwrap();
    let again = factor.verify(USER, code.expose()).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::UsedCode);
    for _ in 0..5 {
        let error = factor.verify(USER, "000000").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongCode);
    }
    let next = otp.code_at(&secret, NOW + 30);
    let error = factor.verify(USER, next.expose()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockedOut);
}

/// Apps show codes in groups, and users type what they see.
#[test]
fn codes_are_right_with_spaces_and_hyphens() {
    let hotp = Otp::hotp().build().unwrap();
    for typed in [
        "254676",
        "254 676",
        "254-676",
        " 254676",
        "254676\n",
        "25 46 76",
        "254\u{a0}676",
        "2 5-4 676 ",
    ] {
        assert_eq!(hotp.verify_at(&secret(), typed, 5), Some(5), "{typed}");
    }
    for typed in ["254.676", "254_676", "254\u{2212}676", "254 67", "254 6760", "- -", ""] {
        assert_eq!(hotp.verify_at(&secret(), typed, 5), None, "{typed}");
    }
}

/// Apps decode neither a plus sign in the issuer nor, all of them, the colon after it.
#[test]
fn a_uri_has_spaces_that_every_app_reads() {
    let totp = Otp::totp().build().unwrap();
    let uri = totp.uri(&secret(), "My Own App", "ann smith+home@example.com").unwrap();
    let uri = uri.expose();
    assert!(
        uri.starts_with("otpauth://totp/My%20Own%20App:ann%20smith%2Bhome%40example.com?"),
        "{uri}"
    );
    assert!(uri.contains("&issuer=My%20Own%20App&"), "{uri}");
    assert!(!uri.contains('+') && !uri.contains("%3A"), "{uri}");
}

/// Two letters more than 16 bytes need, of which the last has bits of no byte.
#[test]
fn base32_may_have_bits_beyond_its_last_byte() {
    for (spare, plain) in [
        ("S46SQCPPTCNPROMHWYBDCTBZXV", "S46SQCPPTCNPROMHWYBDCTBZXU"),
        ("gezdgnbvgy3tqojqgezdgnbvgz", "GEZDGNBVGY3TQOJQGEZDGNBVGY"),
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ7", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ7"),
    ] {
        let read = OtpSecret::from_base32(spare).unwrap();
        assert_eq!(read, OtpSecret::from_base32(plain).unwrap());
        assert_eq!(read.to_base32().expose(), plain);
    }
    // A letter too many is a letter that belongs to nothing.
    for text in
        ["GEZDGNBVGY3TQOJQGEZDGNBVG", "GEZDGNBVGY3TQOJQGEZDGNBVGY3", "GEZDGNBVGY3TQOJQGEZDGNBVG1"]
    {
        let error = OtpSecret::from_base32(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{text}");
        assert!(error.message().contains("is base32"), "{error}");
    }
}

#[test]
fn a_secret_of_80_bits_names_its_way_in() {
    let (text, bytes) = ("JBSWY3DPEHPK3PXP", b"Hello!\xde\xad\xbe\xef");
    for error in
        [OtpSecret::from_base32(text).unwrap_err(), OtpSecret::from_bytes(bytes).unwrap_err()]
    {
        assert!(error.message().contains("OtpSecret::danger_from_short_base32"), "{error}");
        assert!(error.message().contains("danger_from_short_bytes"), "{error}");
    }
    let read = OtpSecret::danger_from_short_base32(text).unwrap();
    assert_eq!(read, OtpSecret::danger_from_short_bytes(bytes).unwrap());
    // No way in is named where there is none.
    for error in [
        OtpSecret::from_bytes(&bytes[..9]).unwrap_err(),
        OtpSecret::danger_from_short_bytes(&bytes[..9]).unwrap_err(),
        OtpSecret::from_bytes(&[7; 129]).unwrap_err(),
    ] {
        assert!(!error.message().contains("danger"), "{error}");
    }
}
