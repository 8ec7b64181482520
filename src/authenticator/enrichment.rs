//! The builder's methods for enrichment.

use super::builder::AuthenticatorBuilder;
use super::{enrich, identity::Identity};
use crate::core::settings::setters;
use crate::core::{Error, settings::Time};
use crate::store::Store;
use serde::Serialize;
use std::{sync::Arc, time::Duration};

impl AuthenticatorBuilder {
    /// Adds the application's own data to each identity's claims, such as roles from a database.
    ///
    /// The hook returns a JSON object; its members replace claims of the same name. Policies,
    /// [`Claims<T>`](crate::Claims) and [`Identity::claims`](crate::Identity::claims) see them.
    ///
    /// The hook runs once per issuer and subject (`sub`, or without it a verified `email`), even
    /// for concurrent requests. The result is cached for [`enrichment_ttl`](Self::enrichment_ttl)
    /// or until [`forget`](crate::Authenticator::forget): it must depend on nothing else of the
    /// identity. The hook does not run for anonymous requests and rejected credentials.
    ///
    /// If the hook fails, the answer is 503, whatever the error, and the next request runs it
    /// again. Give it a timeout: requests wait for it. `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and
    /// `jti` are verified already; if the hook returns one of them, the answer is 500.
    ///
    /// ```
    /// # use jamguard::Authenticator;
    /// #[derive(serde::Serialize)]
    /// struct Added { roles: Vec<String> }
    ///
    /// # async fn roles_of(email: Option<String>) -> Result<Vec<String>, jamguard::Error> { Ok(vec![]) }
    /// # #[derive(serde::Deserialize)] struct User { email: String }
    /// let builder = Authenticator::builder().enrich(|identity| async move {
    ///     let email = identity.claims::<User>().ok().map(|user| user.email.clone());
    ///     Ok(Added { roles: roles_of(email).await? })
    /// });
    /// ```
    pub fn enrich<F, T>(mut self, hook: impl Fn(Identity) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Serialize,
    {
        self.enrich = Some(enrich::hook(hook));
        self
    }

    setters! {
        /// Sets how long the result of [`enrich`](Self::enrich) is cached. Default: 1 minute.
        pub fn enrichment_ttl(ttl: Duration) { self.options.enrichment_ttl = Some(Time(ttl)) }

        /// Sets a store that sends [`forget`](crate::Authenticator::forget) to other processes,
        /// such as `RedisStore`.
        ///
        /// Give all processes the same store. While it is unreachable, entries forgotten elsewhere
        /// stay cached until their [TTL](Self::enrichment_ttl) ends.
        pub fn enrichment_store(store: impl Store) { self.enrichment_store = Some(Arc::new(store)) }
    }
}
