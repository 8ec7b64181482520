//! Attack 30 of `docs/attacks.md`.

use crate::api::door::{Door, USER, keys};
use crate::support::every_store::on_every_store;
use crate::support::redis::Server;
use jamguard::otp::{Otp, OtpKind, OtpSecret, SecondFactor};
use jamguard::store::{MemoryStore, RedisStore, Store};
use jamguard::{Error, ErrorKind};
use std::sync::Arc;
use tokio::task::JoinSet;

const CROWD: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_the_same_code_twice() {
    on_every_store(async |_, store| {
        for door in Door::all(&store).await {
            let code = door.code(0);
            door.opens(&code).await;
            for _ in 0..10 {
                // However often: a button that is pressed twice locks nobody out.
                door.refuses(&code, ErrorKind::UsedCode).await;
            }
            let next = door.code(1);
            door.opens(&next).await;
            door.refuses(&next, ErrorKind::UsedCode).await;
            // Nor is one that was never used, from before the one that was.
            if door.otp.kind() == OtpKind::Totp {
                door.refuses(&door.code(-1), ErrorKind::UsedCode).await;
            }
        }
    })
    .await;
}

/// Every millionth code is the next one's too. Who saw it used must not get in by that one either.
#[tokio::test(flavor = "multi_thread")]
async fn attack_30_the_same_code_twice_where_two_steps_share_it() {
    let secret = OtpSecret::from_bytes(b"12345678901234567890").unwrap();
    // The first of the two, how far the other one is, and the code.
    for (kind, first, apart, code) in [
        (OtpKind::Totp, 57_766_335, 1, "251166"),
        (OtpKind::Totp, 57_017_782, 2, "882938"),
        (OtpKind::Hotp, 910_737, 1, "911617"),
        (OtpKind::Hotp, 153_567, 2, "468457"),
    ] {
        let step = if kind == OtpKind::Totp { 30 } else { 1 };
        let clock = jamguard::testing::ManualClock::at(first * 30);
        let otp = Otp::builder(kind).clock(clock.clone()).build().unwrap();
        for counter in [first, first + apart] {
            assert_eq!(otp.code_at(&secret, counter * step).expose(), code);
        }
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        for door in Door::with(&store, &otp, &clock, &secret, first).await {
            door.opens(code).await;
            for _ in 0..2 {
                door.refuses(code, ErrorKind::UsedCode).await;
                door.after(30);
            }
            // Codes that nobody saw are not concerned.
            let unseen = if kind == OtpKind::Totp { 3 } else { 3 - apart };
            let next = otp.code_at(&secret, (first + unseen) * step);
            door.opens(next.expose()).await;
            clock.set_wall(first * 30);
        }
    }
}

