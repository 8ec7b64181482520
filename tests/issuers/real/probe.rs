//! What jamguard can do with one issuer: its discovery, its tokens, its login.

use super::bound;
use super::firebase;
use super::issuer::{Announced, RealIssuer};
use super::logout::{self, LoggedIn};
use super::metadata::Metadata;
use crate::support::browser::Browser;
use crate::support::tokens::decode;
use jamguard::jose::Algorithm;
use jamguard::oauth2::{
    AuthorizationRequest, OAuth2Client, OAuth2ClientBuilder, Provider, SecretIn, TokenResponse,
};
use jamguard::{Error, ErrorKind, Introspection, Verifier};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Servers in scripting languages are slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A row of the table, without the issuer's name.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) version: String,
    pub(crate) discovery: String,
    pub(crate) jwt: String,
    pub(crate) opaque: String,
    pub(crate) dpop: String,
    pub(crate) scopes: String,
    pub(crate) roles: String,
    pub(crate) login: String,
    pub(crate) logout: String,
}

/// Access tokens and claims that an issuer gave in one run.
#[derive(Default)]
struct Seen {
    /// What a JWT is like, with the requests that gave such a one.
    jwt: Vec<(String, Vec<String>)>,
    /// What introspection of opaque tokens ends with, if not with success, and the requests that gave
    /// such tokens.
    opaque: Vec<(String, Vec<String>)>,
    scopes: BTreeSet<String>,
    roles: BTreeSet<String>,
}

pub(crate) async fn probe(issuer: &RealIssuer) -> Row {
    let announced = &issuer.announced;
    let metadata = Metadata::of(announced.address()).await;
    let mut seen = Seen::default();
    let mut login = Vec::new();
    let mut logged_in = None;
    for resource in [None].into_iter().chain(announced.resource.as_deref().map(Some)) {
        if !announced.tokens.is_empty() {
            break;
        }
        let request = resource.map_or("login", |_| "login with `resource`");
        match log_in(issuer, resource).await {
            Err(refusal) => login.push(format!("{request}: {refusal}")),
            Ok((tokens, id_token, browser)) => {
                login.push(id_token);
                if let Some(token) = tokens.id_token() {
                    seen.claims(" of the ID token", &claims(token.expose()));
                    logged_in = Some(LoggedIn { browser, id_token: token.expose().to_owned() });
                }
                seen.access_token(announced, tokens.access_token().expose(), request).await;
            }
        }
    }
    match client_credentials(announced).await {
        Ok(tokens) => seen.access_token(announced, tokens.access_token().expose(), "service").await,
        Err(error) => println!("{}: no client credentials: {error}", announced.issuer),
    }
    let mut given: Vec<_> = announced.tokens.iter().collect();
    given.sort();
    for (name, token) in given {
        seen.access_token(announced, token, name).await;
    }
    login.dedup();
    Row {
        version: announced.version.clone(),
        discovery: metadata.discovery(&announced.issuer),
        jwt: listed(seen.jwt.into_iter().map(|(jwt, from)| format!("{jwt} ({})", from.join(", ")))),
        opaque: listed(seen.opaque.into_iter().map(|(verdict, from)| match &*verdict {
            "" => from.join(", "),
            refused => format!("{refused} ({})", from.join(", ")),
        })),
        dpop: match metadata.has_dpop() {
            true => bound::probe(announced).await,
            false => "none".to_owned(),
        },
        scopes: listed(seen.scopes),
        roles: listed(seen.roles),
        login: listed(login),
        logout: logout::probe(announced, &metadata, logged_in).await,
    }
}

fn listed(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    if words.is_empty() { "none".to_owned() } else { words.join("; ") }
}

/// Adds a request to those with the same result.
fn note(results: &mut Vec<(String, Vec<String>)>, result: String, request: &str) {
    match results.iter_mut().find(|(known, _)| *known == result) {
        Some((_, from)) => from.push(request.to_owned()),
        None => results.push((result, vec![request.to_owned()])),
    }
}

