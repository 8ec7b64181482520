//! Tracks the primary: the server that an address leads to, or that the sentinels name.

use super::failure::Failure;
use super::sentinel::Sentinels;
use super::server::{self, Connected, Server};
use super::url::{Address, Target};
use redis::PushInfo;
use std::{future::pending, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio::time::timeout;

/// Interval between checks, and time limit of one.
///
/// A connection stays with its server when the address leads to another one, so each check opens a
/// new connection. A replacement is noticed within the sum of both.
const INTERVAL: Duration = Duration::from_millis(250);
const DEADLINE: Duration = Duration::from_millis(250);

/// How the primary is found.
pub(super) enum Locator {
    /// A virtual IP, a name or a proxy: the server behind it may change at any time.
    Address(Address),
    Sentinels(Sentinels),
}

/// The primary, or why it is not known.
pub(super) type Known = Result<Server, Failure>;

pub(super) struct Primary {
    target: Arc<Target>,
    locator: Locator,
    known: watch::Sender<Known>,
}

impl Primary {
    pub(super) fn new(target: Arc<Target>, locator: Locator) -> Arc<Self> {
        let known = watch::Sender::new(Err(Failure::gone("Redis did not answer yet")));
        Arc::new(Self { target, locator, known })
    }

    pub(super) fn watch(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// Returns whether a server is the primary, as far as is known.
    ///
    /// A contradicted server is not used, even before the sentinels agree on another one: it may have
    /// missed a revocation.
    pub(super) fn may_be(&self, server: &Server) -> bool {
        match (&*self.known.borrow(), &self.locator) {
            (Ok(primary), _) => primary == server,
            (Err(_), Locator::Sentinels(sentinels)) => sentinels.allow(&server.address),
            (Err(_), Locator::Address(_)) => true,
        }
    }

    /// Connects to the primary. The new connection shows which server that is now.
    pub(super) async fn connect(
        &self,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<Connected, Failure> {
        let known = self.known.borrow().clone();
        let address = match (&self.locator, known) {
            (Locator::Address(address), _) => address.clone(),
            (_, Ok(server)) => server.address,
            (Locator::Sentinels(sentinels), Err(_)) => sentinels.candidate().await?,
        };
        let connected = server::connect_primary(&self.target, address, pushed).await?;
        self.known.send_if_modified(|known| {
            // The sentinels may have named another one meanwhile.
            let named = match (&self.locator, &*known) {
                (Locator::Address(_), _) => true,
                (_, known) => matches!(known, Ok(at) if at.address == connected.server.address),
            };
            named && update(known, Ok(connected.server.clone()))
        });
        Ok(connected)
    }

    /// Runs as long as the store.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut asking = match &self.locator {
            Locator::Sentinels(sentinels) => {
                Some((sentinels.watch(), sentinels.ask_all(&self.target)))
            }
            Locator::Address(_) => None,
        };
        loop {
            let late = |_| Err(Failure::gone("Redis cannot be reached in time"));
            let found = timeout(DEADLINE, self.look()).await.unwrap_or_else(late);
            self.known.send_if_modified(|known| update(known, found));
            let other_answers = async {
                match &mut asking {
                    Some((answers, _)) => drop(answers.changed().await),
                    None => pending().await,
                }
            };
            let _ = timeout(INTERVAL, other_answers).await;
        }
    }

    async fn look(&self) -> Known {
        let address = match &self.locator {
            Locator::Address(address) => address.clone(),
            Locator::Sentinels(sentinels) => sentinels.agreed()?,
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
