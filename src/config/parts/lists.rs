//! Settings of deny and allow lists.

use super::location::Spot;
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::token::{list::TokenList, list::builder::ListOptions};
use std::collections::BTreeMap;

settings! {
    /// A deny list or allow list of tokens.
    pub(in crate::config) struct ListSettings {
        /// `deny` rejects the listed tokens; `allow` rejects all others.
        kind: ListKind,
        /// Name of the store that keeps the list.
        store: String,
        /// Name of the list in the store. Default: its name in this file.
        name: Option<String>,
    }

    enum ListKind {
        Deny,
        Allow,
    }
}

/// The lists by name.
pub(in crate::config) type Lists = BTreeMap<String, TokenList>;

/// A section of a list.
pub(in crate::config) type ListSection = Section<ListOptions, ListSettings>;

impl ListSection {
    pub(super) fn build(
        &self,
        name: &str,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<TokenList, Problem> {
        let Self(options, settings) = self;
        let store = spot.store(&settings.store, stores)?;
        let mut list = match settings.kind {
            ListKind::Deny => TokenList::deny(store),
            ListKind::Allow => TokenList::allow(store),
        };
        list.options = options.clone();
        let list = list.name(settings.name.as_deref().unwrap_or(name));
        spot.built(list.clock(spot.clock()).build())
    }
}

/// Checks that the limits of rebuilt lists fit everything that uses these lists.
pub(in crate::config) fn check_limits(lists: &Lists, newer: &Lists) -> Result<(), Problem> {
    for (name, list) in lists {
        if let Some(newer) = newer.get(name) {
            let fits = list.check_limits(newer);
            fits.map_err(|error| Problem::of(error).at(name, None).at("lists", None))?;
        }
    }
    Ok(())
}

/// Applies the limits of rebuilt lists to these lists, while they are in use.
pub(in crate::config) fn take_limits(lists: &Lists, newer: &Lists) {
    for (name, list) in lists {
        if let Some(newer) = newer.get(name) {
            list.set_limits(newer);
        }
    }
}
