//! What the tests of remote key sets share: an issuer that behaves as badly as it is told to, its
//! keys and tokens, and a verifier of them.

use super::gate::Gate;
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::jwks::{RemoteKeySet, RemoteKeySetBuilder};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Error, ErrorKind, Verified, Verifier};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// How the issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Whole {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Announces 100 MB and sends them as fast as they are taken.
    Huge,
    /// The same without saying how long it will be.
    Endless,
    /// One byte a second.
    Drip(Vec<u8>),
    /// Once the gate is open.
    Held(Gate, Vec<u8>),
    /// Announces more than it sends, and closes.
    CutOff(Vec<u8>),
    Hang,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole {
            status: 200,
            headers: vec![("content-type", "application/json".into())],
            body: body.into(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: br#"{"message":"no"}"#.to_vec() }
    }

    pub(crate) fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Whole { status, mut headers, body } => {
                headers.push((name, value.into()));
                Self::Whole { status, headers, body }
            }
            other => other,
        }
    }
}

/// A server on loopback that counts who comes.
pub(crate) struct Server {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    /// The first lines of the requests.
    seen: Mutex<Vec<String>>,
    /// The requests, head and body.
    whole: Mutex<Vec<String>>,
    bytes: AtomicU64,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(serving.clone(), stream));
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn set(&self, path: &str, answer: Answer) {
        let mut answers = self.state.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }

    /// Publishes a discovery document with these members, as the issuer that is returned.
    pub(crate) fn discoverable(&self, members: Value) -> String {
        let issuer = self.url("");
        let document = changed(&members, &json!({"issuer": issuer}));
        self.set("/.well-known/openid-configuration", Answer::ok(document.to_string()));
        issuer
    }

    pub(crate) fn hits(&self) -> usize {
        self.state.seen.lock().unwrap().len()
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The requests, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.whole.lock().unwrap().clone()
    }

    /// Bytes of huge bodies that were taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::SeqCst)
    }
}

async fn serve(state: Arc<State>, mut stream: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let mut request = String::from_utf8(request).ok()?;
    let first = request.lines().next()?.to_owned();
    let length = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        (name.eq_ignore_ascii_case("content-length")).then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    request.push_str(&String::from_utf8(body).ok()?);
    state.whole.lock().unwrap().push(request);
    let path = first.split(' ').nth(1)?.to_owned();
    state.seen.lock().unwrap().push(first);
    let answer = state.answers.lock().unwrap().get(&path).cloned();
    let head = |status: u16, headers: &[(&'static str, String)], length: usize| {
        let headers: String =
            (headers.iter()).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        )
    };
    match answer.unwrap_or_else(|| Answer::status(404)) {
        Answer::Whole { status, headers, body } => {
            let head = head(status, &headers, body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
        }
        Answer::Huge => {
            const LENGTH: usize = 100 << 20;
            stream.write_all(head(200, &[], LENGTH).as_bytes()).await.ok()?;
            flood(&state, &mut stream, LENGTH).await?;
        }
        Answer::Endless => {
            let head = "HTTP/1.1 200 X\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            flood(&state, &mut stream, usize::MAX).await?;
        }
        Answer::Drip(body) => {
            let head = head(200, &[], body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            for byte in body {
                stream.write_u8(byte).await.ok()?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Answer::Held(gate, body) => {
            gate.pass().await;
            let head = head(200, &[], body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
        }
        Answer::CutOff(body) => {
            let head = head(200, &[], body.len() + 10);
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
        }
        Answer::Hang => {
            // Until the client gives up.
            let _ = stream.read_u8().await;
        }
    }
    stream.shutdown().await.ok()
}

async fn flood(state: &State, stream: &mut TcpStream, length: usize) -> Option<()> {
    let chunk = vec![b' '; 64 << 10];
    let mut left = length;
    while left > 0 {
        let size = left.min(chunk.len());
        stream.write_all(&chunk[..size]).await.ok()?;
        state.bytes.fetch_add(size as u64, Ordering::SeqCst);
        left -= size;
    }
    Some(())
}

/// A key of the issuer.
pub(crate) fn key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap().with_key_id(kid)
}

pub(crate) fn set_of(keys: &[&SigningKey]) -> String {
    let keys: KeySet = keys.iter().map(|key| key.verifying_key().unwrap()).collect();
    keys.to_json()
}

/// As the issuer publishes it, for tests that add to it.
pub(crate) fn jwk(key: &SigningKey) -> Value {
    let set: Value = serde_json::from_str(&set_of(&[key])).unwrap();
    set["keys"][0].clone()
}

pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "42", "exp": NOW + 86_400})
}

/// The claims, or other members, with changes; `null` removes one.
pub(crate) fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    claims.into()
}

pub(crate) fn token(key: &SigningKey) -> String {
    mint(key, &claims()).unwrap()
}

/// An issuer at `/keys` with one key, and a verifier of it whose time stands still.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    pub(crate) key: SigningKey,
    pub(crate) keys: RemoteKeySet,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|keys| keys).await
    }

    pub(crate) async fn with(
        more: impl FnOnce(RemoteKeySetBuilder) -> RemoteKeySetBuilder,
    ) -> Self {
        let server = Server::start().await;
        let clock = ManualClock::at(NOW);
        let key = key("k1");
        server.set("/keys", Answer::ok(set_of(&[&key])));
        let keys = RemoteKeySet::builder(server.url("/keys")).clock(clock.clone());
        let keys = more(keys).build().unwrap();
        let verifier = verifier(&keys, &clock);
        Self { server, clock, key, keys, verifier }
    }

    pub(crate) async fn verify(&self, key: &SigningKey) -> Result<(), ErrorKind> {
        verify(&self.verifier, &token(key)).await
    }
}

pub(crate) fn verifier(keys: &RemoteKeySet, clock: &ManualClock) -> Verifier {
    Verifier::builder()
        .any_audience()
        .jwks(keys.clone())
        .algorithms([Algorithm::ES256])
        .issuer(ISSUER)
        .clock(clock.clone())
        .build()
        .unwrap()
}

pub(crate) async fn verify(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    let answer: Result<Verified, Error> = verifier.verify(token).await;
    answer.map(drop).map_err(|error| error.kind())
}

/// The answer that is there without waiting.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    super::wait::until(what, async || holds()).await;
}
