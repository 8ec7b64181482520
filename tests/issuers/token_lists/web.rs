//! The same through axum and actix-web: what a client sees.

use crate::support::{self, ANN, Request, Servers, Site};
use crate::token_lists::bypasses::{malleated, other_texts};
use crate::token_lists::stores::Shaky;
use jamguard::ErrorKind;
use jamguard::emulator::IdToken;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::testing::{ManualClock, mint};
use jamguard::{Authenticator, Clock, CredentialSource, LoginCookies, TokenList, Verifier};
use serde_json::{Value, json};
use std::time::{Duration, Instant, UNIX_EPOCH};

const NOW: u64 = support::NOW;
const ISSUER: &str = "https://issuer.example";
const REVOKED: &str =
    r#"Bearer realm="jamguard", error="invalid_token", error_description="The token is revoked.""#;

/// Both servers with a deny list, for an issuer's tokens.
struct Target {
    key: SigningKey,
    clock: ManualClock,
    verifier: Verifier,
    denied: TokenList,
    store: Shaky,
    servers: Servers,
}

impl Target {
    /// With the list at the verifier, or at the authenticator.
    async fn new(whole: bool, open: bool) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let clock = ManualClock::at(NOW);
        let records = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let store = Shaky::remote(records);
        let mut list = crate::token_lists::deny(store.clone(), &clock);
        if open {
            list = list.danger_fail_open();
        }
        let denied = list.build().unwrap();
        let mut rules = Verifier::builder()
            .any_audience()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .clock(clock.clone());
        if !whole {
            rules = rules.deny_list(denied.clone());
        }
        let verifier = rules.build().unwrap();
        let mut auth = Authenticator::builder()
            .verifier(verifier.clone())
            .sources([CredentialSource::bearer(), CredentialSource::cookie("token")]);
        if whole {
            auth = auth.deny_list(denied.clone());
        }
        let servers = Servers::start(Site::new(auth.build().unwrap())).await;
        Self { key, clock, verifier, denied, store, servers }
    }

    fn token(&self, jti: &str) -> String {
        mint(&self.key, &claims(jti)).unwrap()
    }

    async fn accepts(&self, token: &str) {
        let answer = self.servers.ask(Request::get("/me").bearer(token)).await;
        assert_eq!((answer.status, answer.text()), (200, ANN));
    }

    async fn refuses(&self, token: &str) {
        for path in ["/me", "/guarded", "/hello"] {
            let answer = self.servers.ask(Request::get(path).bearer(token)).await;
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.header("www-authenticate"), Some(REVOKED));
            assert_eq!(answer.json()["detail"], "The token is revoked.");
        }
    }
}

fn claims(jti: &str) -> Value {
    json!({"iss": ISSUER, "sub": "42", "email": ANN, "jti": jti, "iat": NOW, "exp": NOW + 600})
}

/// Attacks 16 and 18, and the bypasses of a deny list.
#[tokio::test]
async fn lines_16_and_18_revoked_is_revoked() {
    for whole in [false, true] {
        let target = Target::new(whole, false).await;
        let [token, other] = ["a", "b"].map(|jti| target.token(jti));
        let twisted = malleated(Algorithm::ES256, &token);
        for text in [&token, &twisted, &other] {
            target.accepts(text).await;
        }
        target.denied.revoke_unverified(&token).await.unwrap();
        target.refuses(&token).await;
        target.refuses(&twisted).await;
        target.accepts(&other).await;
        for text in other_texts(&token) {
            // Some cannot be sent, or are cut at their ends, which is the same token.
            if text == token || text.contains(['\n', '\0']) {
                continue;
            }
            let request = Request::get("/me").bearer(&text);
            let status = target.servers.ask(request).await.status;
            assert!(matches!(status, 400 | 401), "{status} {text}");
        }
        // A cookie that was taken back is nobody's, and is removed.
        let cookie = Request::get("/hello").cookie("token", &token);
        let answer = target.servers.ask(cookie).await;
        assert_eq!(answer.text(), "Hello, stranger!");
        assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));

        let moment = UNIX_EPOCH + Duration::from_secs(NOW);
        (target.denied.revoke_subject(ISSUER, "42", moment).await).unwrap();
        target.refuses(&other).await;
        target.clock.advance(Duration::from_secs(1));
        let mut later = claims("c");
        later["iat"] = json!(NOW + 1);
        target.accepts(&mint(&target.key, &later).unwrap()).await;
    }
}

