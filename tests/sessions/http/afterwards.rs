//! What happens to a session when the head of the answer is out: behind event streams, upgraded
//! connections, and clients that went away.

use crate::http::site::{Cart, World};
use crate::http::{COOKIE, Client};
use crate::support::{Request, Servers, open};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{App, HttpResponse, web};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::any;
use jamguard::{Error, ErrorKind, Session, SessionId, Sessions};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore, mpsc};

/// Passed by the task behind an answer once the test has seen the answer's head.
static HEAD_SEEN: Semaphore = Semaphore::const_new(0);
/// One test at a time uses it.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What a handler does to its session before the answer.
async fn prepare(session: &Session<Cart>, asked: &str) -> Result<(), Error> {
    match asked {
        "/login" => session.login("ann").await,
        "/rotate" => session.rotate_id().await,
        "/put" => session.modify(|cart| cart.items.push("tea".into())),
        _ => Ok(()),
    }
}

/// What every change of the session comes to, and the session's id.
async fn changes(mut session: Session<Cart>) -> (Vec<String>, Option<SessionId>) {
    let kind = |answer: Result<(), Error>| match answer {
        Ok(()) => "done".to_owned(),
        Err(error) => {
            assert!(error.message().contains("Sessions::modify"), "{error}");
            error.kind().to_string()
        }
    };
    let kinds = vec![
        kind(session.modify(|cart| cart.items.push("late".into()))),
        kind(session.set(Cart::default())),
        kind(session.get_mut().map(drop)),
        kind(session.login("eve").await),
        kind(session.rotate_id().await),
        kind(session.step_up(&["mfa"]).await),
    ];
    (kinds, session.id())
}

/// The task behind an answer: one line of what its changes came to, and of what `Sessions::modify`
/// then did.
async fn afterwards(session: Session<Cart>, sessions: Sessions) -> String {
    HEAD_SEEN.acquire().await.unwrap().forget();
    let (kinds, id) = changes(session).await;
    let Some(id) = id else {
        return format!("{kinds:?} no session");
    };
    assert_eq!(format!("{id:?}"), "SessionId(redacted)");
    let change = |cart: &mut Cart| cart.items.push("later".into());
    match sessions.modify(&id, change).await {
        Ok(()) => format!("{kinds:?} saved"),
        Err(error) => format!("{kinds:?} {}", error.kind()),
    }
}

/// A body that is written while it is sent.
struct Stream(mpsc::Receiver<String>);

impl Stream {
    fn of(line: impl Future<Output = String> + Send + 'static) -> Self {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move { send.send(line.await).await });
        Self(receive)
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let line = self.0.poll_recv(cx);
        line.map(|line| line.map(|line| Ok(http_body::Frame::data(line.into()))))
    }
}

impl MessageBody for Stream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let line = self.0.poll_recv(cx);
        line.map(|line| line.map(|line| Ok(line.into())))
    }
}

/// Events, or an upgraded connection, behind whatever was done to the session.
async fn servers(world: &World) -> Servers {
    let (auth, sessions) = (world.auth.clone(), world.sessions.clone());
    let in_axum = async move |session: Session<Cart>, mut request: axum::extract::Request| {
        prepare(&session, request.uri().path()).await?;
        let line = afterwards(session, sessions);
        if request.headers().get("upgrade").is_none() {
            let body = Body::new(Stream::of(line));
            return Ok(http::Response::new(body));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let upgraded = upgrade.await.unwrap();
            let mut connection = hyper_util::rt::TokioIo::new(upgraded);
            connection.write_all(line.await.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
        });
        let answer = http::Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "line");
        Ok::<_, Error>(answer.body(Body::empty()).unwrap())
    };
    let router = Router::new().route("/{what}", any(in_axum)).layer(auth.layer());
    let sessions = world.sessions.clone();
    Servers::apps(router, move || {
        let sessions = sessions.clone();
        let in_actix = move |session: Session<Cart>, request: actix_web::HttpRequest| {
            let sessions = sessions.clone();
            async move {
                prepare(&session, request.uri().path()).await?;
                let body = Stream::of(afterwards(session, sessions));
                let mut answer = match request.headers().get("upgrade") {
                    None => HttpResponse::Ok(),
                    Some(_) => {
                        let mut answer = HttpResponse::SwitchingProtocols();
                        answer.upgrade("line");
                        answer
                    }
                };
                Ok::<_, Error>(answer.body(BoxBody::new(body)))
            }
        };
        App::new().service(web::resource("/{what}").to(in_actix)).wrap(auth.actix())
    })
    .await
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains(end) {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut chunk));
        let length = read.await.expect("the server goes on").unwrap();
        assert!(length > 0, "the server closed behind {text:?}");
        text.push_str(&String::from_utf8_lossy(&chunk[..length]));
    }
    text
}

