//! A site whose users log in at a provider, the provider, and a browser.

use crate::support::gate::Gate;
use crate::support::issuer::{Answer, NOW, Server, jwk};
use crate::support::{Request, Response, Servers, send};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::{get, get_service, post_service};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::{OAuth2Client, OAuth2ClientBuilder, Provider};
use jamguard::store::{MemoryStore, Store};
use jamguard::testing::{ManualClock, mint};
use jamguard::{
    Authenticator, Error, Identity, LoginCookies, OAuth2Login, OAuth2LoginBuilder, Session,
    Sessions,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) const SESSION: &str = "__Host-jam_session";
pub(crate) const BROWSER: &str = "__Host-jam_oauth2";
pub(crate) const ID: &str = "__Host-jam_id";
pub(crate) const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";

/// An OpenID Connect provider that answers as it is told.
pub(crate) struct Idp {
    pub(crate) server: Server,
    pub(crate) key: SigningKey,
    pub(crate) clock: ManualClock,
}

impl Idp {
    pub(crate) async fn start() -> Self {
        let server = Server::start().await;
        let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
        let document = json!({
            "issuer": server.url(""),
            "authorization_endpoint": server.url("/authorize"),
            "token_endpoint": server.url("/token"),
            "userinfo_endpoint": server.url("/me"),
            "jwks_uri": server.url("/keys"),
            "authorization_response_iss_parameter_supported": true,
        });
        let place = "/.well-known/openid-configuration";
        server.set(place, Answer::ok(document.to_string()));
        let keys = json!({"keys": [jwk(&key)]});
        server.set("/keys", Answer::ok(keys.to_string()));
        Self { server, key, clock: ManualClock::at(NOW) }
    }

    /// A client that asks for ID tokens.
    pub(crate) fn client(&self) -> OAuth2Client {
        self.client_with(|client| client)
    }

    pub(crate) fn client_with(
        &self,
        change: impl FnOnce(OAuth2ClientBuilder) -> OAuth2ClientBuilder,
    ) -> OAuth2Client {
        let provider = Provider::discover("company", self.server.url(""));
        let client = OAuth2Client::builder(provider, "web")
            .secret("a secret of the site's")
            .redirect_url("https://app.example/callback")
            .scopes(["openid", "email"])
            .timeout(Duration::from_secs(20))
            .clock(self.clock.clone());
        change(client).build().unwrap()
    }

    /// A client of a provider without ID tokens.
    pub(crate) fn plain_client(&self) -> OAuth2Client {
        let url = |path: &str| self.server.url(path);
        let provider = Provider::new("hub", url("/authorize"), url("/token")).userinfo(url("/me"));
        OAuth2Client::builder(provider, "web")
            .secret("a secret of the site's")
            .redirect_url("https://app.example/callback")
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }

    pub(crate) fn now(&self) -> u64 {
        use jamguard::Clock;
        self.clock.now().as_secs()
    }

    /// Claims of a sound ID token.
    pub(crate) fn claims(&self, nonce: Option<&str>) -> Value {
        json!({
            "iss": self.server.url(""), "aud": "web", "sub": "1102", "nonce": nonce,
            "iat": self.now(), "exp": self.now() + 600,
            "email": "ann@example.com", "email_verified": true,
        })
    }

    /// What it answers to the next codes and refresh tokens.
    pub(crate) fn gives(&self, claims: Option<&Value>) {
        let mut tokens = json!({
            "access_token": "access-1", "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": "refresh-1", "scope": "openid email",
        });
        if let Some(claims) = claims {
            tokens["id_token"] = mint(&self.key, claims).unwrap().into();
        }
        self.answers(Answer::ok(tokens.to_string()));
    }

    pub(crate) fn answers(&self, answer: Answer) {
        self.server.set("/token", answer);
    }

    /// What its token endpoint was asked last; its discovery document may have been since.
    pub(crate) fn last_token_request(&self) -> String {
        let requests = self.server.requests();
        let last = requests.iter().rfind(|sent| sent.starts_with("POST /token "));
        last.unwrap().clone()
    }

