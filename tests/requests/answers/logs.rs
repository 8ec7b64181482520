//! The log says precisely what was wrong, and never shows a credential.

use super::ID;
use crate::support::{
    ANN, Around, Guarded, NOW, Request, Servers, Site, World, damaged, send, serve_axum,
};
use axum::Router;
use axum::routing::get;
use jamguard::emulator::{Endpoint, IdToken};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, Claims, CredentialSource, JamLogin, Verifier};
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use tower_http::trace::{DefaultMakeSpan, TraceLayer};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Everything that this process logs, at every level, spans included.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(super) fn of_this_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_span_events(FmtSpan::FULL)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .init();
            log
        })
        .clone()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn an_extractor_without_the_layer_logs_what_to_do() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let site = Site::new(world.auth().build().unwrap()).without_layer();
    let servers = Servers::start(site).await;
    assert_eq!(servers.ask(Request::get("/me")).await.status, 500);
    let text = log.text();
    for advice in [
        "an extractor ran without the layer: add .layer(auth.layer()) to the router",
        "an extractor ran without the middleware: add .wrap(auth.actix()) to the App",
    ] {
        let line = text.lines().find(|line| line.contains(advice));
        assert!(line.expect(advice).contains("ERROR"));
    }
}

#[tokio::test]
async fn no_log_line_shows_a_credential() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let auth = world
        .auth()
        .sources([
            CredentialSource::bearer(),
            CredentialSource::header("x-id-token"),
            CredentialSource::cookie(ID),
            CredentialSource::query("access_token"),
        ])
        .silent_refresh(world.client())
        .build()
        .unwrap();
    let login = JamLogin::builder(&auth, world.client()).build().unwrap();
    let servers = Servers::start(Site::new(auth.clone()).login(login)).await;

    let good = world.token();
    let tokens = [
        good.clone(),
        damaged(&good),
        world.expired_token(),
        world.unknown_key_token(),
        world.issue(IdToken::new(ANN).claim("token_use", "access")),
        world.issue(IdToken::new(ANN).without_claim("exp")),
        world.issue(IdToken::new(ANN).header("crit", "b64")),
        format!("{good}.{good}"),
    ];
    let refresh_tokens = [world.refresh_token(), world.refresh_token()];
    let refresh = "__Host-jam_refresh";
    for round in 0..2 {
        for token in &tokens {
            for path in ["/me", "/hello", "/guarded", "/orders"] {
                for request in [
                    Request::get(path).bearer(token),
                    Request::get(path).header("x-id-token", token),
                    Request::get(path).cookie(ID, token),
                    Request::get(path).in_query("access_token", token),
                    Request::get(path).bearer(token).bearer(token),
                    Request::get(path).cookie(ID, token).cookie(ID, "x"),
                ] {
                    servers.ask(request).await;
                }
            }
            let redirect = Request::get("/jam-redirect").in_query("idToken", token);
            servers.ask(redirect.clone()).await;
            servers.ask(redirect.in_query("refreshToken", "a;b")).await;
        }
        for refresh_token in &refresh_tokens {
            let request =
                |request: Request| request.cookie(ID, &tokens[2]).cookie(refresh, refresh_token);
            servers.ask(request(Request::get("/me"))).await;
            servers.ask(request(Request::post("/logout", ""))).await;
        }
        if round == 0 {
            world.emulator.fail(Endpoint::Jwks, 500);
            world.emulator.fail(Endpoint::Refresh, 500);
            world.emulator.fail(Endpoint::DeleteRefreshToken, 500);
            world.clock.advance(std::time::Duration::from_secs(900));
        }
    }
    // A trace inside the layer, told to show all headers.
    let trace =
        TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().include_headers(true));
    let router = Router::new()
        .route(
            "/traced",
            get(|user: Claims<serde_json::Value>| async move { user["email"].to_string() }),
        )
        .layer(trace)
        .layer(auth.layer());
    let (address, _server) = serve_axum(router).await;
    let request = Request::get("/traced")
        .bearer(&good)
        .header("cookie", format!("{refresh}={}", refresh_tokens[0]));
    assert_eq!(send(address, &request).await.status, 200);

    let text = log.text();
    for reason in [
        "the token is expired",
        "the signature does not match",
        "no key",
        "token_use",
        "lacks the required 'exp'",
        "critical header extensions",
        "a compact JWS has three parts",
        "more than one Authorization header",
        "two different cookies",
        "a key set could not be fetched",
        "a refresh token could not be deleted at logout",
        "/traced",
        "Sensitive",
    ] {
        assert!(text.contains(reason), "the log does not say '{reason}'");
    }
    for token in tokens.iter().flat_map(|token| token.split('.')).skip(1) {
        assert!(!text.contains(token), "a part of a token is logged: {token}");
    }
    for token in &refresh_tokens {
        assert!(!text.contains(token), "a refresh token is logged");
        let start = &token[..40];
        assert!(!text.contains(start), "a part of a refresh token is logged");
    }
}

