//! Each outcome with its answer, behind the layer and without it.

use super::{admin, auth, token};
use crate::support::{Around, BUILT, Guarded, NOW, Request, SECRET, World, table};
use jamguard::policy::Unmatched;
use serde_json::json;
use std::sync::atomic::Ordering;

const MISSING: &str = r#"Bearer realm="api""#;
const REFUSED: &str = r#"Bearer realm="api", error="insufficient_scope""#;

fn get(path: &str) -> Request {
    Request::get(path)
}

#[tokio::test]
async fn guards_answer_by_the_table_of_answers() {
    let world = World::new().await;
    let step_up = |needs: &str| {
        format!(
            "Bearer realm=\"api\", error=\"insufficient_user_authentication\", \
             error_description=\"This needs a more recent or a stronger login.\", {needs}"
        )
    };
    let mfa = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
    let (fresh, factor) =
        (step_up("max_age=\"300\""), step_up(&format!("max_age=\"3600\", acr_values=\"{mfa}\"")));
    let scopes = format!("{REFUSED}, scope=\"orders.read orders.write\"");
    let cases = [
        ("/scope", json!({"scope": "orders.read orders.write"}), None),
        ("/scope", json!({"scope": "orders.read"}), Some((403, &*scopes))),
        ("/admin", json!({"roles": ["admin"]}), None),
        ("/admin", json!({"roles": ["admin", "suspended"]}), Some((403, REFUSED))),
        ("/admin", json!({}), Some((403, REFUSED))),
        ("/domain", json!({}), None),
        ("/domain", json!({"email_verified": false}), Some((403, REFUSED))),
        ("/anybody", json!({}), None),
        ("/fresh", json!({"auth_time": NOW - 300}), None),
        ("/fresh", json!({"auth_time": NOW - 301}), Some((401, &*fresh))),
        ("/factor", json!({"amr": ["pwd", "otp"]}), None),
        ("/factor", json!({"amr": ["pwd"], "auth_time": NOW - 3601}), Some((401, &*factor))),
        ("/custom", json!({"sub": "ab"}), None),
        ("/custom", json!({"sub": "a"}), Some((403, REFUSED))),
        ("/waits", json!({"waits": "yes"}), None),
        ("/waits", json!({"waits": "no"}), Some((403, REFUSED))),
        ("/waits-too", json!({"roles": ["admin"]}), None),
        ("/waits-too", json!({"waits": "yes"}), None),
        ("/area/secret", json!({"roles": ["admin"]}), None),
        ("/area/secret", json!({}), Some((403, REFUSED))),
    ];
    for around in [Around::Layer, Around::Nothing] {
        let layered = matches!(around, Around::Layer);
        let servers = Guarded::new(auth(&world), around).start().await;
        for (path, claims, refusal) in &cases {
            let request = get(path).bearer(&token(&world, claims.clone()));
            let answer = servers.ask(request).await;
            match refusal {
                None => assert_eq!((answer.status, answer.text()), (200, SECRET), "{path}"),
                Some((status, challenge)) => {
                    assert_eq!(answer.status, *status, "{path} {claims}");
                    assert_eq!(answer.header("www-authenticate"), Some(*challenge), "{path}");
                    assert_eq!(answer.json()["status"], *status);
                    assert!(!answer.text().contains("policy"), "{}", answer.text());
                }
            }
            assert_eq!(answer.header("vary"), Some("authorization, cookie"), "{layered} {path}");
            let answer = servers.ask(get(path)).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some(MISSING)));
            let answer = servers.ask(get(path).bearer("garbage")).await;
            assert_eq!(answer.status, 401);
        }
        for path in ["/waits", "/waits-too"] {
            let request = get(path).bearer(&token(&world, json!({"waits": "down"})));
            let answer = servers.ask(request).await;
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
            assert_eq!(answer.header("www-authenticate"), None);
        }
    }
}

/// Attack 32: what needs the layer is closed without it.
#[tokio::test]
async fn extractors_ask_policies_and_are_closed_without_the_layer() {
    let world = World::new().await;
    let cases = [
        ("/typed", json!({"roles": ["admin"]}), 200),
        ("/typed", json!({"roles": ["guest"]}), 403),
        ("/typed-waits", json!({"waits": "yes"}), 200),
        ("/typed-waits", json!({"waits": "no"}), 403),
        ("/typed-waits", json!({"waits": "down"}), 503),
        ("/check", json!({"roles": ["admin"]}), 200),
        ("/check", json!({}), 403),
        ("/check-waits", json!({"waits": "yes"}), 200),
        ("/check-waits", json!({"waits": "no"}), 403),
        ("/own", json!({}), 200),
        ("/own", json!({"email": "eve@example.com"}), 403),
        ("/own", json!({"email": "eve@example.com", "roles": ["admin"]}), 200),
    ];
    for around in [Around::Layer, Around::Table(table(Unmatched::Allow))] {
        let servers = Guarded::new(auth(&world), around).start().await;
        for (path, claims, status) in &cases {
            let request = get(path).bearer(&token(&world, claims.clone()));
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, *status, "{path} {claims}");
            assert_eq!(answer.text().contains(SECRET), *status == 200);
            if *status == 403 {
                assert_eq!(answer.header("www-authenticate"), Some(REFUSED), "{path}");
            }
            assert_eq!(servers.ask(get(path)).await.status, 401, "{path}");
        }
    }
    assert_eq!(BUILT.load(Ordering::Relaxed), 1, "a guard's policy is made once");

    let servers = Guarded::new(auth(&world), Around::Nothing).start().await;
    for (path, claims, _) in &cases {
        let request = get(path).bearer(&token(&world, claims.clone()));
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(!answer.text().contains(SECRET));
    }
}

