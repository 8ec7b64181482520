//! axum and actix-web give byte-identical answers to requests with sessions: status line, headers,
//! body. Only the ids differ, which are random.

use crate::http::site::{Cart, World};
use crate::http::{COOKIE, Client};
use crate::support::{Request, Response};
use jamguard::NewSession;

/// What the browser comes with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Comes {
    WithNothing,
    AsGuest,
    AsUser,
    WithDead,
    WithGarbage,
    WithTwo,
    /// Of a session that just got another id.
    WithOld,
    WithBearer,
    WithWrongBearer,
}

const ALL: [Comes; 9] = [
    Comes::WithNothing,
    Comes::AsGuest,
    Comes::AsUser,
    Comes::WithDead,
    Comes::WithGarbage,
    Comes::WithTwo,
    Comes::WithOld,
    Comes::WithBearer,
    Comes::WithWrongBearer,
];

impl World {
    async fn session(&self, new: NewSession) -> String {
        let items = vec!["tea".to_owned()];
        let new = new.data(&Cart { items }).device("browser");
        let id = self.sessions.create_with(new).await.unwrap();
        id.expose().to_owned()
    }

    /// The request of a browser with a session of its own.
    async fn sent(&self, comes: Comes, user: &str, request: Request) -> Request {
        match comes {
            Comes::WithNothing => request,
            Comes::AsGuest => request.cookie(COOKIE, &self.session(NewSession::guest()).await),
            Comes::AsUser => request.cookie(COOKIE, &self.session(NewSession::of(user)).await),
            Comes::WithDead => request.cookie(COOKIE, &"A".repeat(43)),
            Comes::WithGarbage => request.header("cookie", b"__Host-jam_session=\xff garbage"),
            Comes::WithTwo => request.header("cookie", format!("{COOKIE}=a; {COOKIE}=b")),
            Comes::WithOld => {
                let id = self.session(NewSession::of(user)).await;
                let read = jamguard::SessionId::parse(&id).unwrap();
                self.sessions.rotate_id(&read).await.unwrap();
                request.cookie(COOKIE, &id)
            }
            Comes::WithBearer => request.bearer(&self.token()),
            Comes::WithWrongBearer => request.bearer("wrong"),
        }
    }
}

/// All of the answer but the id that it gives.
fn without_id(answer: &Response) -> String {
    let mut text = answer.comparable();
    let given = answer.all("set-cookie").iter().find_map(|cookie| {
        let id = cookie.strip_prefix(&format!("{COOKIE}="))?.split(';').next()?;
        (id.len() == 43).then(|| id.to_owned())
    });
    if let Some(id) = given {
        text = text.replace(&id, "ID");
    }
    text
}

async fn compare(world: &World, comes: Comes, method: &str, path: &str, body: &str) -> u16 {
    let mut answers = Vec::new();
    for (name, mut client) in world.clients() {
        let request = match method {
            "POST" => Request::post(path, body),
            method => Request::new(method, path),
        };
        // Each has a user of its own, of a name as long as the other's.
        let user = format!("{}{path}{method}{comes:?}", &name[..3]);
        let request = world.sent(comes, &user, request).await;
        let answer = Client::ask(&mut client, request).await;
        answers.push((answer.status, without_id(&answer).replace(&user, "USER")));
    }
    let [ours, theirs] = &answers[..] else { unreachable!() };
    assert_eq!(ours, theirs, "{comes:?} {method} {path}");
    ours.0
}

#[tokio::test]
async fn axum_and_actix_web_answer_alike() {
    let world = World::new().await;
    let mut compared = 0;
    let mut statuses = std::collections::BTreeMap::new();
    let paths = [
        "/public",
        "/cart",
        "/put",
        "/by-hand",
        "/set",
        "/merged",
        "/twice",
        "/login",
        "/login-as-admin",
        "/login-and-put",
        "/rotate",
        "/rotate-and-put",
        "/logout",
        "/logout-and-put",
        "/logout-everywhere",
        "/devices",
        "/fails",
        "/refuses",
        "/is-new",
        "/caught",
        "/number",
        "/who",
        "/hello",
        "/guarded",
        "/guarded-cart",
    ];
    for comes in ALL {
        for path in paths {
            for method in ["GET", "HEAD", "POST"] {
                let waits = matches!(path, "/by-hand" | "/set" | "/merged");
                if waits && method != "POST" {
                    continue;
                }
                let body = if waits { "0 milk" } else { "milk" };
                let status = compare(&world, comes, method, path, body).await;
                *statuses.entry(status).or_insert(0) += 1;
                compared += 1;
            }
        }
    }
    world.store.set_read_only(true);
    // Sessions are made beforehand only where the store takes them.
    for comes in [Comes::WithNothing, Comes::WithDead] {
        for path in ["/cart", "/put", "/login", "/logout", "/guarded"] {
            let status = compare(&world, comes, "POST", path, "milk").await;
            *statuses.entry(status).or_insert(0) += 1;
            compared += 1;
        }
    }
    world.store.set_down(true);
    for comes in [Comes::WithNothing, Comes::WithDead, Comes::WithTwo] {
        for path in ["/cart", "/put", "/public", "/guarded", "/caught"] {
            let status = compare(&world, comes, "POST", path, "milk").await;
            *statuses.entry(status).or_insert(0) += 1;
            compared += 1;
        }
    }
    for status in [200, 400, 401, 403, 500, 503] {
        assert!(statuses.contains_key(&status), "no {status}: {statuses:?}");
    }
    assert!(compared >= 500, "only {compared} requests");
    println!(
        "parity: {compared} requests with sessions, each answered alike, byte by byte but for the \
         ids, by axum and actix-web: {statuses:?}"
    );
}
