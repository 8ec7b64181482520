//! JustAuthenticateMe: what its ID tokens must look like, and its REST operations.

pub(crate) mod app;
pub(crate) mod base;
pub(crate) mod client;
pub(crate) mod remote_token;
