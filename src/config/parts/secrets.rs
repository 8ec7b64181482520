//! Secrets and keys from files that the configuration names.

use super::location::Spot;
use super::scalars::Hidden;
use crate::config::document::{Content, Problem};
#[cfg(feature = "client")]
use crate::core::network::NetworkOptions;
use crate::core::{Secret, telemetry};
use std::path::Path;

impl Spot<'_> {
    /// Reads the file with this name.
    pub(super) fn file(&self, path: impl AsRef<Path>) -> Result<Content, Problem> {
        let path = path.as_ref();
        let base = &self.world.base;
        let begins = match path.is_relative() && !base.as_os_str().is_empty() {
            true => " (relative to the configuration's folder)",
            false => "",
        };
        let path = base.join(path);
        // Hides the name: a secret may have been given by mistake in place of the name of its file.
        let wrong = |problem: Problem| {
            self.wrong(format!("the file that this key names{begins}: {problem}"))
        };
        let content = self.world.contents.read(&path).map_err(wrong)?;
        self.world.note_file(&path, &content);
        Ok(content)
    }

    /// Reads the file of certificates that a network's options name.
    #[cfg(feature = "client")]
    pub(super) fn network(&self, options: &NetworkOptions) -> Result<NetworkOptions, Problem> {
        let mut network = options.clone();
        if let Some(file) = network.ca_file.take() {
            network.ca_pem = self.key("ca_file").file(file)?.to_vec();
        }
        Ok(network)
    }

    /// Reads a file with a secret, and logs a warning if all users of the machine can read it.
    pub(super) fn private_file(&self, path: &str) -> Result<Content, Problem> {
        let content = self.file(path)?;
        let path = self.world.base.join(path);
        if is_readable_by_all(&path) {
            telemetry::warn(
                "a file with a secret can be read by all users of this machine: run chmod o= on it",
                &path.display(),
            );
        }
        Ok(content)
    }

    /// Reads a file with a secret as text, without a line ending at its end.
    pub(super) fn private_text(&self, path: &str) -> Result<Secret, Problem> {
        let content = self.private_file(path)?;
        match std::str::from_utf8(&content) {
            // Editors and `echo` append a line ending, which is not part of the secret.
            Ok(text) => Ok(Secret::new(without_line_end(text))),
            Err(_) => Err(self.wrong("the file is not UTF-8 text")),
        }
    }

    /// Returns a secret that is given as the value of `key`, or by the name of a file in `{key}_file`.
    pub(super) fn secret(
        &self,
        key: &str,
        text: &Option<Hidden>,
        file: &Option<String>,
    ) -> Result<Option<Secret>, Problem> {
        let file_key = format!("{key}_file");
        self.one_of(&[key, &file_key])?;
        match (text, file) {
            (Some(text), _) => Ok(Some(text.0.clone())),
            (None, Some(file)) => self.key(&file_key).private_text(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|info| info.is_file() && info.permissions().mode() & 0o004 != 0)
}

/// Access control lists are not evaluated.
#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}
