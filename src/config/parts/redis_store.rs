//! Settings of stores in Redis.

use super::feature::AddTo;
use super::location::Spot;
use super::scalars::Hidden;
use crate::config::document::{Problem, Section};
use crate::store::{MemoryStore, RedisStore, Store, redis::builder::RedisOptions};
use std::sync::Arc;

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// In Redis or Valkey.
        redis: Option<Section<RedisOptions, RedisSettings>>,
    }

    /// A store in Redis, which connects at first use.
    struct RedisSettings {
        /// `redis://…`, `rediss://…`, `redis-sentinel://…` or `redis-cluster://…`, with the password.
        url: Option<Hidden>,
        /// A file with the URL.
        url_file: Option<String>,
        /// PEM file with the authorities that certificates are checked against. Default: the system's.
        root_certificates_file: Option<String>,
        /// PEM file with the client certificate and its chain.
        client_certificate_file: Option<String>,
        /// PEM file with the client certificate's key.
        client_key_file: Option<String>,
    }
}

impl AddTo<Option<Arc<dyn Store>>> for Keys {
    fn add_to(
        &self,
        other: Option<Arc<dyn Store>>,
        (): (),
        spot: &Spot<'_>,
    ) -> Result<Option<Arc<dyn Store>>, Problem> {
        let Some(Section(options, settings)) = &self.redis else {
            return Ok(other);
        };
        let spot = spot.key("redis");
        let url = spot.secret("url", &settings.url, &settings.url_file)?;
        let Some(url) = url else {
            return Err(spot.wrong("the key 'url' or 'url_file' is missing"));
        };
        let mut store = RedisStore::builder(url.expose());
        store.options = options.clone();
        if let Some(file) = &settings.root_certificates_file {
            let pem = spot.key("root_certificates_file").file(file)?;
            store = store.root_certificates(pem.to_vec());
        }
        match (&settings.client_certificate_file, &settings.client_key_file) {
            (Some(chain), Some(key)) => {
                let chain = spot.key("client_certificate_file").file(chain)?;
                let key = spot.key("client_key_file").private_text(key)?;
                store = store.client_certificate(chain.to_vec(), key);
            }
            (None, None) => {}
            _ => {
                return Err(spot.wrong(
                    "'client_certificate_file' and 'client_key_file' go together: give both or \
                     neither",
                ));
            }
        }
        let store = spot.built(store.build())?;
        // Watching it would connect to Redis.
        Ok(Some(match spot.world.dry {
            true => Arc::new(MemoryStore::new()),
            false => Arc::new(store),
        }))
    }
}
