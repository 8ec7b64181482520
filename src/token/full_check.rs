//! Full verification of a token: form, header, claims, issuer, key, signature.

use super::claim_set::{ClaimSet, Text};
use super::keys::Snapshot;
use super::list::changes::Marks;
use super::pool::{Check, sender_id};
use super::signature::{self, Refused};
use super::verified::{Entry, Evidence, Verified};
use super::verifier::Inner;
use crate::core::now_or_later::NowOrLater::{self, Later, Now};
use crate::core::{BoxFuture, Clock, Error, ErrorKind, hash::seeded_hash};
use std::borrow::Cow;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

impl Inner {
    /// Runs the checks that need no key.
    pub(super) fn check_form(&self, token: &[u8]) -> Result<(), Error> {
        let compact = self.rules.split(token)?;
        self.rules.check_header(&*compact.header()?)?;
        let payload = compact.payload_text()?;
        let mut claims = self.rules.read_claims(&payload)?;
        self.rules.add_header_claims(&compact, &mut claims)?;
        self.rules.check_issuer(&claims)
    }

    /// Returns the error and, if newer keys might change it, why none are fetched.
    pub(super) fn not_refreshed(&self, refused: Refused) -> Error {
        let error = match refused {
            Refused::Because(error) => return error,
            Refused::UnknownKeyId { error, .. } | Refused::ByKey(error) => error,
        };
        match self.keys.age_note() {
            Some(note) => error.map_message(|message| format!("{message}; {note}")),
            None => error,
        }
    }

