//! Attacks 11 to 15: the claims.

use super::{EXPIRED, INVALID, ISSUER, Target, accepts, honest, refuses, serve};
use crate::support::{ANN, APP, NOW, World};
use jamguard::emulator::{AppSettings, IdToken};
use jamguard::jose::Algorithm;
use jamguard::{Authenticator, testing};
use serde_json::{Value, json};

/// The honest payload with one claim written exactly so.
fn with(claim: &str, text: &str) -> String {
    let mut claims = honest();
    claims.as_object_mut().unwrap().remove(claim);
    format!("{{\"{claim}\":{text},{}", &claims.to_string()[1..])
}

fn without(claim: &str) -> impl FnOnce(&mut Value) {
    move |claims| {
        claims.as_object_mut().unwrap().remove(claim);
    }
}

#[tokio::test]
async fn line_11_exp() {
    let target = Target::new(Algorithm::ES256).await;
    let exp = |text: &str| target.over(with("exp", text));
    let future = NOW + 60;
    let mut tokens: Vec<_> = [
        "null",
        "true",
        "[]",
        "{}",
        "-1",
        "-1700000060",
        "1e300",
        "1e400",
        "-1e400",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "99999999999999999999999999999999999999999999",
        "253402300800",
        "\"\"",
        "\"never\"",
    ]
    .map(exp)
    .into();
    tokens.push(exp(&format!("\"{future}\"")));
    tokens.push(exp(&format!("[{future}]")));
    tokens.push(exp(&format!("{future},\"exp\":{future}")));
    tokens.push(exp(&format!("1,\"\\u0065xp\":{future}")));
    tokens.push(target.token(without("exp")));
    target.refuses_all(tokens).await;
    for past in ["0", "1", "0.0", "1e3", "1700000000", "1699999999.9", "1.7e9"] {
        refuses(&target.servers, &exp(past), 401, EXPIRED).await;
    }
    for sound in ["1700000060", "1700000060.0", "1700000060.75", "1.70000006e9", "17000000600E-1"] {
        target.accepts(&exp(sound)).await;
    }
}

#[tokio::test]
async fn line_12_nbf_and_iat() {
    let target = Target::new(Algorithm::ES256).await;
    let mut tokens = Vec::new();
    for claim in ["nbf", "iat"] {
        for text in [
            "1700000001",
            "1700000000.5",
            "1e300",
            "1e400",
            "-1",
            "null",
            "true",
            "[]",
            "\"1699999999\"",
            "\"\"",
        ] {
            tokens.push(target.over(with(claim, text)));
        }
    }
    target.refuses_all(tokens).await;
    for claim in ["nbf", "iat"] {
        for text in ["0", "1699999999", "1700000000", "1.7e9"] {
            target.accepts(&target.over(with(claim, text))).await;
        }
    }
}

#[tokio::test]
async fn line_13_iss_aud_sub_jti() {
    let target = Target::new(Algorithm::ES256).await;
    let mut tokens = vec![target.token(without("iss")), target.token(without("aud"))];
    for (claim, value) in [
        ("iss", json!([ISSUER])),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", json!(ISSUER.to_uppercase())),
        ("iss", json!("https://issuer.exampl")),
        ("iss", json!(format!("{ISSUER}.evil.example"))),
        ("iss", json!(format!(" {ISSUER}"))),
        ("iss", json!("")),
        ("iss", json!(1)),
        ("iss", json!(null)),
        ("iss", json!({"a": ISSUER})),
        ("aud", json!([])),
        ("aud", json!("")),
        ("aud", json!("ap")),
        ("aud", json!("apis")),
        ("aud", json!("API")),
        ("aud", json!("other api")),
        ("aud", json!(["other"])),
        ("aud", json!(["api", 1])),
        ("aud", json!(["api", null])),
        ("aud", json!(["api", ["x"]])),
        ("aud", json!({"api": true})),
        ("aud", json!(1)),
        ("aud", json!(null)),
        ("aud", json!(true)),
        ("sub", json!(1)),
        ("sub", json!(null)),
        ("sub", json!(["42"])),
        ("jti", json!(1)),
        ("jti", json!(null)),
        ("jti", json!({})),
    ] {
        tokens.push(target.token(|claims| claims[claim] = value));
    }
    target.refuses_all(tokens).await;
    for audience in [json!("api"), json!(["api"]), json!(["other", "api"])] {
        target.accepts(&target.token(|claims| claims["aud"] = audience)).await;
    }
}

