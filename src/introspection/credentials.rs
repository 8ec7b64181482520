//! Authentication of this server at the introspection endpoint (RFC 7662 section 2.1).

use crate::core::random::random;
use crate::core::{Error, Secret, ensure, http::HttpRequest};
use crate::jose::{SigningKey, encoding, jws::sign_with_header};
use serde_json::json;
use std::time::Duration;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

/// Lifetime of a client assertion.
const LIFETIME: Duration = Duration::from_secs(60);

/// The client's credentials, by the names of OpenID Connect Core 1.0 section 9.
pub(super) enum Credentials {
    SecretBasic(Secret),
    SecretPost(Secret),
    PrivateKeyJwt(SigningKey),
}

/// This server as a client of the authorization server.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) credentials: Credentials,
}

impl Client {
    pub(super) fn check(&self) -> Result<(), Error> {
        let secret = match &self.credentials {
            Credentials::SecretBasic(secret) | Credentials::SecretPost(secret) => Some(secret),
            Credentials::PrivateKeyJwt(_) => None,
        };
        ensure(
            !self.id.is_empty(),
            "the client id for introspection is empty: use the one that the authorization server \
             issued to this service",
        )?;
        ensure(
            secret.is_none_or(|secret| !secret.expose().is_empty()),
            "the client secret for introspection is empty: use the one that the authorization \
             server issued to this service",
        )
    }

    /// Returns the form of a request (RFC 7662 section 2.1), with credentials that belong there.
    ///
    /// `audience` is the one of a client assertion, `now` the time since the Unix epoch.
    pub(super) fn form(
        &self,
        token: &str,
        audience: &str,
        now: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut form = Serializer::new(String::with_capacity(1024));
        form.append_pair("token", token).append_pair("token_type_hint", "access_token");
        match &self.credentials {
            Credentials::SecretBasic(_) => {}
            Credentials::SecretPost(secret) => {
                form.append_pair("client_id", &self.id);
                form.append_pair("client_secret", secret.expose());
            }
            Credentials::PrivateKeyJwt(key) => {
                form.append_pair("client_id", &self.id);
                form.append_pair(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                form.append_pair("client_assertion", &self.assertion(key, audience, now)?);
            }
        }
        Ok(Zeroizing::new(form.finish().into_bytes()))
    }

    /// Adds the credentials of the header.
    pub(super) fn add_to_header(&self, request: HttpRequest) -> HttpRequest {
        match &self.credentials {
            Credentials::SecretBasic(secret) => request.basic(&self.id, secret),
            _ => request,
        }
    }

    /// Signs a client assertion (RFC 7523 section 3).
    fn assertion(&self, key: &SigningKey, audience: &str, now: Duration) -> Result<String, Error> {
        let mut header = json!({"alg": key.algorithm().name(), "typ": "JWT"});
        if let Some(kid) = key.key_id() {
            header["kid"] = kid.into();
        }
        let claims = json!({
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "jti": encoding::encode(random::<16>()?),
            "iat": now.as_secs(),
            "exp": (now + LIFETIME).as_secs(),
        });
        sign_with_header(key, &header, claims.to_string().as_bytes())
    }
}
