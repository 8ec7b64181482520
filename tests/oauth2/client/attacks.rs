//! Attack 31 of `docs/attacks.md` at the client. The handlers' side of it is in tests/oauth2/login.

use crate::client::world::*;
use crate::support::issuer::{Answer, Server};
use jamguard::ErrorKind::{
    AccessDenied, ClientRefused, Configuration, Connection, InvalidCallback, InvalidGrant,
    InvalidRequest, Timeout, Unavailable, UnexpectedBody, UnexpectedStatus,
};
use jamguard::oauth2::{OAuth2Client, Pending, Pkce, Provider};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn attack_31_state_missing() {
    let world = World::new().await;
    for query in [format!("code={CODE}"), format!("code={CODE}&State=x"), String::new()] {
        let pending = world.begun().await;
        assert_eq!(kind(world.client.callback(pending, &query)), InvalidCallback);
    }
    assert_eq!(world.server.hits(), 0);
}

#[tokio::test]
async fn attack_31_state_wrong() {
    let world = World::new().await;
    let pending = world.begun().await;
    let state = pending.state().expose().to_owned();
    let wrong = [
        String::new(),
        "x".to_owned(),
        state[1..].to_owned(),
        format!("{state}x"),
        state.to_lowercase(),
        state.to_uppercase(),
        format!("%00{state}"),
    ];
    for wrong in wrong {
        let query = format!("code={CODE}&state={wrong}");
        let answer = world.client.callback(pending.clone(), &query);
        assert_eq!(kind(answer), InvalidCallback, "{wrong}");
    }
    // Of two states nobody knows which one counts.
    let twice = format!("{}&state={state}", callback(&pending, ""));
    assert_eq!(kind(world.client.callback(pending.clone(), &twice)), InvalidRequest);
    let twice = format!("{}&code=x", callback(&pending, ""));
    assert_eq!(kind(world.client.callback(pending.clone(), &twice)), InvalidRequest);
    assert!(world.client.callback(pending.clone(), &callback(&pending, "")).is_ok());
    assert_eq!(world.server.hits(), 0);
}

