//! The tool `otp`, run as people run it.

use crate::support::run::{File, Run, Tool};
use std::sync::LazyLock;

static OTP: LazyLock<Tool> = LazyLock::new(|| Tool::build("otp"));
const SECRET: &str = "--secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[track_caller]
fn says(run: &Run, status: i32, line: &str) {
    assert_eq!(run.lines, [line], "{}", run.stderr);
    assert_eq!((run.status, &*run.stderr), (status, ""));
}

#[test]
fn codes_by_the_time_and_by_a_counter() {
    for (flags, code) in [
        (&["--now=59"][..], "287082"),
        (&["--now", "1111111109", "--digits=8"], "07081804"),
        (&["--now=59", "--algorithm=sha-256"], "247374"),
        (&["--now=119", "--period=60"], "287082"),
        (&["--type=hotp", "--counter=9"], "520489"),
    ] {
        let flags = [&["code", SECRET], flags].concat();
        says(&OTP.run(&flags, ""), 0, code);
    }
    // From a file, from a pipe, and by the system's clock.
    let file = File::new("gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n");
    let from_file = file.flag("--secret-file");
    says(&OTP.run(&["code", &from_file, "--now=59"], ""), 0, "287082");
    says(&OTP.run(&["code", "--now=59"], "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"), 0, "287082");
    let run = OTP.run(&["code", SECRET], "");
    assert_eq!(OTP.run(&["verify", &run.lines[0], SECRET], "").status, 0);
}

#[test]
fn verdicts_are_exit_statuses() {
    let verify = |flags: &[&str]| OTP.run(&[&["verify"], flags, &[SECRET]].concat(), "");
    says(&verify(&["287082", "--now=59"]), 0, "right\t1");
    says(&verify(&["287082", "--now=89"]), 0, "right\t1");
    says(&verify(&["287082", "--now=90"]), 1, "wrong");
    says(&verify(&["287082", "--now=90", "--look-ahead=2"]), 0, "right\t1");
    says(&verify(&["287082", "--now=60", "--look-ahead=0"]), 1, "wrong");
    says(&verify(&["", "--now=59"]), 1, "wrong");
    says(&verify(&["520489", "--type=hotp", "--counter=8"]), 0, "right\t9");
    says(&verify(&["520489", "--type=hotp", "--counter=7"]), 1, "wrong");
}

#[test]
fn uris_and_images() {
    let names = ["--issuer=My App", "--account=ann@example.com"];
    let run = OTP.run(&[&["uri", SECRET][..], &names].concat(), "");
    says(
        &run,
        0,
        "otpauth://totp/My%20App:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=My%20App&algorithm=SHA1&digits=6",
    );
    let hotp = ["uri", "--short-secret=JBSWY3DPEHPK3PXP", "--type=hotp", "--counter=5"];
    let run = OTP.run(&[&hotp[..], &["--issuer=ACME", "--account=bob"]].concat(), "");
    says(
        &run,
        0,
        "otpauth://hotp/ACME:bob?secret=JBSWY3DPEHPK3PXP&issuer=ACME&algorithm=SHA1&digits=6\
         &counter=5",
    );
    let (svg, png) = (File::new(""), File::new(""));
    let images = [svg.flag("--svg"), png.flag("--png")];
    let flags = [&names[..], &images.each_ref().map(String::as_str)].concat();
    let run = OTP.run(&[&["new"], &flags[..]].concat(), "");
    assert_eq!((run.status, run.lines.len()), (0, 2), "{}", run.stderr);
    assert!(run.lines[1].contains(&format!("?secret={}&", run.lines[0])));
    assert!(std::fs::read_to_string(&svg.0).unwrap().starts_with("<svg "));
    assert!(std::fs::read(&png.0).unwrap().starts_with(b"\x89PNG"));
    let again = OTP.run(&["new"], "");
    assert_eq!((again.lines.len(), again.lines[0].len()), (1, 32));
    assert_ne!(again.lines[0], run.lines[0]);
}

/// The images hold the secret.
#[cfg(unix)]
#[test]
fn images_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let files = [File::new(""), File::new("")];
    for file in &files {
        std::fs::remove_file(&file.0).unwrap();
    }
    let images = [files[0].flag("--svg"), files[1].flag("--png")];
    let names = ["new", "--issuer=A", "--account=B"];
    let flags = [&names[..], &images.each_ref().map(String::as_str)].concat();
    let run = OTP.run(&flags, "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    for file in &files {
        let mode = std::fs::metadata(&file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    }
    // One that is there is written anew, and nothing of it is left.
    std::fs::write(&files[0].0, "x".repeat(1 << 20)).unwrap();
    assert_eq!(OTP.run(&flags, "").status, 0);
    let svg = std::fs::read_to_string(&files[0].0).unwrap();
    assert!(svg.ends_with("</svg>"));
}

#[test]
fn wrong_flags_are_explained() {
    let refuses = |flags: &[&str], hint: &str| OTP.refuses_flags(flags, hint);
    refuses(&[], "new, uri, code or verify");
    refuses(&["codes"], "unknown command: use new");
    refuses(&["verify", SECRET], "verify needs the code");
    refuses(&["code", SECRET, "123456"], "without a flag");
    refuses(&["code", "--secret=JBSWY3DPEHPK3PXP"], "needs 16 to 128");
    refuses(&["code", "--secret=no base32!"], "base32");
    refuses(&["code"], "needs 16 to 128");
    refuses(&["code", "--secret-file=/nowhere/at/all"], "/nowhere/at/all");
    refuses(&["code", SECRET, "--short-secret=A"], "at most one of");
    refuses(&["code", SECRET, SECRET], "--secret is given twice");
    refuses(&["code", SECRET, "--issuer=A"], "--issuer is for new and uri");
    refuses(&["new", SECRET], "--secret is for an existing secret");
    refuses(&["new", "--issuer=A"], "a URI needs --account");
    refuses(&["uri", SECRET, "--issuer=A:B", "--account=C"], "no colon");
    refuses(&["code", SECRET, "--type=motp"], "--type");
    refuses(&["code", SECRET, "--algorithm=md5"], "SHA1, SHA256 or SHA512");
    refuses(&["code", SECRET, "--digits=5"], "6 to 10");
    refuses(&["code", SECRET, "--digits=300"], "--digits takes a whole number");
    refuses(&["code", SECRET, "--period=0"], "whole seconds");
    refuses(&["code", SECRET, "--look-ahead=21"], "20 at most");
    refuses(&["code", SECRET, "--now=today"], "--now takes whole seconds");
    refuses(&["code", SECRET, "--counter=1"], "--counter is for HOTP");
    refuses(&["code", SECRET, "--type=hotp"], "HOTP needs --counter");
    refuses(&["code", SECRET, "--type=hotp", "--counter=1", "--now=1"], "--now is for TOTP");
    refuses(&["code", SECRET, "--type=hotp", "--counter=1", "--period=9"], ".period(");
    // No message tells the secret.
    let run = OTP.run(&["code", "--secret=GEZDGNBV"], "");
    assert!(!run.stderr.contains("GEZDGNBV"), "{}", run.stderr);
    let help = OTP.run(&["--help"], "");
    assert_eq!(help.status, 0);
    assert!(help.lines.iter().any(|line| line.contains("--look-ahead N")));
}
