//! Conditions written in code.

use super::subject::Subject;
use crate::core::{BoxFuture, Error};
use std::{future::Future, sync::Arc};

type Answer = BoxFuture<Result<bool, Error>>;

#[derive(Clone)]
pub(super) struct Custom {
    pub(super) name: Box<str>,
    pub(super) check: Check,
}

#[derive(Clone)]
pub(super) enum Check {
    Now(Arc<dyn Fn(&Subject<'_>) -> bool + Send + Sync>),
    Later(Arc<dyn Fn(&Subject<'_>) -> Answer + Send + Sync>),
}

impl Custom {
    pub(super) fn now(
        name: String,
        check: impl Fn(&Subject<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), check: Check::Now(Arc::new(check)) }
    }

    pub(super) fn later<F>(
        name: String,
        check: impl Fn(&Subject<'_>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<bool, Error>> + Send + 'static,
    {
        let check = Arc::new(move |subject: &Subject<'_>| Box::pin(check(subject)) as Answer);
        Self { name: name.into(), check: Check::Later(check) }
    }
}

/// Closures cannot be compared: two conditions are equal if their names are.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
