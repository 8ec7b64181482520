//! Stands between a store and Redis: keeps back what it is told to, and leads connections to another
//! server, as a virtual address or a load balancer does.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Runs as long as the runtime.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    silence: Arc<watch::Sender<bool>>,
    server: Arc<AtomicU16>,
    relays: Arc<Mutex<Vec<Relay>>>,
}

/// A connection through the proxy.
struct Relay {
    /// Changes are told over it.
    tracks: Arc<AtomicBool>,
    task: AbortHandle,
    server: watch::Sender<u16>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silence = Arc::new(watch::Sender::new(false));
        let server = Arc::new(AtomicU16::new(server));
        let relays: Arc<Mutex<Vec<Relay>>> = Arc::default();
        let (silenced, leads_to, made) = (silence.clone(), server.clone(), relays.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = watch::Sender::new(leads_to.load(Ordering::SeqCst));
                let tracks = Arc::new(AtomicBool::new(false));
                let (silenced, from) = (silenced.subscribe(), server.subscribe());
                let relayed = relay(client, from, tracks.clone(), silenced);
                let relay = Relay {
                    tracks,
                    task: tokio::spawn(async { drop(relayed.await) }).abort_handle(),
                    server,
                };
                let mut made = made.lock().unwrap();
                made.retain(|relay| !relay.task.is_finished());
                made.push(relay);
            }
        });
        Self { port, silence, server, relays }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The connections that changes are told over stay open, and nothing comes over them any more.
    pub(crate) fn silence_trackers(&self, silent: bool) {
        self.silence.send_replace(silent);
    }

    /// New connections go to this server; those that exist stay where they are.
    pub(crate) fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    fn each(&self, trackers: bool, act: impl Fn(&Relay)) {
        let relays = self.relays.lock().unwrap();
        let meant = |relay: &&Relay| relay.tracks.load(Ordering::SeqCst) == trackers;
        relays.iter().filter(meant).for_each(act);
    }

    /// Closes the connections over which changes are told, or all others.
    pub(crate) fn cut(&self, trackers: bool) {
        self.each(trackers, |relay| relay.task.abort());
    }

    /// The connections over which changes are told, or all others, go on with another server, and
    /// the client does not notice.
    pub(crate) fn carry_over(&self, trackers: bool, server: u16) {
        self.each(trackers, |relay| {
            relay.server.send_replace(server);
        });
    }
}

async fn relay(
    mut client: TcpStream,
    mut leads_to: watch::Receiver<u16>,
    tracks: Arc<AtomicBool>,
    mut silence: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let port = *leads_to.borrow_and_update();
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut request, mut answer) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let request = &request[..read?];
                if request.is_empty() {
                    return Ok(());
                }
                if request.windows(8).any(|word| word == b"TRACKING") {
                    tracks.store(true, Ordering::SeqCst);
                }
                server.write_all(request).await?;
            }
            read = server.read(&mut answer) => {
                let answer = &answer[..read?];
                if answer.is_empty() {
                    return Ok(());
                }
                if tracks.load(Ordering::SeqCst) {
                    let _ = silence.wait_for(|silent| !silent).await;
                }
                client.write_all(answer).await?;
            }
            Ok(()) = leads_to.changed() => {
                let port = *leads_to.borrow_and_update();
                server = TcpStream::connect(("127.0.0.1", port)).await?;
                server.write_all(b"HELLO 3\r\n").await?;
                let _ = server.read(&mut answer).await?;
            }
        }
    }
}
