//! What the application adds to claims: when it is asked, and who sees it.

use super::token;
use crate::support::{ANN, Around, BOB, Guarded, Request, World};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{claim, role};
use jamguard::{Authenticator, AuthenticatorBuilder, Claims, Error, ErrorKind, Identity, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone, Default)]
pub(super) struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Counts its calls and makes everybody an admin, with the number of the call.
pub(super) fn counted(world: &World) -> (AuthenticatorBuilder, Calls) {
    let calls = Calls::default();
    let count = calls.clone();
    let builder = world.auth().clock(world.clock.clone());
    let builder = builder.enrich(move |_| {
        let call = count.add();
        async move {
            tokio::task::yield_now().await;
            Ok(json!({"roles": ["admin"], "call": call}))
        }
    });
    (builder, calls)
}

/// The number of the call that an identity's claims come from.
pub(super) fn call(identity: &Identity) -> u64 {
    let claims: Value = serde_json::from_str(identity.raw_claims()).unwrap();
    claims["call"].as_u64().unwrap()
}

#[derive(serde::Deserialize)]
struct Both {
    email: String,
    roles: Vec<String>,
}

#[tokio::test]
async fn policies_and_claims_see_what_was_added() {
    let world = World::new().await;
    let (auth, calls) = counted(&world);
    let auth = auth.build().unwrap();
    let plain = world.token();
    let with_role = token(&world, json!({"roles": ["guest"], "plan": "gold"}));
    for _ in 0..3 {
        for token in [&plain, &with_role] {
            let identity = auth.authenticate(token).await.unwrap();
            assert!(identity.check(&role("admin")).is_ok());
            // What is added takes the place of what was there.
            assert!(identity.check(&role("guest")).is_err());
            let both: &Both = identity.claims().unwrap();
            assert_eq!((&*both.email, &*both.roles), (ANN, &["admin".to_owned()][..]));
            // The token's own claims stay what they are.
            let verified = identity.token().unwrap();
            assert!(!verified.raw_claims().contains("admin"));
            assert_eq!(verified.expose_token(), token);
        }
    }
    let identity = auth.authenticate(&with_role).await.unwrap();
    assert!(identity.check(&claim("plan").eq("gold")).is_ok());
    assert_eq!(calls.count(), 1, "one user, asked about once");
    let bob = world.app.id_token(BOB).unwrap();
    assert_eq!(call(&auth.authenticate(&bob).await.unwrap()), 2);
}

#[tokio::test]
async fn both_frameworks_enrich_once_and_show_it_everywhere() {
    async fn roles(user: Claims<Both>) -> String {
        assert!(user.token().is_some());
        user.roles.join(" ")
    }
    let world = World::new().await;
    let (auth, calls) = counted(&world);
    let auth = auth.build().unwrap();
    let router = axum::Router::new()
        .route("/roles", axum::routing::get(roles).route_layer(auth.require(role("admin"))))
        .layer(auth.layer());
    let app = {
        let auth = auth.clone();
        move || {
            let roles =
                actix_web::web::resource("/roles").wrap(auth.require(role("admin"))).to(roles);
            actix_web::App::new().wrap(auth.actix()).service(roles)
        }
    };
    let servers = crate::support::Servers::apps(router, app).await;
    for _ in 0..3 {
        let answer = servers.ask(Request::get("/roles").bearer(&world.token())).await;
        assert_eq!((answer.status, answer.text()), (200, "admin"));
    }
    assert_eq!(calls.count(), 1);
    // Nobody is asked about these.
    let servers = Guarded::new(auth, Around::Layer).start().await;
    for request in [
        Request::get("/public"),
        Request::get("/admin"),
        Request::get("/admin").bearer("garbage"),
        Request::get("/admin").bearer(&world.expired_token()),
        Request::get("/public").cookie("__Host-jam_id", &world.expired_token()),
    ] {
        servers.ask(request).await;
    }
    assert_eq!(calls.count(), 1);
    assert_eq!(servers.ask(Request::get("/admin").bearer(&world.token())).await.status, 200);
}

