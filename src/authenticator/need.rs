//! What is asked of a request beyond a look at its credential.

use super::credentials::Head;
use super::identity::Identity;
use crate::core::error::Error;
use crate::policy::{Access, Policy, RouteTable};
use std::sync::Arc;

/// What a layer or guard asks of every request.
#[derive(Clone, Debug)]
pub(crate) enum Need {
    Nothing,
    Login,
    Policy(Arc<Policy>),
    /// What the table says of the request's method and path.
    Table(RouteTable),
}

impl Need {
    /// What it asks of a request with this path, as sent.
    ///
    /// # Errors
    /// Where the table lets nobody in.
    pub(super) fn of(&self, head: &impl Head, path: &str) -> Result<Demands<'_>, Error> {
        let (login, access) = match self {
            Self::Nothing => (false, Access::default()),
            Self::Login => (true, Access::default()),
            Self::Policy(policy) => (true, Access::of([&**policy])),
            Self::Table(table) => {
                let access = table.find(head.method(), path)?;
                (!access.is_public(), access)
            }
        };
        Ok(Demands { login, access })
    }
}

/// What one request needs.
pub(super) struct Demands<'n> {
    /// Whoever has policies to satisfy must be somebody.
    pub(super) login: bool,
    access: Access<'n>,
}

impl Demands<'_> {
    /// Whether there are no policies.
    pub(super) fn is_simple(&self) -> bool {
        self.access.is_public()
    }

    pub(super) fn is_async(&self) -> bool {
        self.access.is_async()
    }

    pub(super) fn check(&self, identity: &Identity) -> Result<(), Error> {
        match self.is_simple() {
            true => Ok(()),
            false => self.access.check(&identity.judged()?),
        }
    }

    /// For a future, which outlives the guard.
    pub(super) fn to_owned(&self) -> Policies {
        Policies(self.access.policies().cloned().collect())
    }
}

/// Policies that must all consent.
pub(super) struct Policies(Vec<Policy>);

impl Policies {
    pub(super) async fn check(&self, identity: &Identity) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let access = Access::of(&self.0);
        access.check_async(&identity.judged()?).await
    }
}
