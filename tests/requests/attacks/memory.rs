//! Attacks 17 to 19: what is remembered must not open doors.

use super::{EXPIRED, INVALID, Target, accepts, honest, refuses, serve};
use crate::support::{ANN, NOW, Request, World, damaged};
use jamguard::jose::Algorithm;
use jamguard::{Authenticator, Revocation, Verified, Verifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn line_17_verifiers_with_other_rules_share_no_answer() {
    let target = Target::new(Algorithm::ES256).await;
    let rules = || {
        Verifier::builder()
            .key(target.key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .clock(target.clock.clone())
    };
    let stricter = [
        rules().issuer(super::ISSUER).audience("api").require(["scope"]),
        rules().issuer(super::ISSUER).audience("other"),
        rules().issuer("https://other.example").audience("api"),
        rules().issuer(super::ISSUER).any_audience().token_type("at+jwt"),
        rules().issuer(super::ISSUER).any_audience().require_text("sub", "43"),
        rules().issuer(super::ISSUER).any_audience().require_key_id(),
        rules().issuer(super::ISSUER).any_audience().max_token_len(128),
    ];
    let token = target.token(|_| {});
    for rules in stricter {
        let verifier = rules.build().unwrap();
        let servers = serve(Authenticator::builder().verifier(verifier)).await;
        // The one that accepts it remembers it before and after.
        for _ in 0..3 {
            target.accepts(&token).await;
            refuses(&servers, &token, 401, INVALID).await;
        }
    }
    assert!(target.verifier.cache_stats().hits > 20);
}

/// A switch that takes every token back.
struct TakenBack(Arc<AtomicBool>);

impl Revocation for TakenBack {
    fn is_revoked(&self, _: &Verified) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn line_18_a_cached_token_is_checked_again() {
    // Past its end.
    let target =
        Target::with_rules(Algorithm::ES256, |rules| rules.leeway(Duration::from_secs(30))).await;
    let token = target.token(|_| {});
    target.accepts(&token).await;
    target.clock.advance(Duration::from_secs(89));
    target.accepts(&token).await;
    target.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        refuses(&target.servers, &token, 401, EXPIRED).await;
    }
    // The clock is set back: it is a matter of the clock alone.
    target.clock.set_wall(NOW);
    target.accepts(&token).await;

    // Not valid yet.
    let token = target.token(|claims| claims["nbf"] = (NOW + 40).into());
    target.refuses(&token).await;
    target.clock.advance(Duration::from_secs(10));
    target.accepts(&token).await;

    // Taken back.
    let switch = Arc::new(AtomicBool::new(false));
    let revocation = TakenBack(switch.clone());
    let target = Target::with_rules(Algorithm::ES256, |rules| rules.revocation(revocation)).await;
    let token = target.token(|_| {});
    target.accepts(&token).await;
    switch.store(true, Ordering::SeqCst);
    let challenge =
        r#"Bearer realm="api", error="invalid_token", error_description="The token is revoked.""#;
    refuses(&target.servers, &token, 401, challenge).await;
    let fresh = target.token(|claims| claims["sub"] = "43".into());
    refuses(&target.servers, &fresh, 401, challenge).await;
    switch.store(false, Ordering::SeqCst);
    target.accepts(&token).await;

    // Its key is gone.
    let world = World::new().await;
    let servers = serve(Authenticator::builder().jam(world.jam())).await;
    let token = world
        .app
        .issue(jamguard::emulator::IdToken::new(ANN).lifetime(Duration::from_secs(7200)))
        .unwrap();
    accepts(&servers, &token).await;
    world.app.replace_key().unwrap();
    // A token of the new key makes the servers look.
    accepts(&servers, &world.token()).await;
    refuses(&servers, &token, 401, INVALID).await;
    accepts(&servers, &world.token()).await;
}

#[tokio::test]
async fn line_19_a_flood_of_bad_tokens_takes_no_room() {
    const FLOOD: usize = 1_000;
    const MEMORY: u64 = 64 * 1024;
    let target = Target::with_rules(Algorithm::HS256, |rules| rules.cache_bytes(MEMORY)).await;
    let good = target.token(|_| {});
    target.accepts(&good).await;
    let before = target.verifier.cache_stats();
    for at in 0..FLOOD {
        let claims = honest().to_string().replace("42", &at.to_string());
        let token = target.over(claims);
        let bad = damaged(&token);
        let answer = target.servers.ask(Request::get("/me").bearer(&bad)).await;
        assert_eq!(answer.status, 401);
    }
    let after = target.verifier.cache_stats();
    assert_eq!((after.entries, after.bytes), (before.entries, before.bytes));
    // Both servers tried each; none was answered from memory.
    assert_eq!(after.misses - before.misses, 2 * FLOOD as u64);
    target.accepts(&good).await;
    assert_eq!(target.verifier.cache_stats().misses, after.misses, "still remembered");

    // Good ones in any number stay within the bound.
    for at in 0..FLOOD {
        let token = target.token(|claims| claims["sub"] = at.to_string().into());
        let answer = target.servers.ask(Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, 200);
    }
    let full = target.verifier.cache_stats();
    assert!(full.bytes <= MEMORY, "{} bytes of {MEMORY}", full.bytes);
    println!(
        "flood: {FLOOD} bad tokens to each server took 0 bytes; {FLOOD} good ones hold {} of {MEMORY}",
        full.bytes
    );
}
