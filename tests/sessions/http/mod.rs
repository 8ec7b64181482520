//! Sessions through both frameworks, over real HTTP: what `Session<T>` promises, attacks, and what
//! happens when the store fails or the client goes away. A number in a test's name is the row of
//! `docs/attacks.md` or `docs/faults.md`.

mod afterwards;
mod attacks;
mod conflicts;
mod cookies;
mod credential;
mod faults;
mod middlewares;
mod parity;
mod races;
mod saving;
mod site;
mod store;
mod types;

use crate::support::gate::Gate;
use crate::support::{NOW, Request, Response};

/// A browser, as far as its session's cookie goes.
#[derive(Clone)]
pub(crate) struct Client {
    address: std::net::SocketAddr,
    pub(crate) id: Option<String>,
}

pub(crate) const COOKIE: &str = "__Host-jam_session";

impl Client {
    pub(crate) fn with(&self, id: impl Into<String>) -> Self {
        Self { address: self.address, id: Some(id.into()) }
    }

    /// Another browser.
    pub(crate) fn other(&self) -> Self {
        Self { address: self.address, id: None }
    }

    fn sent(&self, request: Request) -> Request {
        match &self.id {
            Some(id) => request.cookie(COOKIE, id),
            None => request,
        }
    }

    /// The answer; its cookie is kept.
    pub(crate) async fn ask(&mut self, request: Request) -> Response {
        let answer = crate::support::send(self.address, &self.sent(request)).await;
        for cookie in answer.all("set-cookie") {
            let Some(value) = cookie.strip_prefix(&format!("{COOKIE}=")) else {
                continue;
            };
            let id = value.split(';').next().unwrap();
            self.id = (!id.is_empty()).then(|| id.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.ask(Request::get(path)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Response {
        self.ask(Request::post(path, body)).await
    }

    /// Sends a request and leaves the answer unread.
    pub(crate) async fn begin(&self, request: Request) -> tokio::net::TcpStream {
        crate::support::open(self.address, &self.sent(request).bytes()).await
    }

    /// Sends `item` to a handler that waits at the returned gate; it has read the session.
    async fn held(&self, path: &str, item: &str) -> (tokio::net::TcpStream, Gate) {
        let (gate_name, gate) = site::closed_gate();
        let request = Request::post(path, &format!("{gate_name} {item}"));
        let connection = self.begin(request).await;
        gate.until_waiting(1).await;
        (connection, gate)
    }

    /// The cart's items, as a handler sees them.
    pub(crate) async fn items(&mut self) -> String {
        let answer = self.get("/cart").await;
        assert_eq!(answer.status, 200);
        answer.text().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.id.clone().expect("the browser has a session")
    }
}

pub(crate) fn is_removal(answer: &Response) -> bool {
    let removal = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    answer.header("set-cookie") == Some(&removal)
}
