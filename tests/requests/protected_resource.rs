//! An API that clients find by its metadata (RFC 9728), in axum and actix-web: the document, the
//! challenges, and the tokens that it accepts.

use crate::support::{Request, Response, Servers};
use actix_web::{App, web};
use axum::Router;
use axum::routing::any;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::{ClaimPaths, RouteTable, Unmatched, scope};
use jamguard::testing::{self, ManualClock};
use jamguard::{
    Authenticator, AuthenticatorBuilder, CredentialSource, ErrorKind, Identity, ProtectedResource,
    ProtectedResourceBuilder, Verifier,
};
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000;
const API: &str = "https://api.example/mcp";
const ISSUER: &str = "https://issuer.example";
const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource/mcp";
const PATHS: [&str; 3] = [
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource/mcp/",
    "/.well-known/oauth-protected-resource",
];

fn resource() -> ProtectedResourceBuilder {
    ProtectedResource::builder(API)
        .authorization_server(ISSUER)
        .scopes(["notes.read", "notes.write"])
}

/// An API with its key, which tests sign tokens with.
struct Api {
    key: SigningKey,
    resource: ProtectedResource,
}

impl Api {
    fn new(resource: ProtectedResourceBuilder) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        Self { key, resource: resource.build().unwrap() }
    }

    fn auth(&self) -> AuthenticatorBuilder {
        let verifier = Verifier::builder()
            .key(self.key.verifying_key().unwrap())
            .algorithms([Algorithm::ES256])
            .issuer(ISSUER)
            .protected_resource(&self.resource)
            .build()
            .unwrap();
        Authenticator::builder()
            .verifier(verifier)
            .protected_resource(&self.resource)
            .clock(ManualClock::at(NOW))
            .realm("api")
    }

    async fn serve(&self, auth: &Authenticator) -> Servers {
        let table = RouteTable::builder(Unmatched::Deny)
            .guard("GET", "/mcp", jamguard::policy::authenticated())
            .guard("GET", "/notes", scope("notes.read"))
            .guard("POST", "/notes", scope("notes.read") & scope("notes.write"))
            .guard("GET", "/{folder}/all", scope("notes.read"))
            .guard("GET", "/archive/{which}", scope("archive.read"))
            .build()
            .unwrap();
        let secret = |identity: Identity| async move { format!("{:?}", identity.subject()) };
        let guarded = ["/mcp", "/notes", "/archive/all"];
        let router = guarded
            .iter()
            .fold(Router::new(), |router, path| router.route(path, any(secret)))
            .layer(auth.routes(table.clone()))
            .merge(self.resource.metadata_routes());
        let (auth, resource) = (auth.clone(), self.resource.clone());
        Servers::apps(router, move || {
            let guarded = guarded
                .iter()
                .fold(web::scope(""), |scope, path| scope.route(path, web::route().to(secret)));
            let guarded = guarded.wrap(auth.routes(table.clone()));
            App::new().configure(resource.actix_metadata_routes()).service(guarded)
        })
        .await
    }

    fn token(&self, more: Value) -> String {
        let mut claims = json!({"iss": ISSUER, "sub": "ann", "aud": API, "exp": NOW + 600});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        testing::mint(&self.key, &claims).unwrap()
    }
}

fn challenge(answer: &Response) -> &str {
    // Fails if there is more than one line.
    answer.header("www-authenticate").unwrap()
}

#[tokio::test]
async fn the_metadata_is_public_and_the_same_wherever_clients_look() {
    let api = Api::new(resource().name("Notes").documentation("https://api.example/docs?v=2#mcp"));
    assert_eq!(api.resource.metadata_url(), METADATA);
    assert_eq!(api.resource.metadata_paths(), PATHS);
    let servers = api.serve(&api.auth().build().unwrap()).await;
    for path in PATHS {
        for request in [
            Request::get(path),
            Request::get(path).header("mcp-protocol-version", "2026-07-28"),
            Request::get(path).header("x-forwarded-host", "evil.example"),
            Request::get(path).bearer("not a token"),
        ] {
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("set-cookie"), None);
            let expected = json!({
                "resource": API,
                "authorization_servers": [ISSUER],
                "scopes_supported": ["notes.read", "notes.write"],
                "bearer_methods_supported": ["header"],
                "resource_name": "Notes",
                "resource_documentation": "https://api.example/docs?v=2#mcp",
            });
            assert_eq!(answer.json(), expected);
        }
        let preflight = Request::new("OPTIONS", path)
            .header("origin", "https://client.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "mcp-protocol-version");
        let answer = servers.ask(preflight).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("mcp-protocol-version"));
        assert_eq!(servers.ask(Request::post(path, "")).await.status, 405);
        let tag = servers.ask(Request::get(path)).await.header("etag").unwrap().to_owned();
        let again = Request::get(path).header("if-none-match", tag);
        assert_eq!(servers.ask(again).await.status, 304);
    }
}

