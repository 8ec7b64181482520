//! Attack 32 of `docs/attacks.md` at the table: a path written in another way does not get past its
//! rule.

use jamguard::policy::{RouteTable, Unmatched, authenticated, role};
use jamguard::{ErrorKind, Policy};

/// Spellings of `/admin` and `/admin/users` that some router somewhere takes for them.
const SPELLINGS: [&str; 46] = [
    "/admin",
    "/admin/",
    "/admin//",
    "//admin",
    "///admin",
    "/./admin",
    "/admin/.",
    "/a/../admin",
    "/a/b/../../admin",
    "/../admin",
    "/%2e/admin",
    "/a/%2e%2e/admin",
    "/a/%2E./admin",
    "/a/..;/admin",
    "/a/..%3b/admin",
    "/;/admin",
    "/;x=1/admin",
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%41dmin",
    "/admi%6E",
    "/%2561dmin",
    "/ADMIN",
    "/Admin",
    "/aDMIN/",
    "/admin;x=1",
    "/admin;",
    "/admin%3Bx",
    "/admin;/",
    "/%2Fadmin",
    "/%2fadmin",
    "/a%2F..%2Fadmin",
    "/admin%2F",
    "/admin%2f..",
    "/\\admin",
    "/%5Cadmin",
    "/a\\..\\admin",
    "/admin%5c",
    "/admin%00",
    "/admin%0a",
    "/admin%09",
    "/admin%7f",
    "/admin%",
    "/admin%2",
    "/admin%zz",
    "/admin%ff",
];

/// What both frameworks' routers, and the middleware that people put before them, make of a path:
/// one of these reaches the handler of `/admin`.
fn reaches(path: &str, handler: &str) -> bool {
    let decoded = percent_decode(path);
    let merged = |path: &str| {
        let mut out = String::new();
        for c in path.chars() {
            if !(c == '/' && out.ends_with('/')) {
                out.push(c);
            }
        }
        out
    };
    let resolved = |path: &str| {
        let mut kept: Vec<&str> = Vec::new();
        for segment in
            path.replace('\\', "/").split('/').map(|s| s.split(';').next().unwrap().to_owned())
        {
            match &*segment {
                "" | "." => {}
                ".." => {
                    kept.pop();
                }
                _ => kept.push(Box::leak(segment.into_boxed_str())),
            }
        }
        format!("/{}", kept.join("/"))
    };
    [path, &decoded, &merged(path), &merged(&decoded), &resolved(path), &resolved(&decoded)]
        .iter()
        .any(|path| path.trim_end_matches('/').eq_ignore_ascii_case(handler))
}

fn percent_decode(path: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = path.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        let rest = bytes.as_slice();
        let code = rest.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) if *byte == b'%' => {
                out.push(code);
                bytes.nth(1);
            }
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The policies asked, or why none is.
fn asked(table: &RouteTable, path: &str) -> Result<Vec<Policy>, ErrorKind> {
    table
        .find("GET", path)
        .map(|access| access.policies().cloned().collect())
        .map_err(|error| error.kind())
}

#[test]
fn no_spelling_gets_past_the_rule() {
    // The guarded path in tables that are as open as can be around it.
    let tables = [
        RouteTable::builder(Unmatched::Allow),
        RouteTable::builder(Unmatched::Allow).public("*", "/{*rest}"),
        RouteTable::builder(Unmatched::Allow).public("*", "/{page}").public("*", "/a/{*rest}"),
    ];
    let mut reached = 0;
    for table in tables {
        let table = table.guard("*", "/admin", role("admin")).build().unwrap();
        for path in SPELLINGS.into_iter().filter(|path| reaches(path, "/admin")) {
            reached += 1;
            match asked(&table, path) {
                Ok(policies) => assert_eq!(policies, [role("admin")], "{path}"),
                Err(kind) => assert_eq!(kind, ErrorKind::AmbiguousPath, "{path}"),
            }
        }
    }
    assert!(reached > 60, "{reached}");
}

#[test]
fn what_only_hides_the_path_is_refused_as_a_bad_request() {
    let table = RouteTable::builder(Unmatched::Allow).build().unwrap();
    for path in [
        "",
        "*",
        "admin",
        "http://host/admin",
        "//",
        "//admin",
        "/admin//",
        "/a//b",
        "/.",
        "/..",
        "/./a",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/%2e",
        "/%2E%2e/a",
        "/..;/a",
        "/.;x",
        "/;",
        "/;x/a",
        "/a/;x",
        "/%3B/a",
        "/\\a",
        "/%5ca",
        "/a%2Fb",
        "/a%2fb",
        "/%00",
        "/a\0",
        "/a\n",
        "/%0D%0A",
        "/%7F",
        "/%",
        "/%2",
        "/%zz",
        "/%u0061",
        "/%+1",
        "/%ff",
        "/%c3",
        "/%c0%af",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/é",
    ] {
        assert_eq!(asked(&table, path), Err(ErrorKind::AmbiguousPath), "{path}");
    }
    for path in [
        "/",
        "/a/",
        "/...",
        "/a.b",
        "/.a",
        "/..a",
        "/a..",
        "/a;b",
        "/a;",
        "/%20",
        "/%2B",
        "/+",
        "/%25",
        "/%2561",
        "/caf%C3%A9",
        "/caf%c3%a9",
        "/A",
        "/a%3Fb",
        "/a%23",
        "/~a",
        "/a|b",
        "/[a]",
        "/{a}",
        "/%7Ba%7D",
        "/a:b@c",
    ] {
        assert_eq!(asked(&table, path), Ok(vec![]), "{path}");
    }
}

