//! A real authorization server, Node's oidc-provider on loopback: discovery, code with PKCE, refresh
//! with rotation, client credentials, and its JWTs verified here; by hand and through the handlers.

mod introspection;
mod process;

use crate::support::browser::Browser;
use jamguard::oauth2::{OAuth2Client, OAuth2ClientBuilder, Provider, SecretIn};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, ErrorKind, OAuth2Login, Session, SessionCookie, Sessions, Verifier};
use process::AuthorizationServer;
use serde_json::{Value, json};

const CALLBACK: &str = "http://127.0.0.1:9/callback?site=1";
const SECRET: &str = "a secret & more: +%?";
const RESOURCE: &str = "https://orders.example";

fn clients(callback: &str) -> Value {
    let client = |id: &str, method: &str, grants: &[&str]| {
        let mut client = json!({
            "client_id": id, "redirect_uris": [callback], "grant_types": grants,
            "response_types": ["code"], "token_endpoint_auth_method": method,
            "scope": "openid email offline_access orders.read",
        });
        if method != "none" {
            client["client_secret"] = SECRET.into();
        }
        client
    };
    let login = ["authorization_code", "refresh_token"];
    json!([
        client("web", "client_secret_basic", &login),
        client("posting", "client_secret_post", &login),
        client("public", "none", &login),
        {
            "client_id": "service", "client_secret": SECRET, "redirect_uris": [],
            "response_types": [], "grant_types": ["client_credentials"], "scope": "orders.read",
        },
    ])
}

fn client(issuer: &str, id: &str, callback: &str) -> OAuth2ClientBuilder {
    let client = OAuth2Client::builder(Provider::discover("company", issuer), id)
        .redirect_url(callback)
        .scopes(["openid", "email", "offline_access"]);
    match id {
        "public" => client,
        _ => client.secret(SECRET),
    }
}

/// The query with which the server sends a user back who logged in and consented.
async fn consented(client: &OAuth2Client) -> (jamguard::oauth2::Pending, String) {
    let request = client.authorize().parameter("prompt", "consent");
    let (url, pending) = request.begin().await.unwrap().into_parts();
    let back = Browser::default().follow(&url, CALLBACK).await;
    let query = back.split_once('?').unwrap().1.to_owned();
    (pending, query)
}

#[tokio::test]
async fn code_with_pkce_refresh_with_rotation_and_id_tokens() {
    let server = AuthorizationServer::start(&clients(CALLBACK));
    for (id, place) in [("web", None), ("posting", Some(SecretIn::Body)), ("public", None)] {
        let mut builder = client(&server.issuer, id, CALLBACK);
        if let Some(place) = place {
            builder = builder.secret_in(place);
        }
        let client = builder.build().unwrap();
        let (pending, query) = consented(&client).await;
        // It says who it is with every callback (RFC 9207), and that is checked.
        let iss: String = url::form_urlencoded::byte_serialize(server.issuer.as_bytes()).collect();
        assert!(query.contains(&format!("iss={iss}")), "{query}");
        let forged = query.replace(&iss, "https%3A%2F%2Fevil.example");
        let error = client.callback(pending.clone(), &forged).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCallback);

        let tokens = client.callback(pending.clone(), &query).unwrap().send().await.unwrap();
        assert_eq!(tokens.scopes(), ["openid", "email", "offline_access"], "{id}");
        assert!(tokens.expires_in().is_some());
        let verifier = client.id_token_verifier().unwrap().build().unwrap();
        let verified = verifier.verify(tokens.id_token().unwrap().expose()).await.unwrap();
        assert_eq!(verified.subject(), Some("ann"));
        #[derive(serde::Deserialize)]
        struct Claims {
            nonce: String,
            email: String,
        }
        let claims: &Claims = verified.claims().unwrap();
        assert_eq!(claims.nonce, pending.nonce().unwrap().expose());
        assert_eq!(claims.email, "ann@example.com");
        let told: Value = client.userinfo(tokens.access_token()).await.unwrap();
        assert_eq!(told["sub"], "ann");

        // A code serves once.
        let again = client.callback(pending, &query).unwrap().send().await.unwrap_err();
        assert_eq!(
            (again.kind(), again.oauth2_code()),
            (ErrorKind::InvalidGrant, Some("invalid_grant"))
        );
        // Its server takes the second use for theft, and ends what the first one got.
        let refresh = client.refresh(tokens.refresh_token().unwrap().clone()).send().await;
        assert_eq!(refresh.unwrap_err().kind(), ErrorKind::InvalidGrant);

        let (pending, query) = consented(&client).await;
        let first = client.callback(pending, &query).unwrap().send().await.unwrap();
        let old = first.refresh_token().unwrap();
        let second = client.refresh(old.clone()).send().await.unwrap();
        assert_ne!(second.refresh_token(), Some(old), "{id}: rotation");
        assert_ne!(second.access_token(), first.access_token());
        // With a request for each of many at once the server would see a reuse.
        let token = second.refresh_token().unwrap();
        let asked: Vec<_> =
            (0..20).map(|_| tokio::spawn(client.refresh(token.clone()).send())).collect();
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
    }
}

