//! A cache of file contents, each read once.

use super::problem::Problem;
use crate::core::hash::{Sha256, sha256_of};
use crate::core::{lock, sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::{collections::BTreeMap, fs::File, io::Read};
use zeroize::Zeroizing;

/// Maximum size of a file, which bounds the memory for it.
const MAX_BYTES: usize = 1 << 20;

/// The content of a file, zeroized on drop.
pub(in crate::config) type Content = Arc<Zeroizing<Vec<u8>>>;

/// A cache of files as they were at the first read.
///
/// The content that was compared with an earlier one is thus the content that is used, even if the
/// file is written meanwhile.
#[derive(Default)]
pub(in crate::config) struct Contents(Mutex<BTreeMap<PathBuf, Result<Content, String>>>);

impl Contents {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Result<Content, String>>> {
        lock(&self.0)
    }

    /// Returns the content of a file, at most 1 MiB.
    pub(in crate::config) fn read(&self, path: &Path) -> Result<Content, Problem> {
        let mut files = self.lock();
        let file = files
            .entry(path.to_owned())
            .or_insert_with(|| read(path).map_err(|problem| problem.to_string()));
        file.clone().map_err(Problem::new)
    }

    /// Returns the paths of the files that were read.
    pub(in crate::config) fn paths(&self) -> Vec<PathBuf> {
        self.lock().keys().cloned().collect()
    }

    /// Returns a hash of all contents, because modification times and lengths may stay the same.
    pub(in crate::config) fn fingerprint(&self) -> Sha256 {
        let none = Sha256::default();
        let hashes = |content: &Result<Content, String>| {
            content.as_ref().map_or(none, |content| sha256(&**content))
        };
        sha256_of(self.lock().values().map(hashes))
    }

    /// Returns the contents that are UTF-8.
    pub(super) fn texts(&self) -> Vec<Zeroizing<String>> {
        let files = self.lock();
        let texts = files.values().flatten().filter_map(|content| {
            let text = std::str::from_utf8(content).ok()?;
            Some(Zeroizing::new(text.to_owned()))
        });
        texts.collect()
    }
}

fn read(path: &Path) -> Result<Content, Problem> {
    let failed = |error: std::io::Error| Problem::new(format!("it cannot be read: {error}"));
    let info = std::fs::metadata(path).map_err(failed)?;
    if info.is_dir() {
        return Err(Problem::new("it is a directory: give the file in it"));
    }
    // Opening a pipe would wait for a writer, possibly forever.
    if !info.is_file() {
        return Err(Problem::new("it is a pipe or a device: give the name of a regular file"));
    }
    let mut content = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    // Ignores the length in the metadata: some files of the system report 0.
    let mut file = file.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut content).map_err(failed)?;
    check_size(content.len())?;
    Ok(Arc::new(content))
}

/// Checks the size of a file or of a text in place of one.
pub(super) fn check_size(bytes: usize) -> Result<(), Problem> {
    match bytes > MAX_BYTES {
        true => Err(Problem::new("it is longer than 1 MiB, the maximum")),
        false => Ok(()),
    }
}
