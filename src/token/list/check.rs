//! Check of a token against one list.

use super::changes::{Mark, Moment};
use super::token_list::{Kind, TokenList, moment_of};
use crate::core::{Error, ErrorKind, ensure, telemetry};
use crate::store::{Record, StoreFuture};
use crate::token::registered::{Leniency, RegisteredClaims, TextRule};
use crate::token::{revocation::RevocationId, verified::Verified};
use std::{future::poll_fn, sync::atomic::Ordering, task::Poll};

type ReadResult = Result<Option<Record>, Error>;

/// The store keys of the entries that decide about a token.
struct Keys {
    token: String,
    subject: Option<String>,
}

impl TokenList {
    /// Checks the token if that needs no waiting.
    pub(super) fn recall(&self, token: &Verified) -> Option<Result<(), Error>> {
        let mark = self.mark(token);
        if self.changes.unchanged(mark) {
            return Some(Ok(()));
        }
        self.peek(token, mark)
    }

    #[cold]
    fn peek(&self, token: &Verified, mark: &Mark) -> Option<Result<(), Error>> {
        let now = self.changes.now(mark);
        let (keys, store) = (self.keys(token, mark), &self.list.store);
        let own = store.peek(&keys.token)?;
        let subject = match &keys.subject {
            Some(key) => store.peek(key)?,
            None => None,
        };
        Some(self.conclude(token, (mark, now), Ok(own), Ok(subject)))
    }

    /// Checks the token, asking the store if necessary.
    pub(super) async fn ask(&self, token: &Verified) -> Result<(), Error> {
        if let Some(answer) = self.recall(token) {
            return answer;
        }
        let mark = self.mark(token);
        let now = self.changes.now(mark);
        let (keys, store) = (self.keys(token, mark), &self.list.store);
        let subject: StoreFuture<'_, _> = match &keys.subject {
            Some(key) => store.get(key),
            None => Box::pin(std::future::ready(Ok(None))),
        };
        let (own, subject) = both(store.get(&keys.token), subject).await;
        self.conclude(token, (mark, now), own, subject)
    }

    fn mark<'t>(&self, token: &'t Verified) -> &'t Mark {
        let marks = &token.entry().marks;
        marks.of(self.id, || Mark::new(self.id, token.revocation_id(), subject_id(token)))
    }

    fn keys(&self, token: &Verified, mark: &Mark) -> Keys {
        let subject = mark.subject.as_ref();
        Keys {
            token: self.token_key(token.revocation_id()),
            subject: subject.map(|id| self.subject_key(id)),
        }
    }

    /// Decides by the two entries, read after `then`.
    ///
    /// An entry against the token decides even if the other could not be read.
    fn conclude(
        &self,
        token: &Verified,
        (mark, then): (&Mark, Moment),
        own: ReadResult,
        subject: ReadResult,
    ) -> Result<(), Error> {
        let entry = token.entry();
        self.check_lifetime(entry.window.expires, entry.issued_in)
            .map_err(|error| Error::new(ErrorKind::InvalidClaim, error.message().to_owned()))?;
        let mut outage = None;
        match own {
            Ok(own) => self.judge(own.is_some())?,
            Err(error) => outage = Some(error),
        }
        match subject {
            Ok(Some(record)) if is_revoked_by(token, &record) => {
                return Err(Error::new(
                    ErrorKind::Revoked,
                    "the token is revoked, with all earlier tokens of its subject",
                ));
            }
            Ok(_) => {}
            Err(error) => outage = Some(error),
        }
        let failing = &self.list.failing;
        match outage {
            None => {
                if failing.load(Ordering::Relaxed) {
                    failing.store(false, Ordering::Relaxed);
                }
                mark.set_good(then);
                Ok(())
            }
            Some(error) => {
                if !failing.swap(true, Ordering::Relaxed) {
                    telemetry::warn("a token list's store is unavailable", &error);
                }
                if self.limits().get().fail_open {
                    self.list.unchecked.add();
                    return Ok(());
                }
                Err(error.into_outage("cannot check at the moment whether the token is revoked"))
            }
        }
    }

    fn judge(&self, listed: bool) -> Result<(), Error> {
        match (self.list.kind, listed) {
            (Kind::Deny, false) | (Kind::Allow, true) => Ok(()),
            (Kind::Deny, true) => Err(Error::new(ErrorKind::Revoked, "the token is revoked")),
            (Kind::Allow, false) => {
                Err(Error::new(ErrorKind::NotListed, "the token is not in the allow list"))
            }
        }
    }

    /// Rejects a token that could outlive its subject's revocation. Times are Unix seconds.
    pub(crate) fn check_lifetime(
        &self,
        expires: Option<u64>,
        issued: Option<u64>,
    ) -> Result<(), Error> {
        let lifetime = match (expires, issued) {
            (Some(expires), Some(issued)) => expires.saturating_sub(issued),
            _ => return Ok(()),
        };
        ensure(
            self.max_lifetime().is_none_or(|most| lifetime <= most.as_secs()),
            "the token's lifetime is over the limit of its list: raise the list's \
             .max_token_lifetime(…)",
        )
    }
}

/// Returns the id of the token's `sub`, or else of its `email`: JAM's tokens have no `sub`.
fn subject_id(token: &Verified) -> Option<RevocationId> {
    let name = |subject: &str| RevocationId::of_subject(token.issuer(), subject);
    if let Some(subject) = token.subject() {
        return Some(name(subject));
    }
    let email = [TextRule::read("email")];
    // The claims were parsed during verification, so this cannot fail.
    let mut claims =
        RegisteredClaims::parse_leniently(token.raw_claims(), &email, Leniency::ALL).ok()?;
    Some(name(&claims.texts.pop()??))
}

/// Returns whether its subject's entry revokes a token.
fn is_revoked_by(token: &Verified, entry: &Record) -> bool {
    let issued = token.entry().issued_in;
    issued.is_none_or(|issued| issued <= moment_of(entry))
}

/// Awaits two futures concurrently.
async fn both<A, B>(
    mut a: StoreFuture<'_, A>,
    mut b: StoreFuture<'_, B>,
) -> (Result<A, Error>, Result<B, Error>) {
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(move |context| {
        if of_a.is_none()
            && let Poll::Ready(answer) = a.as_mut().poll(context)
        {
            of_a = Some(answer);
        }
        if of_b.is_none()
            && let Poll::Ready(answer) = b.as_mut().poll(context)
        {
            of_b = Some(answer);
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            waiting => {
                (of_a, of_b) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}
