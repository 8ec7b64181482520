//! Refusals as gRPC statuses: gRPC clients read neither the HTTP status nor a problem body.

use crate::core::AuthResponse;
use http::header::CONTENT_TYPE;
use http::{Request, Version};
use serde_json::Value;

/// Converts the response to a gRPC request into a `Trailers-Only` one.
///
/// Defined in gRPC over HTTP/2, "Responses". Keeps the standard headers as metadata.
pub(super) fn suited<B>(challenge: AuthResponse, request: &Request<B>) -> AuthResponse {
    // A hook may have set the status already.
    if !is_grpc(request) || challenge.header("grpc-status").is_some() {
        return challenge;
    }
    let code = match challenge.status() {
        400 => "3",  // INVALID_ARGUMENT
        401 => "16", // UNAUTHENTICATED
        403 => "7",  // PERMISSION_DENIED
        503 => "14", // UNAVAILABLE
        _ => "13",   // INTERNAL
    };
    let problem: Value = serde_json::from_slice(challenge.body()).unwrap_or_default();
    let answer = challenge
        .with_status(200)
        .with_body("application/grpc", "")
        .with_header("grpc-status", code);
    match problem["detail"].as_str() {
        Some(detail) => answer.with_header("grpc-message", detail),
        None => answer,
    }
}

/// Whether this is gRPC over HTTP/2: `application/grpc`, with an optional suffix or parameters.
/// gRPC-Web is a different protocol.
fn is_grpc<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_2
        && request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"))
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}
