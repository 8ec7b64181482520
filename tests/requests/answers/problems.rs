//! The response to each outcome: status, challenge, problem body, and the other headers.

use super::{EXPIRED, ID, INVALID, MALFORMED, MISSING};
use crate::support::{ANN, ERRORS, Request, Response, Servers, Site, World, damaged};
use jamguard::emulator::{Endpoint, IdToken};
use jamguard::{Authenticator, CredentialSource, ErrorKind, Revocation, Verified};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const INVALID_BODY: &str = r#"{"type":"invalid_token","title":"Invalid token","status":401,"detail":"The token is invalid."}"#;
const FAULT_BODY: &str = r#"{"type":"internal_error","title":"Internal error","status":500,"detail":"The server is not set up correctly."}"#;
const UNAVAILABLE_BODY: &str = r#"{"type":"unavailable","title":"Temporarily unavailable","status":503,"detail":"The credential cannot be checked at the moment."}"#;

fn is_problem(answer: &Response, status: u16, challenge: Option<&str>, body: &str) {
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.text(), body);
    assert_eq!(answer.json()["status"], status);
    assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"));
}

/// Takes back the tokens of one address.
struct TakenBack(&'static str);

impl Revocation for TakenBack {
    fn is_revoked(&self, token: &Verified) -> bool {
        token.raw_claims().contains(self.0)
    }
}

#[tokio::test]
async fn every_outcome_has_the_answer_of_the_table() {
    let world = World::new().await;
    let auth = Authenticator::builder()
        .jam(world.jam().revocation(TakenBack("eve@example.com")))
        .realm("api");
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    let good = world.token();

    let missing = r#"{"type":"missing_credentials","title":"Missing credentials","status":401,"detail":"This resource needs a credential."}"#;
    let malformed = r#"{"type":"invalid_request","title":"Invalid request","status":400,"detail":"The request's credential cannot be read."}"#;
    let expired = r#"{"type":"invalid_token","title":"Invalid token","status":401,"detail":"The token is expired."}"#;
    let revoked = r#"{"type":"invalid_token","title":"Invalid token","status":401,"detail":"The token is revoked."}"#;
    let revoked_challenge =
        r#"Bearer realm="api", error="invalid_token", error_description="The token is revoked.""#;
    for path in ["/me", "/guarded"] {
        let ask = |request: Request| servers.ask(request);
        let by = |token: &str| servers.ask(Request::get(path).bearer(token));
        is_problem(&ask(Request::get(path)).await, 401, Some(MISSING), missing);
        let twice = Request::get(path).bearer(&good).bearer(&good);
        is_problem(&ask(twice).await, 400, Some(MALFORMED), malformed);
        let token = world.expired_token();
        is_problem(&by(&token).await, 401, Some(EXPIRED), expired);
        let token = world.app.id_token("eve@example.com").unwrap();
        is_problem(&by(&token).await, 401, Some(revoked_challenge), revoked);
        for token in [
            damaged(&good),
            "garbage".to_owned(),
            world.unknown_key_token(),
            world.issue(IdToken::new(ANN).claim("token_use", "access")),
            world.issue(IdToken::new(ANN).claim("nbf", u32::MAX)),
        ] {
            is_problem(&by(&token).await, 401, Some(INVALID), INVALID_BODY);
        }
    }
    // Valid, but not what the handler asks for: its type is wrong, and not the client's token.
    for path in ["/orders", "/orders-if-any"] {
        let answer = servers.ask(Request::get(path).bearer(&good)).await;
        is_problem(&answer, 500, None, FAULT_BODY);
        assert_eq!(answer.header("vary"), Some("authorization"));
    }

    world.emulator.fail(Endpoint::Jwks, 500);
    world.clock.advance(Duration::from_secs(60));
    let unknown = world.unknown_key_token();
    for path in ["/me", "/guarded", "/hello", "/public"] {
        let answer = servers.ask(Request::get(path).bearer(&unknown)).await;
        is_problem(&answer, 503, None, UNAVAILABLE_BODY);
    }
}

#[tokio::test]
async fn an_extractor_without_the_layer_is_our_own_fault() {
    let world = World::new().await;
    let site = Site::new(world.auth().build().unwrap()).without_layer();
    let servers = Servers::start(site).await;
    for path in ["/me", "/identity", "/orders"] {
        for request in [
            Request::get(path),
            Request::get(path).bearer(&world.token()),
            Request::get(path).bearer("garbage"),
        ] {
            is_problem(&servers.ask(request).await, 500, None, FAULT_BODY);
        }
    }
}

/// What handlers return as an error is answered in the same form, and tells no more.
#[tokio::test]
async fn an_error_of_a_handler_becomes_a_problem() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    for &kind in ERRORS {
        let answer = servers.ask(Request::get(&format!("/error/{kind}"))).await;
        let problem = answer.json();
        let members: Vec<_> = problem.as_object().unwrap().keys().collect();
        assert_eq!(members, ["detail", "status", "title", "type"]);
        assert_eq!(problem["status"], answer.status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            matches!(answer.status, 401)
                || matches!(kind, ErrorKind::InvalidRequest | ErrorKind::InsufficientScope),
            "{kind}"
        );
        assert!(!answer.text().contains("precise"), "{kind}");
    }
}

