//! Admission of a request: authenticates it, enriches the identity, checks the route's policies.

use super::credentials::RoutedHead;
use super::gate::{Admission, Attached, Authenticator, Outcome, Pass, missing};
use super::identity::Identity;
use super::requirement::{Demands, Need, Policies};
use crate::core::challenge::AuthResponse;
use crate::core::error::Error;
use std::sync::Arc;

impl Authenticator {
    /// Decides whether a request may reach its route.
    ///
    /// `attached` is the outcome of an outer layer; it is used again, not computed again.
    pub(crate) fn admit(
        &self,
        head: &impl RoutedHead,
        attached: Option<&Attached>,
        need: &Need,
    ) -> Admission {
        let live = need.live();
        let demands = match need.of(live.as_deref(), head) {
            Ok(demands) => demands,
            // Denied for every credential.
            Err(error) => return Admission::Now(Err(self.challenge(&error))),
        };
        let outer = attached.filter(|attached| Arc::ptr_eq(&attached.auth.0, &self.0));
        let Some(outer) = outer else {
            return match self.enrich(self.admit_sender(head, demands.login)) {
                admission if demands.is_simple() => admission,
                Admission::Now(Ok(pass)) => self.ask(pass, None, &demands),
                refused @ Admission::Now(Err(_)) => refused,
                Admission::Later(admission) => {
                    let (auth, policies) = (self.clone(), demands.to_owned());
                    Admission::Later(Box::pin(async move {
                        let pass = admission.await?;
                        let identity = pass.known().cloned();
                        auth.ask_async(pass, identity, policies).await
                    }))
                }
            };
        };
        match &outer.outcome {
            Outcome::Anonymous if demands.login => Admission::Now(Err(self.challenge(&missing()))),
            Outcome::Ignored(error) if demands.login => Admission::Now(Err(self.challenge(error))),
            outcome => self.ask(Pass::attached(), outcome.known(), &demands),
        }
    }

    /// Decides for an adapter that does not see the response.
    ///
    /// Only an outer layer can then save a session or set the cookie of a renewed token.
    #[cfg(feature = "tower-http")]
    pub(crate) fn admit_request_only(
        &self,
        head: &impl RoutedHead,
        attached: Option<&Attached>,
        need: &Need,
    ) -> Admission {
        let layered = attached.is_some_and(|outer| Arc::ptr_eq(&outer.auth.0, &self.0));
        if layered || !self.changes_responses() {
            return self.admit(head, attached, need);
        }
        Admission::Now(Err(self.challenge(&Error::configuration(
            "AsyncRequireAuthorizationLayer cannot save sessions or renewed tokens: put \
             auth.layer() around it, or use the guard as a layer",
        ))))
    }

    /// Adds the application's own claims to the sender's.
    fn enrich(&self, admission: Admission) -> Admission {
        let Some(enricher) = &self.0.enricher else {
            return admission;
        };
        match admission {
            Admission::Now(Ok(mut pass)) => {
                let sender = pass.sender();
                if sender.is_none_or(|identity| enricher.recall(identity)) {
                    return Admission::Now(Ok(pass));
                }
                let auth = self.clone();
                Admission::Later(Box::pin(async move { auth.enrich_later(pass).await }))
            }
            Admission::Later(admission) => {
                let auth = self.clone();
                Admission::Later(Box::pin(async move { auth.enrich_later(admission.await?).await }))
            }
            refused => refused,
        }
    }

    async fn enrich_later(&self, mut pass: Pass) -> Result<Pass, AuthResponse> {
        let (Some(enricher), Some(identity)) = (&self.0.enricher, pass.sender()) else {
            return Ok(pass);
        };
        let answer = enricher.enrich(identity).await;
        self.decide(answer, pass)
    }

    /// Checks the policies against the identity that an outer layer found, or else the pass's.
    fn ask(&self, pass: Pass, outer: Option<&Identity>, demands: &Demands<'_>) -> Admission {
        let identity = outer.or(pass.known());
        if demands.is_async() {
            let (auth, policies) = (self.clone(), demands.to_owned());
            let identity = identity.cloned();
            return Admission::Later(Box::pin(async move {
                auth.ask_async(pass, identity, policies).await
            }));
        }
        let answer = match identity {
            Some(identity) => demands.check(identity),
            None if demands.login => Err(missing()),
            None => Ok(()),
        };
        Admission::Now(self.decide(answer, pass))
    }

    async fn ask_async(
        &self,
        pass: Pass,
        identity: Option<Identity>,
        policies: Policies,
    ) -> Result<Pass, AuthResponse> {
        let answer = match identity {
            Some(identity) => policies.check(&identity).await,
            None => Err(missing()),
        };
        self.decide(answer, pass)
    }

    fn decide(&self, answer: Result<(), Error>, pass: Pass) -> Result<Pass, AuthResponse> {
        match answer {
            Ok(()) => Ok(pass),
            Err(error) => Err(self.refuse(&error, pass.edits)),
        }
    }
}
