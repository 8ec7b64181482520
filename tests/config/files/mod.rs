//! Everything from one file: formats, variables, errors, the facade, changes while it runs.

mod bad_input;
mod blocking;
mod complete;
mod contract;
mod example;
mod formats;
mod guides;
mod introspection;
mod lists;
mod log;
mod oauth2;
mod otp;
mod parity;
mod presets;
mod reload;
mod secrets;
mod sessions;
mod tokens;
mod vectors;
mod watch;

use jamguard::config::Format;
use jamguard::config::JamguardBuilder;
use jamguard::testing::ManualClock;
use jamguard::{Error, Jamguard};

/// The time of tests that have one of their own.
const NOW: u64 = 1_800_000_000;
/// What no message may hold.
const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// Variables of a test, in place of the process's.
fn variable(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some(SECRET.to_owned()),
        "EMPTY" => Some(String::new()),
        "ITSELF" => Some("${ITSELF} ${SECRET}".to_owned()),
        _ => None,
    }
}

fn builder() -> JamguardBuilder {
    Jamguard::builder().variables(variable).clock(ManualClock::at(NOW))
}

fn jam(toml: &str) -> Result<Jamguard, Error> {
    builder().from_str(toml, Format::Toml)
}

/// The message with which a file is refused; whatever it is, it holds no secret.
#[track_caller]
fn refusal(toml: &str) -> String {
    message(jam(toml))
}

#[track_caller]
fn message<T>(result: Result<T, Error>) -> String {
    let Err(error) = result else {
        panic!("accepted");
    };
    let whole = format!("{error} {error:?}");
    assert!(!whole.contains(SECRET), "{whole}");
    error.message().to_owned()
}
