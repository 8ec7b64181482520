//! The tool `verify_tokens`, run as people run it.

use crate::support::run::{File, Run, Tool};
use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
use serde_json::{Value, json};
use std::sync::LazyLock;

const NOW: &str = "--now=1800000000";

static TOOL: LazyLock<Tool> = LazyLock::new(|| Tool::build("verify_tokens"));

fn run(flags: &[&str], input: impl AsRef<[u8]>) -> Run {
    TOOL.run(flags, input)
}

/// Status and lines of a run whose flags are right.
#[track_caller]
fn answers(flags: &[&str], input: impl AsRef<[u8]>, status: i32, expected: &[&str]) {
    let run = run(flags, input);
    assert_eq!(
        (run.status, run.lines),
        (status, expected.iter().map(|s| (*s).to_owned()).collect()),
        "{}",
        run.stderr
    );
}

#[track_caller]
fn refuses_flags(flags: &[&str], hint: &str) {
    TOOL.refuses_flags(flags, hint);
}

fn token(key: &SigningKey, claims: &Value) -> String {
    Jws::sign(key, claims.to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({"sub": "42", "exp": 1_800_000_600u64})
}

fn jwk_file(key: &SigningKey) -> File {
    File::new(key.verifying_key().unwrap().to_jwk().unwrap().to_json())
}

const SECRET: &str = "sixty-four bytes are enough for every HMAC that this crate has: ok";

fn secret_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::from_secret(algorithm, SECRET.as_bytes()).unwrap()
}

#[test]
fn help_is_printed_and_is_a_success() {
    for flags in [&["--help"][..], &["--now", "x", "--help"]] {
        let run = run(flags, "");
        assert_eq!(run.status, 0);
        assert!(run.lines[0].starts_with("Usage: verify_tokens"));
    }
}

#[test]
fn each_token_gets_its_line_and_the_status_sums_up() {
    let key = SigningKey::generate(Algorithm::ES512).unwrap();
    let file = jwk_file(&key);
    let good = token(&key, &claims());
    let ok = format!("ok\t{}", claims());
    let flags = [&*file.flag("--jwk"), NOW];

    answers(&flags, "", 0, &[]);
    answers(&flags, &good, 0, &[&ok]);
    answers(&flags, format!("\n{good}\r\n  \t\n\n{good}\n"), 0, &[&ok, &ok]);
    let expired = token(&key, &json!({"exp": 1}));
    let input = format!("{expired}\n{good}\nnonsense\n{good}x\n");
    answers(
        &flags,
        input,
        1,
        &["refused\texpired", &ok, "refused\tmalformed", "refused\tmalformed"],
    );
    // Spaces belong to the line.
    answers(&flags, format!(" {good}"), 1, &["refused\tmalformed"]);
}

#[test]
fn keys_come_from_four_kinds_of_flag() {
    let key = SigningKey::generate(Algorithm::ES512).unwrap().with_key_id("k1");
    let ok = format!("ok\t{}", claims());
    let good = token(&key, &claims());

    let set = KeySet::from(key.verifying_key().unwrap()).to_json();
    let set = File::new(set);
    answers(&[&set.flag("--jwks"), NOW], &good, 0, &[&ok]);
    // The same flag in two words.
    answers(&["--jwks", set.0.to_str().unwrap(), NOW], &good, 0, &[&ok]);

    // RFC 8037 appendix A: a private JWK, its public part and PEM form.
    let private = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let (jwk, pem) = (File::new(private), File::new(pem));
    // Without --alg: every algorithm of the key's type.
    for algorithm in [Algorithm::EdDSA, Algorithm::Ed25519] {
        let key = SigningKey::from_jwk(algorithm, private).unwrap();
        let good = token(&key, &claims());
        answers(&[&jwk.flag("--jwk"), NOW], &good, 0, &[&ok]);
        answers(&[&pem.flag("--pem"), NOW], &good, 0, &[&ok]);
    }
    // With --alg: only those.
    let good = token(&SigningKey::from_jwk(Algorithm::EdDSA, private).unwrap(), &claims());
    for flag in [&*jwk.flag("--jwk"), &*pem.flag("--pem")] {
        answers(&[flag, NOW, "--alg=EdDSA"], &good, 0, &[&ok]);
        answers(&[flag, NOW, "--alg", "EdDSA, EdDSA"], &good, 0, &[&ok]);
        answers(&[flag, NOW, "--alg=Ed25519"], &good, 1, &["refused\tunsupported_algorithm"]);
        refuses_flags(
            &[flag, NOW, "--alg=ES512"],
            if flag.starts_with("--pem") { "SPKI" } else { "ES512" },
        );
    }
}

