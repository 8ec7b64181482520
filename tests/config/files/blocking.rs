//! Programs without an async runtime.

use crate::files::{builder, jam};
use crate::support::redis::Server;
use jamguard::config::Format;
use jamguard::emulator::{AppSettings, Emulator};
use jamguard::{Error, ErrorKind};
use serde_json::json;

/// Memory, Redis and HTTP, from a plain thread.
#[test]
fn a_command_line_tool_needs_no_runtime_of_its_own() {
    let server = Server::start();
    let text = format!(
        "
        [jam.stores.main.redis]
        url = '{}'
        [jam.sessions]
        store = 'main'
        [jam.jwt]
        algorithm = 'HS256'
        secret = '${{SECRET}}'
        ",
        server.url()
    );
    let jam = builder().from_str(&text, Format::Toml).unwrap();
    let token = jam.block_on(jam.jwt().unwrap().issue(&json!({"sub": "42"}))).unwrap();
    let verifier = jam.jwt().unwrap().verifier();
    let verified = jam.block_on(verifier.verify(token.expose())).unwrap();
    assert_eq!(verified.subject(), Some("42"));
    let sessions = jam.sessions().unwrap();
    let id = jam.block_on(sessions.create(Some("ann"), &json!({"n": 1}))).unwrap();
    // Several threads may do so at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let found = jam.block_on(sessions.get::<serde_json::Value>(&id));
                assert_eq!(found.unwrap().unwrap()["n"], 1);
            });
        }
    });
    let failed: Result<(), Error> =
        jam.block_on(async { sessions.update(&id, &"x".repeat(99_999)).await });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Configuration);
}

/// The client's requests and the fetching of keys need a runtime with I/O and time.
#[test]
fn http_works_without_a_runtime_of_ones_own() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(Emulator::builder().start()).unwrap();
    let app = emulator.add_app(AppSettings::new("some-app")).unwrap();
    let text = format!(
        "[jam.apps.main]\napp_id = '{}'\nbase_url = '{}'",
        app.app_id(),
        emulator.base_url()
    );
    let jam = jam(&text).unwrap();
    jam.block_on(jam.client().unwrap().authenticate("ann@example.com")).unwrap();
    jam.block_on(jam.client().unwrap().authenticate("bob@example.com")).unwrap();
}

/// Where blocking is allowed though it is inside of a runtime, the error says what works there.
#[tokio::test]
async fn on_a_blocking_thread_of_a_runtime_the_advice_works() {
    let work = tokio::task::spawn_blocking(|| {
        let jam = jam("[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'").unwrap();
        let claims = json!({"sub": "42"});
        let refused = jam.block_on(jam.jwt().unwrap().issue(&claims)).unwrap_err();
        let advice = "tokio::runtime::Handle::current().block_on(…) on a thread of spawn_blocking";
        assert!(refused.message().contains(advice), "{refused}");
        let handle = tokio::runtime::Handle::current();
        let token = handle.block_on(jam.jwt().unwrap().issue(&claims)).unwrap();
        let verifier = jam.jwt().unwrap().verifier();
        handle.block_on(verifier.verify(token.expose())).unwrap();
    });
    work.await.unwrap();
}

/// Inside of a runtime it would stand still: it says so. Dropped there, it does no harm.
#[tokio::test]
async fn inside_of_a_runtime_it_refuses() {
    let made = std::thread::spawn(|| {
        let jam = jam("[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'").unwrap();
        jam.block_on(jam.jwt().unwrap().issue(&json!({}))).unwrap();
        jam
    });
    let jam = made.join().unwrap();
    let refused = jam.block_on(jam.jwt().unwrap().issue(&json!({}))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    assert!(refused.message().contains(".await"));
    drop(jam);
}
