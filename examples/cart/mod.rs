//! Shared code of both sessions examples, without the web framework.
//!
//! | request | answer |
//! |---|---|
//! | `POST /login` `{"user":"ann"}` | `{"user":"ann"}`; rotates the session's id and keeps the guest's cart |
//! | `GET /cart` | `{"user":null,"items":[]}` |
//! | `POST /cart` `{"item":"tea"}` | the whole cart, with the item at the end |
//! | `POST /slow` `{"item":"tea","ms":500}` | the same, after a wait between reading and saving |
//! | `GET /devices` | `{"devices":[{"handle":"…","device":"curl/8.5.0","created":1700000000,"last_seen":1700000000,"this":true}]}`, times in Unix seconds; 401 without a login |
//! | `POST /logout` | `{"user":null,"items":[]}` |
//! | `POST /logout-everywhere` | `{"ended":2}`; 401 without a login |
//! | `GET /` | a page for all of these |

use jamguard::store::{CachedStore, FileStore, MemoryStore, RedisStore, Store};
use jamguard::{Authenticator, Error, ErrorKind, Session, SessionCookie, Sessions};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The session data: any type that serde can serialize and deserialize.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cart {
    items: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Login {
    user: String,
}

#[derive(serde::Deserialize)]
struct Item {
    item: String,
    #[serde(default)]
    ms: u64,
}

/// Maximum cart size in bytes of JSON; below the session limit of 64 KiB.
const MAX_CART: usize = 60_000;

/// Maximum wait, in milliseconds.
const MAX_WAIT: u64 = 60_000;

/// Returns the whole cart and its user.
pub(crate) fn look(cart: &Session<Cart>) -> Value {
    json!({ "user": cart.user(), "items": cart.items })
}

/// Logs in without a password; a real app checks a credential here.
pub(crate) async fn login(cart: &Session<Cart>, body: &str) -> Result<Value, Error> {
    let Login { user } = parse(body)?;
    if user.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "the user name is empty"));
    }
    cart.login(&*user).await?;
    Ok(json!({ "user": user }))
}

pub(crate) fn put(cart: &Session<Cart>, body: &str) -> Result<Value, Error> {
    let Item { item, .. } = parse(body)?;
    let filled = json!([cart.items, item]).to_string();
    if filled.len() > MAX_CART {
        return Err(Error::new(ErrorKind::InvalidRequest, "the cart is full"));
    }
    // Runs again if another request saves the cart first, so that both items are kept.
    cart.modify(move |cart| cart.items.push(item.clone()))?;
    Ok(look(cart))
}

/// Waits between reading and saving the cart; a logout in between is not undone.
pub(crate) async fn put_slowly(cart: &Session<Cart>, body: &str) -> Result<Value, Error> {
    let Item { ms, .. } = parse(body)?;
    tokio::time::sleep(Duration::from_millis(ms.min(MAX_WAIT))).await;
    put(cart, body)
}

pub(crate) async fn devices(cart: &Session<Cart>) -> Result<Value, Error> {
    let this = cart.handle();
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let devices: Vec<Value> = cart
        .devices()
        .await?
        .iter()
        .map(|session| {
            json!({
                "handle": session.handle(),
                "device": session.device(),
                "created": seconds(session.created_at()),
                "last_seen": seconds(session.last_seen()),
                "this": Some(session.handle()) == this.as_deref(),
            })
        })
        .collect();
    Ok(json!({ "devices": devices }))
}

pub(crate) async fn logout(cart: &Session<Cart>) -> Result<Value, Error> {
    cart.end().await?;
    Ok(look(cart))
}

pub(crate) async fn logout_everywhere(cart: &Session<Cart>) -> Result<Value, Error> {
    let ended = cart.end_all().await?;
    Ok(json!({ "ended": ended }))
}

/// Parses JSON by hand, so that both frameworks reject the same bodies.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Error> {
    serde_json::from_str(body)
        .map_err(|_| Error::new(ErrorKind::InvalidRequest, "the body is not the expected JSON"))
}

