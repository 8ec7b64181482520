//! A load generator over loopback, which measures the server's processor time.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 16;

/// Builds a `GET` request.
pub(crate) fn request(path: &str, token: Option<&str>) -> Vec<u8> {
    let credential =
        token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n{credential}\r\n")
        .into_bytes()
}

/// A set of keep-alive connections, each always with a request in flight.
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Load {
    /// Connects and reads one response, which must be a 200 of constant length.
    ///
    /// With `polls` the load never sleeps and needs its own processor. The server then spends no
    /// time on waking it, which would vary with the rest of the machine.
    pub(crate) fn connect(server: SocketAddr, request: Vec<u8>, polls: bool) -> Self {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect(server).unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                stream
            })
            .collect();
        let mut first = &connections[0];
        first.write_all(&request).unwrap();
        let mut load = Self { response: read_response(first), connections, request };
        for connection in &load.connections {
            connection.set_nonblocking(polls).unwrap();
        }
        // A server may close a connection that never carried a request.
        load.run(load.connections.len());
        load
    }

    /// Sends requests until `count` are answered.
    ///
    /// Each connection gets its next request as soon as its response is read, in turn: while this
    /// thread handles one, the server works on the others.
    pub(crate) fn run(&mut self, count: usize) {
        let open = self.connections.len();
        for mut connection in self.connections.iter().take(count) {
            connection.write_all(&self.request).unwrap();
        }
        for number in 0..count {
            let mut connection = &self.connections[number % open];
            receive(connection, &mut self.response);
            assert!(self.response.starts_with(b"HTTP/1.1 200 "), "not a 200");
            if number + open < count {
                connection.write_all(&self.request).unwrap();
            }
        }
    }
}

/// Reads exactly one response.
fn receive(mut connection: &TcpStream, response: &mut [u8]) {
    let (mut filled, mut idle) = (0, 0);
    while filled < response.len() {
        match connection.read(&mut response[filled..]) {
            Ok(0) => panic!("the server closed the connection"),
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock && idle < 10_000_000 => {
                idle += 1;
                // Reduces contention with the server for the socket.
                (0..10).for_each(|_| std::hint::spin_loop());
            }
            Err(error) => panic!("no response: {error}"),
        }
    }
}

fn read_response(mut stream: impl Read) -> Vec<u8> {
    let (mut response, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part).unwrap();
        response.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&response).to_ascii_lowercase();
        assert!(length > 0, "the server closed the connection: {text}");
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("http/1.1 200 "), "not a 200: {text}");
        let body: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .expect("a response with a content-length");
        if response.len() == head.len() + 4 + body {
            return response;
        }
    }
}

/// A child process of this program that serves, and prints its addresses on its first line.
pub(crate) struct Server {
    child: Child,
    /// The server exits when this closes, so also when the benchmark is killed.
    stdin: Option<ChildStdin>,
    /// The words of its first line.
    pub(crate) greeting: Vec<String>,
}

impl Server {
    /// Starts `this-program serve arguments…`; pins it to the processors if `taskset` exists.
    pub(crate) fn start(arguments: &[&str], processors: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = if can_pin() {
            let mut command = Command::new("taskset");
            command.args(["-c", processors]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let mut child = command
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, stdin, greeting: line.split_whitespace().map(str::to_owned).collect() }
    }

    /// Returns the sum of the accounts of all its threads.
    fn account(&self) -> Account {
        // The kernel completes a thread's account once it sleeps.
        std::thread::sleep(Duration::from_millis(2));
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        threads.filter_map(|thread| Account::read(&thread.ok()?.path().join("schedstat"))).fold(
            Account::default(),
            |sum, one| Account { used: sum.used + one.used, waited: sum.waited + one.waited },
        )
    }

    /// Returns the processor time of all its threads, in seconds.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.account().used / 1e9
    }

    /// Sends `count` requests of each load; several loads run concurrently, one thread each.
    pub(crate) fn measure(&self, loads: &mut [Load], count: usize) -> Sample {
        let mine = || Account::read("/proc/thread-self/schedstat".as_ref()).unwrap_or_default();
        let (before, mine_before, start) = (self.account(), mine(), Instant::now());
        match &mut *loads {
            [one] => one.run(count),
            many => std::thread::scope(|scope| {
                for load in many {
                    scope.spawn(|| load.run(count));
                }
            }),
        }
        let seconds = start.elapsed().as_secs_f64();
        let (after, mine_after) = (self.account(), mine());
        let requests = (count * loads.len()) as f64;
        Sample {
            cpu_micros: (after.used - before.used) / 1000.0 / requests,
            rate: requests / seconds,
            waited: after.waited - before.waited + mine_after.waited - mine_before.waited,
        }
    }
}

/// The measurements of a server under load.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Processor microseconds per request.
    pub(crate) cpu_micros: f64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// Nanoseconds that server and load waited for a processor that another program used.
    pub(crate) waited: f64,
}

/// Measures pairs of samples in turn, and returns the half with the least waiting time.
///
/// That half is disturbed least by other programs.
pub(crate) fn calm_pairs(
    rounds: usize,
    mut a: impl FnMut() -> Sample,
    mut b: impl FnMut() -> Sample,
) -> Vec<(Sample, Sample)> {
    let mut pairs: Vec<_> = (0..=rounds)
        .map(|round| {
            if round % 2 == 0 {
                (a(), b())
            } else {
                let b = b();
                (a(), b)
            }
        })
        // The first round warms up.
        .skip(1)
        .collect();
    pairs.sort_by(|one, other| {
        let waited = |pair: &(Sample, Sample)| pair.0.waited + pair.1.waited;
        waited(one).total_cmp(&waited(other))
    });
    pairs.truncate(rounds.div_ceil(2));
    pairs
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().ok();
    }
}

/// The kernel's scheduling account of a thread, in nanoseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Account {
    pub(crate) used: f64,
    waited: f64,
}

impl Account {
    /// Reads a thread's `schedstat` file.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut fields = text.split_whitespace().map_while(|field| field.parse().ok());
        Some(Self { used: fields.next()?, waited: fields.next()? })
    }
}

/// Returns the arguments after `serve` in a child process, which exits with its parent.
pub(crate) fn server_arguments() -> Option<Vec<String>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "serve" {
        return None;
    }
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(0);
    });
    Some(arguments.collect())
}

/// Returns the number of processors of the machine, also after [`pin_to`].
pub(crate) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn can_pin() -> bool {
    processors() > 1
        && Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// Pins this process, and so the load, to these processors; returns whether that worked.
pub(crate) fn pin_to(these: &str) -> bool {
    can_pin()
        && Command::new("taskset")
            .args(["-apc", these, &std::process::id().to_string()])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}
