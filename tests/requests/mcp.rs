//! The guard of an MCP server: over a server that only answers, and in the example with rmcp, from
//! the first 401 to the second tool.

#[cfg(feature = "oauth2")]
#[allow(dead_code)]
#[path = "../../examples/mcp_server/main.rs"]
mod example;

use crate::support::{Request, Response, send, serve_axum};
use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::response::IntoResponse;
use axum::routing::any;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{Policy, custom_async, scope};
use jamguard::testing::{self, ManualClock};
use jamguard::{Authenticator, ErrorKind, McpGuard, McpGuardBuilder, ProtectedResource, Verifier};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: u64 = 1_700_000_000;
const API: &str = "https://api.example/mcp";
const ISSUER: &str = "https://issuer.example";
const SESSION: &str = "mcp-session-id";

/// An MCP server that begins a session for each POST without one, and tells what it got.
async fn server(method: Method, headers: HeaderMap, body: String) -> impl IntoResponse {
    let known = headers.get(SESSION).map(|id| id.to_str().unwrap().to_owned());
    let session = known.unwrap_or_else(|| match body.contains("initialize") {
        true => format!("session-of-{body}"),
        false => "none".to_owned(),
    });
    let session = session.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    ([(SESSION, session)], format!("{method} {body}"))
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

    async fn serve(guard: McpGuardBuilder) -> SocketAddr {
        let guard = guard.build().unwrap();
        serve_axum(Router::new().route("/mcp", any(server)).layer(guard)).await.0
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

async fn post(address: SocketAddr, token: &str, body: &str) -> Response {
    send(address, &Request::post("/mcp", body).bearer(token)).await
}

#[tokio::test]
async fn a_tool_is_called_only_with_its_scopes_and_a_denial_names_all_of_them() {
    let api = Api::new();
    let notes = |name: &str| -> Policy { scope(format!("notes.{name}")) };
    let guard = api.guard().require(scope("mcp")).tool("read", notes("read"));
    let address = Api::serve(guard.tool("write", notes("read") & notes("write"))).await;
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
        let answer = post(address, &api.scoped(scopes), body).await;
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
    assert_eq!(post(address, &all, &call("unlisted")).await.status, 403);
    for body in ["", "x", r#"{"method":"ping","method":"tools/call","params":{"name":"read"}}"#] {
        assert_eq!(post(address, &all, body).await.status, 400, "{body}");
    }
    // A stream, which has no body.
    let get = |token: &str| Request::get("/mcp").bearer(token);
    assert_eq!(send(address, &get(&all)).await.status, 200);
    assert_eq!(send(address, &get(&api.scoped("notes.read"))).await.status, 403);
    assert_eq!(send(address, &Request::post("/mcp", &list)).await.status, 401);
    assert_eq!(send(address, &Request::get("/mcp")).await.status, 401);
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
    let guard = api.guard().require(slow & scope("mcp"));
    let guard = guard.tool("read", scope("notes.read")).tool("write", scope("notes.write"));
    let address = Api::serve(guard).await;
    let calls = [call("read"), call("write")].join(",");
    let batch = format!("[{}]", vec![calls; 500].join(","));
    let answer = post(address, &api.scoped("mcp notes.write"), &batch).await;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(answer.status, 403);
    assert!(challenge.ends_with(r#"scope="mcp notes.read notes.write""#), "{challenge}");
    checks.store(0, Ordering::SeqCst);
    let answer = post(address, &api.scoped("mcp notes.read notes.write"), &batch).await;
    assert_eq!((answer.status, checks.load(Ordering::SeqCst)), (200, 1));
}

#[tokio::test]
async fn without_listed_tools_a_login_is_enough_and_bodies_are_bounded() {
    let api = Api::new();
    let address = Api::serve(api.guard().max_body(200)).await;
    let token = api.scoped("");
    assert_eq!(post(address, &token, &call("any")).await.status, 200);
    assert_eq!(post(address, &token, &call(&"a".repeat(200))).await.status, 413);
}

#[tokio::test]
async fn a_session_is_of_the_user_who_began_it() {
    let api = Api::new();
    let address = Api::serve(api.guard()).await;
    let ann = api.scoped("");
    let others = [
        api.token(json!({"sub": "bob"})),
        // The same name in another claim is another user, and so is none.
        api.anonymous(json!({"email": "ann", "email_verified": true})),
        api.anonymous(json!({})),
        api.token(json!({"sub": "ann\u{0}"})),
    ];
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    let answer = post(address, &ann, initialize).await;
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
        assert_eq!(send(address, &request).await.status, 404);
    }
    for request in each(&ann, "another-id").iter().chain(&each(&ann, "")) {
        assert_eq!(send(address, request).await.status, 404);
    }
    let twice = Request::get("/mcp").bearer(&ann).header(SESSION, &id).header(SESSION, &id);
    assert_eq!(send(address, &twice).await.status, 400);
    // The user keeps it with another token, until it is ended.
    for request in each(&renewed, &id) {
        assert_eq!(send(address, &request).await.status, 200);
    }
    for request in each(&ann, &id) {
        assert_eq!(send(address, &request).await.status, 404);
    }
}

#[tokio::test]
async fn an_empty_subject_is_no_user() {
    let api = Api::new();
    let address = Api::serve(api.guard()).await;
    let service = |name: &str| api.token(json!({"sub": "", "common_name": name}));
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    let answer = post(address, &service("reader"), initialize).await;
    let id = answer.header(SESSION).unwrap().to_owned();
    for (name, status) in [("writer", 404), ("reader", 200)] {
        let request = Request::get("/mcp").bearer(&service(name)).header(SESSION, &id);
        assert_eq!(send(address, &request).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_session_id_that_another_user_has_is_not_given_out() {
    let api = Api::new();
    let address = Api::serve(api.guard()).await;
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    assert_eq!(post(address, &api.scoped(""), initialize).await.status, 200);
    // The server makes the same id of the same body.
    assert_eq!(post(address, &api.token(json!({"sub": "bob"})), initialize).await.status, 500);
    assert_eq!(post(address, &api.scoped(""), initialize).await.status, 200);
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

/// What an MCP client does, with the example's two servers.
#[cfg(feature = "oauth2")]
mod client {
    use super::example;
    use jamguard::oauth2::Pkce;
    use reqwest::{Client, Response, redirect};
    use serde_json::{Value, json};

    const SESSION: &str = "mcp-session-id";
    const REDIRECT: &str = "http://127.0.0.1:9/callback";

    struct McpClient {
        http: Client,
        url: String,
        /// The metadata of the authorization server.
        server: Value,
        client_id: String,
    }

    fn challenge(answer: &Response) -> String {
        let lines: Vec<_> = answer.headers().get_all("www-authenticate").iter().collect();
        assert_eq!(lines.len(), 1);
        lines[0].to_str().unwrap().to_owned()
    }

    /// The value of a parameter of a challenge.
    fn parameter(challenge: &str, name: &str) -> String {
        let start = format!("{name}=\"");
        let (_, rest) = challenge.split_once(&start).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    async fn json(http: &Client, url: &str) -> Value {
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        answer.json().await.unwrap()
    }

    impl McpClient {
        /// From the 401 over the metadata to a registered client.
        async fn connect(url: &str) -> Self {
            let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
            for request in [http.get(url), http.post(url).body("{}")] {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), 401);
                assert!(!challenge(&answer).contains("error"));
            }
            let answer = http.get(url).send().await.unwrap();
            let metadata = parameter(&challenge(&answer), "resource_metadata");
            let metadata = json(&http, &metadata).await;
            assert_eq!(metadata["resource"], url);
            assert_eq!(metadata["scopes_supported"], json!(["notes.read", "notes.write"]));
            let issuer = metadata["authorization_servers"][0].as_str().unwrap();
            let well_known = format!("{issuer}/.well-known/oauth-authorization-server");
            let server = json(&http, &well_known).await;
            assert_eq!(server["issuer"], issuer);
            let registration = json!({"client_name": "test", "redirect_uris": [REDIRECT]});
            let endpoint = server["registration_endpoint"].as_str().unwrap();
            let answer = http.post(endpoint).json(&registration).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            let client: Value = answer.json().await.unwrap();
            let client_id = client["client_id"].as_str().unwrap().to_owned();
            Self { http, url: url.to_owned(), server, client_id }
        }

        /// An access token by code with PKCE.
        async fn token(&self, user: &str, scope: &str) -> String {
            let pkce = Pkce::generate().unwrap();
            let query = [
                ("response_type", "code"),
                ("client_id", &self.client_id),
                ("redirect_uri", REDIRECT),
                ("code_challenge", &pkce.challenge()),
                ("code_challenge_method", "S256"),
                ("state", "a state"),
                ("scope", scope),
                ("resource", &self.url),
                ("login_hint", user),
            ];
            let endpoint = self.server["authorization_endpoint"].as_str().unwrap();
            let endpoint = url::Url::parse_with_params(endpoint, query).unwrap();
            let answer = self.http.get(endpoint).send().await.unwrap();
            let back = answer.headers()["location"].to_str().unwrap();
            let back = url::Url::parse(back).unwrap();
            let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1;
            let form = serde_urlencoded::to_string([
                ("grant_type", "authorization_code"),
                ("client_id", &self.client_id),
                ("code", &*code),
                ("redirect_uri", REDIRECT),
                ("code_verifier", pkce.verifier().expose()),
                ("resource", &self.url),
            ]);
            let endpoint = self.server["token_endpoint"].as_str().unwrap();
            let request = self.http.post(endpoint).body(form.unwrap());
            let form = "application/x-www-form-urlencoded";
            let answer = request.header("content-type", form).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let answer: Value = answer.json().await.unwrap();
            answer["access_token"].as_str().unwrap().to_owned()
        }

        async fn post(&self, token: &str, session: Option<&str>, message: Value) -> Response {
            let request = self.http.post(&self.url).bearer_auth(token).json(&message);
            let request = request.header("accept", "application/json, text/event-stream");
            let request = match session {
                Some(id) => request.header(SESSION, id),
                None => request,
            };
            request.send().await.unwrap()
        }

        /// Begins a session and returns its id.
        async fn initialize(&self, token: &str) -> String {
            let info = json!({"name": "test", "version": "1"});
            let params =
                json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info});
            let message =
                json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
            let answer = self.post(token, None, message).await;
            assert_eq!(answer.status(), 200);
            let session = answer.headers()[SESSION].to_str().unwrap().to_owned();
            let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            assert_eq!(self.post(token, Some(&session), ready).await.status(), 202);
            session
        }

        async fn call(&self, token: &str, session: &str, tool: &str, args: Value) -> Response {
            let params = json!({"name": tool, "arguments": args});
            let message =
                json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            self.post(token, Some(session), message).await
        }
    }

    #[tokio::test]
    async fn the_example_takes_a_client_from_the_first_401_to_the_second_tool() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = format!("http://{}", listener.local_addr().unwrap());
        let issuer = example::start_authorization_server(&site).await.unwrap();
        let app = example::app(&site, &issuer).unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await });

        let client = McpClient::connect(&format!("{site}/mcp")).await;
        let reader = client.token("ann", "notes.read").await;
        let session = client.initialize(&reader).await;
        let read = client.call(&reader, &session, "read_notes", json!({})).await;
        assert_eq!(read.status(), 200);

        let note = json!({"text": "water the plants"});
        let refused = client.call(&reader, &session, "add_note", note.clone()).await;
        assert_eq!(refused.status(), 403);
        let challenge = challenge(&refused);
        assert_eq!(parameter(&challenge, "error"), "insufficient_scope");
        assert!(challenge.contains("resource_metadata=\"http://127.0.0.1:"));
        let writer = client.token("ann", &parameter(&challenge, "scope")).await;
        let added = client.call(&writer, &session, "add_note", note.clone()).await;
        assert_eq!(added.status(), 200);
        assert!(added.text().await.unwrap().contains("ann: water the plants"));
        // The broader scope implies the narrower one.
        let read = client.call(&writer, &session, "read_notes", json!({})).await;
        assert!(read.text().await.unwrap().contains("ann: water the plants"));

        // Another user with all scopes, in a session that is not his.
        let bob = client.token("bob", "notes.read notes.write").await;
        let stolen = client.call(&bob, &session, "read_notes", json!({})).await;
        assert_eq!(stolen.status(), 404);
        task.abort();
    }
}
