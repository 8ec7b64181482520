//! Log events and counters; nothing but plain atomics when the features are off.

use crate::core::error::Error;
use crate::core::striped::Striped;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// How important an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[cfg_attr(not(feature = "config"), allow(dead_code))]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// Events beyond it are not told, whatever the subscriber would do with them.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Debug as u8);

/// Tells events up to this level from now on, in the whole process.
#[cfg(feature = "config")]
pub(crate) fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
fn tells(level: Level) -> bool {
    level as u8 <= LEVEL.load(Ordering::Relaxed)
}

/// Says precisely why a request is refused: at debug level, or as an error where the application
/// or its set-up is at fault. The client never sees it.
pub(crate) fn refused(error: &Error) {
    #[cfg(feature = "tracing")]
    if error.kind().is_fault() {
        if tells(Level::Error) {
            tracing::error!(target: "jamguard", kind = error.kind().as_str(), reason = %error, "a request failed by a fault of the application or its set-up");
        }
    } else if tells(Level::Debug) {
        tracing::debug!(target: "jamguard", kind = error.kind().as_str(), reason = %error, "credential refused");
    }
    #[cfg(feature = "metrics")]
    metrics::counter!("jamguard_refusals_total", "kind" => error.kind().as_str()).increment(1);
    let _ = error;
}

/// Says at debug level, as a tree, why a policy refused.
pub(crate) fn explained(explanation: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Debug) {
        tracing::debug!(target: "jamguard", "a policy refused:\n{explanation}");
    }
    let _ = explanation;
}

/// Something an operator should look at; `message` holds no secret.
pub(crate) fn warn(message: &str, detail: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Warn) {
        tracing::warn!(target: "jamguard", detail = %detail, "{message}");
    }
    let _ = (message, detail);
}

/// Something that an operator may want to know; `message` holds no secret.
#[cfg(feature = "config")]
pub(crate) fn info(message: &str, detail: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Info) {
        tracing::info!(target: "jamguard", detail = %detail, "{message}");
    }
    let _ = (message, detail);
}

/// A fault of the application's set-up.
#[cfg(any(feature = "axum", feature = "actix", feature = "session"))]
pub(crate) fn fault(message: &str) {
    #[cfg(feature = "tracing")]
    if tells(Level::Error) {
        tracing::error!(target: "jamguard", "{message}");
    }
    let _ = message;
}

/// Names of the metrics, in one place.
#[derive(Clone, Copy)]
pub(crate) enum Metric {
    CacheHit,
    CacheMiss,
    /// Accepted although its list could not be asked.
    UncheckedToken,
    RefreshTokenReuse,
    #[cfg(feature = "client")]
    KeySetFetch,
    #[cfg(feature = "client")]
    KeySetFetchFailed,
}

impl Metric {
    #[cfg(feature = "metrics")]
    fn name(self) -> &'static str {
        match self {
            Self::CacheHit => "jamguard_token_cache_hits_total",
            Self::CacheMiss => "jamguard_token_cache_misses_total",
            Self::UncheckedToken => "jamguard_unchecked_tokens_total",
            Self::RefreshTokenReuse => "jamguard_refresh_token_reuses_total",
            #[cfg(feature = "client")]
            Self::KeySetFetch => "jamguard_key_set_fetches_total",
            #[cfg(feature = "client")]
            Self::KeySetFetchFailed => "jamguard_key_set_fetch_failures_total",
        }
    }
}

/// A counter that threads do not fight over.
pub(crate) struct Counter {
    stripes: Striped<AtomicU64>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code))]
    metric: Metric,
}

impl Counter {
    pub(crate) fn new(metric: Metric) -> Self {
        Self {
            stripes: Striped::new(AtomicU64::default),
            metric,
        }
    }

    pub(crate) fn add(&self) {
        self.stripes.mine().fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!(self.metric.name()).increment(1);
    }

    pub(crate) fn total(&self) -> u64 {
        let counts = self.stripes.iter().map(|s| s.load(Ordering::Relaxed));
        counts.sum()
    }
}