/// Opens the store that `JAM_STORE` names: `memory`, `file:PATH` or a `redis://` URL.
async fn store() -> Result<Arc<dyn Store>, Error> {
    let store = std::env::var("JAM_STORE").unwrap_or_else(|_| "memory".to_owned());
    Ok(match store.split_once(':') {
        None if store == "memory" => Arc::new(MemoryStore::new()),
        Some(("file", path)) if !path.is_empty() => {
            Arc::new(CachedStore::new(FileStore::open(path)?))
        }
        Some(("redis" | "rediss", _)) => {
            Arc::new(CachedStore::new(RedisStore::connect(&store).await?))
        }
        _ => {
            return Err(Error::new(
                ErrorKind::Configuration,
                "JAM_STORE must be memory, file:PATH or a redis:// URL",
            ));
        }
    })
}

pub(crate) async fn authenticator() -> Result<Authenticator, Error> {
    let sessions = Sessions::builder(store().await?).build()?;
    Authenticator::builder()
        .sessions(sessions)
        // For plain http in this example only; by default the cookie is Secure.
        .session_cookie(SessionCookie::new().with_name("__Host-cart_session").danger_plain_http())
        .realm("sessions")
        .build()
}

pub(crate) fn port() -> Result<u16, String> {
    match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a port, 0 to 65535".to_owned()),
        Err(_) => Ok(3000),
    }
}

/// Formats the error for a port that cannot be bound.
pub(crate) fn cannot_listen(port: u16, error: &std::io::Error) -> String {
    format!("cannot listen on port {port} of 127.0.0.1: {error}; choose another with PORT=…")
}

/// Prints the error, if any, and returns the exit code.
pub(crate) fn exit(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sessions: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn print_next_steps(port: u16) {
    println!(
        "\
The app: http://127.0.0.1:{port}/

With curl:
  curl -b jar -c jar -d '{{\"item\":\"tea\"}}' http://127.0.0.1:{port}/cart     # a guest's cart
  curl -b jar -c jar -d '{{\"user\":\"ann\"}}' http://127.0.0.1:{port}/login    # another id, the same cart
  curl -b jar -c jar http://127.0.0.1:{port}/cart
  curl -b jar -c jar http://127.0.0.1:{port}/devices
  curl -b jar -c jar -X POST http://127.0.0.1:{port}/logout-everywhere

Stop with Ctrl-C."
    );
}

/// The HTML page at `/`.
pub(crate) const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>jamguard sessions</title>
<body style="font-family: sans-serif; max-width: 40em; margin: 3em auto">
<h1>jamguard sessions</h1>
<p id="user"></p>
<form data-to="/login"><input name="user" placeholder="your name" required> <button>Log in</button></form>
<form data-to="/logout"><button>Log out</button></form>
<form data-to="/logout-everywhere"><button>Log out everywhere</button></form>
<h2>Cart</h2>
<ul id="cart"></ul>
<form data-to="/cart"><input name="item" placeholder="an item" required> <button>Put it in</button></form>
<form data-to="/slow" data-ms="3000"><input name="item" placeholder="an item" required> <button>Put it in after 3 seconds</button></form>
<h2>Your devices</h2>
<ul id="devices"></ul>
<p id="problem" style="color: #a00"></p>
<script>
const element = id => document.getElementById(id);
const list = (id, texts) => element(id).replaceChildren(...texts.map(text => {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}));
async function ask(path, body) {
  const answer = await fetch(path, body && { method: "POST", body: JSON.stringify(body) });
  const json = await answer.json();
  return answer.ok ? json : { problem: json.detail };
}
async function show() {
  const cart = await ask("/cart");
  element("user").textContent = cart.user ? `You are ${cart.user}.` : "You are a guest.";
  list("cart", cart.items || []);
  const { devices = [] } = cart.user ? await ask("/devices") : {};
  list("devices", devices.map(d => (d.this ? "this one: " : "") + d.device));
}
for (const form of document.forms) form.onsubmit = async event => {
  event.preventDefault();
  const body = Object.fromEntries(new FormData(form));
  if (form.dataset.ms) body.ms = +form.dataset.ms;
  const { problem = "" } = await ask(form.dataset.to, body);
  element("problem").textContent = problem;
  form.reset();
  show();
};
show();
</script>
</html>
"#;
