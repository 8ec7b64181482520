//! Tables of routes: which rule counts, what cannot be built, how they are listed.

use super::NOW;
use jamguard::policy::{
    Access, ClaimIndex, ClaimPaths, PolicyParser, RouteRule, RouteTable, RouteTableBuilder,
    Subject, Unmatched, authenticated, custom_async, never, role, scope,
};
use jamguard::testing::ManualClock;
use jamguard::{ErrorKind, Policy};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What a request needs, in a word.
fn needs(table: &RouteTable, method: &str, path: &str) -> String {
    match table.find(method, path) {
        Ok(access) => described(&access),
        Err(error) => error.kind().to_string(),
    }
}

fn described(access: &Access<'_>) -> String {
    let policies: Vec<_> = access.policies().map(Policy::to_string).collect();
    match access.is_public() {
        true => "public".to_owned(),
        false => policies.join(" and "),
    }
}

fn deny() -> RouteTableBuilder {
    RouteTable::builder(Unmatched::Deny)
}

#[test]
fn the_closest_pattern_counts_in_any_order() {
    let rules = [
        ("/", "root"),
        ("/users", "list"),
        ("/users/{id}", "one"),
        ("/users/me", "me"),
        ("/users/{id}/posts", "posts"),
        ("/users/{id}/posts/{*rest}", "below"),
        ("/files/{*path}", "files"),
        ("/files/secret", "secret"),
        ("/v{version}", "version"),
        ("/{page}", "page"),
    ];
    let expected = [
        ("/", "root"),
        ("/users", "list"),
        ("/users/42", "one"),
        ("/users/me", "me"),
        ("/users/me/posts", "posts"),
        ("/users/42/posts/1/2", "below"),
        ("/files/a/b", "files"),
        ("/files/secret", "secret"),
        ("/files/secret/x", "files"),
        ("/v2", "version"),
        ("/about", "page"),
    ];
    for turn in 0..rules.len() {
        let mut order = rules;
        order.rotate_left(turn);
        if turn % 2 == 1 {
            order.reverse();
        }
        let table = order
            .iter()
            .fold(deny(), |table, (pattern, name)| table.guard("GET", *pattern, role(*name)));
        let table = table.build().unwrap();
        for (path, name) in expected {
            assert_eq!(needs(&table, "GET", path), format!("role:{name}"), "{path}");
        }
        for path in ["/users/42/other", "/a/b", "/users/42/posts/1"] {
            let closed = needs(&table, "GET", path) == "forbidden";
            assert_eq!(closed, !path.ends_with("/1"), "{path}");
        }
    }
}

#[test]
fn methods_that_no_rule_names_are_refused() {
    for unmatched in [Unmatched::Deny, Unmatched::Allow] {
        let table = RouteTable::builder(unmatched)
            .guard("GET", "/a", role("reader"))
            .guard("PUT,DELETE", "/a", role("writer"))
            .guard("GET", "/b", role("getter"))
            .guard("HEAD", "/b", role("header"))
            .public("GET", "/c")
            .guard("*", "/c", role("other"))
            .guard("*", "/{*rest}", role("rest"))
            .build()
            .unwrap();
        for (method, path, rule) in [
            ("GET", "/a", "role:reader"),
            ("HEAD", "/a", "role:reader"),
            ("PUT", "/a", "role:writer"),
            ("DELETE", "/a", "role:writer"),
            ("POST", "/a", "forbidden"),
            ("OPTIONS", "/a", "forbidden"),
            ("get", "/a", "forbidden"),
            ("PROPFIND", "/a", "forbidden"),
            ("", "/a", "forbidden"),
            ("HEAD", "/b", "role:header"),
            ("GET", "/c", "public"),
            ("HEAD", "/c", "public"),
            ("POST", "/c", "role:other"),
            ("PROPFIND", "/c", "role:other"),
            ("PROPFIND", "/d/e", "role:rest"),
        ] {
            assert_eq!(needs(&table, method, path), rule, "{method} {path}");
        }
    }
}

