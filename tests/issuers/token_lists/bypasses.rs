//! Other texts of a token that was taken back: none passes.

use crate::support::tokens::*;
use crate::token_lists::{World, claims};
use jamguard::ErrorKind::{self, *};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::testing::{ManualClock, mint};
use jamguard::{TokenList, Verifier};

/// The last character changed in the bits that do not count.
fn other_last_character(token: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let spare = match parts(token)[2].len() % 4 {
        2 => 4,
        3 => 2,
        _ => return None,
    };
    let last = *token.as_bytes().last().unwrap();
    let value = ALPHABET.iter().position(|c| *c == last).unwrap();
    assert_eq!(value % (1 << spare), 0);
    let other = ALPHABET[value + 1] as char;
    Some(format!("{}{other}", &token[..token.len() - 1]))
}

/// Texts that a sloppy verifier takes for the same token.
pub(crate) fn other_texts(token: &str) -> Vec<String> {
    let [header, payload, signature] = parts(token);
    let mut texts = vec![
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}\0"),
        format!("{token}%3D"),
        format!("{token}."),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "/")),
    ];
    texts.extend(other_last_character(token));
    texts
}

/// The other signature that is valid too: (r, n - s).
pub(crate) fn malleated(algorithm: Algorithm, token: &str) -> String {
    let bytes = signature(token);
    let (r, s) = bytes.split_at(bytes.len() / 2);
    with_signature(token, [r, &minus(&order(algorithm), s)].concat())
}

#[tokio::test]
async fn line_16_another_signature_of_a_revoked_token() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512] {
        let key = SigningKey::generate(algorithm).unwrap();
        for claims in [claims_with("a", 1.into()), claims("one")] {
            for (seen_before, cache_bytes) in [(true, 1 << 20), (false, 1 << 20), (false, 0)] {
                let list = TokenList::deny(MemoryStore::new())
                    .clock(ManualClock::at(NOW))
                    .build()
                    .unwrap();
                let rules = rules(&key).deny_list(list.clone());
                let verifier = rules.cache_bytes(cache_bytes).build().unwrap();
                let sound = mint(&key, &claims).unwrap();
                let other = malleated(algorithm, &sound);
                assert_ne!(sound, other);
                let verified = accepts(&verifier, &sound, "not revoked");
                if seen_before {
                    accepts(&verifier, &other, "not revoked, and valid");
                }
                list.revoke(&verified).await.unwrap();
                for _ in 0..2 {
                    refuses(&verifier, &other, Revoked, "(r, n - s)");
                    refuses(&verifier, &sound, Revoked, "(r, s)");
                }
                // The other way round: the text that is revoked is the changed one.
                list.remove(&verified).await.unwrap();
                accepts(&verifier, &sound, "no longer");
                list.revoke_unverified(&other).await.unwrap();
                refuses(&verifier, &sound, Revoked, "(r, s)");
                refuses(&verifier, &other, Revoked, "(r, n - s)");
                let fresh = mint(&key, &claims_with("jti", "another".into())).unwrap();
                accepts(&verifier, &fresh, "another token");
            }
        }
    }
}

/// A re-encoded token stays revoked: with padding, with another last character, and so on.
#[tokio::test]
async fn a_re_encoded_token_stays_revoked() {
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let key = SigningKey::generate(algorithm).unwrap();
        for claims in [claims_with("a", 1.into()), claims("one")] {
            let list =
                TokenList::deny(MemoryStore::new()).clock(ManualClock::at(NOW)).build().unwrap();
            let verifier = rules(&key).deny_list(list.clone()).build().unwrap();
            let token = mint(&key, &claims).unwrap();
            let verified = accepts(&verifier, &token, "not revoked");
            list.revoke(&verified).await.unwrap();
            refuses(&verifier, &token, Revoked, "revoked");
            let mut tried = 0;
            for text in other_texts(&token) {
                if text != token {
                    let kind = verify(&verifier, &text).expect_err(&text);
                    assert!(matches!(kind, Malformed | BadSignature), "{kind} {text}");
                    tried += 1;
                }
            }
            assert!(tried > 8);
            refuses(&verifier, &token, Revoked, "still");
        }
    }
}

