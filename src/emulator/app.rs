//! An emulated app: its keys, magic codes and refresh tokens.

use super::expiring::Expiring;
use super::id_token::IdToken;
use super::settings::AppSettings;
use crate::core::{Clock, Error, Secret, debug_fields, lock, random::random};
use crate::jam::{base, remote_token::RemoteToken};
use crate::jose::{Algorithm, SigningKey, VerifyingKey, encoding};
use crate::token::verifier::Verifier;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use url::Url;

const CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);
const MAX_CODES: usize = 1_000;
const MAX_REFRESH_TOKENS: usize = 100_000;
/// Maximum of published keys, including the signing key.
const MAX_KEYS: usize = 10;

/// An app of an [`Emulator`](super::Emulator). Cheap to clone.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jamguard::Error> {
/// # use jamguard::{Authenticator, JamApp, emulator::{AppSettings, Emulator}};
/// let emulator = Emulator::builder().start().await?;
/// let app = emulator.add_app(AppSettings::new("my-app"))?;
/// let auth = Authenticator::builder()
///     .jam(JamApp::new("my-app").base_url(emulator.base_url()))
///     .build()?;
///
/// let token = app.id_token("ann@example.com")?;       // without a mail
/// assert!(auth.authenticate(&token).await.is_ok());
/// app.replace_key()?;                                 // the old one is no longer published
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    app_id: String,
    issuer: String,
    redirect_url: Url,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// A signing key and its public key.
type Pair = (SigningKey, VerifyingKey);

struct State {
    /// Newest first; the first one signs.
    keys: Vec<Pair>,
    /// Verifies with all of `keys`.
    verifier: Verifier,
    settings: AppSettings,
    /// Magic codes and refresh tokens, with the e-mail address of each.
    codes: Expiring<String>,
    refresh_tokens: Expiring<String>,
}