#[test]
fn the_path_of_the_metadata_follows_from_the_identifier() {
    let well_known = "/.well-known/oauth-protected-resource";
    for (identifier, url, paths) in [
        ("https://a.example", "https://a.example", vec!["", "/"]),
        ("https://a.example/", "https://a.example", vec!["", "/"]),
        ("https://a.example:8443/x/y", "https://a.example:8443", vec!["/x/y", "/x/y/", ""]),
        ("https://a.example/mcp/", "https://a.example", vec!["/mcp/", "/mcp", ""]),
        ("http://127.0.0.1:3000/mcp", "http://127.0.0.1:3000", vec!["/mcp", "/mcp/", ""]),
    ] {
        let resource = ProtectedResource::builder(identifier).authorization_server(ISSUER);
        let resource = resource.build().unwrap();
        let paths: Vec<_> = paths.iter().map(|path| format!("{well_known}{path}")).collect();
        assert_eq!(resource.metadata_paths(), paths);
        assert_eq!(resource.metadata_url(), format!("{url}{}", paths[0]));
        let metadata: Value = serde_json::from_str(resource.metadata()).unwrap();
        assert_eq!(metadata["resource"], identifier);
        assert!(metadata.get("scopes_supported").is_none(), "omitted rather than empty");
    }
}

/// Clients that resolve such an identifier as a URL ask elsewhere, or nowhere.
#[test]
fn an_identifier_is_a_url_that_clients_leave_as_it_is() {
    let built = |identifier: &str| {
        ProtectedResource::builder(identifier).authorization_server(ISSUER).build().is_ok()
    };
    for good in
        ["https://a.example/..a/.b./c", "http://[::1]:3000/mcp", "http://[::1]/", "https://a_b"]
    {
        assert!(built(good), "{good}");
    }
    for bad in [
        "https://:443/",
        "https://a.example:port/",
        "https://a.example:+1/",
        "https://a.example:65536/",
        "https://a.example:/",
        "https://a.ex,ample/",
        "https://[::g]/",
        "https://::1/",
        "https://user@a.example/",
        "http://[::2]/",
        "https://a.example/./mcp",
        "https://a.example/..",
        "https://a.example/x/%2E./mcp",
    ] {
        assert!(!built(bad), "{bad}");
    }
}

