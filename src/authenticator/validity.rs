//! Whether an identity is still valid, for connections that outlive their request.

use super::context::HandlerContext;
use super::identity::Identity;
use crate::core::{Error, ErrorKind, debug_fields};
use crate::session::Loaded;
use crate::token::verified::Verified;
use std::sync::Arc;

/// A check of whether an identity is still valid: not expired, not revoked, session not ended.
///
/// A WebSocket or a stream of server-sent events outlives the request that was authenticated. Its
/// handler takes this value from [`Identity::validity`], checks it at an interval, and closes the
/// connection at the first error. That includes an outage ([`ErrorKind::Unavailable`]): a check that
/// cannot be made does not keep a connection open.
///
/// What ends a connection: a session, when it is ended on any device; a token, at its `exp` or when a
/// deny list has it. A logout alone does not revoke a token: call
/// [`TokenList::revoke`](crate::TokenList::revoke) in the logout handler, or use sessions. A renewed
/// cookie does not prolong a connection: it ends with the token it began with, and the page reconnects.
///
/// # Example
/// ```
/// use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
/// use axum::response::Response;
/// use jamguard::Identity;
/// use std::time::Duration;
///
/// async fn live(upgrade: WebSocketUpgrade, identity: Identity) -> Response {
///     let mut validity = identity.validity();
///     upgrade.protocols(["chat", "bearer"]).on_upgrade(async move |mut socket| {
///         let mut checks = tokio::time::interval(Duration::from_secs(30));
///         loop {
///             tokio::select! {
///                 received = socket.recv() => match received {
///                     Some(Ok(message)) => { let _ = socket.send(message).await; }
///                     _ => break,
///                 },
///                 _ = checks.tick() => if validity.check().await.is_err() {
///                     // IANA registry of WebSocket close codes: 3000 is "Unauthorized".
///                     let frame = CloseFrame { code: 3000, reason: "log in again".into() };
///                     let _ = socket.send(Message::Close(Some(frame))).await;
///                     break;
///                 },
///             }
///         }
///     })
/// }
/// ```
///
/// Server-sent events:
///
/// ```
/// use axum::response::sse::{Event, Sse};
/// use futures_util::{Stream, stream};
/// use jamguard::Identity;
/// use std::{convert::Infallible, time::Duration};
/// use tokio::{sync::broadcast::Receiver, time::interval};
///
/// # fn subscribe() -> Receiver<String> { tokio::sync::broadcast::channel(16).1 }
/// async fn news(identity: Identity) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     let begin = (subscribe(), identity.validity(), interval(Duration::from_secs(30)));
///     Sse::new(stream::unfold(begin, |(mut news, mut validity, mut checks)| async move {
///         loop {
///             tokio::select! {
///                 text = news.recv() => {
///                     let event = Event::default().data(text.ok()?);
///                     return Some((Ok(event), (news, validity, checks)));
///                 }
///                 _ = checks.tick() => validity.check().await.ok()?,
///             }
///         }
///     }))
/// }
/// ```
#[derive(Clone)]
pub struct Validity {
    credential: Credential,
    context: Arc<HandlerContext>,
}

#[derive(Clone)]
enum Credential {
    Token(Verified),
    Session(Loaded),
    /// Claims of neither.
    None,
}

impl Identity {
    /// Returns the check of whether this identity is still valid, for long-lived connections.
    pub fn validity(&self) -> Validity {
        let credential = match (self.token(), &self.session) {
            (Some(token), _) => Credential::Token(token.clone()),
            (None, Some(session)) => Credential::Session(session.clone()),
            (None, None) => Credential::None,
        };
        Validity { credential, context: self.context.clone() }
    }
}

impl Validity {
    /// Checks that the identity's credential would be accepted now.
    ///
    /// A token is verified as in a request: its expiry, the keys, the lists, revocation. It comes
    /// from the cache, so a check is cheap. A session must not have ended; another session id after
    /// a step-up does not matter. A check does not count as use: the idle timeout continues. Policies
    /// are not evaluated again.
    ///
    /// # Errors
    /// The error that a request with the credential would get, such as [`ErrorKind::Expired`] and
    /// [`ErrorKind::Revoked`]; [`ErrorKind::Unavailable`] during an outage; [`ErrorKind::Internal`]
    /// for an identity that comes from neither a token nor a session.
    pub async fn check(&mut self) -> Result<(), Error> {
        let rules = &self.context.0;
        match (&mut self.credential, &rules.sessions) {
            (Credential::Token(token), _) => {
                let text = token.expose_token().as_bytes();
                *token = rules.routing.verify(text, |_| Ok(())).await?;
                Ok(())
            }
            (Credential::Session(session), Some(sessions)) => {
                *session = sessions.still_alive(session).await?;
                Ok(())
            }
            (Credential::Session(_) | Credential::None, _) => {
                Err(Error::new(ErrorKind::Internal, "the identity has no credential to check"))
            }
        }
    }
}

debug_fields!(Validity, self);
