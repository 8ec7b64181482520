//! A command-line tool that verifies tokens from standard input; `--help` lists the flags.

mod tool;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, Jws, KeySet, VerifyingKey};
use jamguard::jwks::{RemoteKeySet, RemoteKeySetBuilder};
use jamguard::{Clock, Error, ErrorKind, JamApp, SystemClock, Verifier, VerifierBuilder};
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;

const USAGE: &str = "\
Usage: verify_tokens KEYS [RULES] < tokens

Reads tokens from standard input, one per line, and prints a line for each:
  ok<TAB>the claims as JSON     or     refused<TAB>the kind of error
With --explain, two columns follow the kind: the rule that refused the token, and what
it expected and received. Blank lines are skipped.

Keys, one of:
  --jwks FILE          a JWK set
  --jwk FILE           one JWK: public, private (its public part is used) or symmetric
  --pem FILE           a public key in PEM
  --secret TEXT        a shared secret for HS256, HS384 or HS512
  --jwks-url URL       the JWK set at a URL
  --discover ISSUER    the keys that the issuer's metadata names; requires its iss
  --jam APP_ID         the keys and rules of a JustAuthenticateMe app, fetched when needed;
                       allows only the rules --leeway and --now
  --base-url URL       with --jam: JAM's URL; default: the hosted service

Network, with --jwks-url and --discover:
  --discover-at URL    with --discover: where the issuer is reached; default: at its name
  --plain-http A,B     hosts that are reached over plain http; default: loopback only
  --ca FILE            certificate authorities in PEM, trusted besides the system's

Rules:
  --alg A,B            allowed algorithms; default: all that fit the keys; for fetched keys
                       all but HS256, HS384 and HS512
  --iss TEXT           the required issuer
  --aud TEXT           the required audience; default: any audience passes
  --typ TEXT           the required typ, such as at+jwt
  --require A,B        claims that must be present, besides exp
  --leeway SECONDS     tolerated clock error; default: 60, at most 3600
  --now UNIX_SECONDS   the time of verification; default: the system time
  --jws                check only signature and header; print the payload in base64url

Output:
  --explain            say which rule refused a token, and why

Give each flag at most once, as '--flag value' or '--flag=value'.
Exit status: 0 all accepted, 1 some rejected, 2 wrong flags or unreadable input.
";

const KEYS: [&str; 7] =
    ["--jwks", "--jwk", "--pem", "--secret", "--jwks-url", "--discover", "--jam"];
const NETWORK: [&str; 3] = ["--discover-at", "--plain-http", "--ca"];
const CLAIM_RULES: [&str; 6] = ["--iss", "--aud", "--typ", "--require", "--leeway", "--now"];
/// A verifier's default token size limit, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    let args = match tool::arguments("verify_tokens", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("verify_tokens", run(args).await)
}

/// Verifies the tokens; returns whether all were accepted.
async fn run(args: Vec<String>) -> Result<bool, String> {
    const OTHERS: [&str; 4] = ["--alg", "--jws", "--base-url", "--explain"];
    let known = KEYS.into_iter().chain(CLAIM_RULES).chain(OTHERS).chain(NETWORK);
    let known: Vec<_> = known.collect();
    let (flags, rest) = Flags::parse(args, &known)?;
    if !rest.is_empty() {
        return Err("unexpected value without a flag".to_owned());
    }
    let check = Check::from_flags(&flags)?;
    let explanation = match flags.has("--explain") {
        true => Some(Explanation { now: flags.now()? }),
        false => None,
    };
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    let mut all_accepted = true;
    while read_line(&mut input, &mut line).map_err(|error| format!("standard input: {error}"))? {
        if line.len() <= MAX_TOKEN && line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match check.token(&line).await {
            Ok(accepted) => format!("ok\t{accepted}"),
            Err(error) => {
                all_accepted = false;
                let why = explanation.as_ref().map(|explanation| explanation.of(&error, &line));
                format!("refused\t{}{}", error.kind(), why.unwrap_or_default())
            }
        };
        writeln!(output, "{answer}").map_err(|error| format!("standard output: {error}"))?;
    }
    Ok(all_accepted)
}

