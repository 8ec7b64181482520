//! Files that are cut short, or hold something else.

use crate::support::folder::Folder;
use jamguard::ErrorKind;
use jamguard::store::{FileStore, NewRecord, Store};
use std::fs;
use std::path::Path;

const RECORDS: usize = 200;

fn value(number: usize) -> Vec<u8> {
    vec![number as u8; number * 37]
}

/// A store's file, closed properly or as a crash leaves it.
async fn sound(folder: &Folder, closed: bool) -> Vec<u8> {
    let file = folder.path().join(format!("sound-{closed}.redb"));
    let store = FileStore::open(&file).unwrap();
    for number in 0..RECORDS {
        let record = NewRecord::new(value(number)).owned_by("all");
        store.insert(&number.to_string(), record).await.unwrap();
    }
    if closed {
        drop(store);
        return fs::read(&file).unwrap();
    }
    fs::read(&file).unwrap()
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Complete,
    /// Something else was said than was written.
    Wrong(String),
}

/// Opens a file of these bytes and reads all that was written. A panic would end the test.
async fn open(file: &Path, bytes: &[u8]) -> Verdict {
    fs::write(file, bytes).unwrap();
    let store = match FileStore::open(file) {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Storage);
            assert!(error.message().contains("restore a backup"), "{error}");
            return Verdict::Refused;
        }
    };
    for number in 0..RECORDS {
        let read = store.get(&number.to_string()).await;
        if !matches!(&read, Ok(Some(record)) if record.value() == value(number)) {
            return Verdict::Wrong(format!("{number}: {read:?}"));
        }
    }
    Verdict::Complete
}

#[tokio::test]
async fn a_truncated_file_is_refused_or_complete() {
    let folder = Folder::new("truncated");
    let file = folder.store();
    let (mut refused, mut complete) = (0, 0);
    for closed in [true, false] {
        let whole = sound(&folder, closed).await;
        assert_eq!(open(&file, &whole).await, Verdict::Complete);
        let mut lengths = vec![0, 1, 8, 9, 100, 319, 320, 4095, 4096, 4097];
        lengths.extend((0..40).map(|part| whole.len() * part / 40).skip(1));
        lengths.extend([1, 4096, 8192].map(|cut| whole.len() - cut));
        for length in lengths {
            match open(&file, &whole[..length]).await {
                Verdict::Refused => refused += 1,
                Verdict::Complete => complete += 1,
                other => panic!("{length} of {} bytes: {other:?}", whole.len()),
            }
        }
    }
    println!("fault 18, truncated: {refused} refused, {complete} complete (the cut was unused)");
    assert!(refused > 20);
}

#[tokio::test]
async fn garbage_is_refused() {
    let folder = Folder::new("garbage");
    let whole = sound(&folder, true).await;
    let mut noise = 1u8;
    let mut random = |length: usize| -> Vec<u8> {
        let mut next = || {
            noise = noise.wrapping_mul(197).wrapping_add(91);
            noise
        };
        (0..length).map(|_| next()).collect()
    };
    let mut headless = whole.clone();
    headless[..4096].fill(0);
    let mut head_alone = whole[..64].to_vec();
    head_alone.extend(random(1 << 20));
    let page = [&whole[..4096], &random(1 << 20)].concat();
    let cases: [(&str, Vec<u8>); 7] = [
        ("a text", b"[auth]\nstore = \"file\"\n".to_vec()),
        ("a long text", b"hello, world. ".repeat(100_000)),
        ("noise", random(1 << 20)),
        ("one byte", vec![7]),
        ("no first page", headless),
        ("a first page and noise", page),
        ("a mark and noise", head_alone),
    ];
    for (name, bytes) in &cases {
        let file = folder.path().join(format!("{name}.redb"));
        assert_eq!(open(&file, bytes).await, Verdict::Refused, "{name}");
        // And left as it was, for whoever looks into it.
        let now = fs::read(&file).unwrap();
        assert_eq!(now.len(), bytes.len(), "{name}");
    }
}

#[tokio::test]
async fn a_damaged_page_is_found_when_the_file_is_opened() {
    let folder = Folder::new("pages");
    let whole = sound(&folder, true).await;
    let pages = whole.len() / 4096;
    let (mut refused, mut complete) = (0, 0);
    for page in (0..pages).step_by((pages / 80).max(1)) {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 2000..page * 4096 + 2100].fill(0xA5);
        match open(&folder.store(), &bytes).await {
            Verdict::Refused => refused += 1,
            Verdict::Complete => complete += 1,
            other => panic!("page {page} of {pages}: {other:?}"),
        }
    }
    println!("damaged pages: {refused} refused, {complete} complete (the page was unused)");
    assert!(refused > 10);
}

#[tokio::test]
async fn a_file_of_another_program_is_refused() {
    const THEIRS: redb::TableDefinition<&str, u64> = redb::TableDefinition::new("theirs");
    let folder = Folder::new("foreign");
    let theirs = redb::Database::create(folder.store()).unwrap();
    let transaction = theirs.begin_write().unwrap();
    transaction.open_table(THEIRS).unwrap();
    transaction.commit().unwrap();
    drop(theirs);
    let refused = FileStore::open(folder.store()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    assert!(refused.message().contains("jamguard store"), "{refused}");
}

#[test]
fn a_file_is_made_once_and_in_full() {
    let folder = Folder::new("made");
    for _ in 0..20 {
        let start = std::sync::Barrier::new(8);
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                start.wait();
                FileStore::open(folder.store())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let (ours, others): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
        assert_eq!(ours.len(), 1);
        for other in others {
            let error = other.unwrap_err();
            assert!(error.message().contains("is open already"), "{error}");
        }
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        drop(ours);
        fs::remove_file(folder.store()).unwrap();
    }
}
