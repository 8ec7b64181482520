//! What the log says of a configuration.

use crate::files::{SECRET, builder};
use crate::support::folder::Folder;
use jamguard::Jamguard;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing_subscriber::filter::LevelFilter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is logged on this thread meanwhile.
pub(crate) fn logged(act: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, act);
    let text = log.0.lock().unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// The level counts for the whole process: tests that depend on it follow one another.
pub(crate) fn level_lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A secret file that other users can read causes a warning.
#[test]
fn a_secret_file_that_everybody_can_read_is_warned_of() {
    let _level = level_lock();
    let folder = Folder::new("readable");
    let write = |name: &str, content: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let key = jamguard::jose::SigningKey::generate(jamguard::jose::Algorithm::ES256).unwrap();
    let pem = key.expose_private_pem().unwrap();
    let sealing = jamguard::store::SealingKeys::generate_key().unwrap();
    let public = key.verifying_key().unwrap().to_pem().unwrap();
    let config = folder.path().join("jam.toml");
    let text = "
        [jam.jwt]
        algorithm = 'HS256'
        secret_file = 'secret'
        [jam.issuers.pem]
        algorithm = 'ES256'
        private_key_file = 'key.pem'
        [jam.sessions]
        store = 'memory'
        encryption = { key_file = 'sealing' }
        [jam.stores.main.redis]
        url_file = 'url'
        [jam.verifiers.public]
        any_audience = true
        algorithms = ['ES256']
        keys = [{ algorithm = 'ES256', public_key_file = 'public.pem' }]
    ";
    fs::write(&config, text).unwrap();
    write("public.pem", &public, 0o644);
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        write("secret", SECRET, mode);
        write("key.pem", pem.expose(), mode);
        write("sealing", sealing.expose(), mode);
        write("url", "redis://user:hunter22@127.0.0.1:1", mode);
        let log = logged(|| drop(builder().from_file(&config).unwrap()));
        for name in ["secret", "key.pem", "sealing", "url"] {
            let line = log.lines().find(|line| line.contains(&format!("/{name}")));
            assert_eq!(line.is_some(), warned, "{mode:o} {name}: {log}");
            if let Some(line) = line {
                assert!(line.contains("WARN") && line.contains("read by all users"), "{line}");
            }
        }
        assert!(!log.contains("public.pem"), "{log}");
        for secret in [SECRET, sealing.expose(), "hunter22"] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

fn at_level(path: &Path, level: &str) -> String {
    let level = match level {
        "" => String::new(),
        level => format!("log_level = '{level}'\n"),
    };
    let text = format!("[jam]\n{level}[jam.jwt]\nalgorithm = 'HS256'\nsecret = '{SECRET}'\n");
    fs::write(path, &text).unwrap();
    text
}

/// The file sets the log level of the crate's own events, at the start and when it changes.
#[test]
fn the_log_level_follows_the_file() {
    let _level = level_lock();
    let folder = Folder::new("level");
    let path = folder.path().join("jam.toml");
    at_level(&path, "off");
    let jam: Jamguard = builder().from_file(&path).unwrap();
    let refused = || {
        logged(|| {
            let auth = jam.authenticator().unwrap();
            let refused = jam.block_on(auth.authenticate("garbage"));
            assert!(refused.is_err());
        })
    };
    assert_eq!(refused(), "");
    for (level, told) in
        [("debug", true), ("warn", false), ("", true), ("error", false), ("", true)]
    {
        at_level(&path, level);
        let reloaded = jam.reload().unwrap();
        assert_eq!(reloaded.applied(), ["log_level"], "{level}");
        let log = refused();
        assert_eq!(log.contains("request rejected"), told, "{level}: {log}");
    }
    // What a reload does is told itself.
    at_level(&path, "info");
    let log = logged(|| drop(jam.reload()));
    assert!(log.contains("INFO") && log.contains("applied: log_level"), "{log}");
    fs::write(&path, "[jam]\nlog_level = 1").unwrap();
    let log = logged(|| drop(jam.reload()));
    assert!(log.contains("WARN") && log.contains("the old one stays"), "{log}");
    at_level(&path, "");
    jam.reload().unwrap();
}

/// The level is the whole process's: who has not asked for one does not undo another's.
#[test]
fn a_reload_without_a_level_leaves_it() {
    let _level = level_lock();
    let folder = Folder::new("level-of-another");
    let path = folder.path().join("jam.toml");
    let guarded = |role: &str| {
        let guard = format!("guards = [{{ path = '/a', policy = 'role:{role}' }}]");
        fs::write(&path, format!("[jam]\nunmatched = 'deny'\n{guard}")).unwrap();
    };
    guarded("a");
    let jam = builder().from_file(&path).unwrap();
    crate::files::jam("[jam]\nlog_level = 'off'").unwrap();
    guarded("b");
    let log = logged(|| {
        assert_eq!(jam.reload().unwrap().applied(), ["guards"]);
    });
    crate::files::jam("[jam]\nlog_level = 'debug'").unwrap();
    assert_eq!(log, "");
}
