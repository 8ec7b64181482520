//! Issuer families: a discovery document that names a template, and keys with an issuer, as
//! Microsoft Entra ID publishes them for all its tenants.

use crate::support::issuer::*;
use jamguard::ErrorKind::{InvalidClaim, MissingClaim, Unavailable};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Error, ErrorKind, Verifier, VerifierBuilder};
use serde_json::{Value, json};

const DOCUMENT: &str = "/common/v2.0/.well-known/openid-configuration";

struct Tenants {
    server: Server,
    clock: ManualClock,
    key: SigningKey,
}

impl Tenants {
    /// A server whose document names this issuer and whose keys are these.
    async fn new(issuer: impl FnOnce(&Server) -> String, keys: &Value) -> Self {
        let tenants =
            Self { server: Server::start().await, clock: ManualClock::at(NOW), key: key("k1") };
        let document =
            json!({"issuer": issuer(&tenants.server), "jwks_uri": tenants.server.url("/keys")});
        tenants.server.set(DOCUMENT, Answer::ok(document.to_string()));
        tenants.publish(keys);
        tenants
    }

    /// Publishes the key with these members added.
    fn publish(&self, members: &Value) {
        let mut jwk = jwk(&self.key);
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        self.server.set("/keys", Answer::ok(json!({"keys": [jwk]}).to_string()));
    }

    fn issuer(&self, tenant: &str) -> String {
        self.server.url(&format!("/{tenant}/v2.0"))
    }

