//! A provider on loopback that answers as it is told, and a client of it.

use crate::support::issuer::{Answer, NOW, Server};
use jamguard::oauth2::{OAuth2Client, OAuth2ClientBuilder, Pending, Provider, TokenResponse};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind};
use serde_json::{Value, json};
use std::error::Error as _;
use std::time::Duration;
use url::Url;

pub(crate) const CALLBACK: &str = "https://app.example/cb?x=1";
pub(crate) const CLIENT_SECRET: &str = "s3cr3t&= that nobody may see";
pub(crate) const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";
pub(crate) const ISSUER: &str = "https://idp.example";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    pub(crate) client: OAuth2Client,
}

/// What a provider answers.
pub(crate) fn tokens() -> Value {
    json!({
        "access_token": "access-1", "token_type": "bearer", "expires_in": 3600,
        "refresh_token": "refresh-1", "scope": "read write",
    })
}

pub(crate) fn json_answer(body: &Value) -> Answer {
    Answer::ok(body.to_string())
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|provider| provider, |client| client).await
    }

    pub(crate) async fn with(
        provider: impl FnOnce(Provider) -> Provider,
        client: impl FnOnce(OAuth2ClientBuilder) -> OAuth2ClientBuilder,
    ) -> Self {
        let server = Server::start().await;
        server.set("/token", json_answer(&tokens()));
        let clock = ManualClock::at(NOW);
        let acme = Provider::new("acme", server.url("/authorize"), server.url("/token"));
        let builder = OAuth2Client::builder(provider(acme.issuer(ISSUER)), "cid-123")
            .secret(CLIENT_SECRET)
            .redirect_url(CALLBACK)
            .scopes(["read", "write"])
            .timeout(Duration::from_millis(700))
            .clock(clock.clone());
        Self { client: client(builder).build().unwrap(), server, clock }
    }

    /// A login that began.
    pub(crate) async fn begun(&self) -> Pending {
        self.client.authorize().begin().await.unwrap().into_parts().1
    }

    /// A login from its beginning to its tokens.
    pub(crate) async fn login(&self) -> Result<TokenResponse, Error> {
        let pending = self.begun().await;
        let query = callback(&pending, "");
        self.client.callback(pending, &query)?.send().await
    }

    /// The form of the last request.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let request = self.server.requests().pop().unwrap();
        form_of(request.split_once("\r\n\r\n").unwrap().1)
    }

    /// The value of a header of the last request.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let request = self.server.requests().pop().unwrap();
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// The query of a callback that belongs to a login.
pub(crate) fn callback(pending: &Pending, more: &str) -> String {
    format!("code={CODE}&state={}{more}", pending.state().expose())
}

pub(crate) fn form_of(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

pub(crate) fn query_of(url: &str) -> Vec<(String, String)> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| &**v);
    let first = values.next();
    assert_eq!(values.next(), None, "{name} comes twice");
    first
}

#[track_caller]
pub(crate) fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.kind(),
    }
}

/// Everything that an error may show, its causes included.
pub(crate) fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}
