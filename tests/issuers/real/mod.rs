//! Real authorization servers from npm, the Python package index and Debian, in pinned versions:
//! jamguard discovers them, logs in at them and verifies their tokens. What it finds is the table of
//! `docs/interop.md`.

mod bound;
#[cfg(all(feature = "actix", feature = "emulator"))]
mod dpop_clients;
mod firebase;
mod issuer;
mod logout;
mod metadata;
mod probe;
mod table;

use issuer::{RealIssuer, Registry};

struct Named {
    name: &'static str,
    registry: Registry,
    script: &'static str,
}

const fn named(name: &'static str, registry: Registry, script: &'static str) -> Named {
    Named { name, registry, script }
}

/// Started in every run of the tests.
const FAST: [Named; 5] = [
    named("oidc-provider", Registry::Npm("node"), "oidc-provider"),
    named("better-auth", Registry::Npm("node"), "better-auth"),
    named("OpenAuth", Registry::Npm("node"), "openauth"),
    named("oauth2-mock-server", Registry::Npm("node"), "oauth2-mock-server"),
    named("cognito-local", Registry::Npm("node"), "cognito-local"),
];

/// Not started in every run, because of what they install or how long they take to start.
const SLOW: [Named; 7] = [
    named("django-oauth-toolkit", Registry::Python, "django-oauth-toolkit"),
    named("django-allauth", Registry::Python, "django-allauth"),
    named("canaille", Registry::Python, "canaille-server"),
    named("moto", Registry::Python, "moto-cognito"),
    named("Authlib", Registry::Python, "authlib-server"),
    named("glewlwyd", Registry::Debian, "glewlwyd"),
    named("firebase-tools", Registry::Npm("firebase"), "auth-emulator"),
];

async fn compare(issuers: impl IntoIterator<Item = &Named>) {
    let start = |issuer: &Named| {
        let Named { name, registry, script } = *issuer;
        (name, std::thread::spawn(move || RealIssuer::start(registry, script)))
    };
    let starting: Vec<_> = issuers.into_iter().map(start).collect();
    let mut wrong = Vec::new();
    for (name, issuer) in starting {
        let issuer = issuer.join().unwrap();
        wrong.extend(table::compare(name, &probe::probe(&issuer).await));
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nUPDATE_INTEROP=1 writes the rows of this run");
}

/// `scripts/test-slow-issuers` sets `REAL_ISSUERS` to `slow`, or to the name of one issuer.
#[tokio::test]
async fn issuers_are_as_the_table_says() {
    match std::env::var("REAL_ISSUERS").as_deref() {
        Ok("slow") => compare(&SLOW).await,
        Ok(name) => {
            let all = || FAST.iter().chain(&SLOW);
            assert!(all().any(|issuer| issuer.name == name), "REAL_ISSUERS={name}: no such issuer");
            compare(all().filter(|issuer| issuer.name == name)).await;
        }
        Err(_) => compare(&FAST).await,
    }
}
