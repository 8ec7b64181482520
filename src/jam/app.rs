//! ID token rules of a JustAuthenticateMe (JAM) app.

use super::base;
use crate::core::settings::{Time, options, setters};
use crate::core::{Clock, Error, SystemClock, debug_fields};
use crate::jose::Algorithm;
use crate::jwks::{Fetch, RemoteKeySet};
use crate::token::{list::TokenList, verified::Revocation, verifier::Verifier};
use std::{sync::Arc, time::Duration};

options! {
    /// The options of an app.
    JamAppOptions {
        /// Base URL of a self-hosted service or of the emulator. Default: the hosted service.
        base_url: Option<String> = None,
        /// Tolerated clock difference to JAM. Default: 60 s, at most 1 hour.
        leeway: Option<Time> = None,
        /// Cache of verified tokens, in bytes. Default: 64 MiB. At least 64 KiB; 0 disables the cache.
        cache_bytes: Option<u64> = None,
    }
}

/// A JustAuthenticateMe app: the rules for its ID tokens and the location of its keys.
///
/// A token must be signed with ES512 by a key that it names, carry the app's `iss` and `aud`,
/// `token_use` = `id` and an `email`, and not be expired; `iat`, `nbf` and `typ` are checked if
/// present. JAM names an address only after its owner has proved to receive mail there, so the
/// address is treated as verified.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, JamApp};
/// let auth = Authenticator::builder()
///     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Clone)]
pub struct JamApp {
    app_id: String,
    clock: Arc<dyn Clock>,
    fetcher: Option<Arc<dyn Fetch>>,
    keys: Option<RemoteKeySet>,
    revocation: Option<Arc<dyn Revocation>>,
    deny_lists: Vec<TokenList>,
    pub(crate) options: JamAppOptions,
}

impl JamApp {
    /// Creates an app of the hosted service from its public id.
    pub fn new(app_id: impl Into<String>) -> Self {
        Self {
            app_id: app_id.into(),
            clock: Arc::new(SystemClock),
            fetcher: None,
            keys: None,
            revocation: None,
            deny_lists: Vec::new(),
            options: JamAppOptions::default(),
        }
    }

    setters! {
        /// Sets the base URL of a self-hosted service or of the emulator.
        ///
        /// Default: `https://api.justauthenticate.me`.
        pub fn base_url(base_url: impl Into<String>) {
            self.options.base_url = Some(base_url.into())
        }

        /// Sets the tolerated clock difference to JAM.
        ///
        /// Default: 60 s. See [`VerifierBuilder::leeway`](crate::VerifierBuilder::leeway).
        pub fn leeway(leeway: Duration) { self.options.leeway = Some(Time(leeway)) }

        /// Sets the size of the cache of verified tokens, in bytes.
        ///
        /// Default: 64 MiB. See
        /// [`VerifierBuilder::cache_bytes`](crate::VerifierBuilder::cache_bytes).
        pub fn cache_bytes(bytes: u64) { self.options.cache_bytes = Some(bytes) }

        /// Replaces the clock. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Fetches the app's keys with a custom fetcher. Cannot be combined with
        /// [`jwks`](Self::jwks).
        pub fn fetcher(fetcher: impl Fetch) { self.fetcher = Some(Arc::new(fetcher)) }

        /// Takes the app's keys from a configured remote key set.
        pub fn jwks(keys: RemoteKeySet) { self.keys = Some(keys) }

        /// Checks at each verification whether the token is revoked.
        pub fn revocation(revocation: impl Revocation) {
            self.revocation = Some(Arc::new(revocation))
        }

        /// Rejects the tokens in a deny list. Call again to add another list.
        pub fn deny_list(list: TokenList) { self.deny_lists.push(list) }
    }

    fn get_base_url(&self) -> &str {
        self.options.base_url.as_deref().unwrap_or(base::DEFAULT_BASE_URL)
    }

    /// Returns the URL where the app publishes its keys.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the app id or the base URL
    /// is invalid.
    pub fn jwks_url(&self) -> Result<String, Error> {
        let base = base::app_url(self.get_base_url(), &self.app_id)?;
        Ok(format!("{}/.well-known/jwks.json", base::issuer(&base)))
    }

    /// Builds the verifier of the app's ID tokens. Fetches nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the app id or the base URL
    /// is invalid, the leeway is over an hour, a list does not fit, or both a key set and a fetcher
    /// are set.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        let base = base::app_url(self.get_base_url(), &self.app_id)?;
        let keys = match &self.keys {
            Some(_) if self.fetcher.is_some() => {
                return Err(Error::configuration(
                    "both a key set and a fetcher are set: give the fetcher to the key set's \
                     builder, or remove .jwks(…)",
                ));
            }
            Some(keys) => keys.clone(),
            None => {
                let mut keys = RemoteKeySet::builder(self.jwks_url()?).clock(self.clock.clone());
                if let Some(fetcher) = &self.fetcher {
                    keys = keys.fetcher(fetcher.clone());
                }
                keys.build()?
            }
        };
        let mut verifier = Verifier::builder()
            .jwks(keys)
            .algorithms([Algorithm::ES512])
            .issuer(base::issuer(&base))
            .audience(&self.app_id)
            .require_any_text("email")
            .require_text("token_use", "id")
            .require_key_id()
            .issuer_verifies_emails()
            .clock(self.clock.clone());
        verifier.token_type_if_present = Some("JWT".into());
        if let Some(Time(leeway)) = self.options.leeway {
            verifier = verifier.leeway(leeway);
        }
        if let Some(bytes) = self.options.cache_bytes {
            verifier = verifier.cache_bytes(bytes);
        }
        if let Some(revocation) = &self.revocation {
            verifier = verifier.revocation(revocation.clone());
        }
        for list in &self.deny_lists {
            verifier = verifier.deny_list(list.clone());
        }
        verifier.build()
    }
}

debug_fields!(JamApp, self, app_id = self.app_id, base_url = self.get_base_url());
