//! An `Authenticator` tries its sources in the order in which they were given.

use super::{ID, INVALID, MALFORMED, MISSING};
use crate::support::{BOB, Request, Servers, Site, World, damaged};
use jamguard::CredentialSource;

/// A source, and how a request carries a token there.
type Carrier = (&'static str, fn() -> CredentialSource, fn(Request, &str) -> Request);

const CARRIERS: [Carrier; 5] = [
    ("bearer", CredentialSource::bearer, |request, token| request.bearer(token)),
    (
        "header",
        || CredentialSource::header("X-Id-Token"),
        |request, token| request.header("x-id-token", token),
    ),
    (
        "cookie",
        || CredentialSource::cookie("api_token"),
        |request, token| request.cookie("api_token", token),
    ),
    ("cookie", || CredentialSource::cookie(ID), |request, token| request.cookie(ID, token)),
    (
        "query",
        || CredentialSource::query("access_token"),
        |request, token| request.in_query("access_token", token),
    ),
];

#[tokio::test]
async fn the_first_source_that_has_a_credential_decides() {
    let world = World::new().await;
    let (ann, bob) = (world.token(), world.app.id_token(BOB).unwrap());
    let mut reversed = CARRIERS;
    reversed.reverse();
    for order in [CARRIERS, reversed] {
        let auth =
            world.auth().sources(order.iter().map(|(_, source, _)| source())).build().unwrap();
        let servers = Servers::start(Site::new(auth)).await;
        for (at, (kind, _, carry)) in order.iter().enumerate() {
            // Ann in this source, Bob in all later ones, nobody in the earlier.
            let mut request = carry(Request::get("/identity"), &ann);
            for (other, _, carry) in &order[at + 1..] {
                // Those two are refused together.
                if !matches!((*kind, *other), ("bearer", "query") | ("query", "bearer")) {
                    request = carry(request, &bob);
                }
            }
            let answer = servers.ask(request).await;
            assert_eq!(answer.text(), format!("{kind} ann@example.com"));
        }
        // What decides is that a credential is there, not that it is good.
        let (_, _, first) = order[0];
        let (_, _, second) = order[1];
        let request = second(first(Request::get("/me"), &damaged(&ann)), &ann);
        assert_eq!(servers.ask(request).await.status, 401);
    }
}

#[tokio::test]
async fn the_scheme_is_case_insensitive() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let token = world.token();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = Request::get("/me").header("authorization", format!("{scheme} {token}"));
        assert_eq!(servers.ask(request).await.text(), "ann@example.com");
    }
}

#[tokio::test]
async fn more_than_one_credential_of_a_kind_is_an_invalid_request() {
    let world = World::new().await;
    let auth =
        world.auth().sources(CARRIERS.iter().map(|(_, source, _)| source())).build().unwrap();
    let servers = Servers::start(Site::new(auth)).await;
    let (ann, bob) = (world.token(), world.app.id_token(BOB).unwrap());
    let me = || Request::get("/me");
    let basic = "Basic YW5uOmFubg==";
    let ambiguous = [
        me().bearer(&ann).bearer(&bob),
        me().bearer(&ann).bearer(&ann),
        me().bearer(&ann).header("Authorization", basic),
        me().header("authorization", basic).bearer(&ann),
        me().header("x-id-token", &ann).header("X-ID-TOKEN", &bob),
        me().header("cookie", format!("{ID}={ann}; {ID}={bob}")),
        me().header("cookie", format!("{ID}={ann};{ID}=x")),
        me().cookie(ID, &ann).cookie(ID, &bob),
        Request::get(&format!("/me?access_token={ann}&access_token={bob}")),
        // Also where a later source has a good one, and where no login is needed.
        me().bearer("a").bearer("b").cookie(ID, &ann),
        Request::get("/hello").bearer(&ann).bearer(&bob),
    ];
    for request in ambiguous {
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("www-authenticate"), Some(MALFORMED));
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.json()["type"], "invalid_request");
    }
    // One cookie sent twice is one credential; so are other cookies of a similar name.
    for cookie in [
        format!("{ID}={ann}; {ID}={ann}"),
        format!("{ID}_={bob}; {ID}={ann}; x{ID}={bob}"),
        format!("{ID}=\"{ann}\""),
    ] {
        let answer = servers.ask(me().header("cookie", cookie)).await;
        assert_eq!(answer.text(), "ann@example.com");
    }
}

