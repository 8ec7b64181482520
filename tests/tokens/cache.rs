//! Attacks on what a verifier remembers, and on revocation.

use crate::support::tokens::*;
use jamguard::ErrorKind::{self, *};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Revocation, RevocationId, Verified, Verifier};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tokens taken back so far.
#[derive(Clone, Default)]
struct Denied(Arc<Mutex<HashSet<RevocationId>>>);

impl Denied {
    fn add(&self, token: &Verified) {
        self.0.lock().unwrap().insert(token.revocation_id().clone());
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Revocation for Denied {
    fn is_revoked(&self, token: &Verified) -> bool {
        self.0.lock().unwrap().contains(token.revocation_id())
    }
}

/// Verifies on a thread that has seen no token yet: the shared cache answers, or nothing does.
fn verify_elsewhere(verifier: &Verifier, token: &str) -> Result<Verified, ErrorKind> {
    std::thread::scope(|scope| scope.spawn(|| verify(verifier, token)).join().unwrap())
}

#[test]
fn line_16_another_signature_of_a_revoked_token() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512] {
        let key = SigningKey::generate(algorithm).unwrap();
        for claims in [claims(), claims_with("jti", "one".into())] {
            // Revoked before and after the other text was cached; with a cache and without.
            for (seen_before, cache_bytes) in [(true, 1 << 20), (false, 1 << 20), (false, 0)] {
                let denied = Denied::default();
                let rules = rules(&key).revocation(denied.clone()).cache_bytes(cache_bytes);
                let verifier = rules.build().unwrap();
                let sound = mint(&key, &claims).unwrap();
                let bytes = signature(&sound);
                let (r, s) = bytes.split_at(bytes.len() / 2);
                let other = with_signature(&sound, [r, &minus(&order(algorithm), s)].concat());
                assert_ne!(sound, other);
                // It is a valid signature: without revocation the token passes.
                accepts(
                    &crate::support::tokens::rules(&key).build().unwrap(),
                    &other,
                    "(r, n - s)",
                );

                let verified = accepts(&verifier, &sound, "not revoked");
                if seen_before {
                    accepts(&verifier, &other, "not revoked");
                }
                denied.add(&verified);
                for _ in 0..2 {
                    refuses(&verifier, &other, Revoked, "(r, n - s)");
                    refuses(&verifier, &sound, Revoked, "(r, s)");
                    assert_eq!(verify_elsewhere(&verifier, &other).unwrap_err(), Revoked);
                }
                let fresh = claims_with("jti", "another".into());
                accepts(&verifier, &mint(&key, &fresh).unwrap(), "another token");
            }
        }
    }
}

#[test]
fn line_16_names_for_revocation() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = rules(&key).issuer("https://b.example").build().unwrap();
    let id = |claims: &Value| {
        let token = mint(&key, claims).unwrap();
        accepts(&verifier, &token, "sound").revocation_id().clone()
    };
    let with = |iss: &str, jti: &str| {
        let mut claims = claims_with("iss", iss.into());
        claims["jti"] = jti.into();
        claims
    };
    // With jti: whatever else changes, only iss and jti count.
    let mut later = with(ISSUER, "1");
    later["exp"] = json!(NOW + 601);
    assert_eq!(id(&with(ISSUER, "1")), id(&later));
    assert_ne!(id(&with(ISSUER, "1")), id(&with(ISSUER, "2")));
    assert_ne!(id(&with(ISSUER, "1")), id(&with("https://b.example", "1")));
    let close = "https://b.exampla";
    let closer = rules(&key).issuer("https://b.example").issuer(close).build().unwrap();
    let ids = ["https://b.example", close].map(|iss| {
        let token = mint(&key, &with(iss, "1")).unwrap();
        accepts(&closer, &token, "sound").revocation_id().clone()
    });
    assert_ne!(ids[0], ids[1]);
    // The border between the two cannot be moved.
    let either =
        rules(&key).issuer("https://b.examplex").issuer("https://b.example").build().unwrap();
    let id_of = |iss, jti| {
        let token = mint(&key, &with(iss, jti)).unwrap();
        accepts(&either, &token, "sound").revocation_id().clone()
    };
    assert_ne!(id_of("https://b.examplex", "1"), id_of("https://b.example", "x1"));
    // Without jti: the signed text counts.
    assert_eq!(id(&claims()), id(&claims()));
    assert_ne!(id(&claims()), id(&claims_with("sub", "43".into())));
    // An empty jti is a jti.
    assert_ne!(id(&with(ISSUER, "")), id(&with("https://b.example", "")));
}