impl Seen {
    /// Verifies an access token of the issuer and notes what it is made of.
    async fn access_token(&mut self, announced: &Announced, token: &str, request: &str) {
        if token.split('.').count() != 3 {
            let verdict = match introspect(announced, token).await {
                Ok(claims) => {
                    self.claims("", &claims);
                    String::new()
                }
                Err(error) => {
                    println!("{}: {error}", announced.issuer);
                    format!("refused, {}", error.kind())
                }
            };
            note(&mut self.opaque, verdict, request);
            return;
        }
        let found = claims(token);
        self.claims("", &found);
        let header = part(token, 0);
        let algorithm = header["alg"].as_str().unwrap_or("none");
        let typ = header["typ"].as_str().map_or("no `typ`".to_owned(), |typ| format!("`{typ}`"));
        let audience = match &found["aud"] {
            Value::Null => "no `aud`".to_owned(),
            aud => format!("`aud` is {}", audience(announced, aud)),
        };
        let mut like = format!("{algorithm}, {typ}, {audience}");
        if let Some(project) = &announced.firebase_project {
            like = firebase::probe(announced, project, token).await.to_owned() + &like;
        } else if let Err(error) = verify(announced, token, &found).await {
            println!("{}: {error}", announced.issuer);
            like = format!("refused, {}: {like}", error.kind());
        }
        note(&mut self.jwt, like, request);
    }

    /// Notes where claims carry scopes and the role that every test user has.
    fn claims(&mut self, place: &str, claims: &Value) {
        for (name, value) in claims.as_object().unwrap() {
            let has =
                |list: &Value| list.as_array().is_some_and(|list| list.contains(&json!("admin")));
            if has(value) {
                self.roles.insert(format!("`{name}`{place}"));
            } else if has(&value["roles"]) {
                self.roles.insert(format!("`{name}.roles`{place}"));
            }
            if ["scope", "scp", "scopes"].contains(&&**name) && place.is_empty() {
                let form = match value {
                    Value::String(_) => "text",
                    Value::Array(_) => "list",
                    _ => "other",
                };
                self.scopes.insert(format!("`{name}`, {form}"));
            }
        }
    }
}

/// The algorithm of a token, as an issuer's documentation would name it.
pub(super) fn algorithm_of(token: &str) -> Option<Algorithm> {
    let header = part(token, 0);
    Algorithm::ALL.into_iter().find(|algorithm| Some(algorithm.name()) == header["alg"].as_str())
}

/// Verifies with the keys that the issuer publishes, and checks that the rules count.
async fn verify(announced: &Announced, token: &str, claims: &Value) -> Result<(), Error> {
    let build = |audience: Option<&str>| {
        let builder = match &announced.jwks_url {
            Some(url) => Verifier::builder().jwks_url(url).issuer(&announced.issuer),
            None => Verifier::builder().discover(&announced.issuer),
        };
        let builder = match audience {
            Some(audience) => builder.audience(audience),
            None => builder.any_audience(),
        };
        builder.algorithms(algorithm_of(token)).build()
    };
    let audience = claims["aud"].as_str().or_else(|| claims["aud"][0].as_str());
    let verified = build(audience)?.verify(token).await?;
    assert_eq!(verified.issuer(), Some(&*announced.issuer));

    let elsewhere = build(Some("https://other.example"))?;
    assert!(elsewhere.verify(token).await.is_err(), "{token}: another audience");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let middle = signature.len() / 2;
    let other = if &signature[middle..=middle] == "A" { "B" } else { "A" };
    let forged = format!("{signed}.{}{other}{}", &signature[..middle], &signature[middle + 1..]);
    assert!(build(audience)?.verify(&forged).await.is_err(), "{token}: another signature");
    Ok(())
}

/// Asks the issuer about an opaque token, and about one that it does not know.
async fn introspect(announced: &Announced, token: &str) -> Result<Value, Error> {
    let introspection = match &announced.introspection_url {
        Some(url) => Introspection::builder(url),
        None => Introspection::discover(&announced.issuer),
    };
    let id = announced.service_id.as_ref().unwrap_or(&announced.client_id);
    let secret = announced.secret.as_deref().expect("introspection needs a client's secret");
    let introspection = introspection.client_secret_basic(id, secret).timeout(PATIENCE);
    let introspection = match announced.unnamed_tokens {
        true => introspection.danger_accept_missing_token_type(),
        false => introspection,
    };
    let verifier = Verifier::builder().introspection(introspection.build()?);
    let verifier = verifier.issuer(&announced.issuer).any_audience().build()?;
    let verified = verifier.verify(token).await?;
    let unknown = verifier.verify(&"unknown".repeat(6)).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Inactive, "{unknown}");
    Ok(serde_json::from_str(verified.raw_claims()).unwrap())
}

/// Names an audience by what it is, because clients and ports differ from run to run.
fn audience(announced: &Announced, aud: &Value) -> String {
    let one = |aud: &Value| match aud.as_str().unwrap_or_default() {
        aud if aud == announced.client_id => "the client".to_owned(),
        aud if Some(aud) == announced.resource.as_deref() => "the resource".to_owned(),
        aud if aud == announced.issuer => "the issuer".to_owned(),
        aud => match aud.strip_prefix(&announced.issuer) {
            Some(path) => format!("the issuer's `{path}`"),
            None => format!("`{aud}`"),
        },
    };
    match aud.as_array() {
        Some(list) => {
            let list: Vec<_> = list.iter().map(one).collect();
            format!("a list of {}", list.join(" and "))
        }
        None => one(aud),
    }
}

