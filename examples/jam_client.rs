//! A command-line client for JustAuthenticateMe's operations, against any base URL.
//!
//! ```sh
//! cargo run --example jam_client --features client -- \
//!     --base-url http://127.0.0.1:4000 --app dcd6555e-edff-4f3d-83c9-3af79ea8f895 \
//!     authenticate ann@example.com
//! ```

use jamguard::{Error, JamClient};
use std::process::ExitCode;

const USAGE: &str = "\
Usage: jam_client [--base-url URL] --app APP_ID OPERATION

Operations:
  authenticate EMAIL               mail a magic link to this address
  jwks                             print the app's public keys
  verify ID_TOKEN                  verify a token locally with the app's keys; print its claims
  verify-remote ID_TOKEN           let JAM verify a token; print its header and claims
  refresh REFRESH_TOKEN            print a new ID token
  delete-refresh ID_TOKEN REFRESH_TOKEN
                                   end one refresh token
  delete-all ID_TOKEN              end all refresh tokens of the user

Default base URL: the hosted service. Exit status: 0 on success, 1 on failure, 2 for wrong usage.";

struct Arguments {
    base_url: Option<String>,
    app: String,
    operation: Vec<String>,
}

/// Parses the arguments; flags come before the operation.
fn arguments(mut given: impl Iterator<Item = String>) -> Option<Arguments> {
    let (mut base_url, mut app) = (None, None);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--base-url" => base_url = Some(given.next()?),
            "--app" => app = Some(given.next()?),
            flag if flag.starts_with('-') => return None,
            _ => {
                return Some(Arguments {
                    base_url,
                    app: app?,
                    operation: std::iter::once(argument).chain(given).collect(),
                });
            }
        }
    }
    None
}

/// Performs the operation and returns its output; `None` for wrong usage.
async fn perform(jam: &JamClient, operation: &[&str]) -> Result<Option<String>, Error> {
    Ok(Some(match operation {
        ["authenticate", email] => {
            jam.authenticate(email).await?;
            format!("A magic link was mailed to {email}.")
        }
        ["jwks"] => jam.jwks().await?.to_json(),
        ["verify", token] => jam.verify_token(token).await?.raw_claims().to_owned(),
        ["verify-remote", token] => {
            let verified = jam.verify_remote(token).await?;
            format!("{}\n{}", verified.header(), verified.claims())
        }
        ["refresh", token] => jam.refresh(token).await?.expose().to_owned(),
        ["delete-refresh", id_token, refresh_token] => {
            jam.delete_refresh_token(id_token, refresh_token).await?;
            "The refresh token is deleted.".into()
        }
        ["delete-all", id_token] => {
            jam.delete_all_refresh_tokens(id_token).await?;
            "All refresh tokens of the user are deleted.".into()
        }
        _ => return Ok(None),
    }))
}

fn wrong_usage(message: &str) -> ExitCode {
    eprintln!("{message}\n\n{USAGE}");
    ExitCode::from(2)
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut given = std::env::args().skip(1).peekable();
    if given.peek().is_some_and(|first| first == "--help" || first == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(arguments) = arguments(given) else {
        return wrong_usage("jam_client: wrong or missing arguments.");
    };
    let mut builder = JamClient::builder(arguments.app);
    if let Some(base_url) = arguments.base_url {
        builder = builder.base_url(base_url);
    }
    let jam = match builder.build() {
        Ok(jam) => jam,
        Err(error) => return wrong_usage(&format!("jam_client: {error}")),
    };
    let operation: Vec<&str> = arguments.operation.iter().map(String::as_str).collect();
    match perform(&jam, &operation).await {
        Ok(Some(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Ok(None) => wrong_usage("jam_client: unknown operation or wrong number of arguments."),
        Err(error) => {
            eprintln!("jam_client: {}: {error}", error.kind());
            ExitCode::FAILURE
        }
    }
}