    /// How often its token endpoint was asked.
    pub(crate) fn asked(&self) -> usize {
        let seen = self.server.seen();
        seen.iter().filter(|line| line.starts_with("POST /token ")).count()
    }
}

/// Where logins are kept, and what they end in.
pub(crate) fn authenticator(idp: &Idp, store: Arc<dyn Store>) -> Authenticator {
    let sessions = Sessions::builder(store).clock(idp.clock.clone()).build().unwrap();
    Authenticator::builder().sessions(sessions).cookies(LoginCookies::new()).build().unwrap()
}

/// ID tokens of the provider are signed with ES256.
pub(crate) fn es256(builder: OAuth2LoginBuilder, client: &OAuth2Client) -> OAuth2LoginBuilder {
    let verifier = client.id_token_verifier().unwrap().algorithms([Algorithm::ES256]);
    builder.id_token(verifier.build().unwrap())
}

async fn me(identity: Option<Identity>) -> String {
    match identity {
        Some(identity) => identity.raw_claims().to_owned(),
        None => "nobody".to_owned(),
    }
}

async fn user(session: Session<u64>) -> String {
    format!("{:?} {}", session.user(), *session)
}

async fn count(session: Session<u64>) -> &'static str {
    session.modify(|count| *count += 1).unwrap();
    "counted"
}

async fn tokens(session: Session<u64>, client: OAuth2Client) -> Result<String, Error> {
    let tokens = session.fresh_oauth2_tokens(&client).await?;
    Ok(tokens.access_token().expose().to_owned())
}

/// The ID token that belongs to them.
async fn id_token(session: Session<u64>, client: OAuth2Client) -> Result<String, Error> {
    let tokens = session.fresh_oauth2_tokens(&client).await?;
    let id_token = tokens.id_token().map(|token| token.expose().to_owned());
    Ok(id_token.unwrap_or_default())
}

/// Where [`late_tokens`] waits first.
pub(crate) static LATE: LazyLock<Gate> = LazyLock::new(Gate::closed);

/// The access token by a handler that has something else to do first.
async fn late_tokens(session: Session<u64>, client: OAuth2Client) -> Result<String, Error> {
    LATE.pass().await;
    tokens(session, client).await
}

/// Requests to [`watched_tokens`] wait here for as long as they are under way.
pub(crate) static UNDER_WAY: LazyLock<Gate> = LazyLock::new(Gate::closed);

/// The access token by a handler whose end is seen.
async fn watched_tokens(session: Session<u64>, client: OAuth2Client) -> Result<String, Error> {
    tokio::select! {
        tokens = tokens(session, client) => tokens,
        () = UNDER_WAY.pass() => panic!("the gate stays closed"),
    }
}

pub(crate) async fn serve(
    auth: &Authenticator,
    login: &OAuth2Login,
    api: &OAuth2Client,
) -> Servers {
    let layer = auth.layer();
    let (theirs, for_axum, late) = (api.clone(), api.clone(), api.clone());
    let (for_id, watched) = (api.clone(), api.clone());
    let router = Router::new()
        .route("/login", get_service(login.begin()))
        .route("/callback", get_service(login.callback()))
        .route("/logout", post_service(login.logout()))
        .route("/logout-everywhere", post_service(login.logout_everywhere()))
        .route("/me", get(me))
        .route("/user", get(user))
        .route("/count", get(count))
        .route("/tokens", get(move |session: Session<u64>| tokens(session, for_axum.clone())))
        .route("/id-token", get(move |session: Session<u64>| id_token(session, for_id.clone())))
        .route("/late-tokens", get(move |session: Session<u64>| late_tokens(session, late.clone())))
        .route(
            "/watched-tokens",
            get(move |session: Session<u64>| watched_tokens(session, watched.clone())),
        )
        .layer(layer);
    let (auth, login) = (auth.clone(), login.clone());
    let wrap = move || Condition::new(true, auth.actix());
    let routes = move |config: &mut web::ServiceConfig| {
        let (api, late, watched) = (theirs.clone(), theirs.clone(), theirs.clone());
        config
            .route("/login", web::get().to(login.begin()))
            .route("/callback", web::get().to(login.callback()))
            .route("/logout", web::post().to(login.logout()))
            .route("/logout-everywhere", web::post().to(login.logout_everywhere()))
            .route("/me", web::get().to(async |identity: Option<Identity>| me(identity).await))
            .route("/user", web::get().to(user))
            .route("/count", web::get().to(count))
            .route(
                "/tokens",
                web::get().to(move |session: Session<u64>| tokens(session, api.clone())),
            )
            .route(
                "/late-tokens",
                web::get().to(move |session: Session<u64>| late_tokens(session, late.clone())),
            )
            .route(
                "/watched-tokens",
                web::get()
                    .to(move |session: Session<u64>| watched_tokens(session, watched.clone())),
            );
    };
    Servers::serve(router, wrap, routes).await
}

