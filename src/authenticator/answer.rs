//! What the layer adds to the application's response.

use super::gate::Authenticator;
use super::session::request_session::Open;
use crate::core::challenge::{AuthResponse, REALM};
use crate::core::error::Error;
use crate::core::future::BoxFuture;

/// Changes to a response, as bytes and text. The framework adapters apply them.
#[derive(Default)]
pub(crate) struct Edits {
    /// Whole `Set-Cookie` values. A response with any of them must not be cached.
    pub(crate) cookies: Vec<String>,
    /// Whether `Vary` lists the request headers that were read.
    pub(crate) vary: bool,
    /// The request's session, saved once the handler has answered.
    pub(super) visit: Option<Open>,
}

/// The error behind a standard response, kept in the response's extensions.
///
/// The surrounding layer uses it to answer with its own realm and hook.
#[derive(Clone)]
#[cfg_attr(not(any(feature = "axum", feature = "actix")), allow(dead_code))]
pub(crate) struct Returned(pub(crate) Error);

impl Returned {
    /// Returns the standard response and its replacement.
    ///
    /// `None` if the application replaced the standard response with its own.
    pub(crate) fn answers(
        &self,
        auth: &Authenticator,
        status: u16,
        content_type: Option<&[u8]>,
    ) -> Option<(AuthResponse, AuthResponse)> {
        let standard = AuthResponse::for_error(&self.0, REALM);
        let untouched = standard.status() == status
            && standard.header("content-type").map(str::as_bytes) == content_type;
        untouched.then(|| (standard, auth.judge().answer(&self.0)))
    }
}

/// What remains to do after the application's response.
pub(crate) enum Closing {
    Now(Edits),
    /// A session is being saved. On failure a challenge replaces the response, which would report
    /// something that did not happen.
    Later(BoxFuture<Result<Edits, AuthResponse>>),
}

impl Edits {
    /// Edits that only add `Vary`.
    pub(crate) fn vary() -> Self {
        Self { vary: true, ..Self::default() }
    }

    /// Whether no edit would change a response.
    #[cfg(feature = "actix")]
    pub(crate) fn is_empty(&self) -> bool {
        if self.visit.is_some() {
            return false;
        }
        !self.vary && self.cookies.is_empty()
    }

    /// Finishes the edits. Called once, with the status of the application's response.
    pub(crate) fn close(mut self, status: u16) -> Closing {
        if let Some(open) = self.visit.take() {
            return open.visit().close(self, status);
        }
        Closing::Now(self)
    }

    /// Drops cookies that the application's response sets itself, to not undo its login or logout.
    pub(crate) fn yield_to<'a>(&mut self, own: impl Iterator<Item = &'a [u8]>) {
        for cookie in own {
            self.cookies.retain(|ours| name(ours.as_bytes()) != name(cookie));
        }
    }
}

/// The name in a `Set-Cookie` value.
fn name(cookie: &[u8]) -> &[u8] {
    let end = cookie.iter().position(|byte| *byte == b'=');
    cookie[..end.unwrap_or(cookie.len())].trim_ascii()
}
