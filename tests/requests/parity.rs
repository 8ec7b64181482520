//! axum and actix-web give byte-identical answers: status line, headers, body.

use crate::support::{
    ANN, Around, ERRORS, Guarded, NOW, Request, Servers, Site, World, damaged, table,
};
use jamguard::emulator::{Endpoint, IdToken};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::Unmatched;
use jamguard::{Authenticator, CredentialSource, ErrorKind, JamLogin, LoginCookies, testing};
use serde_json::json;
use std::time::Duration;

const ID: &str = "__Host-jam_id";
const REFRESH: &str = "__Host-jam_refresh";

/// Compares the answers to a list of requests, each with the status that it must have.
struct Parity {
    servers: Servers,
    compared: usize,
}

impl Parity {
    async fn of(site: Site) -> Self {
        Self { servers: Servers::start(site).await, compared: 0 }
    }

    async fn all(&mut self, requests: impl IntoIterator<Item = (u16, Request)>) -> usize {
        let mut faults = Vec::new();
        for (status, request) in requests {
            self.compared += 1;
            match self.servers.compare(&request).await {
                Ok(answer) if answer.status == status => {}
                Ok(answer) => {
                    let asked = request.bytes();
                    let asked = String::from_utf8_lossy(&asked);
                    let answer = answer.comparable();
                    faults.push(format!("expected {status}, asked\n{asked}\nboth\n{answer}"));
                }
                Err(difference) => faults.push(difference),
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
        self.compared
    }
}

fn get(path: &str) -> Request {
    Request::get(path)
}

fn every_source() -> [CredentialSource; 5] {
    [
        CredentialSource::bearer(),
        CredentialSource::header("x-id-token"),
        CredentialSource::cookie("api_token"),
        CredentialSource::cookie(ID),
        CredentialSource::query("access_token"),
    ]
}

/// Every source, every way to be wrong, on routes of every kind.
async fn credentials(world: &World) -> usize {
    let auth = world.auth().sources(every_source()).build().unwrap();
    let mut parity = Parity::of(Site::new(auth)).await;
    let good = world.token();
    let other_key = SigningKey::generate(Algorithm::ES512).unwrap();
    let foreign = json!({"iss": "https://elsewhere.example", "email": ANN, "exp": NOW + 60});
    let bad = [
        world.expired_token(),
        damaged(&good),
        world.unknown_key_token(),
        world.issue(IdToken::new(ANN).claim("nbf", NOW + 60)),
        world.issue(IdToken::new(ANN).claim("token_use", "access")),
        world.issue(IdToken::new(ANN).without_claim("exp")),
        world.issue(IdToken::new(ANN).header("typ", "at+jwt")),
        world.issue(IdToken::new(ANN).header("crit", json!(["b64"]))),
        testing::mint(&other_key, &foreign).unwrap(),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(17 * 1024),
    ];
    let mut requests = Vec::new();
    for path in ["/me", "/identity", "/hello", "/guarded", "/guarded-scope/me", "/public"] {
        let missing = match path {
            "/hello" | "/public" => 200,
            _ => 401,
        };
        // Two cookies of one name are no error where no login is needed.
        let two = if missing == 200 { 200 } else { 400 };
        requests.extend([
            (missing, get(path)),
            (200, get(path).bearer(&good)),
            (200, get(path).header("x-id-token", &good)),
            (200, get(path).cookie("api_token", &good)),
            (200, get(path).cookie(ID, &good)),
            (200, get(&format!("{path}?access_token={good}"))),
        ]);
        for token in &bad {
            requests.push((401, get(path).bearer(token)));
            requests.push((missing, get(path).cookie(ID, token)));
        }
        requests.extend([
            (401, get(path).header("x-id-token", &bad[1])),
            (401, get(&format!("{path}?access_token={}", bad[1]))),
            (missing, get(path).cookie("api_token", &bad[1])),
            (200, get(path).header("authorization", format!("bEaReR   {good}  "))),
            (missing, get(path).header("authorization", "Basic YW5uOmFubg==")),
            (400, get(path).header("authorization", "Bearer")),
            (400, get(path).header("authorization", "Bearer ")),
            (400, get(path).header("authorization", "Bearer two words")),
            (400, get(path).header("authorization", b"Bearer \xff")),
            (400, get(path).bearer(&good).bearer(&good)),
            (400, get(path).header("x-id-token", &good).header("x-id-token", &good)),
            (400, get(path).header("x-id-token", "")),
            (two, get(path).header("cookie", format!("{ID}=a; {ID}=b"))),
            (two, get(path).cookie(ID, "a").cookie(ID, "b")),
            (200, get(path).header("cookie", format!("{ID}={good}; {ID}={good}"))),
            (missing, get(path).header("cookie", format!("{ID}="))),
            (missing, get(path).header("cookie", b"__Host-jam_id=\xff\xfe")),
            (400, get(&format!("{path}?access_token=a&access_token=b"))),
            (400, get(&format!("{path}?access_token="))),
        ]);
        for method in ["HEAD", "OPTIONS", "PUT"] {
            requests.push((missing, Request::new(method, path)));
            requests.push((200, Request::new(method, path).bearer(&good)));
            requests.push((401, Request::new(method, path).bearer(&bad[0])));
        }
    }
    requests.extend([
        (500, get("/orders").bearer(&good)),
        (500, get("/orders").cookie(ID, &good)),
        (500, get("/orders-if-any").bearer(&good)),
        (500, get("/orders-if-any").cookie(ID, &good)),
        (200, get("/orders-if-any")),
        (200, Request::post("/echo", "an echo")),
        (200, Request::post("/echo", "")),
        (401, Request::post("/guarded", "an echo")),
        (200, Request::post("/guarded", "an echo").bearer(&good)),
        (401, Request::post("/guarded", "an echo").bearer(&bad[0])),
        (401, Request::post("/guarded", "an echo").cookie(ID, &bad[0])),
        (401, get("/guarded-get")),
        (200, get("/guarded-get").bearer(&good)),
        // gRPC needs HTTP/2: this is none.
        (401, get("/me").header("content-type", "application/grpc")),
        (404, get("/nowhere")),
        (404, get("/nowhere").bearer(&good)),
        (401, get("/nowhere").bearer(&bad[0])),
        (404, get("/nowhere").cookie(ID, &bad[0])),
    ]);
    parity.all(requests).await
}

/// A handler that returns an error of each kind: every row of the table that there can be.
async fn errors(world: &World) -> usize {
    let auth = world.auth().realm("a \"quoted\" realm").build().unwrap();
    let mut parity = Parity::of(Site::new(auth)).await;
    let status = |kind| match kind {
        ErrorKind::InvalidRequest | ErrorKind::AmbiguousPath | ErrorKind::InvalidCallback => 400,
        ErrorKind::CrossSite
        | ErrorKind::InsufficientScope
        | ErrorKind::Forbidden
        | ErrorKind::AccessDenied => 403,
        ErrorKind::Conflict | ErrorKind::NotEnrolled | ErrorKind::AlreadyEnrolled => 409,
        ErrorKind::LockedOut => 429,
        ErrorKind::ClaimsMismatch
        | ErrorKind::Configuration
        | ErrorKind::InvalidKey
        | ErrorKind::ClientRefused
        | ErrorKind::AlreadyAnswered
        | ErrorKind::Internal => 500,
        ErrorKind::BadRequest
        | ErrorKind::Unauthorized
        | ErrorKind::NotFound
        | ErrorKind::UnexpectedStatus
        | ErrorKind::UnexpectedBody => 502,
        ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Storage => 503,
        _ => 401,
    };
    let by_get = ERRORS.iter().map(|&kind| (status(kind), get(&format!("/error/{kind}"))));
    let by_head = ERRORS.iter().map(|&kind| {
        let request = Request::new("HEAD", &format!("/error/{kind}"));
        (status(kind), request)
    });
    parity.all(by_get).await;
    parity.all(by_head).await
}

/// Both defaults switched, and a hook that changes status, headers and body.
async fn switched(world: &World) -> usize {
    let auth = world
        .auth()
        .ignore_invalid_bearer()
        .refuse_invalid_cookies()
        .on_refusal(|error, challenge| match error.kind() {
            ErrorKind::MissingCredentials => challenge
                .with_status(303)
                .with_header("location", "/login")
                .with_body("text/html", "<p>log in</p>"),
            ErrorKind::Expired => challenge.with_status(204).with_body("text/plain", ""),
            _ => challenge
                .with_header("X-Reason", error.kind().as_str())
                .without_header("content-type"),
        })
        .build()
        .unwrap();
    let mut parity = Parity::of(Site::new(auth)).await;
    let (expired, wrong) = (world.expired_token(), damaged(&world.token()));
    parity
        .all([
            (303, get("/me")),
            (303, Request::new("HEAD", "/me")),
            (303, get("/guarded")),
            (200, get("/hello")),
            (204, get("/me").bearer(&expired)),
            (204, get("/guarded").bearer(&expired)),
            (200, get("/hello").bearer(&expired)),
            (401, get("/me").bearer(&wrong)),
            (401, get("/guarded").bearer(&wrong)),
            (200, get("/hello").bearer(&wrong)),
            (204, get("/hello").cookie(ID, &expired)),
            (401, get("/hello").cookie(ID, &wrong)),
            (401, get("/public").cookie(ID, &wrong)),
            (401, get("/guarded").cookie(ID, &wrong)),
        ])
        .await
}

/// Without the layer: extractors fail closed, guards work by themselves.
async fn without_layer(world: &World) -> usize {
    let site = Site::new(world.auth().build().unwrap()).without_layer();
    let mut parity = Parity::of(site).await;
    let (good, expired) = (world.token(), world.expired_token());
    parity
        .all([
            (500, get("/me")),
            (500, get("/me").bearer(&good)),
            (500, Request::new("HEAD", "/me").bearer(&good)),
            (500, get("/identity").bearer(&good)),
            (500, get("/orders").bearer(&good)),
            (200, get("/public")),
            (200, get("/public").bearer(&expired)),
            (401, get("/guarded")),
            (200, get("/guarded").bearer(&good)),
            (401, get("/guarded").bearer(&expired)),
            (401, get("/guarded").cookie(ID, &expired)),
            (400, get("/guarded").bearer(&good).bearer(&good)),
            (401, get("/guarded-scope/me")),
            (200, get("/guarded-scope/me").bearer(&good)),
            (200, get("/guarded-scope/page").cookie(ID, &good)),
            (401, get("/guarded-scope/page").cookie(ID, &expired)),
        ])
        .await
}

/// The issuer does not answer, before and after keys were fetched.
async fn issuer_down() -> usize {
    let world = World::new().await;
    let mut parity = Parity::of(Site::new(world.auth().build().unwrap())).await;
    let good = world.token();
    world.emulator.fail(Endpoint::Jwks, 500);
    parity
        .all([
            (503, get("/me").bearer(&good)),
            (503, Request::new("HEAD", "/me").bearer(&good)),
            (503, get("/me").cookie(ID, &good)),
            (503, get("/hello").cookie(ID, &good)),
            (503, get("/guarded").bearer(&good)),
            (503, get("/public").bearer(&good)),
            (200, get("/public")),
            (401, get("/me").bearer("nonsense")),
        ])
        .await;
    world.emulator.clear_faults();
    world.clock.advance(Duration::from_secs(1));
    let good = world.token();
    parity.all([(200, get("/me").bearer(&good))]).await;
    world.emulator.fail(Endpoint::Jwks, 500);
    parity
        .all([
            (503, get("/me").bearer(&world.unknown_key_token())),
            (503, get("/hello").cookie(ID, &world.unknown_key_token())),
            (200, get("/me").bearer(&good)),
        ])
        .await
}

/// The login's redirect and its end.
async fn login(world: &World) -> usize {
    let auth = world.auth().build().unwrap();
    let login = JamLogin::builder(&auth, world.client()).home("/welcome").build().unwrap();
    let mut parity = Parity::of(Site::new(auth).login(login)).await;
    let (good, expired) = (world.token(), world.expired_token());
    let redirect = |query: &str| get(&format!("/jam-redirect?{query}"));
    let logout = || Request::post("/logout", "");
    let page = "text/html,application/xhtml+xml";
    parity
        .all([
            (303, redirect(&format!("idToken={good}"))),
            (303, redirect(&format!("idToken={good}&refreshToken=abc%2B%2F%3D"))),
            (303, redirect(&format!("idToken={good}")).cookie(ID, &expired)),
            (400, redirect(&format!("idToken={good}&refreshToken=a%3Bb"))),
            (400, redirect(&format!("idToken={good}&refreshToken=a%0D%0Ab"))),
            (400, redirect(&format!("idToken={good}&idToken={good}"))),
            (400, redirect("")),
            (400, get("/jam-redirect")),
            (401, redirect("idToken=nonsense")),
            (401, redirect(&format!("idToken={expired}"))),
            (401, redirect(&format!("idToken={}", damaged(&good)))),
            (204, logout()),
            (204, logout().cookie(ID, &good)),
            (204, logout().cookie(ID, &expired)),
            (303, logout().cookie(ID, &good).header("accept", page)),
            (204, logout().cookie(REFRESH, &world.refresh_token())),
            (204, logout().cookie(ID, &good).cookie(REFRESH, &world.refresh_token())),
        ])
        .await
}

/// An expired cookie and a refresh token beside it.
async fn silent_refresh() -> usize {
    let world = World::new().await;
    let auth = world.auth().silent_refresh(world.client()).build().unwrap();
    let mut parity = Parity::of(Site::new(auth)).await;
    let expired = world.expired_token();
    let with = |path: &str, refresh_token: &str| {
        get(path).cookie(ID, &expired).cookie(REFRESH, refresh_token)
    };
    let known = world.refresh_token();
    parity
        .all([
            (200, with("/me", &known)),
            (200, with("/hello", &world.refresh_token())),
            (200, with("/guarded", &world.refresh_token())),
            (401, get("/me").cookie(REFRESH, &world.refresh_token())),
            (401, with("/me", "unknown")),
            (200, with("/hello", "unknown")),
            (401, with("/guarded", "unknown")),
            (401, with("/me", &known).bearer(&expired)),
            // Of two refresh tokens neither is used.
            (401, with("/me", "a").cookie(REFRESH, "b")),
        ])
        .await;
    world.emulator.fail(Endpoint::Refresh, 500);
    parity
        .all([
            (503, with("/me", &world.refresh_token())),
            (503, with("/hello", &world.refresh_token())),
            (503, with("/guarded", &world.refresh_token())),
        ])
        .await
}

/// Guards that refuse for every reason there is, around routes and as a table.
async fn guards(world: &World) -> usize {
    let auth = world.auth().clock(world.clock.clone()).build().unwrap();
    let site = |around| Guarded::new(auth.clone(), around).start();
    let token = |claim: &str, value| world.issue(IdToken::new(ANN).claim(claim, value));
    let (plain, admin) = (world.token(), token("roles", json!(["admin"])));
    let (old, waits) = (token("auth_time", json!(1)), token("waits", json!("no")));
    let mut parity = Parity { servers: site(Around::Layer).await, compared: 0 };
    for path in ["/scope", "/admin", "/fresh", "/factor", "/custom", "/waits", "/typed", "/check"] {
        let status = match path {
            "/fresh" => [200, 200, 401, 200],
            "/factor" => [401; 4],
            "/waits" => [503, 503, 503, 403],
            "/admin" | "/typed" | "/check" => [403, 200, 403, 403],
            _ => [403; 4],
        };
        for (token, status) in [&plain, &admin, &old, &waits].into_iter().zip(status) {
            parity
                .all([
                    (status, get(path).bearer(token)),
                    (status, get(path).cookie(ID, token)),
                    (status, Request::new("HEAD", path).bearer(token)),
                ])
                .await;
        }
        let expired = world.expired_token();
        parity.all([(401, get(path)), (401, get(path).cookie(ID, &expired))]).await;
    }
    let compared = parity.compared;
    let mut parity =
        Parity { servers: site(Around::Table(table(Unmatched::Deny))).await, compared };
    parity
        .all([
            (200, get("/table/open")),
            (401, get("/table/any")),
            (200, get("/table/any").bearer(&plain)),
            (403, get("/table/admin/users").bearer(&plain)),
            (200, get("/table/admin/users").bearer(&admin)),
            (403, get("/table/scope").bearer(&admin)),
            (403, get("/nowhere").bearer(&admin)),
            (403, Request::post("/table/open", "")),
            (400, get("//table/open").bearer(&admin)),
            (400, get("/table/%2e%2e/table/open")),
            (503, get("/table/waits").bearer(&plain)),
        ])
        .await
}

/// Cookies for development over plain http, as the only source there is.
async fn plain_http(world: &World) -> usize {
    let auth = Authenticator::builder()
        .jam(world.jam())
        .source(CredentialSource::cookie("jam_id"))
        .cookies(LoginCookies::new().danger_plain_http())
        .build()
        .unwrap();
    let mut parity = Parity::of(Site::new(auth)).await;
    let good = world.token();
    parity
        .all([
            (200, get("/me").cookie("jam_id", &good)),
            (401, get("/me").bearer(&good)),
            (401, get("/me").cookie(ID, &good)),
            (200, get("/hello").cookie("jam_id", &damaged(&good))),
        ])
        .await
}

#[tokio::test]
async fn axum_and_actix_web_answer_alike() {
    let world = World::new().await;
    let compared = credentials(&world).await
        + errors(&world).await
        + switched(&world).await
        + without_layer(&world).await
        + issuer_down().await
        + login(&world).await
        + silent_refresh().await
        + plain_http(&world).await
        + guards(&world).await;
    assert!(compared >= 300, "only {compared} requests");
    println!(
        "parity: {compared} requests, each answered alike, byte by byte, by axum and actix-web"
    );
}
