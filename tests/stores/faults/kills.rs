//! kill -9 of a writing process, a thousand times.

use crate::faults::child;
use crate::support::folder::Folder;
use jamguard::store::{FileStore, NewRecord, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const KILLS: u64 = 1000;
/// Files that are written and killed at the same time.
const LANES: u64 = 4;
const WRITERS: u64 = 4;
const KEYS_EACH: u64 = 16;
const OWNER: &str = "all";

/// What belongs to a number, of many lengths.
fn value(number: u64) -> Vec<u8> {
    let mut value = number.to_le_bytes().to_vec();
    value.resize(8 + (number * 7919 % 6000) as usize, b'x');
    value
}

fn number(value: &[u8]) -> Option<u64> {
    let number = u64::from_le_bytes(value.get(..8)?.try_into().ok()?);
    (self::value(number) == value).then_some(number)
}

/// The child: says what it begins to write, and what was answered, until it is killed.
pub(crate) async fn write(file: &Path) {
    let store = FileStore::open(file).unwrap();
    println!("ready");
    let writers: Vec<_> =
        (0..WRITERS).map(|writer| tokio::spawn(write_own_keys(store.clone(), writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_own_keys(store: FileStore, writer: u64) {
    let mut next = u64::from(std::process::id()) << 32;
    loop {
        for key in 0..KEYS_EACH {
            let key = format!("{writer}-{key}");
            next += 1;
            let read = store.get(&key).await.unwrap();
            if next % 5 == 0 && read.is_some() {
                println!("begin {key} -");
                assert!(store.remove(&key).await.unwrap());
                println!("done {key} -");
                continue;
            }
            println!("begin {key} {next}");
            let value = value(next);
            let written = match read {
                Some(read) => store.replace(&key, read.version(), value, None).await,
                None => {
                    let record = NewRecord::new(value).owned_by(OWNER);
                    store.insert(&key, record).await
                }
            };
            assert!(written.unwrap().is_some());
            println!("done {key} {next}");
        }
    }
}

/// What a key may hold: what was answered last, or what was begun since.
#[derive(Default)]
struct Lane {
    may_hold: BTreeMap<String, BTreeSet<Option<u64>>>,
    kills: u64,
    acknowledged: u64,
    unanswered_but_done: u64,
    lost: u64,
    corrupt: u64,
}

impl Lane {
    fn note(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some(what @ ("begin" | "done")), Some(key), Some(value), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        let value = value.parse().ok();
        let nothing = || BTreeSet::from([None]);
        let may_hold = self.may_hold.entry(key.to_owned()).or_insert_with(nothing);
        if what == "done" {
            self.acknowledged += 1;
            may_hold.clear();
        }
        may_hold.insert(value);
    }

    fn check(&mut self, file: &Path) {
        let store = match FileStore::open(file) {
            Ok(store) => store,
            Err(error) => {
                println!("corrupt: {error}");
                self.corrupt += 1;
                return;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread();
        { runtime }.build().unwrap().block_on(async {
            let listed = store.owned(OWNER).await.unwrap();
            let mut listed: BTreeMap<_, _> = listed.into_iter().collect();
            for (key, may_hold) in &mut self.may_hold {
                let record = store.get(key).await.unwrap();
                let held = record.as_ref().map(|record| number(record.value()));
                let sound = held != Some(None) && listed.remove(key) == record;
                let held = held.flatten();
                if !sound || !may_hold.contains(&held) {
                    println!("lost: {key} holds {held:?}, not one of {may_hold:?}");
                    self.lost += 1;
                }
                self.unanswered_but_done += u64::from(may_hold.len() > 1);
                *may_hold = BTreeSet::from([held]);
            }
            self.lost += listed.len() as u64;
        });
    }

    fn kill_one(&mut self, file: &Path, random: u64) {
        let mut child = child::command("write", file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        // Most are killed after a few writes, in the middle of the next; some while they still open
        // the file.
        let mut pause = Duration::from_micros(random % 40_000);
        if !random.is_multiple_of(8) {
            let mut answers = 1 + random % 12;
            while answers > 0 {
                let begun = said.len();
                let length = lines.read_line(&mut said).unwrap();
                assert!(length > 0, "the child stopped by itself: {said}");
                answers -= u64::from(said[begun..].starts_with("done"));
            }
            pause = Duration::from_micros(random % 4_000);
        }
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
        lines.read_to_string(&mut said).unwrap();
        self.kills += 1;
        // The last line may be cut short.
        for line in said.split_inclusive('\n').filter(|l| l.ends_with('\n')) {
            self.note(line.trim_end());
        }
    }

    fn run(lane: u64) -> Self {
        let folder = Folder::new(&format!("kills-{lane}"));
        let mut this = Self::default();
        let mut random = 0x9e37_79b9_7f4a_7c15 ^ lane;
        while this.kills < KILLS / LANES {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            this.kill_one(&folder.store(), random >> 8);
            // Sometimes the next child meets what this one left, and is killed over it.
            if !random.is_multiple_of(4) {
                this.check(&folder.store());
            }
        }
        this.check(&folder.store());
        this
    }
}

#[test]
fn a_thousand_kills_lose_nothing_acknowledged() {
    let started = Instant::now();
    let lanes: Vec<_> =
        (0..LANES).map(|lane| std::thread::spawn(move || Lane::run(lane))).collect();
    let mut all = Lane::default();
    for lane in lanes {
        let lane = lane.join().unwrap();
        all.kills += lane.kills;
        all.acknowledged += lane.acknowledged;
        all.unanswered_but_done += lane.unanswered_but_done;
        all.lost += lane.lost;
        all.corrupt += lane.corrupt;
    }
    println!(
        "fault 17: {} kills, {} acknowledged writes, {} lost, {} corrupt opens, {} keys caught in \
         the middle of a write, {:.0} s",
        all.kills,
        all.acknowledged,
        all.lost,
        all.corrupt,
        all.unanswered_but_done,
        started.elapsed().as_secs_f64()
    );
    assert_eq!((all.kills, all.lost, all.corrupt), (KILLS, 0, 0));
    assert!(all.acknowledged > KILLS, "they were killed too early");
}

#[test]
fn a_creation_that_is_killed_leaves_no_half_file() {
    const TRIES: u64 = 60;
    let folder = Folder::new("kills-at-creation");
    let (mut unmade, mut random) = (0, 0x9e37_79b9_7f4a_7c15u64);
    for number in 0..TRIES {
        let file = folder.path().join(number.to_string());
        let mut child = child::command("write", &file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has begun: there is a file, by whatever name.
        while fs::read_dir(folder.path()).unwrap().count() == 0 {
            std::thread::yield_now();
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros((random >> 33) % 150_000));
        child.kill().unwrap();
        child.wait().unwrap();
        unmade += u64::from(!file.exists());
        FileStore::open(&file).unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    println!("fault 17, at creation: {TRIES} kills, {unmade} before the file was there, all open");
}
