//! The format of a configuration file.

use super::contents::check_size;
use super::node::Node;
use super::problem::Problem;
use super::{json, toml, yaml};
use crate::core::Error;
use std::path::Path;

/// The format of a configuration file.
///
/// # Example
/// ```
/// use jamguard::config::Format;
/// assert_eq!(Format::of("/etc/orders/jam.yaml")?, Format::Yaml);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1, `.toml`.
    Toml,
    /// YAML 1.2, `.yaml` and `.yml`: one document, without tags and merge keys. Aliases are
    /// expanded, up to a limit.
    Yaml,
    /// JSON, `.json`.
    Json,
}

impl Format {
    /// Returns the format of a file, by its extension.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for any other extension.
    pub fn of(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("toml") => Ok(Self::Toml),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("json") => Ok(Self::Json),
            _ => Err(Error::configuration(format!(
                "{}: the format is unknown: give the file the extension .toml, .yaml, .yml or \
                 .json",
                path.display()
            ))),
        }
    }

    pub(super) fn parse(self, text: &str) -> Result<Node, Problem> {
        check_size(text.len())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Toml => toml::parse(text),
            Self::Yaml => yaml::parse(text),
            Self::Json => json::parse(text),
        }
    }
}
