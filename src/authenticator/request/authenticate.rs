//! The path of a request, top to bottom: find the credential, verify the token or load the session,
//! enrich the identity, check the policies. [`respond`](super::respond) continues.

use super::attached::{Attached, Authenticated, Invalid, ResponseHeader, Sender, no_credential};
#[cfg(feature = "client")]
use super::cookie_renewal::Renewal;
use super::credentials::{self, RoutedHead};
use super::proofs::Proven;
use super::requirement::{Policies, RequestRequirement, Requirement};
use super::respond::{Admitted, Decision, Responder};
use super::session::RequestSession;
use crate::authenticator::context::HandlerContext;
use crate::authenticator::handle::Authenticator;
use crate::authenticator::identity::{CredentialKind, Identity};
use crate::authenticator::sources::{CredentialSource, SourceKind};
use crate::core::now_or_later::NowOrLater::{self, Later, Now};
use crate::core::{AuthResponse, Error, ErrorKind, telemetry};
use crate::token::verified::Verified;
use std::{ops::Range, sync::Arc};

impl Authenticator {
    /// Decides whether a request may reach its route.
    ///
    /// `outer` is what an outer layer attached; it is used again, not computed again.
    pub(crate) fn decide(
        &self,
        head: &impl RoutedHead,
        outer: Option<&Attached>,
        requirement: &Requirement,
    ) -> Decision {
        let live = requirement.live();
        let required = match requirement.of(live.as_deref(), head) {
            Ok(required) => required,
            // Denied for every credential.
            Err(error) => return Now(Err(self.challenge(&error))),
        };
        if let Some(outer) = outer.filter(|outer| outer.is_layer_of(self.context())) {
            if required.login
                && let Err(error) = outer.sender.identity()
            {
                return Now(Err(self.challenge(&error)));
            }
            let admitted = Admitted { attached: None, responder: Responder::inner(self.context()) };
            return authorize(admitted, outer.sender.known(), &required);
        }
        let decision = self.identify(head, required.login);
        if required.is_simple() && self.0.enricher.is_none() {
            return decision;
        }
        let mut admitted = match decision {
            Now(Ok(admitted)) => admitted,
            Now(Err(refusal)) => return Now(Err(refusal)),
            Later(admitted) => {
                let (auth, policies) = (self.clone(), required.to_owned());
                return NowOrLater::later(async move {
                    auth.decide_later(admitted.await?, policies).await
                });
            }
        };
        if let (Some(enricher), Some(identity)) = (&self.0.enricher, admitted.identity_mut())
            && !enricher.recall(identity)
        {
            return NowOrLater::later(self.clone().decide_later(admitted, required.to_owned()));
        }
        authorize(admitted, None, &required)
    }

    /// Continues with an identity that came later, or whose enrichment does.
    async fn decide_later(
        self,
        mut admitted: Admitted,
        policies: Policies,
    ) -> Result<Admitted, AuthResponse> {
        let enriched = match (&self.0.enricher, admitted.identity_mut()) {
            (Some(enricher), Some(identity)) => enricher.enrich(identity).await,
            _ => Ok(()),
        };
        authorize_later(admitted.unless(enriched)?, None, policies).await
    }

    /// Decides for an adapter that does not see the response.
    ///
    /// Only an outer layer can then save a session or set the cookie of a renewed token.
    #[cfg(feature = "tower-http")]
    pub(crate) fn decide_without_response(
        &self,
        head: &impl RoutedHead,
        outer: Option<&Attached>,
        requirement: &Requirement,
    ) -> Decision {
        let is_inner = outer.is_some_and(|outer| outer.is_layer_of(self.context()));
        if is_inner || !self.changes_responses() {
            return self.decide(head, outer, requirement);
        }
        Now(Err(self.challenge(&Error::configuration(
            "AsyncRequireAuthorizationLayer cannot save sessions or renewed tokens: put \
             auth.layer() around it, or use the guard as a layer",
        ))))
    }

    /// Authenticates the sender, who must be known if `login` is required.
    fn identify(&self, head: &impl RoutedHead, login: bool) -> Decision {
        let context = self.context();
        let settings = self.0.sessions.as_ref();
        let session = settings.map(|settings| RequestSession::of(self, head, settings));
        let all = self.0.sources.len();
        let place = settings.map_or(all, |settings| settings.place);
        let authenticated = match (self.authenticate_token(head, 0..place), &session) {
            (Some(by_token), _) => by_token,
            (None, None) => Now(Authenticated::Anonymous),
            (None, Some(session)) => {
                let by_session = session.authenticate();
                // A guest's session does not identify the sender: the later sources decide.
                let otherwise = self.authenticate_token(head, place + 1..all);
                let otherwise = otherwise.unwrap_or_else(|| Now(Authenticated::Anonymous));
                by_session.then(|by_session| by_session.map_or(otherwise, Now))
            }
        };
        let context = context.clone();
        authenticated.map(move |authenticated| authenticated.admit(login, context, session))
    }

