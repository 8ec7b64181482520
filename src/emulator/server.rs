//! The emulator's HTTP server: start, faults and stop.

use super::app::App;
use super::routes;
use super::settings::AppSettings;
use super::state::{Endpoint, Mail, OnMail, Shared};
use crate::core::settings::setters;
use crate::core::{Clock, Error, ErrorKind, SystemClock, debug_fields};
use std::sync::{Arc, Mutex};
use std::{collections::hash_map::Entry, net::Ipv4Addr, time::Duration};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Time for open connections to finish when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// A JAM service in this process. Dropping it stops it.
///
/// # Example
/// ```
/// use jamguard::{JamClient, emulator::{AppSettings, Emulator}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jamguard::Error> {
/// let emulator = Emulator::builder().start().await?;
/// let app = emulator.add_app(AppSettings::new("my-app"))?;
///
/// let client = JamClient::builder("my-app").base_url(emulator.base_url()).build()?;
/// client.authenticate("ann@example.com").await?;
/// assert_eq!(emulator.mails()[0].email, "ann@example.com");
/// # Ok(()) }
/// ```
#[must_use = "dropping it stops the emulator"]
pub struct Emulator {
    shared: Arc<Shared>,
    /// Dropping it stops the server.
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

/// A builder of an [`Emulator`].
///
/// # Example
/// ```
/// use jamguard::emulator::Emulator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jamguard::Error> {
/// let emulator = Emulator::builder()
///     .on_mail(|mail| println!("{}: {}", mail.email, mail.link))
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct EmulatorBuilder {
    port: u16,
    clock: Arc<dyn Clock>,
    on_mail: Option<OnMail>,
}

impl EmulatorBuilder {
    setters! {
        /// Sets the port on 127.0.0.1. Default: 0, which selects a free port.
        pub fn port(port: u16) { self.port = port }

        /// Sets the clock of tokens and codes. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Sets a callback for each mail; it runs on the server's task and should not block.
    pub fn on_mail(mut self, on_mail: impl Fn(&Mail) + Send + Sync + 'static) -> Self {
        self.on_mail = Some(Box::new(on_mail));
        self
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the port cannot be bound.
    pub async fn start(self) -> Result<Emulator, Error> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.map_err(|error| {
                Error::configuration(format!(
                    "the emulator cannot listen on port {} of 127.0.0.1: choose another, or 0 for \
                     a free one",
                    self.port
                ))
                .with_source(error)
            })?;
        let address = listener.local_addr().map_err(|error| {
            Error::new(ErrorKind::Internal, "the listener has no address").with_source(error)
        })?;
        let (stop, mut stopped) = watch::channel(());
        let shared = Arc::new(Shared {
            base_url: format!("http://{address}"),
            clock: self.clock,
            on_mail: self.on_mail,
            stopped: stopped.clone(),
            state: Mutex::default(),
        });
        let mut signal = stopped.clone();
        let serving =
            axum::serve(listener, routes::all(shared.clone())).with_graceful_shutdown(async move {
                let _ = signal.changed().await;
            });
        let server = tokio::spawn(async move {
            let mut serving = tokio::spawn(serving.into_future());
            let _ = stopped.changed().await;
            // A client that never finishes its request must not keep the server alive.
            if timeout(GRACE, &mut serving).await.is_err() {
                serving.abort();
            }
        });
        Ok(Emulator { shared, stop, server })
    }
}

debug_fields!(EmulatorBuilder, self, port = self.port);

impl Emulator {
    /// Returns a builder, to choose the port and the clock.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder { port: 0, clock: Arc::new(SystemClock), on_mail: None }
    }

    /// Returns `http://127.0.0.1:PORT`, the base URL for clients, to which they append the app id.
    ///
    /// The `iss` of tokens begins with exactly this text, so `localhost` cannot replace it.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Adds an app with a new key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the app id is already used or not valid in a URL, or if the
    /// redirect URL is invalid.
    pub fn add_app(&self, settings: AppSettings) -> Result<App, Error> {
        let app = App::new(settings, self.base_url(), self.shared.clock.clone())?;
        match self.shared.state().apps.entry(app.app_id().to_owned()) {
            Entry::Vacant(free) => Ok(free.insert(app).clone()),
            Entry::Occupied(_) => Err(Error::configuration(format!(
                "the emulator already has an app {}: give each app its own id",
                app.app_id()
            ))),
        }
    }

    /// Returns the newest 1,000 mails, newest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails()
    }

    /// Returns how many requests an endpoint received, including those made to fail.
    pub fn requests(&self, endpoint: Endpoint) -> u64 {
        self.shared.state().requests.get(&endpoint).copied().unwrap_or_default()
    }

    /// Delays requests to an endpoint, in real time.
    pub fn delay(&self, endpoint: Endpoint, delay: Duration) {
        self.shared.state().faults.entry(endpoint).or_default().delay = delay;
    }

    /// Makes an endpoint answer with this status, after its delay.
    ///
    /// A status outside 200 to 599 becomes 500.
    pub fn fail(&self, endpoint: Endpoint, status: u16) {
        self.shared.state().faults.entry(endpoint).or_default().status = Some(status);
    }

    /// Removes all delays and failures.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Stops the server: pending requests receive 503, and the port is free afterwards.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.server.await;
    }
}

debug_fields!(Emulator, self, base_url = self.shared.base_url);
