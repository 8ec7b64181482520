//! Log events and counters; without the features, only atomics.

use crate::core::error::Error;
use crate::core::sharded::Striped;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The severity of a log event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(
    test,
    schemars(rename = "LogLevel", description = "The most verbose level of log events.")
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// Events beyond this level are dropped, whatever the subscriber's filter.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Debug as u8);

/// Sets the most verbose level that is logged, for the whole process.
#[cfg(feature = "config")]
pub(crate) fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
fn tells(level: Level) -> bool {
    level as u8 <= LEVEL.load(Ordering::Relaxed)
}

/// Logs the precise reason of a rejection, which the client never sees.
///
/// At debug level, or as an error if the application or its configuration is at fault.
pub(crate) fn refused(error: &Error) {
    #[cfg(feature = "tracing")]
    if error.kind().is_fault() {
        if tells(Level::Error) {
            tracing::error!(target: "jamguard", kind = error.kind().as_str(), reason = %error, "a request failed: the application or its configuration is at fault");
        }
    } else if tells(Level::Debug) {
        tracing::debug!(target: "jamguard", kind = error.kind().as_str(), reason = %error, "request rejected");
    }
    #[cfg(feature = "metrics")]
    metrics::counter!("jamguard_refusals_total", "kind" => error.kind().as_str()).increment(1);
    let _ = error;
}

/// Logs at debug level, as a tree, why a policy denied a request.
pub(crate) fn explained(explanation: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Debug) {
        tracing::debug!(target: "jamguard", "a policy denied the request:\n{explanation}");
    }
    let _ = explanation;
}

/// Logs a warning that an operator should look at; `message` contains no secret.
pub(crate) fn warn(message: &str, detail: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Warn) {
        tracing::warn!(target: "jamguard", detail = %detail, "{message}");
    }
    let _ = (message, detail);
}

/// Logs information for operators; `message` contains no secret.
#[cfg(feature = "config")]
pub(crate) fn info(message: &str, detail: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    if tells(Level::Info) {
        tracing::info!(target: "jamguard", detail = %detail, "{message}");
    }
    let _ = (message, detail);
}

/// Logs a fault in the application's configuration.
pub(crate) fn fault(message: &str) {
    #[cfg(feature = "tracing")]
    if tells(Level::Error) {
        tracing::error!(target: "jamguard", "{message}");
    }
    let _ = message;
}

/// The names of all metrics.
#[derive(Clone, Copy)]
pub(crate) enum Metric {
    CacheHit,
    CacheMiss,
    /// A token accepted although its token list was unavailable.
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

/// A sharded counter, to avoid contention between threads.
pub(crate) struct Counter {
    stripes: Striped<AtomicU64>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code))]
    metric: Metric,
}

impl Counter {
    pub(crate) fn new(metric: Metric) -> Self {
        Self { stripes: Striped::new(AtomicU64::default), metric }
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