/// `?` in a handler answers as a guard and an extractor do.
#[tokio::test]
async fn an_error_of_a_handler_has_the_layers_realm_and_hook() {
    let world = World::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let auth = world.auth().on_refusal(move |error, challenge| {
        counted.fetch_add(1, Ordering::SeqCst);
        match error.kind() {
            ErrorKind::Conflict => challenge.with_status(412).with_body("text/plain", "again"),
            kind => challenge.with_header("x-kind", kind.as_str()),
        }
    });
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    for &kind in ERRORS {
        for method in ["GET", "HEAD"] {
            let path = format!("/error/{kind}");
            let answer = servers.ask(Request::new(method, &path)).await;
            assert_eq!(answer.header("vary"), Some("authorization, cookie"));
            if kind == ErrorKind::Conflict {
                assert_eq!(answer.status, 412);
                assert_eq!(answer.header("content-type"), Some("text/plain"));
                assert_eq!(answer.header("content-length"), Some("5"));
                continue;
            }
            assert_eq!(answer.header("x-kind"), Some(kind.as_str()));
            if let Some(challenge) = answer.header("www-authenticate") {
                assert!(challenge.starts_with(r#"Bearer realm="api""#), "{challenge}");
            }
        }
    }
    assert_eq!(calls.load(Ordering::SeqCst), ERRORS.len() * 4, "once for each answer");
}

/// A middleware between the layer and the handler may have compressed the body that is replaced.
#[tokio::test]
async fn an_error_of_a_handler_is_readable_behind_a_compressing_middleware() {
    use actix_web::body::{BoxBody, MessageBody};
    use actix_web::dev::{ServiceRequest, ServiceResponse};
    use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
    use actix_web::middleware::Next;
    use actix_web::web;
    use axum::Router;

    async fn compress(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
        let answer = next.call(request).await?;
        Ok(answer.map_body(|head, _| {
            let gzip = HeaderValue::from_static("gzip");
            head.headers_mut().insert(CONTENT_ENCODING, gzip);
            BoxBody::new("compressed")
        }))
    }

    async fn compress_in_axum(answer: axum::response::Response) -> axum::response::Response {
        let mut answer = answer.map(|_| axum::body::Body::from("compressed"));
        let gzip = axum::http::HeaderValue::from_static("gzip");
        answer.headers_mut().insert("content-encoding", gzip);
        answer
    }

    async fn fail() -> Result<&'static str, jamguard::Error> {
        let kind = ErrorKind::Expired;
        Err(jamguard::Error::new(kind, "the precise reason"))
    }

    let world = World::new().await;
    let auth = world.auth().build().unwrap();
    let router = Router::new()
        .route("/", axum::routing::get(fail))
        .layer(axum::middleware::map_response(compress_in_axum))
        .layer(auth.layer());
    let servers = Servers::apps(router, move || {
        actix_web::App::new()
            .service(web::resource("/").to(fail))
            .wrap(actix_web::middleware::from_fn(compress))
            .wrap(auth.actix())
    })
    .await;
    let answer = servers.ask(Request::get("/")).await;
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["status"], answer.status);
}

/// What the application made of an error is its own.
#[tokio::test]
async fn an_answer_that_a_handler_made_of_an_error_stays() {
    use actix_web::{HttpResponse, ResponseError, web};
    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    let world = World::new().await;
    let auth = world.auth().on_refusal(|_, challenge| challenge.with_status(500));
    let auth = auth.build().unwrap();
    let error = || jamguard::Error::new(ErrorKind::Expired, "the precise reason");
    let router = Router::new()
        .route(
            "/status",
            axum::routing::get(move || async move { (StatusCode::GONE, error()).into_response() }),
        )
        .route(
            "/header",
            axum::routing::get(move || async move { ([("x-own", "1")], error()).into_response() }),
        )
        .layer(auth.layer());
    let gone = move || async move {
        let mut response: HttpResponse = error().error_response();
        *response.status_mut() = actix_web::http::StatusCode::GONE;
        response
    };
    let header = move || async move {
        let mut response: HttpResponse = error().error_response();
        let name = actix_web::http::header::HeaderName::from_static("x-own");
        response.headers_mut().insert(name, "1".parse().unwrap());
        response
    };
    let wrap = move || actix_web::middleware::Condition::new(true, auth.actix());
    let servers = Servers::serve(router, wrap, move |config| {
        config.route("/status", web::get().to(gone)).route("/header", web::get().to(header));
    })
    .await;
    let answer = servers.ask(Request::get("/status")).await;
    assert_eq!(answer.status, 410);
    let realm = r#"Bearer realm="jamguard""#;
    assert!(answer.header("www-authenticate").unwrap().starts_with(realm));
    // A header beside the standard answer is kept with the layer's.
    let answer = servers.ask(Request::get("/header")).await;
    assert_eq!((answer.status, answer.header("x-own")), (500, Some("1")));
    assert_eq!(answer.header("www-authenticate"), Some(EXPIRED));
}