    /// Verifies the first token that these sources hold, and its proof; `None` without a token.
    fn authenticate_token(
        &self,
        head: &impl RoutedHead,
        sources: Range<usize>,
    ) -> Option<NowOrLater<Authenticated>> {
        let found = match credentials::find(head, &self.0.sources, sources) {
            Ok(found) => found?,
            Err((error, source)) => {
                // Browsers send cookies unasked, so two different ones of one name.
                let is_fatal = !source.is_cookie() || self.is_strict();
                return Some(Now(Authenticated::invalid(error, is_fatal)));
            }
        };
        if found.source.is_ambient()
            && let Err(error) = self.0.origins.check(head)
        {
            return Some(Now(Authenticated::invalid(error, true)));
        }
        let place = found.place;
        let verification = self.0.routing.verify(&found.token, |token| found.check_form(token));
        let possession = self.0.possession.as_ref();
        let is_bearer = |token: &Verified| {
            possession.is_none_or(|possession| possession.is_bearer(found.source, token))
        };
        let verification = match verification {
            // The usual token: there is nothing to prove, and nothing to renew.
            Now(Ok(token)) if is_bearer(&token) => {
                return Some(Now(Authenticated::Token(token, found.source.kind(), None)));
            }
            verification => verification,
        };
        #[cfg(feature = "client")]
        let refresh_token = self.refresh_token(head, found.source, &verification);
        let proven = self.prove(head, found.source, verification);
        #[cfg(feature = "client")]
        if let Some(refresh_token) = refresh_token {
            let renewal = Renewal { id_token: found.token.into_owned(), refresh_token, place };
            let auth = self.clone();
            return Some(proven.then(move |answer| match answer {
                Err(error) if error.kind() == ErrorKind::Expired => {
                    NowOrLater::later(async move { auth.renew_cookie(renewal, error).await })
                }
                answer => Now(auth.authenticated(answer, place)),
            }));
        }
        Some(proven.map_with(self, move |auth, answer| auth.authenticated(answer, place)))
    }

    /// Returns what a token shows, by the index of its source.
    pub(super) fn authenticated(
        &self,
        answer: Result<Proven, Error>,
        place: usize,
    ) -> Authenticated {
        let source = self.0.sources.get(place);
        let error = match answer {
            Ok((verified, header)) => {
                let kind = source.map_or(CredentialKind::Direct, CredentialSource::kind);
                return Authenticated::Token(verified, kind, header);
            }
            Err(error) => error,
        };
        // Neither an outage nor a fault of this server says anything about the token.
        let is_outage = error.kind() == ErrorKind::Unavailable || error.kind().is_fault();
        let (is_optional, removal) = match source.map(|source| &source.0) {
            Some(_) if error.kind() == ErrorKind::InvalidRequest => (false, None),
            Some(SourceKind::Cookie(name)) => {
                let is_final = error.kind().is_final();
                let removal = is_final.then(|| ResponseHeader::cookie(self.removal(name)));
                (!self.is_strict() && !is_outage, removal)
            }
            Some(_) => (self.is_lenient() && !is_outage, None),
            None => (false, None),
        };
        Authenticated::Invalid(Box::new(Invalid {
            error,
            is_fatal: !is_optional,
            removal: removal.into_iter().collect(),
        }))
    }
}

/// Checks the policies against the identity that an outer layer found, or else the request's own.
#[inline]
fn authorize(
    admitted: Admitted,
    outer: Option<&Identity>,
    required: &RequestRequirement<'_>,
) -> Decision {
    if required.is_simple() {
        return Now(Ok(admitted));
    }
    if required.is_async() {
        let (outer, policies) = (outer.cloned(), required.to_owned());
        return NowOrLater::later(authorize_later(admitted, outer, policies));
    }
    let answer = match outer.or(admitted.identity()) {
        Some(identity) => required.check(identity),
        None => Err(no_credential()),
    };
    Now(admitted.unless(answer))
}

async fn authorize_later(
    admitted: Admitted,
    outer: Option<Identity>,
    policies: Policies,
) -> Result<Admitted, AuthResponse> {
    let answer = match outer.as_ref().or(admitted.identity()) {
        _ if policies.is_empty() => Ok(()),
        Some(identity) => policies.check(identity).await,
        None => Err(no_credential()),
    };
    admitted.unless(answer)
}

impl Authenticated {
    /// Admits the request, or refuses it: a required `login` is missing, or the credential is
    /// invalid and may not be ignored.
    fn admit(
        self,
        login: bool,
        context: Arc<HandlerContext>,
        session: Option<Arc<RequestSession>>,
    ) -> Result<Admitted, AuthResponse> {
        let mut responder = Responder::new(&context, session);
        let sender = match self {
            Self::Token(verified, kind, header) => {
                responder.headers.extend(header);
                Sender::Known(Identity::new(verified.into(), kind, None, context))
            }
            Self::Session(loaded) => {
                let (claimed, kind) = (loaded.claims().clone().into(), CredentialKind::Session);
                Sender::Known(Identity::new(claimed, kind, Some(loaded), context))
            }
            Self::Anonymous if login => return Err(responder.refuse(&no_credential())),
            Self::Anonymous => Sender::Anonymous(context),
            Self::Invalid(invalid) => {
                let Invalid { error, is_fatal, removal } = *invalid;
                responder.headers = removal;
                if login || is_fatal {
                    return Err(responder.refuse(&error));
                }
                telemetry::refused(&error);
                Sender::Invalid(error, context)
            }
        };
        let session = responder.session().cloned();
        let attached = Some(Attached { sender, session, sees_response: true });
        Ok(Admitted { attached, responder })
    }
}
