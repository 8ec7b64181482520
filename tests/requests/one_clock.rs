//! One clock given to the authenticator moves all its parts, which were built without one.

use crate::support::issuer::{Answer, ISSUER, Server, key, set_of, until};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::RemoteKeySet;
use jamguard::policy::fresh;
use jamguard::store::MemoryStore;
use jamguard::testing::{ManualClock, mint};
use jamguard::{Authenticator, ErrorKind, Issuer, KeyRing, Sessions, TokenList, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Long ago, so that by the system clock every token and session here has ended.
const NOW: u64 = 1_000_000_000;
const MINUTE: Duration = Duration::from_secs(60);

fn token(key: &SigningKey, lifetime: u64) -> String {
    let claims = json!({
        "iss": ISSUER, "sub": "42", "iat": NOW, "auth_time": NOW, "exp": NOW + lifetime,
    });
    mint(key, &claims).unwrap()
}

#[tokio::test]
async fn the_authenticators_clock_moves_tokens_keys_policies_and_the_enrichment_cache() {
    let (server, key, clock) = (Server::start().await, key("k1"), ManualClock::at(NOW));
    server.set("/keys", Answer::ok(set_of(&[&key])));
    let keys = RemoteKeySet::builder(server.url("/keys")).build().unwrap();
    let verifier = Verifier::builder()
        .jwks(keys.clone())
        .algorithms([Algorithm::ES256])
        .issuer(ISSUER)
        .any_audience()
        .leeway(Duration::ZERO)
        .build()
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let auth = Authenticator::builder()
        .verifier(verifier.clone())
        .enrich(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(json!({ "enriched": true })) }
        })
        .clock(clock.clone())
        .build()
        .unwrap();

    let short = token(&key, 60);
    let long = token(&key, 7 * 86_400);
    for token in [&short, &long] {
        let identity = auth.authenticate(token).await.unwrap();
        assert!(identity.check(&fresh(MINUTE)).is_ok());
    }
    assert_eq!((calls.load(Ordering::SeqCst), server.hits()), (1, 1));

    clock.advance(2 * MINUTE);
    assert_eq!(auth.authenticate(&short).await.unwrap_err().kind(), ErrorKind::Expired);
    // The verifier that the application keeps follows too.
    assert_eq!(verifier.verify(&short).await.unwrap_err().kind(), ErrorKind::Expired);
    let identity = auth.authenticate(&long).await.unwrap();
    assert!(identity.check(&fresh(MINUTE)).is_err(), "the login is older than a minute");
    assert_eq!(calls.load(Ordering::SeqCst), 2, "the enrichment's minute is over");
    assert_eq!(server.hits(), 1);

    // The keys' age is over, and they are refreshed in the background; then they are too stale.
    clock.advance(15 * MINUTE);
    auth.authenticate(&long).await.unwrap();
    until("the refresh", || server.hits() == 2 && keys.fetches() == 2).await;
    server.set("/keys", Answer::status(500));
    clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(auth.authenticate(&long).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn the_authenticators_clock_moves_sessions() {
    let clock = ManualClock::at(NOW);
    let sessions = Sessions::builder(MemoryStore::new()).idle_timeout(30 * MINUTE).build().unwrap();
    let _auth =
        Authenticator::builder().sessions(sessions.clone()).clock(clock.clone()).build().unwrap();
    let id = sessions.create(Some("ann"), &json!({})).await.unwrap();
    let found = sessions.get::<Value>(&id).await.unwrap().unwrap();
    let created = found.created_at().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(created.as_secs(), NOW);
    clock.advance(31 * MINUTE);
    assert!(sessions.get::<Value>(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_authenticators_clock_moves_a_key_ring_its_issuer_and_its_lists() {
    let clock = ManualClock::at(NOW);
    let list = TokenList::deny(MemoryStore::new()).build().unwrap();
    let ring = KeyRing::builder(Algorithm::ES256).build().unwrap();
    let issuer = Issuer::builder()
        .key_ring(ring)
        .issuer(ISSUER)
        .audience("orders")
        .lifetime(MINUTE)
        .leeway(Duration::ZERO)
        .deny_list(list.clone())
        .build()
        .unwrap();
    let auth =
        Authenticator::builder().verifier(issuer.verifier()).clock(clock.clone()).build().unwrap();
    let issue = async || issuer.issue(&json!({ "sub": "42" })).await.unwrap();
    let denied = issue().await;
    let identity = auth.authenticate(denied.expose()).await.unwrap();
    let claims: &Value = identity.claims().unwrap();
    assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(NOW), Some(NOW + 60)));
    // By the system clock the token has expired, and the list would not need to remember it.
    list.add(identity.token().unwrap()).await.unwrap();
    assert_eq!(auth.authenticate(denied.expose()).await.unwrap_err().kind(), ErrorKind::Revoked);
    let other = issue().await;
    assert!(auth.authenticate(other.expose()).await.is_ok());
    clock.advance(2 * MINUTE);
    assert_eq!(auth.authenticate(other.expose()).await.unwrap_err().kind(), ErrorKind::Expired);
}