#[test]
fn each_way_of_reading_must_be_allowed() {
    // Public where actix-web reads /admin, guarded where axum reads /{page}; and the other way round.
    let public_admin = RouteTable::builder(Unmatched::Deny)
        .public("*", "/admin")
        .guard("*", "/{page}", role("reader"))
        .build()
        .unwrap();
    let public_page = RouteTable::builder(Unmatched::Deny)
        .guard("*", "/admin", role("admin"))
        .public("*", "/{page}")
        .build()
        .unwrap();
    for path in ["/%61dmin", "/ADMIN", "/admin;x", "/%41dmin;x"] {
        assert_eq!(asked(&public_admin, path), Ok(vec![role("reader")]), "{path}");
        assert_eq!(asked(&public_page, path), Ok(vec![role("admin")]), "{path}");
    }
    assert_eq!(asked(&public_admin, "/admin"), Ok(vec![]));
    assert_eq!(asked(&public_page, "/admin"), Ok(vec![role("admin")]));
    // Closed where one reading is.
    assert_eq!(asked(&public_admin, "/admin/"), Err(ErrorKind::Forbidden));
    // A rule for the path with its slash serves both.
    let slashes = RouteTable::builder(Unmatched::Deny)
        .guard("*", "/admin", role("admin"))
        .guard("*", "/admin/", role("admin"))
        .build()
        .unwrap();
    assert_eq!(asked(&slashes, "/admin/"), Ok(vec![role("admin"), role("admin")]));
}

#[test]
fn patterns_match_what_is_sent_as_the_router_has_it() {
    let table = RouteTable::builder(Unmatched::Deny)
        .guard("*", "/API/{Id}", role("api"))
        .guard("*", "/caf%C3%A9/my%20file", role("cafe"))
        .guard("*", "/a+b/100%25/%7Bx%7D", role("signs"))
        .guard("*", "/dir/", role("dir"))
        .guard("*", "/v;version=1/x", role("matrix"))
        .build()
        .unwrap();
    for (path, name) in [
        ("/API/Xyz", "api"),
        ("/caf%C3%A9/my%20file", "cafe"),
        ("/a+b/100%25/%7Bx%7D", "signs"),
        ("/dir/", "dir"),
        ("/v;version=1/x", "matrix"),
    ] {
        assert_eq!(asked(&table, path), Ok(vec![role(name)]), "{path}");
    }
    // Not as the router has it, so closed.
    for path in [
        "/api/Xyz",
        "/dir",
        "/v/x",
        "/v;version=2/x",
        "/caf%C3%A9/MY%20file",
        "/a%2Bb/100%25/%7Bx%7D",
    ] {
        assert_eq!(asked(&table, path), Err(ErrorKind::Forbidden), "{path}");
    }
}

#[test]
fn encoded_slashes_are_kept_only_where_asked_for() {
    let build = |keep: bool| {
        let table = RouteTable::builder(Unmatched::Deny)
            .guard("*", "/projects/{name}", authenticated())
            .guard("*", "/projects/{name}/secrets", role("owner"));
        let table = if keep { table.keep_encoded_slashes() } else { table };
        table.build().unwrap()
    };
    assert_eq!(asked(&build(false), "/projects/a%2Fb"), Err(ErrorKind::AmbiguousPath));
    let keeping = build(true);
    for path in ["/projects/a%2Fb", "/projects/a%2fsecrets", "/projects/A%2FB"] {
        assert_eq!(asked(&keeping, path), Ok(vec![authenticated()]), "{path}");
    }
    for path in [
        "/projects/a%2F..%2Fb",
        "/projects/..%2Fadmin",
        "/projects/%2F",
        "/projects/a%2F%2Fb",
        "/projects/%2e%2Fb",
    ] {
        assert_eq!(asked(&keeping, path), Err(ErrorKind::AmbiguousPath), "{path}");
    }
}