const REFUSED: &str = "already_answered";

fn all_refused(saved: &str) -> String {
    format!("{:?} {saved}", [REFUSED; 6])
}

async fn behind_the_head(upgrade: bool) {
    let _alone = ALONE.lock().await;
    let world = World::new().await;
    let servers = servers(&world).await;
    for (name, address) in servers.each() {
        for path in ["/look", "/put", "/login", "/rotate"] {
            let mut client = Client { address, id: None };
            let id = world.sessions.create(None, &Cart::default()).await.unwrap();
            let request = Request::get(path).cookie(COOKIE, id.expose());
            let request = match upgrade {
                true => Request::upgrade(path).cookie(COOKIE, id.expose()),
                false => request,
            };
            let mut stream = open(address, &request.bytes()).await;
            let head = read_until(&mut stream, "\r\n\r\n").await;
            let status = if upgrade { " 101 " } else { " 200 " };
            assert!(head.contains(status), "{name} {path} {head}");
            HEAD_SEEN.add_permits(1);
            let line = read_until(&mut stream, "saved").await;
            assert!(line.contains(&all_refused("saved")), "{name} {path} {line}");
            // Under the id that the browser has now, and nothing else was written.
            let set = head.lines().find_map(|line| {
                let cookie = line.split_once(&format!("{COOKIE}="))?.1;
                cookie.split(';').next()
            });
            client.id = Some(set.unwrap_or(id.expose()).to_owned());
            assert_eq!(set.is_some(), matches!(path, "/login" | "/rotate"));
            let now = SessionId::parse(&client.id()).unwrap();
            let saved = world.sessions.get::<Cart>(&now).await.unwrap().unwrap();
            let items = if path == "/put" { "tea later" } else { "later" };
            assert_eq!(saved.items.join(" "), items, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn a_stream_cannot_change_its_session_but_by_its_id() {
    behind_the_head(false).await;
}

#[tokio::test]
async fn an_upgraded_connection_cannot_change_its_session_but_by_its_id() {
    behind_the_head(true).await;
}

/// A session that nothing was written to has no id, before the answer and behind it.
#[tokio::test]
async fn a_guest_without_a_session_has_no_id() {
    let _alone = ALONE.lock().await;
    let world = World::new().await;
    let servers = servers(&world).await;
    for (name, address) in servers.each() {
        let mut stream = open(address, &Request::get("/look").bytes()).await;
        read_until(&mut stream, "\r\n\r\n").await;
        HEAD_SEEN.add_permits(1);
        let line = read_until(&mut stream, "no session").await;
        assert!(line.contains(&all_refused("no session")), "{name} {line}");
    }
}

/// axum drops the layer's future when the client goes; a task that holds the session lives on.
/// (actix-web lets the handler come to its end.)
#[tokio::test]
async fn a_change_for_a_client_that_is_gone_is_an_error() {
    let world = World::new().await;
    let (found, mut finds) = mpsc::unbounded_channel::<Session<Cart>>();
    let handler = async move |session: Session<Cart>| {
        found.send(session).unwrap();
        std::future::pending::<()>().await;
    };
    let router = Router::new().route("/", any(handler)).layer(world.auth.layer());
    let (address, server) = crate::support::serve_axum(router).await;
    let client = open(address, &Request::get("/").bytes()).await;
    let session = finds.recv().await.unwrap();
    let in_time = session.modify(|cart| cart.items.push("in time".into()));
    in_time.unwrap();
    drop(client);
    let mut kind = None;
    let closed = async || {
        let late = session.modify(|cart| cart.items.push("late".into()));
        kind = late.err().map(|error| error.kind());
        kind.is_some()
    };
    crate::support::wait::until("the request ends", closed).await;
    assert_eq!(kind, Some(ErrorKind::AlreadyAnswered));
    server.abort();
}
