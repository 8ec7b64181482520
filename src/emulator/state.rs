//! State shared by the request handlers: apps, mails, faults and counters.

use super::app::App;
use crate::core::clock::{since_epoch, system_time};
use crate::core::{Clock, debug_fields, lock};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

const MAX_MAILS: usize = 1_000;

/// An endpoint that can be counted, delayed and made to fail.
///
/// # Example
/// ```
/// use jamguard::emulator::{Emulator, Endpoint};
/// use std::time::Duration;
///
/// fn outage(emulator: &Emulator) {
///     emulator.fail(Endpoint::Jwks, 503);
///     emulator.delay(Endpoint::Refresh, Duration::from_secs(3));
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST authenticate`.
    Authenticate,
    /// `GET .well-known/jwks.json`.
    Jwks,
    /// `POST verify`.
    Verify,
    /// `POST refresh`.
    Refresh,
    /// `DELETE user/refresh/{token}`, also without `user/`.
    DeleteRefreshToken,
    /// `DELETE user/refresh`, also without `user/`.
    DeleteAllRefreshTokens,
    /// `GET magic`, the target of a mail's link.
    Magic,
    /// `GET /inbox`.
    Inbox,
}

/// A mail that the hosted service would have sent.
///
/// # Example
/// ```
/// # async fn f(emulator: jamguard::emulator::Emulator) {
/// for mail in emulator.mails() {
///     println!("{}: {}", mail.email, mail.link);
/// }
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The app that the user logs in to.
    pub app_id: String,
    /// The recipient's address.
    pub email: String,
    /// The magic link.
    pub link: String,
    /// When it was sent, by the emulator's clock.
    pub sent_at: SystemTime,
}

impl Mail {
    /// Returns `sent_at` as Unix time.
    pub(super) fn sent(&self) -> Duration {
        since_epoch(self.sent_at)
    }

    /// Returns the form shown at `/inbox`, with `sent_at` in Unix seconds.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "app_id": self.app_id,
            "email": self.email,
            "link": self.link,
            "sent_at": self.sent().as_secs(),
        })
    }
}

// The link is a credential.
debug_fields!(Mail, self, app_id = self.app_id, email = self.email, sent_at = self.sent_at);

pub(super) type OnMail = Box<dyn Fn(&Mail) + Send + Sync>;

pub(super) struct Shared {
    pub(super) base_url: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_mail: Option<OnMail>,
    /// Changes when the emulator stops.
    pub(super) stopped: watch::Receiver<()>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) apps: HashMap<String, App>,
    /// Newest first.
    mails: VecDeque<Mail>,
    pub(super) faults: HashMap<Endpoint, Fault>,
    pub(super) requests: HashMap<Endpoint, u64>,
}

/// The delay and failure configured for an endpoint.
#[derive(Clone, Copy, Default)]
pub(super) struct Fault {
    pub(super) delay: Duration,
    pub(super) status: Option<u16>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn app(&self, app_id: &str) -> Option<App> {
        self.state().apps.get(app_id).cloned()
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.state().mails.iter().cloned().collect()
    }

    pub(super) fn send(&self, app: &App, email: String, code: &str) {
        let mail = Mail {
            app_id: app.app_id().to_owned(),
            email,
            link: format!("{}/magic?code={code}", app.issuer()),
            sent_at: system_time(self.clock.now()),
        };
        {
            let mut state = self.state();
            state.mails.push_front(mail.clone());
            state.mails.truncate(MAX_MAILS);
        }
        if let Some(on_mail) = &self.on_mail {
            on_mail(&mail);
        }
    }

    /// Counts a request and returns the fault to apply to it.
    pub(super) fn arrive(&self, endpoint: Endpoint) -> Fault {
        let mut state = self.state();
        *state.requests.entry(endpoint).or_default() += 1;
        state.faults.get(&endpoint).copied().unwrap_or_default()
    }
}
