//! The conditions one by one, where the random ones do not say enough.

use super::{NOW, allows, check_with};
use jamguard::Policy;
use jamguard::policy::{
    ClaimIndex, ClaimPath, ClaimPaths, Subject, claim, custom, email_domain, fresh, issued_by,
    never, permission, resource, role, scope, second_factor, subject,
};
use jamguard::testing::ManualClock;
use serde_json::{Value, json};
use std::time::Duration;

/// Whom it lets in, and whom not.
fn decides(policy: &Policy, yes: &[Value], no: &[Value]) {
    for claims in yes {
        assert!(allows(policy, claims), "{policy} refuses {claims}");
    }
    for claims in no {
        assert!(!allows(policy, claims), "{policy} lets in {claims}");
    }
}

#[test]
fn scopes_come_as_text_or_list() {
    decides(
        &scope("b"),
        &[
            json!({"scope": "a b c"}),
            json!({"scope": "b"}),
            json!({"scp": ["a", "b"]}),
            json!({"scp": "a b", "scope": "x"}),
        ],
        &[
            json!({}),
            json!({"scope": "ab bc"}),
            json!({"scope": "B"}),
            json!({"scope": ["a b"]}),
            json!({"scopes": "b"}),
            json!({"scope": {"b": true}}),
        ],
    );
}

/// Such as a setting that is missing, of somebody whose issuer writes what they lack as an empty text.
#[test]
fn an_empty_name_lets_nobody_in() {
    let empty = json!({
        "scope": [""], "roles": "", "permissions": ["", "*"], "sub": "", "iss": "", "email": "ann@",
    });
    let lists = json!({"scp": "", "roles": [""], "permissions": "", "email": "ann@com."});
    for policy in [
        scope(""),
        role(""),
        permission(""),
        subject(""),
        issued_by(""),
        email_domain(""),
        email_domain("@"),
        email_domain("*."),
    ] {
        assert_eq!(policy, never());
        decides(&policy, &[], &[empty.clone(), lists.clone(), json!({})]);
    }
}

#[test]
fn a_role_may_have_blanks() {
    decides(
        &role("super admin"),
        &[json!({"roles": "super admin"}), json!({"roles": ["x", "super admin"]})],
        &[json!({"roles": "super"}), json!({"roles": ["super", "admin"]})],
    );
    assert!(!allows(&role("admin"), &json!({"roles": "super admin"})));
}

#[test]
fn issuers_have_their_own_places() {
    let has = |paths: &ClaimPaths, policy: &Policy, claims: Value| {
        check_with(policy, &claims, paths).is_ok()
    };
    let roles = json!({"realm_access": {"roles": ["admin"]}, "roles": ["other"]});
    assert!(has(&ClaimPaths::keycloak(), &role("admin"), roles.clone()));
    assert!(!has(&ClaimPaths::keycloak(), &role("other"), roles));
    let groups = json!({"cognito:groups": ["admin"]});
    assert!(has(&ClaimPaths::cognito(), &role("admin"), groups));

    let own = ClaimPaths::default()
        .roles([ClaimPath::from(["https://example.com/roles"])])
        .scopes(["may"])
        .permissions(["can.do"])
        .email("mail", "mail_checked")
        .acr_values(["gold"]);
    let claims = json!({
        "https://example.com/roles": ["admin"], "may": "read write", "can": {"do": "orders:*"},
        "mail": "ann@example.com", "mail_checked": true, "acr": "gold",
    });
    for policy in [
        role("admin"),
        scope("write"),
        permission("orders:refund"),
        email_domain("example.com"),
        second_factor(),
    ] {
        assert!(has(&own, &policy, claims.clone()), "{policy}");
        assert!(!has(&ClaimPaths::default(), &policy, claims.clone()), "{policy}");
    }
    let unverified = json!({"mail": "ann@example.com", "mail_checked": false});
    assert!(!has(&own, &email_domain("example.com"), unverified));
}

#[test]
fn claims_can_be_asked_by_the_paths_of_several_issuers() {
    let claims = ClaimIndex::of(&json!({
        "roles": ["a"], "realm_access": {"roles": ["b"]}, "sub": "42", "scope": "s",
    }))
    .unwrap();
    let clock = ManualClock::at(NOW);
    let (plain, keycloak) = (ClaimPaths::default(), ClaimPaths::keycloak());
    for _ in 0..2 {
        for (paths, has, lacks) in
            [(&plain, "a", "b"), (&keycloak, "b", "a"), (&plain.clone(), "a", "b")]
        {
            let user = Subject::new(&claims, paths, &clock);
            assert!((role(has) & scope("s")).check(&user).is_ok(), "{has}");
            assert!(role(lacks).check(&user).is_err(), "{lacks}");
        }
    }
    let changed = plain.clone().roles(["realm_access.roles"]).email("sub", "none");
    assert!(role("b").check(&Subject::new(&claims, &changed, &clock)).is_ok());
}

