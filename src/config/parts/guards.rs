//! Settings of the route table.

use super::location::Spot;
use crate::config::document::Problem;
use crate::policy::{RouteRule, RouteTable, Unmatched};

/// The settings of a route table.
pub(in crate::config) struct GuardSettings<'s> {
    pub(in crate::config) guards: &'s [RouteRule],
    pub(in crate::config) unmatched: Option<Unmatched>,
    pub(in crate::config) keep_encoded_slashes: bool,
}

impl GuardSettings<'_> {
    /// Returns `None` if the file has no settings of routes.
    pub(in crate::config) fn build(&self, spot: &Spot<'_>) -> Result<Option<RouteTable>, Problem> {
        let unmatched = match (self.unmatched, self.guards.is_empty()) {
            (Some(unmatched), _) => unmatched,
            (None, true) if self.keep_encoded_slashes => {
                return Err(spot
                    .key("keep_encoded_slashes")
                    .wrong("there are no 'guards' that it applies to: add them, or leave it out"));
            }
            (None, true) => return Ok(None),
            (None, false) => {
                return Err(spot.key("guards").wrong(
                    "'guards' without 'unmatched': set it to \"deny\" or \"allow\", for requests \
                     whose path no guard matches",
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
        table.build().map(Some).map_err(|error| place.refused(error))
    }
}