#[test]
fn what_no_pattern_matches_is_as_was_chosen() {
    let build = |unmatched| {
        let table = RouteTable::builder(unmatched).guard("*", "/a/{id}", authenticated());
        table.build().unwrap()
    };
    for path in ["/", "/b", "/a", "/a/b/c"] {
        assert_eq!(needs(&build(Unmatched::Deny), "GET", path), "forbidden", "{path}");
        assert_eq!(needs(&build(Unmatched::Allow), "GET", path), "public", "{path}");
    }
    assert_eq!(needs(&build(Unmatched::Allow), "GET", "/a/b"), "authenticated");
}

#[test]
fn a_tree_is_closed_at_its_base_too() {
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/admin/{*rest}", role("admin"))
        .public("*", "/open")
        .guard("*", "/open/{*rest}", role("admin"))
        .build()
        .unwrap();
    for path in ["/admin", "/admin/", "/admin/x", "/admin/x/"] {
        assert_eq!(needs(&table, "GET", path), "role:admin", "{path}");
    }
    assert_eq!(needs(&table, "GET", "/open"), "public");
    assert_eq!(needs(&table, "GET", "/open/x"), "role:admin");
    let everything = RouteTable::builder(Unmatched::Allow).guard("*", "/{*rest}", role("a"));
    assert_eq!(needs(&everything.build().unwrap(), "GET", "/"), "role:a");
}

#[test]
fn a_table_that_cannot_mean_what_it_says_is_not_built() {
    let rule = |pattern: &str| deny().guard("GET", pattern, role("a"));
    let pair =
        |one: &str, two: &str| deny().guard("GET", one, role("a")).guard("GET", two, role("b"));
    for (table, why) in [
        // Patterns that cannot be read, or that no request matches.
        (rule(""), "a path begins with a slash"),
        (rule("a"), "a path begins with a slash"),
        (rule("//a"), "an empty segment"),
        (rule("/a//b"), "an empty segment"),
        (rule("/;x"), "an empty segment"),
        (rule("/a/../b"), "a dot segment"),
        (rule("/."), "a dot segment"),
        (rule("/a/..;x/b"), "a dot segment"),
        (rule("/a?b"), "ends before '?' and '#'"),
        (rule("/a#b"), "ends before '?' and '#'"),
        (rule("/a\\b"), "no path has a backslash"),
        (rule("/a\0"), "a control character"),
        (rule("/a%2Fb"), "no path has an encoded slash"),
        (rule("/a%5cb"), "no path has a backslash"),
        (rule("/a%zz"), "two hexadecimal digits"),
        (rule("/a%2"), "two hexadecimal digits"),
        (rule("/%é"), "two hexadecimal digits"),
        (rule("/%61dmin"), "paths have 'admin' for '%61dmin': write it so"),
        (rule("/caf\u{e9}"), "paths have 'caf%C3%A9' for 'caf\u{e9}': write it so"),
        (rule("/caf%c3%a9"), "paths have 'caf%C3%A9' for"),
        (rule("/a b"), "paths have 'a%20b' for 'a b': write it so"),
        (rule("/{{a}}"), "nothing can follow a parameter"),
        (rule("/{{a}"), "a parameter is a name in braces"),
        (rule("/caf%C3"), "no path has escapes that are not UTF-8"),
        (rule("/{"), "'{' without '}'"),
        (rule("/}"), "'}' without '{'"),
        (rule("/{}"), "a parameter is a name in braces"),
        (rule("/{*}"), "a parameter is a name in braces"),
        (rule("/{id:[0-9]+}"), "regular expressions are not supported"),
        (rule("/{id}.json"), "nothing can follow a parameter within its segment"),
        (rule("/{a}{b}"), "nothing can follow a parameter within its segment"),
        (rule("/{*rest}/a"), "nothing can follow '{*…}'"),
        (rule("/a;{x}"), "';' and a parameter"),
        (rule(&"/{a}".repeat(26)), "at most 25 parameters"),
        // Methods.
        (deny().public("", "/a"), "expected a method: write *"),
        (deny().public("get", "/a"), "write GET"),
        (deny().public("GET GET", "/a"), "GET is named twice"),
        (deny().public("GET *", "/a"), "'*' is not a method"),
        (deny().public("GET/1", "/a"), "'GET/1' is not a method"),
        // Two rules for one thing.
        (pair("/a", "/a"), "'GET /a' says otherwise: keep one"),
        (rule("/a").guard("GET", "/a", role("a")), "'GET /a' says the same already: remove one"),
        (rule("/a").public("POST GET", "/a"), "says otherwise"),
        (deny().public("*", "/a").guard("*", "/a", role("a")), "says otherwise"),
        (pair("/a/{id}", "/a/{name}"), "says otherwise"),
        (pair("/a/{*x}", "/a/{*y}"), "says otherwise"),
        // Two spellings of one thing.
        (
            pair("/a", "/a/"),
            "'/a' and '/a/' of the route table differ only in how they are written",
        ),
        (pair("/Admin", "/admin"), "differ only in how they are written"),
        (pair("/a/{x}", "/A/{y}/"), "differ only in how they are written"),
        (pair("/a", "/a;v=1"), "differ only in how they are written"),
        (rule("/a").public("POST", "/a/"), "differ only in how they are written"),
        (rule("/a").public("*", "/a").guard("GET", "/A", role("a")), "differ only in"),
        // What matchit cannot decide.
        (pair("/a/{id}", "/a/{*rest}"), "conflict with previously registered route"),
        (pair("/a/{*rest}", "/a/{id}/b"), "conflict with previously registered route"),
    ] {
        let error = table.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(why), "'{error}' lacks '{why}'");
    }
    // What looks alike and is sound.
    for table in [
        rule("/a").guard("GET", "/a/", role("a")),
        rule("/a").guard("POST", "/a", role("b")),
        rule("/a").guard("*", "/a", role("b")),
        rule("/%7Ba%7D"),
        rule("/a%20b").guard("GET", "/caf%C3%A9/100%25/%2B", role("a")),
        rule("/a/{id}").guard("GET", "/a/b", role("b")),
        rule(&"/{a}".repeat(25)),
        rule("/a%2Fb").keep_encoded_slashes(),
        deny(),
    ] {
        table.build().unwrap();
    }
}