fn client(announced: &Announced, id: &str) -> OAuth2ClientBuilder {
    let provider = match (&announced.authorize_url, &announced.token_url) {
        (Some(authorize), Some(token)) => {
            let provider = Provider::new("real", authorize, token).issuer(&announced.issuer);
            match announced.scopes.iter().any(|scope| scope == "openid") {
                true => provider.oidc(),
                false => provider,
            }
        }
        _ => Provider::discover("real", &announced.issuer),
    };
    let client = OAuth2Client::builder(provider, id).timeout(PATIENCE);
    let client = match announced.secret_in_body {
        true => client.secret_in(SecretIn::Body),
        false => client,
    };
    match &announced.secret {
        Some(secret) => client.secret(secret.as_str()),
        None => client,
    }
}

/// The client of logins.
pub(super) fn web(announced: &Announced) -> OAuth2Client {
    let client = client(announced, &announced.client_id).redirect_url(&announced.callback);
    client.scopes(&announced.scopes).build().unwrap()
}

pub(super) fn authorization(announced: &Announced, client: &OAuth2Client) -> AuthorizationRequest {
    let parameters = announced.authorize_parameters.iter();
    parameters
        .fold(client.authorize(), |request, (name, value)| request.parameter(name, value.as_str()))
}

/// Logs the user in through the issuer's own pages; returns the tokens, what was possible, and the
/// user's browser.
async fn log_in(
    issuer: &RealIssuer,
    resource: Option<&str>,
) -> Result<(TokenResponse, String, Browser), String> {
    let announced = &issuer.announced;
    let client = web(announced);
    let mut request = authorization(announced, &client);
    if let Some(resource) = resource {
        request = request.parameter("resource", resource);
    }
    let refused = |step: &'static str| {
        move |error: Error| {
            println!("{step}: {error}");
            format!("{step}, {}", error.kind())
        }
    };
    let (url, pending) = request.begin().await.map_err(refused("none"))?.into_parts();
    let mut browser = issuer.browser();
    let back = browser.follow(&url, &announced.callback).await;
    let query = back.strip_prefix(&announced.callback).and_then(|rest| rest.strip_prefix('?'));
    let query = query.unwrap_or_else(|| panic!("a page without a form to the callback: {back}"));
    let nonce = pending.nonce().map(|nonce| nonce.expose().to_owned());
    let mut exchange = client.callback(pending, query).map_err(refused("callback refused"))?;
    if let Some(resource) = resource {
        exchange = exchange.parameter("resource", resource);
    }
    let tokens = exchange.send().await.map_err(refused("tokens refused"))?;
    let id_token = match tokens.id_token() {
        None => "no ID token".to_owned(),
        Some(token) => {
            let verifier = client.id_token_verifier().and_then(|verifier| verifier.build());
            match verifier.unwrap().verify(token.expose()).await {
                Err(error) => refused("ID token refused")(error),
                Ok(_) if claims(token.expose())["nonce"].as_str() != nonce.as_deref() => {
                    "ID token without the nonce".to_owned()
                }
                Ok(_) => "ID token".to_owned(),
            }
        }
    };
    Ok((tokens, format!("code, PKCE, {id_token}"), browser))
}

async fn client_credentials(announced: &Announced) -> Result<TokenResponse, Error> {
    service_token(announced, &service(announced).build()?).await
}

/// The client of client credentials.
pub(super) fn service(announced: &Announced) -> OAuth2ClientBuilder {
    client(announced, announced.service_id.as_ref().unwrap_or(&announced.client_id))
}

pub(super) async fn service_token(
    announced: &Announced,
    client: &OAuth2Client,
) -> Result<TokenResponse, Error> {
    let mut request = client.client_credentials();
    if announced.scopes.iter().any(|scope| scope == "orders.read") {
        request = request.scopes(["orders.read"]);
    }
    for (name, value) in &announced.service_parameters {
        request = request.parameter(name, value.as_str());
    }
    if let Some(resource) = &announced.resource {
        request = request.parameter("resource", resource.as_str());
    }
    request.send().await
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&decode(token.split('.').nth(index).unwrap())).unwrap()
}

fn claims(token: &str) -> Value {
    part(token, 1)
}
