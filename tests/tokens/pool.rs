//! The verification pool: which checks leave their thread, who shares them, who goes first.

use crate::support::held_pool::HeldClock;
use crate::support::tokens::*;
use crate::support::wait::until_blocking;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{mint, mint_with_header};
use jamguard::{
    Authenticator, Dpop, DpopKey, DpopRequest, Error, ErrorKind, VerificationPool, Verified,
    Verifier,
};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

/// A verifier with a pool of one thread, which a test can hold.
struct World {
    key: SigningKey,
    clock: HeldClock,
    pool: VerificationPool,
    verifier: Verifier,
}

type Verifying = Pin<Box<dyn Future<Output = Result<Verified, Error>>>>;

impl World {
    fn new(algorithm: Algorithm, threads: usize, queue_length: usize) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let pool = VerificationPool::builder().threads(threads).queue_length(queue_length);
        let (pool, clock) = (pool.build().unwrap(), HeldClock::at(NOW));
        let verifier = rules(&key).clock(clock.clone()).verification_pool(pool.clone());
        Self { verifier: verifier.build().unwrap(), key, clock, pool }
    }

    /// A good token of a user; each number is another token.
    fn token(&self, user: &str, number: u32) -> String {
        let mut claims = claims_with("sub", user.into());
        claims["jti"] = number.to_string().into();
        mint(&self.key, &claims).unwrap()
    }

    /// A token with the claims of a user, signed with another key.
    fn forged(&self, user: &str, number: u32) -> String {
        let other = SigningKey::generate(self.key.algorithm()).unwrap();
        let mut claims = claims_with("sub", user.into());
        claims["jti"] = number.to_string().into();
        mint(&other, &claims).unwrap()
    }

    /// Starts a verification, as far as it goes without waiting.
    fn start(&self, token: &str) -> Verifying {
        let (verifier, token) = (self.verifier.clone(), token.to_owned());
        let mut verifying: Verifying = Box::pin(async move { verifier.verify(&token).await });
        assert!(poll(&mut verifying).is_pending(), "the check ran on the caller's thread");
        verifying
    }

    /// Holds the thread of the pool with a good token.
    fn hold(&self) -> Verifying {
        self.clock.hold();
        let held = self.start(&self.token("the holder", 0));
        until_blocking("the thread is held", || self.clock.holds_one());
        held
    }
}

