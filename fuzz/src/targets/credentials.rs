//! The headers of a request: credentials in all places, and the session cookie.
//!
//! Oracle: axum and actix-web answer the same; an identity is that of a credential that was sent, found by
//! a second reader of RFC 6265 cookies and of `Authorization`.
//!
//! Each line is a header: `a` is `Authorization`, `c` is `Cookie`, `x` is `x-token`, and `q` is the query.
//! `TOKEN-A`, `TOKEN-B` and `SESSION` stand for credentials of ann, bob and eve.

use crate::Verdict;
use crate::common::{AUDIENCE, HMAC, ISSUER, NOW, block_on, clock, sign, verifier};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use actix_web::{App, HttpResponse};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Request};
use jamguard::store::MemoryStore;
use jamguard::{Authenticator, CredentialSource, Identity, SessionCookie, Sessions};
use serde_json::json;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use tower::ServiceExt as _;

pub const WORDS: &[&str] = &[
    "a:Bearer TOKEN-A",
    "a:bearer  TOKEN-B",
    "a:Basic YTpi",
    "c:token=TOKEN-A",
    "c:token=\"TOKEN-B\"",
    "c:__Host-session=SESSION",
    "x:TOKEN-A",
    "q:access_token=TOKEN-B",
    "TOKEN-A",
    "TOKEN-B",
    "SESSION",
    "; ",
    ";",
    "=",
    "\"",
    "\t",
    " ",
    ",",
    "\n",
    "%54",
    "&",
    "+",
    "\u{80}",
    "token=",
    "a=b",
    "Bearer",
];

