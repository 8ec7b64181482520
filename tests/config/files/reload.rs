//! A changed file is applied while requests are served, in both frameworks.

use crate::files::{SECRET, builder, message};
use crate::support::folder::Folder;
use crate::support::{Request, Servers, send};
use actix_web::web;
use axum::Router;
use axum::routing::get;
use jamguard::store::MemoryStore;
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Jamguard};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(super) struct File {
    _folder: Folder,
    pub(super) path: PathBuf,
}

impl File {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let folder = Folder::new(name);
        let path = folder.path().join("jam.toml");
        fs::write(&path, text).unwrap();
        Self { _folder: folder, path }
    }

    pub(super) fn write(&self, text: &str) {
        replace(&self.path, text);
    }

    pub(super) fn jam(&self) -> Jamguard {
        builder().from_file(&self.path).unwrap()
    }
}

/// As editors and deployments do, so that nobody reads half of it.
pub(super) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

pub(super) fn site(role: &str, rest: &str) -> String {
    format!(
        "
        [jam]
        unmatched = 'deny'
        [jam.jwt]
        algorithm = 'HS256'
        secret = '{SECRET}'
        issuer = 'https://app.example'
        [[jam.guards]]
        path = '/work'
        policy = 'role:{role}'
        [[jam.guards]]
        path = '/open'
        public = true
        {rest}
        "
    )
}

pub(super) async fn serve(jam: &Jamguard) -> Servers {
    let guard = jam.guards().unwrap();
    let router = Router::new()
        .route("/work", get(async || "done"))
        .route("/open", get(async || "open"))
        .layer(guard.clone());
    Servers::apps(router, move || {
        actix_web::App::new()
            .wrap(guard.clone())
            .route("/work", web::get().to(async || "done"))
            .route("/open", web::get().to(async || "open"))
    })
    .await
}

pub(super) async fn token(jam: &Jamguard, role: &str) -> String {
    let claims = json!({"sub": role, "roles": [role]});
    let token = jam.jwt().unwrap().issue(&claims).await.unwrap();
    token.expose().to_owned()
}

