//! jamguard
mod authenticator;
mod core;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "client")]
mod jam;
pub mod jose;
#[cfg(feature = "client")]
pub mod jwks;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
#[cfg(feature = "testing")]
pub mod testing;
mod token;

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "actix")]
pub use crate::actix::{ActixAuth, ActixFuture, ActixService};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::authenticator::RequireLogin;
pub use crate::authenticator::{
    Authenticator, AuthenticatorBuilder, CredentialKind, Identity, LoginCookies, Source,
};
pub use crate::core::challenge::Challenge;
pub use crate::core::clock::{Clock, SystemClock};
pub use crate::core::error::{Error, ErrorKind};
pub use crate::core::secret::Secret;
#[cfg(feature = "client")]
pub use crate::jam::{
    app::JamApp,
    client::{JamClient, JamClientBuilder},
    remote_token::RemoteToken,
};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub use crate::login::{JamLogin, JamLoginBuilder, Login, LoginEndpoint, Redirect};
pub use crate::token::builder::VerifierBuilder;
pub use crate::token::cache::CacheStats;
pub use crate::token::claims::Claims;
pub use crate::token::revocation::{Revocation, RevocationId};
pub use crate::token::verified::Verified;
pub use crate::token::verifier::Verifier;
#[cfg(feature = "tower")]
pub use crate::tower::{AuthBody, AuthFuture, AuthLayer, AuthService};
