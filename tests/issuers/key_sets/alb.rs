//! AWS load balancers: `x-amzn-oidc-data`, with keys by URL.

use crate::support::issuer::{Answer, NOW, Server, at_once, changed};
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use jamguard::ErrorKind::{self, *};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::AwsAlb;
use jamguard::testing::ManualClock;
use jamguard::{Error, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:\
                   loadbalancer/app/shop/50dc6c495c0c9188";
const OTHER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:\
                     loadbalancer/app/blog/73e2d6bc24d8a067";
const KID: &str = "2f1fab8a-8a4d-4a5e-9a4c-1c0e2a4b6d80";

/// The pad of the text decides whether parts end in padding: three lengths cover every case.
const PADS: [&str; 3] = ["", "x", "xx"];

struct World {
    server: Server,
    clock: ManualClock,
    key: SigningKey,
    verifier: Verifier,
}

fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

fn pem(key: &SigningKey) -> String {
    key.verifying_key().unwrap().to_pem().unwrap()
}

fn header() -> Value {
    json!({
        "typ": "JWT", "kid": KID, "alg": "ES256", "iss": "https://login.example",
        "client": "client-1", "signer": ARN, "exp": NOW + 120,
    })
}

fn payload() -> Value {
    json!({
        "sub": "42", "email": "ann@example.com", "username": "ann",
        "exp": NOW + 120, "iss": "https://login.example",
    })
}

fn token_in(
    engine: &impl base64::Engine,
    key: &SigningKey,
    header: &Value,
    payload: &Value,
) -> String {
    let part = |value: &Value| engine.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", engine.encode(signature))
}

fn token(key: &SigningKey, header: &Value, payload: &Value) -> String {
    token_in(&URL_SAFE, key, header, payload)
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let (clock, key) = (ManualClock::at(NOW), new_key());
        server.set(&format!("/keys/{KID}"), Answer::ok(pem(&key)));
        let alb = AwsAlb::new([ARN, OTHER]).keys_url(server.url("/keys"));
        let verifier = alb.verifier().unwrap().clock(clock.clone()).leeway(Duration::ZERO);
        Self { verifier: verifier.build().unwrap(), server, clock, key }
    }

    async fn verify(&self, token: &str) -> Result<(), ErrorKind> {
        self.verifier.verify(token).await.map(drop).map_err(|error| error.kind())
    }

    async fn answer(&self, changes: Value) -> Result<(), ErrorKind> {
        self.verify(&token(&self.key, &changed(&header(), &changes), &payload())).await
    }
}

#[tokio::test]
async fn a_load_balancers_token_is_accepted_with_its_padding() {
    let world = World::new().await;
    let mut with_padding = 0;
    for in_header in PADS {
        for in_payload in PADS {
            let token = token(
                &world.key,
                &changed(&header(), &json!({"client": in_header})),
                &changed(&payload(), &json!({"name": in_payload})),
            );
            with_padding += usize::from(token.contains("=."));
            let verified = world.verifier.verify(&token).await.unwrap();
            assert_eq!(verified.subject(), Some("42"));
            assert_eq!(verified.issuer(), Some("https://login.example"));
            // Cached from now on.
            assert!(at_once(world.verifier.verify(&token)).unwrap().is_ok());
            // The padding is signed and required.
            let bare = token.replace('=', "");
            assert_eq!(world.verify(&bare).await, Err(Malformed));
        }
    }
    assert!(with_padding >= 8, "{with_padding}");
    assert_eq!(world.server.hits(), 1);
}

