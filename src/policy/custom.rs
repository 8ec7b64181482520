//! Conditions that are code.

use super::subject::Subject;
use crate::core::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send>>;
pub(super) type AsyncCheck = Arc<dyn Fn(&Subject<'_>) -> Answer + Send + Sync>;

#[derive(Clone)]
pub(super) struct Custom {
    name: Box<str>,
    check: Check,
}

#[derive(Clone)]
pub(super) enum Check {
    Now(Arc<dyn Fn(&Subject<'_>) -> bool + Send + Sync>),
    Later(AsyncCheck),
}

impl Custom {
    pub(super) fn new(name: String, check: Check) -> Self {
        Self {
            name: name.into(),
            check,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn check(&self) -> &Check {
        &self.check
    }
}

/// Code cannot be compared; its name stands for it.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