/// Browsers send cookies unasked, also those that another site planted.
#[tokio::test]
async fn two_cookies_of_one_name_are_no_error_on_a_public_page() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let token = world.token();
    for cookies in [format!("{ID}=a; {ID}=b"), format!("{ID}={token}; {ID}=planted")] {
        let ask = |path: &str| servers.ask(Request::get(path).header("cookie", &cookies));
        assert_eq!(ask("/public").await.text(), "open");
        assert_eq!(ask("/hello").await.text(), "Hello, stranger!");
        for path in ["/me", "/guarded", "/guarded-scope/me"] {
            let answer = ask(path).await;
            assert_eq!(answer.status, 400, "{path}");
            assert_eq!(answer.header("www-authenticate"), Some(MALFORMED));
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    let strict = world.auth().refuse_invalid_cookies().build().unwrap();
    let servers = Servers::start(Site::new(strict)).await;
    let two = Request::get("/public").cookie(ID, "a").cookie(ID, "b");
    assert_eq!(servers.ask(two).await.status, 400);
}

/// RFC 6750 section 2: a client sends its token in one way.
#[tokio::test]
async fn a_bearer_token_in_the_header_and_in_the_query_is_an_invalid_request() {
    let world = World::new().await;
    let token = world.token();
    let both = |path: &str| Request::get(path).bearer(&token).in_query("t", &token);
    let mut sources =
        [CredentialSource::bearer(), CredentialSource::cookie(ID), CredentialSource::query("t")];
    for _ in 0..2 {
        let auth = world.auth().sources(sources.clone()).build().unwrap();
        let servers = Servers::start(Site::new(auth)).await;
        for path in ["/me", "/guarded", "/hello", "/public"] {
            let answer = servers.ask(both(path)).await;
            assert_eq!(answer.status, 400, "{path}");
            assert_eq!(answer.header("www-authenticate"), Some(MALFORMED));
        }
        // A cookie, which the browser adds, changes nothing.
        let one = Request::get("/me").in_query("t", &token).cookie(ID, &token);
        assert_eq!(servers.ask(one).await.status, 200);
        sources.reverse();
    }
    // Where the query is not looked at, anything may be in it.
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    assert_eq!(servers.ask(both("/me")).await.status, 200);
}

/// Logins and refreshes, to which clients come with a token that is over.
#[tokio::test]
async fn a_stale_bearer_token_can_be_ignored_on_single_routes() {
    use actix_web::{App, web};
    use axum::Router;
    use axum::routing::get;

    let world = World::new().await;
    let auth = world.auth().build().unwrap();
    let lenient = auth.ignore_invalid_bearer();
    let open = async || "open";
    let router = Router::new().route("/page", get(open)).layer(auth.layer()).merge(
        Router::new()
            .route("/login", get(open))
            .merge(
                Router::new().route("/login-guarded", get(open)).route_layer(auth.require_login()),
            )
            .layer(lenient.layer()),
    );
    let servers = Servers::apps(router, move || {
        App::new()
            .service(
                web::resource("/login").wrap(lenient.actix()).route(web::get().to(async || "open")),
            )
            .service(
                web::resource("/login-guarded")
                    .wrap(auth.require_login())
                    .wrap(lenient.actix())
                    .route(web::get().to(async || "open")),
            )
            .service(
                web::resource("/page").wrap(auth.actix()).route(web::get().to(async || "open")),
            )
    })
    .await;
    for stale in [world.expired_token(), "garbage".to_owned()] {
        let ask = |path: &str| servers.ask(Request::get(path).bearer(&stale));
        assert_eq!(ask("/login").await.text(), "open");
        assert_eq!(ask("/page").await.status, 401);
        assert_eq!(ask("/login-guarded").await.status, 401);
    }
    let good = Request::get("/login-guarded").bearer(&world.token());
    assert_eq!(servers.ask(good).await.text(), "open");
    // What cannot be read is no invalid token.
    let twice = Request::get("/login").bearer("a").bearer("b");
    assert_eq!(servers.ask(twice).await.status, 400);
}

#[tokio::test]
async fn a_bearer_scheme_without_a_token_is_an_invalid_request() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let token = world.token();
    for value in [
        "Bearer".to_owned(),
        "bearer   ".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}\tx"),
        format!("Bearer \u{fc}{token}"),
    ] {
        for path in ["/me", "/guarded", "/hello", "/public"] {
            let request = Request::get(path).header("authorization", &value);
            let answer = servers.ask(request).await;
            assert_eq!(answer.status, 400, "{path} {value}");
            assert_eq!(answer.header("www-authenticate"), Some(MALFORMED));
        }
    }
}

#[tokio::test]
async fn another_scheme_is_no_credential() {
    let world = World::new().await;
    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    let token = world.token();
    for value in [
        "Basic YW5uOmFubg==".to_owned(),
        "Digest username=ann".to_owned(),
        "Bearerx y".to_owned(),
        format!("Token {token}"),
        token.clone(),
        String::new(),
    ] {
        let with = |path| Request::get(path).header("authorization", &value);
        let answer = servers.ask(with("/me")).await;
        assert_eq!(answer.status, 401, "{value}");
        assert_eq!(answer.header("www-authenticate"), Some(MISSING));
        let answer = servers.ask(with("/hello")).await;
        assert_eq!(answer.text(), "Hello, stranger!");
        let answer = servers.ask(with("/identity").cookie(ID, &token)).await;
        assert_eq!(answer.text(), "cookie ann@example.com");
    }
}

#[tokio::test]
async fn the_query_counts_only_where_it_is_switched_on() {
    let world = World::new().await;
    let token = world.token();
    let by_query = |name: &str| Request::get(&format!("/me?x=1&{name}={token}&y"));

    let servers = Servers::start(Site::new(world.auth().build().unwrap())).await;
    for name in ["access_token", "token", "idToken"] {
        let answer = servers.ask(by_query(name)).await;
        assert_eq!(answer.header("www-authenticate"), Some(MISSING));
    }

    let auth = world.auth().sources([CredentialSource::bearer(), CredentialSource::query("token")]);
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    assert_eq!(servers.ask(by_query("token")).await.text(), "ann@example.com");
    assert_eq!(servers.ask(by_query("access_token")).await.status, 401);
    let encoded = token.replace('.', "%2E");
    let answer = servers.ask(Request::get(&format!("/me?token={encoded}"))).await;
    assert_eq!(answer.text(), "ann@example.com");
    let answer = servers.ask(Request::get("/me?token=nonsense")).await;
    assert_eq!(answer.header("www-authenticate"), Some(INVALID));
}
