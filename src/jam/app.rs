//! What a JAM ID token must look like.

use super::base;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::jose::Algorithm;
use crate::jwks::{Fetch, RemoteKeySet};
use crate::token::list::TokenList;
use crate::token::revocation::Revocation;
use crate::token::verifier::Verifier;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One JustAuthenticateMe app: whose ID tokens are accepted, and where its keys are.
///
/// A token must be signed with ES512 by a key that it names, carry the app's `iss` and `aud`,
/// `token_use` = `id`, an `email`, and not be expired; `iat`, `nbf` and `typ` are checked where
/// present. JAM names an address only after its owner has proved to receive mail there, so it counts
/// as verified.
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
    base_url: String,
    leeway: Option<Duration>,
    cache_bytes: Option<u64>,
    clock: Arc<dyn Clock>,
    fetcher: Option<Arc<dyn Fetch>>,
    keys: Option<RemoteKeySet>,
    revocation: Option<Arc<dyn Revocation>>,
    deny_lists: Vec<TokenList>,
}

impl JamApp {
    /// An app of the hosted service, by its public id.
    pub fn new(app_id: impl Into<String>) -> Self {
        Self {
            app_id: app_id.into(),
            base_url: base::DEFAULT_BASE_URL.to_owned(),
            leeway: None,
            cache_bytes: None,
            clock: Arc::new(SystemClock),
            fetcher: None,
            keys: None,
            revocation: None,
            deny_lists: Vec::new(),
        }
    }

    /// Another place than the hosted service: self-hosted, or the emulator.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// How far JAM's clock may be off; as [`VerifierBuilder::leeway`](crate::VerifierBuilder::leeway).
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Memory for verified tokens, in bytes; as
    /// [`VerifierBuilder::cache_bytes`](crate::VerifierBuilder::cache_bytes).
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = Some(bytes);
        self
    }

    /// The clocks; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Fetches the app's keys in your own way; not beside [`jwks`](Self::jwks).
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Takes the app's keys from a remote key set of your own settings.
    pub fn jwks(mut self, keys: RemoteKeySet) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Asks at each verification whether the token was taken back.
    pub fn revocation(mut self, revocation: impl Revocation) -> Self {
        self.revocation = Some(Arc::new(revocation));
        self
    }

    /// Refuses the tokens of a deny list. Called again: of another list too.
    pub fn deny_list(mut self, list: TokenList) -> Self {
        self.deny_lists.push(list);
        self
    }

    /// Where the app publishes its keys.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for an unusable app id or
    /// base URL.
    pub fn jwks_url(&self) -> Result<String, Error> {
        let base = base::app_url(&self.base_url, &self.app_id)?;
        Ok(format!("{}/.well-known/jwks.json", base::issuer(&base)))
    }

    /// The verifier of the app's ID tokens; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for an unusable app id or
    /// base URL, a leeway over an hour, a list that does not fit, or both a key set and a
    /// fetcher.
    pub fn verifier(&self) -> Result<Verifier, Error> {
        let base = base::app_url(&self.base_url, &self.app_id)?;
        let keys = match &self.keys {
            Some(_) if self.fetcher.is_some() => {
                return Err(Error::configuration(
                    "a fetcher beside a key set: give it to the key set's builder, or leave \
                     .jwks(…) out",
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
            .token_type_if_present("JWT")
            .clock(self.clock.clone());
        if let Some(leeway) = self.leeway {
            verifier = verifier.leeway(leeway);
        }
        if let Some(bytes) = self.cache_bytes {
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

impl fmt::Debug for JamApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JamApp")
            .field("app_id", &self.app_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}
