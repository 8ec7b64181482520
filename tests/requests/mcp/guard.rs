//! The guard of an MCP server that only answers, in both frameworks.

use crate::support::{Request, Response, Servers};
use actix_web::{App, HttpRequest, HttpResponse, web};
use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::response::IntoResponse;
use axum::routing::any;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{Policy, custom_async, scope};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, ErrorKind, McpGuard, McpGuardBuilder, ProtectedResource, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: u64 = 1_700_000_000;
const API: &str = "https://api.example/mcp";
const ISSUER: &str = "https://issuer.example";
const SESSION: &str = "mcp-session-id";

/// The session of an answer: the request's, or a new one for `initialize`.
fn session(known: Option<&str>, body: &str) -> String {
    let session = match known {
        Some(id) => id.to_owned(),
        None if body.contains("initialize") => format!("session-of-{body}"),
        None => "none".to_owned(),
    };
    session.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// An MCP server that tells what it got.
async fn axum_server(method: Method, headers: HeaderMap, body: String) -> impl IntoResponse {
    let session = session(headers.get(SESSION).map(|id| id.to_str().unwrap()), &body);
    ([(SESSION, session)], format!("{method} {body}"))
}

async fn actix_server(request: HttpRequest, body: String) -> HttpResponse {
    let known = request.headers().get(SESSION).map(|id| id.to_str().unwrap());
    let told = format!("{} {body}", request.method());
    let mime = "text/plain; charset=utf-8";
    let session = (SESSION, session(known, &body));
    HttpResponse::Ok().content_type(mime).insert_header(session).body(told)
}

struct Api {
    key: SigningKey,
    auth: Authenticator,
}

impl Api {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let resource = ProtectedResource::builder(API).authorization_server(ISSUER);
        let resource = resource.build().unwrap();
        let verifier = Verifier::builder()
            .key(key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .protected_resource(&resource);
        let auth = Authenticator::builder()
            .verifier(verifier.build().unwrap())
            .protected_resource(&resource)
            .clock(ManualClock::at(NOW));
        Self { key, auth: auth.build().unwrap() }
    }

    fn guard(&self) -> McpGuardBuilder {
        McpGuard::builder(&self.auth)
    }

    /// Both servers, each with a guard and sessions of its own.
    async fn serve(guard: impl Fn() -> McpGuardBuilder) -> Servers {
        let [axum, actix] = [guard().build().unwrap(), guard().build().unwrap()];
        let router = Router::new().route("/mcp", any(axum_server)).layer(axum);
        let app = move || {
            let resource = web::resource("/mcp").wrap(actix.clone());
            // The default limit of an extracted body is below the guard's.
            App::new().service(resource.app_data(web::PayloadConfig::new(8 << 20)).to(actix_server))
        };
        Servers::apps(router, app).await
    }

    fn token(&self, mut more: Value) -> String {
        if more.get("sub").is_none() {
            more["sub"] = json!("ann");
        }
        self.anonymous(more)
    }

    /// A token without a subject.
    fn anonymous(&self, more: Value) -> String {
        let mut claims = json!({"iss": ISSUER, "aud": API, "exp": NOW + 600});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        testing::mint(&self.key, &claims).unwrap()
    }

    fn scoped(&self, scopes: &str) -> String {
        self.token(json!({"scope": scopes}))
    }
}

fn call(tool: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}).to_string()
}

async fn post(servers: &Servers, token: &str, body: &str) -> Response {
    servers.ask(Request::post("/mcp", body).bearer(token)).await
}

