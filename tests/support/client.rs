//! HTTP/1.1 by hand: no library mends the request or hides a part of the answer.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A request, header lines as they go out.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<u8>,
    body: Option<Vec<u8>>,
    connection: &'static str,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
            connection: "close",
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A `GET` that asks for another protocol on its connection.
    #[allow(dead_code)]
    pub(crate) fn upgrade(target: &str) -> Self {
        Self { connection: "upgrade", ..Self::get(target).header("upgrade", "line") }
    }

    pub(crate) fn post(target: &str, body: &str) -> Self {
        Self::new("POST", target).body(body)
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = Some(body.as_bytes().to_vec());
        self
    }

    /// A header line more, also of a name that is there.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.extend_from_slice(name.as_bytes());
        self.headers.extend_from_slice(b": ");
        self.headers.extend_from_slice(value.as_ref());
        self.headers.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn cookie(self, name: &str, value: &str) -> Self {
        self.header("cookie", format!("{name}={value}"))
    }

    pub(crate) fn in_query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.target.push_str(&format!("{separator}{name}={value}"));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nhost: app.example\r\nconnection: {}\r\n",
            self.method, self.target, self.connection
        )
        .into_bytes();
        bytes.extend_from_slice(&self.headers);
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer as it came.
pub(crate) struct Response {
    pub(crate) status: u16,
    line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// `None` while the head is not complete.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a header line has a colon");
                (name.to_owned(), value.trim().to_owned())
            })
            .collect();
        Some(Self {
            status: line.split(' ').nth(1).unwrap().parse().unwrap(),
            line,
            headers,
            body: bytes[end + 4..].to_vec(),
        })
    }

    fn is_complete(&self) -> bool {
        self.header("content-length")
            .is_some_and(|length| self.body.len() >= length.parse::<usize>().unwrap())
    }

    /// The value of a header that comes at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes {} times", all.len());
        all.first().copied()
    }

    /// The values of a header, in the order in which they came.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
            .collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// All of it but the `date`. Headers are sorted by name; those of one name keep their order,
    /// which may mean something.
    pub(crate) fn comparable(&self) -> String {
        let mut headers: Vec<_> = self.headers.iter().filter(|(n, _)| n != "date").collect();
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        let mut text = format!("{}\n", self.line);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&self.body));
        text
    }
}

/// Sends a request and reads until the server closes, so that a byte too many is seen.
pub(crate) async fn send(address: SocketAddr, request: &Request) -> Response {
    let mut stream = open(address, &request.bytes()).await;
    receive(&mut stream, true).await
}

/// Sends bytes and leaves the connection open.
pub(crate) async fn open(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Reads an answer: until its end, or until the server closes.
pub(crate) async fn receive(stream: &mut TcpStream, to_the_end: bool) -> Response {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let read =
            timeout(PATIENCE, stream.read(&mut chunk)).await.expect("the server answers in time");
        let answer = Response::parse(&bytes);
        match read {
            // A server that closes with unread input may reset the connection behind its answer.
            Ok(0) | Err(_) => {
                return answer.unwrap_or_else(|| {
                    panic!("no answer but {:?}", String::from_utf8_lossy(&bytes))
                });
            }
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
        if !to_the_end
            && let Some(answer) = Response::parse(&bytes)
            && answer.is_complete()
        {
            return answer;
        }
    }
}
