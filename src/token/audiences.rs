//! For whom a token is: audiences, and clients.

use super::protected_resource::ProtectedResource;
use super::registered::{Audience, RegisteredClaims, TextRule, missing, wrong};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use std::borrow::Cow;

/// The accepted audiences and clients of a verifier.
#[derive(Default)]
pub(crate) struct Audiences {
    /// Accepted audiences; none accepts any, unless clients replace the audience.
    names: Vec<Box<str>>,
    /// The protected resource that may be the audience too.
    pub(super) resource: Option<ProtectedResource>,
    /// Accepted clients; none accepts any.
    clients: Vec<Box<str>>,
    /// Whether the client decides about a token without `aud`.
    pub(super) client_instead: bool,
    pub(super) unnamed: Unnamed,
    /// Whether `.audiences([…])` or `.client_ids([…])` was called with an empty list.
    has_empty_list: bool,
}

/// The rule for a builder without an audience.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Unnamed {
    /// Building fails, unless the client decides.
    #[default]
    Refused,
    /// Any audience is accepted; naming an audience as well is an error.
    Any,
    /// Any audience is accepted until one is named.
    AnyUntilNamed,
}

/// The claims that name the client, the first one present decides: RFC 9068, OpenID Connect, Entra.
const CLIENT_CLAIMS: [&str; 3] = ["client_id", "azp", "appid"];

impl Audiences {
    pub(super) fn add(&mut self, names: impl Iterator<Item = Box<str>>) {
        let before = self.names.len();
        self.names.extend(names);
        self.has_empty_list |= self.names.len() == before;
    }

    pub(super) fn add_clients(&mut self, clients: impl Iterator<Item = Box<str>>) {
        let before = self.clients.len();
        self.clients.extend(clients);
        self.has_empty_list |= self.clients.len() == before;
    }

    pub(super) fn check_settings(&self) -> Result<(), Error> {
        let has_blank = |names: &[Box<str>]| names.iter().any(|name| name.trim().is_empty());
        ensure(
            !self.has_empty_list,
            "an empty list of audiences or client ids: name those to accept, or leave out the call",
        )?;
        ensure(
            !has_blank(&self.names),
            "an empty audience: give .audience(…) the name of this service",
        )?;
        ensure(
            !has_blank(&self.clients),
            "an empty client id: give .client_ids([…]) the ids that the issuer gave the clients",
        )?;
        ensure(
            !self.client_instead || !self.clients.is_empty(),
            ".client_id_instead_of_audience() needs the accepted clients: call .client_ids([…])",
        )?;
        ensure(
            !self.client_instead || self.unnamed != Unnamed::Any,
            "both .client_id_instead_of_audience() and .any_audience() are set: keep one of the two",
        )?;
        ensure(
            self.unnamed != Unnamed::Refused || self.client_instead || self.has_audience(),
            match self.clients.is_empty() {
                true => {
                    "no audience: call .audience(…) with this service's name in the tokens' aud, or \
                     .any_audience() if the issuer has no other services (RFC 7519 section 4.1.3)"
                }
                false => {
                    "client ids, but no audience: call .audience(…) with this service's name in the \
                     tokens' aud, .client_id_instead_of_audience() if the tokens have no aud, or \
                     .any_audience() if the clients use no other service of this issuer"
                }
            },
        )?;
        ensure(
            self.unnamed != Unnamed::Any || !self.has_audience(),
            "both .any_audience() and .audience(…) or .protected_resource(…) are set: keep one of \
             the two",
        )
    }

    /// The claims that these rules read.
    pub(super) fn claims(&self) -> &'static [&'static str] {
        if self.clients.is_empty() { &[] } else { &CLIENT_CLAIMS }
    }

    /// Whether an audience is accepted by name.
    fn has_audience(&self) -> bool {
        !self.names.is_empty() || self.resource.is_some()
    }

    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    pub(super) fn check(
        &self,
        claims: &RegisteredClaims<'_>,
        texts: &[TextRule],
    ) -> Result<(), Error> {
        self.check_audience(&claims.audience)?;
        self.check_client(claims, texts)
    }

    fn check_audience(&self, audience: &Audience<'_>) -> Result<(), Error> {
        if !self.has_audience() && !self.client_instead {
            return Ok(());
        }
        let is_resource =
            |found: &str| self.resource.as_ref().is_some_and(|ours| ours.is_named_by(found));
        let ours = |found: &Cow<'_, str>| {
            self.names.iter().any(|ours| **ours == **found) || is_resource(found)
        };
        let found = match audience {
            Audience::Absent if self.client_instead => return Ok(()),
            Audience::Absent => return Err(missing("aud")),
            Audience::One(found) => std::slice::from_ref(found),
            Audience::Many(found) => found,
        };
        match found.iter().any(ours) {
            true => Ok(()),
            false => {
                let resource = self.resource.as_ref().map(ProtectedResource::identifier);
                let names = self.names.iter().map(|name| &**name);
                let expected: Vec<&str> = names.chain(resource).collect();
                Err(wrong("aud", &mismatch(&expected, found)))
            }
        }
    }

    fn check_client(&self, claims: &RegisteredClaims<'_>, texts: &[TextRule]) -> Result<(), Error> {
        if self.clients.is_empty() {
            return Ok(());
        }
        let Some(claim) = CLIENT_CLAIMS.into_iter().find(|claim| claims.has(claim)) else {
            return Err(Error::new(
                ErrorKind::MissingClaim,
                "the token lacks 'client_id', and 'azp' and 'appid' too: nothing names its client",
            ));
        };
        match claims.text(texts, claim) {
            Some(found) if self.clients.iter().any(|ours| **ours == *found) => Ok(()),
            Some(found) => Err(wrong(claim, &mismatch(&self.clients, &[found]))),
            None => Err(wrong(claim, "expected a string, received another JSON type")),
        }
    }
}