/// Provider and site.
pub(crate) struct World {
    pub(crate) idp: Idp,
    pub(crate) client: OAuth2Client,
    pub(crate) servers: Servers,
}

impl World {
    /// Logins with ID tokens end in sessions.
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, |client| client).await
    }

    pub(crate) async fn with(
        store: Arc<dyn Store>,
        change: impl FnOnce(OAuth2ClientBuilder) -> OAuth2ClientBuilder,
    ) -> Self {
        let idp = Idp::start().await;
        let (client, auth) = (idp.client_with(change), authenticator(&idp, store));
        let login = OAuth2Login::builder(&auth, client.clone()).home("/welcome");
        let login = es256(login, &client).build().unwrap();
        let servers = serve(&auth, &login, &client).await;
        Self { idp, client, servers }
    }

    /// A browser that is sent to the provider; what that will answer is sound.
    pub(crate) async fn begin(&self, address: SocketAddr) -> (Browser, Begun) {
        let mut browser = Browser::new(address);
        let begun = browser.begin("").await;
        self.idp.gives(Some(&self.idp.claims(begun.value("nonce"))));
        (browser, begun)
    }

    /// A browser with a session.
    pub(crate) async fn logged_in(&self, address: SocketAddr) -> Browser {
        let (mut browser, begun) = self.begin(address).await;
        let answer = browser.callback(&begun.query(&self.idp)).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser
    }
}

/// What a browser was sent to the provider with.
pub(crate) struct Begun {
    pub(crate) answer: Response,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Begun {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(n, _)| n == name);
        let first = values.next().map(|(_, value)| &**value);
        assert!(values.next().is_none(), "{name} comes twice");
        first
    }

    pub(crate) fn state(&self) -> &str {
        self.value("state").unwrap()
    }

    /// The query that the provider sends it back with.
    pub(crate) fn query(&self, idp: &Idp) -> String {
        format!("code={CODE}&state={}&iss={}", self.state(), idp.server.url(""))
    }
}

/// A browser, as far as its cookies go.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    pub(crate) async fn ask(&mut self, mut request: Request) -> Response {
        let all: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !all.is_empty() {
            request = request.header("cookie", all.join("; "));
        }
        let answer = send(self.address, &request).await;
        for cookie in answer.all("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub(crate) async fn get(&mut self, target: &str) -> Response {
        self.ask(Request::get(target)).await
    }

    /// Begins a login.
    pub(crate) async fn begin(&mut self, query: &str) -> Begun {
        let answer = self.get(&format!("/login{query}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let url = url::Url::parse(answer.header("location").unwrap()).unwrap();
        let parameters = url.query_pairs().into_owned().collect();
        Begun { answer, parameters }
    }

    pub(crate) async fn callback(&mut self, query: &str) -> Response {
        self.get(&format!("/callback?{query}")).await
    }

    /// Who the site takes it for.
    pub(crate) async fn user(&mut self) -> String {
        self.get("/user").await.text().to_owned()
    }
}
