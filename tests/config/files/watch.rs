//! A watched file is applied by itself, whole and once.

use crate::files::reload::{File, replace, serve, site, status, token};
use crate::files::{SECRET, builder, jam, message};
use crate::support::wait::{until, until_blocking};
use jamguard::ErrorKind;
use jamguard::config::Reloaded;
use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::time::Instant;

/// A site whose file names a variable and another file.
fn text(role: &str) -> String {
    let named = "[jam.issuers.named]\nalgorithm = 'HS256'\nsecret_file = 'secret'\nissuer = '${N}'";
    site(role, named)
}

/// A watcher looks at the file at an interval.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_takes_the_file_over_by_itself() {
    let file = File::new("reload-watch", &text("a"));
    fs::write(file.path.with_file_name("secret"), SECRET).unwrap();
    let looked_up = Arc::new(AtomicU64::new(0));
    let counter = looked_up.clone();
    let count = move |_: &str| {
        counter.fetch_add(1, Ordering::SeqCst);
        Some("https://other.example".to_owned())
    };
    let jam = builder().variables(count).from_file(&file.path).unwrap();
    let servers = serve(&jam).await;
    let (a, b) = (token(&jam, "a").await, token(&jam, "b").await);
    let told: Arc<Mutex<Vec<Result<Reloaded, String>>>> = Arc::default();
    let teller = told.clone();
    let watch = jam
        .watch(Duration::from_millis(20), move |outcome| {
            let outcome = outcome.clone().map_err(|error| error.to_string());
            teller.lock().unwrap().push(outcome);
        })
        .unwrap();
    let wait_for = async |count: usize| {
        until("an outcome", async || told.lock().unwrap().len() >= count).await;
        told.lock().unwrap()[count - 1].clone()
    };
    file.write(&text("b"));
    assert_eq!(wait_for(1).await.unwrap().applied(), ["guards"]);
    for (name, address) in servers.each() {
        assert_eq!(status(address, &a).await, 403, "{name}");
        assert_eq!(status(address, &b).await, 200, "{name}");
    }
    file.write("[jam");
    assert!(wait_for(2).await.unwrap_err().contains("not TOML"));
    assert_eq!(status(servers.axum, &b).await, 200);
    file.write(&text("a"));
    assert_eq!(wait_for(3).await.unwrap().applied(), ["guards"]);
    assert_eq!(status(servers.actix, &a).await, 200);
    // An added comment is not reported as a change. The variable shows that the file was read.
    let before = looked_up.load(Ordering::SeqCst);
    file.write(&format!("# Nothing.\n{}", text("a")));
    until("the file is read", async || looked_up.load(Ordering::SeqCst) > before).await;
    drop(watch);
    until("the watcher has ended", async || Arc::strong_count(&told) == 1).await;
    file.write(&text("b"));
    assert_eq!(told.lock().unwrap().len(), 3);
    assert_eq!(status(servers.axum, &a).await, 200);
}

/// A panic of the application's ends neither the watching nor the process.
#[test]
fn a_watcher_outlives_a_panic_of_the_application() {
    let file = File::new("reload-panic", &site("a", ""));
    let jam = file.jam();
    let times = Arc::new(AtomicU64::new(0));
    let told = times.clone();
    let watch = jam.watch(Duration::from_millis(20), move |_| {
        assert!(told.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
    });
    let _watch = watch.unwrap();
    let allows = |role: &str| jam.route_table().unwrap().to_string().contains(role);
    for (round, role) in ["role:bb", "role:cc"].into_iter().enumerate() {
        file.write(&site(&role[5..], ""));
        until_blocking(role, || times.load(Ordering::Relaxed) > round as u64);
        assert!(allows(role), "{role}");
    }
}

/// What changed between the start and the watching is not missed.
#[test]
fn a_change_before_the_watching_is_taken_over() {
    let file = File::new("reload-before", &site("a", ""));
    let jam = file.jam();
    file.write(&site("b", ""));
    let (tell, told) = std::sync::mpsc::channel();
    let watch = jam.watch(Duration::from_millis(20), move |outcome| {
        tell.send(outcome.clone()).unwrap();
    });
    let told = told.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(told.applied(), ["guards"]);
    drop(watch);
}

/// Half of a file may be sound, and guard less than the whole.
#[test]
fn what_is_still_being_written_is_not_taken_over() {
    let whole = site("a", "[[jam.guards]]\npath = '/admin'\npolicy = 'role:admin'\n");
    let file = File::new("reload-half", &whole);
    let jam = file.jam();
    let before = jam.route_table().unwrap().to_string();
    let (tell, told) = std::sync::mpsc::channel();
    let watch = jam.watch(Duration::from_millis(400), move |outcome| {
        tell.send(outcome.clone()).unwrap();
    });
    let _watch = watch.unwrap();
    // As a slow disk writes: in the file itself, piece by piece.
    let (half, rest) = whole.split_once("[[jam.guards]]").unwrap();
    fs::write(&file.path, half).unwrap();
    let mut writer = fs::OpenOptions::new().append(true).open(&file.path).unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        writer.write_all(b"# Another piece.\n").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(jam.route_table().unwrap().to_string(), before);
    }
    let rest = format!("[[jam.guards]]{}", rest.replace("admin", "boss"));
    writer.write_all(rest.as_bytes()).unwrap();
    let told = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(told.unwrap().applied(), ["guards"]);
    assert!(jam.route_table().unwrap().to_string().contains("role:boss"));
}

