//! Authentication and authorization of requests, independent of web frameworks.

// Without a framework, only `Authenticator::authenticate` is used.
#![cfg_attr(not(any(feature = "tower", feature = "actix")), allow(dead_code))]

mod admit;
mod answer;
pub(crate) mod builder;
#[cfg(feature = "client")]
mod cookie_renewal;
pub(crate) mod cookies;
pub(crate) mod credentials;
mod csrf;
mod enrich;
mod gate;
#[cfg(any(feature = "tower", feature = "actix"))]
mod guard;
mod identity;
mod judge;
#[cfg(feature = "client")]
mod refresh;
mod rejection;
#[cfg(any(feature = "axum", feature = "actix"))]
mod require;
mod requirement;
mod routing;
mod session;
#[cfg(feature = "client")]
pub(crate) mod token_cookies;

pub use builder::AuthenticatorBuilder;
pub use cookies::LoginCookies;
pub use credentials::CredentialSource;
pub use gate::Authenticator;
pub use identity::{CredentialKind, Identity};
pub use rejection::AuthRejection;

#[cfg(any(feature = "tower", feature = "actix"))]
pub use guard::RouteGuard;
#[cfg(any(feature = "axum", feature = "actix"))]
pub use require::{NamedPolicy, Require};
#[cfg(feature = "client")]
pub use session::SessionTokens;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub(crate) use session::request_session::Visit;
pub use session::{Session, SessionCookie, SessionData, SessionMut};

#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use self::{
    answer::{Closing, Edits, Returned},
    credentials::{Head, HeaderKey, RoutedHead},
    gate::{Admission, Attached, Pass},
    requirement::Need,
};
