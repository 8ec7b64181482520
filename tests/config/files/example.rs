//! The example `from_config`, run as people run it.

use crate::support::folder::Folder;
use crate::support::run::Tool;
use crate::support::{Request, send};
use jamguard::config::{Document, Format};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn tool() -> &'static Tool {
    static TOOL: OnceLock<Tool> = OnceLock::new();
    TOOL.get_or_init(|| Tool::build("from_config"))
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/config").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Killed when it is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
    shown: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut command = tool().command();
        command.args(arguments).env("PORT", "0").env("JWT_SECRET", crate::files::SECRET);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut shown = String::new();
        let address = loop {
            let line = lines.next().expect("it serves").unwrap();
            if let Some(rest) = line.strip_prefix("Serving on http://") {
                break rest.split('/').next().unwrap().parse().unwrap();
            }
            shown.push_str(&line);
            shown.push('\n');
        };
        Self { child, address, shown, lines }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token(file: &Path, subject: &str, roles: &str) -> String {
    let mut command = tool().command();
    command.args([text(file), "--token", subject, "--roles", roles]);
    let output = command.env("JWT_SECRET", crate::files::SECRET).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The three samples say the same, and are served alike.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_served_as_it_says() {
    let read = |name: &str, format| -> Value {
        let text = fs::read_to_string(sample(name)).unwrap();
        let document = Document::from_str(&text, format).unwrap();
        document.with_variables(|_| None).read("jam").unwrap()
    };
    let toml = read("jam.toml", Format::Toml);
    assert_eq!(toml, read("jam.yaml", Format::Yaml));
    assert_eq!(toml, read("jam.json", Format::Json));
    for name in ["jam.toml", "jam.yaml", "jam.json"] {
        let file = sample(name);
        let served = Served::start(&[text(&file)]);
        for wanted in ["https://app.example", "\"denied\"", "role:admin & !role:suspended"] {
            assert!(served.shown.contains(wanted), "{name} {wanted}: {}", served.shown);
        }
        assert!(!served.shown.contains(crate::files::SECRET), "{}", served.shown);
        let [ann, boss, suspended] = [("ann", ""), ("boss", "admin"), ("eve", "admin,suspended")]
            .map(|(subject, roles)| token(&file, subject, roles));
        for (path, bearer, status, body) in [
            ("/", None, 200, "/ for a stranger\n"),
            ("/", Some(&ann), 200, "/ for ann\n"),
            ("/me", None, 401, ""),
            ("/me", Some(&ann), 200, "\"sub\":\"ann\""),
            ("/admin/users", None, 401, ""),
            ("/admin/users", Some(&ann), 403, ""),
            ("/admin/users", Some(&suspended), 403, ""),
            ("/admin/users", Some(&boss), 200, "/admin/users for boss\n"),
            ("/elsewhere", Some(&boss), 403, ""),
        ] {
            let mut request = Request::get(path);
            if let Some(token) = bearer {
                request = request.bearer(token);
            }
            let answer = send(served.address, &request).await;
            assert_eq!(answer.status, status, "{name} {path}: {}", answer.text());
            assert!(answer.text().contains(body), "{name} {path}: {}", answer.text());
        }
    }
}

/// It follows the file while it serves.
#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_file() {
    let folder = Folder::new("from-config");
    let file = folder.path().join("jam.toml");
    let sound = fs::read_to_string(sample("jam.toml")).unwrap();
    fs::write(&file, &sound).unwrap();
    let mut served = Served::start(&[text(&file)]);
    let boss = token(&file, "boss", "admin");
    let request = Request::get("/admin/users").bearer(&boss);
    assert_eq!(send(served.address, &request).await.status, 200);
    fs::write(&file, sound.replace("role:admin", "role:owner")).unwrap();
    let line = served.lines.next().unwrap().unwrap();
    assert_eq!(line, "applied: guards");
    assert_eq!(send(served.address, &request).await.status, 403);
    fs::write(&file, "[jam]\nx = 1").unwrap();
    let line = served.lines.next().unwrap().unwrap();
    assert!(
        line.starts_with("configuration unchanged: ") && line.contains("jam.x: unknown key"),
        "{line}"
    );
    assert_eq!(send(served.address, &request).await.status, 403);
}

/// `--check` only validates; exit status 0, 1, 2.
#[test]
fn check_and_exit_status() {
    let folder = Folder::new("from-config-check");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    for name in ["jam.toml", "jam.yaml", "jam.json"] {
        let path = sample(name);
        let run = tool().run(&[text(&path), "--check"], "");
        assert_eq!((run.status, &*run.stderr), (0, ""), "{name}");
        assert!(run.lines[0].ends_with("is valid"));
    }
    let stores = write(
        "stores.toml",
        "[auth.jam.stores.main]\nfile = { path = 'made.redb' }\n[auth.jam.stores.far]\nredis = { url = 'redis://127.0.0.1:1' }",
    );
    let started = Instant::now();
    let run = tool().run(&[text(&stores), "auth.jam", "--check"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(!folder.path().join("made.redb").exists());
    // What authenticates nothing is built and shown.
    let run = tool().run(&[text(&stores), "auth.jam"], "");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.lines.last().unwrap().contains("nothing to serve"));
    assert!(folder.path().join("made.redb").exists());

    let bad = write("bad.toml", "[jam.jwt]\nalgorithm = 'HS256'\nsecrett = 'hush-hush'\n");
    for arguments in [&[text(&bad), "--check"][..], &[text(&bad)], &[text(&bad), "nowhere"]] {
        let run = tool().run(arguments, "");
        assert_eq!(run.status, 1, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("bad.toml"), "{}", run.stderr);
        assert!(!run.stderr.contains("hush-hush"));
    }
    let run = tool().run(&[text(&bad), "--check"], "");
    assert!(run.stderr.contains("bad.toml:3: jam.jwt.secrett: unknown key"), "{}", run.stderr);
    let gone = folder.path().join("gone.toml");
    assert_eq!(tool().run(&[text(&gone), "--check"], "").status, 1);

    tool().refuses_flags(&[], "the configuration file is missing");
    tool().refuses_flags(&["a.toml", "b", "c"], "expected a file and a pointer");
    tool().refuses_flags(&["a.toml", "--chek"], "unknown flag --chek");
    tool().refuses_flags(&["a.toml", "--roles", "a"], "--roles needs --token");
    tool().refuses_flags(&["a.toml", "--token"], "--token needs a value");
}