#[tokio::test]
async fn line_14_typ_and_token_use() {
    let target = Target::with_rules(Algorithm::ES256, |rules| rules.token_type("at+jwt")).await;
    let typed = |typ: Value| target.under(&json!({"alg": "ES256", "typ": typ}));
    for typ in [
        json!("JWT"),
        json!("id_token"),
        json!("rt+jwt"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("at+jwt "),
        json!("text/at+jwt"),
        json!("application/application/at+jwt"),
        json!(""),
        json!(null),
        json!(["at+jwt"]),
    ] {
        refuses(&target.servers, &typed(typ), 401, INVALID).await;
    }
    refuses(&target.servers, &target.under(&json!({"alg": "ES256"})), 401, INVALID).await;
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        target.accepts(&typed(json!(typ))).await;
    }

    let world = World::new().await;
    let servers = serve(Authenticator::builder().jam(world.jam())).await;
    for token_use in
        [json!("access"), json!("refresh"), json!("ID"), json!(""), json!(null), json!(["id"])]
    {
        let token = world.issue(IdToken::new(ANN).claim("token_use", token_use));
        refuses(&servers, &token, 401, INVALID).await;
    }
    let token = world.issue(IdToken::new(ANN).without_claim("token_use"));
    refuses(&servers, &token, 401, INVALID).await;
    accepts(&servers, &world.token()).await;
}

/// The same clock, the same addresses, the same servers: only the issuer differs.
#[tokio::test]
async fn line_15_a_token_of_somebody_else() {
    let world = World::new().await;
    let other =
        world.emulator.add_app(AppSettings::new("0b0f2a4e-5a0e-4b0a-9d51-2d3f0f6a7c11")).unwrap();
    let local = Target::with_rules(Algorithm::ES512, |rules| rules.token_type("at+jwt")).await;
    let at_jam = serve(Authenticator::builder().jam(world.jam())).await;
    let ours = local.under(&json!({"alg": "ES512", "typ": "at+jwt"}));

    // App B's at app A, as it is and made to look like A's.
    let issue = |token: IdToken| other.issue(token).unwrap();
    let kid = |token: &str| {
        let header: Value = serde_json::from_slice(&super::decode(super::parts(token)[0])).unwrap();
        header["kid"].clone()
    };
    for token in [
        issue(IdToken::new(ANN)),
        issue(IdToken::new(ANN).claim("aud", APP)),
        issue(IdToken::new(ANN).claim("iss", world.app.issuer())),
        issue(IdToken::new(ANN).claim("iss", world.app.issuer()).claim("aud", APP)),
        issue(
            IdToken::new(ANN)
                .claim("iss", world.app.issuer())
                .claim("aud", APP)
                .header("kid", kid(&world.token())),
        ),
        // App A's, meant for B.
        world.issue(IdToken::new(ANN).claim("aud", other.app_id())),
        // A locally issued one, as it is and dressed up.
        ours.clone(),
        local.token(|claims| {
            claims["iss"] = world.app.issuer().into();
            claims["aud"] = APP.into();
            claims["token_use"] = "id".into();
        }),
    ] {
        refuses(&at_jam, &token, 401, INVALID).await;
    }
    // And JAM's where local ones are expected: an ID token is no access token.
    for token in [
        world.token(),
        world.issue(IdToken::new(ANN).header("typ", "at+jwt")),
        world.issue(
            IdToken::new(ANN).header("typ", "at+jwt").claim("iss", ISSUER).claim("aud", "api"),
        ),
        testing::mint(&local.key, &honest()).unwrap(),
    ] {
        local.refuses(&token).await;
    }
    accepts(&at_jam, &world.token()).await;
    local.accepts(&ours).await;
}
