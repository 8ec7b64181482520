//! Signed answers of an introspection endpoint (RFC 9701).

use super::answer::unexpected;
use crate::core::{Clock, Error, ErrorKind, PartClock};
use crate::jose::Algorithm;
use crate::jwks::RemoteKeySet;
use crate::token::verifier::Verifier;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

pub(super) const MEDIA_TYPE: &str = "application/token-introspection+jwt";
/// Oldest accepted answer: it is made for this request.
const MAX_AGE: Duration = Duration::from_secs(60);
const LEEWAY: Duration = Duration::from_secs(60);

/// The verifier of signed answers.
pub(super) struct Signed {
    verifier: Verifier,
    clock: Arc<PartClock>,
}

impl Signed {
    /// Returns a verifier of answers from `issuer` for `audience`, signed with the issuer's keys.
    pub(super) fn new(
        keys: RemoteKeySet,
        issuer: &str,
        audience: &str,
        algorithms: &[Algorithm],
        clock: Arc<PartClock>,
    ) -> Result<Self, Error> {
        let verifier = Verifier::builder()
            .jwks(keys)
            .algorithms(algorithms.iter().copied())
            .issuer(issuer)
            .audience(audience)
            .token_type("token-introspection+jwt")
            .require(["iat"])
            // RFC 9701 section 5: `exp` of the answer should not be set; that of the token is inside.
            .danger_accept_missing_exp()
            .leeway(LEEWAY)
            .max_token_len(super::answer::MAX_BODY)
            .cache_bytes(0)
            .clock(clock.clone())
            .build()?;
        Ok(Self { verifier, clock })
    }

    /// Verifies an answer, and returns its member `token_introspection` as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedBody`] if it is not this server's answer to this client, which says
    /// nothing about the token.
    pub(super) async fn open(&self, answer: &str) -> Result<String, Error> {
        let verified = self.verifier.verify(answer.trim_ascii()).await.map_err(|error| {
            if error.kind() == ErrorKind::Unavailable {
                return error;
            }
            let message =
                format!("the signed answer of the introspection endpoint is invalid: {error}");
            unexpected(message).with_source(error)
        })?;
        let issued = Duration::from_secs(verified.entry().issued_in.unwrap_or_default());
        if self.clock.now().saturating_sub(issued) > MAX_AGE + LEEWAY {
            return Err(unexpected(
                "the signed answer of the introspection endpoint is over a minute old: is it \
                 cached on its way, or is a clock wrong?",
            ));
        }
        let claims: Map<String, Value> = serde_json::from_str(verified.raw_claims())
            .map_err(|_| unexpected("the signed answer is not a JSON object"))?;
        match claims.get("token_introspection") {
            Some(members @ Value::Object(_)) => Ok(members.to_string()),
            _ => Err(unexpected(
                "the signed answer of the introspection endpoint has no token_introspection (RFC \
                 9701 section 5)",
            )),
        }
    }
}