/// What can change at run time, such as guards, is reloaded without dropping a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guards_change_under_load_and_no_request_is_dropped() {
    let file = File::new("reload-load", &site("a", ""));
    let jam = file.jam();
    let servers = serve(&jam).await;
    let (a, b) = (token(&jam, "a").await, token(&jam, "b").await);
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let mut loads = Vec::new();
    for (_, address) in servers.each() {
        for token in [&a, &b] {
            let (stop, answered, token) = (stop.clone(), answered.clone(), token.clone());
            loads.push(tokio::spawn(async move {
                let mut statuses = [0u64; 2];
                while !stop.load(Ordering::Relaxed) {
                    // Public at all times, whatever the table says of the other.
                    let open = send(address, &Request::get("/open")).await;
                    assert_eq!(open.status, 200);
                    let work = send(address, &Request::get("/work").bearer(&token)).await;
                    match work.status {
                        200 => statuses[0] += 1,
                        403 => statuses[1] += 1,
                        other => panic!("{other}"),
                    }
                    answered.fetch_add(2, Ordering::Relaxed);
                }
                statuses
            }));
        }
    }
    let mut reloads = 0;
    let started = Instant::now();
    while reloads < 30 || started.elapsed() < Duration::from_secs(2) {
        let role = ["b", "a"][reloads % 2];
        file.write(&site(role, ""));
        assert_eq!(jam.reload().unwrap().applied(), ["guards"]);
        reloads += 1;
        // Whoever asks after the reload has returned meets the new table, on every thread.
        for (name, address) in servers.each() {
            for (whose, token) in [("a", &a), ("b", &b)] {
                for _ in 0..2 {
                    let request = Request::get("/work").bearer(token);
                    let status = send(address, &request).await.status;
                    let wanted = if whose == role { 200 } else { 403 };
                    assert_eq!(status, wanted, "{name} {whose} under {role}");
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for load in loads {
        let [passed, refused] = load.await.unwrap();
        assert!(passed > 0 && refused > 0, "{passed} {refused}");
    }
    println!(
        "{reloads} reloads during {} requests: none dropped, none answered otherwise than by the \
         old or the new table",
        answered.load(Ordering::Relaxed)
    );
}

pub(super) async fn status(address: SocketAddr, token: &str) -> u16 {
    send(address, &Request::get("/work").bearer(token)).await.status
}

/// A broken new file keeps the old settings and is reported.
#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_told() {
    let file = File::new("reload-broken", &site("a", ""));
    let jam = file.jam();
    let servers = serve(&jam).await;
    let a = token(&jam, "a").await;
    let before = jam.route_table().unwrap().to_string();
    for (broken, wanted) in [
        ("[jam".to_owned(), "not TOML"),
        (String::new(), "there is no 'jam'"),
        (site("a", "[jam.verifers]"), "did you mean 'verifiers'?"),
        (site("b", "[[jam.guards]]\npath='/work'\npublic=true"), "jam.guards: the rule '* /work'"),
        (site("b & ", ""), "jam.guards.0: the rule '* /work'"),
        (site("b", "").replace(SECRET, "short"), "jam.jwt.secret"),
        (site("b", "[jam.sessions]\nstore='nowhere'"), "there is no store of this name"),
        (site("${NOPE}", ""), "NOPE is not set"),
    ] {
        file.write(&broken);
        let refused = message(jam.reload());
        assert!(refused.contains(wanted) && refused.contains("jam.toml"), "{refused}");
        assert_eq!(jam.route_table().unwrap().to_string(), before);
        for (name, address) in servers.each() {
            assert_eq!(status(address, &a).await, 200, "{name}");
        }
    }
    fs::remove_file(&file.path).unwrap();
    assert!(message(jam.reload()).contains("it cannot be read"));
    file.write(&site("b", ""));
    assert_eq!(jam.reload().unwrap().applied(), ["guards"]);
    for (name, address) in servers.each() {
        assert_eq!(status(address, &a).await, 403, "{name}");
    }
}

/// What cannot change at run time is reported as needing a restart.
#[tokio::test]
async fn what_needs_a_restart_is_named_and_stays() {
    let list = "
        [jam.lists.denied]
        kind = 'deny'
        store = 'memory'
        leeway = '2m'
    ";
    let file = File::new("reload-restart", &site("a", list));
    let jam = file.jam();
    let unchanged = jam.reload().unwrap();
    assert!(unchanged.is_unchanged(), "{unchanged}");
    assert_eq!(unchanged.to_string(), "nothing changed");
    // Other places in the file, the same settings.
    file.write(&format!("# A comment.\n\n{}", site("a", list)));
    assert!(jam.reload().unwrap().is_unchanged());

    let changed = list.replace("'deny'", "'allow'").replace("'2m'", "'3m'");
    let other = site("b", &format!("{changed}[jam.sessions]\nstore = 'memory'"));
    let other = other.replace("https://app.example", "https://other.example");
    file.write(&other);
    for _ in 0..2 {
        let reloaded = jam.reload().unwrap();
        assert_eq!(reloaded.needs_restart(), ["jwt.issuer", "lists.denied.kind", "sessions"]);
        // The second time there is nothing left to apply.
        if reloaded.applied().is_empty() {
            break;
        }
        assert_eq!(reloaded.applied(), ["guards", "lists.denied.leeway"]);
        assert_eq!(
            reloaded.to_string(),
            "applied: guards, lists.denied.leeway; needs a restart: jwt.issuer, \
             lists.denied.kind, sessions"
        );
    }
    assert!(jam.sessions().is_err());
    let token = jam.jwt().unwrap().issue(&json!({})).await.unwrap();
    let verified = jam.jwt().unwrap().verifier().verify(token.expose()).await.unwrap();
    assert_eq!(verified.issuer(), Some("https://app.example"));

    // Guards that were never put up cannot appear, and those that are up do not vanish.
    let bare = File::new("reload-bare", "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'");
    let without = builder().from_file(&bare.path).unwrap();
    bare.write(&site("a", "").replace("issuer = 'https://app.example'", ""));
    let reloaded = without.reload().unwrap();
    assert_eq!(reloaded.needs_restart(), ["unmatched", "guards"]);
    assert!(without.route_table().is_err());
    let guarded = site("a", "");
    let start = guarded.find("[[jam.guards]]").unwrap();
    let gone = guarded[..start].replace("unmatched = 'deny'", "");
    file.write(&gone);
    let reloaded = jam.reload().unwrap();
    assert!(reloaded.needs_restart().contains(&"guards".to_owned()), "{reloaded}");
    assert!(jam.route_table().unwrap().to_string().contains("role:b"));
}

/// The settings of lists change while the lists are used.
#[tokio::test]
async fn limits_of_lists_change_while_they_are_used() {
    let list = |leeway: &str, rest: &str| {
        format!(
            "
            [jam.jwt]
            algorithm = 'HS256'
            secret = '{SECRET}'
            lifetime = '1h'
            leeway = '1m'
            deny_lists = 'denied'
            [jam.lists.denied]
            kind = 'deny'
            store = 'mine'
            leeway = '{leeway}'
            {rest}
            "
        )
    };
    let clock = ManualClock::at(crate::files::NOW);
    let file = File::new("reload-lists", &list("1m", ""));
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let jam = builder().clock(clock.clone()).store("mine", store);
    let jam = jam.from_file(&file.path).unwrap();
    let jwt = jam.jwt().unwrap();
    let long = jwt.issue(&json!({"exp": crate::files::NOW + 7200})).await.unwrap();
    let verifier = jwt.verifier();
    verifier.verify(long.expose()).await.unwrap();

    // A shorter lifetime counts for tokens that were found good before, too.
    file.write(&list("1m", "max_token_lifetime = '1h'"));
    let reloaded = jam.reload().unwrap();
    assert_eq!(reloaded.applied(), ["lists.denied.max_token_lifetime"]);
    let refused = verifier.verify(long.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidClaim);
    file.write(&list("1m", ""));
    jam.reload().unwrap();
    verifier.verify(long.expose()).await.unwrap();

    // A longer leeway counts for entries that are made from now on.
    file.write(&list("10m", ""));
    assert_eq!(jam.reload().unwrap().applied(), ["lists.denied.leeway"]);
    let token = jwt.issue(&json!({})).await.unwrap();
    let verified = verifier.verify(token.expose()).await.unwrap();
    jam.list("denied").unwrap().revoke(&verified).await.unwrap();
    clock.advance(Duration::from_secs(3600 + 599));
    assert!(jam.list("denied").unwrap().contains(&verified).await.unwrap());
    clock.advance(Duration::from_secs(2));
    assert!(!jam.list("denied").unwrap().contains(&verified).await.unwrap());

    // A leeway that is shorter than that of a verifier which stays would let entries end too soon:
    // also where the file would make that verifier's shorter too, after a restart.
    file.write(&list("5s", "").replace("leeway = '1m'", "leeway = '5s'"));
    let refused = message(jam.reload());
    assert!(refused.contains("the list's leeway is shorter than the verifier's"), "{refused}");
    file.write(&list("10m", "danger_fail_open = true"));
    assert_eq!(jam.reload().unwrap().applied(), ["lists.denied.danger_fail_open"]);
}

/// An entry lives until the last verifier refuses its token, also one that the program built itself.
#[tokio::test]
async fn limits_of_lists_fit_the_programs_own_verifiers() {
    let text = |limits: &str| {
        format!(
            "
            [jam.jwt]
            algorithm = 'HS256'
            secret = '{SECRET}'
            [jam.lists.denied]
            kind = 'deny'
            store = 'memory'
            {limits}
            "
        )
    };
    let before = "leeway = '10m'\nmax_token_lifetime = 'unlimited'";
    let file = File::new("reload-own-verifier", &text(before));
    let clock = ManualClock::at(crate::files::NOW);
    let jam = builder().clock(clock.clone()).from_file(&file.path);
    let jam = jam.unwrap();
    let jwt = jam.jwt().unwrap();
    let denied = jam.list("denied").unwrap();
    let verifier = jwt.verifier_builder().clock(clock.clone());
    let verifier = verifier
        .leeway(Duration::from_secs(600))
        .danger_accept_missing_exp()
        .deny_list(denied.clone())
        .build()
        .unwrap();
    for (limits, wanted) in [
        (
            "leeway = '1m'\nmax_token_lifetime = 'unlimited'",
            "jam.toml: jam.lists.denied: the list's leeway is shorter than the verifier's",
        ),
        (
            "leeway = '10m'",
            "jam.toml: jam.lists.denied: a list cannot be combined with .danger_accept_missing_exp()",
        ),
    ] {
        file.write(&text(limits));
        let refused = message(jam.reload());
        assert!(refused.contains(wanted), "{refused}");
    }
    let token = jwt.issue(&json!({"sub": "42"})).await.unwrap();
    let verified = verifier.verify(token.expose()).await.unwrap();
    denied.revoke(&verified).await.unwrap();
    // Past its end and within the verifier's leeway.
    clock.advance(Duration::from_secs(15 * 60 + 300));
    let refused = verifier.verify(token.expose()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);
    file.write(&text("leeway = '20m'\nmax_token_lifetime = 'unlimited'"));
    assert_eq!(jam.reload().unwrap().applied(), ["lists.denied.leeway"]);
}
