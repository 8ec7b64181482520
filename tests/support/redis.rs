//! Real Redis servers for tests: each on a port of its own, in a folder that goes with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

/// A running `redis-server`, killed when it is dropped.
pub(crate) struct Server {
    child: Option<Child>,
    arguments: Vec<String>,
    pub(crate) port: u16,
    folder: PathBuf,
}

impl Server {
    /// One that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::with(&["--save", ""])
    }

    /// One that has every write on disk before it answers.
    pub(crate) fn durable() -> Self {
        Self::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        loop {
            let mut server = Self::prepared(arguments.clone());
            server.run();
            if server.is_ours() {
                return server;
            }
        }
    }

    /// Another process may have taken the port since it was found free; then its server answers.
    fn is_ours(&self) -> bool {
        let own = self.child.as_ref().unwrap().id();
        let id = |info: String| {
            let line = info.lines().find_map(|line| line.strip_prefix("process_id:"));
            line.map(|id| id.trim() == own.to_string())
        };
        // One that wants a password says nothing of itself.
        let info = ask(self.port, &["INFO", "server"]).ok();
        info.and_then(id).unwrap_or(true)
    }

    /// One that speaks TLS only, and wants certificates of its clients.
    pub(crate) fn tls(certificate: &str, key: &str, authority: &str) -> Self {
        let mut server = Self::prepared(Vec::new());
        let port = server.port.to_string();
        let files = [("cert", certificate), ("key", key), ("ca-cert", authority)];
        server.arguments = vec!["--tls-port".to_owned(), port];
        for (name, file) in files {
            server.arguments.extend([format!("--tls-{name}-file"), file.to_owned()]);
        }
        server.run();
        server
    }

    /// A sentinel that watches `primary` under the name `mymaster`, with more lines of settings.
    pub(crate) fn sentinel(primary: u16, quorum: u16, settings: &str) -> Self {
        let mut server = Self::prepared(Vec::new());
        let config = server.folder.join("sentinel.conf");
        let text = format!(
            "port {}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {primary} {quorum}\n\
             sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n{settings}",
            server.port,
        );
        std::fs::write(&config, text).unwrap();
        server.arguments = vec![config.to_str().unwrap().to_owned(), "--sentinel".to_owned()];
        server.run();
        server
    }

    fn prepared(arguments: Vec<String>) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "jamguard-redis-{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self { child: None, arguments, port: free_port(), folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it (again) on the same port.
    pub(crate) fn run(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        if !self.arguments.contains(&"--sentinel".to_owned()) {
            let tls = self.arguments.contains(&"--tls-port".to_owned());
            let port = if tls { "0".to_owned() } else { self.port.to_string() };
            let own = ["--port", &port, "--bind", "127.0.0.1", "--daemonize", "no"];
            command.args(own);
        }
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = match command.spawn() {
            Ok(child) => Some(child),
            Err(error) => panic!(
                "redis-server cannot be started ({error}): install it, \
                 for example: sudo apt-get install redis-server"
            ),
        };
        super::wait::until_blocking("redis-server answers", || answers(self.port));
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// It stands still: its connections stay open, and nothing that is sent is answered.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Sends a command, and gives the raw answer.
    pub(crate) fn command(&self, command: &[&str]) -> String {
        ask(self.port, command).unwrap()
    }

    /// A figure of `INFO`.
    pub(crate) fn info(&self, name: &str) -> u64 {
        let info = self.command(&["INFO", "everything"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {name}")).trim().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port below those that outgoing connections get (from 32,768 on), so that a server that is
/// started again finds it free, and the one ten thousand above as well.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const PORTS: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 500) as u16 * 20;
    for _ in 0..PORTS {
        let port = FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        // A cluster's nodes talk to each other ten thousand above.
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
    panic!("no port is free");
}

fn answers(port: u16) -> bool {
    match ask(port, &["PING"]) {
        // Also where it wants a password or TLS: it is there.
        Ok(answer) => !answer.starts_with("-LOADING"),
        Err(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
    }
}

/// Sends one command over a connection of its own.
fn ask(port: u16, command: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut text = format!("*{}\r\n", command.len());
    for part in command {
        text += &format!("${}\r\n{part}\r\n", part.len());
    }
    stream.write_all(text.as_bytes())?;
    let (mut answer, mut some) = (Vec::new(), [0; 65_536]);
    while length(&answer).is_none() {
        match stream.read(&mut some)? {
            0 => break,
            read => answer.extend_from_slice(&some[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// How many bytes an answer has that is complete (RESP2).
fn length(answer: &[u8]) -> Option<usize> {
    let line = answer.windows(2).position(|end| end == b"\r\n")?;
    let number = || str::from_utf8(&answer[1..line]).unwrap().parse::<i64>().unwrap();
    let mut end = line + 2;
    match answer[0] {
        b'$' if number() >= 0 => end += number() as usize + 2,
        b'*' => {
            for _ in 0..number() {
                end += length(answer.get(end..)?)?;
            }
        }
        _ => {}
    }
    (answer.len() >= end).then_some(end)
}

#[allow(unused_imports)]
pub(crate) use super::wait::until;

/// The given hundredth of sorted times, in milliseconds.
pub(crate) fn percentile(sorted: &[Duration], hundredth: usize) -> f64 {
    let at = (sorted.len() * hundredth / 100).min(sorted.len() - 1);
    sorted[at].as_secs_f64() * 1e3
}

/// The connections that Redis tells changes over.
pub(crate) fn trackers(server: &Server) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]);
    let tracks = |line: &&str| {
        let flags = line.split(' ').find_map(|field| field.strip_prefix("flags="));
        flags.is_some_and(|flags| flags.contains('B'))
    };
    let id = |line: &str| line.split_once("id=").unwrap().1.split(' ').next().unwrap().to_owned();
    list.lines().filter(tracks).map(id).collect()
}
