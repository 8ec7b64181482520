//! An OAuth2 client: user logins, token refreshes, and tokens for calls to other services.
//!
//! Works with GitHub, GitLab, Google, Yandex and any other provider.
//!
//! ```no_run
//! use jamguard::oauth2::{OAuth2Client, Provider};
//!
//! # async fn example() -> Result<(), jamguard::Error> {
//! let orders = OAuth2Client::builder(
//!     Provider::discover("company", "https://login.company.example"),
//!     "client id",
//! )
//! .secret("client secret")
//! .build()?
//! .token_source()
//! .scopes(["orders.read"])
//! .build()?;
//!
//! let token = orders.token().await?;                 // cached until shortly before it expires
//! # Ok(()) }
//! ```
//!
//! | flow | entry point |
//! |---|---|
//! | login of a user, ready-made for axum and actix-web | [`OAuth2Login`](crate::OAuth2Login) |
//! | login of a user, by hand | [`OAuth2Client::authorize`], then [`OAuth2Client::callback`] |
//! | refresh | [`OAuth2Client::refresh`] |
//! | client credentials | [`OAuth2Client::token_source`], [`OAuth2Client::client_credentials`] |
//! | any other grant | [`OAuth2Client::grant`] |
//!
//! `state` and PKCE with S256 are part of every login and cannot be switched off. An error never
//! contains a secret, code or token: a provider's error text that repeats one is omitted.

mod answer;
mod authorize;
pub(crate) mod builder;
mod client;
mod dpop;
mod endpoints;
pub(crate) mod exposed;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) mod grant;
#[cfg(any(feature = "tower", feature = "actix"))]
mod id_token;
pub(crate) mod pending;
pub(crate) mod pkce;
pub(crate) mod provider;
mod provider_keys;
mod request;
mod scopes;
mod source;
mod tokens;

pub use authorize::{Authorization, AuthorizationRequest};
pub use builder::OAuth2ClientBuilder;
pub use client::OAuth2Client;
pub use endpoints::SecretIn;
pub use pending::Pending;
pub use pkce::Pkce;
pub use provider::Provider;
pub use request::TokenRequest;
pub use source::{TokenSource, TokenSourceBuilder};
pub use tokens::TokenResponse;
