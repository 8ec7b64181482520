//! Connections that outlive their request: the credential of a WebSocket, and whether the identity is
//! still valid.

use crate::support::{ANN, BOB, Request, Servers, Site, World, damaged, open, serve_axum};
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::store::MemoryStore;
use jamguard::testing::ManualClock;
use jamguard::{
    Authenticator, CredentialSource, Error, ErrorKind, Identity, Session, SessionCookie, SessionId,
    Sessions, TokenList, Validity,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PROTOCOLS: &str = "sec-websocket-protocol";

fn kubernetes(token: &str) -> String {
    format!("base64url.bearer.authorization.k8s.io.{}", URL_SAFE_NO_PAD.encode(token))
}

fn websocket(world: &World) -> Authenticator {
    let sources = [CredentialSource::bearer(), CredentialSource::websocket()];
    world.auth().sources(sources).build().unwrap()
}

#[tokio::test]
async fn a_token_among_the_subprotocols_is_a_credential() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(websocket(&world))).await;
    let (ann, bob) = (world.token(), world.app.id_token(BOB).unwrap());
    let ask = |values: &[String]| {
        let request = Request::get("/identity");
        let request =
            values.iter().fold(request, |request, value| request.header(PROTOCOLS, value));
        servers.ask(request)
    };
    for values in [
        vec![format!("bearer, {ann}")],
        vec![format!("chat,Bearer ,{ann}")],
        vec![format!("bearer,{ann}, chat")],
        vec!["chat, bearer".to_owned(), ann.clone()],
        vec![kubernetes(&ann)],
        vec![format!("chat, {}", kubernetes(&ann))],
    ] {
        let answer = ask(&values).await;
        assert_eq!(answer.text(), format!("websocket {ANN}"), "{values:?}");
        assert!(answer.header("vary").unwrap().contains(PROTOCOLS));
    }
    for values in [
        vec!["bearer".to_owned()],
        vec!["bearer, ".to_owned()],
        vec!["chat, bearer".to_owned()],
        vec![format!("bearer, {ann}, bearer, {ann}")],
        vec![format!("bearer, {ann}, {}", kubernetes(&ann))],
        vec![kubernetes(&ann), kubernetes(&bob)],
        vec![kubernetes("")],
        vec![format!("{}=", kubernetes(&ann))],
        vec!["base64url.bearer.authorization.k8s.io.???".to_owned()],
        vec![kubernetes("two words")],
    ] {
        assert_eq!(ask(&values).await.status, 400, "{values:?}");
    }
    for values in
        [vec![format!("bearer, {}", damaged(&ann))], vec![kubernetes(&damaged(&ann))], vec![]]
    {
        assert_eq!(ask(&values).await.status, 401, "{values:?}");
    }
    // Not a subprotocol that holds a token.
    assert_eq!(ask(&[format!("chat, bearer-{ann}")]).await.status, 401);
    // The first source decides.
    let both = Request::get("/identity").bearer(&bob).header(PROTOCOLS, format!("bearer, {ann}"));
    assert_eq!(servers.ask(both).await.text(), format!("bearer {BOB}"));
}

#[tokio::test]
async fn a_token_among_the_subprotocols_is_read_only_where_that_is_set() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let request = Request::get("/identity").header(PROTOCOLS, format!("bearer, {}", world.token()));
    assert_eq!(servers.ask(request).await.status, 401);
}

/// A WebSocket after its handshake: the head of the response, and the connection.
async fn connect(address: SocketAddr, protocols: &str) -> (String, TcpStream) {
    let handshake = format!(
        "GET /live HTTP/1.1\r\nhost: app.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: {protocols}\r\n\r\n"
    );
    let mut stream = open(address, handshake.as_bytes()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap(), stream)
}

/// Sends a message and returns the kind and content of the server's next frame.
async fn say(stream: &mut TcpStream, text: &str) -> (u8, Vec<u8>) {
    // Masked with zeros, as a client must.
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).await.unwrap();
    let (kind, length) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
    let mut content = vec![0; length.into()];
    stream.read_exact(&mut content).await.unwrap();
    (kind, content)
}

/// Answers each message as long as the identity is valid.
async fn live(upgrade: WebSocketUpgrade, identity: Identity) -> Response {
    let mut validity = identity.validity();
    upgrade.protocols(["chat", "bearer"]).on_upgrade(async move |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let answer = match validity.check().await {
                Ok(()) => message,
                Err(_) => Message::Close(Some(CloseFrame { code: 3000, reason: "".into() })),
            };
            let _ = socket.send(answer).await;
        }
    })
}

