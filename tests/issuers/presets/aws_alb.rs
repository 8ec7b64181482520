//! The header of AWS Application Load Balancers.

use crate::support::issuer::{Answer, NOW, Server, changed, key, set_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::AwsAlb;
use jamguard::policy::role;
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Introspection, Preset, Verifier};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:\
                   loadbalancer/app/shop/50dc6c495c0c9188";
const KID: &str = "0ccb1f14-8b8c-4d5e-9f3a-6a7b8c9d0e1f";
const ISSUER: &str = "https://login.acme.example";

fn header() -> Value {
    json!({
        "typ": "JWT", "alg": "ES256", "kid": KID, "signer": ARN, "iss": ISSUER, "client": "shop",
        "exp": NOW + 120,
    })
}

fn claims() -> Value {
    json!({"sub": "ann", "email": "ann@acme.example", "groups": ["editors"], "exp": NOW + 120,
           "iss": ISSUER})
}

/// A token as load balancers write it: with padding, which is signed.
fn token(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE.encode(part.to_string()));
    let input = format!("{header}.{claims}");
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE.encode(signature))
}

#[tokio::test]
async fn the_header_of_the_named_load_balancer_is_accepted() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let server = Server::start().await;
    let pem = key.verifying_key().unwrap().to_pem().unwrap();
    server.set(&format!("/{KID}"), Answer::ok(pem));
    let auth = Authenticator::builder()
        .preset(Preset::aws_alb(AwsAlb::new([ARN]).keys_url(server.url(""))))
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let identity = auth.authenticate(&token(&key, &header(), &claims())).await.unwrap();
    assert_eq!(identity.subject(), Some("ann"));
    assert!(identity.check(&role("editors")).is_ok());

    let other = ARN.replace("123456789012", "999999999999");
    let expired = json!({"exp": NOW - 600});
    for (what, header, claims) in [
        ("another load balancer", changed(&header(), &json!({"signer": other})), claims()),
        ("without a signer", changed(&header(), &json!({"signer": null})), claims()),
        ("expired", changed(&header(), &expired), changed(&claims(), &expired)),
        ("without a user", header(), changed(&claims(), &json!({"sub": null}))),
    ] {
        let token = token(&key, &header, &claims);
        assert!(auth.authenticate(&token).await.is_err(), "{what}");
    }
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    assert!(auth.authenticate(&token(&stranger, &header(), &claims())).await.is_err());
    let standard = jamguard::testing::mint(&key, &claims()).unwrap();
    assert!(auth.authenticate(&standard).await.is_err(), "x-amzn-oidc-accesstoken");
    let sound = token(&key, &header(), &claims());
    let unsigned = format!("{}.", &sound[..sound.rfind('.').unwrap()]);
    assert!(auth.authenticate(&unsigned).await.is_err());
    assert!(auth.authenticate("ann").await.is_err(), "x-amzn-oidc-identity");
}

/// The load balancer logs users in at an issuer whose own tokens are accepted too, and whose opaque
/// tokens are introspected.
#[tokio::test]
async fn the_load_balancer_is_told_from_other_verifiers_by_the_form_of_its_tokens() {
    let [balancer, issuer] = [key("balancer"), key("issuer")];
    let server = Server::start().await;
    let pem = balancer.verifying_key().unwrap().to_pem().unwrap();
    server.set(&format!("/{KID}"), Answer::ok(pem));
    let opaque = json!({"active": true, "token_type": "Bearer", "sub": "bob", "exp": NOW + 120});
    server.set("/introspect", Answer::ok(opaque.to_string()));
    let introspection = Introspection::builder(server.url("/introspect"));
    let introspection = introspection.client_secret_basic("id", "secret").build().unwrap();
    let alb = || AwsAlb::new([ARN]).keys_url(server.url(""));
    let clock = ManualClock::at(NOW);

    let other = Verifier::builder().introspection(introspection.clone()).any_audience();
    let keycloak = Preset::keycloak(ISSUER)
        .any_audience()
        .algorithms([Algorithm::ES256])
        .jwks_json(set_of(&[&issuer]));
    let auth = Authenticator::builder()
        .preset(keycloak)
        .preset(Preset::aws_alb(alb()))
        .verifier(other.build().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let of_balancer = token(&balancer, &header(), &claims());
    for _ in 0..2 {
        let identity = auth.authenticate(&of_balancer).await.unwrap();
        assert_eq!(identity.subject(), Some("ann"));
        assert!(identity.check(&role("editors")).is_ok(), "the claims of the load balancer");
    }
    let access = json!({"sub": "ann", "iss": ISSUER, "typ": "Bearer", "exp": NOW + 120,
                        "realm_access": {"roles": ["admin"]}, "groups": ["editors"]});
    let access = jamguard::testing::mint(&issuer, &access).unwrap();
    let identity = auth.authenticate(&access).await.unwrap();
    assert!(identity.check(&role("admin")).is_ok() && identity.check(&role("editors")).is_err());
    assert_eq!(introspection.calls(), 0);
    assert_eq!(auth.authenticate("opaque").await.unwrap().subject(), Some("bob"));

    // The same in one verifier.
    let both = alb().verifier().unwrap().introspection(introspection.clone()).clock(clock);
    let both = both.build().unwrap();
    assert_eq!(both.verify(&of_balancer).await.unwrap().subject(), Some("ann"));
    assert_eq!(introspection.calls(), 1);
    assert_eq!(both.verify("opaque").await.unwrap().subject(), Some("bob"));
}
