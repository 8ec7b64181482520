//! "An Authenticator tries its sources in the order in which it was given them."

use super::{ID, INVALID, MALFORMED, MISSING};
use crate::support::{BOB, Request, Servers, Site, World, damaged};
use jamguard::Source;

/// A source, and how a request carries a token there.
type Carrier = (&'static str, fn() -> Source, fn(Request, &str) -> Request);

const CARRIERS: [Carrier; 5] = [
    ("bearer", Source::bearer, |request, token| {
        request.bearer(token)
    }),
    (
        "header",
        || Source::header("X-Id-Token"),
        |request, token| request.header("x-id-token", token),
    ),
    (
        "cookie",
        || Source::cookie("api_token"),
        |request, token| request.cookie("api_token", token),
    ),
    (
        "cookie",
        || Source::cookie(ID),
        |request, token| request.cookie(ID, token),
    ),
    (
        "query",
        || Source::query("access_token"),
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
        let auth = world
            .auth()
            .sources(order.iter().map(|(_, source, _)| source()))
            .build()
            .unwrap();
        let servers = Servers::start(Site::new(auth)).await;
        for (at, (kind, _, carry)) in order.iter().enumerate() {
            // Ann in this source, Bob in all later ones, nobody in the earlier.
            let mut request = carry(Request::get("/identity"), &ann);
            for (_, _, carry) in &order[at + 1..] {
                request = carry(request, &bob);
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
    let auth = world
        .auth()
        .sources(CARRIERS.iter().map(|(_, source, _)| source()))
        .build()
        .unwrap();
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
        Request::get("/public").cookie(ID, "a").cookie(ID, "b"),
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

    let auth = world
        .auth()
        .sources([Source::bearer(), Source::query("token")]);
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    assert_eq!(
        servers.ask(by_query("token")).await.text(),
        "ann@example.com"
    );
    assert_eq!(servers.ask(by_query("access_token")).await.status, 401);
    let encoded = token.replace('.', "%2E");
    let answer = servers
        .ask(Request::get(&format!("/me?token={encoded}")))
        .await;
    assert_eq!(answer.text(), "ann@example.com");
    let answer = servers.ask(Request::get("/me?token=nonsense")).await;
    assert_eq!(answer.header("www-authenticate"), Some(INVALID));
}