#[tokio::test]
async fn a_socket_speaks_the_applications_protocol_until_its_token_expires() {
    let world = World::new().await;
    let auth = websocket(&world);
    let router = Router::new().route("/live", any(live)).layer(auth.layer());
    let (address, task) = serve_axum(router).await;
    let token = world.token();
    for (offered, selected) in [
        (format!("chat, bearer, {token}"), "chat"),
        (format!("bearer, {token}, chat"), "chat"),
        (format!("bearer, {token}"), "bearer"),
        (format!("{}, chat", kubernetes(&token)), "chat"),
    ] {
        let (head, mut stream) = connect(address, &offered).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains(&format!("{PROTOCOLS}: {selected}\r\n")), "{head}");
        assert!(!head.contains(&token) && !head.contains(&kubernetes(&token)));
        assert_eq!(say(&mut stream, "hello").await, (0x81, b"hello".to_vec()));
    }
    let (head, _) = connect(address, "chat").await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");

    let (_, mut stream) = connect(address, &format!("bearer, {token}")).await;
    assert_eq!(say(&mut stream, "hello").await, (0x81, b"hello".to_vec()));
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(say(&mut stream, "hello").await, (0x88, 3000_u16.to_be_bytes().to_vec()));
    task.abort();
}

#[tokio::test]
async fn a_validity_ends_with_the_tokens_expiry_and_revocation() {
    let world = World::new().await;
    let denied = TokenList::deny(MemoryStore::new()).build().unwrap();
    let auth = world.auth().deny_list(denied.clone()).clock(world.clock.clone()).build().unwrap();
    let (one, other) = (world.token(), world.app.id_token(BOB).unwrap());
    let identity = auth.authenticate(&one).await.unwrap();
    let (mut one, mut other) =
        (identity.validity(), auth.authenticate(&other).await.unwrap().validity());
    one.check().await.unwrap();
    denied.revoke(identity.token().unwrap()).await.unwrap();
    assert_eq!(kind(&mut one).await, Some(ErrorKind::Revoked));
    assert_eq!(kind(&mut other).await, None);
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(kind(&mut other).await, Some(ErrorKind::Expired));
}

/// The error of a check.
async fn kind(validity: &mut Validity) -> Option<ErrorKind> {
    validity.check().await.err().map(|error| error.kind())
}

/// What a handler keeps for later.
type Kept = Arc<Mutex<Option<Validity>>>;

async fn begin(session: Session<u32>, Path(user): Path<String>) -> Result<(), Error> {
    session.login(&user).await
}

async fn keep(identity: Identity, State(kept): State<Kept>) {
    *kept.lock().unwrap() = Some(identity.validity());
}

#[tokio::test]
async fn a_validity_ends_with_the_session_and_not_with_its_id() {
    let clock = ManualClock::at(1_700_000_000);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let sessions = Sessions::builder(store).build().unwrap();
    let auth = Authenticator::builder()
        .sessions(sessions.clone())
        .session_cookie(SessionCookie::new().danger_plain_http())
        .clock(clock.clone())
        .build()
        .unwrap();
    let kept = Kept::default();
    let router = Router::new()
        .route("/login/{user}", post(begin))
        .route("/keep", get(keep))
        .with_state(kept.clone())
        .layer(auth.layer());
    let (address, task) = serve_axum(router).await;
    let login = async |user: &str| {
        let request = Request::post(&format!("/login/{user}"), "");
        let answer = crate::support::send(address, &request).await;
        let cookie = answer.header("set-cookie").unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let keep = async |cookie: &str| {
        let request = Request::get("/keep").header("cookie", cookie);
        assert_eq!(crate::support::send(address, &request).await.status, 200);
        kept.lock().unwrap().take().unwrap()
    };
    let id = |cookie: &str| SessionId::parse(cookie.split_once('=').unwrap().1).unwrap();

    let cookie = login("ann").await;
    let (mut validity, mut second) = (keep(&cookie).await, keep(&login("ann").await).await);
    assert_eq!(kind(&mut validity).await, None);
    // Another id, also long after the record of the first one is gone.
    let rotated = sessions.rotate_id(&id(&cookie)).await.unwrap();
    assert_eq!(kind(&mut validity).await, None);
    let mut late = validity.clone();
    let again = sessions.rotate_id(&rotated).await.unwrap();
    clock.advance(Duration::from_secs(600));
    assert_eq!(kind(&mut late).await, None);
    sessions.end(&again).await.unwrap();
    assert_eq!(kind(&mut validity).await, Some(ErrorKind::Revoked));
    assert_eq!(kind(&mut late).await, Some(ErrorKind::Revoked));
    // The user's other device is still logged in, until it is idle for too long.
    assert_eq!(kind(&mut second).await, None);
    clock.advance(Duration::from_secs(365 * 24 * 3600));
    assert_eq!(kind(&mut second).await, Some(ErrorKind::Revoked));
    task.abort();
}