/// A login takes its `Pending` by value; the handlers take it out of a store, once. What is left is
/// that it does not stay good for ever.
#[tokio::test]
async fn attack_31_state_reused_too_late() {
    let world = World::new().await;
    let pending = world.begun().await;
    let query = callback(&pending, "");
    world.clock.advance(Duration::from_secs(599));
    assert!(world.client.callback(pending.clone(), &query).is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(kind(world.client.callback(pending, &query)), InvalidCallback);
}

#[tokio::test]
async fn attack_31_state_from_another_session() {
    let world = World::new().await;
    let (mine, theirs) = (world.begun().await, world.begun().await);
    assert_ne!(mine.state(), theirs.state());
    let answer = world.client.callback(mine, &callback(&theirs, ""));
    assert_eq!(kind(answer), InvalidCallback);
}

/// A login that was begun at one provider does not go on at another (mix-up).
#[tokio::test]
async fn attack_31_state_from_another_provider() {
    let (world, other) = (World::new().await, World::new().await);
    let pending = world.begun().await;
    let client = |name: &str, id: &str| {
        let provider = Provider::new(name, other.server.url("/a"), other.server.url("/token"));
        OAuth2Client::builder(provider, id).redirect_url(CALLBACK).build().unwrap()
    };
    for other in [client("other", "cid-123"), client("acme", "cid-124")] {
        let query = callback(&pending, "");
        assert_eq!(kind(other.callback(pending.clone(), &query)), InvalidCallback);
    }
    let same = client("acme", "cid-123");
    // The system's clock, at which the login is of the far future.
    assert!(same.callback(pending.clone(), &callback(&pending, "")).is_ok());
}

/// The challenge is always S256, and no parameter turns it off or replaces it.
#[tokio::test]
async fn attack_31_pkce_downgrade() {
    let world = World::new().await;
    for (name, value) in [
        ("code_challenge_method", "plain"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("state", "chosen"),
        ("nonce", "chosen"),
        ("response_type", "token"),
        ("redirect_uri", "https://evil.example/"),
        ("client_id", "another"),
        ("scope", "all"),
        // They would come in the place of all the others (RFC 9101 section 5), or send the code
        // elsewhere than into the callback's query.
        ("request", "eyJhbGciOiJub25lIn0.e30."),
        ("request_uri", "https://evil.example/request"),
        ("response_mode", "fragment"),
        // There are servers that do not tell them apart.
        ("State", "chosen"),
        ("REDIRECT_URI", "https://evil.example/"),
    ] {
        let answer = world.client.authorize().parameter(name, value).begin().await;
        assert_eq!(kind(answer), Configuration, "{name}");
        // Nor from the URL.
        let url = world.server.url(&format!("/authorize?{name}={value}"));
        let provider = Provider::new("acme", url, world.server.url("/token"));
        let built = OAuth2Client::builder(provider, "cid-123").build();
        assert_eq!(kind(built), Configuration, "{name}");
    }
    let begun = world.client.authorize().begin().await.unwrap();
    let query = query_of(begun.url());
    assert_eq!(value(&query, "code_challenge_method"), Some("S256"));
    // The exchange sends the verifier of that very challenge, and nothing replaces it.
    let challenge = value(&query, "code_challenge").unwrap().to_owned();
    let (_, pending) = begun.into_parts();
    let query = callback(&pending, "");
    let request = world.client.callback(pending, &query).unwrap();
    for name in
        ["code_verifier", "code", "redirect_uri", "grant_type", "client_id", "Code_Verifier"]
    {
        let changed = request.clone().parameter(name, "x").send().await;
        assert_eq!(kind(changed), Configuration, "{name}");
    }
    request.send().await.unwrap();
    let sent = value(&world.form(), "code_verifier").unwrap().to_owned();
    assert_eq!(Pkce::from_verifier(sent).unwrap().challenge(), challenge);
    // A grant by name does not get around it.
    let bare = world.client.grant("authorization_code").parameter("code", CODE);
    assert_eq!(kind(bare.send().await), Configuration);
    assert_eq!(world.server.hits(), 1);
    // A provider that says that it has no S256 is not logged in at.
    let discovered = discovered_with("code_challenge_methods_supported", json!(["plain"])).await;
    assert_eq!(kind(discovered.authorize().begin().await), Unavailable);
}

/// A client whose provider's discovery document has this member.
async fn discovered_with(name: &str, value: serde_json::Value) -> OAuth2Client {
    let server = Server::start().await;
    let issuer = server.url("");
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": server.url("/authorize"),
        "token_endpoint": server.url("/token"),
    });
    document[name] = value;
    server.set("/.well-known/openid-configuration", json_answer(&document));
    OAuth2Client::builder(Provider::discover("company", issuer), "cid-123")
        .redirect_url(CALLBACK)
        .build()
        .unwrap()
}

/// RFC 9207: an `iss` that came must be right, and one that must come must be there.
#[tokio::test]
async fn attack_31_wrong_iss() {
    let world = World::new().await;
    let iss = |iss: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(iss.as_bytes()).collect();
        format!("&iss={encoded}")
    };
    let ask = |client: &OAuth2Client, pending: Pending, more: &str| {
        let query = callback(&pending, more);
        client.callback(pending, &query).map(drop)
    };
    let right = iss(ISSUER);
    for more in ["", &right] {
        assert!(ask(&world.client, world.begun().await, more).is_ok(), "{more}");
    }
    for wrong in [
        "https://evil.example",
        "https://idp.example/",
        "https://IDP.example",
        "http://idp.example",
        "https://idp.example.evil.example",
        "",
    ] {
        let answer = ask(&world.client, world.begun().await, &iss(wrong));
        assert_eq!(kind(answer), InvalidCallback, "{wrong}");
    }
    // Also with an error, and twice.
    let pending = world.begun().await;
    let state = pending.state().expose().to_owned();
    let error = format!("error=access_denied&state={state}{}", iss("https://evil.example"));
    assert_eq!(kind(world.client.callback(pending.clone(), &error)), InvalidCallback);
    let twice = format!("{right}{}", iss("https://evil.example"));
    assert_eq!(kind(ask(&world.client, pending, &twice)), InvalidRequest);
    // Nobody said which one is right.
    let unnamed = Provider::new("acme", world.server.url("/a"), world.server.url("/token"));
    let unnamed = OAuth2Client::builder(unnamed, "cid-123").redirect_url(CALLBACK).build().unwrap();
    let begin =
        async |client: &OAuth2Client| client.authorize().begin().await.unwrap().into_parts().1;
    assert!(ask(&unnamed, begin(&unnamed).await, "").is_ok());
    assert_eq!(kind(ask(&unnamed, begin(&unnamed).await, &right)), InvalidCallback);
    // A provider that always sends it.
    let always = World::with(Provider::always_sends_iss, |client| client).await;
    assert!(ask(&always.client, always.begun().await, &right).is_ok());
    assert_eq!(kind(ask(&always.client, always.begun().await, "")), InvalidCallback);
    // Or that says so in its discovery document.
    let says = "authorization_response_iss_parameter_supported";
    let client = discovered_with(says, json!(true)).await;
    assert_eq!(kind(ask(&client, begin(&client).await, "")), InvalidCallback);
    let client = discovered_with(says, json!(false)).await;
    assert!(ask(&client, begin(&client).await, "").is_ok());
}

