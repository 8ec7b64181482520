//! The key is rotated under load, over real HTTP on both sides: 200 requests a second with tokens
//! of the old key and the new.

use crate::support::wait::until;
use axum::Router;
use axum::routing::get;
use jamguard::emulator::{App, AppSettings, Emulator, Endpoint};
use jamguard::jwks::RemoteKeySet;
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Claims, JamApp};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
const RATE: u32 = 200;

#[derive(Deserialize)]
struct User {
    email: String,
}

/// Serves until the test ends; its address.
async fn serve(auth: &Authenticator) -> String {
    let app = Router::new()
        .route("/me", get(async |user: Claims<User>| user.email.clone()))
        .layer(auth.layer());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/me", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

/// The load: [`RATE`] requests a second, half of each kind of token, until it is stopped.
struct Load {
    http: reqwest::Client,
    url: String,
    app: App,
    /// A token of the old key that every other request sends, half the time; the rest are new.
    old: Arc<str>,
    counts: Arc<Mutex<HashMap<(&'static str, u16), u64>>>,
    sent: AtomicU64,
}

impl Load {
    /// Sends for this long; every token is of its kind, and most were never sent before.
    async fn run(&self, time: Duration, kinds: &[&'static str]) {
        let mut requests = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE);
        for n in 0..(RATE * u32::try_from(time.as_millis()).unwrap() / 1000) {
            tick.tick().await;
            let kind = kinds[n as usize % kinds.len()];
            let token = match kind {
                "old" => self.old.to_string(),
                _ => self.app.id_token(format!("user{n}@example.com")).unwrap(),
            };
            let request = self.http.get(&self.url).bearer_auth(token);
            let counts = self.counts.clone();
            self.sent.fetch_add(1, Ordering::SeqCst);
            requests.spawn(async move {
                let status = request.send().await.unwrap().status().as_u16();
                *counts.lock().unwrap().entry((kind, status)).or_default() += 1;
            });
        }
        requests.join_all().await;
    }

    fn taken(&self, kind: &'static str, status: u16) -> u64 {
        let mut counts = self.counts.lock().unwrap();
        counts.remove(&(kind, status)).unwrap_or_default()
    }

    fn none_left(&self) {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap());
        assert_eq!(counts, HashMap::new(), "other answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load() {
    let clock = ManualClock::at(1_800_000_000);
    let emulator = Emulator::builder().clock(clock.clone()).start().await.unwrap();
    let app = emulator.add_app(AppSettings::new(APP)).unwrap();
    // Fetching takes a while, so that requests meet every moment of it.
    emulator.delay(Endpoint::Jwks, Duration::from_millis(50));
    let jam = JamApp::new(APP).base_url(emulator.base_url()).clock(clock.clone());
    let keys = RemoteKeySet::builder(jam.jwks_url().unwrap()).clock(clock.clone()).build().unwrap();
    let auth = Authenticator::builder().jam(jam.jwks(keys.clone())).build().unwrap();
    let load = Load {
        http: reqwest::Client::new(),
        url: serve(&auth).await,
        old: app.id_token("ann@example.com").unwrap().into(),
        app: app.clone(),
        counts: Arc::default(),
        sent: AtomicU64::new(0),
    };
    let second = Duration::from_secs(1);
    let fetches = || emulator.requests(Endpoint::Jwks);

    // Before: both kinds are of the first key. Cold start is one fetch, however many wait.
    load.run(second, &["old", "new"]).await;
    let before = (load.taken("old", 200), load.taken("new", 200));
    assert_eq!((before, fetches()), ((100, 100), 1));

    // Both keys are published; new tokens are of the new key.
    let sent = load.sent.load(Ordering::SeqCst);
    let quarter = async || load.sent.load(Ordering::SeqCst) >= sent + 100;
    tokio::join!(load.run(2 * second, &["old", "new"]), async {
        until("a quarter is sent", quarter).await;
        app.rotate_key().unwrap();
    });
    let during = (load.taken("old", 200), load.taken("new", 200));
    assert_eq!((during, fetches()), ((200, 200), 2), "no false 401");

    // The old key is withdrawn: its tokens serve until the refresh, and not after it.
    app.remove_old_keys().unwrap();
    load.run(second, &["old", "new"]).await;
    let withdrawn = (load.taken("old", 200), load.taken("new", 200));
    assert_eq!((withdrawn, fetches()), ((100, 100), 2));
    clock.advance(Duration::from_secs(9 * 60));
    load.run(second, &["old", "new"]).await;
    let (still, new) = (load.taken("old", 200), load.taken("new", 200));
    let refused = load.taken("old", 401);
    assert_eq!((still + refused, new), (100, 100), "no false 401");
    assert!(refused > 0, "the refresh came");
    load.run(second, &["old", "new"]).await;
    let last = (load.taken("old", 200), load.taken("old", 401));
    assert_eq!((last, load.taken("new", 200)), ((0, 100), 100));
    load.none_left();
    // At the start, for the new key, when due, and for the old key, which is as unknown as a new.
    println!(
        "rotation: 1,200 requests at {RATE}/s over a rotation: 0 false 401, {} of 200 old tokens \
         refused once the key was withdrawn (all after the refresh), {} fetches",
        refused + 100,
        fetches()
    );
    assert_eq!((fetches(), keys.fetches()), (4, 4));
    emulator.stop().await;
}
