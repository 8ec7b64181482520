//! What a token endpoint answers where a refresh token is not accepted (RFC 6749 section 5.2).

use super::World;
use jamguard::store::{MemoryStore, Record, Store, StoreFuture};
use jamguard::{AuthResponse, Error, ErrorKind, RefreshTokens};

/// A store that cannot be read.
struct Down(MemoryStore);

impl Store for Down {
    passes_on!(0: insert replace remove owned remove_owned purge);

    fn get<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "told to fail")) })
    }
}

fn is_invalid_grant(error: &Error) {
    let answer = AuthResponse::for_error(error, "api");
    assert_eq!(answer.status(), 400, "{error}");
    assert_eq!(answer.body(), br#"{"error":"invalid_grant"}"#);
    let headers: Vec<_> = answer.headers().collect();
    let expected = [("cache-control", "no-store"), ("content-type", "application/json")];
    assert_eq!(headers, expected, "{error}");
}

#[tokio::test]
async fn a_refused_refresh_token_is_an_invalid_grant() {
    let world = World::new();
    let token = world.issue().await;
    let refused = async |token: &str, kind: ErrorKind| {
        let error = world.tokens.rotate(token).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        is_invalid_grant(&error);
    };
    refused("garbage", ErrorKind::Malformed).await;
    is_invalid_grant(&world.tokens.revoke("garbage").await.unwrap_err());
    world.rotate(&token).await.unwrap();
    world.later();
    refused(&token, ErrorKind::Reused).await;
    let ended = world.issue().await;
    world.tokens.revoke(&ended).await.unwrap();
    refused(&ended, ErrorKind::Revoked).await;
}

/// The client keeps its token and tries again.
#[tokio::test]
async fn an_outage_is_no_invalid_grant() {
    let down = Down(MemoryStore::new());
    let tokens = RefreshTokens::<()>::builder(down).build().unwrap();
    let token = tokens.issue("ann", &()).await.unwrap();
    let error = tokens.rotate(token.expose()).await.unwrap_err();
    let answer = AuthResponse::for_error(&error, "api");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
}
