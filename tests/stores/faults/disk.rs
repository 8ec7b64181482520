//! A disk without room, a file without permission.

use crate::faults::child;
use crate::support::folder::Folder;
use jamguard::store::{FileStore, NewRecord, Store};
use jamguard::{Error, ErrorKind};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const LARGE: usize = 20_000;
/// Attempts while the disk is full.
const ATTEMPTS: usize = 20;

fn says<T>(result: Result<T, Error>, part: &str) {
    match result {
        Ok(_) => panic!("no error, where one was to say: {part}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
            assert!(error.message().contains(part), "{error}, not: {part}");
        }
    }
}

async fn all_are_there(store: &FileStore, count: usize) {
    for number in 0..count {
        let record = store.get(&format!("full {number}")).await.unwrap().unwrap();
        assert_eq!(record.value(), vec![number as u8; LARGE]);
    }
    assert_eq!(store.owned("full").await.unwrap().len(), count);
}

/// The child, whose files may not grow over a limit.
pub(crate) async fn fill(file: &Path) {
    let store = FileStore::open(file).unwrap();
    let record = |number: usize| NewRecord::new(vec![number as u8; LARGE]).owned_by("full");
    let mut written = 0;
    let full = loop {
        match store.insert(&format!("full {written}"), record(written)).await {
            Ok(version) => assert!(version.is_some()),
            Err(error) => break error,
        }
        written += 1;
    };
    println!("full after {written}: {full}");
    says::<()>(Err(full), "there is no space left for");
    let mut reads = 0;
    for _ in 0..ATTEMPTS {
        let key = format!("full {written}");
        says(store.insert(&key, record(written)).await, "there is no space left for");
        assert!(store.get(&key).await.unwrap().is_none());
        all_are_there(&store, written).await;
        reads += written;
    }
    // Space comes back: this very store goes on.
    let freed = Command::new("prlimit")
        .args([&format!("--pid={}", std::process::id()), "--fsize=unlimited"])
        .status()
        .expect("prlimit is part of util-linux: apt-get install util-linux");
    assert!(freed.success());
    let key = format!("full {written}");
    assert!(store.insert(&key, record(written)).await.unwrap().is_some());
    written += 1;
    all_are_there(&store, written).await;
    println!("figures {written} {reads}");
}

#[test]
fn a_full_disk_is_an_error_and_reads_go_on() {
    let folder = Folder::new("full");
    // 4 MiB. Over it a write fails with EFBIG, as it does with ENOSPC on a full disk.
    let limit = "trap '' XFSZ; ulimit -S -f 8192";
    let said = child::run(child::command_after(limit, "fill", &folder.store()));
    let figures = said.lines().find_map(|line| line.strip_prefix("figures "));
    let figures = figures.unwrap_or_else(|| panic!("no figures: {said}"));
    let (written, reads) = figures.split_once(' ').unwrap();
    println!(
        "fault 18, disk full: {ATTEMPTS} writes refused, {reads} records read meanwhile, writing \
         again once there was space, {written} acknowledged writes"
    );
    let written: usize = written.parse().unwrap();
    assert!(written > 50, "{written}");
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(async {
        let store = FileStore::open(folder.store()).unwrap();
        all_are_there(&store, written).await;
    });
}

/// The child, who may read the file and not write it.
pub(crate) async fn only_read(file: &Path) {
    let store = FileStore::open(file).unwrap();
    for _ in 0..2 {
        let version = store.get("key").await.unwrap().unwrap().version();
        says(store.remove("key").await, "is read-only");
        says(store.insert("new", NewRecord::new(*b"")).await, "is read-only");
        says(store.replace("key", version, vec![], None).await, "is read-only");
        says(store.remove_owned("ann").await, "is read-only");
        says(store.purge().await, "is read-only");
        assert_eq!(store.owned("ann").await.unwrap().len(), 1);
        assert!(store.get("new").await.unwrap().is_none());
    }
    println!("read only");
}

/// Runs a part as somebody who may not write; root may always.
fn run_unprivileged(folder: &Folder, part: &str, file: &Path) -> String {
    const NOBODY: u32 = 65534;
    let own = fs::metadata(folder.path()).unwrap().uid();
    if own != 0 {
        return child::run(child::command(part, file));
    }
    // Nobody may not be allowed into the folder that this binary lies in.
    let binary = folder.path().join("binary");
    if !binary.exists() {
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        fs::set_permissions(&binary, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(binary);
    child::cast(&mut command, part, file);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    child::run(command)
}

#[tokio::test]
async fn a_read_only_file_can_be_read() {
    let folder = Folder::new("read-only");
    let file = folder.store();
    let store = FileStore::open(&file).unwrap();
    let record = NewRecord::new(*b"value").owned_by("ann");
    store.insert("key", record).await.unwrap();
    // As a crash leaves it, and a backup taken while it is written.
    let unclean = folder.path().join("unclean.redb");
    fs::copy(&file, &unclean).unwrap();
    drop(store);
    for file in [&file, &unclean] {
        fs::set_permissions(file, Permissions::from_mode(0o444)).unwrap();
    }
    let said = run_unprivileged(&folder, "only read", &file);
    assert!(said.contains("read only"), "{said}");

    let said = run_unprivileged(&folder, "open", &unclean);
    assert!(said.contains("storage: "), "{said}");
    assert!(said.contains("open it once with permission to write"), "{said}");
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    let said = run_unprivileged(&folder, "open", &file);
    assert!(said.contains("storage: "), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    println!("fault 18, read-only: reads answered, every write refused as storage");
}

#[tokio::test]
async fn a_second_process_is_told_what_to_do() {
    let folder = Folder::new("second");
    let store = FileStore::open(folder.store()).unwrap();
    let version = store.insert("key", NewRecord::new(*b"")).await.unwrap();
    let said = child::run(child::command("open", &folder.store()));
    assert!(said.contains("storage: "), "{said}");
    assert!(said.contains("is open already, here or in another process"), "{said}");
    assert!(said.contains("let several processes share a Redis"), "{said}");
    says(FileStore::open(folder.store()), "open it once and share clones");
    // The first is none the worse.
    let replaced = store.replace("key", version.unwrap(), vec![], None).await;
    assert!(replaced.unwrap().is_some());
    drop(store);
    let said = child::run(child::command("open", &folder.store()));
    assert!(said.contains("opened"), "{said}");
    println!("fault 18, second process: refused with what to do, the first goes on");
}

#[test]
fn a_place_that_cannot_be_is_told() {
    let folder = Folder::new("nowhere");
    says(FileStore::open(folder.path().join("none/store.redb")), "create its folder");
    says(FileStore::open(folder.path()), "cannot be read or written");
}
