//! kill -9 of a process that writes sessions to the file store, a thousand times, and a full disk:
//! faults 17 and 18 of `docs/faults.md`.

use crate::api::child;
use crate::api::{Cart, cart, items, sessions};
use crate::support::folder::Folder;
use jamguard::store::FileStore;
use jamguard::{ErrorKind, SessionId, Sessions};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KILLS: u64 = 1000;
/// Files that are written and killed at the same time.
const LANES: u64 = 4;
const WRITERS: u64 = 4;

fn open(file: &Path) -> Result<Sessions, jamguard::Error> {
    Ok(sessions(Arc::new(FileStore::open(file)?)))
}

/// The child: says what it begins, and what was answered, until it is killed.
pub(crate) async fn write(file: &Path) {
    let sessions = open(file).unwrap();
    println!("ready");
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write_own_sessions(sessions.clone(), writer)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_own_sessions(sessions: Sessions, writer: u64) {
    for number in 0.. {
        // One session a user, so that those of a user can be counted.
        let user = format!("{}-{writer}-{number}", std::process::id());
        println!("begin {user} create");
        let mut id = sessions.create(Some(&user), &cart(&[])).await.unwrap();
        println!("done {user} {} 0", id.expose());
        for change in 1..=4 {
            println!("begin {user} write");
            let add = |cart: &mut Cart| cart.items.push("tea".into());
            sessions.modify(&id, add).await.unwrap();
            println!("done {user} {} {change}", id.expose());
            println!("begin {user} rework");
            id = sessions.rotate_id(&id).await.unwrap();
            println!("done {user} {} {change}", id.expose());
        }
        if number % 2 == 0 {
            println!("begin {user} delete");
            sessions.end(&id).await.unwrap();
            println!("done {user} - 0");
        }
    }
}

/// What is known of a user's one session.
#[derive(Default)]
struct Session {
    /// As it was answered last: the id, and how many items; `None` where it is not to be there.
    is: Option<(String, usize)>,
    begun: Option<String>,
}

#[derive(Default)]
struct Lane {
    sessions: BTreeMap<String, Session>,
    kills: u64,
    acknowledged: u64,
    in_rotation: u64,
    lost: u64,
    doubled: u64,
    corrupt: u64,
}

impl Lane {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["begin", user, what] => {
                let session = self.sessions.entry(user.to_owned()).or_default();
                session.begun = Some(what.to_owned());
            }
            ["done", user, id, items] => {
                let session = self.sessions.entry(user.to_owned()).or_default();
                let items = items.parse().unwrap();
                session.is = (id != "-").then(|| (id.to_owned(), items));
                session.begun = None;
                self.acknowledged += 1;
            }
            _ => {}
        }
    }

    async fn check_one(&mut self, sessions: &Sessions, user: &str, session: &Session) {
        let count = sessions.count(user).await.unwrap();
        self.doubled += count.saturating_sub(1);
        let found = match &session.is {
            Some((id, _)) => items(sessions, &SessionId::parse(id).unwrap()).await,
            None => None,
        };
        let found = found.map(|items| items.len());
        let sound = match (&session.is, session.begun.as_deref()) {
            (Some((_, is)), None) => found == Some(*is) && count == 1,
            (Some((_, is)), Some("write")) => {
                count == 1 && (found == Some(*is) || found == Some(*is + 1))
            }
            // Exactly one id has it: this one, or the new one that nobody was told.
            (Some((_, is)), Some("rework")) => {
                self.in_rotation += 1;
                count == 1 && (found == Some(*is) || found.is_none())
            }
            (Some(_), _) => true,
            (None, Some("create")) => true,
            (None, _) => count == 0,
        };
        if !sound {
            println!("lost: {user}, begun {:?}, found {found:?}, {count} of them", session.begun);
            self.lost += 1;
        }
    }

    fn check(&mut self, file: &Path) {
        let sessions = match open(file) {
            Ok(sessions) => sessions,
            Err(error) => {
                println!("corrupt: {error}");
                self.corrupt += 1;
                return;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread();
        { runtime }.build().unwrap().block_on(async {
            for (user, session) in std::mem::take(&mut self.sessions) {
                self.check_one(&sessions, &user, &session).await;
            }
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
        // After a few answers, in the middle of what follows.
        let mut answers = 1 + random % 16;
        while answers > 0 {
            let begun = said.len();
            let length = lines.read_line(&mut said).unwrap();
            assert!(length > 0, "the child stopped by itself: {said}");
            answers -= u64::from(said[begun..].starts_with("done"));
        }
        std::thread::sleep(Duration::from_micros(random % 4_000));
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
        let folder = Folder::new(&format!("session-kills-{lane}"));
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
fn a_thousand_kills_lose_no_acknowledged_session_and_double_none() {
    let started = Instant::now();
    let lanes: Vec<_> =
        (0..LANES).map(|lane| std::thread::spawn(move || Lane::run(lane))).collect();
    let mut all = Lane::default();
    for lane in lanes {
        let lane = lane.join().unwrap();
        all.kills += lane.kills;
        all.acknowledged += lane.acknowledged;
        all.in_rotation += lane.in_rotation;
        all.lost += lane.lost;
        all.doubled += lane.doubled;
        all.corrupt += lane.corrupt;
    }
    println!(
        "fault 17, sessions: {} kills, {} acknowledged writes, {} lost, {} corrupt opens; {} \
         sessions caught in a rotation, {} of them with two ids, {:.0} s",
        all.kills,
        all.acknowledged,
        all.lost,
        all.corrupt,
        all.in_rotation,
        all.doubled,
        started.elapsed().as_secs_f64()
    );
    assert_eq!((all.lost, all.doubled, all.corrupt), (0, 0, 0));
    assert!(all.kills == KILLS && all.acknowledged > KILLS && all.in_rotation > 0);
}

/// The child, whose files may not grow over a limit.
pub(crate) async fn fill(file: &Path) {
    let sessions = open(file).unwrap();
    let data = cart(&[&"x".repeat(20_000)]);
    let mut ids = Vec::new();
    let full = loop {
        match sessions.create(Some("ann"), &data).await {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::Storage, "{full}");
    assert!(full.message().contains("no space left"), "{full}");
    for id in &ids {
        assert_eq!(items(&sessions, id).await.unwrap(), data.items);
        let larger = cart(&[&"y".repeat(60_000)]);
        if let Err(error) = sessions.update(id, &larger).await {
            assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
            assert_eq!(items(&sessions, id).await.unwrap(), data.items);
        } else {
            sessions.update(id, &data).await.unwrap();
        }
    }
    assert_eq!(sessions.count("ann").await.unwrap(), ids.len() as u64);
    println!("figures {}", ids.len());
}

/// Fault 18.
#[test]
fn a_full_disk_is_an_error_and_sessions_are_read() {
    let folder = Folder::new("session-full");
    // 2 MiB. Over it a write fails with EFBIG, as it does with ENOSPC on a full disk.
    let child = child::command("fill", &folder.store());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 4096; exec \"$0\" \"$@\""]);
    shell.arg(child.get_program()).args(child.get_args());
    for (name, value) in child.get_envs() {
        shell.env(name, value.unwrap());
    }
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let written = said.lines().find_map(|line| line.strip_prefix("figures "));
    let written: u64 = written.unwrap().parse().unwrap();
    println!("fault 18, disk full: {written} sessions, all read while no write was possible");
    assert!(written > 20);
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(async {
        let sessions = open(&folder.store()).unwrap();
        assert_eq!(sessions.count("ann").await.unwrap(), written);
    });
    // Another process has it open.
    let _open = FileStore::open(folder.store()).unwrap();
    let refused = open(&folder.store()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
}
