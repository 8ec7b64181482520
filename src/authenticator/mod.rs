//! Authentication and authorization of requests, independent of web frameworks.
//!
//! Settings, and authentication outside of HTTP. [`request`] has the path of a request.

pub(crate) mod accepted;
pub(crate) mod builder;
pub(crate) mod certificates;
mod context;
pub(crate) mod cookies;
mod enrich;
mod enrichment;
mod handle;
mod identity;
#[cfg(feature = "client")]
mod jam;
mod origins;
mod possession;
mod rejection;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) mod request;
mod resource;
mod routing;
pub(crate) mod session_cookie;
mod session_settings;
#[cfg(feature = "client")]
pub(crate) mod silent_refresh;
pub(crate) mod sources;
pub(crate) mod user_key;
mod validity;

pub use builder::AuthenticatorBuilder;
pub use certificates::{ClientCertificate, ClientCertificateSource};
pub use cookies::LoginCookies;
pub use handle::Authenticator;
pub use identity::{CredentialKind, Identity};
pub use rejection::AuthRejection;
pub use session_cookie::SessionCookie;
pub use sources::CredentialSource;
pub use validity::Validity;
