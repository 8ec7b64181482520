//! Claims by path, and the words and numbers that conditions read from them.

use super::{allows, check_with};
use jamguard::ErrorKind;
use jamguard::policy::{ClaimIndex, ClaimPath, ClaimPaths, claim, permission};
use serde_json::{Value, json};

fn claims() -> Value {
    json!({
        "scope": "a  b c", "roles": ["x", 1, null, {"y": 1}, "two words"], "name": "ann",
        "realm_access": {"roles": ["deep"], "inner": {"n": -5}}, "a.b": 1, "a": {"b": 2},
        "none": null, "big": u64::MAX, "half": 0.5, "empty": "", "yes": true, "space": " ",
    })
}

#[test]
fn members_are_found_by_their_exact_path() {
    let index = ClaimIndex::of(&claims()).unwrap();
    assert_eq!(index.texts("realm_access.roles"), ["deep"]);
    assert_eq!(index.text("name"), Some("ann"));
    assert_eq!(index.text("scope"), Some("a  b c"));
    let is = |path: ClaimPath, number: u64| allows(&claim(path).eq(number), &claims());
    assert!(is(["a.b"].into(), 1));
    assert!(is("a.b".into(), 2));
    assert!(is("big".into(), u64::MAX));
    assert!(allows(&claim("realm_access.inner.n").eq(-5), &claims()));
    for path in ["none", "roles.y", "inner.n", "realm_access.name", "b", "", "a.b.c"] {
        assert!(!allows(&claim(path).exists(), &claims()), "{path}");
    }
}

#[test]
fn words_come_from_a_text_or_a_list() {
    let words = |path: &str| -> Vec<&str> {
        let paths = ClaimPaths::default().permissions([path]);
        let held = |word: &&str| check_with(&permission(*word), &claims(), &paths).is_ok();
        let all = ["a", "b", "c", "a  b c", "x", "1", "y", "two", "two words", "ann", " ", "true"];
        all.into_iter().filter(held).collect()
    };
    assert_eq!(words("scope"), ["a", "b", "c"]);
    assert_eq!(words("roles"), ["x", "two words"]);
    assert_eq!(words("name"), ["ann"]);
    assert_eq!(words("space"), [""; 0]);
    assert_eq!(words("yes"), [""; 0]);
}

#[test]
fn one_of_many_members_is_found() {
    for count in [0, 1, 2, 3, 100, 5_000] {
        let object: serde_json::Map<_, _> =
            (0..count).map(|number| (format!("k{number}"), json!(number.to_string()))).collect();
        let index = ClaimIndex::of(&object).unwrap();
        for number in 0..count {
            let found = index.text([&*format!("k{number}")]);
            assert_eq!(found, Some(&*number.to_string()));
        }
        assert_eq!(index.text("none"), None);
    }
}

#[test]
fn only_json_objects_are_indexed() {
    for json in [json!([]), json!(1), json!("x"), json!(null)] {
        let error = ClaimIndex::of(&json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ClaimsMismatch);
        assert!(serde_json::from_value::<ClaimIndex>(json).is_err());
    }
}

#[test]
fn a_permission_covers_itself_and_what_is_below_it() {
    let covers =
        |held: &str, wanted: &str| allows(&permission(wanted), &json!({"permissions": [held]}));
    for (held, wanted) in [
        ("orders:refund", "orders:refund"),
        ("orders:*", "orders:refund"),
        ("orders:*", "orders:items:read"),
        ("orders:*", "orders:*"),
        ("*", "orders:*"),
        ("*", "*"),
        ("*", "orders"),
    ] {
        assert!(covers(held, wanted), "{held} {wanted}");
    }
    for (held, wanted) in [
        ("orders:refund", "orders:*"),
        ("orders:refund", "*"),
        ("orders:*", "*"),
        ("orders:*", "orders"),
        ("orders:*", "ordersx:refund"),
        ("orders:re*", "orders:refund"),
        ("orders", "orders:refund"),
        ("", "orders"),
    ] {
        assert!(!covers(held, wanted), "{held} {wanted}");
    }
}
