//! [`Dpop`]: verification of the proof of a request (RFC 9449 section 4.3), top to bottom.

use super::nonce;
use super::proof::{Proof, invalid};
use super::target::Target;
use crate::core::{
    AuthResponse, Clock, Error, ErrorKind, PartClock, debug_fields, hash::sha256_of, mismatch,
    sha256,
};
use crate::jose::{Algorithm, encoding};
use crate::store::{NewRecord, SealingKeys, Store};
use crate::token::pool::{Check, PartPool, VerificationPool, sender_id};
use crate::token::verified::Verified;
use std::{sync::Arc, time::Duration};

/// DPoP (RFC 9449): a token that is bound to a key is accepted with a proof of that key only.
///
/// Each request carries a new proof, a JWT in the header `DPoP` that the client signed for this method,
/// URL and token: a stolen token is useless, and a stolen proof can be used neither again nor elsewhere.
/// Cheap to clone.
///
/// [`AuthenticatorBuilder::dpop`](crate::AuthenticatorBuilder::dpop) verifies the proofs of requests.
/// [`DpopKey`](crate::DpopKey) makes proofs.
///
/// # Example
/// ```
/// use jamguard::{Authenticator, Dpop, Verifier};
///
/// # fn example(verifier: Verifier) -> Result<Authenticator, jamguard::Error> {
/// let dpop = Dpop::builder().public_url("https://api.example.com").build()?;
/// Authenticator::builder().verifier(verifier).dpop(dpop).build()
/// # }
/// ```
#[derive(Clone)]
pub struct Dpop(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) algorithms: Vec<Algorithm>,
    /// The algorithms as the challenge names them.
    pub(super) algorithm_names: String,
    /// Empty if the proxy's headers have the public URL.
    pub(super) urls: Vec<Target>,
    pub(super) required: bool,
    pub(super) window: Duration,
    /// The used proofs.
    pub(super) store: Arc<dyn Store>,
    pub(super) nonces: Option<SealingKeys>,
    pub(super) nonce_lifetime: Duration,
    pub(super) clock: Arc<PartClock>,
    pub(super) pool: PartPool,
}

/// A request with a DPoP proof, for
/// [`Authenticator::authenticate_dpop`](crate::Authenticator::authenticate_dpop).
#[derive(Clone, Copy, Debug)]
pub struct DpopRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) proof: &'a str,
}

impl<'a> DpopRequest<'a> {
    /// Creates it from the method, the public URL, and the value of the only `DPoP` header.
    pub fn new(method: &'a str, url: &'a str, proof: &'a str) -> Self {
        Self { method, url, proof }
    }
}

/// The proof of a request, and the request that it must be for.
pub(crate) struct ProofOf<'a> {
    /// The only `DPoP` header.
    pub(crate) proof: &'a str,
    pub(crate) method: &'a str,
    /// The public URLs of the request: one of them must be the proof's.
    pub(crate) urls: &'a [Target],
}

impl Dpop {
    /// Verifies that the proof is for this request and made with the key of the token.
    ///
    /// Returns the nonce to send with the response if the proof's is about to expire.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidProof`], [`ErrorKind::NonceRequired`]; [`ErrorKind::InvalidClaim`] for a
    /// token of another key; [`ErrorKind::Unavailable`] if the store fails.
    pub(crate) async fn verify(
        &self,
        request: ProofOf<'_>,
        token: &Verified,
    ) -> Result<Option<String>, Error> {
        let Inner { algorithms, clock, .. } = &*self.0;
        let proof = Proof::parse(request.proof, algorithms)?;
        if proof.method != request.method {
            return Err(wrong("htm", request.method, &proof.method));
        }
        let url = Target::parse(&proof.url);
        if !url.is_some_and(|url| request.urls.contains(&url)) {
            let expected: Vec<_> = request.urls.iter().map(Target::as_str).collect();
            let how = mismatch(&expected, &[&proof.url]);
            return Err(invalid(format!(
                "the DPoP proof is for another URL (htu): {how}; the expected one is made of \
                 .public_url(…) and the request's path"
            )));
        }
        let hash = encoding::encode(sha256(token.expose_token()));
        match &proof.token_hash {
            Some(found) if *found == hash => {}
            Some(found) => return Err(wrong("ath", &hash, found)),
            None => {
                return Err(invalid("the DPoP proof lacks 'ath', the hash of the access token"));
            }
        }
        let bound_to = token.confirmation().and_then(|bound| bound.key.as_deref());
        if bound_to != Some(&*proof.thumbprint) {
            let how = mismatch(bound_to.as_slice(), &[&proof.thumbprint]);
            return Err(Error::new(
                ErrorKind::InvalidClaim,
                format!("the token is bound to another key than the DPoP proof's: {how}"),
            ));
        }
        let now = clock.now();
        let next_nonce = self.check_nonce(&proof, now)?;
        self.check_date(&proof, now)?;
        // Last of the checks: it costs most, and the key is the token's now, not one of an attacker.
        self.check_signature(&proof, request.proof, token).await?;
        self.use_up(&proof, now).await?;
        Ok(next_nonce)
    }

