//! A guarded app built from a configuration file; `--help` lists the flags.
//!
//! ```sh
//! cargo run --example from_config --features axum,client,config,file,redis -- \
//!     examples/config/jam.toml
//! ```

mod tool;

use axum::http::Uri;
use axum::routing::{get, get_service, post_service};
use axum::{Json, Router};
use jamguard::config::JamguardBuilder;
use jamguard::{Error, Identity, Jamguard};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;
use tracing_subscriber::filter::LevelFilter;

const USAGE: &str = "\
Usage: from_config FILE [POINTER] [FLAGS]

Builds what a TOML, YAML or JSON file describes under POINTER (default: jam), prints it without its
secrets, and serves a guarded app on 127.0.0.1. Settings that can change at run time follow the file.

  GET /me          the user's claims; 401 without a login
  any other path   names the path and the user; the file's guards apply

Flags:
  --check            only validates the file; opens no store
  --token SUBJECT    prints a test token of the file's `jwt` issuer, and exits
  --roles A,B        with --token: the token's roles

The environment variable PORT sets the port. Default: 3000.
Exit status: 0 success, 1 the file or something that it names cannot be used, 2 wrong flags.
";

fn main() -> ExitCode {
    let args = match tool::arguments("from_config", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("from_config", run(args))
}

/// Runs the command; returns whether it succeeded.
fn run(args: Vec<String>) -> Result<bool, String> {
    // The only flag without a value.
    let (checks, args): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| arg == "--check");
    let (flags, rest) = Flags::parse(args, &["--token", "--roles"])?;
    let (file, pointer) = match &rest[..] {
        [file] => (file, "jam"),
        [file, pointer] => (file, &**pointer),
        [] => return Err("the configuration file is missing".to_owned()),
        _ => return Err("too many arguments: expected a file and a pointer".to_owned()),
    };
    if flags.has("--roles") && !flags.has("--token") {
        return Err("--roles needs --token".to_owned());
    }
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a port, 0 to 65535".to_owned())?,
        Err(_) => 3000,
    };
    // Shows the library's log lines, such as warnings about secret files with open permissions.
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    let setup = Jamguard::builder().pointer(pointer);
    let done = match (checks.is_empty(), flags.text("--token")) {
        (false, _) => setup.check_file(file).map(|()| println!("{file} is valid")),
        (true, Some(subject)) => {
            let roles = flags.text("--roles").unwrap_or_default();
            print_token(setup, file, subject, roles)
        }
        (true, None) => serve(setup, file, port),
    };
    Ok(match done {
        Ok(()) => true,
        Err(error) => {
            eprintln!("from_config: {error}");
            false
        }
    })
}

/// Prints a token; `block_on` serves programs without a runtime.
fn print_token(
    setup: JamguardBuilder,
    file: &str,
    subject: &str,
    roles: &str,
) -> Result<(), Error> {
    let jam = setup.from_file(file)?;
    let roles: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
    let claims = json!({"sub": subject, "roles": roles});
    let token = jam.block_on(jam.jwt()?.issue(&claims))?;
    println!("{}", token.expose());
    Ok(())
}

#[tokio::main]
async fn serve(setup: JamguardBuilder, file: &str, port: u16) -> Result<(), Error> {
    let jam = setup.from_file(file)?;
    println!("{jam:#?}");
    let Ok(auth) = jam.authenticator() else {
        println!("The file configures no authentication, so there is nothing to serve.");
        return Ok(());
    };
    let mut router = Router::new().route("/me", get(me)).fallback(anything);
    if let Ok(login) = jam.login() {
        let login = login.build()?;
        router = router
            .route("/jam-redirect", get_service(login.redirect()))
            .route("/logout", post_service(login.logout()));
    }
    // Without a route table in the file, every request reaches the handlers.
    let router = match jam.guards() {
        Ok(guards) => router.layer(guards),
        Err(_) => router.layer(auth.layer()),
    };
    if let Ok(table) = jam.route_table() {
        println!("{table}");
    }
    let watch = jam.watch(Duration::from_secs(1), |outcome| match outcome {
        Ok(reloaded) => println!("{reloaded}"),
        Err(error) => println!("configuration unchanged: {error}"),
    })?;
    let failed = |error: std::io::Error| {
        let message = format!(
            "cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…"
        );
        Error::new(jamguard::ErrorKind::Connection, message)
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    println!("Serving on http://{address}/; stop with Ctrl-C.");
    let ends = async {
        tokio::signal::ctrl_c().await.ok();
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(ends);
    served.await.map_err(failed)?;
    drop(watch);
    Ok(())
}

async fn me(identity: Identity) -> Json<Value> {
    Json(serde_json::from_str(identity.raw_claims()).unwrap_or_default())
}

async fn anything(uri: Uri, identity: Option<Identity>) -> String {
    let who = identity.as_ref().and_then(Identity::subject);
    format!("{} for {}\n", uri.path(), who.unwrap_or("a stranger"))
}