/// Attack 17: the list of the authenticator is not that of its verifier.
#[tokio::test]
async fn line_17_the_verifier_itself_is_as_it_was() {
    let target = Target::new(true, false).await;
    let token = target.token("a");
    target.accepts(&token).await;
    target.denied.revoke_unverified(&token).await.unwrap();
    for _ in 0..2 {
        target.refuses(&token).await;
        target.verifier.verify(&token).await.unwrap();
    }
}

#[tokio::test]
async fn fault_13_a_store_that_is_down() {
    for whole in [false, true] {
        let target = Target::new(whole, false).await;
        let [known, new] = ["a", "b"].map(|jti| target.token(jti));
        target.accepts(&known).await;
        for hanging in [false, true] {
            target.store.hang(hanging);
            if !hanging {
                target.store.fail(Some(ErrorKind::Unavailable));
            }
            for path in ["/me", "/guarded", "/hello"] {
                for request in
                    [Request::get(path).bearer(&new), Request::get(path).cookie("token", &new)]
                {
                    let answer = target.servers.ask(request).await;
                    assert_eq!(answer.status, 503, "{path}");
                    assert_eq!(answer.header("retry-after"), Some("1"));
                    assert_eq!(answer.header("www-authenticate"), None);
                    // The cookie is kept.
                    assert_eq!(answer.header("set-cookie"), None);
                }
            }
            for (name, address) in target.servers.each() {
                // The quickest of a few: a busy machine makes any of them late.
                let mut quickest = Duration::MAX;
                for _ in 0..5 {
                    let start = Instant::now();
                    support::send(address, &Request::get("/me").bearer(&new)).await;
                    quickest = quickest.min(start.elapsed());
                }
                println!("{name}, hanging: {hanging}, 503 after {quickest:?}");
                assert!(quickest < Duration::from_millis(250));
            }
            target.accepts(&known).await;
            target.store.fail(None);
            target.store.hang(false);
        }
        target.accepts(&new).await;
    }
}

#[tokio::test]
async fn fault_13_open_where_configured() {
    let target = Target::new(false, true).await;
    let token = target.token("a");
    target.denied.revoke_unverified(&token).await.unwrap();
    target.refuses(&token).await;
    target.store.fail(Some(ErrorKind::Unavailable));
    target.accepts(&token).await;
    target.store.fail(None);
    target.refuses(&token).await;
}

