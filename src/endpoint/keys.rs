//! Handlers that publish an issuer's keys and metadata.

use super::handler::{Endpoint, EndpointRequest};
use crate::authenticator::request::{Head, HeaderKey};
use crate::core::{AuthResponse, Error, sha256, web_url::is_web_url};
use crate::jose::encoding;
use crate::token::issuer::Issuer;
use std::time::Duration;

/// Upper bound on caching: other services accept a revoked key for this long.
pub(super) const MAX_AGE: Duration = Duration::from_secs(300);

impl Issuer {
    /// Returns the `GET` handler for `/.well-known/jwks.json`: the public keys as a JWK set.
    ///
    /// The JWK set (RFC 7517) includes upcoming and retired keys. Other services verify with
    /// `.jwks_url(…)`. `max-age` is 5 minutes, or half of the time that a key is published before
    /// it signs, if that is less. An `ETag` avoids sending unchanged keys again.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for an issuer that signs with
    /// a shared secret: it has no public keys.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::get_service};
    /// use jamguard::{Issuer, jose::{Algorithm, SigningKey}};
    ///
    /// let issuer = Issuer::builder()
    ///     .key(SigningKey::generate(Algorithm::ES512)?)
    ///     .issuer("https://issuer.example")
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/.well-known/jwks.json", get_service(issuer.jwks_endpoint()?))
    ///     .route(
    ///         "/.well-known/openid-configuration",
    ///         get_service(issuer.metadata_endpoint()?),
    ///     );
    /// # }
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn jwks_endpoint(&self) -> Result<Endpoint, Error> {
        if self.key_ring().schedule().algorithm.is_symmetric() {
            return Err(Error::configuration(
                "an issuer that signs with a shared secret has no public keys: sign with ES512, \
                 EdDSA or another asymmetric algorithm",
            ));
        }
        let ring = self.key_ring().clone();
        let max_age = MAX_AGE.min(Duration::from_secs(ring.schedule().publish_ahead) / 2);
        Ok(Endpoint::new("jwks", move |request| {
            let (ring, known) = (ring.clone(), Known::of(request));
            Box::pin(async move {
                match ring.verifying_keys().await {
                    Ok(keys) => known.answer("application/jwk-set+json", keys.to_json(), max_age),
                    Err(error) => unstored(AuthResponse::for_error(&error, "")),
                }
            })
        }))
    }

    /// Returns the `GET` handler for the issuer's metadata: `issuer` and `jwks_uri` as JSON.
    ///
    /// Mount it at `/.well-known/oauth-authorization-server` (RFC 8414) and
    /// `/.well-known/openid-configuration`; other services fetch the latter with `.discover(…)`.
    ///
    /// For an issuer with a path, such as `https://example.com/a`, the routes are
    /// `/.well-known/oauth-authorization-server/a` and `/a/.well-known/openid-configuration`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the issuer is not a URL
    /// that can be fetched, or signs with a shared secret.
    pub fn metadata_endpoint(&self) -> Result<Endpoint, Error> {
        self.jwks_endpoint()?;
        let issuer = self.issuer().filter(|issuer| is_web_url(issuer, false));
        let issuer = issuer.ok_or_else(|| {
            Error::configuration(
                "clients find the metadata by the issuer: .issuer(…) must be an https URL (http on \
                 loopback) without query and fragment",
            )
        })?;
        let jwks_url = match self.jwks_url() {
            Some(url) if is_web_url(url, false) => url.to_owned(),
            Some(_) => {
                return Err(Error::configuration(
                    ".jwks_url(…) must be an absolute URL: https, or http on loopback",
                ));
            }
            None => format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
        };
        let metadata = serde_json::json!({"issuer": issuer, "jwks_uri": jwks_url}).to_string();
        Ok(Endpoint::new("metadata", move |request| {
            let answer = Known::of(request).answer("application/json", metadata.clone(), MAX_AGE);
            Box::pin(std::future::ready(answer))
        }))
    }
}

fn unstored(answer: AuthResponse) -> AuthResponse {
    answer.with_header("cache-control", "no-store")
}

/// The entity tags that the client has cached: `If-None-Match` (RFC 9110 section 13.1.2).
pub(super) struct Known(Vec<String>);

impl Known {
    pub(super) fn of(request: &EndpointRequest<'_>) -> Self {
        let lines = request.header(HeaderKey::Named("if-none-match"));
        let texts = lines.filter_map(|line| std::str::from_utf8(line).ok());
        let tags = texts.flat_map(|line| line.split(',').map(|tag| tag.trim().to_owned()));
        Self(tags.collect())
    }

    fn has(&self, tag: &str) -> bool {
        let same = |known: &String| known.strip_prefix("W/").unwrap_or(known) == tag;
        self.0.iter().any(|known| known == "*" || same(known))
    }

    pub(super) fn answer(
        &self,
        content_type: &str,
        body: String,
        max_age: Duration,
    ) -> AuthResponse {
        let tag = format!("\"{}\"", encoding::encode(&sha256(&body)[..16]));
        let known = self.has(&tag);
        let answer = AuthResponse::new(if known { 304 } else { 200 })
            .with_header("cache-control", format!("public, max-age={}", max_age.as_secs()))
            .with_header("etag", tag);
        if known { answer } else { answer.with_body(content_type, body) }
    }
}