#[test]
fn line_17_verifiers_do_not_share_answers() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let other_key = SigningKey::generate(Algorithm::ES256).unwrap();
    let denied = Denied::default();
    let loose = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .clock(ManualClock::at(NOW + 630))
        .build()
        .unwrap();
    // The token is expired by 30 s: within the usual leeway.
    let at = |rules: jamguard::VerifierBuilder| rules.clock(ManualClock::at(NOW + 630));
    let plain = || at(rules(&key));
    let strict = [
        (
            "issuer",
            InvalidClaim,
            at(Verifier::builder()
                .any_audience()
                .key(key.verifying_key().unwrap())
                .algorithms([Algorithm::ES256])
                .issuer("https://b.example")),
        ),
        (
            "audience",
            InvalidClaim,
            at(Verifier::builder()
                .key(key.verifying_key().unwrap())
                .algorithms([Algorithm::ES256])
                .audience("b")),
        ),
        ("typ", WrongType, plain().token_type("at+jwt")),
        ("kid", MissingClaim, plain().require_key_id()),
        ("required claim", MissingClaim, plain().require(["email"])),
        ("text", InvalidClaim, plain().require_text("sub", "43")),
        ("leeway", Expired, plain().leeway(Duration::ZERO)),
        ("length", TooLarge, plain().max_token_len(64)),
        ("clock", Expired, plain().clock(ManualClock::at(NOW + 1000))),
        ("key", BadSignature, at(rules(&other_key))),
        ("revocation", Revoked, plain().revocation(denied.clone())),
        (
            "algorithm",
            UnsupportedAlgorithm,
            at(Verifier::builder()
                .any_audience()
                .key(SigningKey::generate(Algorithm::ES512).unwrap().verifying_key().unwrap())
                .algorithms([Algorithm::ES512])),
        ),
    ];
    let token = mint(&key, &claims()).unwrap();
    denied.add(&accepts(&loose, &token, "loose"));
    for (what, kind, rules) in strict {
        let strict = rules.build().unwrap();
        // Several times over, so that every layer of memory has had its chance.
        for _ in 0..3 {
            accepts(&loose, &token, "loose");
            refuses(&strict, &token, kind, what);
            assert_eq!(verify_elsewhere(&strict, &token).unwrap_err(), kind, "{what}");
        }
        assert_eq!((strict.cache_stats().hits, strict.cache_stats().entries), (0, 0), "{what}");
    }
    // The same rules in another verifier: the same answer, found anew.
    let twin = plain().build().unwrap();
    accepts(&twin, &token, "twin");
    assert_eq!((twin.cache_stats().hits, twin.cache_stats().misses), (0, 1));
    // A clone is the same verifier.
    accepts(&twin.clone(), &token, "clone");
    assert_eq!((twin.cache_stats().hits, twin.cache_stats().misses), (1, 1));
}

#[test]
fn line_17_required_claims_differ() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let wants = |name: &str| rules(&key).require([name]).build().unwrap();
    let (a, b) = (wants("a"), wants("b"));
    let has = |name: &str| mint(&key, &claims_with(name, json!(1))).unwrap();
    for _ in 0..3 {
        accepts(&a, &has("a"), "a has a");
        refuses(&b, &has("a"), MissingClaim, "a lacks b");
        accepts(&b, &has("b"), "b has b");
        refuses(&a, &has("b"), MissingClaim, "b lacks a");
    }
}

/// A verifier whose clock is at hand, and whose cache is on or off.
fn timed(key: &SigningKey, cache_bytes: u64) -> (Verifier, ManualClock) {
    let clock = ManualClock::at(NOW);
    let rules = rules(key).clock(clock.clone()).cache_bytes(cache_bytes);
    (rules.build().unwrap(), clock)
}

