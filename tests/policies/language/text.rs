//! How policies are written, and what is said about those that are not.

use jamguard::policy::{
    PolicyParser, any_of, authenticated, claim, custom, email_domain, fresh, issued_by, never,
    permission, resource, role, scope, second_factor, subject,
};
use jamguard::{ErrorKind, Policy};
use std::time::Duration;

fn parsed(text: &str) -> Policy {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_condition_has_its_text() {
    let seconds = Duration::from_secs;
    for (policy, text) in [
        (authenticated(), "authenticated"),
        (never(), "never"),
        (second_factor(), "second_factor"),
        (scope("orders.read"), "scope:orders.read"),
        (role("editor in chief"), "role:\"editor in chief\""),
        (permission("orders:*"), "permission:orders:*"),
        (subject("auth0|42"), "subject:\"auth0|42\""),
        (email_domain("@Example.com"), "email_domain:example.com"),
        (issued_by("https://issuer.example/"), "issued_by:https://issuer.example/"),
        (fresh(seconds(0)), "fresh:0s"),
        (fresh(seconds(90)), "fresh:90s"),
        (fresh(Duration::from_millis(1_900)), "fresh:1s"),
        (fresh(seconds(120)), "fresh:2m"),
        (fresh(seconds(7_200)), "fresh:2h"),
        (fresh(seconds(172_800)), "fresh:2d"),
        (fresh(Duration::MAX), "fresh:18446744073709551615s"),
        (claim("a.b").exists(), "claim:a.b"),
        (claim(["a.b", "c"]).exists(), "claim:\"a.b\".c"),
        (claim("cognito:groups").contains("x"), "claim:cognito:groups contains x"),
        (claim("a").eq("b"), "claim:a = b"),
        (claim("a").eq("true"), "claim:a = \"true\""),
        (claim("a").eq(true), "claim:a = true"),
        (claim("a").eq("12"), "claim:a = \"12\""),
        (claim("a").eq("012"), "claim:a = 012"),
        (claim("a").ne(12), "claim:a != 12"),
        (claim("a").eq(u64::MAX), "claim:a = 18446744073709551615"),
        (claim("a").gt(-1.5), "claim:a > -1.5"),
        (claim("a").ge(3.0), "claim:a >= 3"),
        (claim("a").lt("m"), "claim:a < m"),
        (claim("a").le(1e300), "claim:a <= 1e300"),
        (claim("a").one_of(["x", "y z"]), "claim:a in [x, \"y z\"]"),
        (claim("a").one_of([0; 0]), "claim:a in []"),
        (claim("a").starts_with("12"), "claim:a starts_with 12"),
        (claim("a").ends_with("é"), "claim:a ends_with \"é\""),
        (claim("a").eq("\"\\\n\u{7f}"), r#"claim:a = "\"\\\u000a\u007f""#),
        (resource("owner").is_claim("sub"), "resource:owner is_claim sub"),
    ] {
        assert_eq!(policy.to_string(), text);
        assert_eq!(parsed(text), policy, "{text}");
    }
}

#[test]
fn a_text_has_no_more_parentheses_than_it_needs() {
    for (text, shortest) in [
        ("((role:a))", "role:a"),
        ("(role:a & role:b) & role:c", "role:a & role:b & role:c"),
        ("(role:a & role:b) | role:c", "role:a & role:b | role:c"),
        ("(role:a | role:b) & role:c", "(role:a | role:b) & role:c"),
        ("!(role:a)&!(!role:b)", "!role:a & role:b"),
        ("!(role:a|role:b)", "!(role:a | role:b)"),
        ("never|role:a", "role:a"),
        ("\n role : a |\trole:b ", "role:a | role:b"),
        ("claim : a.b>=2&claim:c in[1,2]", "claim:a.b >= 2 & claim:c in [1, 2]"),
    ] {
        assert_eq!(parsed(text).to_string(), shortest, "{text}");
    }
    assert_eq!(any_of([]), parsed("never"));
    assert_eq!(parsed("role:a & role:b | role:c"), (role("a") & role("b")) | role("c"));
    assert_eq!(parsed("!role:a & role:b"), !role("a") & role("b"));
}

#[test]
fn each_mistake_is_named_with_its_column() {
    let parser = PolicyParser::new().custom("known", |_| true);
    for (text, message) in [
        // Nothing, and nothing where something must stand.
        ("", "column 1 of the policy: expected a condition ("),
        ("role:a &", "column 9 of the policy: expected a condition ("),
        ("role:a | | role:b", "column 10 of the policy: expected a condition ("),
        ("()", "custom:), '!' or '(', found ')'"),
        // An unknown condition.
        ("roles:a", "column 1 of the policy: expected a condition ("),
        ("Role:a", "'!' or '(', found 'Role:a'"),
        // Its colon and its value.
        ("role", "column 5 of the policy: expected ':' after 'role', found the end"),
        ("role=a", "column 5 of the policy: expected ':' after 'role', found '='"),
        ("role: & scope:a", "column 7 of the policy: expected a value for 'role', found '&'"),
        ("scope:a & role:\"\"", "column 16 of the policy: expected a value for 'role', found '\"'"),
        ("email_domain:@", "column 14 of the policy: expected a domain, found '@'"),
        ("email_domain:\"*.\"", "column 14 of the policy: expected a domain, found '\"'"),
        ("email_domain:", "column 14 of the policy: expected a domain, found the end"),
        (
            "role:é",
            "column 6 of the policy: expected ASCII, as other characters must stand in quotes, found 'é'",
        ),
        ("\u{e9}", "found 'é'"),
        ("role:a\u{1}", "column 7 of the policy: expected '&', '|' or the end, found U+0001"),
        // Behind a condition.
        ("role:a role:b", "column 8 of the policy: expected '&', '|' or the end, found 'role:b'"),
        ("role:a && role:b", "column 9 of the policy: expected a condition ("),
        ("role:a)", "column 7 of the policy: expected '&', '|' or the end, found ')'"),
        // Parentheses.
        (
            "scope:a & (role:b | role:c",
            "column 27 of the policy: expected '&', '|', or ')' for the '(' in column 11, found the end",
        ),
        // Quotes.
        (
            "role:\"a",
            "column 8 of the policy: expected a closing '\"' for that in column 6, found the end",
        ),
        (
            "role:\"a\\x\"",
            "column 6 of the policy: expected a JSON string, found an invalid one between these quotes",
        ),
        ("role:\"\\ud800\"", "column 6 of the policy: expected a JSON string"),
        // Claims.
        ("claim:", "column 7 of the policy: expected a claim's name, found the end"),
        ("claim:a..b", "column 9 of the policy: expected a claim's name, found '.b'"),
        ("claim:a is b", "column 9 of the policy: expected one of = != < <= > >= in contains"),
        ("claim:a =", "column 10 of the policy: expected a value, found the end"),
        ("claim:a in b", "column 12 of the policy: expected '[' after 'in', found 'b'"),
        ("claim:a in [b c]", "column 15 of the policy: expected ',' or ']', found 'c'"),
        ("claim:a in [b,]", "column 15 of the policy: expected a value, found ']'"),
        ("claim:a starts_with", "column 20 of the policy: expected a text, found the end"),
        ("claim:a is_claim &", "column 18 of the policy: expected a claim's name, found '&'"),
        // Times.
        (
            "fresh:5",
            "column 7 of the policy: expected a time in s, m, h or d, such as 15m, found '5'",
        ),
        (
            "fresh:m",
            "column 7 of the policy: expected a time in s, m, h or d, such as 15m, found 'm'",
        ),
        ("fresh:+5m", "expected a time in s, m, h or d"),
        ("fresh:99999999999999999999d", "expected a time in s, m, h or d"),
        ("fresh:\"é\"", "expected a time in s, m, h or d"),
        // Conditions of one's own.
        (
            "custom:other",
            "column 8 of the policy: expected one of the parser's conditions (known), found 'other'",
        ),
    ] {
        let error = parser.parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(
            error.message().contains(message),
            "'{text}' gives '{error}', which lacks '{message}'"
        );
    }
    let error = "custom:any".parse::<Policy>().unwrap_err();
    assert!(error.message().contains("the parser was given none"), "{error}");
}

#[test]
fn columns_count_characters() {
    let error = "role:\"éé\" & x".parse::<Policy>().unwrap_err();
    assert!(error.message().starts_with("column 13 of"), "{error}");
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}role:a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(parsed(&nested(64)), role("a"));
    let error = nested(65).parse::<Policy>().unwrap_err();
    assert!(error.message().contains("column 65 of the policy: expected at most 64"), "{error}");
    let error = "(".repeat(60_000).parse::<Policy>().unwrap_err();
    assert!(error.message().contains("at most 64 parentheses"), "{error}");
    assert_eq!(parsed(&format!("{}role:a", "!".repeat(60_000))), role("a"));

    let many = vec!["role:a"; 7_000].join("|");
    assert_eq!(parsed(&many), any_of(vec![role("a"); 7_000]));
    let error = vec!["role:a"; 10_000].join("|").parse::<Policy>().unwrap_err();
    assert!(error.message().contains("at most 64 KiB"), "{error}");
}

#[test]
fn conditions_of_ones_own_are_known_by_name() {
    let parser = PolicyParser::new()
        .custom("office hours", |_| true)
        .custom_async("remote", |_| async { Ok(true) });
    let policy = parser.parse("custom:\"office hours\" | role:boss").unwrap();
    assert_eq!(policy.to_string(), "custom:\"office hours\" | role:boss");
    assert_eq!(policy, custom("office hours", |_| false) | role("boss"));
    assert!(parser.parse("custom:remote").unwrap().is_async());
    assert_ne!(policy, custom("other", |_| false) | role("boss"));
}

#[test]
fn a_policy_is_text_in_other_formats_too() {
    let policy = scope("a") & !role("b");
    assert_eq!(serde_json::to_string(&policy).unwrap(), "\"scope:a & !role:b\"");
    assert_eq!(serde_json::from_str::<Policy>("\"scope:a&!role:b\"").unwrap(), policy);
    let error = serde_json::from_str::<Policy>("\"scope\"").unwrap_err();
    assert!(error.to_string().contains("column 6 of the policy"), "{error}");
    assert_eq!(format!("{policy:?}"), "Policy(scope:a & !role:b)");
}
