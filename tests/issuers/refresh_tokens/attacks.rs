//! Tokens of others, of before, and out of a dump.

use crate::refresh_tokens::{DAY, Device, NOW, OWNER, World};
use crate::support::counts::Counts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::ErrorKind::*;
use jamguard::RefreshTokens;
use jamguard::store::{MemoryStore, NewRecord, Store};
use std::time::Duration;

#[tokio::test]
async fn guessed_and_malformed_tokens() {
    let world = World::new();
    let token = world.issue().await;
    let (family, secret) = token.split_once('.').unwrap();
    for text in [
        "",
        ".",
        "garbage",
        family,
        secret,
        &format!("{family}."),
        &format!(".{secret}"),
        &format!("{token}="),
        &format!("{token} "),
        &format!(" {token}"),
        &format!("{token}\0"),
        &format!("{token}."),
        &format!("{token}.{secret}"),
        &format!("{secret}.{family}"),
        &format!("{secret}.{secret}"),
        &token[1..],
        // The last character holds spare bits; set, they would name the same bytes.
        &format!("{}{}", &token[..token.len() - 1], spare(&token)),
        &token[..token.len() - 1],
        &token[..token.len() - 4],
        &token.to_uppercase().replace('.', "+"),
        &"a".repeat(1 << 20),
    ] {
        world.refuses(text, Malformed).await;
        if let Err(error) = world.tokens.revoke(text).await {
            assert_eq!(error.kind(), Malformed);
        }
    }
    // A family that never was: whoever guesses has 2^128 to try, and then 2^256.
    for number in 0..100_u8 {
        let guessed = URL_SAFE_NO_PAD.encode([number; 16]);
        world.refuses(&format!("{guessed}.{secret}"), Revoked).await;
    }
    // None of this did anything to the token.
    world.rotate(&token).await.unwrap();
    assert_eq!(world.reused(), 0);
}

/// The last character with its lowest bit set, which does not count.
fn spare(token: &str) -> char {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let value = ALPHABET.iter().position(|c| *c == last).unwrap();
    assert_eq!(value % 4, 0);
    ALPHABET[value + 1].into()
}

/// Whoever knows the family but not its secret has seen a token of it.
#[tokio::test]
async fn another_familys_secret() {
    let world = World::new();
    let (ours, other) = (world.issue().await, world.issue().await);
    let (family, _) = ours.split_once('.').unwrap();
    let (_, secret) = other.split_once('.').unwrap();
    world.refuses(&format!("{family}.{secret}"), Reused).await;
    world.refuses(&ours, Reused).await;
    assert_eq!(world.reused(), 1);
    world.rotate(&other).await.unwrap();
}

#[tokio::test]
async fn an_old_token_after_the_grace_ends_its_family() {
    let world = World::new();
    let (first, elsewhere) = (world.issue().await, world.issue().await);
    let second = world.rotate(&first).await.unwrap();
    world.clock.advance(Duration::from_millis(4_999));
    assert_eq!(world.rotate(&first).await.unwrap(), second);
    world.clock.advance(Duration::from_millis(1));
    world.refuses(&first, Reused).await;
    // The thief's, the owner's: all of them, and it is told once.
    for _ in 0..3 {
        for token in [&first, &second] {
            world.refuses(token, Reused).await;
        }
    }
    assert_eq!(*world.reused.lock().unwrap(), ["ann"]);
    // Another login of the same subject is another family.
    world.rotate(&elsewhere).await.unwrap();
    // What is left of the family goes when it would have.
    world.clock.advance(30 * DAY);
    world.refuses(&second, Revoked).await;
    world.store.purge().await.unwrap();
    assert!(format!("{:?}", world.store).contains("records: 0"));
}

#[test]
fn a_reuse_is_counted() {
    let counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&counts, || {
        runtime.block_on(async {
            let world = World::new();
            let first = world.issue().await;
            world.rotate(&first).await.unwrap();
            world.rotate(&first).await.unwrap();
            assert_eq!(counts.of("jamguard_refresh_token_reuses_total"), 0);
            world.later();
            world.refuses(&first, Reused).await;
            world.refuses(&first, Reused).await;
            assert_eq!(counts.of("jamguard_refresh_token_reuses_total"), 1);
        });
    });
}

#[tokio::test]
async fn a_dump_of_the_store_holds_no_usable_token() {
    let world = World::new();
    let first = world.issue().await;
    let second = world.rotate(&first).await.unwrap();
    let third = world.rotate(&second).await.unwrap();
    let dump = world.store.owned(OWNER).await.unwrap();
    let [(key, record)] = &dump[..] else { panic!("one record per family") };
    let value = std::str::from_utf8(record.value()).unwrap();
    for token in [&first, &second, &third] {
        let (family, secret) = token.split_once('.').unwrap();
        assert!(!key.contains(family));
        let raw = URL_SAFE_NO_PAD.decode(secret).unwrap();
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret, &secret[..20], &hex, &format!("{raw:?}")] {
            assert!(!value.contains(form));
        }
    }
    // Each of its texts, tried as a secret against a copy of the store.
    let (family, _) = first.split_once('.').unwrap();
    let mut tried = 0;
    for text in value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
        if text.len() != 43 {
            continue;
        }
        let copy = MemoryStore::new();
        let new = NewRecord::new(record.value());
        copy.insert(key, new).await.unwrap().unwrap();
        let thief =
            RefreshTokens::<Device>::builder(copy).clock(world.clock.clone()).build().unwrap();
        let refused = thief.rotate(&format!("{family}.{text}")).await;
        assert_eq!(refused.unwrap_err().kind(), Reused);
        tried += 1;
    }
    // The current one's hash; hash and salt of two others.
    assert_eq!(tried, 5);
    world.rotate(&third).await.unwrap();
}

/// A clock that is set back does not make the grace longer.
#[tokio::test]
async fn a_clock_set_back_forgives_no_old_token() {
    let world = World::new();
    let old = world.issue().await;
    let next = world.rotate(&old).await.unwrap();
    world.clock.set_wall(NOW - 3600);
    world.refuses(&old, Reused).await;
    world.refuses(&next, Reused).await;
    assert_eq!(world.reused(), 1);
}

/// A reader of the store knows its keys and values, and can send what they say.
#[tokio::test]
async fn a_dump_of_the_store_ends_no_family() {
    let world = World::new();
    let token = world.issue().await;
    let (family, secret) = token.split_once('.').unwrap();
    for (key, record) in world.store.owned(OWNER).await.unwrap() {
        let value = String::from_utf8(record.value().to_vec()).unwrap();
        for part in [family, secret] {
            assert!(!key.contains(part) && !value.contains(part));
        }
        let name = key.rsplit('/').next().unwrap();
        let texts = value.split('"').chain([name]);
        for text in texts.flat_map(|text| [text, text.get(..22).unwrap_or_default()]) {
            let forged = format!("{text}.{secret}");
            let _ = world.tokens.revoke(&forged).await;
            let _ = world.tokens.rotate(&forged).await;
        }
    }
    world.rotate(&token).await.unwrap();
}