/// The developer's fault is an error in the log, with the field and without a claim's value.
#[tokio::test]
async fn claims_that_do_not_fit_the_handlers_type_are_an_error_that_names_the_field() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let ordered = world.issue(IdToken::new(ANN).claim("order", "the-order's-text"));
    for (token, reason) in [
        (world.token(), "missing field `order`"),
        (ordered, "`order`: invalid type: string, expected u64"),
    ] {
        for path in ["/orders", "/orders-if-any"] {
            for (name, address) in servers.each() {
                let before = log.text().len();
                let answer = send(address, &Request::get(path).bearer(&token)).await;
                assert_eq!(answer.status, 500, "{name} {path}");
                assert!(!answer.comparable().contains("order"), "{name} {path}");
                let text = log.text();
                let text = &text[before..];
                let mut errors = text.lines().filter(|line| line.contains("ERROR"));
                assert!(
                    errors.any(|line| line.contains(reason) && line.contains("Order")),
                    "{text}"
                );
                assert!(!text.contains("the-order's-text"), "{text}");
            }
        }
    }
}

/// Developers read both sides of a mismatch in the log; clients read neither.
#[tokio::test]
async fn mismatches_are_explained_in_the_log_and_not_in_the_answer() {
    let log = Log::of_this_process();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = |issuer: &str| {
        Verifier::builder()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .issuer(issuer)
            .audience("the-audience")
            .clock(ManualClock::at(NOW))
            .build()
            .unwrap()
    };
    let (one, two) = ("https://one.example/", "https://two.example");
    let issue = |iss: &str, aud: &str| {
        let claims = json!({"iss": iss, "aud": aud, "email": ANN, "exp": NOW + 60});
        testing::mint(&key, &claims).unwrap()
    };
    let auth = |issuers: &[&str]| {
        let builder = Authenticator::builder().realm("api");
        let builder =
            issuers.iter().fold(builder, |builder, issuer| builder.verifier(verifier(issuer)));
        Site::new(builder.build().unwrap())
    };
    let alone = Servers::start(auth(&[one])).await;
    let several = Servers::start(auth(&[one, two])).await;
    for (servers, token, reason) in [
        (
            &alone,
            issue("https://one.example", "the-audience"),
            "the token's 'iss' is wrong: expected `https://one.example/`, received \
             `https://one.example`; they differ by a trailing slash",
        ),
        (
            &alone,
            issue(one, "the-client"),
            "the token's 'aud' is wrong: expected `the-audience`, received `the-client`",
        ),
        (
            &several,
            issue("http://two.example", "the-audience"),
            "no verifier is configured for the token's issuer: expected `https://one.example/` or \
             `https://two.example`, received `http://two.example`; they differ by the scheme",
        ),
        (&alone, "an-opaque-token".to_owned(), "the token is not a JWT"),
        (&several, "an-opaque-token".to_owned(), "the token is not a JWT"),
    ] {
        let before = log.text().len();
        let answer = servers.ask(Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, 401);
        let whole = answer.comparable();
        for private in ["one.example", "two.example", "the-audience", "the-client", "JWT", "opaque"]
        {
            assert!(!whole.contains(private), "{whole}");
        }
        let text = log.text();
        let line = text[before..].lines().find(|line| line.contains(reason));
        let line = line.unwrap_or_else(|| panic!("no '{reason}' in the log"));
        assert!(line.contains("DEBUG") && line.contains("request rejected"), "{line}");
    }
}

/// Which of the conditions refused, and who knows: the log, not the client.
#[tokio::test]
async fn a_policys_refusal_is_explained_in_the_log_alone() {
    let log = Log::of_this_process();
    let world = World::new().await;
    let servers = Guarded::new(world.auth().build().unwrap(), Around::Layer);
    let servers = servers.start().await;
    let eve = IdToken::new(ANN).claim("roles", vec!["admin", "suspended"]);
    let request = Request::get("/admin").bearer(&world.issue(eve));
    for (_, address) in servers.each() {
        let before = log.text().len();
        let answer = send(address, &request).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.comparable().contains("role"), "{}", answer.comparable());
        let text = log.text();
        let text = &text[before..];
        let tree = "a policy denied the request:\nno: all of <-\n  yes: role:admin\n  no: not <-\n    yes: role:suspended <-\n";
        assert!(text.contains(tree), "{text}");
        let reason = "the policy 'role:admin & !role:suspended' denies the request: role:suspended";
        assert!(text.contains(reason));
        let line = text.lines().find(|line| line.contains("a policy denied the request")).unwrap();
        assert!(line.contains("DEBUG"));
    }
    let waits = IdToken::new(ANN).claim("waits", "no");
    let request = Request::get("/waits").bearer(&world.issue(waits));
    assert_eq!(servers.ask(request).await.status, 403);
    assert!(log.text().contains("a policy denied the request:\nno: custom:waits <-\n"));
}
