//! The clients of the flood: warm users, forged tokens, new users, renewed tokens; one thread for all.

use super::support::{load, tokens};
use jamguard::jose::SigningKey;
use jamguard::testing;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections of warm users, and of forged tokens.
const CONNECTIONS: usize = 16;
/// Time between two new tokens, and between two renewed ones.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    Quiet,
    Forged,
}

/// The connections to one server.
pub(crate) struct Flood {
    key: SigningKey,
    warm: Vec<Client>,
    forged: Vec<Client>,
    new: Client,
    known: Client,
    /// Makes each token another one.
    number: usize,
    /// A good token's header and claims, and the length of its signature in base64url.
    genuine: (String, usize),
}

/// The answers of one run.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) warm: Answers,
    pub(crate) forged: Answers,
    pub(crate) new: Answers,
    pub(crate) known: Answers,
    seconds: f64,
}

impl Run {
    pub(crate) fn warm_rate(&self) -> f64 {
        self.warm.count() as f64 / self.seconds
    }
}

impl Flood {
    /// Connects, and lets each warm user's token be verified.
    pub(crate) fn connect(server: SocketAddr, key: &SigningKey) -> Self {
        let clients = || (0..CONNECTIONS).map(|_| Client::connect(server)).collect();
        let token = tokens::token(key, 900_000);
        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut flood = Self {
            key: key.clone(),
            warm: clients(),
            forged: clients(),
            new: Client::connect(server),
            known: Client::connect(server),
            number: 0,
            genuine: (input.to_owned(), signature.len()),
        };
        for (user, client) in flood.warm.iter_mut().enumerate() {
            client.request = load::request("/", Some(&tokens::token(key, user)));
        }
        // A server may close a connection that never carried a request.
        for client in flood.forged.iter_mut().chain([&mut flood.new, &mut flood.known]) {
            client.request = load::request("/", None);
        }
        for client in flood.warm.iter_mut().chain(&mut flood.forged) {
            client.exchange();
        }
        flood.new.exchange();
        flood.known.exchange();
        flood
    }

    /// Runs for this time, and then until every request is answered.
    pub(crate) fn run(&mut self, time: Duration, phase: Phase) -> Run {
        let (mut run, start) = (Run::default(), Instant::now());
        let (mut next_new, mut next_known) = (start, start + PAUSE / 2);
        let mut prepared = [self.new_token(), self.renewed_token()];
        loop {
            let now = Instant::now();
            let is_over = now - start >= time;
            if is_over && run.seconds == 0.0 {
                run.seconds = (now - start).as_secs_f64();
            }
            let mut open = false;
            for client in &mut self.warm {
                client.receive(&mut run.warm);
                if !is_over && client.is_idle() {
                    client.send();
                }
                open |= !client.is_idle();
            }
            for client in &mut self.forged {
                client.receive(&mut run.forged);
                if phase == Phase::Forged && !is_over && client.is_idle() {
                    self.number += 1;
                    let forged = forge(&self.genuine, self.number);
                    client.request = load::request("/", Some(&forged));
                    client.send();
                }
                open |= !client.is_idle();
            }
            self.new.receive(&mut run.new);
            self.known.receive(&mut run.known);
            if phase == Phase::Forged && !is_over && now >= next_new && self.new.is_idle() {
                self.new.request = load::request("/", Some(&prepared[0]));
                self.new.send();
                next_new = now + PAUSE;
                prepared[0] = self.new_token();
            }
            if phase == Phase::Forged && !is_over && now >= next_known && self.known.is_idle() {
                self.known.request = load::request("/", Some(&prepared[1]));
                self.known.send();
                next_known = now + PAUSE;
                prepared[1] = self.renewed_token();
            }
            open |= !self.new.is_idle() || !self.known.is_idle();
            if is_over && !open {
                return run;
            }
        }
    }

    /// Signs the first token of a user.
    fn new_token(&mut self) -> String {
        self.number += 1;
        tokens::token(&self.key, 1_000_000 + self.number)
    }

    /// Signs another token of a warm user.
    fn renewed_token(&mut self) -> String {
        self.number += 1;
        let mut claims = tokens::claims(self.number % CONNECTIONS, 334);
        claims["jti"] = json!(self.number.to_string());
        testing::mint(&self.key, &claims).unwrap()
    }
}

/// Returns a token with good header and claims, and a signature that no other forged token has.
fn forge((input, length): &(String, usize), number: usize) -> String {
    let mut signature = format!("AA{number:016x}{}", "c".repeat(*length));
    signature.truncate(*length);
    // Zeros at the beginning of both numbers keep them in range: others are rejected at once.
    let (half, end) = (length / 2, length - 2);
    signature.replace_range(half..half + 2, "AA");
    signature.replace_range(end.., "AA");
    format!("{input}.{signature}")
}

/// Statuses and times of answers.
#[derive(Default)]
pub(crate) struct Answers {
    statuses: BTreeMap<u16, usize>,
    micros: Vec<f32>,
}

impl Answers {
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for one in all {
            sum.micros.extend(&one.micros);
            for (status, count) in &one.statuses {
                *sum.statuses.entry(*status).or_default() += count;
            }
        }
        sum
    }

    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    pub(crate) fn of(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Returns a quantile of the time from request to answer, in microseconds.
    pub(crate) fn micros(&self, quantile: f64) -> f64 {
        let mut all = self.micros.clone();
        all.sort_by(f32::total_cmp);
        let at = ((all.len() as f64 * quantile) as usize).min(all.len().saturating_sub(1));
        all.get(at).map_or(f64::NAN, |micros| f64::from(*micros))
    }
}

/// A keep-alive connection with at most one request in flight, which is polled.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    sent: Option<Instant>,
    response: Vec<u8>,
}

impl Client {
    fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, request: Vec::new(), sent: None, response: Vec::new() }
    }

    fn is_idle(&self) -> bool {
        self.sent.is_none()
    }

    fn send(&mut self) {
        self.sent = Some(Instant::now());
        self.stream.write_all(&self.request).unwrap();
    }

    /// Reads what has arrived, and adds the answer once it is complete.
    fn receive(&mut self, answers: &mut Answers) {
        let Some(sent) = self.sent else {
            return;
        };
        let mut part = [0; 4096];
        match self.stream.read(&mut part) {
            Ok(0) => panic!("the server closed the connection"),
            Ok(length) => self.response.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(sent.elapsed() < Duration::from_secs(30), "no answer within 30 s");
                return;
            }
            Err(error) => panic!("no response: {error}"),
        }
        if let Some(status) = complete(&self.response) {
            *answers.statuses.entry(status).or_default() += 1;
            answers.micros.push(sent.elapsed().as_secs_f32() * 1e6);
            self.sent = None;
            self.response.clear();
        }
    }

    /// Sends the request and waits for the answer.
    fn exchange(&mut self) {
        self.send();
        while !self.is_idle() {
            self.receive(&mut Answers::default());
        }
    }
}

/// Returns the status of a complete response.
fn complete(response: &[u8]) -> Option<u16> {
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&response[..end]).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let status = head.get(9..12)?.parse().ok()?;
    (response.len() >= end + length.unwrap_or(0)).then_some(status)
}