/// Without the right verifier, or with another redirect URL, a code is worth nothing.
#[tokio::test]
async fn a_stolen_code() {
    let server = AuthorizationServer::start(&clients(CALLBACK));
    let client = client(&server.issuer, "public", CALLBACK).build().unwrap();
    let (_, query) = consented(&client).await;
    let code = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.into_owned())
        .unwrap();
    let other = jamguard::oauth2::Pkce::generate().unwrap();
    let error = client.exchange_code(code, &other).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidGrant);
}

#[tokio::test]
async fn client_credentials_and_a_jwt_that_is_verified_here() {
    let server = AuthorizationServer::start(&clients(CALLBACK));
    let service = OAuth2Client::builder(Provider::discover("company", &*server.issuer), "service");
    let service = service.secret(SECRET).scopes(["orders.read"]).build().unwrap();
    let source = service.token_source().parameter("resource", RESOURCE).build().unwrap();
    let token = source.token().await.unwrap();
    let orders = Verifier::builder()
        .discover(&*server.issuer)
        .algorithms([jamguard::jose::Algorithm::RS256])
        .audience(RESOURCE)
        .token_type("at+jwt")
        .build()
        .unwrap();
    let verified = orders.verify(token.expose()).await.unwrap();
    assert_eq!(verified.subject(), Some("service"));
    let claims: Value = serde_json::from_str(verified.raw_claims()).unwrap();
    assert_eq!(claims["scope"], "orders.read");
    assert_eq!(source.token().await.unwrap(), token, "it is kept");

    let wrong = OAuth2Client::builder(Provider::discover("company", &*server.issuer), "service");
    let wrong = wrong.secret("another secret").build().unwrap();
    let error = wrong.client_credentials().send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.oauth2_code()),
        (ErrorKind::ClientRefused, Some("invalid_client"))
    );
    let elsewhere = service.client_credentials().parameter("resource", "nowhere");
    let error = elsewhere.send().await.unwrap_err();
    let refused = (ErrorKind::ClientRefused, Some("invalid_target"));
    assert_eq!((error.kind(), error.oauth2_code()), refused);
}

/// A browser that knows nothing but links and cookies, through both servers and back.
#[tokio::test]
async fn the_handlers_log_a_browser_in() {
    use axum::Router;
    use axum::routing::{get, get_service};

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let callback = format!("{site}/callback");
    let server = AuthorizationServer::start(&clients(&callback));
    let auth = Authenticator::builder()
        .sessions(Sessions::builder(MemoryStore::new()).build().unwrap())
        .session_cookie(SessionCookie::new().danger_plain_http())
        .build()
        .unwrap();
    let client = client(&server.issuer, "web", &callback).build().unwrap();
    let login = OAuth2Login::builder(&auth, client.clone()).home("/me").build().unwrap();
    let me = move |session: Session<()>| {
        let client = client.clone();
        async move {
            let tokens = session.fresh_oauth2_tokens(&client).await.unwrap();
            let told: Value = client.userinfo(tokens.access_token()).await.unwrap();
            format!("{:?} {}", session.user(), told["email"])
        }
    };
    let app = Router::new()
        .route("/login", get_service(login.begin()))
        .route("/callback", get_service(login.callback()))
        .route("/me", get(me))
        .layer(auth.layer());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let mut browser = Browser::default();
    let end = browser.follow(&format!("{site}/login"), "http://nowhere").await;
    assert_eq!(end, format!("{site}/me"));
    assert_eq!(browser.page, "Some(\"company:ann\") \"ann@example.com\"");
}
