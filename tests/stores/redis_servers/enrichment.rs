//! What enriches identities is forgotten in every process over one Redis.

use crate::support::redis::{Server, percentile, until};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::RedisStore;
use jamguard::testing::mint;
use jamguard::{Authenticator, ErrorKind, Verifier};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An authenticator of a process of its own, as far as it can tell, and how often its hook was asked.
struct Process {
    auth: Authenticator,
    asked: Arc<AtomicU64>,
}

impl Process {
    fn new(key: &SigningKey, server: &Server) -> Self {
        let verifier = Verifier::builder()
            .any_audience()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256]);
        let asked = Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        let auth = Authenticator::builder()
            .verifier(verifier.build().unwrap())
            .enrichment_ttl(Duration::from_secs(3600))
            .enrichment_store(RedisStore::builder(&server.url()).build().unwrap())
            .enrich(move |_| {
                let call = count.fetch_add(1, Ordering::SeqCst) + 1;
                async move { Ok(json!({ "call": call })) }
            });
        Self { auth: auth.build().unwrap(), asked }
    }

    /// How often the hook was asked after this token came once more.
    async fn ask(&self, token: &str) -> u64 {
        self.auth.authenticate(token).await.unwrap();
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_here_is_forgotten_elsewhere_at_once() {
    let mut server = Server::start();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let token = |user: &str| mint(&key, &json!({"sub": user, "exp": 4_102_444_800u64})).unwrap();
    let ann = token("ann");
    // One of them alone could be so unlucky as to be forgotten along with ann.
    let others = ["bob", "eve", "dan"].map(token);
    let (here, there) = (Process::new(&key, &server), Process::new(&key, &server));
    // Once both listen, as one forgets another time they do.
    let before = there.ask(&ann).await;
    until("both are connected", async || {
        here.auth.forget("ann").await.unwrap();
        there.ask(&ann).await > before
    })
    .await;

    let mut times = Vec::new();
    for _ in 0..200 {
        let before = there.ask(&ann).await;
        here.auth.forget("ann").await.unwrap();
        let forgotten = Instant::now();
        until("the other process asks again", async || there.ask(&ann).await > before).await;
        times.push(forgotten.elapsed());
    }
    times.sort_unstable();
    println!(
        "forgotten here, asked anew there after p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms, N = 200",
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100)
    );
    assert!(times[199] < Duration::from_secs(1));
    // Nobody else was.
    let ask_others = async || {
        let mut asked = 0;
        for token in &others {
            asked = there.ask(token).await;
        }
        asked
    };
    let before = ask_others().await;
    here.auth.forget("ann").await.unwrap();
    until("ann is forgotten there", async || there.ask(&ann).await > before).await;
    assert!(ask_others().await < before + 4);

    // While nobody can be told, that is said, and what is remembered serves on; after it nothing is
    // believed that may have been forgotten meanwhile.
    server.kill();
    let untold = here.auth.forget("ann").await.unwrap_err();
    assert_eq!(untold.kind(), ErrorKind::Unavailable);
    let before = ask_others().await;
    assert_eq!(ask_others().await, before);
    server.run();
    until("the other process asks again", async || ask_others().await >= before + 3).await;
}
