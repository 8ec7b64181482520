//! Revocation across processes: a token revoked in one is rejected in all that share a Redis.
//!
//! ```sh
//! cargo run --release --example revocation_cluster --features redis
//! REDIS_URL=redis://127.0.0.1 cargo run --release --example revocation_cluster --features redis -- 5000 4
//! ```
//!
//! The first argument is the number of tokens to revoke (default: 1000), the second the number of
//! processes including this one (default: 3). Without `REDIS_URL` it also starts a `redis-server`.
//! Times are measured from the start of the revoking call.

use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::store::{CachedStore, RedisStore, Store};
use jamguard::{ErrorKind, Issuer, TokenList, Verifier};
use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Runtime};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ISSUER: &str = "https://issuer.example";
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of each process: a deny list over Redis, and a verifier that checks it.
struct Process {
    denied: TokenList,
    verifier: Verifier,
}

impl Process {
    /// Connects, and waits until invalidations from Redis arrive.
    fn join(runtime: &Runtime, url: &str, key: VerifyingKey) -> Outcome<Self> {
        let store = RedisStore::builder(url).prefix("revocation_cluster:");
        let near = CachedStore::builder(runtime.block_on(store.connect())?)
            .max_absent_bytes(64 << 20) // most answers of a deny list are "no record"
            .build()?;
        let begun = Instant::now();
        while near.peek("any key").is_none() {
            runtime.block_on(near.get("any key"))?;
            patiently(
                begun,
                "Redis sends no invalidations: check that CLIENT TRACKING is allowed",
            )?;
        }
        let denied = TokenList::deny(near).build()?;
        let verifier = Verifier::builder()
            .key(key)
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .audience("cluster")
            .deny_list(denied.clone())
            .build()?;
        Ok(Self { denied, verifier })
    }
}

/// Sleeps briefly; fails after `PATIENCE`.
fn patiently(since: Instant, what: &str) -> Outcome<()> {
    if since.elapsed() > PATIENCE {
        return Err(what.into());
    }
    sleep(Duration::from_micros(100));
    Ok(())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Runs another process: prints when each token is accepted, and when it is rejected.
fn member(url: &str) -> Outcome<()> {
    let runtime = runtime()?;
    let mut lines = std::io::stdin().lines();
    let key = lines.next().ok_or("no key")??;
    let process = Process::join(&runtime, url, VerifyingKey::from_jwk(&key)?)?;
    println!("joined");
    for token in lines {
        let token = token?;
        runtime.block_on(process.verifier.verify(&token))?;
        println!("accepted");
        let begun = Instant::now();
        loop {
            match runtime.block_on(process.verifier.verify(&token)) {
                Ok(_) => patiently(begun, "a revoked token is still accepted")?,
                Err(error) if error.kind() == ErrorKind::Revoked => break,
                Err(error) => return Err(error.into()),
            }
        }
        println!("{}", now().as_nanos());
    }
    Ok(())
}

/// A handle of the first process to another one.
struct Member {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Member {
    fn start(url: &str, key: &str) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("member")
            .env("REDIS_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut member = Self { child, input, output: BufReader::new(output).lines() };
        member.send(key)?;
        member.hear()?;
        Ok(member)
    }

    fn send(&mut self, line: &str) -> Outcome<()> {
        Ok(writeln!(self.input, "{line}")?)
    }

    fn hear(&mut self) -> Outcome<String> {
        Ok(self.output.next().ok_or("a process has ended")??)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `redis-server` started by this example.
struct Server(Child);

impl Server {
    fn start() -> Outcome<(Self, String)> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| {
                format!("redis-server cannot be started ({error}): install it, or set REDIS_URL")
            })?;
        Ok((Self(server), format!("redis://127.0.0.1:{port}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(argument: Option<&String>, default: usize) -> Outcome<usize> {
    match argument.map(|text| text.parse()) {
        None => Ok(default),
        Some(Ok(number)) if number > 0 => Ok(number),
        Some(_) => Err("usage: revocation_cluster [TOKENS [PROCESSES]], both at least 1".into()),
    }
}

/// Runs the first process, which issues and revokes the tokens.
fn lead(arguments: &[String]) -> Outcome<()> {
    let tokens = number(arguments.first(), 1_000)?;
    let others = number(arguments.get(1), 3)?.max(2) - 1;
    let (server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let (server, url) = Server::start()?;
            (Some(server), url)
        }
    };
    let runtime = runtime()?;
    let key = SigningKey::generate(Algorithm::ES256)?;
    let public = key.verifying_key()?;
    let jwk = public.to_jwk().ok_or("the key is not public")?.to_json();
    let begun = Instant::now();
    let process = loop {
        match Process::join(&runtime, &url, public.clone()) {
            Ok(process) => break process,
            // The server that we started may not be ready yet.
            Err(error) if server.is_none() || begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => sleep(Duration::from_millis(10)),
        }
    };
    let issuer = Issuer::builder()
        .key(key)
        .issuer(ISSUER)
        .audience("cluster")
        .lifetime(Duration::from_secs(600))
        .build()?;
    let members = (0..others).map(|_| Member::start(&url, &jwk));
    let mut members = members.collect::<Outcome<Vec<_>>>()?;
    println!("{} processes over one Redis; revoking {tokens} tokens", others + 1);

    let mut times = Vec::new();
    for _ in 0..tokens {
        let claims = issuer.claims(&serde_json::json!({"sub": "user 42"}))?;
        let token = runtime.block_on(issuer.issue(&claims))?;
        let verified = runtime.block_on(process.verifier.verify(token.expose()))?;
        for member in &mut members {
            member.send(token.expose())?;
        }
        for member in &mut members {
            member.hear()?;
        }
        let taken_back = now();
        runtime.block_on(process.denied.revoke(&verified))?;
        if runtime.block_on(process.verifier.verify(token.expose())).is_ok() {
            return Err("the revoking process still accepts the token".into());
        }
        for member in &mut members {
            let refused: u64 = member.hear()?.parse()?;
            times.push(Duration::from_nanos(refused).saturating_sub(taken_back));
        }
    }
    times.sort_unstable();
    let at =
        |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "revocation seen elsewhere: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms, N = {}",
        at(50),
        at(99),
        at(100),
        times.len()
    );
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("member") => {
            std::env::var("REDIS_URL").map_err(Into::into).and_then(|url| member(&url))
        }
        _ => lead(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("revocation_cluster: {error}");
            ExitCode::FAILURE
        }
    }
}