fn poll(verifying: &mut Verifying) -> Poll<Result<Verified, Error>> {
    verifying.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn kind(result: Result<Verified, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_hundred_requests_with_one_new_token_check_it_once() {
    let world = World::new(Algorithm::ES512, 1, 8);
    let held = world.hold();
    let token = world.token("ann", 1);
    let mut all: Vec<_> = (0..100).map(|_| world.start(&token)).collect();
    assert_eq!(world.pool.stats().waiting, 1);
    // Some of them are cancelled, the first of all among them.
    all.drain(..10);
    world.clock.release();
    assert!(block_on(held).is_ok());
    for verifying in all {
        assert_eq!(block_on(verifying).unwrap().subject(), Some("ann"));
    }
    assert!(verify(&world.verifier, &token).is_ok());
    let stats = world.pool.stats();
    assert_eq!((stats.checks, stats.inline, stats.waiting), (2, 0, 0));
}

/// Not one that ends with the same bytes, nor one whose text differs only in its signature.
#[test]
fn only_the_whole_text_shares_a_check() {
    let world = World::new(Algorithm::ES512, 1, 16);
    let held = world.hold();
    let token = world.token("ann", 1);
    let mut spoilt = signature(&token);
    spoilt[70] ^= 1;
    let spoilt = with_signature(&token, spoilt);
    let (good, bad) = (world.start(&token), world.start(&spoilt));
    world.clock.release();
    assert!(block_on(held).is_ok() && block_on(good).is_ok());
    assert_eq!(kind(block_on(bad)), Some(ErrorKind::BadSignature));
}

#[test]
fn cancelled_requests_leave_the_queue() {
    let world = World::new(Algorithm::ES512, 1, 4);
    let held = world.hold();
    for number in 0..20 {
        drop(world.start(&world.forged("eve", number)));
    }
    assert_eq!((world.pool.stats().waiting, world.pool.stats().rejections), (0, 0));
    world.clock.release();
    assert!(block_on(held).is_ok());
}

#[test]
fn a_full_queue_is_an_outage_with_a_time_to_retry() {
    let world = World::new(Algorithm::ES512, 1, 4);
    let held = world.hold();
    let waiting: Vec<_> = (0..2).map(|number| world.start(&world.forged("eve", number))).collect();
    for token in [world.forged("eve", 3), world.token("ann", 1)] {
        let error = block_on(world.verifier.verify(&token)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
    assert_eq!(world.pool.stats().rejections, 2);
    world.clock.release();
    assert!(block_on(held).is_ok());
    for verifying in waiting {
        assert_eq!(kind(block_on(verifying)), Some(ErrorKind::BadSignature));
    }
    assert!(verify(&world.verifier, &world.token("ann", 1)).is_ok());
}

#[test]
fn a_known_user_goes_first_until_forged_tokens_name_that_user() {
    let world = World::new(Algorithm::ES512, 1, 16);
    assert!(verify(&world.verifier, &world.token("ann", 1)).is_ok());
    for (round, is_known) in [(10, true), (20, false)] {
        // Both have new tokens; only one of them has had one before.
        let held = world.hold();
        let mut new = world.start(&world.token(&format!("ben {round}"), 1));
        let mut renewed = world.start(&world.token("ann", round));
        world.clock.let_one_pass();
        assert!(block_on(held).is_ok());
        until_blocking("the next is held", || world.clock.holds_one());
        world.clock.let_one_pass();
        let first = if is_known { &mut renewed } else { &mut new };
        until_blocking("the first is checked", || poll(first).is_ready());
        let second = if is_known { new } else { renewed };
        world.clock.release();
        assert!(block_on(second).is_ok());
        let forged = verify(&world.verifier, &world.forged("ann", round));
        assert_eq!(forged.err(), Some(ErrorKind::BadSignature));
    }
}

#[test]
fn single_cheap_checks_stay_on_their_thread() {
    for (algorithm, expected) in [
        (Algorithm::HS256, (0, 0)),
        (Algorithm::Ed25519, (1, 0)),
        (Algorithm::ES256, (1, 0)),
        (Algorithm::RS256, (1, 0)),
        (Algorithm::ES384, (0, 1)),
        (Algorithm::ES512, (0, 1)),
    ] {
        let world = World::new(algorithm, 1, 16);
        assert!(verify(&world.verifier, &world.token("ann", 1)).is_ok());
        let stats = world.pool.stats();
        assert_eq!((stats.inline, stats.checks), expected, "{algorithm}");
    }
}

/// A tenth of the last 100 ms: 167 checks of ES256, by the estimate of 60 µs.
#[test]
fn cheap_checks_leave_a_thread_that_spends_its_time_on_failures() {
    let world = World::new(Algorithm::ES256, 1, 16);
    let forged = world.forged("eve", 1);
    while world.pool.stats().checks == 0 {
        assert_eq!(verify(&world.verifier, &forged).err(), Some(ErrorKind::BadSignature));
        assert!(world.pool.stats().inline < 1000, "no check left the thread");
    }
    assert_eq!(world.pool.stats().inline, 167);
    assert!(verify(&world.verifier, &world.token("ann", 1)).is_ok());
    assert_eq!(world.pool.stats().inline, 167);
    // The flood is over.
    world.clock.advance(Duration::from_millis(200));
    assert!(verify(&world.verifier, &world.token("ann", 2)).is_ok());
    assert_eq!(world.pool.stats().inline, 168);
    // Another thread has spent nothing on failures.
    while world.pool.stats().checks < 10 {
        assert_eq!(verify(&world.verifier, &forged).err(), Some(ErrorKind::BadSignature));
    }
    let before = world.pool.stats();
    let elsewhere = || assert!(verify(&world.verifier, &world.token("ann", 3)).is_ok());
    std::thread::scope(|scope| scope.spawn(elsewhere).join().unwrap());
    let after = world.pool.stats();
    assert_eq!((after.inline, after.checks), (before.inline + 1, before.checks));
}

/// A thread that gets little of its processor: each reading of the clock is 1 ms later.
#[test]
fn the_time_of_failures_is_measured() {
    let world = World::new(Algorithm::ES256, 1, 16);
    world.clock.advance_at_each_reading(Duration::from_millis(1));
    while world.pool.stats().checks == 0 {
        let refused = verify(&world.verifier, &world.forged("eve", 1)).err();
        assert_eq!(refused, Some(ErrorKind::BadSignature));
        assert!(world.pool.stats().inline < 30, "no check left the thread");
    }
}

#[test]
fn a_token_of_an_unknown_issuer_or_key_never_reaches_the_pool() {
    let world = World::new(Algorithm::ES512, 1, 16);
    let header = serde_json::json!({ "alg": "ES512", "kid": "another" });
    let claims = claims_with("iss", "https://other.example".into());
    let other_issuer = mint(&world.key, &claims).unwrap();
    assert_eq!(verify(&world.verifier, &other_issuer).err(), Some(ErrorKind::InvalidClaim));
    let rules = rules(&world.key.clone().with_key_id("k1"));
    let verifier = rules.verification_pool(world.pool.clone()).build().unwrap();
    let payload = crate::support::tokens::claims().to_string();
    let other_key = mint_with_header(&world.key, &header, payload.as_bytes()).unwrap();
    assert_eq!(verify(&verifier, &other_key).err(), Some(ErrorKind::UnknownKey));
    assert_eq!((world.pool.stats().inline, world.pool.stats().checks), (0, 0));
}

#[test]
fn good_tokens_never_move_cheap_checks() {
    let world = World::new(Algorithm::ES256, 1, 16);
    for number in 0..300 {
        assert!(verify(&world.verifier, &world.token("ann", number)).is_ok());
    }
    assert_eq!((world.pool.stats().inline, world.pool.stats().checks), (300, 0));
}

/// `start` would see a check that waits.
#[test]
fn without_threads_every_check_runs_on_its_own_thread() {
    let world = World::new(Algorithm::ES512, 0, 16);
    let verifier = world.verifier.clone();
    let token = world.token("ann", 1);
    let mut verifying: Verifying = Box::pin(async move { verifier.verify(&token).await });
    assert!(poll(&mut verifying).is_ready());
    assert_eq!((world.pool.stats().inline, world.pool.stats().checks), (1, 0));
}

#[test]
fn a_genuine_token_that_is_expired_is_not_cached_by_the_pool() {
    let world = World::new(Algorithm::ES512, 1, 16);
    let expired = mint(&world.key, &claims_with("exp", (NOW - 3600).into())).unwrap();
    for _ in 0..2 {
        assert_eq!(verify(&world.verifier, &expired).err(), Some(ErrorKind::Expired));
    }
    assert_eq!(world.verifier.cache_stats().entries, 0);
    assert_eq!(world.pool.stats().checks, 2);
}

#[test]
fn the_verifiers_of_an_authenticator_follow_its_pool() {
    let world = World::new(Algorithm::ES512, 1, 16);
    let pool = VerificationPool::builder().threads(1).build().unwrap();
    let auth = Authenticator::builder().verifier(world.verifier.clone());
    let auth = auth.verification_pool(pool.clone()).build().unwrap();
    assert!(block_on(auth.authenticate(&world.token("ann", 1))).is_ok());
    assert_eq!((pool.stats().checks, world.pool.stats().checks), (1, 0));
}

/// The proof's own key is ES512; it must be the token's before its signature costs anything.
#[test]
fn proofs_of_possession_are_checked_in_the_pool() {
    let world = World::new(Algorithm::ES256, 1, 16);
    let pool = VerificationPool::builder().threads(1).build().unwrap();
    let dpop = Dpop::builder().public_url("https://api.example").build().unwrap();
    let auth = Authenticator::builder().verifier(world.verifier.clone()).dpop(dpop);
    let auth = auth.verification_pool(pool.clone()).clock(world.clock.clone()).build().unwrap();
    let [own, other] =
        [(), ()].map(|()| DpopKey::new(SigningKey::generate(Algorithm::ES512).unwrap()).unwrap());
    let bound = serde_json::json!({ "jkt": own.thumbprint() });
    let token = mint(&world.key, &claims_with("cnf", bound)).unwrap();
    let url = "https://api.example/orders";
    let proof = |key: &DpopKey| {
        let proof = key.proof("GET", url).access_token(&token.as_str().into());
        proof.issued_at(UNIX_EPOCH + Duration::from_secs(NOW)).sign().unwrap()
    };
    let answer = |proof: &str| {
        let request = DpopRequest::new("GET", url, proof);
        block_on(auth.authenticate_dpop(&token, request)).err().map(|error| error.kind())
    };
    assert_eq!(answer(&proof(&own)), None);
    assert_eq!(pool.stats().checks, 1);
    assert_eq!(answer(&proof(&other)), Some(ErrorKind::InvalidClaim));
    assert_eq!(pool.stats().checks, 1, "a proof of another key is refused before its check");
    let good = proof(&own);
    let mut spoilt = signature(&good);
    spoilt[70] ^= 1;
    assert_eq!(answer(&with_signature(&good, spoilt)), Some(ErrorKind::InvalidProof));
    assert_eq!(pool.stats().checks, 2);
}
