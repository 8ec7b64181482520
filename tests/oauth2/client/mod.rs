//! OAuth2 as a client: attack 31 of `docs/attacks.md`, the calls and promises of the client, the
//! vectors of jamlib and RFC 7636, and the `oauth2` crate as an oracle.

mod attacks;
mod discovery;
#[cfg(feature = "axum")]
mod dpop;
mod errors;
mod facade;
mod lenient;
mod nonsense;
mod oracle;
mod refreshes;
mod source;
mod vectors;
mod world;