    /// Checks the server's nonce, if one is required. Returns the next one once it is half its age.
    fn check_nonce(&self, proof: &Proof, now: Duration) -> Result<Option<String>, Error> {
        let Inner { nonces, nonce_lifetime, .. } = &*self.0;
        let Some(keys) = nonces else {
            return Ok(None);
        };
        let required = |why| Error::new(ErrorKind::NonceRequired, why);
        let Some(found) = &proof.nonce else {
            return Err(required("the DPoP proof has no nonce"));
        };
        match nonce::age(keys, found, now) {
            None => Err(required("the DPoP proof's nonce was not made with these keys")),
            Some(age) if age > *nonce_lifetime => {
                Err(required("the DPoP proof's nonce is expired"))
            }
            Some(age) if age > *nonce_lifetime / 2 => nonce::new(keys, now).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// Checks that the proof was made within the window around now.
    fn check_date(&self, proof: &Proof, now: Duration) -> Result<(), Error> {
        let (seconds, now) = (self.0.window.as_secs(), now.as_secs());
        if now.abs_diff(proof.issued_at) <= seconds {
            return Ok(());
        }
        let side = if proof.issued_at < now { "before" } else { "after" };
        Err(invalid(format!(
            "the DPoP proof was made {} s {side} now (iat), at most {seconds} s are allowed",
            now.abs_diff(proof.issued_at),
        )))
    }

    /// Checks the signature, on this thread or in the verification pool.
    async fn check_signature(
        &self,
        proof: &Proof,
        text: &str,
        token: &Verified,
    ) -> Result<(), Error> {
        let (pool, clock) = (self.0.pool.current(), &self.0.clock);
        let now = clock.monotonic();
        let sender = sender_id(token.issuer(), token.subject());
        let micros = proof.key.check_micros();
        let mut check = Check { sender, micros, spent: Duration::ZERO };
        let run = proof.signature_check(text);
        let result = match pool.takes(check, now) {
            false => {
                let result = run();
                check.spent = clock.monotonic().saturating_sub(now);
                result
            }
            true => {
                let in_pool = move || {
                    let result = run();
                    let has_failed = result.is_err();
                    (result, has_failed)
                };
                pool.run(check, now, ([0; 3], text.as_bytes()), in_pool)?.await
            }
        };
        pool.note(check, now, &result);
        result
    }

    /// Remembers the proof, and refuses it if it was used before.
    async fn use_up(&self, proof: &Proof, now: Duration) -> Result<(), Error> {
        let Inner { store, window, .. } = &*self.0;
        // The ids of one client cannot use up another's.
        let id = sha256_of([proof.thumbprint.as_bytes(), b" ", proof.id.as_bytes()]);
        let key = format!("dpop:{}", encoding::encode(id));
        // Until it is too old for a node whose clock is behind by a whole window.
        let lasts = Duration::from_secs(proof.issued_at).saturating_sub(now) + 3 * *window;
        let record = NewRecord::new(Vec::new()).expires_after(lasts);
        let inserted = store.insert(&key, record).await;
        let inserted = inserted.map_err(|error| {
            error.into_outage("cannot check at the moment whether the DPoP proof was used before")
        });
        match inserted? {
            Some(_) => Ok(()),
            None => {
                Err(invalid("the DPoP proof was used before (jti): each request needs its own"))
            }
        }
    }

    /// The public URLs of the application; empty if the proxy's headers have it.
    pub(crate) fn public_urls(&self) -> &[Target] {
        &self.0.urls
    }

    /// Whether unbound tokens are refused.
    pub(crate) fn is_required(&self) -> bool {
        self.0.required
    }

    pub(crate) fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.clock.follow(clock);
    }

    pub(crate) fn follow_pool(&self, pool: &VerificationPool) {
        self.0.pool.follow(pool);
    }

    /// Adds the challenge of the scheme to the response to an error, and the nonce that it asks for.
    pub(crate) fn challenge(&self, error: &Error, response: AuthResponse) -> AuthResponse {
        let Inner { algorithm_names, required, nonces, clock, .. } = &*self.0;
        let response = response.with_dpop(error, algorithm_names, *required);
        let nonce = match (error.kind(), nonces) {
            (ErrorKind::NonceRequired, Some(keys)) => nonce::new(keys, clock.now()).ok(),
            _ => None,
        };
        match nonce {
            Some(nonce) => response.with_header("dpop-nonce", nonce),
            None => response,
        }
    }
}

fn wrong(name: &str, expected: &str, found: &str) -> Error {
    let how = mismatch(&[expected], &[found]);
    invalid(format!("the DPoP proof is for another request ('{name}'): {how}"))
}

debug_fields!(
    Dpop,
    self,
    public_urls = self.public_urls(),
    algorithms = self.0.algorithms,
    required = self.is_required()
);
