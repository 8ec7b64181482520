//! The tool `issue_token`, run as people run it: alone, and in a pipe with `verify_tokens`.

use crate::support::run::{File, Run, Tool};
use jamguard::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::sync::LazyLock;

const NOW: &str = "--now=1800000000";
const SECRET: &str = "at least thirty-two bytes of secret";

static ISSUE: LazyLock<Tool> = LazyLock::new(|| Tool::build("issue_token"));
static VERIFY: LazyLock<Tool> = LazyLock::new(|| Tool::build("verify_tokens"));

/// `issue_token … | verify_tokens …`, with a pipe of the system between them.
fn pipe(issue: &[&str], verify: &[&str], input: &str) -> (Run, Run) {
    let mut issuing = ISSUE.start(issue, Stdio::piped());
    let tokens = issuing.stdout.take().unwrap();
    let verifying = VERIFY.start(verify, tokens);
    let mut claims = issuing.stdin.take().unwrap();
    claims.write_all(input.as_bytes()).unwrap();
    drop(claims);
    let issued = issuing.wait_with_output().unwrap();
    (issued.into(), verifying.wait_with_output().unwrap().into())
}

fn claims(line: &str) -> Value {
    let (accepted, claims) = line.split_once('\t').unwrap();
    assert_eq!(accepted, "ok", "{line}");
    serde_json::from_str(claims).unwrap()
}

#[test]
fn every_algorithm_goes_through_the_pipe() {
    let data = "{\"sub\":\"42\",\"name\":\"Ann\"}\n\n  \n{\"sub\":\"7\"}\n";
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let jwk = File::new(key.expose_private_jwk().unwrap().expose());
        let alg = format!("--alg={algorithm}");
        let rules = ["--iss=https://issuer.example", "--aud=api", "--typ=at+jwt", NOW];
        let mut forms = vec![(jwk.flag("--jwk"), jwk.flag("--jwk"))];
        let files = key.expose_private_pem().ok().map(|private| {
            let public = key.verifying_key().unwrap().to_pem().unwrap();
            (File::new(private.expose()), File::new(public))
        });
        if let Some((private, public)) = &files {
            forms.push((private.flag("--pem"), public.flag("--pem")));
        }
        for (private, public) in &forms {
            let mut flags = vec![&**private, &*alg];
            flags.extend(rules);
            let mut theirs = vec![&**public, &*alg, "--require=sub,jti,iat"];
            theirs.extend(rules);
            let (issued, verified) = pipe(&flags, &theirs, data);
            assert_eq!((issued.status, verified.status), (0, 0), "{}", issued.stderr);
            let [first, second] = &verified.lines[..] else {
                panic!("{algorithm}: {:?}", verified.lines);
            };
            let first = claims(first);
            assert_eq!((&first["sub"], &first["name"]), (&json!("42"), &json!("Ann")));
            assert_eq!(first["exp"], 1_800_000_900);
            assert_eq!(claims(second)["sub"], "7");
        }
    }
}

#[test]
fn claims_come_as_arguments_too() {
    let secret = &format!("--secret={}", "s".repeat(32));
    let more = ["--alg", "HS256", "--lifetime", "60", NOW, "{\"sub\":\"1\"}", "{}"];
    let flags: Vec<_> = [&**secret].into_iter().chain(more).collect();
    let (issued, verified) = pipe(&flags, &[secret, NOW], "");
    assert_eq!((issued.status, verified.status), (0, 0), "{}", issued.stderr);
    assert_eq!(claims(&verified.lines[0])["exp"], 1_800_000_060);
    assert_eq!(verified.lines.len(), 2);
    // Other rules refuse the same tokens.
    let (_, verified) = pipe(&flags, &[secret, NOW, "--iss=a"], "");
    assert_eq!(verified.lines, ["refused\tmissing_claim"; 2]);
}

#[test]
fn claims_that_cannot_be_issued_leave_the_others() {
    let input = "{\"sub\":\"1\"}\n{\n[]\n{\"exp\":5}\n{\"sub\":\"2\"}\n";
    let run = ISSUE.run(&["--secret", SECRET, NOW, "--iss=i"], input);
    assert_eq!((run.status, run.lines.len()), (1, 2), "{}", run.stderr);
    for (line, why) in [(2, "not JSON"), (3, "JSON object"), (4, "'exp'")] {
        let said = run.stderr.lines().find(|said| said.contains(&format!("line {line}:")));
        assert!(said.is_some_and(|said| said.contains(why)), "{}", run.stderr);
    }
}

#[test]
fn wrong_flags_are_explained() {
    let refuses = |flags: &[&str], hint: &str| ISSUE.refuses_flags(flags, hint);
    let es = SigningKey::generate(Algorithm::ES256).unwrap();
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap();
    let public = File::new(es.verifying_key().unwrap().to_pem().unwrap());
    let public_jwk = File::new(es.verifying_key().unwrap().to_jwk().unwrap().to_json());
    let es = File::new(es.expose_private_pem().unwrap().expose());
    let rsa = File::new(rsa.expose_private_pem().unwrap().expose());
    let (es, rsa) = (&*es.flag("--pem"), &*rsa.flag("--pem"));
    refuses(&[], "exactly one of --jwk, --pem, --secret");
    refuses(&[es, "--secret", SECRET], "exactly one of");
    refuses(&[es, es], "--pem is given twice");
    refuses(&[es, "--jwks=x"], "unknown flag --jwks");
    refuses(&[es, "--alg=none"], "unknown algorithm");
    refuses(&[es, "--alg=ES512"], "P-521");
    refuses(&[rsa], "RS256, RS384, RS512, PS256, PS384, PS512");
    refuses(&["--secret", &"s".repeat(48)], "HS256, HS384");
    refuses(&["--secret=short"], "--alg");
    refuses(&["--secret=short", "--alg=HS256"], "at least 32");
    refuses(&[&public.flag("--pem")], "--alg");
    refuses(&[&public.flag("--pem"), "--alg=ES256"], "PUBLIC KEY");
    refuses(&[&public_jwk.flag("--jwk"), "--alg=ES256"], "'d'");
    refuses(&["--jwk=/nowhere/at/all"], "/nowhere/at/all");
    refuses(&[es, "--iss="], "empty issuer");
    refuses(&[es, "--aud="], "empty audience");
    refuses(&[es, "--typ="], "empty token type");
    refuses(&[es, "--lifetime=0"], ".lifetime(");
    refuses(&[es, "--lifetime=31622401"], "more than a year");
    refuses(&[es, "--lifetime=-1"], "whole seconds");
    refuses(&[es, "--now=today"], "--now takes whole seconds");
    let help = ISSUE.run(&["--help"], "");
    assert_eq!(help.status, 0);
    assert!(help.lines.iter().any(|line| line.contains("--lifetime SECONDS")));
}

#[test]
fn an_algorithm_that_is_the_only_one_need_not_be_named() {
    for algorithm in [Algorithm::ES384, Algorithm::PS384] {
        let key = SigningKey::generate(algorithm).unwrap();
        let jwk = File::new(key.expose_private_jwk().unwrap().expose());
        let mut flags = vec![jwk.flag("--jwk")];
        let pem = key.expose_private_pem().unwrap();
        let pem = File::new(pem.expose());
        if algorithm == Algorithm::ES384 {
            flags.push(pem.flag("--pem"));
        }
        for flag in flags {
            let (issued, verified) = pipe(&[&flag, "{}"], &[&jwk.flag("--jwk")], "");
            assert_eq!((issued.status, verified.status), (0, 0), "{}", issued.stderr);
            assert_eq!(verified.lines.len(), 1);
        }
    }
}
