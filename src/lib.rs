//! **jamguard authenticates and authorizes web requests.** It verifies a request's credential
//! once: a JWT of any issuer, an opaque token, a token your app signs, a server-side session, or a
//! JustAuthenticateMe ID token. Handlers get typed claims. One core serves axum, other tower services and
//! actix-web.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "client"))] {
//! use axum::{Router, routing::get};
//! use jamguard::{Authenticator, Claims, JamApp};
//!
//! #[derive(serde::Deserialize)]
//! struct User { email: String }
//!
//! async fn me(user: Claims<User>) -> String {              // 401 without a valid token
//!     user.email.clone()
//! }
//!
//! async fn hello(user: Option<Claims<User>>) -> String {   // logging in is optional
//!     user.map_or("Hello!".into(), |user| format!("Hello, {}!", user.email))
//! }
//!
//! # fn app() -> Result<Router, jamguard::Error> {
//! let auth = Authenticator::builder()
//!     .jam(JamApp::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895"))
//!     .build()?;
//!
//! let app = Router::new()
//!     .route("/me", get(me))
//!     .route("/hello", get(hello))
//!     .route("/account", get(|| async { "yours" }).route_layer(auth.require_login()))
//!     .layer(auth.layer());
//! # Ok(app) }
//! # }
//! ```
//!
//! The same handlers in actix-web:
//!
//! ```
//! # #[cfg(all(feature = "actix", feature = "client"))] {
//! # use jamguard::{Authenticator, Claims};
//! # #[derive(serde::Deserialize)] struct User { email: String }
//! # async fn me(user: Claims<User>) -> String { user.email.clone() }
//! # async fn account() -> &'static str { "yours" }
//! # fn example(auth: Authenticator) {
//! use actix_web::{App, web};
//!
//! let app = App::new()
//!     .wrap(auth.actix())
//!     .route("/me", web::get().to(me))
//!     .service(web::resource("/account").wrap(auth.require_login()).to(account));
//! # }
//! # }
//! ```
//!
//! # Where to begin
//!
//! | you have | start with |
//! |---|---|
//! | a JustAuthenticateMe app | [`JamApp`], [`JamLogin`] for the magic link, [`JamClient`] for the REST operations |
//! | tokens of Auth0, Keycloak, Google or another well-known provider | [`Preset`] |
//! | an OpenID Connect issuer | [`VerifierBuilder::discover`] |
//! | a published key set | [`VerifierBuilder::jwks_url`], or [`jwks`] for its settings |
//! | opaque tokens of an authorization server | [`Introspection`] |
//! | tokens bound to a key or a TLS certificate | [`Dpop`] and [`AuthenticatorBuilder::dpop`], [`AuthenticatorBuilder::client_certificates`]; [`DpopKey`] to make proofs; [guide](guides::sender_constrained) |
//! | a key of your own | [`VerifierBuilder::key`], [`jose`] for loading and making keys |
//! | tokens to issue yourself | [`Issuer`]; [`KeyRing`] to rotate its keys, [`Issuer::jwks_endpoint`] to publish them, [`RefreshTokens`] for long logins |
//! | tokens to revoke | [`TokenList`], over a [`store`] in memory, in a file, or in Redis |
//! | users of GitHub, Google or another provider | [`OAuth2Login`], over a client of [`oauth2`] |
//! | other services to call | [`oauth2::TokenSource`] |
//! | sessions on the server | [`Sessions`], over any [`store`]; [`AuthenticatorBuilder::sessions`], and [`Session<T>`](Session) in handlers |
//! | a second factor | [`otp::SecondFactor`], or `Session::verify_otp` with sessions |
//! | authorization rules | [`policy`]; around a route [`Authenticator::require`], for a whole app [`Authenticator::routes`], in a signature [`Require`], in a handler [`Identity::check`] |
//! | roles in a database of your own | [`AuthenticatorBuilder::enrich`] |
//! | tokens outside of HTTP | [`Authenticator::authenticate`], [`Verifier::verify`] |
//! | everything in one configuration file | [`Jamguard`], and [`config`] for its format |
//! | an MCP server or another API to be found by OAuth clients | [`ProtectedResource`]; [`McpGuard`] around an MCP server, with a [guide](guides::mcp) |
//! | WebSockets or event streams | [`CredentialSource::websocket`], [`Identity::validity`] |
//! | code on `jam.Jam` or `python_jam` | [`migration`], call by call |
//! | tests to write | `testing`, and `emulator` for an in-process JAM server |
//!
//! # Names by subject
//!
//! | subject | names |
//! |---|---|
//! | Requests | [`Authenticator`], [`AuthLayer`] for tower and axum, [`ActixAuth`] for actix-web; [`CredentialSource`]; extractors [`Identity`] and [`Claims`]; [`AuthResponse`], [`AuthRejection`]; [`ClientCertificate`], [`ClientCertificateSource`]; [`Endpoint`], [`Validity`]; [`McpGuard`] |
//! | Policies | [`policy`], [`Policy`], [`RouteTable`]; [`RouteGuard`], [`Require`], [`NamedPolicy`] |
//! | Tokens | [`Verifier`], [`Verified`]; [`Preset`]; [`ProtectedResource`]; [`Introspection`]; [`Dpop`], [`DpopKey`]; [`Issuer`], [`KeyRing`], [`RefreshTokens`]; [`TokenList`], [`Revocation`]; [`VerificationPool`]; [`jose`], [`jwks`] |
//! | Sessions | [`Sessions`] over a store, [`Session`] in a handler; [`SessionCookie`], [`NewSession`], [`SessionInfo`] |
//! | Logins | [`JamApp`], [`JamClient`], [`JamLogin`]; [`oauth2`], [`OAuth2Login`]; [`otp`]; [`LoginCookies`] |
//! | Stores | [`store`], [`Store`] |
//! | Configuration | [`config`], [`Jamguard`] |
//! | Common | [`Error`], [`ErrorKind`], [`Clock`], [`Secret`] |
//!
//! # How a request is decided
//!
//! The layer finds the credential, verifies it, and puts an [`Identity`] into the request. Without
//! a credential the request continues as anonymous; [`Claims<T>`](Claims), [`Identity`] and
//! [`RouteGuard`] then answer 401. An invalid bearer token is rejected at once. An invalid cookie
//! makes the request anonymous where login is optional. A failed extractor rejects with
//! [`AuthRejection`]. [`AuthResponse`] is the HTTP response; [`AuthenticatorBuilder::on_refusal`] replaces
//! it. Services without extractors, such as tonic's, read [`Identity::from_extensions`].
//!
//! Verified tokens are cached under their full text: looked up by hash, then compared whole. On
//! every hit the clock, the key set, the lists and revocation are checked again, so a cached token
//! is never accepted when a new one would not be.
//!
//! The user of a session is an [`Identity`] too. A guest's session has no user: the request is
//! anonymous, and [`Session<T>`](Session) still reads and writes it. Changes are saved once, after
//! the handler answers and before the response is sent; if saving fails, the client gets the error.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` | the layer and the extractors for axum |
//! | `actix` | the middleware and the extractors for actix-web |
//! | `tower` | the layer alone, for tonic and other services over `http::Request` |
//! | `client` | JAM: [`JamApp`], [`JamClient`], [`JamLogin`]; remote key sets and discovery; presets of providers; introspection |
//! | `config` | [`Jamguard`]: everything built from one TOML, YAML or JSON file |
//! | `emulator` | JAM in the process, over HTTP on loopback, for development and tests |
//! | `file` | [`FileStore`](store::FileStore): a crash-safe store in one file |
//! | `oauth2` | [`oauth2`]: logins at other providers, tokens for outgoing calls; [`OAuth2Login`] |
//! | `otp` | [`otp`]: time-based and counter-based one-time passwords, enrolment by QR code, recovery codes |
//! | `redis` | [`store::RedisStore`], over Redis or Valkey: one server, sentinels, or a cluster |
//! | `testing` | test tokens, a manual clock, the acceptance suite for stores |
//! | `tower-http` | [`RouteGuard`] for tower-http's `AsyncRequireAuthorizationLayer`; [`tower::RequestSpan`], a span for its `TraceLayer` without the query |
//! | `tower-sessions` | [`store::TowerSessionsStore`], over a store of tower-sessions, for one process |
//! | `tracing` | log events, target `jamguard`: why a request was refused (debug), failed key fetches, unreachable lists, reused refresh tokens (warn), an extractor without its layer (error) |
//! | `metrics` | counters: refusals, cache hits and misses, key-set fetches, introspections, tokens accepted while a list was down, reused refresh tokens, signature checks by place, tokens rejected by a full queue; a gauge of that queue |
//! | `full` | all of these but `emulator` and `testing` |
//!
//! None is on by default.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(
        feature = "client",
        feature = "config",
        feature = "actix",
        feature = "file",
        feature = "oauth2",
        feature = "otp",
        feature = "redis",
        feature = "testing",
        feature = "tower",
        feature = "tower-http",
        feature = "tower-sessions"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