impl App {
    pub(super) fn new(
        settings: AppSettings,
        base_url: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let issuer = base::issuer(&base::app_url(base_url, &settings.app_id)?);
        let redirect_url = Url::parse(&settings.redirect_url).ok();
        let redirect_url = redirect_url.filter(|url| !url.cannot_be_a_base()).ok_or_else(|| {
            Error::configuration(format!(
                "the redirect URL '{}' is not a URL: use an absolute one, http://…",
                settings.redirect_url
            ))
        })?;
        let keys = vec![new_key()?];
        let verifier = verifier(&keys, &issuer, &settings.app_id, clock.clone())?;
        Ok(Self(Arc::new(Inner {
            app_id: settings.app_id.clone(),
            issuer,
            redirect_url,
            clock,
            state: Mutex::new(State {
                keys,
                verifier,
                settings,
                codes: Expiring::new(MAX_CODES),
                refresh_tokens: Expiring::new(MAX_REFRESH_TOKENS),
            }),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    fn now(&self) -> Duration {
        self.0.clock.now()
    }

    /// Returns the app's id, which is the `aud` of its tokens.
    pub fn app_id(&self) -> &str {
        &self.0.app_id
    }

    /// Returns the app's URL without a trailing slash, which is the `iss` of its tokens.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Issues an ID token for this address, without a login.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if signing fails.
    pub fn id_token(&self, email: impl Into<String>) -> Result<String, Error> {
        self.issue(IdToken::new(email))
    }

    /// Signs an ID token, which may deviate from JAM's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if signing fails.
    pub fn issue(&self, token: IdToken) -> Result<String, Error> {
        let (key, lifetime) = {
            let state = self.state();
            (state.keys[0].0.clone(), state.settings.id_token_lifetime)
        };
        token.sign(&key, self.issuer(), self.app_id(), self.now(), lifetime)
    }

    /// Issues a refresh token for this address, without a login.
    ///
    /// It is usable only if the app allows refresh.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system's random source fails.
    pub fn refresh_token(&self, email: impl Into<String>) -> Result<Secret, Error> {
        let email = email.into();
        let mut bytes = random::<128>()?.to_vec();
        bytes.extend_from_slice(email.as_bytes());
        let token = BASE64_STANDARD.encode(bytes);
        let now = self.now();
        let mut state = self.state();
        let expires = now.saturating_add(state.settings.refresh_token_lifetime);
        state.refresh_tokens.insert(token.clone(), email, expires);
        Ok(token.into())
    }

    /// Returns the published key set.
    pub fn jwks_json(&self) -> String {
        let state = self.state();
        let keys: Vec<Value> = state.keys.iter().map(|(_, key)| published(key)).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Generates a new signing key and returns its `kid`.
    ///
    /// The old keys stay published until [`remove_old_keys`](Self::remove_old_keys), ten keys at
    /// most.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if no key can be generated.
    pub fn rotate_key(&self) -> Result<String, Error> {
        self.change_keys(|keys, new| {
            keys.insert(0, new);
            keys.truncate(MAX_KEYS);
        })
    }

    /// Generates a new signing key, publishes only that one, and returns its `kid`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if no key can be generated.
    pub fn replace_key(&self) -> Result<String, Error> {
        self.change_keys(|keys, new| *keys = vec![new])
    }

    /// Removes all published keys except the signing key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if no verifier can be built
    /// from the remaining key.
    pub fn remove_old_keys(&self) -> Result<(), Error> {
        let mut state = self.state();
        state.keys.truncate(1);
        state.verifier = self.verifier_of(&state.keys)?;
        Ok(())
    }

    /// Sets the time from `iat` to `exp` of ID tokens issued from now on.
    pub fn set_id_token_lifetime(&self, lifetime: Duration) {
        self.state().settings.id_token_lifetime = lifetime;
    }

    /// Sets the lifetime of refresh tokens issued from now on.
    pub fn set_refresh_token_lifetime(&self, lifetime: Duration) {
        self.state().settings.refresh_token_lifetime = lifetime;
    }

    /// Sets `Cache-Control: max-age` of the key set; `None` omits the header.
    pub fn set_jwks_max_age(&self, max_age: Option<Duration>) {
        self.state().settings.jwks_max_age = max_age;
    }

    pub(super) fn jwks_max_age(&self) -> Option<Duration> {
        self.state().settings.jwks_max_age
    }

    pub(super) fn allows_refresh(&self) -> bool {
        self.state().settings.allow_refresh
    }

    /// Creates a magic code for this address.
    pub(super) fn new_code(&self, email: String) -> Result<String, Error> {
        let code = encoding::encode(random::<32>()?);
        let expires = self.now().saturating_add(CODE_LIFETIME);
        self.state().codes.insert(code.clone(), email, expires);
        Ok(code)
    }

    /// Returns the redirect URL with the tokens for a magic code's address; a code is valid once.
    pub(super) fn redeem(&self, code: &str) -> Result<Option<Url>, Error> {
        let now = self.now();
        let Some(email) = self.state().codes.remove(code, now) else {
            return Ok(None);
        };
        let mut url = self.0.redirect_url.clone();
        let id_token = self.id_token(&email)?;
        url.query_pairs_mut().append_pair("idToken", &id_token);
        if self.allows_refresh() {
            let refresh_token = self.refresh_token(email)?;
            url.query_pairs_mut().append_pair("refreshToken", refresh_token.expose());
        }
        Ok(Some(url))
    }

    /// Returns the header and claims of an ID token of this app, if it is valid now.
    pub(super) async fn verify(&self, id_token: &str) -> Result<RemoteToken, Error> {
        let verifier = self.state().verifier.clone();
        verifier.verify(id_token).await?;
        RemoteToken::decode(id_token)
    }

    pub(super) fn refresh_token_owner(&self, refresh_token: &str) -> Option<String> {
        let now = self.now();
        self.state().refresh_tokens.get(refresh_token, now).cloned()
    }

    /// Deletes the refresh token if it belongs to the address, and returns whether it did.
    pub(super) fn delete_refresh_token(&self, email: &str, refresh_token: &str) -> bool {
        let now = self.now();
        let tokens = &mut self.state().refresh_tokens;
        tokens.get(refresh_token, now).is_some_and(|owner| owner == email)
            && tokens.remove(refresh_token, now).is_some()
    }

    pub(super) fn delete_refresh_tokens(&self, email: &str) {
        self.state().refresh_tokens.retain(|owner| owner != email);
    }

    fn change_keys(&self, change: impl FnOnce(&mut Vec<Pair>, Pair)) -> Result<String, Error> {
        let new = new_key()?;
        let kid = new.0.key_id().unwrap_or_default().to_owned();
        let mut state = self.state();
        let mut keys = state.keys.clone();
        change(&mut keys, new);
        state.verifier = self.verifier_of(&keys)?;
        state.keys = keys;
        Ok(kid)
    }

    fn verifier_of(&self, keys: &[Pair]) -> Result<Verifier, Error> {
        verifier(keys, self.issuer(), self.app_id(), self.0.clock.clone())
    }
}

debug_fields!(App, self, issuer = self.issuer());

/// Generates a P-521 key whose `kid` is its thumbprint.
fn new_key() -> Result<Pair, Error> {
    let key = SigningKey::generate(Algorithm::ES512)?;
    let kid = key.thumbprint()?;
    let key = key.with_key_id(kid);
    let public = key.verifying_key()?;
    Ok((key, public))
}

/// Returns the JWK with the members that JAM publishes, and no others.
fn published(key: &VerifyingKey) -> Value {
    let jwk = json!(key.to_jwk());
    ["kty", "crv", "x", "y", "kid"].iter().map(|name| (*name, jwk[name].clone())).collect()
}

/// Builds the verifier; the service has one clock, so it needs no leeway.
fn verifier(
    keys: &[Pair],
    issuer: &str,
    app_id: &str,
    clock: Arc<dyn Clock>,
) -> Result<Verifier, Error> {
    keys.iter()
        .fold(Verifier::builder(), |builder, (_, key)| builder.key(key.clone()))
        .algorithms([Algorithm::ES512])
        .issuer(issuer)
        .audience(app_id)
        .token_type("JWT")
        .require_key_id()
        .require_text("token_use", "id")
        .require(["email", "iat", "nbf"])
        .leeway(Duration::ZERO)
        .cache_bytes(0)
        .clock(clock)
        .build()
}
