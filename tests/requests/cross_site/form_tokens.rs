//! The token that only a page of this site has.

use crate::cross_site::{COOKIE, SITE, is_refused, start};
use crate::support::Request;

const HEADER: &str = "x-csrf-token";

#[tokio::test]
async fn a_form_token_proves_where_a_request_comes_from() {
    let world = start(|auth| auth).await;
    let (ann, other) = (world.log_in().await, world.log_in().await);
    let token = async |cookie: &str| {
        let request = Request::get("/form-token").cookie(COOKIE, cookie);
        let answer = crate::support::send(world.servers.axum, &request).await;
        assert_eq!(answer.status, 200);
        answer.text().to_owned()
    };
    let (anns, others) = (token(&ann).await, token(&other).await);
    assert_ne!(anns, token(&ann).await, "masked anew each time");

    // In the header, where the origin is in doubt.
    let put = |value: &str| {
        let request = Request::new("POST", "/put").cookie(COOKIE, &ann);
        request.header("origin", "null").header(HEADER, value)
    };
    assert_eq!(world.ask(put(&anns)).await.status, 200);
    for wrong in ["", "1", &others, &anns[1..], &format!("{anns}A"), &"A".repeat(43)] {
        is_refused(&world.ask(put(wrong)).await);
    }
    is_refused(&world.ask(put(&anns).header(HEADER, &anns)).await);
    // Without a session there is none that it could be of.
    let login = Request::new("POST", "/login").header("origin", "null");
    is_refused(&world.ask(login.header(HEADER, &anns)).await);

    // In a form's field.
    let form = |value: &str| Request::post("/form", value).cookie(COOKIE, &ann);
    assert_eq!(world.ask(form(&anns)).await.text(), "taken");
    for wrong in ["", &others, &"A".repeat(43)] {
        is_refused(&world.ask(form(wrong)).await);
    }
    // Another site's form is refused before its field is looked at.
    is_refused(&world.ask(form(&anns).header(SITE, "cross-site")).await);
}

#[tokio::test]
async fn another_id_has_another_token_and_no_session_has_none() {
    let world = start(|auth| auth).await;
    let ann = world.log_in().await;
    let request = Request::get("/form-token").cookie(COOKIE, &ann);
    let token = crate::support::send(world.servers.axum, &request).await;
    let rotate = Request::new("POST", "/rotate").cookie(COOKIE, &ann);
    let rotated = crate::support::send(world.servers.axum, &rotate).await;
    let cookie = rotated.header("set-cookie").unwrap();
    let fresh = cookie.split(['=', ';']).nth(1).unwrap();
    let form = Request::post("/form", token.text()).cookie(COOKIE, fresh);
    is_refused(&world.ask(form).await);

    // Under the old id it is worth nothing either, and no other is to be had.
    let form = Request::post("/form", token.text()).cookie(COOKIE, &ann);
    is_refused(&world.ask(form).await);
    let old = Request::get("/form-token").cookie(COOKIE, &ann);
    assert_eq!(world.ask(old).await.status, 401);

    let none = world.ask(Request::get("/form-token")).await;
    assert_eq!(none.status, 401);
    assert_eq!(world.ask(Request::post("/form", token.text())).await.status, 403);
}