#[test]
fn a_table_is_listed_for_people_and_programs() {
    let table = deny()
        .public("GET", "/")
        .guard("GET", "/orders", scope("read") | role("admin"))
        .guard("PUT, DELETE", "/orders", scope("read") & (scope("write") | scope("all")))
        .guard("*", "/orders", never())
        .guard("*", "/admin/{*rest}", role("admin"))
        .build()
        .unwrap();
    assert_eq!(
        table.to_string(),
        "GET         /               public\n\
         GET         /orders         scope:read | role:admin\n\
         PUT DELETE  /orders         scope:read & (scope:write | scope:all)\n\
         *           /orders         never\n\
         *           /admin/{*rest}  role:admin\n\
         *           anything else   closed\n"
    );
    let listed = serde_json::to_value(&table).unwrap();
    assert_eq!(
        listed["routes"][2],
        json!({"methods": "PUT DELETE", "path": "/orders", "access": "scope:read & (scope:write | scope:all)"})
    );
    assert_eq!(listed["unmatched"], "closed");

    let paths: serde_json::Value = serde_json::from_str(&table.openapi("login")).unwrap();
    let security = |path: &str, method: &str| paths[path][method]["security"].clone();
    assert_eq!(security("/", "get"), json!([]));
    assert_eq!(paths["/"]["x-policy"], json!(null));
    assert_eq!(paths["/"].as_object().unwrap().len(), 1);
    assert_eq!(security("/orders", "get"), json!([{"login": ["read"]}, {"login": []}]));
    let both = json!([{"login": ["read", "write"]}, {"login": ["all", "read"]}]);
    assert_eq!(security("/orders", "delete"), both);
    // Closed to everybody is not open to everybody.
    assert_eq!(security("/orders", "post"), json!([{"login": []}]));
    assert_eq!(paths["/orders"].as_object().unwrap().len(), 8);
    assert_eq!(paths["/admin/{rest}"]["trace"]["x-policy"], "role:admin");

    let many = (0..5).map(|at| scope(format!("a{at}")) | scope(format!("b{at}")));
    let table = deny().guard("GET", "/", jamguard::policy::all_of(many)).build().unwrap();
    let paths: serde_json::Value = serde_json::from_str(&table.openapi("login")).unwrap();
    assert_eq!(paths["/"]["get"]["security"], json!([{"login": []}]));
}

