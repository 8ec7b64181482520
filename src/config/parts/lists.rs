//! Settings of deny and allow lists.

use super::location::Spot;
use super::scalars::{Time, TimeOrUnlimited};
use super::stores::{Stores, unknown};
use crate::config::document::Problem;
use crate::token::list::{Limits, TokenList};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A deny list or allow list of tokens.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ListSettings {
    /// `deny` rejects the listed tokens; `allow` rejects all others.
    kind: ListKind,
    /// Name of the store that keeps the list.
    store: String,
    /// Name of the list in the store. Default: its name in this file.
    name: Option<String>,
    /// How long an entry outlives its token's `exp`. Default: 60 s, at most 1 hour.
    leeway: Option<Time>,
    /// Longest accepted time from `iat` to `exp` of a token. Default: 366 days, at least 1 s.
    max_token_lifetime: Option<TimeOrUnlimited>,
    /// Accepts tokens unchecked while the store is unavailable, including revoked ones.
    #[serde(default)]
    danger_fail_open: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum ListKind {
    Deny,
    Allow,
}

impl ListSettings {
    fn build(&self, name: &str, spot: &Spot<'_>, stores: &Stores) -> Result<TokenList, Problem> {
        let store = stores.named(&self.store, &spot.key("store"))?;
        let list = match self.kind {
            ListKind::Deny => TokenList::deny(store),
            ListKind::Allow => TokenList::allow(store),
        };
        let mut list =
            list.name(self.name.as_deref().unwrap_or(name)).clock(spot.world.clock.clone());
        if let Some(Time(leeway)) = self.leeway {
            list = list.leeway(leeway);
        }
        if let Some(TimeOrUnlimited(lifetime)) = self.max_token_lifetime {
            list = list.max_token_lifetime(lifetime);
        }
        if self.danger_fail_open {
            list = list.danger_fail_open();
        }
        list.build().map_err(|error| spot.refused(error))
    }
}

/// The lists by name.
#[derive(Default)]
pub(in crate::config) struct Lists(BTreeMap<String, TokenList>);

impl Lists {
    pub(in crate::config) fn build(
        settings: &BTreeMap<String, ListSettings>,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Self, Problem> {
        let lists = settings.iter().map(|(name, list)| {
            let list = list.build(name, &spot.key(name), stores)?;
            Ok((name.clone(), list))
        });
        lists.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the lists with these names; an unknown name is a problem at this location.
    pub(in crate::config) fn named(
        &self,
        names: &[String],
        spot: &Spot<'_>,
    ) -> Result<Vec<TokenList>, Problem> {
        let find = |name: &String| match self.0.get(name) {
            Some(list) => Ok(list.clone()),
            None => Err(unknown("list", name, self.0.keys(), spot)),
        };
        names.iter().map(find).collect()
    }

    pub(in crate::config) fn get(&self, name: &str) -> Option<&TokenList> {
        self.0.get(name)
    }

    pub(in crate::config) fn iter(&self) -> impl Iterator<Item = (&String, &TokenList)> {
        self.0.iter()
    }

    /// Checks that the limits of rebuilt lists fit everything that uses these lists.
    pub(in crate::config) fn check_limits(&self, newer: &Self) -> Result<(), Problem> {
        for (name, list) in &self.0 {
            if let Some(newer) = newer.0.get(name) {
                let fits = list.check_limits(newer.limits());
                fits.map_err(|error| Problem::of(error).at(name, None).at("lists", None))?;
            }
        }
        Ok(())
    }

    /// Applies the limits of rebuilt lists to these lists, while they are in use.
    pub(in crate::config) fn take_limits(&self, newer: &Self) {
        for (name, list) in &self.0 {
            if let Some(newer) = newer.0.get(name) {
                let limits: &Limits = newer.limits();
                list.set_limits(limits);
            }
        }
    }
}
