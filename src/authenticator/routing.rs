//! Selection of the verifier for a token.

use crate::core::now_or_later::NowOrLater::{Later, Now};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use crate::jose::jws::Compact;
use crate::token::registered::{Leniency, RegisteredClaims};
use crate::token::verifier::{Verification, Verifier};
use crate::token::{form::is_jws, thread_cache, verified::Verified};
use std::{collections::HashMap, sync::Arc};

/// Up to this many verifiers, all caches are searched before the token's issuer is parsed.
const ASK_ALL: usize = 4;

/// The verifiers by issuer.
pub(crate) struct Routing {
    verifiers: Vec<Verifier>,
    /// The verifiers' ids, sorted, with their places. Two that differ only in their lists share an id.
    by_id: Vec<(u64, usize)>,
    by_issuer: HashMap<Box<str>, Arc<[usize]>>,
    /// Verifiers with an issuer family.
    families: Vec<usize>,
    /// Verifiers without an issuer, used if no other matches.
    any_issuer: Arc<[usize]>,
    /// Verifiers that introspect opaque tokens, which do not name their issuer.
    introspecting: Arc<[usize]>,
    /// Verifiers of the tokens of load balancers, which get no other JWTs.
    load_balancers: Vec<usize>,
    max_len: usize,
}

impl Routing {
    /// # Errors
    /// If opaque tokens would be sent to several servers.
    pub(crate) fn new(verifiers: Vec<Verifier>) -> Result<Self, Error> {
        let mut places = verifiers.iter().filter_map(Verifier::introspects_at);
        let first = places.next();
        ensure(
            places.all(|place| Some(place) == first),
            "two verifiers introspect at different servers: an opaque token does not name its \
             issuer, so each server would get the tokens of the other; use one Authenticator for \
             each server",
        )?;
        let introspecting = (0..verifiers.len()).filter(|at| {
            verifiers.get(*at).is_some_and(|verifier| verifier.introspects_at().is_some())
        });
        let introspecting = introspecting.collect();
        let mut by_issuer: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let (mut families, mut any_issuer) = (Vec::new(), Vec::new());
        let mut load_balancers = Vec::new();
        for (at, verifier) in verifiers.iter().enumerate() {
            if verifier.is_alb() {
                load_balancers.push(at);
                continue;
            }
            if verifier.issuers().accept_any() {
                any_issuer.push(at);
            }
            if verifier.issuers().have_families() {
                families.push(at);
            }
            for issuer in verifier.issuers().exact() {
                by_issuer.entry(issuer.clone()).or_default().push(at);
            }
        }
        let mut by_id: Vec<_> = verifiers.iter().map(Verifier::id).zip(0..).collect();
        by_id.sort_unstable();
        Ok(Self {
            by_id,
            introspecting,
            load_balancers,
            by_issuer: by_issuer.into_iter().map(|(issuer, at)| (issuer, at.into())).collect(),
            families,
            any_issuer: any_issuer.into(),
            max_len: verifiers.iter().map(Verifier::max_len).max().unwrap_or(0),
            verifiers,
        })
    }

    /// Removes a token from the caches of all verifiers.
    pub(crate) fn forget(&self, token: &str) {
        self.verifiers.iter().for_each(|verifier| verifier.forget_token(token));
    }

    /// Verifies a token with its verifier: from the cache, or else in full.
    ///
    /// `form` checks the token's form before it is verified in full.
    pub(crate) fn verify(
        self: &Arc<Self>,
        token: &[u8],
        form: impl FnOnce(&[u8]) -> Result<(), Error>,
    ) -> Verification {
        if let [only] = &self.verifiers[..] {
            return only.start(token, form);
        }
        let known = thread_cache::find(token, |id| self.with_id(id).is_some());
        if let Some((id, verified)) = known
            && let Some(verifier) = self.with_id(id)
            && let Some(verification) = self.recheck(verifier, verified)
        {
            return self.or_in_full(verification, token);
        }
        if self.verifiers.len() <= ASK_ALL
            && let Some(verification) = self.recall(self.verifiers.iter(), token)
        {
            return self.or_in_full(verification, token);
        }
        let candidates = match form(token).and_then(|()| self.candidates(token)) {
            Ok(candidates) => candidates,
            Err(error) => return Now(Err(error)),
        };
        if self.verifiers.len() > ASK_ALL
            && let Some(verification) =
                self.recall(candidates.iter().filter_map(|at| self.verifiers.get(*at)), token)
        {
            return self.or_in_full(verification, token);
        }
        self.in_full(candidates, token)
    }

    /// Verifies in full with these verifiers.
    fn in_full(self: &Arc<Self>, candidates: Arc<[usize]>, token: &[u8]) -> Verification {
        if let [only] = candidates[..]
            && let Some(only) = self.verifiers.get(only)
        {
            return only.start_in_full(token);
        }
        let (routing, token) = (self.clone(), token.to_vec());
        Verification::later(async move { routing.try_each(&candidates, &token).await })
    }

    /// Falls back to full verification if a list rejects the cached token: another verifier may
    /// accept it.
    fn or_in_full(self: &Arc<Self>, verification: Verification, token: &[u8]) -> Verification {
        let Later(answer) = verification else {
            return verification;
        };
        let (routing, token) = (self.clone(), token.to_vec());
        Verification::later(async move {
            match answer.await {
                // A retry would only double the wait.
                Err(error) if error.kind() != ErrorKind::Unavailable => {
                    let candidates = routing.candidates(&token)?;
                    routing.in_full(candidates, &token).await
                }
                answer => answer,
            }
        })
    }

