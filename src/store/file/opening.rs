//! Creating and opening the file.

use super::failure::{Failure, guarded};
use super::tables;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadOnlyDatabase, ReadableDatabase};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Maximum memory for pages, in bytes.
const CACHE_BYTES: usize = 64 << 20;

pub(super) enum Open {
    Writable(Database),
    ReadOnly(ReadOnlyDatabase),
    Closed,
}

/// Opens the file, or opens it to read if this process may not write it.
pub(super) fn open(path: &Path) -> Result<Open, Failure> {
    guarded(|| {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if is_read_only(&error) => {
                let file = builder.open_read_only(path)?;
                tables::check(&file.begin_read()?)?;
                return Ok(Open::ReadOnly(file));
            }
            other => other?,
        };
        if file.metadata()?.len() == 0 {
            return Err(Failure::Empty);
        }
        let file = builder.create_with_backend(FileBackend::new(file)?)?;
        tables::check(&file.begin_read()?)?;
        Ok(Open::Writable(file))
    })
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Creates the file if it does not exist.
///
/// It first has another name, so that it exists completely or not at all, whatever happens
/// meanwhile.
pub(super) fn create(path: &Path) -> Result<(), Failure> {
    if path.try_exists()? {
        return Ok(());
    }
    let new = unfinished(path);
    let made = guarded(|| {
        let file = FileBackend::new(create_new(&new)?)?;
        let file = Builder::new().create_with_backend(file)?;
        let mut transaction = file.begin_write()?;
        transaction.set_quick_repair(true);
        tables::lay_out(&transaction)?;
        transaction.commit()?;
        drop(file);
        Ok(give_name(&new, path)?)
    });
    let _ = fs::remove_file(&new);
    made
}

/// Returns a temporary name that no other call or process uses.
fn unfinished(path: &Path) -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{process}-{number}"));
    name.into()
}

/// Creates a file that only its owner may read, in place of one that a dead process left.
fn create_new(path: &Path) -> io::Result<File> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives the file its name, unless another process was faster: then its file is used.
fn give_name(new: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(new, path) {
        Ok(()) => {}
        Err(_) if path.try_exists()? => return Ok(()),
        // A file system without hard links.
        Err(_) => fs::rename(new, path)?,
    }
    // The name must survive a crash too.
    #[cfg(unix)]
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all()?,
        _ => File::open(".")?.sync_all()?,
    }
    Ok(())
}
