//! The table of routes.

use super::spot::Spot;
use crate::config::document::Problem;
use crate::policy::{RouteRule, RouteTable, Unmatched};

/// What a file says of routes.
pub(in crate::config) struct GuardSettings<'s> {
    pub(in crate::config) guards: &'s [RouteRule],
    pub(in crate::config) unmatched: Option<Unmatched>,
    pub(in crate::config) keep_encoded_slashes: bool,
}

impl GuardSettings<'_> {
    /// Nothing, where the file says nothing of routes.
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<Option<RouteTable>, Problem> {
        let unmatched = match (self.unmatched, self.guards.is_empty()) {
            (Some(unmatched), _) => unmatched,
            (None, true) if self.keep_encoded_slashes => {
                return Err(spot
                    .key("keep_encoded_slashes")
                    .wrong("there are no 'guards' that it is for"));
            }
            (None, true) => return Ok(None),
            (None, false) => {
                return Err(spot.key("guards").wrong(
                    "'guards' without 'unmatched': say what becomes of a request whose path no \
                     guard names, \"deny\" or \"allow\"",
                ));
            }
        };
        let place = spot.key("guards");
        let mut table = RouteTable::builder(unmatched);
        for (at, rule) in self.guards.iter().enumerate() {
            let with_rule = table.rules([rule.clone()], &spot.world.policies);
            table = with_rule.map_err(|error| place.index(at).refused(error))?;
        }
        if self.keep_encoded_slashes {
            table = table.keep_encoded_slashes();
        }
        table
            .build()
            .map(Some)
            .map_err(|error| place.refused(error))
    }
}