    fn verifier(&self, rules: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Verifier {
        let verifier = Verifier::builder()
            .discover(self.issuer("common"))
            .algorithms([Algorithm::ES256])
            .any_audience()
            .clock(self.clock.clone());
        rules(verifier).build().unwrap()
    }

    /// A verifier of the tenants `blue` and `green`.
    fn family(&self) -> Verifier {
        self.verifier(|rules| rules.issuer_family(self.issuer("{tid}"), ["blue", "green"]))
    }

    fn token(&self, issuer: &str, tenant: &str) -> String {
        let claims = json!({"iss": issuer, "tid": tenant, "exp": NOW + 86_400});
        mint(&self.key, &claims).unwrap()
    }

    async fn of(&self, verifier: &Verifier, tenant: &str) -> Result<(), ErrorKind> {
        verify(verifier, &self.token(&self.issuer(tenant), tenant)).await
    }
}

fn template(server: &Server) -> String {
    server.url("/{tenantid}/v2.0")
}

async fn refusal(verifier: &Verifier, token: &str) -> Error {
    verifier.verify(token).await.unwrap_err()
}

#[tokio::test]
async fn a_document_that_names_the_template_of_a_family_locates_the_keys() {
    let tenants = Tenants::new(template, &json!({})).await;
    let verifier = tenants.family();
    assert_eq!(tenants.of(&verifier, "blue").await, Ok(()));
    assert_eq!(tenants.of(&verifier, "green").await, Ok(()));
    assert_eq!(tenants.of(&verifier, "red").await, Err(InvalidClaim));
    // The place of the document is no issuer.
    assert_eq!(tenants.of(&verifier, "common").await, Err(InvalidClaim));
    let seen = [DOCUMENT, "/keys"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(tenants.server.seen(), seen);
    // Nothing is fetched for an issuer that no key could make valid.
    let crossed = tenants.token(&tenants.issuer("blue"), "green");
    let fresh = Tenants::new(template, &json!({})).await;
    assert_eq!(verify(&fresh.family(), &crossed).await, Err(InvalidClaim));
    let nameless = json!({"iss": fresh.issuer("blue"), "exp": NOW + 60});
    let nameless = mint(&fresh.key, &nameless).unwrap();
    assert_eq!(verify(&fresh.family(), &nameless).await, Err(MissingClaim));
    assert_eq!(fresh.server.hits(), 0);
}

#[tokio::test]
async fn a_template_is_accepted_only_for_its_own_family() {
    let tenants = Tenants::new(template, &json!({})).await;
    // Without a family, for another one, and for the same host with another path.
    let none = tenants.verifier(|rules| rules.issuer(tenants.issuer("blue")));
    let other = tenants.verifier(|rules| {
        let rules = rules.issuer_family("https://other.example/{tid}", ["blue"]);
        rules.issuer(tenants.issuer("blue"))
    });
    let near = tenants.verifier(|rules| {
        let rules = rules.issuer_family(tenants.server.url("/{tid}/v1.0"), ["blue"]);
        rules.issuer(tenants.issuer("blue"))
    });
    for verifier in [none, other, near] {
        let token = tenants.token(&tenants.issuer("blue"), "blue");
        let error = refusal(&verifier, &token).await;
        assert_eq!(error.kind(), Unavailable);
        for words in ["{tenantid}", "names another issuer", ".issuer_family(…)"] {
            assert!(error.message().contains(words), "{error}");
        }
    }
    // A document that names neither this issuer nor a template.
    for issuer in ["/blue/v2.0", "/{a}/{b}/v2.0", "/{}/v2.0", "/{tenantid}/v2.0/", "/"] {
        let tenants = Tenants::new(|server| server.url(issuer), &json!({})).await;
        assert_eq!(tenants.of(&tenants.family(), "blue").await, Err(Unavailable), "{issuer}");
    }
    // A document that names itself is sound, as without families.
    let itself = Tenants::new(|server| server.url("/common/v2.0"), &json!({})).await;
    assert_eq!(itself.of(&itself.family(), "blue").await, Ok(()));
}

#[tokio::test]
async fn a_key_with_an_issuer_signs_only_that_issuers_tokens() {
    let tenants = Tenants::new(template, &json!({})).await;
    let at = |path: &str| json!({"issuer": tenants.server.url(path)});
    for (members, blue, green) in [
        (at("/{tenantid}/v2.0"), Ok(()), Ok(())),
        (at("/{tid}/v2.0"), Ok(()), Ok(())),
        (at("/blue/v2.0"), Ok(()), Err(InvalidClaim)),
        (at("/green/v2.0"), Err(InvalidClaim), Ok(())),
        (at("/{tenantid}/v1.0"), Err(InvalidClaim), Err(InvalidClaim)),
        (at("/blue/v2.0/"), Err(InvalidClaim), Err(InvalidClaim)),
        (at("/{a}/{b}"), Err(InvalidClaim), Err(InvalidClaim)),
        (
            json!({"issuer": "https://other.example/{tenantid}/v2.0"}),
            Err(InvalidClaim),
            Err(InvalidClaim),
        ),
        (json!({"issuer": ""}), Err(InvalidClaim), Err(InvalidClaim)),
        (json!({"issuer": ["x"]}), Err(InvalidClaim), Err(InvalidClaim)),
        (json!({"issuer": null}), Ok(()), Ok(())),
    ] {
        tenants.publish(&members);
        let verifier = tenants.family();
        assert_eq!(tenants.of(&verifier, "blue").await, blue, "{members}");
        assert_eq!(tenants.of(&verifier, "green").await, green, "{members}");
        assert_eq!(tenants.of(&verifier, "blue").await, blue, "{members}");
    }
    tenants.publish(&at("/green/v2.0"));
    let token = tenants.token(&tenants.issuer("blue"), "blue");
    let error = refusal(&tenants.family(), &token).await;
    for words in
        ["its key belongs to another issuer", &tenants.issuer("green"), &tenants.issuer("blue")]
    {
        assert!(error.message().contains(words), "{error}");
    }
    // Other issuers' sets may use the member as they like.
    tenants.publish(&json!({"issuer": "anything"}));
    let single = Verifier::builder()
        .jwks_url(tenants.server.url("/keys"))
        .issuer(tenants.issuer("blue"))
        .algorithms([Algorithm::ES256])
        .any_audience()
        .clock(tenants.clock.clone())
        .build()
        .unwrap();
    assert_eq!(tenants.of(&single, "blue").await, Ok(()));
}

/// Entra's key set of v2.0 also verifies the tenant's v1.0 tokens, whose `iss` is another.
#[tokio::test]
async fn a_key_of_one_family_serves_the_same_value_of_another() {
    let tenants = Tenants::new(template, &json!({})).await;
    let v1 = "https://sts.example/{tid}/";
    let both = || {
        tenants.verifier(|rules| {
            let rules = rules.issuer_family(tenants.issuer("{tid}"), ["blue", "green"]);
            rules.issuer_family(v1, ["blue", "green"]).issuer("https://third.example")
        })
    };
    let old = |tenant: &str| tenants.token(&format!("https://sts.example/{tenant}/"), tenant);
    tenants.publish(&json!({"issuer": tenants.issuer("{tenantid}")}));
    assert_eq!(verify(&both(), &old("blue")).await, Ok(()));
    // The third issuer has its own keys, if they name an issuer.
    let third = tenants.token("https://third.example", "blue");
    assert_eq!(verify(&both(), &third).await, Err(InvalidClaim));
    tenants.publish(&json!({"issuer": tenants.issuer("blue")}));
    assert_eq!(verify(&both(), &old("blue")).await, Ok(()));
    assert_eq!(verify(&both(), &old("green")).await, Err(InvalidClaim));
    tenants.publish(&json!({"issuer": "https://third.example"}));
    assert_eq!(verify(&both(), &third).await, Ok(()));
    assert_eq!(verify(&both(), &old("blue")).await, Err(InvalidClaim));
}

/// A cached token does not outlive a change of its key's issuer.
#[tokio::test]
async fn a_key_that_changes_its_issuer_is_another_key() {
    let tenants = Tenants::new(template, &json!({})).await;
    let verifier = tenants.family();
    assert_eq!(tenants.of(&verifier, "blue").await, Ok(()));
    tenants.publish(&json!({"issuer": tenants.issuer("green")}));
    tenants.clock.advance(11 * MINUTE);
    until("the refresh", || at_once(tenants.of(&verifier, "blue")) == Some(Err(InvalidClaim)))
        .await;
}
