//! What is asked of a request beyond a look at its credential.

use super::credentials::RoutedHead;
use super::identity::Identity;
use crate::core::error::Error;
#[cfg(feature = "config")]
use crate::policy::LiveTable;
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
    /// The same of a table that can be replaced.
    #[cfg(feature = "config")]
    LiveTable(LiveTable),
}

impl Need {
    /// The table that counts for the request that comes now, where it can be replaced.
    pub(super) fn live(&self) -> Option<Arc<RouteTable>> {
        match self {
            #[cfg(feature = "config")]
            Self::LiveTable(table) => Some(table.now()),
            _ => None,
        }
    }

    /// What it asks of a request; `live` is what [`live`](Self::live) gave.
    ///
    /// # Errors
    /// Where the table lets nobody in.
    pub(super) fn of<'n>(
        &'n self,
        live: Option<&'n RouteTable>,
        head: &impl RoutedHead,
    ) -> Result<Demands<'n>, Error> {
        let table = match self {
            Self::Table(table) => Some(table),
            _ => live,
        };
        let (login, access) = match self {
            Self::Nothing => (false, Access::default()),
            Self::Login => (true, Access::default()),
            Self::Policy(policy) => (true, Access::of([&**policy])),
            _ => match table {
                Some(table) => {
                    let (method, path) = (head.method(), head.path());
                    let access = match (head.original_path(), head.nested_at()) {
                        (Some(original), place) if original != path || place.is_some() => {
                            table.find_nested(method, path, original, place)?
                        }
                        _ => table.find(method, path)?,
                    };
                    (!access.is_public(), access)
                }
                None => (true, Access::default()),
            },
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
