//! Proofs of possession in requests to other servers (DPoP, RFC 9449).

use super::http::{HttpAnswer, HttpRequest, USE_NONCE};

impl HttpRequest {
    /// Adds a DPoP proof.
    pub(crate) fn dpop(mut self, proof: String) -> Self {
        self.dpop = Some(proof);
        self
    }
}

impl HttpAnswer {
    /// Whether the server refuses the request until its proof has the server's nonce.
    ///
    /// An authorization server says so in the body (RFC 9449 section 8), a resource server in the
    /// challenge (section 9).
    pub(crate) fn asks_for_nonce(&self) -> bool {
        let in_body = |body: &[u8]| {
            let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            body.is_some_and(|body| body["error"] == USE_NONCE)
        };
        match self.status {
            400 => self.body.as_deref().is_some_and(|body| in_body(body)),
            401 => self.challenge_asks_for_nonce,
            _ => false,
        }
    }
}
