//! Authentication of a request by its session.

use super::request_session::{Open, Visit};
use super::settings::SessionSettings;
use crate::authenticator::answer::Edits;
use crate::authenticator::credentials::Head;
use crate::authenticator::gate::{Admission, Authenticator, Begun, Outcome, Pass};
use crate::authenticator::identity::CredentialKind;
use crate::core::challenge::AuthResponse;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::session::{Load, Loaded};
use crate::token::claim_set::Claimed;
use std::sync::Arc;

impl Authenticator {
    /// Authenticates a request that may have a session.
    pub(in crate::authenticator) fn admit_visitor(
        &self,
        head: &impl Head,
        settings: &Arc<SessionSettings>,
        required: bool,
    ) -> Admission {
        let visit = Visit::of(self, head, settings);
        match self.begin(head, 0..settings.place) {
            Begun::Nothing => {}
            begun => return visit.go_along(self.admit_begun(begun, required)),
        }
        let load = match visit.load() {
            Ok(load) => load.map(|load| visit.kept_fresh(load)),
            Err(error) => {
                let begun = match error.kind() {
                    ErrorKind::InvalidRequest => Begun::Ambiguous(error),
                    _ => Begun::Unreadable(error),
                };
                return visit.go_along(self.admit_begun(begun, required));
            }
        };
        // A guest's session does not identify the sender: later sources decide.
        let rest = self.begin(head, settings.place + 1..self.sources());
        match load {
            None => visit.go_along(self.admit_begun(rest, required)),
            Some(Load::Now(found)) => match self.recognize(&visit, found, required) {
                Some(decision) => visit.go_along(Admission::Now(decision)),
                None => visit.go_along(self.admit_begun(rest, required)),
            },
            Some(Load::Later(load)) => {
                let auth = self.clone();
                Admission::Later(Box::pin(async move {
                    let found = load.await;
                    let admission = match auth.recognize(&visit, found, required) {
                        Some(decision) => Admission::Now(decision),
                        None => auth.admit_begun(rest, required),
                    };
                    visit.go_along(admission).wait().await
                }))
            }
        }
    }

    /// Decides by the loaded session; `None` for a guest's.
    fn recognize(
        &self,
        visit: &Visit,
        found: Result<Loaded, Error>,
        required: bool,
    ) -> Option<Result<Pass, AuthResponse>> {
        let error = match visit.settle(found) {
            Ok(loaded) => {
                loaded.key()?;
                let claims = Claimed::Set(loaded.claims().clone());
                let identity = self.identity(claims, CredentialKind::Session);
                let known = Outcome::Known(identity.logged_in(loaded.login()));
                return Some(Ok(Pass::with(known, Edits::vary())));
            }
            Err(error) => error,
        };
        let optional = visit.has_ended() && !self.refuses_cookies();
        if required || !optional {
            let mut edits = Edits::vary();
            edits.cookies.extend(visit.removal());
            return Some(Err(self.refuse(&error, edits)));
        }
        telemetry::refused(&error);
        // Its cookie is removed with the response, unless the handler starts a session.
        Some(Ok(Pass::with(Outcome::Ignored(error), Edits::vary())))
    }
}

impl Visit {
    /// Attaches the session to the pass.
    fn go_along(self: Arc<Self>, admission: Admission) -> Admission {
        let with = move |mut pass: Pass| {
            pass.edits.visit = Some(Open::new(self));
            pass
        };
        match admission {
            Admission::Now(decision) => Admission::Now(decision.map(with)),
            Admission::Later(decision) => {
                Admission::Later(Box::pin(async move { decision.await.map(with) }))
            }
        }
    }
}
