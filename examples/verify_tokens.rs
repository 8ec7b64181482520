//! Verifies the tokens on standard input, one a line; `--help` says how.

mod tool;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, Jws, KeySet, VerifyingKey};
use jamguard::{Error, ErrorKind, JamApp, Verifier};
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;

const USAGE: &str = "\
Usage: verify_tokens KEYS [RULES] < tokens

Reads tokens from standard input, one a line, and prints a line for each:
  ok<TAB>the claims as JSON     or     refused<TAB>the kind of error
Blank lines are left out.

Keys, one of:
  --jwks FILE          a JWK set
  --jwk FILE           one JWK: public, private (its public part is used) or symmetric
  --pem FILE           a public key in PEM
  --secret TEXT        a shared secret for HS256, HS384 or HS512
  --jam APP_ID         the keys and rules of a JustAuthenticateMe app, fetched when needed;
                       of the rules below, --leeway and --now go with it
  --base-url URL       where JAM is, with --jam; else the hosted service

Rules:
  --alg A,B            allowed algorithms; else all that the keys can be used with
  --iss TEXT           the required iss
  --aud TEXT           a required member of aud; else any audience passes
  --typ TEXT           the required typ, such as at+jwt
  --require A,B        claims that must be present (exp always must)
  --leeway SECONDS     for clocks that are off; 60 unless given, 3600 at most
  --now UNIX_SECONDS   the time to verify at; else the system's
  --jws                look at signature and header only, print the payload in base64url

Each flag is given once, as '--flag value' or '--flag=value'.
Exit status: 0 all accepted, 1 some refused, 2 wrong flags or input that cannot be read.
";

const KEYS: [&str; 5] = ["--jwks", "--jwk", "--pem", "--secret", "--jam"];
const CLAIM_RULES: [&str; 6] = ["--iss", "--aud", "--typ", "--require", "--leeway", "--now"];
/// What a verifier looks at unless told otherwise.
const MAX_TOKEN: usize = 16 * 1024;

#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    let args = match tool::arguments("verify_tokens", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("verify_tokens", run(args).await)
}

/// Whether all tokens were accepted.
async fn run(args: Vec<String>) -> Result<bool, String> {
    const OTHERS: [&str; 3] = ["--alg", "--jws", "--base-url"];
    let known: Vec<_> = KEYS.into_iter().chain(CLAIM_RULES).chain(OTHERS).collect();
    let (flags, rest) = Flags::parse(args, &known)?;
    if !rest.is_empty() {
        return Err("a value stands without its flag".to_owned());
    }
    let check = Check::from_flags(&flags)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    let mut all_accepted = true;
    while read_line(&mut input, &mut line).map_err(|error| format!("standard input: {error}"))? {
        if line.len() <= MAX_TOKEN && line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match check.token(&line).await {
            Ok(accepted) => format!("ok\t{accepted}"),
            Err(kind) => {
                all_accepted = false;
                format!("refused\t{kind}")
            }
        };
        writeln!(output, "{answer}").map_err(|error| format!("standard output: {error}"))?;
    }
    Ok(all_accepted)
}

/// Reads a line without its end; of a line that no verifier would look at, only the beginning.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let limit = MAX_TOKEN + 3;
    line.clear();
    let read = input.take(limit as u64).read_until(b'\n', line)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    } else if read == limit {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

impl Flags {
    /// Refuses flags that would do nothing here.
    fn leave_out(&self, flags: &[&str], why: &str) -> Result<(), String> {
        match flags.iter().find(|flag| self.has(flag)) {
            Some(flag) => Err(format!("{flag} {why}: leave it out")),
            None => Ok(()),
        }
    }

    /// The members of a list with commas.
    fn list(&self, flag: &str) -> Option<impl Iterator<Item = &str>> {
        Some(self.text(flag)?.split(',').map(str::trim))
    }

    fn leeway(&self) -> Result<Option<Duration>, String> {
        Ok(self.seconds("--leeway", 3600)?.map(Duration::from_secs))
    }

    /// The algorithms of `--alg`, each once.
    fn algorithms(&self) -> Result<Option<Vec<Algorithm>>, String> {
        let Some(names) = self.list("--alg") else {
            return Ok(None);
        };
        let mut algorithms = Vec::new();
        for name in names {
            let algorithm = name.parse().map_err(|error| format!("--alg: {error}"))?;
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        Ok(Some(algorithms))
    }
}

/// The keys of the flag that gives them, and the algorithms allowed with them.
fn keys(flags: &Flags, flag: &str) -> Result<(KeySet, Vec<Algorithm>), String> {
    let wanted = flags.algorithms()?;
    let blame = |error: Error| format!("{flag}: {error}");
    let keys = match flag {
        "--jwks" => KeySet::from_json(&flags.file(flag)?).map_err(blame)?,
        "--jwk" => VerifyingKey::from_jwk(&flags.file(flag)?)
            .map_err(blame)?
            .into(),
        "--pem" => {
            let pem = flags.file(flag)?;
            keys_for(wanted.as_deref(), |a| VerifyingKey::from_pem(a, &pem)).map_err(blame)?
        }
        _ => {
            let secret = flags.text(flag).unwrap_or_default().as_bytes();
            keys_for(wanted.as_deref(), |a| VerifyingKey::from_secret(a, secret)).map_err(blame)?
        }
    };
    let usable = |algorithm| {
        keys.iter()
            .any(|key| key.algorithms().any(|a| a == algorithm))
    };
    let algorithms = match wanted {
        None => Algorithm::ALL.into_iter().filter(|a| usable(*a)).collect(),
        Some(wanted) => match wanted.iter().find(|a| !usable(**a)) {
            Some(algorithm) => return Err(format!("--alg: no key of {flag} is for {algorithm}")),
            None => wanted,
        },
    };
    Ok((keys, algorithms))
}

/// A key for each wanted algorithm, or for each that takes this kind of key.
fn keys_for(
    wanted: Option<&[Algorithm]>,
    make: impl Fn(Algorithm) -> Result<VerifyingKey, Error>,
) -> Result<KeySet, Error> {
    if let Some(wanted) = wanted {
        return wanted.iter().map(|algorithm| make(*algorithm)).collect();
    }
    let keys: KeySet = Algorithm::ALL
        .into_iter()
        .filter_map(|a| make(a).ok())
        .collect();
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Error::new(
            ErrorKind::InvalidKey,
            "no algorithm takes this key; --alg with the one it is meant for says why",
        )),
    }
}