#[test]
fn line_18_expiry_of_a_cached_token() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    for cache_bytes in [1 << 20, 0] {
        let (verifier, clock) = timed(&key, cache_bytes);
        let token = mint(&key, &claims()).unwrap();
        accepts(&verifier, &token, "fresh");
        // exp is 600 s ahead, the leeway 60 s.
        clock.advance(Duration::from_millis(659_999));
        accepts(&verifier, &token, "in its last moment");
        verify_elsewhere(&verifier, &token).unwrap();
        clock.advance(Duration::from_millis(1));
        refuses(&verifier, &token, Expired, "past exp and leeway");
        assert_eq!(verifier.cache_stats().entries, 0, "it takes no more room");
        assert_eq!(verify_elsewhere(&verifier, &token).unwrap_err(), Expired);
        refuses(&verifier, &token, Expired, "again");
        let fresh = mint(&key, &claims_with("exp", json!(NOW + 2000))).unwrap();
        accepts(&verifier, &fresh, "another one");
        // The wall clock set back: the token is good again, as at any other verifier.
        clock.set_wall(NOW);
        accepts(&verifier, &token, "the clock went back");
        clock.set_wall(0);
        accepts(&verifier, &token, "no nbf, no iat");
    }
}

#[test]
fn line_18_revoked_after_it_was_cached() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let denied = Denied::default();
    let verifier = rules(&key).revocation(denied.clone()).build().unwrap();
    let (token, other) =
        (mint(&key, &claims()).unwrap(), mint(&key, &claims_with("a", json!(1))).unwrap());
    let verified = accepts(&verifier, &token, "sound");
    accepts(&verifier, &token, "cached");
    accepts(&verifier, &other, "the other");
    assert_eq!(verifier.cache_stats().hits, 1);
    denied.add(&verified);
    for _ in 0..3 {
        refuses(&verifier, &token, Revoked, "taken back");
        assert_eq!(verify_elsewhere(&verifier, &token).unwrap_err(), Revoked);
        accepts(&verifier, &other, "the other");
    }
    denied.clear();
    accepts(&verifier, &token, "given back");
}

#[test]
fn line_18_forget_all() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let (verifier, _) = timed(&key, 1 << 20);
    let token = mint(&key, &claims()).unwrap();
    for round in 1..=3 {
        accepts(&verifier, &token, "sound");
        // Not even this thread's memory answered.
        assert_eq!(verifier.cache_stats().misses, round);
        accepts(&verifier, &token, "cached");
        verify_elsewhere(&verifier, &token).unwrap();
        let stats = verifier.cache_stats();
        // In full once a round, although this thread and the shared cache both knew the token.
        assert_eq!((stats.misses, stats.hits), (round, 2 * round));
        verifier.forget_all();
        assert_eq!(verifier.cache_stats().entries, 0);
    }
}

#[test]
fn line_18_not_yet_valid_turns_valid() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    for name in ["nbf", "iat"] {
        for cache_bytes in [1 << 20, 0] {
            let (verifier, clock) = timed(&key, cache_bytes);
            let token = mint(&key, &claims_with(name, json!(NOW + 120))).unwrap();
            refuses(&verifier, &token, NotYetValid, name);
            clock.advance(Duration::from_millis(59_999));
            refuses(&verifier, &token, NotYetValid, name);
            clock.advance(Duration::from_millis(1));
            accepts(&verifier, &token, name);
            accepts(&verifier, &token, name);
            // And back, although it is cached now.
            clock.set_wall(NOW + 59);
            let entries = verifier.cache_stats().entries;
            refuses(&verifier, &token, NotYetValid, "the clock went back");
            assert_eq!(verifier.cache_stats().entries, entries, "it will be valid again");
            assert_eq!(verify_elsewhere(&verifier, &token).unwrap_err(), NotYetValid);
            clock.set_wall(NOW + 60);
            accepts(&verifier, &token, "the clock is right again");
            clock.set_wall(NOW + 660);
            refuses(&verifier, &token, Expired, "at last");
        }
    }
}

/// Bytes of this process in memory; nothing where the system does not say so.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// One of many distinct bad tokens: forged, expired, not JSON, of unknown names.
struct Flood {
    key: SigningKey,
    sound: String,
}

