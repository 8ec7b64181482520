//! Stands between a store and Redis, and keeps back what it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Runs as long as the runtime.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    silence: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silence = Arc::new(watch::Sender::new(false));
        let silenced = silence.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                relay(client, server, silenced.subscribe());
            }
        });
        Self { port, silence }
    }

    /// The connections that changes are told over stay open, and nothing comes over them any more.
    pub(crate) fn silence_trackers(&self, silent: bool) {
        self.silence.send_replace(silent);
    }
}

fn relay(client: TcpStream, server: TcpStream, mut silence: watch::Receiver<bool>) {
    let tracker = Arc::new(AtomicBool::new(false));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let tracks = tracker.clone();
    tokio::spawn(async move {
        let mut some = [0; 4096];
        while let Ok(read @ 1..) = from_client.read(&mut some).await {
            if some[..read].windows(8).any(|word| word == b"TRACKING") {
                tracks.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&some[..read]).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut some = [0; 4096];
        while let Ok(read @ 1..) = from_server.read(&mut some).await {
            if tracker.load(Ordering::SeqCst) {
                let _ = silence.wait_for(|silent| !silent).await;
            }
            if to_client.write_all(&some[..read]).await.is_err() {
                break;
            }
        }
    });
}
