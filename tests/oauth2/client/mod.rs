//! OAuth2 as a client: attacks.md line 31, the OAuth2 rows and sentences of jam-facade.md, the vectors
//! of jamlib and RFC 7636, and the `oauth2` crate as an oracle.

mod attacks;
mod discovery;
mod errors;
mod facade;
mod lenient;
mod nonsense;
mod oracle;
mod refreshes;
mod source;
mod vectors;
mod world;
