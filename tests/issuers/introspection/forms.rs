//! The form of a token decides whether it is verified with keys or introspected.

use super::{ENDPOINT, TOKEN, World, answer_with};
use crate::support::issuer::{Answer, ISSUER, NOW, key, token};
use jamguard::ErrorKind::{self, *};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::mint;
use jamguard::{Authenticator, Introspection, Verifier, VerifierBuilder};
use serde_json::json;

/// A verifier of an issuer's JWTs.
fn jwts(key: &SigningKey, issuer: &str) -> VerifierBuilder {
    let verifier = Verifier::builder().key(key.verifying_key().unwrap());
    verifier.algorithms([Algorithm::ES256]).issuer(issuer)
}

/// An authenticator with a verifier of JWTs and one of opaque tokens.
fn beside(jwts: VerifierBuilder, opaque: &Verifier, world: &World) -> Authenticator {
    let auth = Authenticator::builder().verifier(jwts.build().unwrap()).verifier(opaque.clone());
    auth.clock(world.clock.clone()).build().unwrap()
}

#[tokio::test]
async fn jwts_are_verified_with_keys_and_all_others_are_introspected() {
    let signing = key("k1");
    let public = signing.verifying_key().unwrap();
    let world =
        World::with(|asked| asked, |rules| rules.key(public).algorithms([Algorithm::ES256])).await;
    let claims = json!({"iss": ISSUER, "aud": "api", "sub": "7", "exp": NOW + 600});
    let jwt = mint(&signing, &claims).unwrap();
    let verified = world.verify(&jwt).await.unwrap();
    assert_eq!(verified.subject(), Some("7"));
    assert_eq!(verified.header().unwrap().key_id(), Some("k1"));
    assert_eq!(world.introspection.calls(), 0);

    // Whatever the server says about it: a JWT is never tried both ways.
    let forged = mint(&key("k1"), &claims).unwrap();
    assert_eq!(world.verify(&forged).await.unwrap_err(), BadSignature);
    assert_eq!(world.introspection.calls(), 0);

    for opaque in [TOKEN, "v1.abc.def", "a.b", "ory_at_x.y", "abc/+~==", "a.b.c.d.e"] {
        assert_eq!(world.verify(opaque).await.unwrap().subject(), Some("42"), "{opaque}");
    }
    assert_eq!(world.introspection.calls(), 6);
}

#[tokio::test]
async fn without_keys_jwts_are_introspected_too() {
    let world = World::new().await;
    let jwt = token(&key("k1"));
    let verified = world.verify(&jwt).await.unwrap();
    assert_eq!((verified.subject(), verified.header()), (Some("42"), None));
    assert_eq!(world.introspection.calls(), 1);
}

/// An outage of the keys concerns JWTs only.
#[tokio::test]
async fn opaque_tokens_need_no_keys() {
    let world = World::new().await;
    let verifier = Verifier::builder()
        .jwks_url(world.server.url("/no-keys"))
        .algorithms([Algorithm::ES256])
        .introspection(world.introspection.clone())
        .issuer(ISSUER)
        .audience("api")
        .clock(world.clock.clone())
        .build()
        .unwrap();
    assert_eq!(verifier.verify(&token(&key("k1"))).await.unwrap_err().kind(), Unavailable);
    for _ in 0..3 {
        assert_eq!(verifier.verify(TOKEN).await.unwrap().subject(), Some("42"));
    }
    assert_eq!(world.introspection.calls(), 1);
    assert_eq!(verifier.cache_stats().hits, 2);
}

