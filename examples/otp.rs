//! A command-line tool for one-time passwords; `--help` lists the flags.

mod tool;

use jamguard::otp::{Enrolment, Otp, OtpKind, OtpSecret};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;

const USAGE: &str = "\
Usage: otp new    [NAMES] [SETTINGS]             a new secret in base32, and its URI if names are given
       otp uri    [SECRET] NAMES [SETTINGS]      the otpauth URI of a secret
       otp code   [SECRET] [SETTINGS]            the current code, or the code of a counter
       otp verify CODE [SECRET] [SETTINGS]       right<TAB>its time step or counter, or: wrong

Secret, at most one of; default: standard input, which keeps it out of the process list:
  --secret BASE32         at least 128 bits; case, spaces and padding do not matter
  --secret-file FILE      the same from a file
  --short-secret BASE32   at least 80 bits, for some old secrets

Names, for an authenticator app:
  --issuer NAME           the name of the service
  --account NAME          the user's name there
  --svg FILE, --png FILE  also writes the URI as a QR code

Settings:
  --type totp|hotp        by time or by counter; default: totp
  --algorithm NAME        SHA1, SHA256 or SHA512; default: SHA1
  --digits N              6 to 10; default: 6
  --period SECONDS        lifetime of a TOTP code; default: 30
  --look-ahead N          accepted steps before and after, or counters ahead; at most 20, default: 1
  --now UNIX_SECONDS      the time for TOTP; default: the system time
  --counter N             the counter for HOTP; required by code and verify, default for URIs: 0

No state is kept: a used code stays right until it expires.
Give each flag at most once, as '--flag value' or '--flag=value'.
Exit status: 0 done, or the code is right; 1 the code is wrong; 2 wrong flags or a wrong secret.
";

const SECRETS: [&str; 3] = ["--secret", "--secret-file", "--short-secret"];
const NAMES: [&str; 4] = ["--issuer", "--account", "--svg", "--png"];
const SETTINGS: [&str; 7] =
    ["--type", "--algorithm", "--digits", "--period", "--look-ahead", "--now", "--counter"];

