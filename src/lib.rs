//! jamguard
mod authenticator;
mod core;
pub mod jose;
mod token;
#[cfg(feature = "client")]
mod jam;
#[cfg(feature = "client")]
pub mod jwks;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "testing")]
pub mod testing;
pub use crate::authenticator::{Authenticator, AuthenticatorBuilder, CredentialKind, Identity, LoginCookies, Source};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::authenticator::RequireLogin;
pub use crate::core::challenge::Challenge;
pub use crate::core::clock::{Clock, SystemClock};
pub use crate::core::error::{Error, ErrorKind};
pub use crate::core::secret::Secret;
#[cfg(feature = "client")]
pub use crate::jam::{app::JamApp, client::JamClient};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub use crate::login::{JamLogin, JamLoginBuilder, Login, LoginEndpoint, Redirect};
#[cfg(feature = "tower")]
pub use crate::tower::{AuthBody, AuthFuture, AuthLayer, AuthService};
#[cfg(feature = "actix")]
pub use crate::actix::{ActixAuth, ActixFuture, ActixService};
pub use crate::token::builder::VerifierBuilder;
pub use crate::token::cache::CacheStats;
pub use crate::token::claims::Claims;
pub use crate::token::revocation::{Revocation, RevocationId};
pub use crate::token::verified::Verified;
pub use crate::token::verifier::Verifier;