#[tokio::test]
async fn every_policy_of_an_access_must_consent() {
    let table = RouteTable::builder(Unmatched::Deny)
        .guard("*", "/admin", role("admin"))
        .guard("*", "/{page}", role("reader"))
        .guard("*", "/wait/{x}", custom_async("no", |_| async { Ok(false) }))
        .build()
        .unwrap();
    let (paths, clock) = (ClaimPaths::default(), ManualClock::at(NOW));
    let claims = |roles: &[&str]| ClaimIndex::of(&json!({"roles": roles})).unwrap();
    let (both, admin, reader) =
        (claims(&["admin", "reader"]), claims(&["admin"]), claims(&["reader"]));
    let access = table.find("GET", "/%61dmin").unwrap();
    assert_eq!(described(&access), "role:reader and role:admin");
    for (claims, allowed) in [(&both, true), (&admin, false), (&reader, false)] {
        let subject = Subject::new(claims, &paths, &clock);
        assert_eq!(access.check(&subject).is_ok(), allowed);
        assert_eq!(access.check_async(&subject).await.is_ok(), allowed);
    }
    let access = table.find("GET", "/wait/x").unwrap();
    let subject = Subject::new(&both, &paths, &clock);
    assert!(access.is_async());
    assert_eq!(access.check(&subject).unwrap_err().kind(), ErrorKind::Configuration);
    let error = access.check_async(&subject).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientScope);
}

/// How well a pattern fits a path, segment by segment: text, then a parameter, then the rest.
fn fit(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let (mut pattern, mut path) = (pattern[1..].split('/'), path[1..].split('/'));
    let mut fits = Vec::new();
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(fits),
            (Some(part), Some(_)) if part.starts_with("{*") => {
                fits.push(2);
                return Some(fits);
            }
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => {
                fits.push(1)
            }
            (Some(part), Some(segment)) if part == segment => fits.push(0),
            _ => return None,
        }
    }
}

/// Whether a pattern counts for a path: a tree does for its base as well.
fn fits_or_is_base(pattern: &str, path: &str) -> bool {
    let tree = pattern.ends_with("{*rest}");
    fit(pattern, path).is_some() || (tree && fit(pattern, &format!("{path}/b")).is_some())
}

/// Whether both are trees, the first the higher one: the other counts for the upper paths of the first
/// only as their base.
fn is_tree_above(first: &str, second: &str) -> bool {
    let tree = |pattern: &str| pattern.ends_with("{*rest}");
    let depth = |pattern: &str| pattern.matches('/').count();
    tree(first) && tree(second) && depth(first) < depth(second)
}