#[tokio::test]
async fn attack_31_a_token_endpoint_that_redirects() {
    let elsewhere = Server::start().await;
    elsewhere.set("/token", json_answer(&tokens()));
    for status in [301, 302, 303, 307, 308] {
        let world = World::new().await;
        world.server.set("/moved", json_answer(&tokens()));
        for target in [elsewhere.url("/token"), "/moved".to_owned()] {
            // Whatever its body says.
            for body in [tokens(), json!({"error": "invalid_grant"})] {
                let redirect = Answer::Whole {
                    status,
                    headers: vec![("location", target.clone())],
                    body: body.to_string().into_bytes(),
                };
                world.server.set("/token", redirect);
                assert_eq!(kind(world.login().await), UnexpectedStatus, "{status}");
            }
        }
        assert_eq!(world.server.seen(), ["POST /token HTTP/1.1"; 4]);
    }
    assert_eq!(elsewhere.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_31_a_token_endpoint_that_hangs() {
    let world = World::new().await;
    let good = tokens().to_string().into_bytes();
    for answer in [Answer::Hang, Answer::Drip(good)] {
        world.server.set("/token", answer);
        let begun = Instant::now();
        assert_eq!(kind(world.login().await), Timeout);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    world.server.set("/token", Answer::CutOff(tokens().to_string().into()));
    assert_eq!(kind(world.login().await), Connection);
    let nobody = Provider::new("acme", "http://127.0.0.1:9/a", "http://127.0.0.1:9/token");
    let nobody = OAuth2Client::builder(nobody, "id").secret("secret").build().unwrap();
    assert_eq!(kind(nobody.client_credentials().send().await), Connection);
}

#[tokio::test]
async fn attack_31_a_token_endpoint_that_answers_200_with_error() {
    let world = World::new().await;
    for (code, expected) in [
        ("invalid_grant", InvalidGrant),
        ("bad_verification_code", InvalidGrant),
        ("expired_token", InvalidGrant),
        ("invalid_client", ClientRefused),
        ("incorrect_client_credentials", ClientRefused),
        ("unauthorized_client", ClientRefused),
        ("invalid_scope", ClientRefused),
        ("access_denied", AccessDenied),
        ("temporarily_unavailable", Unavailable),
        ("authorization_pending", Unavailable),
    ] {
        // Also beside tokens, and with the status that RFC 6749 asks for.
        for (status, mut body) in
            [(200, json!({})), (200, tokens()), (400, json!({})), (401, json!({}))]
        {
            body["error"] = code.into();
            body["error_description"] = "because".into();
            let answer =
                Answer::Whole { status, headers: Vec::new(), body: body.to_string().into_bytes() };
            world.server.set("/token", answer);
            let error = world.login().await.unwrap_err();
            assert_eq!((error.kind(), error.oauth2_code()), (expected, Some(code)), "{status}");
            assert!(error.message().contains("because"), "{error}");
        }
    }
    for strange in [json!({"error": {"message": "no"}}), json!({"error": 7}), json!({"error": " "})]
    {
        world.server.set("/token", json_answer(&strange));
        let error = world.login().await.unwrap_err();
        assert_eq!((error.kind(), error.oauth2_code()), (ClientRefused, None), "{strange}");
    }
    // An error of nothing is none.
    let mut sound = tokens();
    sound["error"] = json!(null);
    world.server.set("/token", json_answer(&sound));
    world.login().await.unwrap();
}

#[tokio::test]
async fn attack_31_a_token_endpoint_that_answers_html() {
    let world = World::new().await;
    let good = tokens().to_string();
    let twice = good.replacen('{', r#"{"access_token":"first","#, 1);
    let escaped = good.replacen('{', r#"{"acc\u0065ss_token":"first","#, 1);
    for (what, body) in [
        ("HTML", "<!doctype html><title>Log in</title>".to_owned()),
        ("a form", "access_token=a&token_type=bearer".to_owned()),
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("a list", format!("[{good}]")),
        ("a text", "\"access-1\"".to_owned()),
        ("two documents", format!("{good}{good}")),
        ("half a document", good[..good.len() - 2].to_owned()),
        ("a member twice", twice),
        ("a member twice, once escaped", escaped),
        ("deep nesting", format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000))),
    ] {
        world.server.set("/token", Answer::ok(body));
        assert_eq!(kind(world.login().await), UnexpectedBody, "{what}");
    }
    world.server.set("/token", Answer::ok(b"\xff\xfe{}".to_vec()));
    assert_eq!(kind(world.login().await), UnexpectedBody);
    for (status, expected) in [
        (400, UnexpectedStatus),
        (401, UnexpectedStatus),
        (404, UnexpectedStatus),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ] {
        world.server.set("/token", Answer::status(status).with("retry-after", "7"));
        let error = world.login().await.unwrap_err();
        assert_eq!(error.kind(), expected, "{status}");
        let seven = (expected == Unavailable).then(|| Duration::from_secs(7));
        assert_eq!(error.retry_after(), seven);
    }
    let for_ever = Answer::status(503).with("retry-after", u64::MAX.to_string());
    world.server.set("/token", for_ever);
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(world.login().await.unwrap_err().retry_after(), hour);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_31_a_token_endpoint_that_answers_100_mb() {
    let world = World::with(|p| p, |client| client.timeout(Duration::from_secs(20))).await;
    for answer in [Answer::Huge, Answer::Endless] {
        world.server.set("/token", answer);
        let begun = Instant::now();
        assert_eq!(kind(world.login().await), UnexpectedBody);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
    let taken = world.server.bytes();
    println!("of two answers of 100 MB and more {taken} bytes were sent");
    assert!(taken < 50 << 20, "{taken} bytes were taken");
    // The limit is on the body, not on a field of it.
    let padded = |length: usize| format!("{}{}", " ".repeat(length), tokens());
    let room = 256 * 1024 - tokens().to_string().len();
    world.server.set("/token", Answer::ok(padded(room)));
    world.login().await.unwrap();
    world.server.set("/token", Answer::ok(padded(room + 1)));
    assert_eq!(kind(world.login().await), UnexpectedBody);
}

/// What comes as a token goes into headers.
#[tokio::test]
async fn tokens_that_are_none() {
    let world = World::new().await;
    for (name, value) in [
        ("access_token", json!(null)),
        ("access_token", json!("")),
        ("access_token", json!(7)),
        ("access_token", json!("a\r\nset-cookie: b=c")),
        ("access_token", json!("ä")),
        ("refresh_token", json!(["a"])),
        ("refresh_token", json!("a\u{0}")),
        ("id_token", json!({})),
        ("token_type", json!("mac")),
        ("token_type", json!("DPoP")),
        ("token_type", json!("N_A")),
        ("token_type", json!(1)),
        ("expires_in", json!(-1)),
        ("expires_in", json!("soon")),
        ("expires_in", json!([])),
        ("scope", json!(7)),
        ("scope", json!([7])),
    ] {
        let mut body = tokens();
        body[name] = value.clone();
        world.server.set("/token", json_answer(&body));
        assert_eq!(kind(world.login().await), UnexpectedBody, "{name}: {value}");
    }
}