/// A verifier of the given keys and rules.
fn verifier(flags: &Flags, source: &str) -> Result<Verifier, String> {
    let (keys, algorithms) = keys(flags, source)?;
    let mut rules = Verifier::builder().algorithms(algorithms);
    for key in keys.iter() {
        rules = rules.key(key.clone());
    }
    if let Some(issuer) = flags.text("--iss") {
        rules = rules.issuer(issuer);
    }
    rules = match flags.text("--aud") {
        Some(audience) => rules.audience(audience),
        None => rules.any_audience(),
    };
    if let Some(typ) = flags.text("--typ") {
        rules = rules.token_type(typ);
    }
    if let Some(claims) = flags.list("--require") {
        rules = rules.require(claims);
    }
    if let Some(leeway) = flags.leeway()? {
        rules = rules.leeway(leeway);
    }
    if let Some(clock) = flags.clock()? {
        rules = rules.clock(clock);
    }
    rules.build().map_err(|error| error.to_string())
}

/// The verifier of a JAM app's ID tokens.
fn jam_verifier(flags: &Flags) -> Result<Verifier, String> {
    const FIXED: [&str; 6] = ["--alg", "--iss", "--aud", "--typ", "--require", "--jws"];
    flags.leave_out(&FIXED, "is not for --jam, which sets its rules itself")?;
    let mut app = JamApp::new(flags.text("--jam").unwrap_or_default());
    if let Some(url) = flags.text("--base-url") {
        app = app.base_url(url);
    }
    if let Some(leeway) = flags.leeway()? {
        app = app.leeway(leeway);
    }
    if let Some(clock) = flags.clock()? {
        app = app.clock(clock);
    }
    app.verifier().map_err(|error| error.to_string())
}

/// What each token goes through.
enum Check {
    Claims(Verifier),
    Signature(KeySet, Vec<Algorithm>),
}

impl Check {
    fn from_flags(flags: &Flags) -> Result<Self, String> {
        let given: Vec<_> = KEYS.into_iter().filter(|flag| flags.has(flag)).collect();
        let &[source] = &given[..] else {
            return Err(format!("give exactly one of {}", KEYS.join(", ")));
        };
        if source == "--jam" {
            return jam_verifier(flags).map(Self::Claims);
        }
        flags.leave_out(&["--base-url"], "is for --jam")?;
        if flags.has("--jws") {
            flags.leave_out(&CLAIM_RULES, "looks at claims, which --jws does not")?;
            let (keys, algorithms) = keys(flags, source)?;
            return Ok(Self::Signature(keys, algorithms));
        }
        verifier(flags, source).map(Self::Claims)
    }

    /// What to print of an accepted token.
    async fn token(&self, line: &[u8]) -> Result<String, ErrorKind> {
        if line.len() > MAX_TOKEN {
            return Err(ErrorKind::TooLarge);
        }
        let token = std::str::from_utf8(line).map_err(|_| ErrorKind::Malformed)?;
        let answer = match self {
            Self::Claims(verifier) => {
                (verifier.verify(token).await).map(|verified| one_line(verified.raw_claims()))
            }
            Self::Signature(keys, algorithms) => Jws::verify(token, keys, algorithms)
                .map(|jws| URL_SAFE_NO_PAD.encode(jws.payload())),
        };
        answer.map_err(|error| error.kind())
    }
}

/// The same JSON, digit for digit, in one line: a raw line break can only stand between tokens,
/// and what a terminal or a reader of lines might stumble over inside a string is escaped.
fn one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => {}
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => line.push(c),
        }
    }
    line
}