#[test]
fn secrets_and_symmetric_jwks_serve_every_hmac_they_are_long_enough_for() {
    let ok = format!("ok\t{}", claims());
    let hmac = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    let input: Vec<_> = hmac.iter().map(|a| token(&secret_key(*a), &claims())).collect();
    let input = input.join("\n");
    answers(&["--secret", SECRET, NOW], &input, 0, &[&ok, &ok, &ok]);

    let k = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, SECRET);
    let jwk = File::new(json!({"kty": "oct", "k": k}).to_string());
    answers(&[&jwk.flag("--jwk"), NOW], &input, 0, &[&ok, &ok, &ok]);

    let short = &SECRET[..40];
    let key = SigningKey::from_secret(Algorithm::HS256, short.as_bytes()).unwrap();
    let input = format!("{}\n{}", token(&key, &claims()), input.lines().nth(1).unwrap());
    answers(&["--secret", short, NOW], input, 1, &[&ok, "refused\tunsupported_algorithm"]);
    refuses_flags(&["--secret", short, "--alg=HS384"], "48");
    refuses_flags(&["--secret", "short"], "no algorithm takes this key");
}

#[test]
fn an_rsa_pem_serves_all_six_algorithms() {
    use aws_lc_rs::encoding::AsDer;
    let key = SigningKey::generate(Algorithm::RS256).unwrap();
    let jwk = key.verifying_key().unwrap().to_jwk().unwrap().to_json();
    let jwk: Value = serde_json::from_str(&jwk).unwrap();
    let number = |name: &str| {
        let engine = &base64::engine::general_purpose::URL_SAFE_NO_PAD;
        base64::Engine::decode(engine, jwk[name].as_str().unwrap()).unwrap()
    };
    let parsed = aws_lc_rs::signature::RsaPublicKeyComponents { n: number("n"), e: number("e") }
        .to_parsed_public_key(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256)
        .unwrap();
    let pem = pem::Pem::new("PUBLIC KEY", parsed.as_der().unwrap().as_ref());
    let pem = File::new(pem.to_string());
    let ok = format!("ok\t{}", claims());
    answers(&[&pem.flag("--pem"), NOW], token(&key, &claims()), 0, &[&ok]);
    let five = "--alg=RS384,RS512,PS256,PS384,PS512";
    answers(
        &[&pem.flag("--pem"), NOW, five],
        token(&key, &claims()),
        1,
        &["refused\tunsupported_algorithm"],
    );
    // The header names another algorithm than the one that signed: tried as named, refused.
    let signed = token(&key, &claims());
    let (_, rest) = signed.split_once('.').unwrap();
    let header = |alg: &str| {
        let header = json!({"alg": alg}).to_string();
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header)
    };
    let input: Vec<_> = ["RS384", "RS512", "PS256", "PS384", "PS512"]
        .iter()
        .map(|alg| format!("{}.{rest}", header(alg)))
        .collect();
    answers(&[&pem.flag("--pem"), NOW], input.join("\n"), 1, &["refused\tbad_signature"; 5]);
}

#[test]
fn rules_reach_the_verifier() {
    let key = secret_key(Algorithm::HS256);
    let full = json!({"iss": "https://issuer.example", "aud": ["api", "b"], "jti": "1", "exp": 1_800_000_000u64});
    let (good, ok) = (token(&key, &full), format!("ok\t{full}"));
    let base = ["--secret", SECRET];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    let all =
        ["--iss=https://issuer.example", "--aud", "api", "--require", "jti, exp", "--leeway=0"];
    answers(&with(&[&all[..], &["--now=1799999999"]].concat()), &good, 0, &[&ok]);
    answers(&with(&[&all[..], &["--now=1800000000"]].concat()), &good, 1, &["refused\texpired"]);
    answers(&with(&["--now=1800000059"]), &good, 0, &[&ok]);
    answers(&with(&["--now=1800000060"]), &good, 1, &["refused\texpired"]);
    answers(&with(&["--now=1800003599", "--leeway", "3600"]), &good, 0, &[&ok]);
    answers(
        &with(&[NOW, "--iss", "https://issuer.example/"]),
        &good,
        1,
        &["refused\tinvalid_claim"],
    );
    answers(&with(&[NOW, "--aud", "ap"]), &good, 1, &["refused\tinvalid_claim"]);
    answers(&with(&[NOW, "--require", "jti,sub"]), &good, 1, &["refused\tmissing_claim"]);
    answers(&with(&[NOW, "--typ", "at+jwt"]), &good, 1, &["refused\twrong_type"]);
    // Without --now the system's clock counts.
    answers(&base, token(&key, &json!({"exp": 1_000_000_000})), 1, &["refused\texpired"]);
    answers(
        &base,
        token(&key, &json!({"exp": 250_000_000_000u64})),
        0,
        &["ok\t{\"exp\":250000000000}"],
    );
}

