//! The login round trip, the magic link and the inbox.

use crate::emulator::world::*;
use jamguard::emulator::{AppSettings, Emulator};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn a_login_goes_all_the_way_round() {
    let world = World::new().await;
    let (url, query) = world.log_in(ANN).await;
    assert!(url.as_str().starts_with("http://127.0.0.1:3000/jam-redirect?idToken="));
    let (id_token, refresh_token) = (&query["idToken"], &query["refreshToken"]);
    let verified = world.verifier().verify(id_token).await.unwrap();
    assert!(verified.raw_claims().contains(ANN));

    let body = json_of(world.refresh(refresh_token).await).await;
    let fresh = body["idToken"].as_str().unwrap();
    world.verifier().verify(fresh).await.unwrap();

    let path = format!("user/refresh/{}", encoded(refresh_token));
    assert_eq!(world.delete(&path, fresh).await.status(), 204);
    assert_refused(world.refresh(refresh_token).await, 401).await;
}

#[tokio::test]
async fn a_redirect_url_with_a_query_is_extended() {
    let settings = AppSettings::new(APP)
        .allow_refresh(true)
        .redirect_url("http://127.0.0.1:3000/back?from=jam&x=%26#part");
    let world = World::with(settings).await;
    for _ in 0..5 {
        let (url, query) = world.log_in(ANN).await;
        let text = url.query().unwrap();
        assert!(text.starts_with("from=jam&x=%26&idToken="), "{text}");
        assert_eq!(url.fragment(), Some("part"));
        assert_eq!((&*query["from"], &*query["x"]), ("jam", "&"));
        // Nothing of base64 that a query would read otherwise.
        assert!(!text.contains('+') && !text.contains('/'), "{text}");
        assert_eq!(text.matches('=').count(), 4, "{text}");
        json_of(world.refresh(&query["refreshToken"]).await).await;
    }
}

#[tokio::test]
async fn the_redirect_is_neither_stored_nor_told_to_others() {
    let world = World::new().await;
    let answer = world.open(&world.mailed(ANN).await).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_code_works_once() {
    let world = World::new().await;
    let link = world.mailed(ANN).await;
    assert_eq!(world.open(&link).await.status(), 303);
    assert_refused(world.open(&link).await, 400).await;

    let link = world.mailed(ANN).await;
    let attempts: Vec<_> = (0..20).map(|_| tokio::spawn(world.http.get(&link).send())).collect();
    let mut logins = 0;
    for attempt in attempts {
        logins += u32::from(attempt.await.unwrap().unwrap().status() == 303);
    }
    assert_eq!(logins, 1);
}

#[tokio::test]
async fn a_code_works_for_15_minutes() {
    let world = World::new().await;
    let links = [world.mailed(ANN).await, world.mailed(ANN).await];
    world.clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(world.open(&links[0]).await.status(), 303);
    world.clock.advance(Duration::from_secs(1));
    assert_refused(world.open(&links[1]).await, 400).await;
}

#[tokio::test]
async fn a_code_is_for_its_app_and_is_not_used_up_by_a_look_at_it() {
    let world = World::new().await;
    world.emulator.add_app(AppSettings::new(OTHER_APP)).unwrap();
    let link = world.mailed(ANN).await;
    assert_refused(world.open(&link.replace(APP, OTHER_APP)).await, 400).await;
    let head = world.http.request(Method::HEAD, &link).send().await.unwrap();
    assert_eq!(head.status(), 204);
    assert_eq!(world.open(&link).await.status(), 303);
    for path in [
        "magic",
        "magic?code=",
        "magic?code=abc",
        "magic?other=1",
        "magic?code=a&code=b",
        "magic?code=%ff",
    ] {
        assert_refused(world.get(path).await, 400).await;
    }
}

#[tokio::test]
async fn the_inbox_as_json_is_newest_first() {
    let world = World::new().await;
    world.mailed(ANN).await;
    world.clock.advance(Duration::from_secs(7));
    let link = world.mailed(BEN).await;
    let url = format!("{}/inbox", world.emulator.base_url());
    let request = world.http.get(&url).header("accept", "application/json");
    let mails = json_of(request.send().await.unwrap()).await;
    assert_eq!(mails[0], json!({"app_id": APP, "email": BEN, "link": link, "sent_at": NOW + 7}));
    assert_eq!((&mails[1]["email"], &mails[1]["sent_at"]), (&json!(ANN), &json!(NOW)));
    assert_eq!(mails.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_inbox_as_html_has_links_and_no_foreign_markup() {
    let world = World::new().await;
    let url = format!("{}/inbox", world.emulator.base_url());
    let empty = world.open(&url).await.text().await.unwrap();
    assert!(empty.contains("No mail yet"));

    let link = world.mailed("o'hara&b=\u{1F600}@example.com").await;
    let answer = world.open(&url).await;
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let page = answer.text().await.unwrap();
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    assert!(page.contains("o&#39;hara&amp;b=\u{1F600}@example.com"), "{page}");
    assert!(page.contains("for development only"));
    assert_eq!(world.open(&link).await.status(), 303);
}

#[tokio::test]
async fn the_inbox_follows_the_accept_header() {
    let world = World::new().await;
    let url = format!("{}/inbox", world.emulator.base_url());
    for (accept, json) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/json, text/plain, */*", true),
        ("text/html;q=0.5, application/json;q=0.9", true),
        ("application/json;q=0.5, text/html", false),
        ("application/json;q=0", false),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
        ("*/*", false),
    ] {
        let request = world.http.get(&url).header("accept", accept);
        let answer = request.send().await.unwrap();
        let found = answer.headers()["content-type"] == "application/json";
        assert_eq!(found, json, "{accept}");
    }
}

#[tokio::test]
async fn the_inbox_keeps_the_newest_thousand() {
    let world = World::new().await;
    for number in 0..1_010 {
        let body = json!({"email": format!("user{number}@example.com")});
        assert_eq!(world.post("authenticate", &body).await.status(), 200);
    }
    let mails = world.emulator.mails();
    assert_eq!(mails.len(), 1_000);
    assert_eq!(mails[0].email, "user1009@example.com");
    assert_eq!(mails[999].email, "user10@example.com");
    assert_eq!(world.open(&mails[999].link).await.status(), 303);
}

#[tokio::test]
async fn each_mail_is_told_to_the_callback_and_its_link_to_no_log() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = heard.clone();
    let emulator = Emulator::builder()
        .on_mail(move |mail| hear.lock().unwrap().push(mail.clone()))
        .start()
        .await
        .unwrap();
    let app = emulator.add_app(AppSettings::new(APP)).unwrap();
    let url = format!("{}/authenticate", app.issuer());
    let request = http().post(url).json(&json!({"email": ANN}));
    let body: Value = json_of(request.send().await.unwrap()).await;
    assert_eq!(body, json!({}));
    let heard = heard.lock().unwrap();
    assert_eq!(*heard, emulator.mails());
    let code = Url::parse(&heard[0].link).unwrap();
    let (_, code) = code.query_pairs().next().unwrap();
    assert!(!format!("{heard:?}").contains(&*code));
}