/// Submits one code for each of these at the same time, and counts how many come to what.
async fn crowd(doors: Vec<Door>, code: &str) -> (usize, usize, usize) {
    let mut tasks = JoinSet::new();
    for door in doors {
        let code = code.to_owned();
        tasks.spawn(async move { door.verify(&code).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer.unwrap().map_err(|error| error.kind()));
    }
    let count = |wanted: &Result<(), ErrorKind>| answers.iter().filter(|a| *a == wanted).count();
    let [accepted, used] = [Ok(()), Err(ErrorKind::UsedCode)].map(|answer| count(&answer));
    (accepted, used, answers.len() - accepted - used)
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_a_thousand_submissions_in_parallel() {
    on_every_store(async |name, store| {
        for door in Door::all(&store).await {
            let found = crowd(vec![door.clone(); CROWD], &door.code(0)).await;
            println!(
                "attack 30, {name}, {}: of {CROWD} submissions of one code {} accepted, {} told that \
                 it was used, {} others",
                door.name, found.0, found.1, found.2
            );
            assert_eq!(found, (1, CROWD - 1, 0), "{name}, {}", door.name);
        }
    })
    .await;
}

/// As from several machines: each with a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn attack_30_a_thousand_submissions_over_redis_from_several_connections() {
    const MACHINES: usize = 8;
    let server = Server::start();
    let mut machines = Vec::new();
    for _ in 0..MACHINES {
        machines.push(RedisStore::connect(&server.url()).await.unwrap());
    }
    let clock = jamguard::testing::ManualClock::at(crate::api::NOW);
    let otp = Otp::totp().clock(clock).build().unwrap();
    let factors: Vec<_> =
        machines.into_iter().map(|store| crate::api::door::factor(store, &otp)).collect();
    let secret = crate::secret();
    factors[0].import(USER, &secret, 0).await.unwrap();
    let code = otp.code(&secret).unwrap();
    let mut tasks = JoinSet::new();
    for at in 0..CROWD {
        let (factor, code) = (factors[at % MACHINES].clone(), code.clone());
        tasks.spawn(async move { factor.verify(USER, code.expose()).await.is_ok() });
    }
    let mut accepted = 0;
    while let Some(passed) = tasks.join_next().await {
        accepted += usize::from(passed.unwrap());
    }
    println!(
        "attack 30, redis, {MACHINES} connections: of {CROWD} submissions of one code {accepted} \
         accepted"
    );
    assert_eq!(accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_five_failures() {
    on_every_store(async |_, store| {
        for door in Door::all(&store).await {
            for _ in 0..5 {
                door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            }
            // A right one is not looked at, and neither counts.
            for code in [door.code(0), door.wrong()] {
                let error = door.verify(&code).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::LockedOut, "{}", door.name);
                assert_eq!(error.retry_after().unwrap().as_secs(), 900);
            }
            door.after(899);
            door.refuses(&door.code(30), ErrorKind::LockedOut).await;
            door.after(1);
            // The next wrong one locks again, for twice as long.
            door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            let error = door.verify(&door.wrong()).await.unwrap_err();
            assert_eq!(error.retry_after().unwrap().as_secs(), 1800);
            door.after(1800);
            let now = (900 + 1800) / 30;
            let right = if door.otp.kind() == OtpKind::Totp { now } else { 0 };
            door.opens(&door.code(right)).await;
            // A right one ends the row.
            for _ in 0..4 {
                door.refuses(&door.wrong(), ErrorKind::WrongCode).await;
            }
            door.opens(&door.code(right + 1)).await;
            door.clock.set_wall(crate::api::NOW);
        }
    })
    .await;
}

/// Guesses at the same time get no more answers than one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn attack_30_a_thousand_guesses_in_parallel() {
    on_every_store(async |name, store| {
        for door in Door::all(&store).await {
            let mut tasks = JoinSet::new();
            for _ in 0..CROWD {
                let (door, code) = (door.clone(), door.wrong());
                tasks.spawn(async move { door.verify(&code).await.unwrap_err().kind() });
            }
            let (mut looked_at, mut locked) = (0, 0);
            while let Some(kind) = tasks.join_next().await {
                match kind.unwrap() {
                    ErrorKind::WrongCode => looked_at += 1,
                    ErrorKind::LockedOut => locked += 1,
                    other => panic!("{other}"),
                }
            }
            println!(
                "attack 30, {name}, {}: of {CROWD} guesses {looked_at} looked at, {locked} locked out",
                door.name
            );
            assert_eq!((looked_at, locked), (5, CROWD - 5));
            door.refuses(&door.code(0), ErrorKind::LockedOut).await;
            door.unlock().await.unwrap();
            door.opens(&door.code(0)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_look_ahead_over_the_limit() {
    for otp in [Otp::totp(), Otp::hotp()] {
        let error = otp.look_ahead(21).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(".look_ahead("), "{error}");
    }
    for otp in [Otp::totp(), Otp::hotp()] {
        assert_eq!(otp.look_ahead(20).build().unwrap().look_ahead(), 20);
    }
    // A code beyond the window is a wrong one.
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::all(&store).await {
        door.refuses(&door.code(2), ErrorKind::WrongCode).await;
        if door.otp.kind() == OtpKind::Totp {
            door.refuses(&door.code(-2), ErrorKind::WrongCode).await;
        }
        door.opens(&door.code(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_non_digits_and_unicode_digits() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for door in Door::all(&store).await {
        let right = door.code(0);
        let mut texts = vec![
            String::new(),
            right[..5].to_owned(),
            format!("{right}0"),
            format!("0{right}"),
            format!("{right}\0"),
            format!("+{}", &right[1..]),
            format!("-{}", &right[1..]),
            format!("{}_{}", &right[..3], &right[3..]),
            format!("{}.{}", &right[..3], &right[3..]),
            " ".repeat(6),
            "-".repeat(6),
            "abcdef".to_owned(),
            "0x1234".to_owned(),
            "1e5000".to_owned(),
            right.repeat(1000),
        ];
        // Arabic, Devanagari, fullwidth, mathematical: the same numbers, other characters.
        for zero in ['\u{660}', '\u{966}', '\u{ff10}', '\u{1d7ce}'] {
            let digit = |c: char| char::from_u32(zero as u32 + c.to_digit(10).unwrap()).unwrap();
            texts.push(right.chars().map(digit).collect());
            texts.push(format!("{}{}", digit(right.chars().next().unwrap()), &right[1..]));
        }
        for text in texts {
            assert_eq!(door.otp.verify_at(&door.secret, &text, crate::api::NOW), None);
            door.refuses(&text, ErrorKind::WrongCode).await;
            door.unlock().await.unwrap();
        }
        // As an app shows it; and it is used up then, however it is written.
        door.opens(&format!("{} {}", &right[..3], &right[3..])).await;
        for again in [right.clone(), format!("{}-{}", &right[..3], &right[3..])] {
            door.refuses(&again, ErrorKind::UsedCode).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_a_short_secret() {
    let refused = |answer: Result<OtpSecret, Error>, what: &str| {
        let error = answer.err().unwrap_or_else(|| panic!("{what} is taken"));
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{what}");
        assert!(!error.to_string().contains("GEZD"), "{error}");
    };
    for length in (0..16_usize).chain([129, 1000]) {
        let text = "GEZDGNBV".repeat(length.div_ceil(5));
        refused(OtpSecret::from_bytes(&vec![7; length]), "bytes");
        refused(OtpSecret::generate_bytes(length), "a new one");
        if length < 16 {
            // As many bytes in base32.
            let cut = (length * 8).div_ceil(5);
            refused(OtpSecret::from_base32(&text[..cut.min(text.len())]), "base32");
        }
    }
    refused(OtpSecret::danger_from_short_base32("GEZDGNBVGY3TQ"), "64 bits");
    refused(OtpSecret::from_base32(&"A".repeat(100_000)), "a long one");
    for length in [16, 20, 32, 64, 128] {
        let secret = OtpSecret::generate_bytes(length).unwrap();
        assert_eq!(secret.expose().len(), length);
        assert_eq!(OtpSecret::from_base32(secret.to_base32().expose()).unwrap(), secret);
    }
    // A short one that exists already gets in under its name alone.
    let short = OtpSecret::danger_from_short_base32("JBSWY3DPEHPK3PXP").unwrap();
    let factor = SecondFactor::builder(MemoryStore::new(), keys()).issuer("My App");
    let factor = factor.build().unwrap();
    factor.import(USER, &short, 0).await.unwrap();
    let code = Otp::totp().build().unwrap().code(&short).unwrap();
    factor.verify(USER, code.expose()).await.unwrap();
}
