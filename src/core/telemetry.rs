//! Log events and counters; without the features, only atomics.

use crate::core::{error::Error, sharded::Striped};
use std::fmt::Display;
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

/// Logs an event unless it is beyond [`LEVEL`]; without the feature `tracing`, nothing.
macro_rules! event {
    ($level:ident, $macro:ident, $($argument:tt)+) => {
        if Level::$level as u8 <= LEVEL.load(Ordering::Relaxed) {
            #[cfg(feature = "tracing")]
            tracing::$macro!(target: "jamguard", $($argument)+);
        }
    };
}

/// Logs the precise reason of a rejection, which the client never sees.
///
/// At debug level, or as an error if the application or its configuration is at fault.
pub(crate) fn refused(error: &Error) {
    let _kind = error.kind().as_str();
    if error.kind().is_fault() {
        event!(Error, error, kind = _kind, reason = %error, "a request failed: the application or its configuration is at fault");
    } else {
        event!(Debug, debug, kind = _kind, reason = %error, "request rejected");
    }
    #[cfg(feature = "metrics")]
    metrics::counter!("jamguard_refusals_total", "kind" => _kind).increment(1);
}

/// Logs at debug level, as a tree, why a policy denied a request.
pub(crate) fn explained(_explanation: &dyn Display) {
    event!(Debug, debug, "a policy denied the request:\n{_explanation}");
}

/// Logs a warning that an operator should look at; the message contains no secret.
pub(crate) fn warn(_message: &str, _detail: &dyn Display) {
    event!(Warn, warn, detail = %_detail, "{_message}");
}

/// Logs information for operators; the message contains no secret.
#[cfg(feature = "config")]
pub(crate) fn info(_message: &str, _detail: &dyn Display) {
    event!(Info, info, detail = %_detail, "{_message}");
}

/// Logs a fault in the application's configuration.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) fn fault(_message: &str) {
    event!(Error, error, "{_message}");
}

/// A sharded counter, to avoid contention between threads.
pub(crate) struct Counter {
    stripes: Striped<AtomicU64>,
    /// The public name.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code))]
    name: &'static str,
}

impl Counter {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { stripes: Striped::new(AtomicU64::default), name }
    }

    pub(crate) fn add(&self) {
        self.stripes.mine().fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!(self.name).increment(1);
    }

    pub(crate) fn total(&self) -> u64 {
        let counts = self.stripes.iter().map(|s| s.load(Ordering::Relaxed));
        counts.sum()
    }
}

/// Changes a gauge; without the feature `metrics`, nothing.
pub(crate) fn add_to_gauge(_name: &'static str, _change: i8) {
    #[cfg(feature = "metrics")]
    metrics::gauge!(_name).increment(f64::from(_change));
}
