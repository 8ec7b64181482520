//! What the layer adds to the application's own answer.

use super::gate::Authenticator;
#[cfg(feature = "session")]
use super::session::visit::Open;
use crate::core::challenge::{Challenge, REALM};
use crate::core::error::Error;
use crate::token::keys::BoxFuture;

/// Changes to a response, as bytes and text: the leaves apply them.
#[derive(Default)]
pub(crate) struct Edits {
    /// Whole `Set-Cookie` values; an answer with any of them is not to be stored.
    pub(crate) cookies: Vec<String>,
    /// Whether `Vary` names the headers that were read.
    pub(crate) vary: bool,
    /// The request's session, which is saved once the handler has answered.
    #[cfg(feature = "session")]
    pub(super) visit: Option<Open>,
}

/// The error behind a standard answer, left in the response's extensions: the layer around the
/// handler answers it with its own realm and hook.
#[derive(Clone)]
#[cfg_attr(not(any(feature = "axum", feature = "actix")), allow(dead_code))]
pub(crate) struct Returned(pub(crate) Error);

impl Returned {
    /// The standard answer, which a response holds so far, and the one that takes its place; `None`
    /// where the application made another answer of it.
    pub(crate) fn answers(
        &self,
        auth: &Authenticator,
        status: u16,
        content_type: Option<&[u8]>,
    ) -> Option<(Challenge, Challenge)> {
        let standard = Challenge::for_error(&self.0, REALM);
        let untouched = standard.status() == status
            && standard.header("content-type").map(str::as_bytes) == content_type;
        untouched.then(|| (standard, auth.judge().answer(&self.0)))
    }
}

/// What is left to do between the application's answer and its way out.
pub(crate) enum Closing {
    Now(Edits),
    /// A session is being saved. A challenge takes the answer's place: that speaks of something
    /// that did not happen.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    Later(BoxFuture<Result<Edits, Challenge>>),
}

impl Edits {
    /// Only that the answer depends on the credential.
    pub(crate) fn vary() -> Self {
        Self {
            vary: true,
            ..Self::default()
        }
    }

    /// Whether they leave every response as it is.
    #[cfg(feature = "actix")]
    pub(crate) fn is_empty(&self) -> bool {
        #[cfg(feature = "session")]
        if self.visit.is_some() {
            return false;
        }
        !self.vary && self.cookies.is_empty()
    }

    /// To be called once, when the application has answered with this status.
    #[cfg_attr(not(feature = "session"), allow(unused_variables, unused_mut))]
    pub(crate) fn close(mut self, status: u16) -> Closing {
        #[cfg(feature = "session")]
        if let Some(open) = self.visit.take() {
            return open.visit().close(self, status);
        }
        Closing::Now(self)
    }

    /// Leaves alone the cookies that the application's own answer sets: a login that just happened
    /// is not undone, nor a logout.
    pub(crate) fn yield_to<'a>(&mut self, own: impl Iterator<Item = &'a [u8]>) {
        for cookie in own {
            self.cookies
                .retain(|ours| name(ours.as_bytes()) != name(cookie));
        }
    }
}

/// The name in a `Set-Cookie` value.
fn name(cookie: &[u8]) -> &[u8] {
    let end = cookie.iter().position(|byte| *byte == b'=');
    cookie[..end.unwrap_or(cookie.len())].trim_ascii()
}
