//! The `oauth2` crate as an oracle: what both can do, both ask for in the same words.

use crate::client::world::*;
use jamguard::oauth2::SecretIn;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenUrl,
};
use std::sync::Mutex;

/// Answers what a provider would, and keeps what was asked.
struct Listener(Mutex<Vec<HttpRequest>>);

impl Listener {
    fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn answer(&self, request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
        self.0.lock().unwrap().push(request);
        Ok(HttpResponse::new(tokens().to_string().into_bytes()))
    }

    /// The members of the last form, without order, and the `Authorization` header.
    fn last(&self) -> (Vec<(String, String)>, Option<String>) {
        let request = self.0.lock().unwrap().pop().unwrap();
        let header = request.headers().get("authorization");
        let header = header.map(|value| value.to_str().unwrap().to_owned());
        (sorted(form_of(std::str::from_utf8(request.body()).unwrap())), header)
    }
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

#[tokio::test]
async fn the_same_requests_as_the_oauth2_crate() {
    for (place, auth_type) in
        [(SecretIn::Body, AuthType::RequestBody), (SecretIn::Header, AuthType::BasicAuth)]
    {
        let world = World::with(|p| p, |client| client.secret_in(place)).await;
        let theirs = BasicClient::new(ClientId::new("cid-123".into()))
            .set_client_secret(ClientSecret::new(CLIENT_SECRET.into()))
            .set_auth_uri(AuthUrl::new(world.server.url("/authorize")).unwrap())
            .set_token_uri(TokenUrl::new(world.server.url("/token")).unwrap())
            .set_redirect_uri(RedirectUrl::new(CALLBACK.into()).unwrap())
            .set_auth_type(auth_type);

        let begun = world.client.authorize().parameter("prompt", "login").begin().await.unwrap();
        let ours = query_of(begun.url());
        let (_, pending) = begun.into_parts();
        let query = callback(&pending, "");
        let state = pending.state().expose().to_owned();
        world.client.callback(pending, &query).unwrap().send().await.unwrap();
        let verifier = value(&world.form(), "code_verifier").unwrap().to_owned();
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (url, _) = theirs
            .authorize_url(|| CsrfToken::new(state))
            .add_scope(Scope::new("read".into()))
            .add_scope(Scope::new("write".into()))
            .add_extra_param("prompt", "login")
            .set_pkce_challenge(challenge)
            .url();
        assert_eq!(sorted(ours), sorted(query_of(url.as_str())));

        let listener = Listener::new();
        let http = |request| listener.answer(request);
        let same = || {
            let ours = (sorted(world.form()), world.header("authorization"));
            assert_eq!(ours, listener.last());
        };
        theirs
            .exchange_code(AuthorizationCode::new(CODE.into()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request(&http)
            .unwrap();
        same();
        world.client.refresh("RT+1 ä").send().await.unwrap();
        let token = RefreshToken::new("RT+1 ä".into());
        theirs.exchange_refresh_token(&token).request(&http).unwrap();
        same();
        let request = world.client.client_credentials().parameter("audience", "a&b");
        request.send().await.unwrap();
        theirs
            .exchange_client_credentials()
            .add_scope(Scope::new("read".into()))
            .add_scope(Scope::new("write".into()))
            .add_extra_param("audience", "a&b")
            .request(&http)
            .unwrap();
        same();
    }
}