struct World {
    axum: axum::Router,
    actix: Box<dyn Fn(TestRequest) -> Answer>,
    words: [(&'static str, String); 3],
}

type Answer = (u16, Vec<String>, Vec<u8>);

thread_local! {
    /// Never dropped: actix-web uses other values of the thread when it is.
    static WORLD: ManuallyDrop<World> = ManuallyDrop::new(world());
}

async fn who(identity: Option<Identity>) -> String {
    match identity {
        Some(identity) => format!("user {}", identity.subject().unwrap_or_default()),
        None => "anonymous".to_owned(),
    }
}

async fn who_in_actix(identity: Option<Identity>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(who(identity).await)
}

fn world() -> World {
    let token = |user: &str| {
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": NOW + 600});
        sign(&HMAC, br#"{"alg":"HS256"}"#, claims.to_string().as_bytes())
    };
    let store = MemoryStore::builder().clock(clock()).build().unwrap();
    let sessions = Sessions::builder(store).clock(clock()).build().unwrap();
    let session = block_on(sessions.create(Some("eve"), &())).unwrap();
    let auth = Authenticator::builder()
        .verifier(verifier())
        .sources([
            CredentialSource::bearer(),
            CredentialSource::header("x-token"),
            CredentialSource::cookie("token"),
            CredentialSource::session(),
            CredentialSource::query("access_token"),
        ])
        .sessions(sessions)
        .session_cookie(SessionCookie::new().with_name("__Host-session"))
        .clock(clock())
        .build()
        .unwrap();
    let axum = axum::Router::new().route("/", axum::routing::get(who)).layer(auth.layer());
    let app = App::new().wrap(auth.actix()).route("/", actix_web::web::get().to(who_in_actix));
    let service = Rc::new(block_on(actix_web::test::init_service(app)));
    let actix = move |request: TestRequest| {
        let service = service.clone();
        block_on(async move {
            let response: ServiceResponse = match service.call(request.to_request()).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => panic!("actix-web answers with an error: {error}"),
            };
            let headers = response.headers().iter();
            let headers = listed(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
            let status = response.status().as_u16();
            (status, headers, actix_web::test::read_body(response).await.to_vec())
        })
    };
    World {
        axum,
        actix: Box::new(actix),
        words: [
            ("TOKEN-A", token("ann")),
            ("TOKEN-B", token("bob")),
            ("SESSION", session.expose().to_owned()),
        ],
    }
}

fn listed<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<String> {
    let mut headers: Vec<String> = headers
        .filter(|(name, _)| !["content-length", "date"].contains(name))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    headers.sort();
    headers
}

pub fn run(data: &[u8]) -> Verdict {
    WORLD.with(|world| run_in(world, data))
}

fn run_in(world: &World, data: &[u8]) -> Verdict {
    let mut headers: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut query = String::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((kind, value)) = line.split_at_checked(2) else { continue };
        let value = filled(value, &world.words);
        match kind {
            b"a:" => headers.push(("authorization", value)),
            b"c:" => headers.push(("cookie", value)),
            b"x:" => headers.push(("x-token", value)),
            b"q:" => query = format!("?{}", String::from_utf8_lossy(&value)),
            _ => {}
        }
    }
    let uri = format!("/{query}");
    let mut request = Request::builder().uri(&uri);
    let mut same = TestRequest::default();
    for (name, value) in &headers {
        // No server passes on a value that is no header value, nor white space around it.
        let value = value.trim_ascii();
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return Verdict::Refused;
        };
        let other = actix_web::http::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        same = same.append_header((*name, other));
        request = request.header(HeaderName::from_static(name), value);
    }
    let (Ok(request), Ok(other)) =
        (request.body(Body::empty()), uri.parse::<actix_web::http::Uri>())
    else {
        return Verdict::Refused;
    };
    let same = same.uri(&other.to_string());
    let (status, answered, body) = block_on(async {
        let response = world.axum.clone().oneshot(request).await.unwrap();
        let headers = response.headers().iter();
        let headers = listed(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
        let status = response.status().as_u16();
        (status, headers, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    });
    let shown = || String::from_utf8_lossy(data);
    let (actix_status, actix_headers, actix_body) = (world.actix)(same);
    assert_eq!((status, &answered), (actix_status, &actix_headers), "{:?}", shown());
    assert_eq!(body, actix_body, "{:?}", shown());
    let body = String::from_utf8(body).unwrap();
    let sent = credentials(&headers, &query);
    let user = body.strip_prefix("user ");
    if let Some(user) = user {
        let at = ["ann", "bob", "eve"].iter().position(|known| *known == user).unwrap();
        let (_, credential) = &world.words[at];
        assert!(sent.contains(&credential.as_bytes().to_vec()), "{user} in {:?}", shown());
    }
    // One good credential alone is accepted.
    if let [only] = &sent[..]
        && headers.len() <= 1
        && world.words.iter().any(|(_, known)| known.as_bytes() == only)
        // A parameter's name is not decoded.
        && (query.is_empty() || headers.is_empty() && !query.contains(['%', '+']))
    {
        assert!(user.is_some(), "{status} {body} for {:?}", shown());
    }
    match user {
        Some(_) => Verdict::Accepted,
        None => Verdict::Refused,
    }
}

fn filled(value: &[u8], words: &[(&str, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = value;
    'next: while let Some((first, after)) = rest.split_first() {
        for (name, word) in words {
            if let Some(after) = rest.strip_prefix(name.as_bytes()) {
                out.extend_from_slice(word.as_bytes());
                rest = after;
                continue 'next;
            }
        }
        out.push(*first);
        rest = after;
    }
    out
}

/// The credentials of a request, each in the place that it belongs to.
fn credentials(headers: &[(&str, Vec<u8>)], query: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (name, value) in headers {
        let value = value.trim_ascii();
        match *name {
            "authorization" => {
                let space = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
                let (scheme, token) = value.split_at(space);
                if scheme.eq_ignore_ascii_case(b"bearer") {
                    found.push(token.trim_ascii().to_vec());
                }
            }
            "cookie" => {
                for pair in value.split(|byte| *byte == b';') {
                    let pair = pair.trim_ascii();
                    let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
                    let (name, value) = (&pair[..equals], &pair[equals + 1..]);
                    if name == b"token" || name == b"__Host-session" {
                        let inner = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\""));
                        found.push(inner.unwrap_or(value).to_vec());
                    }
                }
            }
            _ => found.push(value.to_vec()),
        }
    }
    // `+` is a plus here: tokens have neither it nor spaces.
    let pairs = url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
    let tokens = pairs.filter(|(name, _)| name == "access_token");
    found.extend(tokens.map(|(_, value)| value.into_owned().into_bytes()));
    found.dedup();
    found
}