impl Flood {
    fn token(&self, number: u64) -> String {
        let [header, payload, signature] = parts(&self.sound);
        let digits = encode(number.to_be_bytes());
        match number % 8 {
            0 => mint(&self.key, &json!({"iss": ISSUER, "aud": AUDIENCE, "exp": number})).unwrap(),
            1 => format!("{header}.{payload}A{digits}.{signature}"),
            2 => format!("{digits}.{payload}.{signature}"),
            3 => {
                let header = json!({"alg": "HS256", "kid": digits}).to_string();
                format!("{}.{payload}.{signature}", encode(header))
            }
            _ => format!("{header}.{payload}.{digits}{}", &signature[digits.len()..]),
        }
    }
}

/// Set `JAMGUARD_FLOOD` for another number of tokens, such as 10000000 in a release build.
#[test]
fn line_19_a_flood_of_bad_tokens() {
    const BOUND: u64 = 64 * 1024 * 1024;
    const GOOD: u64 = 1000;
    let count = std::env::var("JAMGUARD_FLOOD").map_or(200_000, |count| count.parse().unwrap());
    let key = SigningKey::generate(Algorithm::HS256).unwrap().with_key_id("k1");
    let verifier = rules(&key).cache_bytes(BOUND).build().unwrap();
    let good: Vec<_> = (0..GOOD)
        .map(|number| mint(&key, &claims_with("sub", number.to_string().into())).unwrap())
        .collect();
    for token in good.iter().chain(&good) {
        accepts(&verifier, token, "good");
    }
    let before = verifier.cache_stats();
    assert_eq!((before.misses, before.hits, before.entries), (GOOD, GOOD, GOOD));

    let flood = Flood { sound: good[0].clone(), key };
    // The allocator gets to know the sizes before anything is measured.
    let refuse = |number| match verify(&verifier, &flood.token(number)) {
        Ok(_) => panic!("bad token {number} was accepted"),
        Err(kind) => kind,
    };
    let kinds: HashSet<_> = (0..1000).map(refuse).collect();
    assert_eq!(kinds, HashSet::from([Expired, Malformed, UnknownKey, BadSignature]));
    let resident = resident_bytes();
    let mut served = 0;
    for number in 1000..1000 + count {
        refuse(number);
        if number % 100 == 0 {
            accepts(&verifier, &good[(number / 100 % GOOD) as usize], "good, meanwhile");
            served += 1;
        }
    }
    let grown = resident_bytes().zip(resident).map(|(after, before)| after.saturating_sub(before));

    let after = verifier.cache_stats();
    assert_eq!(after.entries, GOOD, "bad tokens take no room");
    assert_eq!(after.bytes, before.bytes);
    // Good entries were answered from memory each time, no bad one ever was.
    assert_eq!(after.hits, before.hits + served);
    assert_eq!(after.misses, before.misses + 1000 + count);
    for token in &good {
        accepts(&verifier, token, "good, afterwards");
    }
    assert_eq!(verifier.cache_stats().hits, after.hits + GOOD);
    println!("{count} bad tokens: {grown:?} bytes more in memory, {} bytes cached", after.bytes);
    if let Some(grown) = grown {
        assert!(grown <= BOUND / 10, "{grown} bytes more after {count} bad tokens");
    }
}

#[test]
fn line_19_good_tokens_stay_within_the_bound() {
    const BOUND: u64 = 1024 * 1024;
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    let verifier = rules(&key).cache_bytes(BOUND).build().unwrap();
    for number in 0..5000 {
        let mut claims = claims_with("jti", number.to_string().into());
        claims["pad"] = "p".repeat(number % 500).into();
        accepts(&verifier, &mint(&key, &claims).unwrap(), "good");
    }
    let stats = verifier.cache_stats();
    assert!(stats.entries > 100 && stats.bytes <= BOUND, "{stats:?}");
    // None of them takes less than 500 bytes.
    assert!(stats.entries * 500 <= BOUND, "{stats:?}");
    for bytes in [1, 64 * 1024 - 1] {
        assert_eq!(rules(&key).cache_bytes(bytes).build().unwrap_err().kind(), Configuration);
    }
    let off = rules(&key).cache_bytes(0).build().unwrap();
    let token = mint(&key, &claims()).unwrap();
    accepts(&off, &token, "no cache");
    accepts(&off, &token, "no cache");
    let stats = off.cache_stats();
    assert_eq!((stats.hits, stats.misses, stats.entries), (0, 2, 0));
}