#[tokio::test]
async fn a_tool_is_called_only_with_its_scopes_and_a_denial_names_all_of_them() {
    let api = Api::new();
    let notes = |name: &str| -> Policy { scope(format!("notes.{name}")) };
    let servers = Api::serve(|| {
        let guard = api.guard().require(scope("mcp")).tool("read", notes("read"));
        guard.tool("write", notes("read") & notes("write"))
    });
    let servers = servers.await;
    let lacks = |scopes: &str| {
        let metadata = "https://api.example/.well-known/oauth-protected-resource/mcp";
        format!(
            r#"Bearer realm="jamguard", resource_metadata="{metadata}", error="insufficient_scope", scope="{scopes}""#
        )
    };
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned();
    let batch = format!("[{list},{}]", call("write"));
    let read = "mcp notes.read";
    for (scopes, body, expected) in [
        ("mcp", &list, Ok(())),
        ("", &list, Err(lacks("mcp"))),
        (read, &call("read"), Ok(())),
        ("notes.read", &call("read"), Err(lacks("mcp notes.read"))),
        (read, &call("write"), Err(lacks("mcp notes.read notes.write"))),
        (read, &batch, Err(lacks("mcp notes.read notes.write"))),
        ("mcp notes.read notes.write", &call("write"), Ok(())),
        ("mcp notes.read notes.write", &batch, Ok(())),
    ] {
        let answer = post(&servers, &api.scoped(scopes), body).await;
        match expected {
            // The server gets the body that was checked.
            Ok(()) => assert_eq!((answer.status, answer.text()), (200, &*format!("POST {body}"))),
            Err(challenge) => {
                assert_eq!(answer.status, 403, "{scopes} {body}");
                assert_eq!(answer.header("www-authenticate"), Some(&*challenge));
            }
        }
    }
    let all = api.scoped("mcp notes.read notes.write");
    assert_eq!(post(&servers, &all, &call("unlisted")).await.status, 403);
    for body in ["", "x", r#"{"method":"ping","method":"tools/call","params":{"name":"read"}}"#] {
        assert_eq!(post(&servers, &all, body).await.status, 400, "{body}");
    }
    // A stream, which has no body.
    let get = |token: &str| Request::get("/mcp").bearer(token);
    assert_eq!(servers.ask(get(&all)).await.status, 200);
    assert_eq!(servers.ask(get(&api.scoped("notes.read"))).await.status, 403);
    assert_eq!(servers.ask(Request::post("/mcp", &list)).await.status, 401);
    assert_eq!(servers.ask(Request::get("/mcp")).await.status, 401);
}

#[tokio::test]
async fn headers_that_name_another_call_than_the_body_are_refused() {
    let api = Api::new();
    let guard =
        || api.guard().tool("read", scope("notes.read")).tool("write", scope("notes.write"));
    let servers = Api::serve(guard).await;
    let token = api.scoped("notes.read");
    let request = |method: &str, name: &str, tool: &str| {
        let request = Request::post("/mcp", &call(tool)).bearer(&token);
        request.header("mcp-method", method).header("mcp-name", name)
    };
    for (method, name, status) in [
        ("tools/call", "read", 200),
        ("tools/call", "=?base64?cmVhZA==?=", 200),
        // A server that routes by the headers would call it.
        ("tools/call", "write", 400),
        ("tools/list", "read", 400),
    ] {
        let answer = servers.ask(request(method, name, "read")).await;
        assert_eq!(answer.status, status, "{method} {name}");
    }
    assert_eq!(servers.ask(request("tools/call", "write", "write")).await.status, 403);
    let twice = request("tools/call", "read", "read").header("mcp-name", "write");
    assert_eq!(servers.ask(twice).await.status, 400);
    let alone = Request::post("/mcp", &call("read")).bearer(&token).header("mcp-name", "read");
    assert_eq!(servers.ask(alone).await.status, 400);
}

#[tokio::test]
async fn no_body_reaches_the_server_unread() {
    let api = Api::new();
    let guard =
        || api.guard().tool("read", scope("notes.read")).tool("write", scope("notes.write"));
    let servers = Api::serve(guard).await;
    let token = api.scoped("notes.read");
    let request =
        |method: &str, tool: &str| Request::new(method, "/mcp").body(&call(tool)).bearer(&token);
    for method in ["POST", "PUT", "PATCH"] {
        let answer = servers.ask(request(method, "read")).await;
        let told = format!("{method} {}", call("read"));
        assert_eq!((answer.status, answer.text()), (200, &*told));
        assert_eq!(servers.ask(request(method, "write")).await.status, 403, "{method}");
        // What the server decodes is not what was read.
        for (encoding, status) in [("identity", 200), ("br", 415), ("gzip, identity", 415)] {
            let encoded = request(method, "read").header("content-encoding", encoding);
            assert_eq!(servers.ask(encoded).await.status, status, "{method} {encoding}");
        }
    }
    for method in ["GET", "DELETE", "OPTIONS"] {
        let answer = servers.ask(request(method, "write")).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("{method} ")));
    }
}

