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
    refuses_flags(
        &[],
        "exactly one of --jwks, --jwk, --pem, --secret, --jwks-url, --discover, --jam",
    );
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
    let url = "--jwks-url=https://issuer.example/keys";
    let issuer = "--discover=https://issuer.example";
    refuses_flags(&[url, issuer], "exactly one of");
    refuses_flags(&[url, "--jws"], "--jws needs keys from a file");
    refuses_flags(&[url, "--discover-at=https://a.example"], "is for --discover");
    refuses_flags(&[url, "--alg=HS256"], "shared secret");
    refuses_flags(&[issuer, "--iss=a"], "is set by --discover");
    refuses_flags(&["--jwks-url=http://issuer.example/keys"], "plain http");
    refuses_flags(&[url, "--plain-http=http://a"], "name alone");
    refuses_flags(&[url, "--ca=/nowhere/ca.pem"], "/nowhere/ca.pem");
    refuses_flags(&[url, "--explain=yes"], "--explain takes no value");
    for network in ["--discover-at=https://a.example", "--plain-http=a", "--ca=a"] {
        refuses_flags(&[jwk, network], "is for --jwks-url and --discover");
        refuses_flags(&[jwk, "--jws", network], "is for --jwks-url and --discover");
        refuses_flags(&["--jam=app", network], "is for --jwks-url and --discover");
    }
    refuses_flags(&["--jam=app", "--base-url=http://jam.example"], "https");
    refuses_flags(&["--jam=app", "--leeway=inf"], "whole seconds");
    // What could be a secret is not repeated.
    let run = run(&["hunter2hunter2", "--secrt=hunter2hunter2"], "");
    assert_eq!(run.status, 2);
    assert!(!run.stderr.contains("hunter2"));
}

#[test]
fn a_refusal_is_explained_with_its_rule() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let jwk = jwk_file(&key);
    let with = |changes: Value| {
        let mut claims = json!({
            "iss": "https://a.example", "aud": "api", "sub": "42", "exp": 1_800_000_600u64,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        token(&key, &claims)
    };
    let foreign = SigningKey::generate(Algorithm::ES256).unwrap();
    let other_kid = foreign.clone().with_key_id("k2");
    let expected = [
        (with(json!({})), "ok", &[][..]),
        (with(json!({"iss": "https://a.example/"})), "invalid_claim", &["--iss", "trailing slash"]),
        (with(json!({"aud": ["web"]})), "invalid_claim", &["--aud", "`api`", "`web`"]),
        (
            with(json!({"exp": 1_700_000_000})),
            "expired",
            &["--leeway", "`exp` is 1700000000, the time is 1800000000: expired since 100000000 s"],
        ),
        (
            with(json!({"nbf": 1_800_000_300})),
            "not_yet_valid",
            &["`nbf` is 1800000300", "valid in 300 s"],
        ),
        (token(&foreign.with_key_id("k1"), &claims()), "missing_claim", &["'iss'"]),
        (token(&other_kid, &claims()), "missing_claim", &["'iss'"]),
        ("opaque".to_owned(), "malformed", &["RFC 7515", "not a JWT"]),
    ];
    let flags = [&*jwk.flag("--jwk"), "--iss=https://a.example", "--aud=api", "--explain", NOW];
    let input: Vec<&str> = expected.iter().map(|(token, ..)| &**token).collect();
    let run = run(&flags, input.join("\n"));
    assert_eq!((run.status, run.lines.len()), (1, expected.len()), "{}", run.stderr);
    for (line, (_, kind, parts)) in run.lines.iter().zip(&expected) {
        let columns: Vec<&str> = line.split('\t').collect();
        match parts {
            [] => assert_eq!((columns[0], columns.len()), (*kind, 2), "{line}"),
            _ => {
                assert_eq!((columns[0], columns[1], columns.len()), ("refused", *kind, 4), "{line}")
            }
        }
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
}

#[cfg(feature = "testing")]
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_from_a_url_and_by_discovery() {
    use crate::support::issuer::{Answer, Server, key, set_of};
    use crate::support::tls;
    let (key, server) = (key("k1"), Server::start().await);
    server.set("/keys", Answer::ok(set_of(&[&key])));
    let issuer = "https://issuer.example";
    let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
    let place = "/.well-known/openid-configuration";
    server.set(place, Answer::ok(document.to_string()));
    let mut claims = claims();
    claims["iss"] = json!(issuer);
    let good = token(&key, &claims);
    let ok = format!("ok\t{claims}");
    let url = format!("--jwks-url={}", server.url("/keys"));
    answers(&[&url, NOW], &good, 0, &[&ok]);
    let at = format!("--discover-at={}", server.url(""));
    let discover = format!("--discover={issuer}");
    answers(&[&discover, &at, NOW], &good, 0, &[&ok]);
    claims["iss"] = json!("https://other.example");
    let foreign = token(&key, &claims);
    answers(&[&discover, &at, NOW], &foreign, 1, &["refused\tinvalid_claim"]);
    let plain = server.url("/keys").replace("127.0.0.1", "0.0.0.0");
    answers(&["--jwks-url", &plain, "--plain-http=0.0.0.0", NOW], &good, 0, &[&ok]);

    // An own authority: by the flag, and by the variable that replaces the system's.
    let front = tls::in_front_of(server.url("")[7..].parse().unwrap()).await;
    let url = format!("--jwks-url=https://localhost:{}/keys", front.port());
    let authority = File::new(tls::authority());
    answers(&[&url, &authority.flag("--ca"), NOW], &good, 0, &[&ok]);
    answers(&[&url, NOW], &good, 1, &["refused\tunavailable"]);
    let mut tool = TOOL.command();
    tool.env("SSL_CERT_FILE", &authority.0).args([&url, NOW]).arg("--explain");
    let mut child = tool
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), good.as_bytes()).unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!((run.status, run.lines), (0, vec![ok]), "{}", run.stderr);
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
