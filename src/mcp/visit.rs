//! A request to an MCP server, from its admission to its response. For both frameworks.

use super::guard::McpGuard;
use super::message::{Named, called_tools};
use crate::authenticator::Identity;
use crate::authenticator::request::{Head, HeaderKey};
use crate::core::{AuthResponse, Error, ErrorKind};

/// The header with the id of an MCP session.
pub(crate) const SESSION: &str = "mcp-session-id";

/// An admitted request, until its response.
///
/// The adapter calls [`begin`](Self::begin), [`check`](Self::check) with the body, the server, and
/// [`end`](Self::end) with the server's response.
pub(crate) struct Visit {
    guard: McpGuard,
    identity: Identity,
    /// The id of the request's session.
    session: Option<String>,
    /// The call that the headers name.
    named: Option<Named>,
    takes_body: bool,
    ends_session: bool,
}

/// Returns a header's value; the empty text if it is not ASCII.
pub(crate) fn ascii(value: &[u8]) -> &str {
    std::str::from_utf8(value).ok().filter(|value| value.is_ascii()).unwrap_or_default()
}

/// Returns the only value of a header; the empty text if it is not ASCII.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] for a second value.
fn only(head: &impl Head, name: &'static str) -> Result<Option<String>, Error> {
    let mut values = head.header(HeaderKey::Named(name));
    let only = values.next().map(|value| ascii(value).to_owned());
    match values.next() {
        None => Ok(only),
        Some(_) => {
            Err(Error::new(ErrorKind::InvalidRequest, format!("more than one header {name}")))
        }
    }
}

impl Visit {
    /// Begins with a request whose session, if it has one, belongs to its user.
    pub(crate) async fn begin(
        guard: McpGuard,
        identity: Option<Identity>,
        head: &impl Head,
    ) -> Result<Self, AuthResponse> {
        let refuse = |error| guard.auth().challenge(&error);
        let identity = identity.ok_or_else(|| {
            refuse(Error::new(ErrorKind::MissingCredentials, "the request has no identity"))
        })?;
        let session = only(head, SESSION).map_err(refuse)?;
        let name = only(head, "mcp-name").map_err(refuse)?;
        let named = match (only(head, "mcp-method").map_err(refuse)?, name) {
            (Some(method), name) => Some(Named { method, name }),
            (None, Some(_)) => {
                let message = "the header mcp-name without mcp-method";
                return Err(refuse(Error::new(ErrorKind::InvalidRequest, message)));
            }
            (None, None) => None,
        };
        // Of the other methods, a body is never handed on, so that each one that is has been read.
        let takes_body = !matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "DELETE");
        let encoding = only(head, "content-encoding").map_err(refuse)?;
        if takes_body && encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        {
            // The server might decode what is read here as it is.
            return Err(AuthResponse::new(415));
        }
        let ends_session = head.method() == "DELETE";
        if let Some(id) = &session {
            guard.check_session(&identity, id).await?;
        }
        Ok(Self { guard, identity, session, named, takes_body, ends_session })
    }

    /// Returns how many bytes of the body to read for [`check`](Self::check); `None` for a request
    /// whose body is dropped.
    pub(crate) fn max_body(&self) -> Option<usize> {
        self.takes_body.then(|| self.guard.max_body())
    }

    /// Returns the response to a body that is longer.
    pub(crate) fn too_long() -> AuthResponse {
        AuthResponse::new(413)
    }

    /// Checks the policies of the request, and those of the tools that its body calls.
    pub(crate) async fn check(&self, body: Option<&[u8]>) -> Result<(), AuthResponse> {
        let tools = body.map(|body| called_tools(body, self.named.as_ref())).transpose();
        let tools = tools.map_err(|error| self.guard.auth().challenge(&error))?;
        self.guard.check_policies(&self.identity, &tools.unwrap_or_default()).await
    }

    /// Records the session that the response begins, and forgets one that it ended.
    pub(crate) async fn end(
        self,
        answered: Option<&str>,
        is_success: bool,
    ) -> Result<(), AuthResponse> {
        match (answered, &self.session) {
            (Some(new), known) if known.as_deref() != Some(new) => {
                self.guard.begin_session(&self.identity, new).await
            }
            (_, Some(ended)) if self.ends_session && is_success => {
                self.guard.end_session(ended).await
            }
            _ => Ok(()),
        }
    }
}
