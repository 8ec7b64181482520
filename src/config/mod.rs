//! Configuration from one file, from which [`Jamguard`](crate::Jamguard) builds this crate's types.
//!
//! The file is TOML, YAML or JSON. The settings are the table at a pointer, by default `jam`. Keys
//! have the names and the meaning of the builders' methods.
//!
//! ```
//! use jamguard::{Jamguard, config::Format};
//!
//! # async fn example() -> Result<(), jamguard::Error> {
//! let jam = Jamguard::from_str(r#"
//!     [jam.lists.denied]
//!     kind = "deny"
//!     store = "memory"
//!
//!     [jam.jwt]
//!     algorithm = "HS256"
//!     secret = "${JWT_SECRET:-a secret of at least thirty-two bytes}"
//!     issuer = "https://app.example"
//!     lifetime = "15m"
//!     deny_lists = "denied"
//! "#, Format::Toml)?;
//!
//! let token = jam.jwt()?.issue(&serde_json::json!({"sub": "user 42"})).await?;
//! let verified = jam.jwt()?.verifier().verify(token.expose()).await?;
//! jam.list("denied")?.revoke(&verified).await?;
//! # Ok(()) }
//! ```
//!
//! # Sections
//! | section | builds | returned by |
//! |---|---|---|
//! | `stores.NAME` | a `memory`, `file` or `redis` store, optionally with a `near` cache; the name `memory` needs no section | [`store`](crate::Jamguard::store); other sections refer to it as `store` |
//! | `key_rings.NAME` | a [`KeyRing`](crate::KeyRing) | [`key_ring`](crate::Jamguard::key_ring) |
//! | `lists.NAME` | a [`TokenList`](crate::TokenList) | [`list`](crate::Jamguard::list); other sections refer to it in `deny_lists` and `allow_lists` |
//! | `jwt`, `issuers.NAME` | an [`Issuer`](crate::Issuer) with its verifier | [`jwt`](crate::Jamguard::jwt), [`issuer`](crate::Jamguard::issuer) |
//! | `refresh_tokens` | [`RefreshTokens`](crate::RefreshTokens) | [`refresh_tokens`](crate::Jamguard::refresh_tokens) |
//! | `verifiers.NAME` | a [`Verifier`](crate::Verifier) from its keys, or from the [`preset`](crate::Preset) of a provider; `introspection` for opaque tokens | [`verifier`](crate::Jamguard::verifier) |
//! | `apps.NAME` | a [`JamApp`](crate::JamApp) and its [`JamClient`](crate::JamClient) | [`app`](crate::Jamguard::app), [`client`](crate::Jamguard::client) |
//! | `sessions` | [`Sessions`](crate::Sessions) | [`sessions`](crate::Jamguard::sessions) |
//! | `protected_resource` | a [`ProtectedResource`](crate::ProtectedResource), which the authenticator's challenges name | [`protected_resource`](crate::Jamguard::protected_resource); a verifier checks the audience with `protected_resource = true` |
//! | `authenticator` | an [`Authenticator`](crate::Authenticator) of everything that verifies, or of what the section names; `dpop` and `client_certificates` for bound tokens | [`authenticator`](crate::Jamguard::authenticator) |
//! | `login` | a builder of a [`JamLogin`](crate::JamLogin) | [`login`](crate::Jamguard::login) |
//! | `otp`, `otp_guard`, `recovery_codes`, `second_factor` | one-time passwords | [`otp`](crate::Jamguard::otp) and the methods of the same names |
//! | `oauth2.NAME` | a client of a provider, with its `login` and `token_source` | [`oauth2`](crate::Jamguard::oauth2), [`oauth2_login`](crate::Jamguard::oauth2_login), [`token_source`](crate::Jamguard::token_source) |
//! | `guards`, `unmatched`, `keep_encoded_slashes` | a [`RouteTable`](crate::RouteTable) | [`guards`](crate::Jamguard::guards), [`route_table`](crate::Jamguard::route_table) |
//! | `log_level` | the most verbose level of this crate's log events: `off`, `error`, `warn`, `info`, `debug` | |
//!
//! [`schema`] describes every key. [`JamguardBuilder`] adds what a file cannot contain, such as closures
//! and your own stores.
//!
//! # Variables
//! In every string at the pointer, `${NAME}` is replaced by the environment variable, and
//! `${NAME:-default}` by the default if the variable is unset or empty. A default contains no
//! braces. `$${` is a literal `${`, and a `$` without a brace is a plain character. Values of
//! variables are not expanded again.
//!
//! # Secrets
//! Give a secret in a variable, or in a file named by `secret_file`, `private_key_file`, `key_file`
//! or `url_file`. Relative file names start from the configuration's folder. A string is never
//! guessed to be a file name. If all users of the machine can read a file with a secret, a warning
//! is logged.
//!
//! A shared secret must be random (`openssl rand -base64 48`), whatever its length: with one token,
//! an attacker can check guesses of a passphrase offline.
//!
//! # Errors
//! Unknown keys, wrong types, keys that exclude each other and errors of a builder name the file,
//! the key, and the line if known. No error shows a value of the file, except routes and policies
//! of `guards`. A key with the value `null` is an error, not a missing key.
//!
//! Limits: 1 MiB for a file, 1 MiB for a string with its variables, 64 levels of nesting, and 4 MiB
//! for the expanded anchors and aliases of a YAML file. Pipes and devices are errors.
//!
//! # Reload
//! [`Jamguard::reload`](crate::Jamguard::reload) and [`Jamguard::watch`](crate::Jamguard::watch) apply a changed file
//! without a restart, for the settings that can change at run time.

mod document;
pub(crate) mod jamguard;
mod parts;
mod schema;

pub use self::{
    document::{Document, Format},
    jamguard::{ConfigWatch, JamguardBuilder, Reloaded},
    schema::schema,
};