    fn with_id(&self, id: u64) -> Option<&Verifier> {
        let at = self.by_id.partition_point(|(other, _)| *other < id);
        let (_, at) = self.by_id.get(at).filter(|(found, _)| *found == id)?;
        self.verifiers.get(*at)
    }

    /// Whether a cached token may be accepted by this verifier.
    ///
    /// A verifier without an issuer must not answer for a token whose issuer has its own verifier.
    fn is_for(&self, verifier: &Verifier, token: &Verified) -> bool {
        let has_own = |issuer: &str| {
            self.by_issuer.contains_key(issuer) || self.families_of(issuer).next().is_some()
        };
        let entry = token.entry();
        // The form of the token has named the verifier.
        let by_form = || entry.is_alb || !(entry.is_signed() || is_jws(entry.token.as_bytes()));
        !verifier.issuers().accept_any() || !token.issuer().is_some_and(has_own) || by_form()
    }

    /// Rechecks a cached token with its verifier. `None` if rejected: another verifier may accept.
    fn recheck(&self, verifier: &Verifier, verified: Verified) -> Option<Verification> {
        if !self.is_for(verifier, &verified) {
            return None;
        }
        let verification = verifier.recheck(verified)?;
        (!matches!(verification, Now(Err(_)))).then_some(verification)
    }

    fn recall<'a>(
        &self,
        mut verifiers: impl Iterator<Item = &'a Verifier>,
        token: &[u8],
    ) -> Option<Verification> {
        verifiers.find_map(|verifier| {
            let verified = verifier.find_shared(token)?;
            self.recheck(verifier, verified)
        })
    }

    /// Returns the verifiers with a family that this issuer has the form of.
    fn families_of(&self, issuer: &str) -> impl Iterator<Item = usize> {
        let is_of = move |at: &usize| {
            let verifier = self.verifiers.get(*at);
            verifier.is_some_and(|verifier| verifier.issuers().have_family_of(issuer))
        };
        self.families.iter().copied().filter(is_of)
    }

    /// Returns the verifiers that name this issuer, exactly or by a family.
    fn of_issuer(&self, issuer: &str) -> Option<Arc<[usize]>> {
        let exact = self.by_issuer.get(issuer);
        if self.families_of(issuer).next().is_none() {
            return exact.cloned();
        }
        let mut all: Vec<usize> = exact.map(|exact| exact.to_vec()).unwrap_or_default();
        let others = self.families_of(issuer).filter(|at| !all.contains(at));
        let others: Vec<usize> = others.collect();
        all.extend(others);
        Some(all.into())
    }

    /// Returns the verifiers whose load balancers a token names.
    fn of_load_balancer(&self, token: &[u8]) -> Option<Arc<[usize]>> {
        let is_of = |at: &usize| {
            self.verifiers.get(*at).is_some_and(|verifier| verifier.has_load_balancer_of(token))
        };
        let found: Vec<usize> = self.load_balancers.iter().copied().filter(is_of).collect();
        (!found.is_empty()).then(|| found.into())
    }

    /// Returns the verifiers of the token's form, or else of its `iss`, which is not verified yet.
    fn candidates(&self, token: &[u8]) -> Result<Arc<[usize]>, Error> {
        if let Some(candidates) = self.of_load_balancer(token) {
            return Ok(candidates);
        }
        if !self.introspecting.is_empty() && !is_jws(token) {
            return Ok(self.introspecting.clone());
        }
        let payload = Compact::split(token, self.max_len)?.payload_text()?;
        let claims = RegisteredClaims::parse_leniently(&payload, &[], Leniency::ALL)?;
        let issuer = claims.issuer.as_deref();
        match issuer.and_then(|issuer| self.of_issuer(issuer)) {
            Some(candidates) => Ok(candidates),
            None if self.any_issuer.is_empty() => Err(self.unknown(issuer)),
            None => Ok(self.any_issuer.clone()),
        }
    }

    fn unknown(&self, issuer: Option<&str>) -> Error {
        let mut known: Vec<&str> = Vec::new();
        for issuer in self.verifiers.iter().flat_map(|verifier| verifier.issuers().names()) {
            if !known.contains(&issuer) {
                known.push(issuer);
            }
        }
        let how = mismatch(&known, issuer.as_slice());
        Error::new(
            ErrorKind::UnknownIssuer,
            format!("no verifier is configured for the token's issuer: {how}"),
        )
    }

    /// Tries several verifiers of one issuer, for other audiences or types; one must accept.
    async fn try_each(&self, candidates: &[usize], token: &[u8]) -> Result<Verified, Error> {
        let mut refusal: Option<Error> = None;
        for verifier in candidates.iter().filter_map(|at| self.verifiers.get(*at)) {
            match verifier.start_in_full(token).await {
                Ok(verified) => return Ok(verified),
                Err(error) => match &refusal {
                    Some(known) if weight(known) >= weight(&error) => {}
                    _ => refusal = Some(error),
                },
            }
        }
        Err(refusal.unwrap_or_else(|| Error::new(ErrorKind::UnknownIssuer, "no verifier")))
    }
}

/// Ranks rejections; the highest is reported. In an outage or with a fault of this server the token
/// may be valid; a verifier that got to dates or revocation has accepted everything else.
fn weight(refusal: &Error) -> u8 {
    match refusal.kind() {
        ErrorKind::Unavailable => 2,
        kind if kind.is_fault() => 2,
        ErrorKind::Expired | ErrorKind::NotYetValid | ErrorKind::Revoked | ErrorKind::NotListed => {
            1
        }
        _ => 0,
    }
}