#[tokio::test]
async fn every_answer_varies_with_the_headers_that_were_read() {
    let world = World::new().await;
    let good = world.token();
    let plain = || Authenticator::builder().jam(world.jam());
    let cases = [
        (plain(), Some("authorization")),
        (world.auth(), Some("authorization, cookie")),
        (
            plain().sources([CredentialSource::header("X-Id-Token"), CredentialSource::bearer()]),
            Some("x-id-token, authorization"),
        ),
        (
            plain().sources([
                CredentialSource::bearer(),
                CredentialSource::cookie("a"),
                CredentialSource::cookie("b"),
            ]),
            Some("authorization, cookie"),
        ),
        (plain().source(CredentialSource::query("t")), None),
    ];
    for (builder, vary) in cases {
        let servers = Servers::start(Site::new(builder.build().unwrap())).await;
        for path in ["/me", "/hello", "/public", "/guarded", "/orders", "/nowhere"] {
            for request in [
                Request::get(path),
                Request::get(path).bearer(&good),
                Request::get(path).bearer(&damaged(&good)),
                Request::get(path).bearer("a").bearer("b"),
                Request::get(path).cookie(ID, "garbage"),
                Request::get(path).in_query("t", "garbage"),
                Request::new("PUT", path),
            ] {
                assert_eq!(servers.ask(request).await.header("vary"), vary, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_sets_a_cookie_is_not_to_be_stored() {
    let world = World::new().await;
    let auth = world.auth().silent_refresh(world.client());
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    let refresh_token = world.refresh_token();
    for (request, cookies) in [
        (Request::get("/hello").cookie(ID, "garbage"), 1),
        (Request::get("/me").cookie(ID, "garbage"), 1),
        (Request::get("/guarded").cookie(ID, "garbage"), 1),
        (
            Request::get("/me")
                .cookie(ID, &world.expired_token())
                .cookie("__Host-jam_refresh", &refresh_token),
            1,
        ),
        (Request::get("/me").cookie("__Host-jam_refresh", "unknown"), 0),
        (Request::get("/me").cookie(ID, &world.token()), 0),
        (Request::get("/me"), 0),
    ] {
        let answer = servers.ask(request).await;
        assert_eq!(answer.all("set-cookie").len(), cookies);
        let expected = (cookies > 0).then_some("no-store");
        assert_eq!(answer.header("cache-control"), expected);
    }
}

#[tokio::test]
async fn the_realm_is_the_applications() {
    let world = World::new().await;
    let plain = || Authenticator::builder().jam(world.jam());
    for (builder, challenge) in [
        (plain(), r#"Bearer realm="jamguard""#),
        (plain().realm("orders"), r#"Bearer realm="orders""#),
        (plain().realm(r#"a "b" \c"#), r#"Bearer realm="a \"b\" \\c""#),
    ] {
        let servers = Servers::start(Site::new(builder.build().unwrap())).await;
        for path in ["/me", "/guarded"] {
            let answer = servers.ask(Request::get(path)).await;
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
        }
    }
    let error = plain().realm("a\r\nb").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn one_hook_replaces_the_answers_of_both_frameworks() {
    let world = World::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let auth = world.auth().on_refusal(move |error, challenge| {
        counted.fetch_add(1, Ordering::SeqCst);
        match error.kind() {
            ErrorKind::MissingCredentials => challenge
                .with_status(303)
                .with_header("Location", "/login")
                .without_header("www-authenticate")
                .with_body("text/html", "<p>log in"),
            ErrorKind::Expired => challenge
                .with_header("x-kind", error.kind().as_str())
                // What no header can hold is left out.
                .with_header("not a name", "x")
                .with_header("x-split", "a\r\nset-cookie: b=c"),
            _ => challenge,
        }
    });
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    for path in ["/me", "/guarded", "/guarded-scope/me"] {
        let answer = servers.ask(Request::get(path)).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/login"));
        assert_eq!(answer.header("content-type"), Some("text/html"));
        assert_eq!(answer.header("www-authenticate"), None);
        assert_eq!(answer.header("vary"), Some("authorization, cookie"));
        assert_eq!(answer.text(), "<p>log in");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 6, "once for each refused request");

    let answer = servers.ask(Request::get("/hello").bearer(&world.expired_token())).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("x-kind"), Some("expired"));
    assert_eq!(answer.header("x-split"), None);
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("www-authenticate"), Some(EXPIRED));
    let answer = servers.ask(Request::get("/me").bearer("garbage")).await;
    assert_eq!(answer.text(), INVALID_BODY);
}