/// The files that hold secrets are looked at too.
#[test]
fn a_changed_secret_file_needs_a_restart() {
    let file = File::new("reload-secret", "[jam.jwt]\nalgorithm='HS256'\nsecret_file='secret'");
    let secret = file.path.with_file_name("secret");
    fs::write(&secret, SECRET).unwrap();
    let jam = file.jam();
    assert!(jam.reload().unwrap().is_unchanged());
    replace(&secret, &format!("{SECRET}, but another"));
    let reloaded = jam.reload().unwrap();
    assert_eq!(reloaded.needs_restart(), [secret.display().to_string()]);
    let (tell, told) = std::sync::mpsc::channel();
    let watch = jam.watch(Duration::from_millis(20), move |outcome| {
        tell.send(outcome.clone()).unwrap();
    });
    let _watch = watch.unwrap();
    replace(&secret, &format!("{SECRET}, a third"));
    let told = told.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(told.needs_restart(), [secret.display().to_string()]);
}

#[test]
fn what_is_no_file_cannot_be_read_again() {
    let jam = jam("[jam]").unwrap();
    for refused in [message(jam.reload()), message(jam.watch(Duration::from_secs(1), |_| {}))] {
        assert!(refused.contains("not built from a file"), "{refused}");
    }
    let file = File::new("reload-interval", "[jam]");
    let refused = message(file.jam().watch(Duration::from_millis(1), |_| {}));
    assert!(refused.contains("under 10 ms"));
}

/// What was compared is what is taken over: the variables are looked up between the two.
#[test]
fn a_file_that_changes_after_it_was_looked_at_is_not_read_again() {
    let file = File::new("reload-overtaken", &text("a"));
    let secret = file.path.with_file_name("secret");
    fs::write(&secret, SECRET).unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let half = {
        let (armed, secret) = (armed.clone(), secret.clone());
        move |_: &str| {
            if armed.swap(false, Ordering::SeqCst) {
                fs::write(&secret, &SECRET[..5]).unwrap();
            }
            Some("https://app.example".to_owned())
        }
    };
    let jam = builder().variables(half).from_file(&file.path).unwrap();
    file.write(&text("c"));
    let (tell, told) = std::sync::mpsc::channel();
    let watch = jam.watch(Duration::from_millis(20), move |outcome| {
        tell.send(outcome.clone()).unwrap();
    });
    let _watch = watch.unwrap();
    let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
    // The watcher has looked at everything once.
    assert_eq!(next().unwrap().applied(), ["guards"]);
    armed.store(true, Ordering::SeqCst);
    file.write(&text("b"));
    assert_eq!(next().unwrap().applied(), ["guards"]);
    // Its half is refused when it stayed so for an interval.
    assert_eq!(next().unwrap_err().kind(), ErrorKind::InvalidKey);
    assert!(jam.route_table().unwrap().to_string().contains("role:b"));
}

/// A file that only the changed configuration names may still be written when that is read.
#[test]
fn a_file_that_is_named_later_is_watched_too() {
    let file = File::new("reload-named", &site("a", ""));
    let jam = file.jam();
    let secret = file.path.with_file_name("secret");
    fs::write(&secret, &SECRET[..5]).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let watch = jam.watch(Duration::from_millis(20), move |outcome| {
        tell.send(outcome.clone()).unwrap();
    });
    let _watch = watch.unwrap();
    let named = "[jam.issuers.named]\nalgorithm = 'HS256'\nsecret_file = 'secret'";
    file.write(&site("b", named));
    let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(next().unwrap_err().kind(), ErrorKind::InvalidKey);
    fs::write(&secret, SECRET).unwrap();
    assert_eq!(next().unwrap().applied(), ["guards"]);
}
