//! Opaque tokens: introspection (RFC 7662, RFC 9701) over HTTP, by the rules for a JWT's claims.

mod answers;
mod cache;
mod clients;
mod forms;
mod outages;
mod rules;
mod signed;
mod web;

use crate::support::issuer::{Answer, ISSUER, NOW, Server};
use jamguard::testing::ManualClock;
use jamguard::{
    ErrorKind, Introspection, IntrospectionBuilder, Verified, Verifier, VerifierBuilder,
};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";
const ENDPOINT: &str = "/introspect";

/// The members of an answer that the verifier accepts.
fn answer() -> Value {
    json!({
        "active": true, "token_type": "Bearer", "iss": ISSUER, "sub": "42", "aud": "api",
        "client_id": "app", "scope": "orders.read", "iat": NOW, "exp": NOW + 600,
    })
}

/// The [`answer`] with one member changed or added.
fn answer_with(name: &str, value: impl Into<Value>) -> Value {
    let mut answer = answer();
    answer[name] = value.into();
    answer
}

/// The [`answer`] with one member left out.
fn answer_without(name: &str) -> Value {
    let mut answer = answer();
    answer.as_object_mut().unwrap().remove(name);
    answer
}

/// A verifier that asks by this introspection and whose time stands still.
fn verifier_by(
    introspection: IntrospectionBuilder,
    rules: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
) -> Verifier {
    let verifier = Verifier::builder().introspection(introspection.build().unwrap());
    rules(verifier.audience("api").clock(ManualClock::at(NOW))).build().unwrap()
}

/// An authorization server, and a verifier that asks it and whose time stands still.
struct World {
    server: Server,
    clock: ManualClock,
    introspection: Introspection,
    verifier: Verifier,
}

impl World {
    async fn new() -> Self {
        Self::with(|introspection| introspection, |verifier| verifier).await
    }

    /// Without the moment in which requests share an answer.
    async fn without_sharing() -> Self {
        Self::with(|introspection| introspection.inactive_ttl(Duration::ZERO), |verifier| verifier)
            .await
    }

    async fn with(
        introspection: impl FnOnce(IntrospectionBuilder) -> IntrospectionBuilder,
        verifier: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let server = Server::start().await;
        let clock = ManualClock::at(NOW);
        let asked = Introspection::builder(server.url(ENDPOINT));
        let asked = introspection(asked.client_secret_basic("api", "s3cret"));
        let asked = asked.build().unwrap();
        let rules = Verifier::builder().introspection(asked.clone()).clock(clock.clone());
        let verifier = verifier(rules.issuer(ISSUER).audience("api")).build().unwrap();
        let world = Self { server, clock, introspection: asked, verifier };
        world.answers(&answer());
        world
    }

    fn answers(&self, answer: &Value) {
        self.server.set(ENDPOINT, Answer::ok(answer.to_string()));
    }

    async fn verify(&self, token: &str) -> Result<Verified, ErrorKind> {
        self.verifier.verify(token).await.map_err(|error| error.kind())
    }

    /// Why a token is refused.
    async fn refusal(&self, token: &str) -> (ErrorKind, String) {
        let error = self.verifier.verify(token).await.unwrap_err();
        (error.kind(), error.message().to_owned())
    }
}
