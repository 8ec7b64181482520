//! The path of a request: the decision about it, its session, its response.

mod attached;
mod authenticate;
#[cfg(feature = "client")]
mod cookie_renewal;
pub(crate) mod credentials;
mod csrf;
mod guard;
mod proofs;
#[cfg(feature = "client")]
pub(super) mod refresh;
#[cfg(any(feature = "axum", feature = "actix"))]
mod require;
mod requirement;
mod respond;
mod session;
mod set_cookie;
mod settings;
#[cfg(feature = "client")]
pub(crate) mod token_cookies;
mod websocket;

pub use guard::RouteGuard;
#[cfg(any(feature = "axum", feature = "actix"))]
pub use require::{NamedPolicy, Require};
#[cfg(feature = "client")]
pub use session::SessionTokens;
pub use session::{Session, SessionData, SessionMut};

pub(crate) use self::{
    attached::Attached,
    credentials::{Head, HeaderKey, RoutedHead},
    requirement::Requirement,
    respond::{
        Admitted, Call, Respond, RespondTo, ResponseHead, ReturnedError, merged_vary, usual_vary,
    },
};
#[cfg(feature = "tower-http")]
pub(crate) use respond::Decision;
#[cfg(feature = "client")]
pub(crate) use session::{Renewals, RequestSession};
