//! The promises of deny and allow lists, one test each.

use crate::support::folder::Folder;
use crate::support::redis::Server;
use crate::support::tokens::{
    self, AUDIENCE, ISSUER, NOW, accepts, claims_without, refuses, rules,
};
use crate::token_lists::stores::Shaky;
use crate::token_lists::{World, claims, deny, second, verify};
use jamguard::ErrorKind::{self, *};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{CachedStore, FileStore, MemoryStore, RedisStore, Store};
use jamguard::testing::{ManualClock, mint};
use jamguard::{TokenList, Verifier};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Tokens and a verifier with an allow list.
struct Allowed {
    key: SigningKey,
    list: TokenList,
    verifier: Verifier,
}

impl Allowed {
    fn over(store: impl Store, clock: &ManualClock) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let list = TokenList::allow(store).clock(clock.clone()).build().unwrap();
        let rules = rules(&key).clock(clock.clone());
        let verifier = rules.allow_list(list.clone()).build().unwrap();
        Self { key, list, verifier }
    }

    fn token(&self, jti: &str) -> String {
        mint(&self.key, &claims(jti)).unwrap()
    }
}

/// Every backend, for as long as this is held.
struct Stores {
    all: Vec<(&'static str, Arc<dyn Store>)>,
    _folder: Folder,
    _server: Server,
}

impl Stores {
    fn open(test: &str, clock: &ManualClock) -> Self {
        let (folder, server) = (Folder::new(test), Server::start());
        let memory = || MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let file = FileStore::builder().clock(clock.clone());
        let redis = |prefix: &str| {
            let store = RedisStore::builder(&server.url()).prefix(prefix);
            store.build().unwrap()
        };
        Self {
            all: vec![
                ("memory", Arc::new(memory())),
                ("file", Arc::new(file.open(folder.store()).unwrap())),
                ("Redis", Arc::new(redis("a:"))),
                ("near cache over Redis", Arc::new(CachedStore::new(redis("b:")))),
                ("custom, watched", Arc::new(Shaky::remote(memory()))),
                ("custom, unwatched", Arc::new(Shaky::unwatchable(memory()))),
            ],
            _folder: folder,
            _server: server,
        }
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, Arc<dyn Store>)> {
        self.all.iter().cloned()
    }
}

/// The operations of a deny list: add, check, remove, and `revoke(token)`, over any store. Each
/// outcome has its own error kind.
#[tokio::test]
async fn operations_of_a_deny_list() {
    let clock = ManualClock::at(NOW);
    let stores = Stores::open("deny", &clock);
    for (name, store) in stores.each() {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let list = deny(store, &clock).build().unwrap();
        let rules = rules(&key).clock(clock.clone());
        let verifier = rules.deny_list(list.clone()).build().unwrap();
        let [token, other] = ["a", "b"].map(|jti| mint(&key, &claims(jti)).unwrap());
        let verified = verify(&verifier, &token).await.expect(name);
        verify(&verifier, &other).await.expect(name);
        assert!(!list.contains(&verified).await.unwrap());

        list.add(&verified).await.unwrap();
        assert!(list.contains(&verified).await.unwrap(), "{name}");
        for _ in 0..3 {
            assert_eq!(verify(&verifier, &token).await.unwrap_err(), Revoked);
            verify(&verifier, &other).await.expect(name);
        }
        assert!(list.remove(&verified).await.unwrap(), "{name}");
        assert!(!list.remove(&verified).await.unwrap(), "{name}");
        verify(&verifier, &token).await.expect(name);

        list.revoke(&verified).await.unwrap();
        list.revoke(&verified).await.unwrap();
        assert!(list.contains(&verified).await.unwrap(), "{name}");
        assert_eq!(verify(&verifier, &token).await.unwrap_err(), Revoked);
        verify(&verifier, &other).await.expect(name);
    }
}

#[tokio::test]
async fn operations_of_an_allow_list() {
    let clock = ManualClock::at(NOW);
    let stores = Stores::open("allow", &clock);
    for (name, store) in stores.each() {
        let world = Allowed::over(store, &clock);
        let (list, verifier) = (&world.list, &world.verifier);
        let [token, other] = ["a", "b"].map(|jti| world.token(jti));
        for _ in 0..2 {
            assert_eq!(verify(verifier, &token).await.unwrap_err(), NotListed);
        }
        list.add_unverified(&token).await.unwrap();
        let verified = verify(verifier, &token).await.expect(name);
        assert!(list.contains(&verified).await.unwrap(), "{name}");
        assert_eq!(verify(verifier, &other).await.unwrap_err(), NotListed);

        list.revoke(&verified).await.unwrap();
        assert!(!list.contains(&verified).await.unwrap(), "{name}");
        for _ in 0..3 {
            assert_eq!(verify(verifier, &token).await.unwrap_err(), NotListed);
        }
        list.add(&verified).await.unwrap();
        verify(verifier, &token).await.expect(name);
        assert!(list.remove(&verified).await.unwrap(), "{name}");
        assert!(!list.remove(&verified).await.unwrap(), "{name}");
        assert_eq!(verify(verifier, &token).await.unwrap_err(), NotListed);
    }
}

/// `revoke(token)`, of tokens that this process never verified.
#[tokio::test]
async fn tokens_are_revoked_unseen() {
    let world = World::new();
    let by_text = world.token("text");
    world.denied.revoke_unverified(&by_text).await.unwrap();
    world.refuses(&by_text, Revoked, "by its text");

    let by_name = world.token("name");
    let until = second(600);
    (world.denied.revoke_jti(ISSUER, "name", until).await).unwrap();
    world.refuses(&by_name, Revoked, "by its jti");
    for (issuer, jti) in [("", "other"), ("https://b.example", "other"), (ISSUER, "")] {
        world.denied.revoke_jti(issuer, jti, until).await.unwrap();
    }
    world.accepts(&world.token("other"), "of this issuer");

    // In an allow list it is the same with removal.
    let allowed = Allowed::over(MemoryStore::new(), &world.clock);
    let [token, other] = ["a", "b"].map(|jti| allowed.token(jti));
    allowed.list.add_unverified(&token).await.unwrap();
    allowed.list.add_unverified(&other).await.unwrap();
    accepts(&allowed.verifier, &token, "listed");
    allowed.list.revoke_unverified(&token).await.unwrap();
    refuses(&allowed.verifier, &token, NotListed, "removed");
    accepts(&allowed.verifier, &other, "listed");
    (allowed.list.revoke_jti(ISSUER, "b", until).await).unwrap();
    refuses(&allowed.verifier, &other, NotListed, "removed");
}

/// What is no token is not entered.
#[tokio::test]
async fn no_token_no_entry() {
    let world = World::new();
    let sound = world.token("a");
    let [header, payload, signature] = tokens::parts(&sound);
    let jti_number = tokens::encode(r#"{"jti": 1, "exp": 1800000600}"#);
    let twice = tokens::encode(r#"{"jti": "a", "jti": "b", "exp": 1800000600}"#);
    for (text, kind) in [
        (String::new(), Malformed),
        ("garbage".to_owned(), Malformed),
        (format!("{header}.{payload}"), Malformed),
        (format!("{header}.{payload}=.{signature}"), Malformed),
        (format!("{header}=.{payload}.{signature}"), Malformed),
        (format!("{header}.{jti_number}.{signature}"), InvalidClaim),
        (format!("{header}.{twice}.{signature}"), Malformed),
        (format!("{sound}.{signature}"), Malformed),
        (format!("e30.{payload}.{signature}"), Malformed),
        ("a".repeat(2 << 20), TooLarge),
    ] {
        let before = format!("{:?}", world.store);
        for refused in
            [world.denied.revoke_unverified(&text).await, world.denied.add_unverified(&text).await]
        {
            assert_eq!(refused.unwrap_err().kind(), kind, "{:.80}", text);
        }
        assert_eq!(format!("{:?}", world.store), before);
    }
    world.accepts(&sound, "none of them was it");
}

/// An entry lives exactly until its token's `exp`, never less: with the leeway, in which a verifier
/// still accepts the token.
#[tokio::test]
async fn an_entry_lives_as_long_as_its_token() {
    let world = World::new();
    let [by_token, by_text, by_name] = ["a", "b", "c"].map(|jti| world.token(jti));
    let verified = world.accepts(&by_token, "sound");
    world.denied.revoke(&verified).await.unwrap();
    world.denied.revoke_unverified(&by_text).await.unwrap();
    (world.denied.revoke_jti(ISSUER, "c", second(600)).await).unwrap();
    let kept = || format!("{:?}", world.store).contains("records: 3");
    assert!(kept());
    // exp is 600 s ahead, the leeway 60 s.
    world.clock.advance(Duration::from_millis(659_999));
    for token in [&by_token, &by_text, &by_name] {
        world.refuses(token, Revoked, "in its last moment");
    }
    assert!(world.denied.contains(&verified).await.unwrap());
    world.clock.advance(Duration::from_millis(1));
    for token in [&by_token, &by_text, &by_name] {
        world.refuses(token, Expired, "past exp and leeway");
    }
    assert!(!world.denied.contains(&verified).await.unwrap());
    assert_eq!(world.store.purge().await.unwrap(), 3);
    // What is over is not entered any more.
    world.denied.revoke(&verified).await.unwrap();
    world.denied.revoke_unverified(&by_text).await.unwrap();
    assert!(format!("{:?}", world.store).contains("records: 0"));
}

#[tokio::test]
async fn an_allowed_token_is_so_until_it_ends() {
    for cache_bytes in [1 << 20, 0] {
        let clock = ManualClock::at(NOW);
        let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let world = Allowed::over(store.clone(), &clock);
        let rules = rules(&world.key).clock(clock.clone());
        let rules = rules.allow_list(world.list.clone());
        let verifier = rules.cache_bytes(cache_bytes).build().unwrap();
        let token = world.token("a");
        world.list.add_unverified(&token).await.unwrap();
        accepts(&verifier, &token, "listed");
        clock.advance(Duration::from_millis(659_999));
        accepts(&verifier, &token, "in its last moment");
        refuses(&verifier, &world.token("b"), NotListed, "it never was");
        clock.advance(Duration::from_millis(1));
        // Its entry is gone too; that is not what is told.
        refuses(&verifier, &token, Expired, "over");
        assert_eq!(store.purge().await.unwrap(), 1);
    }
}

/// An entry for the same `jti` never gets shorter, whoever writes it.
#[tokio::test]
async fn an_entry_is_never_shortened() {
    for (first, second_) in [(100, 600), (600, 100)] {
        let world = World::new();
        for exp in [first, second_] {
            (world.denied.revoke_jti(ISSUER, "a", second(exp)).await).unwrap();
        }
        world.clock.advance(Duration::from_secs(659));
        world.refuses(&world.token("a"), Revoked, "the longer one counts");
    }
}

/// Tokens without `exp` have entries without end.
#[tokio::test]
async fn a_token_without_end_is_revoked_without_end() {
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let list = deny(store, &clock).max_token_lifetime(Duration::MAX).build().unwrap();
    let rules = rules(&key).clock(clock.clone()).danger_accept_missing_exp();
    let verifier = rules.deny_list(list.clone()).build().unwrap();
    let mut endless = claims_without("exp");
    endless["jti"] = "a".into();
    let token = mint(&key, &endless).unwrap();
    let verified = accepts(&verifier, &token, "without exp");
    list.revoke(&verified).await.unwrap();
    endless["jti"] = "b".into();
    let other = mint(&key, &endless).unwrap();
    accepts(&verifier, &other, "without exp");
    list.revoke_subject(ISSUER, "42", second(0)).await.unwrap();
    clock.advance(Duration::from_secs(100 * 366 * 86_400));
    for token in [token, other] {
        refuses(&verifier, &token, Revoked, "a hundred years later");
    }
}

/// Revokes all tokens of a subject that were issued before a moment (log out everywhere).
#[tokio::test]
async fn a_subject_is_logged_out_everywhere() {
    let clock = ManualClock::at(NOW);
    let stores = Stores::open("subjects", &clock);
    for kind in ["deny", "allow"] {
        for (name, store) in stores.each() {
            let key = SigningKey::generate(Algorithm::ES256).unwrap();
            let begin = match kind {
                "deny" => TokenList::deny(store),
                _ => TokenList::allow(store),
            };
            let list = begin.clock(clock.clone()).build().unwrap();
            let rules = (rules(&key).issuer("https://b.example")).clock(clock.clone());
            let verifier = match kind {
                "deny" => rules.deny_list(list.clone()),
                _ => rules.allow_list(list.clone()),
            };
            let verifier = verifier.build().unwrap();
            let token = async |iss: &str, sub: Option<&str>, iat: serde_json::Value| {
                let jti = format!("{iss} {sub:?} {iat}");
                let mut claims = json!({"iss": iss, "aud": AUDIENCE, "jti": jti});
                claims["exp"] = json!(NOW + 600);
                if let Some(sub) = sub {
                    claims["sub"] = sub.into();
                }
                if !iat.is_null() {
                    claims["iat"] = iat;
                }
                let token = mint(&key, &claims).unwrap();
                if kind == "allow" {
                    list.add_unverified(&token).await.unwrap();
                }
                token
            };
            let ann = |iat: serde_json::Value| token(ISSUER, Some("ann"), iat);
            let before = [
                ann(json!(NOW - 300)).await,
                ann(json!(NOW)).await,
                // The moment is half past this second.
                ann(json!(NOW as f64 + 0.25)).await,
                ann(json!(NOW as f64 + 0.75)).await,
                ann(json!(null)).await,
            ];
            let others = [
                ann(json!(NOW + 1)).await,
                token(ISSUER, Some("bob"), json!(NOW - 300)).await,
                token(ISSUER, Some("bob"), json!(null)).await,
                token(ISSUER, Some("annx"), json!(NOW - 300)).await,
                token("https://b.example", Some("ann"), json!(NOW - 300)).await,
                token(ISSUER, None, json!(NOW - 300)).await,
            ];
            for token in before.iter().chain(&others) {
                verify(&verifier, token).await.expect(name);
            }
            let moment = second(0) + Duration::from_millis(500);
            list.revoke_subject(ISSUER, "ann", moment).await.unwrap();
            for _ in 0..2 {
                for (at, token) in before.iter().enumerate() {
                    let refused = verify(&verifier, token).await;
                    assert_eq!(refused.unwrap_err(), Revoked, "{kind} {name} {at}");
                }
                for (at, token) in others.iter().enumerate() {
                    let passed = verify(&verifier, token).await;
                    assert!(passed.is_ok(), "{kind} {name} {at}: {passed:?}");
                }
            }
            // An earlier moment takes nothing back, a later one more.
            list.revoke_subject(ISSUER, "ann", second(0) - Duration::from_secs(200)).await.unwrap();
            assert_eq!(verify(&verifier, &before[1]).await.unwrap_err(), Revoked);
            list.revoke_subject(ISSUER, "ann", second(1)).await.unwrap();
            assert_eq!(verify(&verifier, &others[0]).await.unwrap_err(), Revoked);
            verify(&verifier, &others[1]).await.expect(name);
        }
    }
}

/// A logout everywhere is remembered for as long as a token may live.
#[tokio::test]
async fn a_logout_everywhere_outlives_every_token() {
    const HOUR: u64 = 3600;
    let clock = ManualClock::at(NOW);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let list =
        deny(store.clone(), &clock).max_token_lifetime(Duration::from_secs(HOUR)).build().unwrap();
    let rules = rules(&key).clock(clock.clone());
    let verifier = rules.deny_list(list.clone()).build().unwrap();
    let token = |iat: u64, exp: u64| {
        let mut claims = claims("a");
        claims["iat"] = json!(iat);
        claims["exp"] = json!(exp);
        mint(&key, &claims).unwrap()
    };
    let longest = token(NOW, NOW + HOUR);
    accepts(&verifier, &longest, "as long as it may be");
    let too_long = token(NOW, NOW + HOUR + 1);
    refuses(&verifier, &too_long, InvalidClaim, "it outlives its entry");

    let moment = second(0) + Duration::from_millis(999);
    list.revoke_subject(ISSUER, "42", moment).await.unwrap();
    clock.advance(Duration::from_millis((HOUR + 60) * 1000 - 1));
    refuses(&verifier, &longest, Revoked, "in its last moment");
    clock.advance(Duration::from_millis(1));
    refuses(&verifier, &longest, ErrorKind::Revoked, "before it is expired");
    clock.advance(Duration::from_secs(2));
    assert_eq!(store.purge().await.unwrap(), 1);
    refuses(&verifier, &longest, Expired, "it is");
    // Long gone.
    list.revoke_subject(ISSUER, "42", SystemTime::UNIX_EPOCH).await.unwrap();
    assert!(format!("{store:?}").contains("records: 0"));
}

/// Several lists in one store, and several lists at one verifier.
#[tokio::test]
async fn lists_have_names() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let list = |name: &str| deny(store.clone(), &clock).name(name).build().unwrap();
    let (a, b) = (list("a"), list("b"));
    let rules = || rules(&key).clock(clock.clone());
    let of = |list: &TokenList| rules().deny_list(list.clone()).build().unwrap();
    let (verifier_a, verifier_b) = (of(&a), of(&b));
    let both = (rules().deny_list(a.clone()).deny_list(b.clone())).build().unwrap();
    let allowed = TokenList::allow(store.clone()).name("a").clock(clock.clone());
    let allowed = allowed.build().unwrap();
    let three = (rules().deny_list(a.clone()).deny_list(b.clone()))
        .allow_list(allowed.clone())
        .build()
        .unwrap();
    let token = mint(&key, &claims("t")).unwrap();
    for verifier in [&verifier_a, &verifier_b, &both] {
        accepts(verifier, &token, "in no list");
    }
    refuses(&three, &token, NotListed, "not allowed");
    allowed.add_unverified(&token).await.unwrap();
    let verified = accepts(&three, &token, "allowed");
    a.revoke(&verified).await.unwrap();
    refuses(&verifier_a, &token, Revoked, "in a");
    accepts(&verifier_b, &token, "not in b");
    refuses(&both, &token, Revoked, "in a");
    refuses(&three, &token, Revoked, "in a");
    a.remove(&verified).await.unwrap();
    b.revoke(&verified).await.unwrap();
    accepts(&verifier_a, &token, "not in a");
    for verifier in [&verifier_b, &both, &three] {
        refuses(verifier, &token, Revoked, "in b");
    }
    // Another list of the same name and kind is the same list.
    let twin = list("b");
    assert!(twin.contains(&verified).await.unwrap());
    twin.remove(&verified).await.unwrap();
    for verifier in [&verifier_a, &verifier_b, &both, &three] {
        accepts(verifier, &token, "in no list any more");
    }
}