#[tokio::test]
async fn every_401_and_403_names_the_metadata() {
    let api = Api::new(resource());
    let servers = api.serve(&api.auth().build().unwrap()).await;
    let start = format!(r#"Bearer realm="api", resource_metadata="{METADATA}""#);
    let invalid =
        format!(r#"{start}, error="invalid_token", error_description="The token is invalid.""#);
    let expired =
        format!(r#"{start}, error="invalid_token", error_description="The token is expired.""#);
    let lacks = |scopes: &str| format!(r#"{start}, error="insufficient_scope", scope="{scopes}""#);
    let get = Request::get;
    let (none, read) = (api.token(json!({})), api.token(json!({"scope": "notes.read"})));
    let old = api.token(json!({"exp": NOW - 600}));
    let foreign = api.token(json!({"aud": "https://other.example"}));
    for (request, status, expected) in [
        (get("/mcp"), 401, start.clone()),
        (get("/mcp").header("authorization", "Basic YTpi"), 401, start.clone()),
        (get("/mcp").in_query("access_token", &read), 401, start.clone()),
        (get("/mcp").bearer("x.y.z"), 401, invalid.clone()),
        (get("/mcp").bearer(&foreign), 401, invalid),
        (get("/mcp").bearer(&old), 401, expired),
        (get("/notes").bearer(&none), 403, lacks("notes.read")),
        (Request::post("/notes", "").bearer(&read), 403, lacks("notes.read notes.write")),
        // Two rules apply: the client asks for the scopes of both at once.
        (get("/archive/all").bearer(&read), 403, lacks("archive.read notes.read")),
        // Closed for all tokens.
        (Request::post("/mcp", "").bearer(&read), 403, start.clone()),
    ] {
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(challenge(&answer), expected);
    }
    let answer = servers.ask(get("/mcp").bearer(&none)).await;
    assert_eq!((answer.status, answer.text()), (200, r#"Some("ann")"#));
}

#[tokio::test]
async fn the_challenge_of_a_401_names_scopes_only_on_request() {
    let api = Api::new(resource().scope_in_challenge());
    let servers = api.serve(&api.auth().build().unwrap()).await;
    let start = format!(r#"Bearer realm="api", resource_metadata="{METADATA}""#);
    let scopes = r#"scope="notes.read notes.write""#;
    let answer = servers.ask(Request::get("/mcp")).await;
    assert_eq!(challenge(&answer), format!("{start}, {scopes}"));
    // The scopes come before the description, in which clients would search for them.
    let answer = servers.ask(Request::get("/mcp").bearer("x.y.z")).await;
    let described = r#"error_description="The token is invalid.""#;
    assert_eq!(
        challenge(&answer),
        format!(r#"{start}, error="invalid_token", {scopes}, {described}"#)
    );
    // What an operation needs, not all that there is.
    let answer = servers.ask(Request::get("/notes").bearer(&api.token(json!({})))).await;
    assert!(challenge(&answer).ends_with(r#"error="insufficient_scope", scope="notes.read""#));
}

#[tokio::test]
async fn only_tokens_for_the_resource_are_accepted() {
    let api = Api::new(resource());
    let servers = api.serve(&api.auth().build().unwrap()).await;
    for (audience, status) in [
        (json!(API), 200),
        (json!("https://api.example/mcp/"), 200),
        (json!("HTTPS://API.EXAMPLE/mcp"), 200),
        (json!(["https://other.example", API]), 200),
        (json!("https://api.example/MCP"), 401),
        (json!("https://api.example"), 401),
        (json!("https://api.example.evil/mcp"), 401),
        (json!([]), 401),
        (Value::Null, 401),
    ] {
        let token = api.token(json!({"aud": audience}));
        let answer = servers.ask(Request::get("/mcp").bearer(&token)).await;
        assert_eq!(answer.status, status, "{audience}");
    }
    let claims = json!({"iss": ISSUER, "sub": "ann", "exp": NOW + 600});
    let without = testing::mint(&api.key, &claims).unwrap();
    assert_eq!(servers.ask(Request::get("/mcp").bearer(&without)).await.status, 401);
}

#[tokio::test]
async fn a_broader_scope_implies_narrower_ones() {
    let api = Api::new(resource());
    let paths = ClaimPaths::default()
        .scope_implies("notes.admin", ["notes.write", "archive.read"])
        .scope_implies("notes.write", ["notes.read"]);
    let servers = api.serve(&api.auth().claim_paths(paths).build().unwrap()).await;
    for (scopes, status) in [
        ("notes.admin", [200, 200, 200]),
        ("notes.write", [200, 200, 403]),
        ("notes.read", [200, 403, 403]),
        ("notes.admins", [403, 403, 403]),
        ("archive.read notes.write", [200, 200, 200]),
    ] {
        let token = api.token(json!({"scope": scopes}));
        let requests =
            [Request::get("/notes"), Request::post("/notes", ""), Request::get("/archive/all")];
        for (request, status) in requests.into_iter().zip(status) {
            assert_eq!(servers.ask(request.bearer(&token)).await.status, status, "{scopes}");
        }
    }
}

#[test]
fn settings_that_clients_would_stumble_over_do_not_build() {
    let without = ProtectedResource::builder(API);
    for (builder, advice) in [
        (without.clone(), ".authorization_server("),
        (without.clone().authorization_server(""), "issuer URL"),
        (without.clone().authorization_server("http://issuer.example"), "issuer URL"),
        (without.clone().authorization_server("https://issuer.example?x=1"), "issuer URL"),
        (resource().scopes(["notes read"]), "give .scopes(…) a list"),
        (resource().scopes(["offline_access"]), "offline_access"),
        (without.authorization_server(ISSUER).scope_in_challenge(), "call .scopes(…) too"),
        (resource().documentation("docs"), "documentation"),
        (ProtectedResource::builder("api.example").authorization_server(ISSUER), "public URL"),
        (
            ProtectedResource::builder("http://api.example").authorization_server(ISSUER),
            "public URL",
        ),
        (
            ProtectedResource::builder("https://a.example/#x").authorization_server(ISSUER),
            "public URL",
        ),
        (
            ProtectedResource::builder("https://a.example/?x").authorization_server(ISSUER),
            "public URL",
        ),
        (
            ProtectedResource::builder("https://u@a.example").authorization_server(ISSUER),
            "public URL",
        ),
        (
            ProtectedResource::builder("https://a.example/{x}").authorization_server(ISSUER),
            "public URL",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
    let private = ProtectedResource::builder("http://notes:3000/mcp")
        .authorization_server("http://keycloak:8080/realms/notes")
        .danger_plain_http();
    assert!(private.build().is_ok());

    let api = Api::new(resource());
    for (auth, advice) in [
        (api.auth().source(CredentialSource::query("access_token")), "query"),
        (api.auth().realm("scope=all"), "realm"),
    ] {
        let error = auth.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    }
}