#[test]
fn a_closer_pattern_hides_no_rule_of_a_path_that_is_spelled_otherwise() {
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/{lang}/admin", role("admin"))
        .public("*", "/assets/{*file}")
        .build()
        .unwrap();
    for path in [
        "/assets/admin",
        "/ASSETS/admin",
        "/ASSETS/admin/",
        "/assets;x/admin/",
        "/assets;x/admin",
        "/ASSETS/ADMIN",
        "/a%73sets/admin",
        "/a%C5%BF%C5%BFets/ADMIN",
        "/assets/admin/",
    ] {
        assert_eq!(asked(&table, path), Ok(vec![role("admin")]), "{path}");
    }
    for path in ["/assets/logo.png", "/ASSETS/logo.png", "/assets/a/admin"] {
        assert_eq!(asked(&table, path), Ok(vec![]), "{path}");
    }
}

#[test]
fn letters_outside_of_ascii_are_compared_without_regard_to_case() {
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/kiosk", role("kiosk"))
        .guard("*", "/caf%C3%A9", role("cafe"))
        .build()
        .unwrap();
    for path in ["/KIOSK", "/%E2%84%AAIO%C5%BFK", "/kio%c5%bfk/"] {
        assert_eq!(asked(&table, path), Ok(vec![role("kiosk")]), "{path}");
    }
    for path in ["/caf%C3%89", "/CAF%c3%89", "/caf%C3%A9"] {
        assert_eq!(asked(&table, path), Ok(vec![role("cafe")]), "{path}");
    }
}

#[test]
fn a_special_case_counts_alone_only_where_every_reading_leads_to_it() {
    let table = RouteTable::builder(Unmatched::Deny)
        .guard("*", "/admin/{*rest}", role("admin"))
        .public("*", "/admin/login")
        .public("*", "/admin/logout/")
        .build()
        .unwrap();
    assert_eq!(asked(&table, "/admin/login"), Ok(vec![]));
    for path in ["/admin/LOGIN", "/admin/login/", "/admin/login;x", "/admin/logout/"] {
        assert_eq!(asked(&table, path), Ok(vec![role("admin")]), "{path}");
    }
}

/// `{rest:.*}` of actix-web may be empty.
#[test]
fn a_rule_for_a_text_and_the_rest_counts_for_the_text_alone() {
    for everything in [None, Some("/{*rest}"), Some("/{page}")] {
        let mut table =
            RouteTable::builder(Unmatched::Allow).guard("*", "/admin{*rest}", role("admin"));
        if let Some(everything) = everything {
            table = table.public("*", everything);
        }
        let named = table.clone().public("*", "/admin").build().unwrap();
        let table = table.build().unwrap();
        for path in ["/admin", "/ADMIN", "/admin/", "/admin;x", "/admins", "/admin/x"] {
            assert_eq!(asked(&table, path), Ok(vec![role("admin")]), "{path}");
        }
        assert_eq!(asked(&table, "/admi"), Ok(vec![]));
        assert_eq!(asked(&named, "/admin"), Ok(vec![]));
        assert_eq!(asked(&named, "/admins"), Ok(vec![role("admin")]));
    }
}

/// To axum a parameter behind a text may be empty where a slash follows; to actix-web it may not.
#[test]
fn a_parameter_that_may_be_empty_hides_no_rule() {
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/v{version}/admin", role("admin"))
        .public("*", "/x{name}/news")
        .guard("*", "/{page}/news", role("editor"))
        .build()
        .unwrap();
    for path in ["/v1/admin", "/v/admin", "/v/admin/", "/V/admin/", "/v;x/admin/"] {
        assert_eq!(asked(&table, path), Ok(vec![role("admin")]), "{path}");
    }
    for path in ["/x/news", "/y/news", "/x/news/", "/X/news"] {
        assert_eq!(asked(&table, path), Ok(vec![role("editor")]), "{path}");
    }
    assert_eq!(asked(&table, "/x1/news"), Ok(vec![]));
    let table = RouteTable::builder(Unmatched::Allow)
        .guard("*", "/user{id}", role("user"))
        .guard("*", "/user{id}/posts", role("posts"))
        .public("*", "/user")
        .public("*", "/user/posts")
        .build()
        .unwrap();
    for path in ["/user", "/user/posts"] {
        assert_eq!(asked(&table, path), Ok(vec![]), "{path}");
    }
    assert_eq!(asked(&table, "/user/"), Ok(vec![role("user")]));
}

#[test]
fn escaped_letters_are_utf8() {
    let table = RouteTable::builder(Unmatched::Allow).build().unwrap();
    for path in ["/caf%C3%A9", "/%E2%82%AC%c3%a9", "/%F0%9F%98%80", "/%C3%A9%20%C3%A9"] {
        assert!(table.find("GET", path).is_ok(), "{path}");
    }
    for path in [
        "/%C3",
        "/%A9",
        "/%C3x%A9",
        "/%C3/%A9",
        "/%C3%41%A9",
        "/%C3%20%A9",
        "/%C3+%A9",
        "/%C0%AF",
        "/%ED%A0%80",
        "/%C3%A9%A9",
    ] {
        let error = table.find("GET", path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AmbiguousPath, "{path}");
        assert!(error.message().ends_with(" escapes that are not UTF-8"), "{path}: {error}");
    }
}