/// What no policy can be asked about is the application's mistake, not the client's.
#[tokio::test]
async fn a_resource_without_attributes_is_our_own_fault() {
    let world = World::new().await;
    let identity = auth(&world).authenticate(&admin(&world)).await.unwrap();
    let policy = jamguard::policy::role("admin");
    for refused in
        [identity.check_with(&policy, &7), identity.check_with_async(&policy, "a text").await]
    {
        let challenge = refused.unwrap_err().challenge();
        assert_eq!(challenge.status(), 500);
        assert_eq!(challenge.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn a_table_answers_before_routing_and_shows_the_identity() {
    let world = World::new().await;
    let servers = Guarded::new(auth(&world), Around::Table(table(Unmatched::Deny)));
    let servers = servers.start().await;
    let (user, admin) = (token(&world, json!({})), admin(&world));

    assert_eq!(servers.ask(get("/table/open")).await.text(), "nobody");
    let answer = servers.ask(get("/table/open").bearer(&user)).await;
    assert_eq!(answer.text(), "ann@example.com");
    assert_eq!(servers.ask(get("/table/open").bearer("garbage")).await.status, 401);

    for (path, user_gets) in [
        ("/table/admin/users", 403),
        ("/table/any", 200),
        ("/table/scope", 403),
        // Nothing opens these, be there a route or not.
        ("/table/unnamed", 403),
        ("/nowhere", 403),
        ("/public", 403),
    ] {
        let opened = matches!(path, "/table/admin/users" | "/table/any" | "/table/scope");
        let anonymous = servers.ask(get(path)).await;
        assert_eq!(anonymous.status, if opened { 401 } else { 403 }, "{path}");
        let answer = servers.ask(get(path).bearer(&user)).await;
        assert_eq!(answer.status, user_gets, "{path}");
        if !opened {
            assert_eq!(answer.json()["type"], "forbidden");
            assert_eq!(answer.header("www-authenticate"), None);
        }
    }
    let answer = servers.ask(get("/table/admin/users").bearer(&admin)).await;
    assert_eq!(answer.text(), SECRET);
    let answer = servers.ask(get("/table/scope").bearer(&user)).await;
    let scopes = format!("{REFUSED}, scope=\"orders.read\"");
    assert_eq!(answer.header("www-authenticate"), Some(&*scopes));
    for (claim, status) in [("yes", 200), ("no", 403), ("down", 503)] {
        let token = token(&world, json!({"waits": claim}));
        let answer = servers.ask(get("/table/waits").bearer(&token)).await;
        assert_eq!(answer.status, status, "{claim}");
    }
    // A method that no rule names.
    let answer = servers.ask(Request::post("/table/open", "").bearer(&admin)).await;
    assert_eq!(answer.status, 403);
    // Behind an allowing table what it does not name is as it was.
    let servers = Guarded::new(auth(&world), Around::Table(table(Unmatched::Allow)));
    let servers = servers.start().await;
    assert_eq!(servers.ask(get("/public")).await.text(), "nobody");
    assert_eq!(servers.ask(get("/nowhere")).await.status, 404);
    assert_eq!(servers.ask(get("/table/any")).await.status, 401);
    assert_eq!(servers.ask(get("/admin")).await.status, 401);
    assert_eq!(servers.ask(get("/admin").bearer(&admin)).await.text(), SECRET);
}

/// A login cookie that was renewed on the way is not lost with the refusal.
#[tokio::test]
async fn a_refusal_keeps_the_renewed_cookie() {
    let world = World::new().await;
    let auth =
        world.auth().clock(world.clock.clone()).silent_refresh(world.client()).build().unwrap();
    let servers = Guarded::new(auth, Around::Nothing).start().await;
    let request = || {
        get("/admin")
            .cookie("__Host-jam_id", &world.expired_token())
            .cookie("__Host-jam_refresh", &world.refresh_token())
    };
    for (name, address) in servers.each() {
        let answer = crate::support::send(address, &request()).await;
        assert_eq!(answer.status, 403, "{name}");
        let cookie = answer.header("set-cookie").expect("the new ID token");
        assert!(cookie.starts_with("__Host-jam_id=ey"), "{name} {cookie}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