/// Reads a line without its end; only the beginning if it exceeds the token size limit.
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
    /// Rejects flags that have no effect here.
    fn leave_out(&self, flags: &[&str], why: &str) -> Result<(), String> {
        match flags.iter().find(|flag| self.has(flag)) {
            Some(flag) => Err(format!("{flag} {why}: leave it out")),
            None => Ok(()),
        }
    }

    /// Splits a flag's comma-separated list.
    fn list(&self, flag: &str) -> Option<impl Iterator<Item = &str>> {
        Some(self.text(flag)?.split(',').map(str::trim))
    }

    /// Returns the time of verification in Unix seconds.
    fn now(&self) -> Result<u64, String> {
        let stopped = self.clock()?.map(|clock| clock.now());
        Ok(stopped.unwrap_or_else(|| SystemClock.now()).as_secs())
    }

    fn leeway(&self) -> Result<Option<Duration>, String> {
        Ok(self.seconds("--leeway", 3600)?.map(Duration::from_secs))
    }

    /// Returns the algorithms of `--alg`, without duplicates.
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

/// Loads the keys that a flag names; also returns the algorithms allowed with them.
fn keys(flags: &Flags, flag: &str) -> Result<(KeySet, Vec<Algorithm>), String> {
    let wanted = flags.algorithms()?;
    let blame = |error: Error| format!("{flag}: {error}");
    let keys = match flag {
        "--jwks" => KeySet::from_json(&flags.file(flag)?).map_err(blame)?,
        "--jwk" => VerifyingKey::from_jwk(&flags.file(flag)?).map_err(blame)?.into(),
        "--pem" => {
            let pem = flags.file(flag)?;
            keys_for(wanted.as_deref(), |a| VerifyingKey::from_pem(a, &pem)).map_err(blame)?
        }
        _ => {
            let secret = flags.text(flag).unwrap_or_default().as_bytes();
            keys_for(wanted.as_deref(), |a| VerifyingKey::from_secret(a, secret)).map_err(blame)?
        }
    };
    let usable = |algorithm| keys.iter().any(|key| key.algorithms().any(|a| a == algorithm));
    let algorithms = match wanted {
        None => Algorithm::ALL.into_iter().filter(|a| usable(*a)).collect(),
        Some(wanted) => match wanted.iter().find(|a| !usable(**a)) {
            Some(algorithm) => return Err(format!("--alg: no key of {flag} fits {algorithm}")),
            None => wanted,
        },
    };
    Ok((keys, algorithms))
}

/// Makes a key for each wanted algorithm, or for each that takes this kind of key.
fn keys_for(
    wanted: Option<&[Algorithm]>,
    make: impl Fn(Algorithm) -> Result<VerifyingKey, Error>,
) -> Result<KeySet, Error> {
    if let Some(wanted) = wanted {
        return wanted.iter().map(|algorithm| make(*algorithm)).collect();
    }
    let keys: KeySet = Algorithm::ALL.into_iter().filter_map(|a| make(a).ok()).collect();
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Error::new(
            ErrorKind::InvalidKey,
            "no algorithm takes this key; name its algorithm with --alg to see why",
        )),
    }
}

/// Sets the keys of a flag on a verifier, with the algorithms allowed with them.
fn with_keys(flags: &Flags, source: &str) -> Result<VerifierBuilder, String> {
    let rules = Verifier::builder();
    let url = flags.text(source).unwrap_or_default();
    let (keys, rules) = match source {
        "--jwks-url" => {
            flags.leave_out(&["--discover-at"], "is for --discover")?;
            (RemoteKeySet::builder(url), rules)
        }
        "--discover" => {
            flags.leave_out(&["--iss"], "is set by --discover")?;
            (RemoteKeySet::discover(url), rules.issuer(url))
        }
        _ => {
            flags.leave_out(&NETWORK, "is for --jwks-url and --discover")?;
            let (keys, algorithms) = keys(flags, source)?;
            let rules = rules.algorithms(algorithms);
            return Ok(keys.iter().fold(rules, |rules, key| rules.key(key.clone())));
        }
    };
    let algorithms = flags.algorithms()?.unwrap_or_else(|| {
        use Algorithm::{HS256, HS384, HS512};
        Algorithm::ALL.into_iter().filter(|a| !matches!(a, HS256 | HS384 | HS512)).collect()
    });
    Ok(rules.algorithms(algorithms).jwks(fetched(flags, keys)?))
}

/// Builds the key set that is fetched through the network of the flags.
fn fetched(flags: &Flags, mut keys: RemoteKeySetBuilder) -> Result<RemoteKeySet, String> {
    if let Some(url) = flags.text("--discover-at") {
        keys = keys.discover_at(url);
    }
    if let Some(hosts) = flags.list("--plain-http") {
        keys = keys.danger_plain_http_hosts(hosts);
    }
    if let Some(file) = flags.text("--ca") {
        keys = keys.ca_file(file);
    }
    if let Some(clock) = flags.clock()? {
        keys = keys.clock(clock);
    }
    keys.build().map_err(|error| error.to_string())
}