#[tokio::test]
async fn a_batch_is_one_decision_about_all_its_tools() {
    let api = Api::new();
    let checks = Arc::new(AtomicUsize::new(0));
    let count = checks.clone();
    let slow = custom_async("slow", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(true) }
    });
    let servers = Api::serve(|| {
        let guard = api.guard().require(slow.clone() & scope("mcp"));
        guard.tool("read", scope("notes.read")).tool("write", scope("notes.write"))
    });
    let servers = servers.await;
    let calls = [call("read"), call("write")].join(",");
    let batch = format!("[{}]", vec![calls; 500].join(","));
    let answer = post(&servers, &api.scoped("mcp notes.write"), &batch).await;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(answer.status, 403);
    assert!(challenge.ends_with(r#"scope="mcp notes.read notes.write""#), "{challenge}");
    checks.store(0, Ordering::SeqCst);
    let answer = post(&servers, &api.scoped("mcp notes.read notes.write"), &batch).await;
    assert_eq!((answer.status, checks.load(Ordering::SeqCst)), (200, 2), "one in each server");
}

#[tokio::test]
async fn without_listed_tools_a_login_is_enough_and_bodies_are_bounded() {
    let api = Api::new();
    let servers = Api::serve(|| api.guard().max_body(200)).await;
    let token = api.scoped("");
    assert_eq!(post(&servers, &token, &call("any")).await.status, 200);
    assert_eq!(post(&servers, &token, &call(&"a".repeat(200))).await.status, 413);
}

#[tokio::test]
async fn a_session_is_of_the_user_who_began_it() {
    let api = Api::new();
    let servers = Api::serve(|| api.guard()).await;
    let ann = api.scoped("");
    let others = [
        api.token(json!({"sub": "bob"})),
        // The same name in another claim is another user, and so is none.
        api.anonymous(json!({"email": "ann", "email_verified": true})),
        api.anonymous(json!({})),
        api.token(json!({"sub": "ann\u{0}"})),
    ];
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    let answer = post(&servers, &ann, initialize).await;
    let id = answer.header(SESSION).unwrap().to_owned();
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let each = |token: &str, id: &str| {
        let with = |request: Request| request.bearer(token).header(SESSION, id);
        [
            with(Request::post("/mcp", list)),
            with(Request::get("/mcp")),
            with(Request::new("DELETE", "/mcp")),
        ]
    };
    let renewed = api.token(json!({"exp": NOW + 900}));
    for request in others.iter().flat_map(|token| each(token, &id)) {
        assert_eq!(servers.ask(request).await.status, 404);
    }
    for request in each(&ann, "another-id").iter().chain(&each(&ann, "")) {
        assert_eq!(servers.ask(request.clone()).await.status, 404);
    }
    let twice = Request::get("/mcp").bearer(&ann).header(SESSION, &id).header(SESSION, &id);
    assert_eq!(servers.ask(twice).await.status, 400);
    // The user keeps it with another token, until it is ended.
    for request in each(&renewed, &id) {
        assert_eq!(servers.ask(request).await.status, 200);
    }
    for request in each(&ann, &id) {
        assert_eq!(servers.ask(request).await.status, 404);
    }
}

#[tokio::test]
async fn an_empty_subject_is_no_user() {
    let api = Api::new();
    let servers = Api::serve(|| api.guard()).await;
    let service = |name: &str| api.token(json!({"sub": "", "common_name": name}));
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    let answer = post(&servers, &service("reader"), initialize).await;
    let id = answer.header(SESSION).unwrap().to_owned();
    for (name, status) in [("writer", 404), ("reader", 200)] {
        let request = Request::get("/mcp").bearer(&service(name)).header(SESSION, &id);
        assert_eq!(servers.ask(request).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_session_id_that_another_user_has_is_not_given_out() {
    let api = Api::new();
    let servers = Api::serve(|| api.guard()).await;
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    assert_eq!(post(&servers, &api.scoped(""), initialize).await.status, 200);
    // The server makes the same id of the same body.
    assert_eq!(post(&servers, &api.token(json!({"sub": "bob"})), initialize).await.status, 500);
    assert_eq!(post(&servers, &api.scoped(""), initialize).await.status, 200);
}

#[test]
fn contradictory_settings_do_not_build() {
    let api = Api::new();
    let twice = api.guard().tool("read", scope("a")).tool("read", scope("b"));
    for (guard, advice) in
        [(twice, "combine"), (api.guard().session_ttl(Duration::ZERO), ".session_ttl(")]
    {
        let error = guard.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}