fn main() -> ExitCode {
    let args = match tool::arguments("otp", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("otp", run(args))
}

/// Runs the command; returns `false` if a given code is wrong.
fn run(args: Vec<String>) -> Result<bool, String> {
    let known: Vec<_> = SECRETS.into_iter().chain(NAMES).chain(SETTINGS).collect();
    let (flags, words) = Flags::parse(args, &known)?;
    let mut words = words.iter().map(String::as_str);
    let command = words.next().ok_or("say what to do: new, uri, code or verify")?;
    let code = match command {
        "verify" => Some(words.next().ok_or("verify needs the code")?),
        _ => None,
    };
    if words.next().is_some() {
        return Err("unexpected value without a flag".to_owned());
    }
    if command == "code" || command == "verify" {
        leave_out(&flags, &NAMES, "is for new and uri")?;
    }
    let otp = settings(&flags)?;
    let counter = flags.number("--counter")?;
    match command {
        "new" => {
            leave_out(&flags, &SECRETS, "is for an existing secret")?;
            let secret = OtpSecret::generate().map_err(|error| error.to_string())?;
            let named = NAMES.iter().any(|flag| flags.has(flag));
            let text = secret.to_base32();
            let enrolment = named.then(|| enrolment(&flags, &otp, secret, counter));
            let enrolment = enrolment.transpose()?;
            println!("{}", text.expose());
            if let Some(enrolment) = enrolment {
                show(&flags, &enrolment)?;
            }
        }
        "uri" => {
            let secret = secret(&flags)?;
            show(&flags, &enrolment(&flags, &otp, secret, counter)?)?;
        }
        "code" => {
            let (secret, factor) = (secret(&flags)?, factor(&otp, &flags, counter)?);
            println!("{}", otp.code_at(&secret, factor).expose());
        }
        "verify" => {
            let (secret, factor) = (secret(&flags)?, factor(&otp, &flags, counter)?);
            match otp.verify_at(&secret, code.unwrap_or_default(), factor) {
                Some(at) => println!("right\t{at}"),
                None => {
                    println!("wrong");
                    return Ok(false);
                }
            }
        }
        _ => return Err("unknown command: use new, uri, code or verify".to_owned()),
    }
    Ok(true)
}

fn leave_out(flags: &Flags, given: &[&str], why: &str) -> Result<(), String> {
    match given.iter().find(|flag| flags.has(flag)) {
        Some(flag) => Err(format!("{flag} {why}: leave it out")),
        None => Ok(()),
    }
}

impl Flags {
    fn number<T: std::str::FromStr>(&self, flag: &str) -> Result<Option<T>, String> {
        let parse = |text: &str| {
            text.parse().map_err(|_| format!("{flag} takes a whole number, not too large"))
        };
        self.text(flag).map(parse).transpose()
    }
}

fn settings(flags: &Flags) -> Result<Otp, String> {
    let kind = flags.text("--type").unwrap_or("totp").parse();
    let kind: OtpKind = kind.map_err(|error| format!("--type: {error}"))?;
    let mut otp = Otp::builder(kind);
    if let Some(name) = flags.text("--algorithm") {
        otp = otp.algorithm(name.parse().map_err(|error| format!("--algorithm: {error}"))?);
    }
    if let Some(digits) = flags.number("--digits")? {
        otp = otp.digits(digits);
    }
    if let Some(seconds) = flags.number("--period")? {
        otp = otp.period(Duration::from_secs(seconds));
    }
    if let Some(steps) = flags.number("--look-ahead")? {
        otp = otp.look_ahead(steps);
    }
    match kind {
        OtpKind::Hotp => leave_out(flags, &["--now"], "is for TOTP")?,
        _ => leave_out(flags, &["--counter"], "is for HOTP")?,
    }
    otp.build().map_err(|error| error.to_string())
}

/// Returns the code's moving factor: a time in Unix seconds, or a counter.
fn factor(otp: &Otp, flags: &Flags, counter: Option<u64>) -> Result<u64, String> {
    use jamguard::{Clock, SystemClock};
    match otp.kind() {
        OtpKind::Hotp => counter.ok_or_else(|| "HOTP needs --counter".to_owned()),
        _ => Ok(flags.clock()?.map_or(SystemClock.now(), |clock| clock.now()).as_secs()),
    }
}

fn secret(flags: &Flags) -> Result<OtpSecret, String> {
    let given: Vec<_> = SECRETS.into_iter().filter(|flag| flags.has(flag)).collect();
    let (flag, text) = match given[..] {
        [] => {
            let mut text = String::new();
            let read = std::io::stdin().take(4096).read_to_string(&mut text);
            read.map_err(|error| format!("standard input: {error}"))?;
            ("standard input", text)
        }
        ["--secret-file"] => ("--secret-file", flags.file("--secret-file")?),
        [flag] => (flag, flags.text(flag).unwrap_or_default().to_owned()),
        _ => return Err(format!("give at most one of {}", SECRETS.join(", "))),
    };
    let secret = match flag {
        "--short-secret" => OtpSecret::danger_from_short_base32(&text),
        _ => OtpSecret::from_base32(&text),
    };
    secret.map_err(|error| format!("{flag}: {error}"))
}

fn enrolment(
    flags: &Flags,
    otp: &Otp,
    secret: OtpSecret,
    counter: Option<u64>,
) -> Result<Enrolment, String> {
    let name = |flag| {
        let name = flags.text(flag);
        name.ok_or_else(|| format!("a URI needs {flag}"))
    };
    let (issuer, account) = (name("--issuer")?, name("--account")?);
    let enrolment = match counter {
        Some(counter) => Enrolment::at(secret, otp, issuer, account, counter),
        None => Enrolment::of(secret, otp, issuer, account),
    };
    enrolment.map_err(|error| error.to_string())
}

/// Prints the URI, and writes its QR codes.
fn show(flags: &Flags, enrolment: &Enrolment) -> Result<(), String> {
    println!("{}", enrolment.uri().expose());
    let write = |flag: &str, image: Result<Vec<u8>, jamguard::Error>| {
        let path = flags.text(flag).unwrap_or_default();
        let image = image.map_err(|error| error.to_string())?;
        let written = private(path).and_then(|mut file| file.write_all(&image));
        written.map_err(|error| format!("{flag} {path}: {error}"))
    };
    if flags.has("--svg") {
        write("--svg", enrolment.qr_svg().map(String::into_bytes))?;
    }
    if flags.has("--png") {
        write("--png", enrolment.qr_png())?;
    }
    Ok(())
}

/// Opens a file for a secret; a new one is accessible only to its owner.
fn private(path: &str) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
