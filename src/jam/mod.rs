//! JustAuthenticateMe: the REST client and what its ID tokens must look like.

pub(crate) mod base;
pub(crate) mod client;
pub(crate) mod remote_token;