/// Builds a verifier from the given keys and rules.
fn verifier(flags: &Flags, source: &str) -> Result<Verifier, String> {
    let mut rules = with_keys(flags, source)?;
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

/// Builds the verifier of a JAM app's ID tokens.
fn jam_verifier(flags: &Flags) -> Result<Verifier, String> {
    const FIXED: [&str; 6] = ["--alg", "--iss", "--aud", "--typ", "--require", "--jws"];
    flags.leave_out(&FIXED, "is not for --jam, which sets its own rules")?;
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

/// The check applied to each token.
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
            flags.leave_out(&NETWORK, "is for --jwks-url and --discover")?;
            return jam_verifier(flags).map(Self::Claims);
        }
        flags.leave_out(&["--base-url"], "is for --jam")?;
        if flags.has("--jws") {
            if matches!(source, "--jwks-url" | "--discover") {
                return Err(format!("--jws needs keys from a file: {source} fetches them"));
            }
            flags.leave_out(&CLAIM_RULES, "checks claims, which --jws does not")?;
            flags.leave_out(&NETWORK, "is for --jwks-url and --discover")?;
            let (keys, algorithms) = keys(flags, source)?;
            return Ok(Self::Signature(keys, algorithms));
        }
        verifier(flags, source).map(Self::Claims)
    }

    /// Verifies a token; returns its claims or payload for printing.
    async fn token(&self, line: &[u8]) -> Result<String, Error> {
        if line.len() > MAX_TOKEN {
            return Err(Error::new(ErrorKind::TooLarge, "the line is longer than 16 KiB"));
        }
        let token = std::str::from_utf8(line)
            .map_err(|_| Error::new(ErrorKind::Malformed, "the line is not UTF-8"))?;
        match self {
            Self::Claims(verifier) => {
                (verifier.verify(token).await).map(|verified| one_line(verified.raw_claims()))
            }
            Self::Signature(keys, algorithms) => Jws::verify(token, keys, algorithms)
                .map(|jws| URL_SAFE_NO_PAD.encode(jws.payload())),
        }
    }
}

/// Explains why a token is refused.
struct Explanation {
    /// The time of verification in Unix seconds.
    now: u64,
}

impl Explanation {
    /// Returns two columns: the rule, and what it expected and received.
    fn of(&self, error: &Error, line: &[u8]) -> String {
        let dates = match error.kind() {
            ErrorKind::Expired => self.date(line, "exp", "expired since"),
            ErrorKind::NotYetValid => ["nbf", "iat"]
                .iter()
                .fold(None, |found, claim| found.or_else(|| self.date(line, claim, "valid in"))),
            _ => None,
        };
        format!("\t{}\t{}{}", rule(error), one_line(error.message()), dates.unwrap_or_default())
    }

    /// Compares a date of the token's claims with the time of verification.
    fn date(&self, line: &[u8], claim: &str, what: &str) -> Option<String> {
        let payload = line.split(|byte| *byte == b'.').nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        let (now, date) = (self.now, claims[claim].as_f64()?);
        let apart = (date - now as f64).abs();
        Some(format!(": `{claim}` is {date}, the time is {now}: {what} {apart} s"))
    }
}

/// Names the rule that refused a token.
fn rule(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Malformed => "form of a JWS (RFC 7515 section 7.1)",
        ErrorKind::TooLarge => "size: 16 KiB",
        ErrorKind::UnsupportedAlgorithm => "alg: --alg",
        ErrorKind::WrongType => "typ: --typ",
        ErrorKind::UnknownKey => "key by kid and alg",
        ErrorKind::BadSignature => "signature",
        ErrorKind::Expired => "exp: --leeway, --now",
        ErrorKind::NotYetValid => "nbf and iat: --leeway, --now",
        ErrorKind::MissingClaim => "required claims: --require, --iss, --aud, and exp",
        ErrorKind::InvalidClaim => "values of claims: --iss, --aud, and the types of RFC 7519",
        ErrorKind::Unavailable => "keys: they could not be fetched",
        _ => "verification",
    }
}

/// Returns the same JSON on one line, with numbers unchanged.
///
/// Raw line breaks are only valid between JSON tokens. Inside strings, characters that could
/// disturb a terminal or a line reader are escaped.
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
