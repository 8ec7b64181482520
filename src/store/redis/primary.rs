//! Tracks the primary: the server that an address leads to, or that the sentinels name.

use super::failure::Failure;
use super::opinions::Opinions;
use super::sentinel;
use super::server::{self, Connected, Server};
use super::url::{Address, Login, Target};
use redis::PushInfo;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Interval between checks, and time limit of one.
///
/// A connection stays with its server when the address leads to another one, so each check opens a
/// new connection. A replacement is noticed within the sum of both.
const INTERVAL: Duration = Duration::from_millis(250);
const DEADLINE: Duration = Duration::from_millis(250);

/// Where to look for the primary.
pub(super) enum Place {
    /// A virtual IP, a name or a proxy: the server behind it may change at any time.
    Address(Address),
    Service {
        name: String,
        login: Login,
    },
}

/// The primary, or why it is not known.
pub(super) type Known = Result<Server, Failure>;

pub(super) struct Primary {
    target: Arc<Target>,
    place: Place,
    /// The answers of the sentinels; `None` without sentinels.
    opinions: Option<Opinions>,
    known: watch::Sender<Known>,
}

impl Primary {
    pub(super) fn new(target: Arc<Target>, place: Place) -> Arc<Self> {
        let known = watch::Sender::new(Err(Failure::gone("Redis did not answer yet")));
        let opinions = match place {
            Place::Address(_) => None,
            Place::Service { .. } => Some(Opinions::new(&target)),
        };
        Arc::new(Self { target, place, opinions, known })
    }

    pub(super) fn watch(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// Returns whether a server is the primary, as far as is known.
    ///
    /// A contradicted server is not used, even before the sentinels agree on another one: it may have
    /// missed a revocation.
    pub(super) fn may_be(&self, server: &Server) -> bool {
        match (&*self.known.borrow(), &self.opinions) {
            (Ok(primary), _) => primary == server,
            (Err(_), Some(opinions)) => opinions.allow(&server.address),
            (Err(_), None) => true,
        }
    }

    /// Connects to the primary. The new connection shows which server that is now.
    pub(super) async fn connect(
        &self,
        pushed: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
    ) -> Result<Connected, Failure> {
        let named = self.known.borrow().clone();
        let address = match (&self.place, named) {
            (Place::Address(address), _) => address.clone(),
            (Place::Service { .. }, Ok(server)) => server.address,
            (Place::Service { name, login }, Err(_)) => {
                match self.opinions.as_ref().and_then(Opinions::majority) {
                    Some(address) => address,
                    None => return sentinel::connect(&self.target, name, login, pushed).await,
                }
            }
        };
        let connected = server::connect_primary(&self.target, address, pushed).await?;
        self.known.send_if_modified(|known| {
            // The sentinels may have named another one meanwhile.
            let named = match (&self.place, &*known) {
                (Place::Address(_), _) => true,
                (_, known) => matches!(known, Ok(at) if at.address == connected.server.address),
            };
            named && update(known, Ok(connected.server.clone()))
        });
        Ok(connected)
    }

    /// Runs as long as the store.
    pub(super) async fn follow(self: Arc<Self>) {
        let opinions = self.opinions.as_ref();
        let _asking = match (&self.place, opinions) {
            (Place::Service { name, login }, Some(opinions)) => {
                Some(opinions.gather(&self.target, name, login))
            }
            _ => None,
        };
        loop {
            let look = timeout(DEADLINE, self.look()).await;
            let late = |_| Err(Failure::gone("Redis cannot be reached in time"));
            let found = look.unwrap_or_else(late);
            self.known.send_if_modified(|known| update(known, found));
            let changed = async {
                match opinions {
                    Some(opinions) => opinions.changed().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = sleep(INTERVAL) => {}
                () = changed => {}
            }
        }
    }

    async fn look(&self) -> Known {
        let address = match (&self.place, &self.opinions) {
            (Place::Address(address), _) => address.clone(),
            (_, Some(opinions)) => opinions.agreed()?,
            _ => return Err(Failure::gone("no sentinel answers")),
        };
        let connected = server::connect_primary(&self.target, address, |_| {}).await?;
        Ok(connected.server)
    }
}

/// Stores what is known; returns whether it changed, which a different failure is not.
fn update(known: &mut Known, now: Known) -> bool {
    let news = known.as_ref().ok() != now.as_ref().ok();
    *known = now;
    news
}
