//! Files, each read once.

use super::format::{MAX_BYTES, too_long};
use super::problem::Problem;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// The content of a file, wiped when it is dropped.
pub(in crate::config) type Content = Arc<Zeroizing<Vec<u8>>>;

/// The contents of files as they were when each was first asked for. What was compared with an
/// earlier time is therefore what is used, whatever is written meanwhile.
#[derive(Default)]
pub(in crate::config) struct Contents(Mutex<BTreeMap<PathBuf, Result<Content, String>>>);

impl Contents {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Result<Content, String>>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of a file of at most 1 MiB.
    pub(in crate::config) fn read(&self, path: &Path) -> Result<Content, Problem> {
        let mut files = self.lock();
        let file = files
            .entry(path.to_owned())
            .or_insert_with(|| read(path).map_err(|problem| problem.to_string()));
        file.clone().map_err(Problem::new)
    }

    /// The files that were asked for.
    pub(in crate::config) fn paths(&self) -> Vec<PathBuf> {
        self.lock().keys().cloned().collect()
    }

    /// Tells contents apart: times and lengths of files may stay the same.
    pub(in crate::config) fn fingerprint(&self) -> Vec<u8> {
        let mut all = Context::new(&SHA256);
        for content in self.lock().values() {
            match content {
                Ok(content) => {
                    all.update(&(content.len() as u64).to_be_bytes());
                    all.update(content);
                }
                Err(_) => all.update(&[0xff; 8]),
            }
        }
        all.finish().as_ref().to_vec()
    }

    /// Those that are texts.
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
    // Opening a pipe waits for a writer, maybe for ever.
    if !info.is_file() {
        return Err(Problem::new(
            "it is no file with content of its own but a pipe or a device",
        ));
    }
    let mut content = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    // Whatever it says of its length: some of the system's own files say 0.
    let mut file = file.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut content).map_err(failed)?;
    match content.len() > MAX_BYTES {
        true => Err(too_long()),
        false => Ok(Arc::new(content)),
    }
}