/// Every path of up to five of the segments below.
fn every_path() -> &'static [String] {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut paths = vec![String::new()];
        let mut begun = 0;
        for _ in 0..5 {
            let end = paths.len();
            for at in begun..end {
                let longer = ["a", "b", "c"].map(|segment| format!("{}/{segment}", paths[at]));
                paths.extend(longer);
            }
            begun = end;
        }
        paths.split_off(1)
    });
    &PATHS
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_path_needs_what_its_closest_pattern_needs_and_those_that_only_overlap_it(
        patterns in prop::collection::btree_set(
            prop::collection::vec(prop::sample::select(vec!["a", "b", "{x}"]), 1..4), 1..8,
        ),
        tails in prop::collection::vec(any::<bool>(), 8),
        paths in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..6), 10,
        ),
    ) {
        let patterns: Vec<String> = patterns
            .iter()
            .zip(tails)
            .map(|(parts, tail)| format!("/{}{}", parts.join("/"), if tail { "/{*rest}" } else { "" }))
            .collect();
        let table = patterns.iter().fold(deny(), |table, pattern| {
            table.guard("*", pattern, role(pattern))
        });
        let Ok(table) = table.build() else {
            return Ok(());
        };
        let matched: Vec<BTreeSet<&String>> = patterns
            .iter()
            .map(|pattern| every_path().iter().filter(|path| fits_or_is_base(pattern, path)).collect())
            .collect();
        for path in paths {
            let path = format!("/{}", path.join("/"));
            let best = (0..patterns.len())
                .filter_map(|at| Some((fit(&patterns[at], &path)?, at)))
                .min();
            let wanted: BTreeSet<&str> = match best {
                None => BTreeSet::from(["forbidden"]),
                Some((_, best)) => {
                    let only_overlaps = |at: &usize| {
                        let special = every_path()
                            .iter()
                            .filter(|path| fit(&patterns[best], path).is_some())
                            .all(|path| matched[*at].contains(path))
                            && !is_tree_above(&patterns[best], &patterns[*at]);
                        fits_or_is_base(&patterns[*at], &path) && !special
                    };
                    (0..patterns.len())
                        .filter(|at| *at == best || only_overlaps(at))
                        .map(|at| patterns[at].as_str())
                        .collect()
                }
            };
            let found = needs(&table, "GET", &path);
            let found: BTreeSet<&str> = found.split(" and ").map(|role| role.trim_start_matches("role:").trim_matches('"')).collect();
            prop_assert_eq!(&found, &wanted, "{} of {:?}", path, patterns);
        }
    }
}

fn rules(json: serde_json::Value) -> Result<RouteTable, String> {
    let rules: Vec<RouteRule> = serde_json::from_value(json).map_err(|error| error.to_string())?;
    let parser = PolicyParser::new().custom("open", |_| true);
    RouteTable::builder(Unmatched::Deny)
        .rules(rules, &parser)
        .and_then(|table| table.build())
        .map_err(|error| error.message().to_owned())
}

#[test]
fn rules_of_a_file_become_a_table() {
    let table = rules(json!([
        {"path": "/a", "methods": "GET POST", "policy": "role:a & custom:open"},
        {"path": "/a", "methods": ["PUT"], "policy": "authenticated"},
        {"path": "/b/{*rest}", "public": true},
        {"path": "/c", "policy": "never", "public": false},
    ]));
    assert_eq!(
        table.unwrap().to_string(),
        "\
GET POST  /a             role:a & custom:open
PUT       /a             authenticated
*         /b/{*rest}     public
*         /c             never
*         anything else  closed
"
    );
    let unmatched = |text: &str| serde_json::from_str::<Unmatched>(text).ok();
    assert_eq!(unmatched("\"deny\""), Some(Unmatched::Deny));
    assert_eq!(unmatched("\"allow\""), Some(Unmatched::Allow));
    assert_eq!(unmatched("\"Deny\""), None);
}

#[test]
fn a_rule_that_cannot_be_meant_is_an_error_at_the_start() {
    for (rule, why) in [
        (
            json!({"path": "/a"}),
            "the rule '* /a' of the route table: give it a policy, or public = true",
        ),
        (
            json!({"path": "/a", "policy": "role:a", "public": true}),
            "the rule '* /a' of the route table: it has a policy and is public: keep one",
        ),
        (
            json!({"path": "/a", "methods": ["GET", "PUT"], "policy": "role:a &"}),
            "the rule 'GET PUT /a' of the route table: column 9 of the policy: expected",
        ),
        (
            json!({"path": "/a", "policy": "custom:unknown"}),
            "the rule '* /a' of the route table: column",
        ),
        (json!({"path": "/a", "methods": [], "public": true}), "the rule ' /a'"),
        (json!({"path": "/a", "methods": "get", "public": true}), "the rule 'get /a'"),
        (json!({"path": "/a", "methods": 1, "public": true}), "methods are a string such as"),
        (json!({"path": "a", "public": true}), "the rule '* a'"),
        (json!({"path": "/a", "public": true, "policies": []}), "unknown field `policies`"),
        (json!({"public": true}), "missing field `path`"),
    ] {
        let error = rules(json!([rule])).unwrap_err();
        assert!(error.starts_with(why), "{rule}: {error}");
    }
}
