//! Builds everything that a configuration file names, shows it, and serves a guarded app; `--help`
//! says how.
//!
//! ```sh
//! cargo run --example from_config --features axum,client,config,file,redis,session -- \
//!     examples/config/jam.toml
//! ```

mod tool;

use axum::http::Uri;
use axum::routing::{get, get_service, post_service};
use axum::{Json, Router};
use jamguard::config::JamBuilder;
use jamguard::{Error, Identity, Jam};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tool::Flags;
use tracing_subscriber::filter::LevelFilter;

const USAGE: &str = "\
Usage: from_config FILE [POINTER] [FLAGS]

Builds what a TOML, YAML or JSON file describes under the pointer (jam unless given), prints it
without its secrets, and serves an app on 127.0.0.1 that is guarded as the file says. What can change
at run time follows the file.

  GET /me          the claims of whoever asks; 401 without a login
  any other path   says who asks; the file's guards decide who may

Flags:
  --check            only looks whether the file is sound; opens no store
  --token SUBJECT    prints a token of the file's `jwt` issuer for trying it out, and ends
  --roles A,B        with --token: the token's roles

The port is that of the environment variable PORT, 3000 unless set.
Exit status: 0 all went well, 1 the file or something that it names cannot be used, 2 wrong flags.
";

fn main() -> ExitCode {
    let args = match tool::arguments("from_config", USAGE) {
        Ok(args) => args,
        Err(done) => return done,
    };
    tool::exit("from_config", run(args))
}

/// Whether the file is sound and did what was asked.
fn run(args: Vec<String>) -> Result<bool, String> {
    // The one flag without a value.
    let (checks, args): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| arg == "--check");
    let (flags, rest) = Flags::parse(args, &["--token", "--roles"])?;
    let (file, pointer) = match &rest[..] {
        [file] => (file, "jam"),
        [file, pointer] => (file, &**pointer),
        [] => return Err("which file?".to_owned()),
        _ => return Err("more than a file and a pointer".to_owned()),
    };
    if flags.has("--roles") && !flags.has("--token") {
        return Err("--roles goes with --token".to_owned());
    }
    let port = match std::env::var("PORT") {
        Ok(port) => port
            .parse()
            .map_err(|_| "PORT must be a port, 0 to 65535".to_owned())?,
        Err(_) => 3000,
    };
    // What the library has to say, such as of secret files that everybody can read.
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
    let setup = Jam::builder().pointer(pointer);
    let done = match (checks.is_empty(), flags.text("--token")) {
        (false, _) => setup.check_file(file).map(|()| println!("{file} is sound")),
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

/// On the command line nothing needs a runtime of its own.
fn print_token(setup: JamBuilder, file: &str, subject: &str, roles: &str) -> Result<(), Error> {
    let jam = setup.from_file(file)?;
    let roles: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
    let claims = json!({"sub": subject, "roles": roles});
    let token = jam.block_on(jam.jwt()?.issue(&claims))?;
    println!("{}", token.expose());
    Ok(())
}

#[tokio::main]
async fn serve(setup: JamBuilder, file: &str, port: u16) -> Result<(), Error> {
    let jam = setup.from_file(file)?;
    println!("{jam:#?}");
    let Ok(auth) = jam.authenticator() else {
        println!("Nothing in it authenticates requests, so there is nothing to serve.");
        return Ok(());
    };
    let mut router = Router::new().route("/me", get(me)).fallback(anything);
    if let Ok(login) = jam.login() {
        let login = login.build()?;
        router = router
            .route("/jam-redirect", get_service(login.redirect()))
            .route("/logout", post_service(login.logout()));
    }
    // The table of the file if it has one; otherwise everybody gets as far as the handlers.
    let router = match jam.guards() {
        Ok(guards) => router.layer(guards),
        Err(_) => router.layer(auth.layer()),
    };
    if let Ok(table) = jam.route_table() {
        println!("{table}");
    }
    let watch = jam.watch(Duration::from_secs(1), |outcome| match outcome {
        Ok(reloaded) => println!("{reloaded}"),
        Err(error) => println!("kept as it was: {error}"),
    })?;
    let failed = |error: std::io::Error| {
        let message = format!("port {port} of 127.0.0.1: {error}; choose another with PORT=…");
        Error::new(jamguard::ErrorKind::Connection, message)
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(failed)?;
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
