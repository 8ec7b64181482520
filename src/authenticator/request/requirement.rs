//! What a layer or guard requires of a request: nothing, a login, or policies.

use super::credentials::RoutedHead;
use crate::authenticator::identity::Identity;
use crate::core::Error;
#[cfg(feature = "config")]
use crate::policy::LiveTable;
use crate::policy::{Access, Policy, RouteTable};
use std::sync::Arc;

/// The requirement of a layer or guard.
#[derive(Clone, Debug)]
pub(crate) enum Requirement {
    Nothing,
    Login,
    Policy(Arc<Policy>),
    /// Requirements by the request's method and path.
    Table(RouteTable),
    /// A table that can be replaced at run time.
    #[cfg(feature = "config")]
    LiveTable(LiveTable),
}

impl Requirement {
    /// Returns the current table, if it can be replaced.
    pub(super) fn live(&self) -> Option<Arc<RouteTable>> {
        match self {
            #[cfg(feature = "config")]
            Self::LiveTable(table) => Some(table.now()),
            _ => None,
        }
    }

    /// Returns the requirement for a request. `live` is the result of [`live`](Self::live).
    ///
    /// # Errors
    /// The errors of the table, which denies the request whatever its credential.
    #[inline]
    pub(super) fn of<'r>(
        &'r self,
        live: Option<&'r RouteTable>,
        head: &impl RoutedHead,
    ) -> Result<RequestRequirement<'r>, Error> {
        let table = match self {
            Self::Table(table) => Some(table),
            _ => live,
        };
        let (login, access) = match self {
            Self::Nothing => (false, Access::default()),
            Self::Login => (true, Access::default()),
            Self::Policy(policy) => (true, Access::from_iter([&**policy])),
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
        Ok(RequestRequirement { login, access })
    }
}

/// The requirements of one request.
pub(super) struct RequestRequirement<'r> {
    /// Implied by policies.
    pub(super) login: bool,
    access: Access<'r>,
}

impl RequestRequirement<'_> {
    /// Whether there are no policies.
    pub(super) fn is_simple(&self) -> bool {
        self.access.is_public()
    }

    pub(super) fn is_async(&self) -> bool {
        self.access.is_async()
    }

    pub(super) fn check(&self, identity: &Identity) -> Result<(), Error> {
        self.access.check(&identity.for_policies()?)
    }

    /// Clones the policies for a future that outlives the guard.
    pub(super) fn to_owned(&self) -> Policies {
        Policies(self.access.policies().cloned().collect())
    }
}

/// Policies that must all allow the request.
pub(super) struct Policies(Vec<Policy>);

impl Policies {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) async fn check(&self, identity: &Identity) -> Result<(), Error> {
        let access = Access::from_iter(&self.0);
        access.check_async(&identity.for_policies()?).await
    }
}
