//! Values that a builder refuses, and secrets where none belong.

use super::JWT;
use crate::files::{NOW, SECRET, jam, message, refusal, variable};
use crate::support::folder::Folder;
use jamguard::ErrorKind;
use jamguard::config::{Document, Format};
use serde_json::Value;
use std::fs;

/// A text is never guessed to be a path.
#[test]
fn a_text_is_never_guessed_to_be_a_file() {
    let folder = Folder::new("no-guess");
    let file = folder.path().join("key");
    fs::write(&file, SECRET).unwrap();
    let name = file.to_str().unwrap();
    let pem = refusal(&format!("[jam.jwt]\nalgorithm='ES256'\nprivate_key='{name}'"));
    assert!(
        pem.contains(":3: jam.jwt.private_key: this is neither PEM nor a JWK: to name a file, use 'private_key_file'"),
        "{pem}"
    );
    let public = refusal(&format!(
        "[jam.verifiers.a]\nalgorithms=['ES256']\nkeys=[{{algorithm='ES256', public_key='{name}'}}]"
    ));
    assert!(public.contains("to name a file, use 'public_key_file'"), "{public}");
    // As a secret it is what it is.
    let padded = format!("{name:_<40}");
    let as_text = jam(&format!("[jam.jwt]\nalgorithm='HS256'\nsecret='{padded}'")).unwrap();
    let verifier = jamguard::Verifier::builder()
        .any_audience()
        .key(
            jamguard::jose::VerifyingKey::from_secret(
                jamguard::jose::Algorithm::HS256,
                padded.as_bytes(),
            )
            .unwrap(),
        )
        .algorithms([jamguard::jose::Algorithm::HS256])
        .clock(jamguard::testing::ManualClock::at(NOW))
        .build()
        .unwrap();
    let claims = serde_json::json!({});
    let issued = as_text.jwt().unwrap().issue(&claims);
    let token = as_text.block_on(issued).unwrap();
    as_text.block_on(verifier.verify(token.expose())).unwrap();
}

/// What a builder refuses is told at its place, by its own kind.
#[test]
fn what_a_builder_refuses_has_its_place_and_kind() {
    for (text, kind, wanted) in [
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='short'",
            ErrorKind::InvalidKey,
            ":3: jam.jwt.secret: ",
        ),
        (
            "[jam.jwt]\nalgorithm='ES256'\nsecret='${SECRET}'",
            ErrorKind::InvalidKey,
            ":3: jam.jwt.secret: ",
        ),
        (
            "[jam.jwt]\nsecret='${SECRET}'",
            ErrorKind::Configuration,
            ":1: jam.jwt: the key 'algorithm' is missing",
        ),
        ("[jam.jwt]\nissuer='a'", ErrorKind::Configuration, ":1: jam.jwt: there is no key"),
        (
            "[jam.jwt]\nalgorithm='HS256'\nsecret='${SECRET}'\nlifetime='0s'",
            ErrorKind::Configuration,
            ":1: jam.jwt: tokens would expire at once",
        ),
        (
            "[jam.verifiers.a]\naudience='a'\nalgorithms=['ES256']",
            ErrorKind::Configuration,
            "jam.verifiers.a: no keys",
        ),
        (
            "[jam.verifiers.a]\naudience='a'\nalgorithms=['ES256']\njwks_url='http://a.example'",
            ErrorKind::Configuration,
            "jam.verifiers.a: ",
        ),
        (
            "[jam.verifiers.a]\nalgorithms=['ES256']\njwks='[]'",
            ErrorKind::InvalidKey,
            ":3: jam.verifiers.a.jwks: ",
        ),
        ("[jam.apps.a]\napp_id='a/b'", ErrorKind::Configuration, "jam.apps.a: the app id must be"),
        (
            "[jam.sessions]\nstore='memory'\nidle_timeout='1ms'",
            ErrorKind::Configuration,
            "jam.sessions: the idle timeout",
        ),
        (
            "[jam.sessions]\nstore='memory'\nencryption={key='${SECRET}'}",
            ErrorKind::InvalidKey,
            ".encryption.key: a sealing key is 32 random bytes",
        ),
        (
            "[jam.lists.a]\nkind='deny'\nstore='memory'\nleeway='2h'",
            ErrorKind::Configuration,
            "jam.lists.a: the list's leeway",
        ),
        (
            "[jam.lists.'a b']\nkind='deny'\nstore='memory'",
            ErrorKind::Configuration,
            "jam.lists.a b: a name in a store",
        ),
        (
            "[jam.stores.a]\nredis={url='http://${SECRET}'}",
            ErrorKind::Configuration,
            "jam.stores.a.redis: ",
        ),
        (
            "[jam.stores.a]\n",
            ErrorKind::Configuration,
            "the store has no kind: give one of 'memory', 'file', 'redis'",
        ),
        (
            "[jam]\nunmatched='deny'\nguards=[{path='/a', policy='scope:'}]",
            ErrorKind::Configuration,
            "jam.guards.0: the rule '* /a' of the route table: column",
        ),
        (
            "[jam]\nunmatched='deny'\nguards=[{path='/a', public=true}, {path='/a', policy='authenticated'}]",
            ErrorKind::Configuration,
            "jam.guards: the rule '* /a'",
        ),
        (
            "[jam.authenticator]\n",
            ErrorKind::Configuration,
            "jam.authenticator: nothing to verify with",
        ),
    ] {
        let error = jam(text).err().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(error.kind(), kind, "{text}\n{error}");
        assert!(error.message().contains(wanted), "{text}\n{error}");
        message::<()>(Err(error));
    }
}

