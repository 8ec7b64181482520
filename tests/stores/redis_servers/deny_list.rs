//! A large deny list in Redis: what an entry costs there, and that a check near the requests costs
//! what it did.
//!
//! `JAMGUARD_DENY_ENTRIES=10000000` makes it as large as one wants; 100,000 entries are enough to see
//! the figure.

use crate::support::redis::{Server, until};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{CachedStore, RedisStore};
use jamguard::testing::mint;
use jamguard::{ErrorKind, TokenList, Verified, Verifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;

const WRITERS: u64 = 256;

/// Takes so many tokens back that nobody ever saw.
async fn fill(list: &TokenList, entries: u64) {
    let expires = SystemTime::now() + Duration::from_secs(24 * 3600);
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (list, next) = (list.clone(), next.clone());
        writers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= entries {
                    return;
                }
                let id = format!("a-token-id-of-36-characters-{number:08}");
                let revoked = list.revoke_jti("https://issuer.example", &id, expires);
                revoked.await.unwrap();
            }
        });
    }
    writers.join_all().await;
}

/// The time of one verification of a token that was seen before: the fastest of many rounds, which a
/// busy machine disturbs least.
async fn warm_check(verifier: &Verifier, token: &str) -> Duration {
    const EACH: u32 = 2_000;
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let begun = Instant::now();
        for _ in 0..EACH {
            verifier.verify(token).await.unwrap();
        }
        fastest = fastest.min(begun.elapsed() / EACH);
    }
    fastest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_deny_list_costs_memory_in_redis_and_no_time_here() {
    let entries = match std::env::var("JAMGUARD_DENY_ENTRIES") {
        Ok(entries) => entries.parse().expect("JAMGUARD_DENY_ENTRIES is a number"),
        Err(_) => 100_000,
    };
    let server = Server::start();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let near = || CachedStore::new(RedisStore::builder(&server.url()).build().unwrap());
    let denied = TokenList::deny(near()).build().unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .deny_list(denied.clone())
        .build()
        .unwrap();
    let claims =
        |jti: &str| serde_json::json!({"jti": jti, "sub": "ann", "exp": 4_102_444_800_u64});
    let token = mint(&key, &claims("good")).unwrap();
    until("the store is connected", async || verifier.verify(&token).await.is_ok()).await;
    let before = warm_check(&verifier, &token).await;
    let memory = server.info("used_memory");
    let begun = Instant::now();
    // Another process's work.
    fill(&TokenList::deny(near()).build().unwrap(), entries).await;
    let took = begun.elapsed();
    let memory = server.info("used_memory") - memory;
    let keys = server.command(&["DBSIZE"]);
    let keys: u64 = keys.trim().trim_start_matches(':').parse().unwrap();
    // Besides, 16 counters and the marker of the database.
    assert!((entries..=entries + 17).contains(&keys), "an entry is a key: {keys}");
    let after = warm_check(&verifier, &token).await;
    println!(
        "{entries} entries in a Redis deny list, written in {took:?}: {} bytes of Redis's memory an \
         entry; a warm check with 0 entries {before:?}, with all of them {after:?}",
        memory / entries
    );
    assert!(memory / entries < 300);
    assert!(after < before * 2 + Duration::from_micros(1));
    // One of them counts, and one that is not among them does not.
    let revoked: Verified = verifier.verify(&token).await.unwrap();
    denied.revoke(&revoked).await.unwrap();
    let refused = verifier.verify(&token).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);
    let other = mint(&key, &claims("other")).unwrap();
    assert!(verifier.verify(&other).await.is_ok());
}
