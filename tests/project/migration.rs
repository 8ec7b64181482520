//! The migration guide has a row for every call, and each row's Rust is a doc test.

/// What `jam.Jam` offers.
const JAM: &[&str] = &[
    "jwt_make_payload",
    "jwt_create_token",
    "jwt_verify_token",
    "session_create",
    "session_get",
    "session_update",
    "session_delete",
    "session_clear",
    "session_rework",
    "otp_code",
    "otp_uri",
    "otp_verify_code",
    "oauth2_get_authorized_url",
    "oauth2_fetch_token",
    "oauth2_refresh_token",
    "oauth2_client_credentials_flow",
];

/// What `python_jam` offers.
const PYTHON_JAM: &[&str] = &[
    "JustAuthenticateMe(",
    "base_url",
    "authenticate",
    "jwk",
    "verify_token",
    "verify_remote",
    "refresh",
    "delete_refresh_token",
    "delete_all_refresh_tokens",
    "JAMBadRequest",
    "JAMNotFound",
    "JAMNotVerified",
    "JAMUnauthorized",
];

/// The calls of a page's rows, each with the fence before its Rust and the code in it.
fn rows(page: &str) -> Vec<(&str, &str, &str)> {
    let (_, table) = page.split_once("<tbody>").unwrap();
    let (table, _) = table.split_once("</tbody>").unwrap();
    let rows = table.split("<tr>").skip(1).map(|row| {
        let (call, ours) = row.split_once("</td><td>").unwrap();
        let (_, ours) = ours.split_once("```").unwrap();
        let (fence, ours) = ours.split_once('\n').unwrap();
        let (code, _) = ours.split_once("```").unwrap();
        (call, fence, code)
    });
    rows.collect()
}

#[track_caller]
fn check(page: &str, calls: &[&str]) {
    let rows = rows(page);
    for call in calls {
        let named = |text: &&str| match call.ends_with('(') {
            true => text.contains(call),
            // Not the end of another name: `refresh` is no row of `delete_refresh`.
            false => text.split('`').skip(1).step_by(2).any(|code| {
                let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
                words.any(|word| word == *call)
            }),
        };
        assert!(rows.iter().any(|(text, ..)| named(text)), "no row: {call}");
    }
    for (call, fence, code) in &rows {
        // `ignore`, `text` and the like compile nothing.
        assert_eq!(*fence, "rust", "{call}");
        let shown = code.lines().filter(|line| !line.starts_with("# "));
        assert!(shown.count() > 0, "{call}");
    }
    println!("{} rows", rows.len());
}

#[test]
fn every_call_of_jam_jam_has_a_row() {
    check(include_str!("../../src/migration/jamlib.md"), JAM);
}

#[test]
fn every_call_of_python_jam_has_a_row() {
    check(include_str!("../../src/migration/python_jam.md"), PYTHON_JAM);
}
