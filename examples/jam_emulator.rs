//! A local JustAuthenticateMe emulator for development.
//!
//! Run it, point your app at the address it prints, and open the inbox instead of waiting for mail.
//!
//! Environment variables: `JAM_PORT` (default: 4000), `JAM_APP_ID`, `JAM_REDIRECT_URL` (default:
//! `http://127.0.0.1:3000/jam-redirect`).
//!
//! ```sh
//! cargo run --example jam_emulator --features emulator
//! ```

use jamguard::emulator::{AppSettings, Emulator};
use std::error::Error;
use std::process::ExitCode;

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let port = setting("JAM_PORT", "4000");
    let port = port
        .parse()
        .map_err(|_| format!("JAM_PORT is '{port}': set it to a port number, such as 4000"))?;
    let app_id = setting("JAM_APP_ID", "dcd6555e-edff-4f3d-83c9-3af79ea8f895");
    let redirect_url = setting("JAM_REDIRECT_URL", "http://127.0.0.1:3000/jam-redirect");

    let emulator = Emulator::builder()
        .port(port)
        .on_mail(|mail| println!("Mail to {}: {}", mail.email, mail.link))
        .start()
        .await?;
    let app = emulator.add_app(
        AppSettings::new(app_id).redirect_url(redirect_url.as_str()).allow_refresh(true),
    )?;

    println!("JustAuthenticateMe emulator, for development only: any address can log in.");
    println!("Base URL:   {}", emulator.base_url());
    println!("App:        {}", app.app_id());
    println!("Redirects:  {redirect_url}");
    println!("Inbox:      {}/inbox", emulator.base_url());
    println!("Stop with Ctrl-C.");

    tokio::signal::ctrl_c().await?;
    emulator.stop().await;
    println!("Stopped.");
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jam_emulator: {error}");
            ExitCode::FAILURE
        }
    }
}
