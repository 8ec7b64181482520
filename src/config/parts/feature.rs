//! Keys that need a feature. Without the feature, `()` takes their place: it has no keys.

use super::location::Spot;
use crate::config::document::Problem;
use std::{collections::BTreeMap, convert::Infallible, fmt::Debug};

/// What the keys of a feature build.
pub(in crate::config) trait Feature {
    type Built: Debug + Default;
}

/// What `K` builds.
pub(in crate::config) type BuiltOf<K> = <K as Feature>::Built;

/// Keys that build something of their own, from what the sections before them built.
pub(super) trait Build<C>: Feature {
    fn build(&self, context: C, spot: &Spot<'_>) -> Result<Self::Built, Problem>;
}

/// Keys of a section that exists without the feature too: they add to its builder.
pub(super) trait AddTo<B, C = ()> {
    fn add_to(&self, builder: B, context: C, spot: &Spot<'_>) -> Result<B, Problem>;
}

impl Feature for () {
    type Built = BTreeMap<String, Infallible>;
}

impl<C> Build<C> for () {
    fn build(&self, _: C, _: &Spot<'_>) -> Result<Self::Built, Problem> {
        Ok(BTreeMap::new())
    }
}

impl<B, C> AddTo<B, C> for () {
    fn add_to(&self, builder: B, _: C, _: &Spot<'_>) -> Result<B, Problem> {
        Ok(builder)
    }
}