#[test]
fn claims_are_printed_in_one_line_and_to_the_last_digit() {
    let payload = "{\n\t\"exp\" : 1800000600,\r\n \"big\": 18446744073709551615, \"huge\": 123456789012345678901234567890,\
                   \"float\": 0.1000000000000000055511151231257827, \"e\": 1e2, \"text\": \"a \\n\u{2028}\u{85}\u{9b}é\"}";
    let signed = Jws::sign(&secret_key(Algorithm::HS256), payload.as_bytes()).unwrap();
    let run = run(&["--secret", SECRET, NOW], signed);
    assert_eq!((run.status, run.lines.len()), (0, 1));
    let printed = run.lines[0].strip_prefix("ok\t").unwrap();
    assert!(!printed.contains(|c: char| c.is_control() || c == '\u{2028}'));
    for digits in [
        "18446744073709551615",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "1e2",
    ] {
        assert!(printed.contains(digits), "{printed}");
    }
    let (printed, signed): (Value, Value) =
        (serde_json::from_str(printed).unwrap(), serde_json::from_str(payload).unwrap());
    assert_eq!(printed, signed);
}

#[test]
fn jws_prints_any_payload_in_base64url() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwk = jwk_file(&key);
    let flags = [&*jwk.flag("--jwk"), "--jws"];
    let sign = |payload: &[u8]| Jws::sign(&key, payload).unwrap();
    answers(&flags, sign(b"\xff\x00 no JSON"), 0, &["ok\t_wAgbm8gSlNPTg"]);
    answers(&flags, sign(b""), 0, &["ok\t"]);
    let other = Jws::sign(&SigningKey::generate(Algorithm::ES256).unwrap(), b"x").unwrap();
    answers(&flags, other, 1, &["refused\tbad_signature"]);
    // Claims are not looked at: this one is expired.
    answers(&flags, token(&key, &json!({"exp": 1})), 0, &["ok\teyJleHAiOjF9"]);
}

#[test]
fn hostile_input_is_refused_line_by_line() {
    let good = token(&secret_key(Algorithm::HS256), &claims());
    let ok = format!("ok\t{}", claims());
    let mut input = vec![b'a'; 16 * 1024];
    input.push(b'\n');
    input.extend(vec![b'a'; 16 * 1024 + 1]);
    input.push(b'\n');
    input.extend(vec![b'.'; 5_000_000]);
    input.extend(b"\n\xff\xfe.\x80.\n");
    input.extend(vec![0xff; 40_000]);
    input.extend(b"\n\0\n\xef\xbb\xbf");
    input.extend(good.as_bytes());
    input.push(b'\n');
    input.extend(good.as_bytes());
    let (malformed, large) = ("refused\tmalformed", "refused\ttoo_large");
    let expected = [malformed, large, large, malformed, large, malformed, malformed, &ok];
    answers(&["--secret", SECRET, NOW], &input, 1, &expected);
    answers(&["--secret", SECRET, "--jws"], &input[..16 * 1024 * 2 + 3], 1, &[malformed, large]);
}

