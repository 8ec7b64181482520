//! The builder for [`RedisStore`].

use super::cluster::Cluster;
use super::connection::{Endpoint, Link};
use super::deployment::{Deployment, Servers};
use super::layout::Layout;
use super::primary::{Locator, Primary};
use super::sentinel::Sentinels;
use super::store::{Inner, MOST_WAITING, RedisStore};
use super::url::{Certificates, Kind, Target};
use super::worker::Worker;
use crate::core::settings::{Time, options, setters};
use crate::core::{Error, Secret, debug_fields, ensure};
use crate::store::watch::Watchers;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;
use tokio::sync::Semaphore;

options! {
    /// The options of a store in Redis.
    RedisOptions {
        /// Prefix of all keys, 1 to 128 bytes without braces. Default: `jamguard:`.
        prefix: String = "jamguard:".to_owned(),
        /// Deadline of an operation, including connecting, 1 ms to 60 s. Default: 250 ms.
        timeout: Time = Time(Duration::from_millis(250)),
    }
}

/// A builder for [`RedisStore`].
///
/// # Example
/// ```
/// use jamguard::store::RedisStore;
/// use std::time::Duration;
///
/// // Not connected yet: Redis may be down when the application starts.
/// let store = RedisStore::builder("redis-cluster://10.0.0.1:6379,10.0.0.2:6379")
///     .prefix("shop:")
///     .timeout(Duration::from_millis(100))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct RedisStoreBuilder {
    url: Secret,
    certificates: Certificates,
    pub(crate) options: RedisOptions,
}

impl RedisStore {
    /// Returns a builder for a store at this URL.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder {
            url: Secret::new(url),
            certificates: Certificates::default(),
            options: RedisOptions::default(),
        }
    }
}

impl RedisStoreBuilder {
    setters! {
        /// Sets the prefix of all keys in Redis, 1 to 128 bytes without braces. Default:
        /// `jamguard:`.
        ///
        /// Stores with different prefixes share nothing.
        pub fn prefix(prefix: impl Into<String>) { self.options.prefix = prefix.into() }

        /// Sets the time limit of an operation with connecting, 1 ms to 60 s. Default: 250 ms.
        pub fn timeout(timeout: Duration) { self.options.timeout = Time(timeout) }

        /// Sets the authorities that a server's certificate is checked against, as PEM.
        ///
        /// Default: the system's.
        pub fn root_certificates(pem: impl Into<Vec<u8>>) {
            self.certificates.roots = Some(pem.into())
        }

        /// Sets the client certificate, with the chain to its authority, and its key; both as PEM.
        pub fn client_certificate(chain: impl Into<Vec<u8>>, key: impl Into<Secret>) {
            self.certificates.client = Some((chain.into(), key.into()))
        }
    }

    /// Builds the store. Nothing is connected before the first operation.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) for a URL that has none of the
    /// [forms](RedisStore#urls), or settings that cannot work.
    pub fn build(self) -> Result<RedisStore, Error> {
        let RedisOptions { prefix, timeout: Time(timeout) } = self.options;
        ensure(
            (Duration::from_millis(1)..=Duration::from_secs(60)).contains(&timeout),
            "the timeout of a Redis store is at least 1 ms and at most 60 s",
        )?;
        let layout = Layout::new(prefix)?;
        let target = Target::parse(self.url.expose())?.with_certificates(self.certificates)?;
        target.check()?;
        let target = Arc::new(target);
        let follow = |locator| {
            let primary = Primary::new(target.clone(), locator);
            let link = Link::new(target.clone(), Endpoint::Primary(primary.clone()), timeout);
            Servers::Primary { primary, link }
        };
        let servers = match &target.kind {
            Kind::Server(address) => follow(Locator::Address(address.clone())),
            Kind::Sentinel { service, login } => {
                let sentinels = Sentinels::new(&target, service.clone(), login.clone());
                follow(Locator::Sentinels(sentinels))
            }
            Kind::Cluster => Servers::Cluster(Cluster::new(target.clone(), timeout)),
        };
        let (watchers, live) = (Watchers::default(), Mutex::default());
        Ok(RedisStore(Arc::new(Inner {
            worker: Worker::start()?,
            free: Arc::new(Semaphore::new(MOST_WAITING)),
            deployment: Arc::new(Deployment { target, servers, layout, timeout, watchers, live }),
            primary_followed: Once::new(),
            changes_followed: Once::new(),
        })))
    }

    /// Builds the store and waits for an answer of Redis.
    ///
    /// # Errors
    /// The errors of [`build`](Self::build); [`Unavailable`](crate::ErrorKind::Unavailable) if
    /// Redis cannot be reached; [`Configuration`](crate::ErrorKind::Configuration) if it rejects
    /// the user.
    pub async fn connect(self) -> Result<RedisStore, Error> {
        let store = self.build()?;
        store.ping().await?;
        Ok(store)
    }
}

debug_fields!(
    RedisStoreBuilder,
    self,
    prefix = self.options.prefix,
    timeout = self.options.timeout.0
);
