//! An in-process emulator of JustAuthenticateMe (JAM), for development and tests.
//!
//! It serves the whole protocol over real HTTP on loopback, with real P-521 keys and real ES512
//! tokens. It sends no mail: the magic links are in [`Emulator::mails`] and at `GET /inbox`.
//!
//! It keeps everything in memory, logs in any user who asks, and listens on 127.0.0.1 only: never
//! expose it to real users.
//!
//! ```
//! use jamguard::emulator::{AppSettings, Emulator, Endpoint};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jamguard::Error> {
//! let emulator = Emulator::builder().start().await?; // a free port of 127.0.0.1
//! let app = emulator.add_app(
//!     AppSettings::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895")
//!         .redirect_url("http://127.0.0.1:3000/jam-redirect")
//!         .allow_refresh(true),
//! )?;
//! println!("JAM's base URL: {}", emulator.base_url());
//!
//! let token = app.id_token("ann@example.com")?;       // without a mail
//! app.rotate_key()?;                                  // later tokens are signed by a new key
//! emulator.delay(Endpoint::Jwks, Duration::from_secs(3));
//! emulator.fail(Endpoint::Refresh, 503);
//! emulator.clear_faults();
//! assert_eq!(emulator.requests(Endpoint::Jwks), 0);
//! emulator.stop().await;
//! # assert_eq!(token.split('.').count(), 3);
//! # Ok(())
//! # }
//! ```

mod app;
mod expiring;
mod id_token;
mod inbox;
mod routes;
mod server;
mod settings;
mod state;

pub use app::App;
pub use id_token::IdToken;
pub use server::{Emulator, EmulatorBuilder};
pub use settings::AppSettings;
pub use state::{Endpoint, Mail};