#[test]
fn wrong_flags_are_refused_with_advice() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwk = jwk_file(&key);
    let jwk = &*jwk.flag("--jwk");
    refuses_flags(&[], "exactly one of --jwks, --jwk, --pem, --secret, --jam");
    refuses_flags(&[jwk, "--secret", SECRET], "exactly one of");
    refuses_flags(&[jwk, jwk], "--jwk is given twice");
    refuses_flags(&[jwk, "--iss=a", "--iss", "a"], "--iss is given twice");
    refuses_flags(&[jwk, "--jws", "--jws"], "--jws is given twice");
    refuses_flags(&[jwk, "--jws=yes"], "--jws takes no value");
    refuses_flags(&[jwk, "--unheard-of=1"], "unknown flag --unheard-of");
    refuses_flags(&[jwk, "token"], "without a flag");
    refuses_flags(&[jwk, "--iss"], "--iss needs a value");
    refuses_flags(&[jwk, "--iss", "--aud", "x"], "--iss needs a value");
    refuses_flags(&[jwk, "--iss="], "empty issuer");
    refuses_flags(&[jwk, "--aud="], "empty audience");
    refuses_flags(&[jwk, "--typ="], "empty token type");
    refuses_flags(&[jwk, "--require=sub,,jti"], "empty claim name");
    refuses_flags(&[jwk, "--alg=es256"], "ES512");
    refuses_flags(&[jwk, "--alg="], "unknown algorithm");
    refuses_flags(&[jwk, "--alg=none"], "unknown algorithm");
    refuses_flags(&[jwk, "--alg=ES256,HS256"], "HS256");
    for leeway in ["inf", "nan", "-1", "3601", "1e3", "", "18446744073709551616"] {
        refuses_flags(&[jwk, &format!("--leeway={leeway}")], "whole seconds from 0 to 3600");
    }
    refuses_flags(&[jwk, "--now=today"], "--now takes whole seconds");
    for rule in ["--iss=a", "--aud=a", "--typ=a", "--require=a", "--leeway=1", "--now=1"] {
        refuses_flags(&[jwk, "--jws", rule], "leave it out");
    }
    refuses_flags(&["--jwk=/nowhere/at/all"], "--jwk /nowhere/at/all");
    for text in ["", "{", "{\"keys\":[]}"] {
        let file = File::new(text);
        for flag in ["--jwk", "--jwks", "--pem"] {
            refuses_flags(&[&file.flag(flag)], "");
        }
    }
    refuses_flags(&[jwk, "--jam=app"], "exactly one of");
    refuses_flags(&[jwk, "--base-url=http://127.0.0.1:9"], "is for --jam");
    for rule in ["--alg=ES512", "--iss=a", "--aud=a", "--typ=a", "--require=a", "--jws"] {
        refuses_flags(&["--jam=app", rule], "is not for --jam");
    }
    refuses_flags(&["--jam=a b"], "app id");
    refuses_flags(&["--jam=app", "--base-url=http://jam.example"], "https");
    refuses_flags(&["--jam=app", "--leeway=inf"], "whole seconds");
    // What could be a secret is not repeated.
    let run = run(&["hunter2hunter2", "--secrt=hunter2hunter2"], "");
    assert_eq!(run.status, 2);
    assert!(!run.stderr.contains("hunter2"));
}

#[cfg(feature = "emulator")]
#[tokio::test(flavor = "multi_thread")]
async fn jam_tokens_are_checked_by_the_apps_own_rules() {
    use jamguard::emulator::{AppSettings, Emulator};
    let emulator = Emulator::builder().start().await.unwrap();
    let app = emulator.add_app(AppSettings::new("app-a")).unwrap();
    let other = emulator.add_app(AppSettings::new("app-b")).unwrap();
    let sound = app.id_token("ann@example.com").unwrap();
    let foreign = other.id_token("ann@example.com").unwrap();
    let own = token(&SigningKey::generate(Algorithm::ES512).unwrap(), &claims());
    let input = [&*sound, &foreign, &own].join("\n");
    let base = format!("--base-url={}", emulator.base_url());
    let answer = run(&["--jam", "app-a", &base, "--leeway=0"], &input);
    assert_eq!((answer.status, answer.lines.len()), (1, 3), "{}", answer.stderr);
    let [accepted, refused @ ..] = &answer.lines[..] else { panic!("no lines") };
    assert!(accepted.starts_with("ok\t{") && accepted.contains("ann@example.com"));
    assert!(refused.iter().all(|line| line.starts_with("refused\t")), "{refused:?}");
    let late = ["--jam=app-a", &*base, "--now=250000000000"];
    answers(&late, &sound, 1, &["refused\texpired"]);
    emulator.stop().await;
    answers(&["--jam=app-a", &*base], &sound, 1, &["refused\tunavailable"]);
}