mod authenticator;
#[cfg(feature = "config")]
pub mod config;
mod core;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(any(feature = "tower", feature = "actix"))]
mod endpoint;
#[cfg(feature = "full")]
pub mod guides;
#[cfg(feature = "client")]
mod introspection;
#[cfg(feature = "client")]
mod jam;
pub mod jose;
#[cfg(feature = "client")]
pub mod jwks;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
#[cfg(any(feature = "tower", feature = "actix"))]
mod mcp;
#[cfg(feature = "full")]
pub mod migration;
#[cfg(feature = "oauth2")]
pub mod oauth2;
#[cfg(feature = "otp")]
pub mod otp;
pub mod policy;
#[cfg(feature = "client")]
mod preset;
mod session;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod token;

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tower")]
pub mod tower;

// Requests.
#[cfg(feature = "actix")]
pub use crate::actix::ActixAuth;
pub use crate::authenticator::{
    AuthRejection, Authenticator, AuthenticatorBuilder, ClientCertificate, ClientCertificateSource,
    CredentialKind, CredentialSource, Identity, Validity,
};
pub use crate::core::challenge::AuthResponse;
pub use crate::token::claims::{Claims, ClaimsData};
#[cfg(feature = "tower")]
pub use crate::tower::{AuthLayer, AuthService};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::{
    authenticator::request::RouteGuard,
    endpoint::Endpoint,
    mcp::{McpGuard, McpGuardBuilder},
};