/// RFC 6750 section 2.1; nothing is sent for other texts.
#[tokio::test]
async fn other_texts_are_refused_without_a_call() {
    let world = World::with(|asked| asked, |rules| rules.max_token_len(100)).await;
    let long = "a".repeat(101);
    let cases: [(&str, ErrorKind); 9] = [
        ("", Malformed),
        ("=", Malformed),
        ("a=b", Malformed),
        ("a b", Malformed),
        ("a&b", Malformed),
        ("a\"b", Malformed),
        ("a\nb", Malformed),
        ("ü", Malformed),
        (&long, TooLarge),
    ];
    for (text, kind) in cases {
        assert_eq!(world.verify(text).await.unwrap_err(), kind, "{text:?}");
    }
    assert_eq!(world.introspection.calls(), 0);
    world.verify(&"a".repeat(100)).await.unwrap();
}

#[tokio::test]
async fn an_authenticator_finds_the_verifier_of_opaque_tokens() {
    let world = World::new().await;
    let signing = key("k2");
    let other = jwts(&signing, "https://other.example").any_audience();
    let auth = beside(other, &world.verifier, &world);
    for _ in 0..2 {
        assert_eq!(auth.authenticate(TOKEN).await.unwrap().subject(), Some("42"));
    }
    assert_eq!(world.introspection.calls(), 1);
    let claims = json!({"iss": "https://other.example", "sub": "7", "exp": NOW + 600});
    let jwt = mint(&signing, &claims).unwrap();
    assert_eq!(auth.authenticate(&jwt).await.unwrap().subject(), Some("7"));
    assert_eq!(world.introspection.calls(), 1);
    world.server.set(ENDPOINT, Answer::ok(r#"{"active":false}"#));
    auth.forget_token(TOKEN);
    assert_eq!(auth.authenticate(TOKEN).await.unwrap_err().kind(), Inactive);
}

/// The form has named the verifier, although another one names the issuer.
#[tokio::test]
async fn an_answer_is_remembered_beside_the_issuers_verifier_of_jwts() {
    let world = World::new().await;
    let signing = key("k1");
    let jwts = jwts(&signing, ISSUER).audience("api");
    let opaque = Verifier::builder().introspection(world.introspection.clone()).audience("api");
    let opaque = opaque.clock(world.clock.clone()).build().unwrap();
    let auth = beside(jwts, &opaque, &world);
    for _ in 0..2 {
        assert_eq!(auth.authenticate(TOKEN).await.unwrap().subject(), Some("42"));
    }
    assert_eq!(opaque.cache_stats().hits, 1);
    assert_eq!(world.introspection.calls(), 1);
    // A JWT is for the verifier of its issuer, also if the other one knows it.
    let claims = json!({"iss": ISSUER, "aud": "api", "sub": "7", "exp": NOW + 600});
    let jwt = mint(&signing, &claims).unwrap();
    assert_eq!(opaque.verify(&jwt).await.unwrap().subject(), Some("42"));
    assert_eq!(auth.authenticate(&jwt).await.unwrap().subject(), Some("7"));
}

/// A fault of this server's settings says nothing about the token, as an outage does.
#[tokio::test]
async fn a_fault_outranks_the_refusal_of_another_verifier() {
    let world = World::new().await;
    let signing = key("k1");
    let jwts = jwts(&signing, ISSUER).audience("other");
    let auth = beside(jwts, &world.verifier, &world);
    let jwt = token(&signing);
    assert_eq!(auth.authenticate(&jwt).await.unwrap().subject(), Some("42"));
    world.server.set(ENDPOINT, Answer::status(401));
    auth.forget_token(&jwt);
    let error = auth.authenticate(&jwt).await.unwrap_err();
    assert_eq!(error.kind(), ClientRefused);
}

/// Two verifiers of one server ask it once.
#[tokio::test]
async fn verifiers_share_an_introspection() {
    let world = World::new().await;
    let other = Verifier::builder()
        .introspection(world.introspection.clone())
        .issuer(ISSUER)
        .audience("other")
        .clock(world.clock.clone());
    let auth = Authenticator::builder().verifier(other.build().unwrap());
    let auth = auth.verifier(world.verifier.clone()).build().unwrap();
    assert_eq!(auth.authenticate(TOKEN).await.unwrap().subject(), Some("42"));
    assert_eq!(world.introspection.calls(), 1);
    world.answers(&answer_with("aud", "third"));
    assert_eq!(auth.authenticate("another").await.unwrap_err().kind(), InvalidClaim);
    assert_eq!(world.introspection.calls(), 2);
}

#[tokio::test]
async fn tokens_are_never_sent_to_two_servers() {
    let [one, two] = [World::new().await, World::new().await];
    let auth = Authenticator::builder().verifier(one.verifier).verifier(two.verifier);
    let error = auth.build().unwrap_err();
    assert_eq!(error.kind(), Configuration);
    assert!(error.message().contains("one Authenticator for each server"), "{error}");
}

/// Otherwise each of them could name the users of the other.
#[test]
fn keys_and_introspection_are_of_one_issuer() {
    let signing = key("k1");
    let introspection = |issuer: &str| {
        Introspection::discover(issuer).client_secret_basic("id", "secret").build().unwrap()
    };
    let rules = || {
        let public = signing.verifying_key().unwrap();
        Verifier::builder().key(public).algorithms([Algorithm::ES256]).audience("api")
    };
    let one = rules().issuer(ISSUER).introspection(introspection(ISSUER));
    one.build().unwrap();
    let google = "https://accounts.google.com";
    rules().issuer(google).introspection(introspection(google)).build().unwrap();

    let other = || introspection("https://other.example");
    let family = rules().issuer_family("https://issuer.example/{tid}", ["a"]);
    let discovered = Verifier::builder().discover(ISSUER).algorithms([Algorithm::ES256]);
    for builder in [
        rules().issuer(ISSUER).introspection(other()),
        rules().introspection(other()).issuer(ISSUER),
        family.introspection(other()),
        discovered.any_audience().introspection(other()),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains("introspection of another"), "{error}");
    }
}

#[test]
fn builders_say_what_to_change() {
    let asked = || Introspection::builder("https://issuer.example/introspect");
    let with = || asked().client_secret_basic("id", "secret");
    let seconds = std::time::Duration::from_secs;
    let cases = [
        (asked(), "introspection without credentials"),
        (asked().client_secret_basic("", "secret"), "client id for introspection is empty"),
        (asked().client_secret_post("id", ""), "client secret for introspection is empty"),
        (with().timeout(seconds(56)), "timeout of introspection"),
        (with().timeout(seconds(0)), "timeout of introspection"),
        (with().active_ttl(seconds(3601)), "active_ttl is over an hour"),
        (with().inactive_ttl(seconds(61)), "inactive_ttl is over a minute"),
        (with().token_type(" "), "an empty name in .token_type(…)"),
        (with().answer_audience("api"), "answer_audience without signed answers"),
        (with().signed_answers([Algorithm::ES256]), "use Introspection::discover(…)"),
        (
            Introspection::builder("http://issuer.example").client_secret_basic("id", "s"),
            "is plain http",
        ),
        (Introspection::discover("issuer").client_secret_basic("id", "s"), "is not a URL"),
        (
            Introspection::discover("https://issuer.example")
                .client_secret_basic("id", "s")
                .signed_answers([]),
            "no algorithms",
        ),
    ];
    for (builder, text) in cases {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
        assert!(error.message().contains(text), "{error}");
    }
    let introspection = with().build().unwrap();
    let rules = || Verifier::builder().introspection(introspection.clone());
    let algorithms = [Algorithm::ES256];
    let cases = [
        (rules(), ".audience(…)"),
        (rules().audience("api").algorithms(algorithms), "are rules for JWTs"),
        (rules().audience("api").token_type("at+jwt"), "are rules for JWTs"),
        (rules().audience("api").require_key_id(), "are rules for JWTs"),
        (rules().audience("api").introspection(introspection.clone()), "two introspection servers"),
    ];
    for (builder, text) in cases {
        let error = builder.build().unwrap_err();
        assert!(error.message().contains(text), "{error}");
    }
}
