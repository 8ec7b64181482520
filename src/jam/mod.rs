//! JustAuthenticateMe (JAM): ID token rules and REST client.

pub(crate) mod app;
pub(crate) mod base;
pub(crate) mod client;
pub(crate) mod remote_token;
