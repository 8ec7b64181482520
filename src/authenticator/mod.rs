//! Authentication and authorization of requests, independent of web frameworks.

// Without a framework, only `Authenticator::authenticate` is used.
#![cfg_attr(not(any(feature = "tower", feature = "actix")), allow(dead_code))]

pub(crate) mod accepted;
mod attached;
mod authenticate;
pub(crate) mod builder;
mod context;
#[cfg(feature = "client")]
mod cookie_renewal;
pub(crate) mod cookies;
pub(crate) mod credentials;
mod csrf;
mod enrich;
#[cfg(any(feature = "tower", feature = "actix"))]
mod guard;
mod handle;
mod identity;
#[cfg(feature = "client")]
mod refresh;
mod rejection;
#[cfg(any(feature = "axum", feature = "actix"))]
mod require;
mod requirement;
mod respond;
mod routing;
mod session;
#[cfg(feature = "client")]
mod silent_refresh;
#[cfg(feature = "client")]
pub(crate) mod token_cookies;

pub use builder::AuthenticatorBuilder;
pub use cookies::LoginCookies;
pub use credentials::CredentialSource;
pub use handle::Authenticator;
pub use identity::{CredentialKind, Identity};
pub use rejection::AuthRejection;

#[cfg(any(feature = "tower", feature = "actix"))]
pub use guard::RouteGuard;
#[cfg(any(feature = "axum", feature = "actix"))]
pub use require::{NamedPolicy, Require};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub(crate) use session::RequestSession;
#[cfg(feature = "client")]
pub use session::SessionTokens;
pub use session::{Session, SessionCookie, SessionData, SessionMut};

#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use self::{
    attached::Attached,
    credentials::{Head, HeaderKey, RoutedHead},
    requirement::Requirement,
    respond::{Admitted, Call, Respond, RespondTo, Responder, ResponseHead, ReturnedError},
};
#[cfg(feature = "tower-http")]
pub(crate) use respond::Decision;