// Policies.
#[cfg(any(feature = "axum", feature = "actix"))]
pub use crate::authenticator::request::{NamedPolicy, Require};
pub use crate::policy::{Policy, RouteTable};

// Tokens.
pub use crate::token::builder::VerifierBuilder;
pub use crate::token::cache::CacheStats;
pub use crate::token::dpop::{Dpop, DpopBuilder, DpopKey, DpopProof, DpopRequest};
pub use crate::token::issuer::{Issuer, IssuerBuilder, NewClaims};
pub use crate::token::list::{TokenList, TokenListBuilder};
pub use crate::token::pool::{VerificationPool, VerificationPoolBuilder, VerificationPoolStats};
pub use crate::token::protected_resource::{ProtectedResource, ProtectedResourceBuilder};
pub use crate::token::refresh::{RefreshTokens, RefreshTokensBuilder, Refreshed, ReuseReport};
pub use crate::token::revocation::RevocationId;
pub use crate::token::ring::{KeyInfo, KeyRing, KeyRingBuilder, KeyState, RingKey};
pub use crate::token::verified::{Revocation, Verified};
pub use crate::token::verifier::Verifier;
#[cfg(feature = "client")]
pub use crate::{
    introspection::{Introspection, IntrospectionBuilder},
    preset::Preset,
};

// Sessions.
pub use crate::authenticator::SessionCookie;
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::authenticator::request::{Session, SessionData, SessionMut};
pub use crate::session::{
    NewSession, OnTypeMismatch, SessionId, SessionInfo, SessionRecord, Sessions, SessionsBuilder,
};

// Logins.
pub use crate::authenticator::LoginCookies;
#[cfg(feature = "client")]
pub use crate::jam::{
    app::JamApp,
    client::{JamClient, JamClientBuilder},
    remote_token::RemoteToken,
};
#[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
pub use crate::login::{OAuth2Arrival, OAuth2Login, OAuth2LoginBuilder, OAuth2User};
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
pub use crate::{
    authenticator::request::SessionTokens,
    login::{JamLogin, JamLoginBuilder, Login, Redirect},
};

// Stores.
pub use crate::store::Store;

// Configuration.
#[cfg(feature = "config")]
pub use crate::config::jamguard::Jamguard;

// Common types.
pub use crate::core::clock::{Clock, SystemClock};
pub use crate::core::error::{Error, ErrorKind};
pub use crate::core::secret::Secret;