/// The leniency is this verifier's alone, even after it has read the same header.
#[tokio::test]
async fn other_verifiers_refuse_padding() {
    let world = World::new().await;
    let strict = Verifier::builder()
        .key(world.key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .any_audience()
        .clock(world.clock.clone())
        .build()
        .unwrap();
    for pad in PADS {
        let header = changed(&header(), &json!({"client": pad}));
        let padded = token(&world.key, &header, &payload());
        assert_eq!(world.verify(&padded).await, Ok(()));
        let refused = strict.verify(&padded).await.unwrap_err();
        assert_eq!(refused.kind(), Malformed, "{pad}");
        let bare = token_in(&URL_SAFE_NO_PAD, &world.key, &header, &payload());
        assert!(strict.verify(&bare).await.is_ok());
        assert_eq!(world.verify(&bare).await, Err(Malformed), "{pad}");
    }
}

#[tokio::test]
async fn the_header_is_checked() {
    let world = World::new().await;
    assert_eq!(world.answer(json!({"signer": OTHER})).await, Ok(()));
    for (changes, refused) in [
        (json!({"signer": format!("{ARN}0")}), InvalidClaim),
        (json!({"signer": ARN.to_uppercase()}), InvalidClaim),
        (json!({"signer": null}), InvalidClaim),
        (json!({"signer": [ARN]}), InvalidClaim),
        (json!({"exp": null}), MissingClaim),
        (json!({"exp": "1800000120"}), MissingClaim),
        (json!({"exp": -1}), MissingClaim),
        (json!({"exp": NOW}), Expired),
        (json!({"iss": "https://other.example"}), InvalidClaim),
        (json!({"kid": null}), MissingClaim),
        (json!({"alg": "HS256"}), UnsupportedAlgorithm),
        (json!({"alg": "none"}), UnsupportedAlgorithm),
        (json!({"crit": ["exp"]}), Malformed),
    ] {
        assert_eq!(world.answer(changes.clone()).await, Err(refused), "{changes}");
    }
    let forged = token(&new_key(), &header(), &payload());
    assert_eq!(world.verify(&forged).await, Err(BadSignature));
    assert_eq!(world.server.hits(), 1);
}

/// The sooner of both dates counts, and the header's alone is enough.
#[tokio::test]
async fn the_token_ends_with_either_exp() {
    let world = World::new().await;
    for (in_header, in_payload) in [(60, 120), (120, 60)] {
        let token = token(
            &world.key,
            &changed(&header(), &json!({"exp": NOW + in_header})),
            &changed(&payload(), &json!({"exp": NOW + in_payload, "jti": in_header.to_string()})),
        );
        assert_eq!(world.verify(&token).await, Ok(()));
        let clock = &world.clock;
        clock.advance(Duration::from_secs(59));
        assert_eq!(world.verify(&token).await, Ok(()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(world.verify(&token).await, Err(Expired));
        clock.set_wall(NOW);
    }
    let bare = changed(&payload(), &json!({"exp": null, "iss": null}));
    let verified = world.verifier.verify(&token(&world.key, &header(), &bare)).await.unwrap();
    assert_eq!(verified.issuer(), Some("https://login.example"));
}

#[tokio::test]
async fn only_a_uuid_enters_the_url() {
    let world = World::new().await;
    let long = format!("{KID}0");
    let hostile = [
        "../../secrets",
        "..%2f..%2fsecrets00000000000000000000000",
        "k1",
        "",
        "2f1fab8a-8a4d-4a5e-9a4c-1c0e2a4b6d8/",
        "2f1fab8a08a4d04a5e09a4c01c0e2a4b6d80",
        "2f1fab8a-8a4d-4a5e-9a4c-1c0e2a4b6d8?",
        &long,
    ];
    for kid in hostile {
        assert_eq!(world.answer(json!({"kid": kid})).await, Err(UnknownKey), "{kid}");
    }
    assert_eq!(world.server.hits(), 0);
    assert_eq!(world.answer(json!({})).await, Ok(()));
    assert_eq!(world.server.seen(), [format!("GET /keys/{KID} HTTP/1.1")]);
}

fn nth(n: usize) -> String {
    format!("{n:08x}-8a4d-4a5e-9a4c-1c0e2a4b6d80")
}

#[tokio::test]
async fn each_key_is_fetched_once_and_again_after_a_day() {
    let world = World::new().await;
    let second = new_key();
    world.server.set(&format!("/keys/{}", nth(1)), Answer::ok(pem(&second)));
    let of_second = token(&second, &changed(&header(), &json!({"kid": nth(1)})), &payload());
    // Callers at once share the fetch.
    let first = token(&world.key, &header(), &payload());
    let (a, b, c) = tokio::join!(world.verify(&first), world.verify(&first), world.verify(&first));
    assert_eq!((a, b, c), (Ok(()), Ok(()), Ok(())));
    assert_eq!(world.verify(&of_second).await, Ok(()));
    assert_eq!(world.server.hits(), 2);
    // A key does not serve under another's id.
    let crossed = token(&world.key, &changed(&header(), &json!({"kid": nth(1)})), &payload());
    assert_eq!(world.verify(&crossed).await, Err(BadSignature));
    // A cached token ends with its key, which the server no longer has.
    world.server.set(&format!("/keys/{KID}"), Answer::status(404));
    world.clock.advance(Duration::from_secs(24 * 3600));
    let day = json!({"exp": NOW + 200_000});
    let late = token(&world.key, &changed(&header(), &day), &changed(&payload(), &day));
    assert_eq!(world.verify(&late).await, Err(UnknownKey));
    assert_eq!(world.server.hits(), 3);
}

#[tokio::test]
async fn a_cached_token_ends_with_its_key() {
    let world = World::new().await;
    let date = json!({"exp": NOW + 200_000});
    let token = token(&world.key, &changed(&header(), &date), &changed(&payload(), &date));
    assert_eq!(world.verify(&token).await, Ok(()));
    world.server.set(&format!("/keys/{KID}"), Answer::status(404));
    world.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(world.verify(&token).await, Ok(()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.verify(&token).await, Err(UnknownKey));
}

#[tokio::test]
async fn unknown_keys_are_remembered_and_their_fetches_bounded() {
    let world = World::new().await;
    let ask = async |n: usize| world.answer(json!({"kid": nth(n)})).await;
    for _ in 0..3 {
        assert_eq!(ask(1).await, Err(UnknownKey));
    }
    assert_eq!(world.server.hits(), 1);
    // A storage service answers 403 for unknown names; a page is no key.
    world.server.set(&format!("/keys/{}", nth(2)), Answer::status(403));
    world.server.set(&format!("/keys/{}", nth(3)), Answer::ok("<html>"));
    for n in 2..=8 {
        assert_eq!(ask(n).await, Err(UnknownKey), "{n}");
    }
    assert_eq!(world.server.hits(), 8);
    for n in 9..100 {
        assert_eq!(ask(n).await, Err(Unavailable), "{n}");
    }
    assert_eq!(world.server.hits(), 8);
    // One fetch a second after that: the real key gets through.
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.answer(json!({})).await, Ok(()));
    assert_eq!(ask(100).await, Err(Unavailable));
    // Known keys are not affected, and a missing one is asked for again after the cooldown.
    let token = token(&world.key, &header(), &changed(&payload(), &json!({"jti": "2"})));
    assert_eq!(world.verify(&token).await, Ok(()));
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(ask(1).await, Err(UnknownKey));
    assert_eq!(world.server.hits(), 10);
}

/// Tokens of invented keys do not delay the fetch of a key that was known.
#[tokio::test]
async fn a_known_key_is_fetched_again_during_a_flood() {
    let world = World::new().await;
    let date = json!({"exp": NOW + 200_000});
    let known = token(&world.key, &changed(&header(), &date), &changed(&payload(), &date));
    assert_eq!(world.verify(&known).await, Ok(()));
    world.clock.advance(Duration::from_secs(24 * 3600));
    for n in 1..20 {
        let _ = world.answer(changed(&date, &json!({"kid": nth(n)}))).await;
    }
    assert_eq!(world.answer(json!({"kid": nth(20)})).await, Err(Unavailable));
    assert_eq!(world.server.hits(), 9);
    assert_eq!(world.verify(&known).await, Ok(()));
    assert_eq!(world.server.hits(), 10);
}

#[tokio::test]
async fn a_known_key_is_used_for_an_hour_of_an_outage() {
    let world = World::new().await;
    let date = json!({"exp": NOW + 200_000});
    let known = token(&world.key, &changed(&header(), &date), &changed(&payload(), &date));
    assert_eq!(world.verify(&known).await, Ok(()));
    let place = format!("/keys/{KID}");
    world.server.set(&place, Answer::status(500));
    world.clock.advance(Duration::from_secs(24 * 3600));
    let mut hits = 1;
    for _ in 0..60 {
        hits += 1;
        for _ in 0..3 {
            assert_eq!(world.verify(&known).await, Ok(()));
        }
        assert_eq!(world.server.hits(), hits, "one attempt a minute");
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(world.verify(&known).await, Err(Unavailable));
}

#[tokio::test]
async fn an_outage_says_nothing_about_the_token() {
    let world = World::new().await;
    let place = format!("/keys/{KID}");
    world.server.set(&place, Answer::status(500));
    assert_eq!(world.answer(json!({})).await, Err(Unavailable));
}

#[test]
fn load_balancers_that_cannot_be_meant_are_refused() {
    let advice = |alb: AwsAlb| -> String {
        let error: Error = alb.verifier().err().unwrap();
        assert_eq!(error.kind(), Configuration);
        error.message().to_owned()
    };
    assert!(advice(AwsAlb::new([""; 0])).contains("AwsAlb::new([…])"));
    for arn in ["", "shop", "arn:aws:iam::123456789012:user/ann"] {
        assert!(advice(AwsAlb::new([arn])).contains("not the ARN"), "{arn}");
    }
    let network = ARN.replace("loadbalancer/app", "loadbalancer/net");
    assert!(advice(AwsAlb::new([network])).contains("Application Load Balancer"));
    let elsewhere = ARN.replace("eu-central-1", "us-east-1");
    assert!(advice(AwsAlb::new([ARN, &*elsewhere])).contains("several regions"));
    let china = ARN.replace("arn:aws:", "arn:aws-cn:");
    assert!(advice(AwsAlb::new([&*china])).contains(".keys_url("));
    assert!(AwsAlb::new([&*china]).keys_url("https://keys.example").verifier().is_ok());
    for region in ["", "evil.example/", "a@evil.example"] {
        let arn = ARN.replace("eu-central-1", region);
        assert!(advice(AwsAlb::new([arn])).contains("region"), "{region}");
    }
    assert!(advice(AwsAlb::new([ARN]).keys_url("http://keys.example")).contains("plain http"));
    assert!(AwsAlb::new([ARN, OTHER]).verifier().is_ok());
}