#[test]
fn the_domain_of_an_address_is_compared_whole() {
    let email = |email: &str| json!({"email": email, "email_verified": true});
    decides(
        &email_domain("example.com"),
        &[email("ann@example.com"), email("ann@EXAMPLE.com")],
        &[
            email("ann@sub.example.com"),
            email("ann@badexample.com"),
            email("ann@example.com.evil.test"),
            email("ann@example.com."),
            email("ann@example.com@evil.test"),
            email("ann@evil.test@example.com"),
            email("ann@example.com "),
            email("example.com"),
            email("@example.com"),
            email(""),
            json!({"email": ["ann@example.com"], "email_verified": true}),
        ],
    );
    decides(
        &email_domain("*.example.com"),
        &[email("ann@a.example.com"), email("ann@a.b.Example.com")],
        &[
            email("ann@example.com"),
            email("ann@.example.com"),
            email("ann@aexample.com"),
            email("ann@é.com"),
            email("ann@ééééé.com"),
        ],
    );
}

/// Many issuers let users enter an address that is not theirs, and some say so under other names.
#[test]
fn an_address_counts_only_where_it_is_said_to_be_verified() {
    const NAMES: [&str; 4] = ["email_verified", "emailVerified", "xms_edov", "verified_email"];
    let said = |claims: Value| {
        let mut all = json!({"email": "ann@example.com"});
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let mut yes = Vec::new();
    let mut no = vec![
        said(json!({})),
        said(json!({"email_verified": true, "emailVerified": false})),
        said(json!({"email_verified": true, "xms_edov": "0"})),
        said(json!({"verified": true})),
        said(json!({"Email_verified": true})),
    ];
    for name in NAMES {
        yes.extend([json!(true), json!("true")].map(|value| said(json!({name: value}))));
        let values = [
            json!(false),
            json!(null),
            json!(0),
            json!(1),
            json!(""),
            json!("false"),
            json!("True"),
            json!("true "),
            json!("yes"),
            json!([true]),
            json!({"value": true}),
        ];
        no.extend(values.map(|value| said(json!({name: value}))));
    }
    yes.push(said(json!({"email_verified": null, "xms_edov": true})));
    decides(&email_domain("example.com"), &yes, &no);

    let holds = |paths: &ClaimPaths, claims: Value| {
        let claims = ClaimIndex::of(&said(claims)).unwrap();
        let clock = ManualClock::at(NOW);
        let user = Subject::new(&claims, paths, &clock);
        email_domain("example.com").check(&user).is_ok()
    };
    let own = ClaimPaths::default().email_verified([
        ClaimPath::from("user.checked"),
        ClaimPath::from(["https://example.com/checked"]),
    ]);
    assert!(holds(&own, json!({"user": {"checked": true}})));
    assert!(holds(&own, json!({"https://example.com/checked": true})));
    let both = json!({"user": {"checked": false}, "https://example.com/checked": true});
    assert!(!holds(&own, both));
    assert!(!holds(&own, json!({"email_verified": true})));
    let none = ClaimPaths::default().email_verified([""; 0]);
    assert!(!holds(&none, json!({"email_verified": true})));
}

#[test]
fn a_login_is_fresh_until_the_second_is_over() {
    let at = |seconds: Value| json!({"auth_time": seconds});
    decides(
        &fresh(Duration::from_secs(300)),
        &[
            at(json!(NOW)),
            at(json!(NOW - 300)),
            at(json!(NOW as f64 - 299.5)),
            at(json!(NOW + 60)),
            json!({"iat": NOW - 300}),
        ],
        &[
            at(json!(NOW - 301)),
            at(json!(NOW as f64 - 300.5)),
            at(json!(NOW + 61)),
            at(json!(u64::MAX)),
            at(json!(1e300)),
            at(json!(-1)),
            at(json!("now")),
            json!({}),
            // What auth_time says counts, however new the token is.
            json!({"auth_time": NOW - 301, "iat": NOW}),
            json!({"auth_time": "now", "iat": NOW}),
        ],
    );
}

#[test]
fn two_factors_are_of_two_kinds() {
    let methods = |methods: &[&str]| json!({"amr": methods});
    decides(
        &second_factor(),
        &[
            methods(&["mfa"]),
            methods(&["pwd", "otp"]),
            methods(&["hwk", "pin"]),
            methods(&["face", "swk"]),
            json!({"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}),
        ],
        &[
            methods(&["otp"]),
            methods(&["pwd", "pin"]),
            methods(&["otp", "sms"]),
            methods(&["pwd", "geo"]),
            methods(&[]),
            json!({"amr": "mfa"}),
            json!({"acr": "1"}),
            json!({}),
        ],
    );
}

#[test]
fn what_is_missing_is_false_and_its_negation_true() {
    let nobody = json!({});
    for text in [
        "role:a",
        "scope:a",
        "permission:a",
        "subject:a",
        "email_domain:a",
        "issued_by:a",
        "fresh:1h",
        "second_factor",
        "claim:a",
        "claim:a = b",
        "claim:a != b",
        "claim:a in [b]",
        "claim:a contains b",
        "claim:a starts_with b",
        "claim:a ends_with b",
        "claim:a > b",
        "claim:a >= b",
        "claim:a < b",
        "claim:a <= b",
        "claim:a is_claim b",
        "resource:a",
        "resource:a = b",
        "resource:a != b",
    ] {
        let policy: Policy = text.parse().unwrap();
        assert!(!allows(&policy, &nobody), "{text}");
        assert!(allows(&!policy, &nobody), "!{text}");
    }
    // Null is as good as nothing, and the way around the trap works.
    assert!(!allows(&claim("a").exists(), &json!({"a": null})));
    let safe: Policy = "claim:roles & !role:suspended".parse().unwrap();
    assert!(!allows(&safe, &nobody));
    assert!(allows(&safe, &json!({"roles": []})));
}

#[test]
fn values_are_compared_with_their_own_kind() {
    decides(
        &claim("level").ge(3),
        &[json!({"level": 3}), json!({"level": 3.5}), json!({"level": u64::MAX})],
        &[
            json!({"level": "4"}),
            json!({"level": 2.999}),
            json!({"level": [4]}),
            json!({"level": true}),
        ],
    );
    decides(
        &claim("until").gt("2026-01-01"),
        &[json!({"until": "2026-01-02"})],
        &[json!({"until": "2025-12-31"}), json!({"until": 9999})],
    );
    decides(
        &claim("id").eq(9_007_199_254_740_993u64),
        &[json!({"id": 9_007_199_254_740_993u64})],
        &[json!({"id": 9_007_199_254_740_992u64}), json!({"id": 9_007_199_254_740_992.0})],
    );
    decides(
        &claim("groups").contains("a"),
        &[json!({"groups": ["a"]}), json!({"groups": "banana"})],
        &[json!({"groups": ["banana"]}), json!({"groups": {"a": 1}})],
    );
    decides(
        &claim("groups").contains(3),
        &[json!({"groups": [1, 3.0]})],
        &[json!({"groups": "3"}), json!({"groups": ["3"]})],
    );
    decides(&claim("a").eq(f64::NAN), &[], &[json!({"a": 0}), json!({"a": null})]);
}

#[test]
fn a_resource_is_asked_about_where_there_is_one() {
    let own: Policy = "resource:owner is_claim sub | resource:shared = true".parse().unwrap();
    let user = ClaimIndex::of(&json!({"sub": "42", "owner": "42", "shared": true})).unwrap();
    let (paths, clock) = (ClaimPaths::default(), ManualClock::at(NOW));
    let user = Subject::new(&user, &paths, &clock);
    assert!(own.check(&user).is_err(), "the user's claims are not the resource's");
    for (attributes, allowed) in [
        (json!({"owner": "42"}), true),
        (json!({"owner": "43"}), false),
        (json!({"owner": 42}), false),
        (json!({"owner": "43", "shared": true}), true),
        (json!({}), false),
    ] {
        let document = ClaimIndex::of(&attributes).unwrap();
        assert_eq!(own.check(&user.about(&document)).is_ok(), allowed, "{attributes}");
    }
    assert!(resource("owner").exists().check(&user).is_err());
}

#[test]
fn a_condition_of_ones_own_sees_claims_and_resource() {
    let policy = custom("owns", |subject| {
        let owner = subject.resource().and_then(|resource| resource.text("owner"));
        owner.is_some() && owner == subject.claims().text("sub")
    });
    let (user, document) = (json!({"sub": "42"}), json!({"owner": "42"}));
    assert!(!allows(&policy, &user));
    let (user, document) = (ClaimIndex::of(&user).unwrap(), ClaimIndex::of(&document).unwrap());
    let (paths, clock) = (ClaimPaths::default(), ManualClock::at(NOW));
    assert!(policy.check(&Subject::new(&user, &paths, &clock).about(&document)).is_ok());
}
