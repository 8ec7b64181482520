//! Issuer families: a claim of the token is part of its issuer's name.

use crate::claims::not_strings;
use crate::support::tokens::*;
use jamguard::ErrorKind::*;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Verifier, VerifierBuilder};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ENTRA: &str = "https://login.microsoftonline.com/{tid}/v2.0";
const BLUE: &str = "3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10";
const GREEN: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn entra(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

fn of(issuer: &str, tenant: Value) -> Value {
    json!({"iss": issuer, "tid": tenant, "aud": AUDIENCE, "exp": NOW + 600})
}

/// A builder without a rule for the issuer.
fn open(key: &SigningKey) -> VerifierBuilder {
    Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([key.algorithm()])
        .audience(AUDIENCE)
        .clock(ManualClock::at(NOW))
}

fn target(rules: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Target {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = rules(open(&key)).build().unwrap();
    let sound = mint(&key, &of(&entra(BLUE), BLUE.into())).unwrap();
    Target { key, verifier, sound }
}

#[test]
fn the_claim_is_the_variable_part_of_the_issuer() {
    let target = target(|rules| rules.issuer_family(ENTRA, [BLUE, GREEN]));
    target.accepts_claims(&of(&entra(BLUE), BLUE.into()));
    target.accepts_claims(&of(&entra(GREEN), GREEN.into()));
    // Each is allowed alone; together they contradict each other.
    target.refuses_claims(&of(&entra(BLUE), GREEN.into()), InvalidClaim);
    target.refuses_claims(&of(&entra(BLUE), BLUE.to_uppercase().into()), InvalidClaim);
    target.refuses_claims(&of(&entra(&BLUE.to_uppercase()), BLUE.into()), InvalidClaim);
    target.refuses_claims(&of(&entra(BLUE), "".into()), InvalidClaim);
    for tenant in not_strings(BLUE) {
        target.refuses_claims(&of(&entra(BLUE), tenant), InvalidClaim);
    }
    let mut without = of(&entra(BLUE), BLUE.into());
    without.as_object_mut().unwrap().remove("tid");
    target.refuses_claims(&without, MissingClaim);
    // Another tenant, though the token agrees with itself.
    let other = "8f4a1c52-0000-4c1a-9c53-0a5d1b1a7f10";
    target.refuses_claims(&of(&entra(other), other.into()), InvalidClaim);
}

#[test]
fn every_value_is_accepted_where_the_builder_says_so_and_the_claim_must_be_the_issuers() {
    let any = target(|rules| rules.any_of_issuer_family(ENTRA));
    for tenant in [BLUE, GREEN, "8f4a1c52-0000-4c1a-9c53-0a5d1b1a7f10", "any"] {
        any.accepts_claims(&of(&entra(tenant), tenant.into()));
        any.refuses_claims(&of(&entra(tenant), "other".into()), InvalidClaim);
        any.refuses_claims(&of("https://issuer.example", tenant.into()), InvalidClaim);
    }
    any.refuses_claims(
        &json!({"iss": entra(BLUE), "aud": AUDIENCE, "exp": NOW + 600}),
        MissingClaim,
    );
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let error = open(&key).any_of_issuer_family("https://issuer.example").build().err().unwrap();
    assert!(error.message().contains("is no template"), "{error}");
}

#[test]
fn an_issuer_of_another_form_is_refused() {
    let any = target(|rules| rules.any_of_issuer_family(ENTRA));
    for (issuer, tenant) in [
        ("https://login.microsoftonline.com//v2.0", ""),
        ("https://login.microsoftonline.com/a/b/v2.0", "a/b"),
        ("https://login.microsoftonline.com/../v2.0", ".."),
        ("https://login.microsoftonline.com/./v2.0", "."),
        ("https://login.microsoftonline.com/a/../b/v2.0", "a/../b"),
        ("https://login.microsoftonline.com/a%2Fb/v2.0", "a%2Fb"),
        ("https://login.microsoftonline.com/a\\b/v2.0", "a\\b"),
        ("https://login.microsoftonline.com/a?b/v2.0", "a?b"),
        ("https://login.microsoftonline.com/a#b/v2.0", "a#b"),
        ("https://login.microsoftonline.com/a b/v2.0", "a b"),
        ("https://login.microsoftonline.com/a\0/v2.0", "a\0"),
        ("https://login.microsoftonline.com/а/v2.0", "а"),
        ("https://login.microsoftonline.com/{tid}/v2.0", "{tid}"),
        ("https://login.microsoftonline.com/a/v2.0/", "a"),
        ("https://login.microsoftonline.com/a/v1.0", "a"),
        ("http://login.microsoftonline.com/a/v2.0", "a"),
        ("https://login.microsoftonline.com.evil.example/a/v2.0", "a"),
        ("https://evil.example/https://login.microsoftonline.com/a/v2.0", "a"),
        ("https://login.microsoftonline.com/v2.0", ""),
        ("", ""),
    ] {
        any.refuses_claims(&of(issuer, tenant.into()), InvalidClaim);
    }
    any.accepts_claims(&of(&entra("contoso.onmicrosoft.com"), "contoso.onmicrosoft.com".into()));
    let mut without = of(&entra(BLUE), BLUE.into());
    without.as_object_mut().unwrap().remove("iss");
    any.refuses_claims(&without, MissingClaim);
    for issuer in not_strings(&entra(BLUE)) {
        let mut claims = of(&entra(BLUE), BLUE.into());
        claims["iss"] = issuer;
        any.refuses_claims(&claims, InvalidClaim);
    }
}

#[test]
fn a_check_of_the_application_decides_until_the_cache_is_cleared() {
    let is_open = Arc::new(AtomicBool::new(true));
    let open = is_open.clone();
    let check = move |tenant: &str| tenant == BLUE && open.load(Ordering::Relaxed);
    let target = target(|rules| rules.issuer_family_if(ENTRA, check));
    target.refuses_claims(&of(&entra(GREEN), GREEN.into()), InvalidClaim);
    accepts(&target.verifier, &target.sound, "before");
    is_open.store(false, Ordering::Relaxed);
    accepts(&target.verifier, &target.sound, "cached");
    target.verifier.forget_all();
    refuses(&target.verifier, &target.sound, InvalidClaim, "checked again");
}

#[test]
fn refusals_show_the_template_and_what_was_received() {
    let target = target(|rules| rules.issuer("https://one.example").issuer_family(ENTRA, [BLUE]));
    let reason = |claims: &Value| reason(&target.verifier, &target.mint(claims));
    let mut without = of(&entra(BLUE), BLUE.into());
    without.as_object_mut().unwrap().remove("tid");
    assert_eq!(
        reason(&without),
        format!("the token lacks 'tid', which is part of its issuer: {ENTRA}")
    );
    assert_eq!(
        reason(&of(&entra(BLUE), GREEN.into())),
        format!("the token's 'tid' is wrong: expected `{BLUE}`, received `{GREEN}`")
    );
    assert_eq!(
        reason(&of(&entra(GREEN), GREEN.into())),
        format!("the token's 'tid' is wrong: expected `{BLUE}`, received `{GREEN}`")
    );
    assert_eq!(
        reason(&of("https://two.example", BLUE.into())),
        format!(
            "the token's 'iss' is wrong: expected `https://one.example` or `{ENTRA}`, received \
             `https://two.example`"
        )
    );
}

#[test]
fn several_families_and_issuers_are_alternatives() {
    let v1 = "https://sts.windows.net/{tid}/";
    let target = target(|rules| {
        rules.issuer_family(ENTRA, [BLUE]).issuer_family(v1, [GREEN]).issuer(ISSUER)
    });
    target.accepts_claims(&of(
        "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
        GREEN.into(),
    ));
    target.accepts_claims(&claims());
    // Each list is for its own template.
    target.refuses_claims(&of(&entra(GREEN), GREEN.into()), InvalidClaim);
    // The variable part may be a host's label; the same form may be in two families.
    let key = target.key.clone();
    let hosts = open(&key)
        .issuer_family("https://{org}.issuer.example", ["blue"])
        .issuer_family("https://{org}.issuer.example", ["green"])
        .build()
        .unwrap();
    let token = |host: &str, org: &str| {
        let claims = json!({"iss": host, "org": org, "aud": AUDIENCE, "exp": NOW + 600});
        mint(&key, &claims).unwrap()
    };
    accepts(&hosts, &token("https://blue.issuer.example", "blue"), "blue");
    accepts(&hosts, &token("https://green.issuer.example", "green"), "green");
    refuses(&hosts, &token("https://blue.issuer.example", "green"), InvalidClaim, "crossed");
    refuses(&hosts, &token("https://evil.example/.issuer.example", "blue"), InvalidClaim, "a path");
}

#[test]
fn a_template_needs_one_claim_and_values() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let error = |builder: VerifierBuilder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Configuration);
        error.message().to_owned()
    };
    for template in [
        "https://issuer.example",
        "https://issuer.example/{}",
        "https://issuer.example/{a}/{b}",
        "https://issuer.example/{{a}}",
        "https://issuer.example/a}",
        "https://issuer.example/{a",
        "https://issuer.example/}a{",
        "{iss}",
        "",
    ] {
        let text = error(open(&key).issuer_family(template, ["a"]));
        assert!(text.contains(&format!("{template:?} is no template")), "{text}");
        assert!(text.contains("one claim in braces"), "{text}");
        let text = error(open(&key).issuer_family_if(template, |_| true));
        assert!(text.contains("is no template"), "{text}");
    }
    let none: [&str; 0] = [];
    assert!(error(open(&key).issuer_family(ENTRA, none)).contains("without values"));
    assert!(error(open(&key).issuer_family(ENTRA, ["a", " "])).contains("an empty one"));
}
