//! Starting and stopping.

use super::app::App;
use super::routes;
use super::settings::AppSettings;
use super::state::{Endpoint, Mail, OnMail, Shared};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long open connections may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// A JAM service of this process. Dropping it stops it.
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
#[must_use = "dropping it stops it"]
pub struct Emulator {
    shared: Arc<Shared>,
    /// Dropping it ends the server.
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

/// How an [`Emulator`] starts.
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
    /// The port on 127.0.0.1; a free one unless set, and with 0.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The clock of tokens and codes; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Is called with each mail, on the server's task: it should not block.
    pub fn on_mail(mut self, on_mail: impl Fn(&Mail) + Send + Sync + 'static) -> Self {
        self.on_mail = Some(Box::new(on_mail));
        self
    }

    /// Listens, and serves on the current tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the port cannot be had.
    pub async fn start(self) -> Result<Emulator, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))
            .await
            .map_err(|error| {
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
        let shared = Arc::new(Shared::new(
            format!("http://{address}"),
            self.clock,
            self.on_mail,
            stopped.clone(),
        ));
        let mut signal = stopped.clone();
        let serving =
            axum::serve(listener, routes::all(shared.clone())).with_graceful_shutdown(async move {
                let _ = signal.changed().await;
            });
        let server = tokio::spawn(async move {
            let mut serving = tokio::spawn(serving.into_future());
            let _ = stopped.changed().await;
            // A client that never finishes its request may not keep the server.
            if timeout(GRACE, &mut serving).await.is_err() {
                serving.abort();
            }
        });
        Ok(Emulator {
            shared,
            stop,
            server,
        })
    }
}

impl fmt::Debug for EmulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorBuilder")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Emulator {
    /// Starts with the choice of port and clock.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder {
            port: 0,
            clock: Arc::new(SystemClock),
            on_mail: None,
        }
    }

    /// `http://127.0.0.1:PORT`: the base URL for clients, which the app id follows. The tokens'
    /// `iss` begins with exactly this text, so `localhost` will not do instead.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Adds an app with a new key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where the app id is taken or unfit for a URL, or the
    /// redirect URL is none.
    pub fn add_app(&self, settings: AppSettings) -> Result<App, Error> {
        let app = App::new(settings, self.base_url(), self.shared.clock.clone())?;
        if !self.shared.add_app(app.clone()) {
            return Err(Error::configuration(format!(
                "the emulator has an app {} already: give each app an id of its own",
                app.app_id()
            )));
        }
        Ok(app)
    }

    /// The newest 1,000 mails, newest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails()
    }

    /// How many requests reached an endpoint, those made to fail included.
    pub fn requests(&self, endpoint: Endpoint) -> u64 {
        self.shared.requests(endpoint)
    }

    /// Lets requests to an endpoint wait, in real time.
    pub fn delay(&self, endpoint: Endpoint, delay: Duration) {
        self.shared.delay(endpoint, delay);
    }

    /// Answers requests to an endpoint with this status, after its delay; 500 where it is not a
    /// final status (200 to 599).
    pub fn fail(&self, endpoint: Endpoint, status: u16) {
        self.shared.fail(endpoint, status);
    }

    /// Ends all delays and failures.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// Stops: requests under way are answered 503, the port is free afterwards.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.server.await;
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("base_url", &self.shared.base_url)
            .finish_non_exhaustive()
    }
}