    /// Fetches keys newer than generation `seen` if they might change the result.
    pub(super) fn newer_keys(
        &self,
        refused: &Refused,
        seen: u64,
    ) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        match refused {
            Refused::UnknownKeyId { kid, .. } => self.keys.refresh(seen, kid),
            Refused::ByKey(_) => self.keys.refresh_replaced(seen),
            Refused::Because(_) => None,
        }
    }

    /// Verifies with keys that are being fetched.
    pub(super) async fn check_again(
        self: &Arc<Self>,
        token: &[u8],
        mut refused: Refused,
        mut newer: BoxFuture<Result<Snapshot, Error>>,
    ) -> Result<Verified, Error> {
        // A fetch already in progress may have started before the key was published.
        let mut joined = true;
        loop {
            let keys = match (newer.await, refused) {
                (Ok(keys), _) => keys,
                // The known key rejected the token; an outage does not turn that into a 503.
                (Err(_), Refused::ByKey(error)) => return Err(error),
                (Err(error), _) => return Err(error),
            };
            refused = match self.check_here_or_in_pool(token, &keys).1.await {
                Ok(verified) => return Ok(verified),
                Err(refused) => refused,
            };
            newer = match self.newer_keys(&refused, keys.generation) {
                Some(next) if joined => next,
                _ => return Err(self.not_refreshed(refused)),
            };
            joined = false;
        }
    }

    /// Runs all checks whose result is cached: on this thread, or the signature's in the pool.
    pub(super) fn check_here_or_in_pool(
        self: &Arc<Self>,
        token: &[u8],
        keys: &Snapshot,
    ) -> (Check, NowOrLater<Result<Verified, Refused>>) {
        let (pool, now) = (self.pool.current(), self.clock.monotonic());
        let mut check = Check::default();
        let checked = self.check(token, keys, |found| {
            check = found;
            !pool.takes(found, now)
        });
        if check.micros > 0 && !matches!(checked, Ok(None)) {
            check.spent = self.clock.monotonic().saturating_sub(now);
        }
        let checked = match checked {
            Ok(Some(verified)) => Now(Ok(verified)),
            Ok(None) => match self.check_in_pool(check, now, token, keys) {
                Ok(checked) => Later(checked),
                Err(full) => Now(Err(full.into())),
            },
            Err(refused) => Now(Err(refused)),
        };
        (check, checked)
    }

    /// Runs all checks in the pool, once for all callers with this token.
    fn check_in_pool(
        self: &Arc<Self>,
        check: Check,
        now: Duration,
        token: &[u8],
        keys: &Snapshot,
    ) -> Result<BoxFuture<Result<Verified, Refused>>, Error> {
        // Callers share a check only if it would have the same result for each of them.
        let scope = [self.id, keys.generation, self.epochs.of(seeded_hash(token))];
        let (this, text, keys) = (self.clone(), Box::<[u8]>::from(token), keys.clone());
        self.pool.current().run(check, now, (scope, token), move || {
            // The previous check of this token may have ended after the caller's lookup.
            let known = this.cache.get(&text);
            let known = known.filter(|known| this.is_current(known.entry(), this.clock.now()));
            let checked = match known {
                Some(known) => Ok(Some(known)),
                None => this.check(&text, &keys, |_| true),
            };
            // Always present: the check was not left to another thread.
            let absent = || Error::new(ErrorKind::Internal, "the signature was not checked").into();
            let checked = checked.and_then(|verified| verified.ok_or_else(absent));
            let is_in_time = |verified: &Verified| {
                verified.entry().window.check(this.clock.now(), &this.rules).is_ok()
            };
            let usable = checked.as_ref().ok().filter(|verified| is_in_time(verified));
            // Before the callers are woken, so that later callers find it.
            if let Some(verified) = usable {
                this.cache.insert(verified.entry());
            }
            let has_failed = usable.is_none();
            (checked, has_failed)
        })
    }

    /// Tells the pool the result of a full verification.
    pub(super) fn note(&self, check: Check, answer: &Result<Verified, Error>) {
        if check.micros > 0 {
            self.pool.current().note(check, self.clock.monotonic(), answer);
        }
    }

    /// Runs all checks whose result is cached: form, issuer, key, signature, claims.
    ///
    /// `None` if `is_here` leaves the check of a public-key signature to another thread.
    fn check(
        &self,
        token: &[u8],
        Snapshot { keys, generation }: &Snapshot,
        is_here: impl FnOnce(Check) -> bool,
    ) -> Result<Option<Verified>, Refused> {
        let hash = seeded_hash(token);
        let epoch = self.epochs.of(hash);
        let emulator = self.firebase_emulator.as_ref();
        let signed = emulator.map(|signer| signer.sign(token, self.rules.max_len)).transpose()?;
        let compact = self.rules.split(signed.as_deref().map_or(token, str::as_bytes))?;
        let header = compact.header()?;
        self.rules.check_header(&header)?;
        let payload = compact.payload_text()?;
        let mut claims = self.rules.read_claims(&payload)?;
        self.rules.add_header_claims(&compact, &mut claims)?;
        // Before key selection, so that a foreign token costs little.
        self.rules.check_issuer(&claims)?;

        let candidates = signature::select(&header, keys, &self.rules)?;
        let micros = candidates.check_micros();
        if micros > 0 {
            let sender = sender_id(claims.issuer.as_deref(), claims.subject.as_deref());
            if !is_here(Check { sender, micros, spent: Duration::ZERO }) {
                return Ok(None);
            }
        }
        let key = candidates.verify(&compact, &header, &claims, &self.rules)?;
        let window = self.rules.check_claims(&claims)?;
        let confirmation = self.rules.confirmation(&claims, &payload);
        let issued_in = claims.issued_in;
        let text = |text: Option<Cow<'_, str>>| text.map(|text| Text::new(text, &payload));
        let (issuer, subject, token_id) =
            (text(claims.issuer), text(claims.subject), text(claims.token_id));
        let token = std::str::from_utf8(token)
            .map_err(|_| Error::new(ErrorKind::Malformed, "the token is not ASCII"))?;
        let entry = Arc::new(Entry {
            token: token.into(),
            hash,
            claims: ClaimSet::new(payload, issuer, subject),
            token_id,
            window,
            confirmation,
            issued_in,
            evidence: Evidence::Signature {
                header,
                key: *key.id(),
                generation: AtomicU64::new(*generation),
            },
            epoch,
            revocation_id: OnceLock::new(),
            issuer_verifies_emails: self.rules.issuer_verifies_emails,
            is_alb: self.rules.is_alb(),
            marks: Marks::default(),
        });
        Ok(Some(Verified::new(entry)))
    }
}
