//! DPoP of a client (RFC 9449): its key, and the nonces that servers asked for.

use super::client::{Inner, OAuth2Client};
use super::source::TokenSource;
use crate::core::clock::system_time;
use crate::core::http::{HttpAnswer, HttpRequest};
use crate::core::{Error, Secret, lock};
use crate::token::dpop::DpopKey;
use std::collections::HashMap;
use std::sync::Mutex;
use url::Url;

/// Servers whose nonces are kept; a client calls few of them.
const MAX_SERVERS: usize = 64;
/// Longest nonce that is kept, in bytes.
const MAX_NONCE: usize = 1024;

/// The DPoP key of a client, with the last nonce of each server.
pub(super) struct ClientDpop {
    key: DpopKey,
    /// By origin.
    nonces: Mutex<HashMap<String, String>>,
}

impl ClientDpop {
    pub(super) fn new(key: DpopKey) -> Self {
        Self { key, nonces: Mutex::default() }
    }

    fn nonce(&self, url: &Url) -> Option<String> {
        lock(&self.nonces).get(&url.origin().ascii_serialization()).cloned()
    }

    fn remember(&self, url: &Url, nonce: &str) {
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            return;
        }
        let mut nonces = lock(&self.nonces);
        let origin = url.origin().ascii_serialization();
        if nonces.len() < MAX_SERVERS || nonces.contains_key(&origin) {
            nonces.insert(origin, nonce.to_owned());
        }
    }
}

impl Inner {
    /// Sends a request, with a proof if the client has a DPoP key.
    ///
    /// If the server asks for its nonce, the request is sent once more (RFC 9449 sections 8 and 9).
    pub(super) async fn send_proven(
        &self,
        method: &'static str,
        url: &Url,
        token: Option<&Secret>,
        request: impl Fn() -> HttpRequest,
    ) -> Result<HttpAnswer, Error> {
        let Some(dpop) = &self.dpop else {
            return self.http.send(request()).await;
        };
        let send = async || {
            let proof = self.proof(dpop, method, url, token)?;
            let answer = self.http.send(request().dpop(proof)).await?;
            if let Some(nonce) = &answer.dpop_nonce {
                dpop.remember(url, nonce);
            }
            Ok(answer)
        };
        let answer = send().await?;
        match answer.dpop_nonce.is_some() && answer.asks_for_nonce() {
            true => send().await,
            false => Ok(answer),
        }
    }

    fn proof(
        &self,
        dpop: &ClientDpop,
        method: &str,
        url: &Url,
        token: Option<&Secret>,
    ) -> Result<String, Error> {
        let nonce = dpop.nonce(url);
        let mut proof = dpop.key.proof(method, url.as_str()).nonce(nonce.as_deref());
        if let Some(token) = token {
            proof = proof.access_token(token);
        }
        proof.issued_at(system_time(self.clock.now())).sign()
    }
}

impl OAuth2Client {
    /// Returns a DPoP proof for a call with an access token of this client (RFC 9449 section 4.2).
    ///
    /// The call sends `Authorization: DPoP` with the token, and the proof in the header `DPoP`. Each
    /// call needs its own proof. [`remember_dpop_nonce`](Self::remember_dpop_nonce) makes the next
    /// proof hold a server's nonce.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a client without a
    /// [`dpop_key`](super::OAuth2ClientBuilder::dpop_key), and for a URL that is neither https nor on
    /// loopback.
    pub fn dpop_proof(&self, method: &str, url: &str, token: &Secret) -> Result<String, Error> {
        let dpop =
            self.0.dpop.as_ref().ok_or_else(|| {
                Error::configuration("the client has no DPoP key: call .dpop_key(…)")
            })?;
        self.0.proof(dpop, method, &self.0.http.urls().check(url)?, Some(token))
    }

    /// Keeps the header `DPoP-Nonce` of a server's response for later proofs to that server.
    ///
    /// A response 401 with `use_dpop_nonce` asks to send the request again with such a proof. The
    /// provider's own nonces are kept without it.
    pub fn remember_dpop_nonce(&self, url: &str, nonce: &str) {
        if let (Some(dpop), Ok(url)) = (&self.0.dpop, Url::parse(url)) {
            dpop.remember(&url, nonce);
        }
    }
}

impl TokenSource {
    /// Returns a DPoP proof for a call with a token of this source, as
    /// [`OAuth2Client::dpop_proof`] does.
    ///
    /// ```no_run
    /// # use jamguard::{Error, oauth2::TokenSource};
    /// # async fn example(orders: TokenSource) -> Result<(), Error> {
    /// let url = "https://orders.example/orders";
    /// let token = orders.token().await?;
    /// let proof = orders.dpop_proof("GET", url, &token)?;
    /// // Authorization: DPoP <token>
    /// // DPoP: <proof>
    /// # let nonce: Option<&str> = None;
    /// if let Some(nonce) = nonce {            // the header DPoP-Nonce of the response
    ///     orders.remember_dpop_nonce(url, nonce);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The errors of [`OAuth2Client::dpop_proof`].
    pub fn dpop_proof(&self, method: &str, url: &str, token: &Secret) -> Result<String, Error> {
        self.client().dpop_proof(method, url, token)
    }

    /// Keeps a server's nonce, as [`OAuth2Client::remember_dpop_nonce`] does.
    pub fn remember_dpop_nonce(&self, url: &str, nonce: &str) {
        self.client().remember_dpop_nonce(url, nonce);
    }
}