/// A list of the whole authenticator counts for verifiers of every kind, whatever the order in
/// which they are asked and however many there are.
#[tokio::test]
async fn one_list_for_verifiers_of_every_kind() {
    for watched in [true, false] {
        for others in [0, 1, 8] {
            let world = support::World::new().await;
            let records = MemoryStore::builder().clock(world.clock.clone()).build().unwrap();
            let store = match watched {
                true => Shaky::remote(records),
                false => Shaky::unwatchable(records),
            };
            let denied = crate::token_lists::deny(store, &world.clock).build().unwrap();
            let key = SigningKey::generate(Algorithm::ES256).unwrap();
            let of = |rules: fn(jamguard::VerifierBuilder) -> jamguard::VerifierBuilder| {
                let begun = Verifier::builder()
                    .key(key.verifying_key().unwrap())
                    .algorithms([Algorithm::ES256])
                    .clock(world.clock.clone());
                rules(begun).build().unwrap()
            };
            let mut auth = Authenticator::builder()
                .jam(world.jam())
                .deny_list(denied.clone())
                .verifier(of(|rules| rules.issuer(ISSUER).audience("elsewhere")))
                .verifier(of(|rules| rules.issuer(ISSUER).any_audience()))
                .verifier(of(|rules| rules.any_audience().require(["tenant"])));
            for number in 0..others {
                auth = auth.verifier(
                    Verifier::builder()
                        .any_audience()
                        .key(key.verifying_key().unwrap())
                        .algorithms([Algorithm::ES256])
                        .issuer(format!("https://{number}.example"))
                        .build()
                        .unwrap(),
                );
            }
            let servers = Servers::start(Site::new(auth.build().unwrap())).await;
            let mut foreign = claims("f");
            foreign["iss"] = "https://somebody.example".into();
            foreign["tenant"] = "t".into();
            let tokens =
                [world.token(), mint(&key, &claims("a")).unwrap(), mint(&key, &foreign).unwrap()];
            for token in &tokens {
                for _ in 0..3 {
                    let answer = servers.ask(Request::get("/me").bearer(token)).await;
                    assert_eq!((answer.status, answer.text()), (200, ANN));
                }
            }
            for (at, token) in tokens.iter().enumerate() {
                denied.revoke_unverified(token).await.unwrap();
                for (number, token) in tokens.iter().enumerate() {
                    for _ in 0..2 {
                        let answer = servers.ask(Request::get("/me").bearer(token)).await;
                        let expected = if number <= at { 401 } else { 200 };
                        assert_eq!(answer.status, expected, "{watched} {others} {at} {number}");
                    }
                }
            }
        }
    }
}

/// A login that was taken back is not renewed behind the list's back.
#[tokio::test]
async fn a_revoked_login_is_not_renewed() {
    let world = support::World::new().await;
    let records = MemoryStore::builder().clock(world.clock.clone()).build().unwrap();
    for app_list in [false, true] {
        let denied = crate::token_lists::deny(records.clone(), &world.clock)
            .name(if app_list { "app" } else { "all" })
            .build()
            .unwrap();
        let (mut app, mut auth) = (world.jam(), Authenticator::builder());
        match app_list {
            true => app = app.deny_list(denied.clone()),
            false => auth = auth.deny_list(denied.clone()),
        }
        let auth = auth.jam(app).cookies(LoginCookies::new()).silent_refresh(world.client());
        let servers = Servers::start(Site::new(auth.build().unwrap())).await;
        let with = |id_token: &str| {
            let id = Request::get("/me").cookie("__Host-jam_id", id_token);
            id.cookie("__Host-jam_refresh", &world.refresh_token())
        };
        let (ann, bob) = (world.expired_token(), {
            let token = IdToken::new(support::BOB).lifetime(Duration::ZERO);
            world.issue(token)
        });
        for (name, address) in servers.each() {
            let answer = support::send(address, &with(&ann)).await;
            assert_eq!(answer.status, 200, "{name}: renewed");
        }
        // JAM's tokens have no `sub`: the subject is the address.
        let verified = world.jam().verifier().unwrap();
        let verified = verified.verify(&world.token()).await.unwrap();
        assert_eq!(verified.subject(), None);
        let issuer = verified.issuer().unwrap();
        let now = UNIX_EPOCH + world.clock.now();
        denied.revoke_subject(issuer, ANN, now).await.unwrap();
        // A renewed token would not be among those.
        world.clock.advance(Duration::from_secs(1));
        for (name, address) in servers.each() {
            let answer = support::send(address, &with(&ann)).await;
            assert_eq!(answer.status, 401, "{name}: taken back");
            assert_eq!(answer.header("www-authenticate"), Some(REVOKED));
            let answer = support::send(address, &with(&world.token())).await;
            assert_eq!(answer.status, 200, "{name}: a login after it");
            // Bob's token is merely expired, and Ann's refresh token is not his.
            let answer = support::send(address, &with(&bob)).await;
            assert_eq!(answer.status, 401);
            assert!(!answer.header("www-authenticate").unwrap().contains("revoked"));
        }
        world.clock.advance(Duration::from_secs(5));
    }
}