#[tokio::test]
async fn a_crowd_asks_once() {
    let world = World::new().await;
    let (auth, calls) = counted(&world);
    let auth = auth.build().unwrap();
    let tokens: Vec<String> = (0..10).map(|n| token(&world, json!({"n": n}))).collect();
    let crowd: Vec<_> = (0..500)
        .map(|at| {
            let (auth, token) = (auth.clone(), tokens[at % 10].clone());
            tokio::spawn(async move { call(&auth.authenticate(&token).await.unwrap()) })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap(), 1);
    }
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn it_is_remembered_for_its_time_and_no_longer() {
    let world = World::new().await;
    for (ttl, seconds) in [(None, 60), (Some(5), 5), (Some(0), 0)] {
        let (mut auth, calls) = counted(&world);
        if let Some(ttl) = ttl {
            auth = auth.enrichment_ttl(Duration::from_secs(ttl));
        }
        let auth = auth.build().unwrap();
        let token = token(&world, json!({}));
        let ask = async || call(&auth.authenticate(&token).await.unwrap());
        assert_eq!(ask().await, 1);
        if seconds > 0 {
            world.clock.advance(Duration::from_secs(seconds - 1));
            assert_eq!(ask().await, 1);
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!((ask().await, calls.count()), (2, 2), "{ttl:?}");
    }
}

/// A hook that fails until it is told not to.
fn failing(world: &World, kind: ErrorKind) -> (Authenticator, Calls, Arc<AtomicUsize>) {
    let (calls, healed) = (Calls::default(), Arc::new(AtomicUsize::new(0)));
    let (count, well) = (calls.clone(), healed.clone());
    let auth = world.auth().enrich(move |_| {
        count.add();
        let well = well.load(Ordering::SeqCst) > 0;
        async move {
            tokio::task::yield_now().await;
            match well {
                true => Ok(json!({"roles": ["admin"]})),
                false => Err(Error::new(kind, "postgres://user:password@db")),
            }
        }
    });
    (auth.build().unwrap(), calls, healed)
}

#[tokio::test]
async fn a_failing_hook_is_an_outage() {
    let world = World::new().await;
    for kind in [ErrorKind::Unavailable, ErrorKind::Expired, ErrorKind::NotFound] {
        let (auth, calls, healed) = failing(&world, kind);
        let servers = Guarded::new(auth.clone(), Around::Layer).start().await;
        for request in [
            Request::get("/admin").bearer(&world.token()),
            Request::get("/public").bearer(&world.token()),
            Request::get("/public").cookie("__Host-jam_id", &world.token()),
        ] {
            let answer = servers.ask(request).await;
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{kind}");
            assert_eq!(answer.header("www-authenticate"), None);
            assert_eq!(answer.header("set-cookie"), None);
            assert!(!answer.text().contains("password"));
        }
        assert_eq!(servers.ask(Request::get("/public")).await.text(), "nobody");
        // Those who wait together learn of one failure together.
        let before = calls.count();
        let token = world.token();
        let both = tokio::join!(auth.authenticate(&token), auth.authenticate(&token));
        assert_eq!(both.0.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(both.1.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(calls.count(), before + 1);
        healed.store(1, Ordering::SeqCst);
        let answer = servers.ask(Request::get("/admin").bearer(&token)).await;
        assert_eq!(answer.status, 200, "the next request asks again");
    }
}

#[tokio::test]
async fn what_was_checked_cannot_be_changed() {
    let world = World::new().await;
    for added in [
        json!({"sub": "root"}),
        json!({"iss": "x"}),
        json!({"exp": 99_999_999_999u64}),
        json!({"aud": "x", "roles": []}),
        json!({"nbf": 0}),
        json!({"iat": 0}),
        json!({"jti": "x"}),
        json!(["admin"]),
        json!(null),
    ] {
        let answer = added.clone();
        let auth = world.auth().enrich(move |_| {
            let answer = answer.clone();
            async move { Ok(answer) }
        });
        let servers = Guarded::new(auth.build().unwrap(), Around::Layer).start().await;
        let answer = servers.ask(Request::get("/public").bearer(&world.token())).await;
        assert_eq!(answer.status, 500, "{added}");
    }
}

/// An address that nobody verified is not its owner's: what was added for the owner is not given.
#[tokio::test]
async fn users_are_told_apart() {
    let world = World::new().await;
    let (auth, _) = counted(&world);
    let auth = auth.build().unwrap();
    let mut calls = Vec::new();
    for claims in [
        json!({}),
        json!({"email_verified": false}),
        json!({"sub": ANN}),
        json!({"sub": "1"}),
        json!({"sub": "1", "email": "eve@example.com"}),
    ] {
        let identity = auth.authenticate(&token(&world, claims)).await.unwrap();
        calls.push(call(&identity));
    }
    assert_eq!(calls, [1, 2, 3, 4, 4]);
}

#[tokio::test]
async fn those_who_share_a_verifier_do_not_share_what_they_add() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .build()
        .unwrap();
    let adding = |role: &'static str| {
        let auth = Authenticator::builder().verifier(verifier.clone());
        let auth = auth.enrich(move |_| async move { Ok(json!({"roles": [role]})) });
        auth.build().unwrap()
    };
    let (admins, clerks) = (adding("admin"), adding("clerk"));
    let token = jamguard::testing::mint(&key, &json!({"sub": "1", "exp": 4_102_444_800_u64}));
    let token = token.unwrap();
    for _ in 0..4 {
        for (auth, has, lacks) in [(&admins, "admin", "clerk"), (&clerks, "clerk", "admin")] {
            let identity = auth.authenticate(&token).await.unwrap();
            assert!(identity.check(&role(has)).is_ok(), "{has}");
            assert!(identity.check(&role(lacks)).is_err(), "{lacks}");
        }
    }
}