/// The issue of a value in the wrong place: it is not shown, however it got there.
#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    for key in [
        "log_level",
        "unmatched",
        "guards",
        "jwt",
        "keep_encoded_slashes",
        "stores",
        "sessions",
        "authenticator",
        "refresh_tokens",
    ] {
        refusal(&format!("[jam]\n{key}='${{SECRET}}'"));
    }
    for (section, keys) in [
        (
            "jwt",
            &[
                "algorithm",
                "lifetime",
                "leeway",
                "private_key",
                "key_ring",
                "danger_lifetime_over_a_year",
            ][..],
        ),
        (
            "verifiers.a",
            &[
                "discover",
                "jwks_url",
                "jwks",
                "jwks_file",
                "key_set",
                "algorithms",
                "keys",
                "leeway",
            ],
        ),
        ("lists.a", &["kind", "store", "max_token_lifetime"]),
        (
            "authenticator",
            &["sources", "claim_paths", "apps", "silent_refresh", "enrichment_store"],
        ),
        ("stores.a", &["memory", "file", "redis", "near"]),
        ("stores.a.redis", &["url", "url_file", "timeout"]),
        ("apps.a", &["key_set", "leeway"]),
    ] {
        for key in keys {
            refusal(&format!("[jam.{section}]\n{key}='${{SECRET}}'"));
        }
    }
    // Builders that show what they were given.
    let sessions = "[jam.sessions]\nstore='memory'";
    for (text, wanted) in [
        (
            "[jam.verifiers.a]\naudience='a'\nalgorithms=['ES256']\njwks_url='ht tp://user:${SECRET}@a.example'",
            "jam.verifiers.a: '…' is not a URL",
        ),
        (
            "[jam.verifiers.a]\naudience='a'\nalgorithms=['ES256']\ndiscover='${SECRET}'",
            "jam.verifiers.a: '…' is not a URL",
        ),
        (
            "[jam.apps.a]\napp_id='a'\nbase_url='https://a.example?key=${SECRET}'",
            "jam.apps.a: the base URL '…' must have no query",
        ),
        (
            "[jam.stores.a.file]\npath='/nowhere/${SECRET}/a.redb'",
            "jam.stores.a.file: … does not exist",
        ),
        (
            &format!("[jam.authenticator]\ntrusted_origins='${{SECRET}}'\n{sessions}"),
            "jam.authenticator: '…' is not an origin",
        ),
        (
            &format!("[jam.authenticator]\nsources=[{{cookie='${{SECRET}} x'}}]\n{sessions}"),
            "jam.authenticator: '…' cannot name a cookie or header",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text}\n{message}");
    }
}

/// A document of the application's own.
#[test]
fn variables_count_inside_the_pointer_alone() {
    let text = format!("{JWT}\n[elsewhere]\nx = '${{NOPE}}'\n");
    assert!(jam(&text).is_ok());
    let document = Document::from_str(&text, Format::Toml).unwrap().with_variables(variable);
    assert!(message(document.read::<Value>("elsewhere")).contains("NOPE"));
    assert!(message(document.read::<Value>("")).contains("elsewhere.x"));
    assert_eq!(document.read::<Value>("jam.jwt").unwrap()["secret"], SECRET);
}
