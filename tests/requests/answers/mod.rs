//! How requests are answered, line by line, by axum and actix-web servers over real HTTP. Every
//! answer is compared between the two besides.

mod cookies;
mod futures;
mod guards;
mod logs;
#[cfg(feature = "tower-http")]
mod order;
mod problems;
mod sources;
#[cfg(feature = "tower-http")]
mod tower_http;

/// The cookie's name, and the value that takes it away.
const ID: &str = "__Host-jam_id";
const REMOVED: &str = "__Host-jam_id=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
const INVALID: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="The token is invalid.""#;
const EXPIRED: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="The token is expired.""#;
const MALFORMED: &str = r#"Bearer realm="api", error="invalid_request""#;
const MISSING: &str = r#"Bearer realm="api""#;
