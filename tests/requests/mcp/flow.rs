//! The example with rmcp, from the first 401 to the second tool.

#[allow(dead_code)]
#[path = "../../../examples/mcp_server/main.rs"]
mod example;

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
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let answer = self.post(token, None, message).await;
        assert_eq!(answer.status(), 200);
        let session = answer.headers()[SESSION].to_str().unwrap().to_owned();
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(self.post(token, Some(&session), ready).await.status(), 202);
        session
    }

    async fn call(&self, token: &str, session: &str, tool: &str, args: Value) -> Response {
        let params = json!({"name": tool, "arguments": args});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
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
