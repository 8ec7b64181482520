//! A command-line tool that issues tokens for given claims; `--help` lists the flags.

mod tool;

use jamguard::jose::{Algorithm, SigningKey};
use jamguard::{Error, Issuer};
use serde_json::Value;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;

const USAGE: &str = "\
Usage: issue_token KEY [RULES] [CLAIMS…]

Signs claims and prints one token per line. CLAIMS are JSON objects; without any they are read from
standard input, one per line, and blank lines are skipped. Missing jti, iat, exp, iss and aud claims
are added.

Key, one of:
  --jwk FILE           a private JWK, or a symmetric one
  --pem FILE           a private key in PEM: PKCS#8, PKCS#1 or SEC1
  --secret TEXT        a shared secret for HS256, HS384 or HS512

Rules:
  --alg NAME           the algorithm; required if the key fits several
  --iss TEXT           the issuer
  --aud TEXT           the audience
  --typ TEXT           the header's typ; default: JWT
  --lifetime SECONDS   from iat to exp; default: 900, at most a year
  --now UNIX_SECONDS   the time of issue; default: the system time

Give each flag at most once, as '--flag value' or '--flag=value'.
Exit status: 0 all issued, 1 some claims rejected (standard error says why), 2 wrong flags or
unreadable input.

  issue_token --secret TEXT '{\"sub\":\"42\"}' | verify_tokens --secret TEXT
";

const KEYS: [&str; 3] = ["--jwk", "--pem", "--secret"];
const RULES: [&str; 6] = ["--alg", "--iss", "--aud", "--typ", "--lifetime", "--now"];

#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    let args = match tool::arguments("issue_token", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("issue_token", run(args).await)
}

/// Issues the tokens; returns whether all were issued.
async fn run(args: Vec<String>) -> Result<bool, String> {
    let known: Vec<_> = KEYS.into_iter().chain(RULES).collect();
    let (flags, claims) = Flags::parse(args, &known)?;
    let issuer = issuer(&flags)?;
    let mut all_issued = true;
    if claims.is_empty() {
        for (number, line) in (1..).zip(io::stdin().lines()) {
            let line = line.map_err(|error| format!("standard input: {error}"))?;
            if !line.trim().is_empty() {
                all_issued &= print(&issuer, &line, &format!("line {number}")).await?;
            }
        }
    }
    for (number, claims) in (1..).zip(claims) {
        all_issued &= print(&issuer, &claims, &format!("claims {number}")).await?;
    }
    Ok(all_issued)
}

/// Prints a token, or the reason for its failure.
async fn print(issuer: &Issuer, claims: &str, place: &str) -> Result<bool, String> {
    let token = match serde_json::from_str::<Value>(claims) {
        Ok(claims) => issuer.issue(&claims).await.map_err(|e| e.to_string()),
        Err(error) => Err(format!("not JSON: {error}")),
    };
    match token {
        Ok(token) => writeln!(io::stdout(), "{}", token.expose())
            .map_err(|error| format!("standard output: {error}"))
            .map(|()| true),
        Err(message) => {
            eprintln!("issue_token: {place}: {message}");
            Ok(false)
        }
    }
}

fn issuer(flags: &Flags) -> Result<Issuer, String> {
    let mut issuer = Issuer::builder().key(key(flags)?);
    if let Some(text) = flags.text("--iss") {
        issuer = issuer.issuer(text);
    }
    if let Some(audience) = flags.text("--aud") {
        issuer = issuer.audience(audience);
    }
    if let Some(typ) = flags.text("--typ") {
        issuer = issuer.token_type(typ);
    }
    if let Some(seconds) = flags.seconds("--lifetime", u64::MAX)? {
        issuer = issuer.lifetime(Duration::from_secs(seconds));
    }
    if let Some(clock) = flags.clock()? {
        issuer = issuer.clock(clock);
    }
    issuer.build().map_err(|error| error.to_string())
}

/// Loads the key for the algorithm of `--alg`, or for the only one that it fits.
fn key(flags: &Flags) -> Result<SigningKey, String> {
    let given: Vec<_> = KEYS.into_iter().filter(|flag| flags.has(flag)).collect();
    let &[flag] = &given[..] else {
        return Err(format!("give exactly one of {}", KEYS.join(", ")));
    };
    let text = match flag {
        "--secret" => flags.text(flag).unwrap_or_default().to_owned(),
        _ => flags.file(flag)?,
    };
    let load = |algorithm| -> Result<SigningKey, Error> {
        match flag {
            "--jwk" => SigningKey::from_jwk(algorithm, &text),
            "--pem" => SigningKey::from_pem(algorithm, &text),
            _ => SigningKey::from_secret(algorithm, text.as_bytes()),
        }
    };
    if let Some(name) = flags.text("--alg") {
        let algorithm = name.parse().map_err(|error| format!("--alg: {error}"))?;
        return load(algorithm).map_err(|error| format!("{flag}: {error}"));
    }
    let mut fitting: Vec<_> = Algorithm::ALL.into_iter().filter_map(|a| load(a).ok()).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(last), false) => {
            let names: Vec<_> =
                fitting.iter().chain([&last]).map(|k| k.algorithm().name()).collect();
            Err(format!(
                "{flag}: the key fits several algorithms; name one of {} with --alg",
                names.join(", ")
            ))
        }
        (None, _) => Err(format!(
            "{flag}: no algorithm takes this key; name its algorithm with --alg to see why"
        )),
    }
}