/// A damaged text that is taken back takes its token with it: only the signature is not looked at.
#[tokio::test]
async fn a_damaged_text_names_its_token() {
    let world = World::new();
    for (jti, damage) in [("a", "="), ("b", "AAAA"), ("c", " ")] {
        let token = world.token(jti);
        world.accepts(&token, "sound");
        let damaged = format!("{token}{damage}");
        world.denied.revoke_unverified(&damaged).await.unwrap();
        world.refuses(&token, Revoked, damage);
    }
}

fn verify_elsewhere(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    std::thread::scope(|scope| scope.spawn(|| verify(verifier, token).map(drop)).join().unwrap())
}

#[tokio::test]
async fn line_17_verifiers_do_not_share_answers() {
    let world = World::new();
    let without = rules(&world.key).clock(world.clock.clone()).build().unwrap();
    let token = world.token("a");
    let verified = accepts(&without, &token, "no list");
    world.denied.revoke(&verified).await.unwrap();
    for _ in 0..3 {
        accepts(&without, &token, "no list");
        world.refuses(&token, Revoked, "in the list");
        let elsewhere = verify_elsewhere(&world.verifier, &token);
        assert_eq!(elsewhere.unwrap_err(), Revoked);
    }
    assert_eq!(world.verifier.cache_stats().entries, 0);
}

#[tokio::test]
async fn line_18_revoked_after_it_was_cached() {
    let world = World::new();
    let [token, other] = ["a", "b"].map(|jti| world.token(jti));
    let verified = world.accepts(&token, "sound");
    world.accepts(&other, "sound");
    for _ in 0..3 {
        world.accepts(&token, "cached");
        verify_elsewhere(&world.verifier, &token).unwrap();
    }
    world.denied.revoke(&verified).await.unwrap();
    for _ in 0..3 {
        world.refuses(&token, Revoked, "taken back");
        let elsewhere = verify_elsewhere(&world.verifier, &token);
        assert_eq!(elsewhere.unwrap_err(), Revoked);
        world.accepts(&other, "the other");
    }
    assert_eq!(world.verifier.cache_stats().entries, 1, "it takes no room");
    world.denied.remove(&verified).await.unwrap();
    world.accepts(&token, "given back");
}

/// With eight threads verifying, and each token revoked while they do: once the call returned,
/// nobody accepts it.
#[test]
fn fault_12_none_is_accepted_after_revoke_returned() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    const TOKENS: usize = 200;
    let world = World::new();
    let tokens: Vec<_> = (0..TOKENS).map(|at| world.token(&at.to_string())).collect();
    let names: Vec<_> = tokens.iter().map(|t| world.accepts(t, "sound")).collect();
    // All below it are revoked.
    let revoked = AtomicU64::new(0);
    let (accepted, late, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (world, tokens, revoked) = (&world, &tokens, &revoked);
            let (accepted, late, refused) = (&accepted, &late, &refused);
            scope.spawn(move || {
                let mut at = thread * 7;
                while revoked.load(SeqCst) < TOKENS as u64 {
                    // Around the one that is being revoked.
                    let border = revoked.load(SeqCst);
                    at = (at + 1) % 16;
                    let number = (border as usize + at).saturating_sub(8).min(TOKENS - 1);
                    match verify(&world.verifier, &tokens[number]) {
                        Ok(_) if (number as u64) < border => late.fetch_add(1, SeqCst),
                        Ok(_) => accepted.fetch_add(1, SeqCst),
                        Err(kind) => {
                            assert_eq!(kind, Revoked);
                            refused.fetch_add(1, SeqCst)
                        }
                    };
                }
            });
        }
        let verified = || accepted.load(SeqCst) + late.load(SeqCst) + refused.load(SeqCst);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for name in &names {
            let enough = verified() + 16;
            while verified() < enough {
                std::thread::yield_now();
            }
            runtime.block_on(world.denied.revoke(name)).unwrap();
            revoked.fetch_add(1, SeqCst);
        }
    });
    let [accepted, late, refused] = [accepted, late, refused].map(|n| n.load(SeqCst));
    println!(
        "{TOKENS} revoked under load: {accepted} accepted before, {late} after, {refused} refused"
    );
    assert_eq!(late, 0);
    assert!(accepted > 100 && refused > 100);
}
