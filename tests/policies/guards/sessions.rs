//! Policies about whoever has a session on the server: its claims, and when its login was.

use crate::support::{ANN, Around, Guarded, NOW, Request, SECRET, Servers, World, table};
use jamguard::policy::Unmatched;
use jamguard::store::MemoryStore;
use jamguard::{NewSession, SessionId, Sessions};
use serde_json::{Value, json};
use std::time::Duration;

struct Site {
    world: World,
    sessions: Sessions,
    servers: Servers,
}

impl Site {
    async fn new(around: Around) -> Self {
        let world = World::new().await;
        let sessions =
            Sessions::builder(MemoryStore::new()).clock(world.clock.clone()).build().unwrap();
        let auth =
            world.auth().clock(world.clock.clone()).sessions(sessions.clone()).build().unwrap();
        Self { servers: Guarded::new(auth, around).start().await, world, sessions }
    }

    /// A session of Ann's.
    async fn session(&self, claims: &Value) -> SessionId {
        let new = NewSession::of(ANN).claims(claims);
        self.sessions.create_with(new).await.unwrap()
    }

    /// Status and challenge, the same of both frameworks.
    async fn get(&self, path: &str, id: &SessionId) -> (u16, Option<String>) {
        let request = Request::get(path).cookie("__Host-jam_session", id.expose());
        let answer = self.servers.ask(request).await;
        assert_eq!(answer.text().contains(SECRET), answer.status == 200);
        (answer.status, answer.header("www-authenticate").map(str::to_owned))
    }

    fn after(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn policies_see_the_claims_of_a_session() {
    let claims = json!({
        "sub": "ann1", "email": ANN, "email_verified": true, "roles": ["admin"], "scope": "orders.read orders.write",
        "amr": ["pwd", "otp"], "waits": "yes",
    });
    let less = json!({"sub": "ann", "email": "ann@elsewhere.example", "waits": "no"});
    for (around, paths) in [
        (
            Around::Layer,
            &[
                "/scope",
                "/admin",
                "/domain",
                "/factor",
                "/custom",
                "/waits",
                "/waits-too",
                "/check",
                "/check-waits",
                "/own",
                "/area/secret",
            ][..],
        ),
        (Around::Nothing, &["/scope", "/admin", "/area/secret"]),
        (
            Around::Table(table(Unmatched::Deny)),
            &["/table/admin/users", "/table/scope", "/table/waits"],
        ),
    ] {
        let site = Site::new(around).await;
        let (may, may_not) = (site.session(&claims).await, site.session(&less).await);
        let guest = site.sessions.create(None, &()).await.unwrap();
        for path in paths {
            assert_eq!(site.get(path, &may).await.0, 200, "{path}");
            let (status, challenge) = site.get(path, &may_not).await;
            let step_up = *path == "/factor";
            assert_eq!(status, if step_up { 401 } else { 403 }, "{path}");
            let code = match step_up {
                true => "insufficient_user_authentication",
                false => "insufficient_scope",
            };
            assert!(challenge.unwrap().contains(code), "{path}");
            assert_eq!(site.get(path, &guest).await.0, 401, "{path}");
        }
        // A change of rights counts at once, under the new id alone.
        let raised = site.sessions.rotate_id_with_claims(&may_not, &claims).await;
        let raised = raised.unwrap();
        for path in paths {
            assert_eq!(site.get(path, &raised).await.0, 200, "{path}");
            assert_eq!(site.get(path, &may_not).await.0, 401, "{path}");
        }
    }
}

/// `fresh` asks when the user logged in, which a session knows better than the claims of a token that
/// was renewed since.
#[tokio::test]
async fn a_session_is_as_fresh_as_its_login() {
    let site = Site::new(Around::Layer).await;
    let claims = json!({"sub": ANN, "email": ANN});
    let id = site.session(&claims).await;
    assert_eq!(site.get("/fresh", &id).await.0, 200);
    site.after(300);
    assert_eq!(site.get("/fresh", &id).await.0, 200);
    site.after(1);
    let (status, challenge) = site.get("/fresh", &id).await;
    assert_eq!(status, 401);
    let challenge = challenge.unwrap();
    assert!(challenge.contains("error=\"insufficient_user_authentication\""));
    assert!(challenge.ends_with("max_age=\"300\""), "{challenge}");

    // Neither another id nor a renewed token is a login.
    let id = site.sessions.rotate_id(&id).await.unwrap();
    assert_eq!(site.get("/fresh", &id).await.0, 401);
    let renewed = json!({"sub": ANN, "email": ANN, "iat": NOW + 301});
    let id = site.sessions.rotate_id_with_claims(&id, &renewed).await.unwrap();
    assert_eq!(site.get("/fresh", &id).await.0, 401);
    // A second look at the password is, where the application says so; and a login.
    let asked = json!({"sub": ANN, "email": ANN, "auth_time": NOW + 301});
    let id = site.sessions.rotate_id_with_claims(&id, &asked).await.unwrap();
    assert_eq!(site.get("/fresh", &id).await.0, 200);
    let id = site.sessions.login(&id, NewSession::of(ANN)).await.unwrap();
    assert_eq!(site.get("/fresh", &id).await.0, 200);

    // What the issuer knows of an older login counts.
    let old = json!({"sub": ANN, "email": ANN, "auth_time": NOW});
    let id = site.session(&old).await;
    assert_eq!(site.get("/fresh", &id).await.0, 401);
}
