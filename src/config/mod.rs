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
//! # Variables
//! In every text under the pointer `${NAME}` is the value of an environment variable, and
//! `${NAME:-default}` has one where that is not set or empty. `$${` stands for `${`. A `$` without a
//! brace is a plain character. What a variable holds is not looked at again.
//!
//! # Secrets
//! A secret comes from a variable, or from a file that is named as one: `secret_file`,
//! `private_key_file`, `key_file`, `url_file`. File names begin at the configuration's own folder. A
//! text is never guessed to be a file's name. Where a file with a secret can be read by everybody on
//! the machine, a warning is logged.
//!
//! # Errors
//! Unknown keys, wrong types, keys that exclude each other and what a builder refuses are errors that
//! name the file, the line where the format has lines, and the key. No error holds a value of the
//! file. A file has at most 1 MiB, is nested at most 64 deep, and the aliases of a YAML file unfold to
//! at most 4 MiB.
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
