//! Overload by costly tokens: other users are answered, and what cannot be checked now is 503.

use crate::support::held_pool::HeldClock;
use crate::support::wait::until;
use crate::support::{Request, Response, Servers, open, receive, send};
use actix_web::{App, web};
use axum::{Router, routing::get};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use jamguard::{Authenticator, CredentialSource, Identity, VerificationPool, Verifier};
use serde_json::json;
use std::net::SocketAddr;

const NOW: u64 = 1_800_000_000;

/// Both servers, each with an authenticator and a pool of one thread of its own.
///
/// axum runs on the only thread of the test's runtime, actix-web on its only worker: a check on either
/// would block all that a test sends afterwards.
struct World {
    key: SigningKey,
    servers: Servers,
    /// Of axum, and of actix-web.
    parts: [(HeldClock, VerificationPool); 2],
}

async fn me(identity: Identity) -> String {
    identity.subject().unwrap_or_default().to_owned()
}

/// A public route.
async fn page(identity: Option<Identity>) -> String {
    identity.map_or("anonymous", |_| "known").to_owned()
}

impl World {
    async fn start(queue_length: usize) -> Self {
        let key = SigningKey::generate(Algorithm::ES512).unwrap();
        let parts = [(); 2].map(|()| {
            let pool = VerificationPool::builder().threads(1).queue_length(queue_length);
            (HeldClock::at(NOW), pool.build().unwrap())
        });
        let auth = |(clock, pool): &(HeldClock, VerificationPool)| {
            let verifier = Verifier::builder()
                .key(key.verifying_key().unwrap())
                .algorithms([Algorithm::ES512])
                .issuer("https://issuer.example")
                .audience("api")
                .build()
                .unwrap();
            Authenticator::builder()
                .verifier(verifier)
                .sources([CredentialSource::bearer(), CredentialSource::cookie("__Host-token")])
                .ignore_invalid_bearer()
                .verification_pool(pool.clone())
                .clock(clock.clone())
                .build()
                .unwrap()
        };
        let (axum, actix) = (auth(&parts[0]), auth(&parts[1]));
        let router = Router::new().route("/me", get(me)).route("/page", get(page));
        let app = move || {
            App::new()
                .wrap(actix.actix())
                .route("/me", web::get().to(me))
                .route("/page", web::get().to(page))
        };
        let servers = Servers::apps(router.layer(axum.layer()), app).await;
        Self { key, servers, parts }
    }

    fn each(
        &self,
    ) -> impl Iterator<Item = (&'static str, SocketAddr, &HeldClock, &VerificationPool)> {
        let parts = self.servers.each().into_iter().zip(&self.parts);
        parts.map(|((name, address), (clock, pool))| (name, address, clock, pool))
    }

    fn token(&self, user: &str) -> String {
        mint(&self.key, &claims(user)).unwrap()
    }
}

fn claims(user: &str) -> serde_json::Value {
    json!({ "iss": "https://issuer.example", "aud": "api", "sub": user, "exp": NOW + 600 })
}

fn forged(user: &str) -> String {
    mint(&SigningKey::generate(Algorithm::ES512).unwrap(), &claims(user)).unwrap()
}

fn asks(path: &str, token: &str) -> Request {
    Request::get(path).bearer(token)
}

/// Sends a request, and waits for its answer later.
async fn begin(address: SocketAddr, request: &Request) -> tokio::net::TcpStream {
    open(address, &request.bytes()).await
}

fn retry_after(response: &Response) -> Option<&str> {
    response.header("retry-after")
}

#[tokio::test]
async fn a_flood_does_not_block_the_worker_and_a_full_queue_is_503() {
    let world = World::start(4).await;
    for (name, address, clock, pool) in world.each() {
        let warm = world.token("ann");
        assert_eq!(send(address, &asks("/me", &warm)).await.text(), "ann", "{name}");
        assert_eq!(pool.stats().checks, 1, "{name}");

        // The pool is busy with one token, and two forged ones wait.
        clock.hold();
        let mut held = begin(address, &asks("/me", &world.token("the holder"))).await;
        until("the thread of the pool is held", async || clock.holds_one()).await;
        let mut waiting = Vec::new();
        for number in 1..=2 {
            waiting.push(begin(address, &asks("/me", &forged("eve"))).await);
            until("a forged token waits", async || pool.stats().waiting == number).await;
        }

        // The only worker still answers: the cached token, and requests without one.
        for _ in 0..20 {
            let response = send(address, &asks("/me", &warm)).await;
            assert_eq!((response.status, response.text()), (200, "ann"), "{name}");
        }
        assert_eq!(send(address, &Request::get("/page")).await.text(), "anonymous", "{name}");

        // Neither a good nor a forged token is judged: 503, on public routes and from cookies too.
        let refused = [
            asks("/me", &world.token("ben")),
            asks("/me", &forged("eve")),
            asks("/page", &world.token("ben")),
            Request::get("/page").cookie("__Host-token", &world.token("ben")),
        ];
        for request in &refused {
            let response = send(address, request).await;
            assert_eq!((response.status, retry_after(&response)), (503, Some("1")), "{name}");
            assert_eq!(response.header("www-authenticate"), None, "{name}");
            assert_eq!(response.all("set-cookie"), [""; 0], "{name}: the cookie may be good");
        }
        assert_eq!(pool.stats().rejections, 4, "{name}");

        // A known user's new token has a place, and is answered.
        let mut renewed = begin(address, &asks("/me", &renewed(&world))).await;
        until("the renewed token waits", async || pool.stats().waiting == 3).await;
        clock.release();
        assert_eq!(receive(&mut renewed, true).await.text(), "ann", "{name}");
        assert_eq!(receive(&mut held, true).await.status, 200, "{name}");
        for stream in &mut waiting {
            assert_eq!(receive(stream, true).await.status, 401, "{name}");
        }
        assert_eq!(send(address, &asks("/me", &world.token("ben"))).await.text(), "ben", "{name}");
    }
}

/// Another token of the warm user.
fn renewed(world: &World) -> String {
    let mut claims = claims("ann");
    claims["jti"] = "renewed".into();
    mint(&world.key, &claims).unwrap()
}

#[tokio::test]
async fn requests_with_one_new_token_share_a_check_and_outlive_a_closed_connection() {
    let world = World::start(4).await;
    for (name, address, clock, pool) in world.each() {
        clock.hold();
        let mut held = begin(address, &asks("/me", &world.token("the holder"))).await;
        until("the thread of the pool is held", async || clock.holds_one()).await;
        let token = world.token("ann");
        let first = begin(address, &asks("/me", &token)).await;
        until("the first request waits", async || pool.stats().waiting == 1).await;
        let mut others = Vec::new();
        for _ in 0..50 {
            others.push(begin(address, &asks("/me", &token)).await);
        }
        // The others share the check; those that come after it find the token in the cache.
        assert_eq!(send(address, &Request::get("/page")).await.text(), "anonymous", "{name}");
        drop(first);
        clock.release();
        for stream in &mut others {
            assert_eq!(receive(stream, true).await.text(), "ann", "{name}");
        }
        assert_eq!(receive(&mut held, true).await.status, 200, "{name}");
        assert_eq!((pool.stats().checks, pool.stats().rejections), (2, 0), "{name}");
    }
}
