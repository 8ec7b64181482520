//! Everything from one file: [`Jam`](crate::Jam) reads it and builds what it names.
//!
//! The file is TOML, YAML or JSON; what it says stands under a pointer, `jam` unless another is
//! given. Its keys are named like the methods of the builders, and mean the same.
//!
//! ```
//! use jamguard::{Jam, config::Format};
//!
//! # async fn example() -> Result<(), jamguard::Error> {
//! let jam = Jam::from_str(r#"
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
//! | section | what it builds | asked for by |
//! |---|---|---|
//! | `stores.NAME` | `memory`, `file` or `redis`, and `near` in front; the name `memory` needs no section | [`store`](crate::Jam::store), and by the others' `store` |
//! | `key_rings.NAME` | a [`KeyRing`](crate::KeyRing) | [`key_ring`](crate::Jam::key_ring) |
//! | `lists.NAME` | a [`TokenList`](crate::TokenList) | [`list`](crate::Jam::list), and by `deny_lists` and `allow_lists` |
//! | `jwt`, `issuers.NAME` | an [`Issuer`](crate::Issuer) with its verifier | [`jwt`](crate::Jam::jwt), [`issuer`](crate::Jam::issuer) |
//! | `refresh_tokens` | [`RefreshTokens`](crate::RefreshTokens) | [`refresh_tokens`](crate::Jam::refresh_tokens) |
//! | `verifiers.NAME` | a [`Verifier`](crate::Verifier) | [`verifier`](crate::Jam::verifier) |
//! | `apps.NAME` | a [`JamApp`](crate::JamApp) and its [`JamClient`](crate::JamClient) | [`app`](crate::Jam::app), [`client`](crate::Jam::client) |
//! | `sessions` | [`Sessions`](crate::Sessions) | [`sessions`](crate::Jam::sessions) |
//! | `authenticator` | an [`Authenticator`](crate::Authenticator) of all that verifies, unless it says of what | [`authenticator`](crate::Jam::authenticator) |
//! | `login` | the beginning of a [`JamLogin`](crate::JamLogin) | [`login`](crate::Jam::login) |
//! | `otp`, `otp_guard`, `recovery_codes`, `second_factor` | one-time passwords | [`otp`](crate::Jam::otp) and the others of these names |
//! | `oauth2.NAME` | a client of a provider, its `login` and its `token_source` | [`oauth2`](crate::Jam::oauth2), [`oauth2_login`](crate::Jam::oauth2_login), [`token_source`](crate::Jam::token_source) |
//! | `guards`, `unmatched`, `keep_encoded_slashes` | a [`RouteTable`](crate::RouteTable) | [`guards`](crate::Jam::guards), [`route_table`](crate::Jam::route_table) |
//! | `log_level` | which of this crate's events are told: `off`, `error`, `warn`, `info`, `debug` | |
//!
//! [`schema`] has every key with what it means. What a file cannot say, such as closures and stores of
//! your own, [`JamBuilder`] adds.
//!
//! # Variables
//! In every text under the pointer `${NAME}` is the value of an environment variable, and
//! `${NAME:-default}` has one where that is not set or empty; a default holds no braces. `$${` stands
//! for `${`. A `$` without a brace is a plain character. What a variable holds is not looked at again.
//!
//! # Secrets
//! A secret comes from a variable, or from a file that is named as one: `secret_file`,
//! `private_key_file`, `key_file`, `url_file`. File names begin at the configuration's own folder. A
//! text is never guessed to be a file's name. Where a file with a secret can be read by everybody on
//! the machine, a warning is logged.
//!
//! A shared secret must be random (`openssl rand -base64 48`), whatever its length: from one token,
//! guesses at a passphrase can be checked as fast as machines go.
//!
//! # Errors
//! Unknown keys, wrong types, keys that exclude each other and what a builder refuses are errors that
//! name the file, the line where the format has lines, and the key. No error holds a value of the
//! file, but for routes and policies of `guards`. A key without a value, `null`, is an error too, and
//! never counts as left out. A file has at most 1 MiB, a text with its variables as much; it is nested
//! at most 64 deep, and the anchors and aliases of a YAML file unfold to at most 4 MiB. Pipes and
//! devices are refused.
//!
//! # Changes while it runs
//! [`Jam::reload`](crate::Jam::reload) and [`Jam::watch`](crate::Jam::watch) take over a changed file
//! without a restart, as far as that goes.

mod document;
pub(crate) mod jam;
mod parts;
mod schema;

pub use self::{
    document::{Document, Format},
    jam::{JamBuilder, JamWatch, Reloaded},
    schema::schema,
};
