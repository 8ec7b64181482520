//! A protected resource (RFC 9728): an API that clients find by its metadata, such as an MCP server.

use crate::core::problem::ResourceChallenge;
use crate::core::settings::{Texts, options, setters};
use crate::core::{Error, debug_fields, ensure, name::is_scope, web_url::is_web_url};
use serde::Serialize;
use std::{collections::HashSet, sync::Arc};

/// The path of metadata, before the resource's own path (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

options! {
    /// The options of a protected resource.
    ProtectedResourceOptions {
        /// Issuers of the authorization servers, each spelled as its own metadata says. The first must work: clients use it.
        authorization_servers: Texts = Texts::default(),
        /// Scopes that clients ask for, in `scopes_supported`. Default: omitted.
        scopes: Texts = Texts::default(),
        /// Name to show to users. Default: omitted.
        name: Option<String> = None,
        /// URL of a page for developers. Default: omitted.
        documentation: Option<String> = None,
        /// Names the scopes in the challenge of each 401 too. Default: false.
        scope_in_challenge: bool = false,
        /// Accepts http URLs on any host, for private networks. Default: loopback only.
        danger_plain_http: bool = false,
    }
}

/// A protected resource: an API that OAuth clients find without being configured for it.
///
/// A client that gets a 401 reads the address of the resource's metadata from the challenge, learns
/// the authorization server from the metadata ([RFC 9728]), and asks there for a token for this
/// resource ([RFC 8707]). The MCP authorization specification requires this of every MCP server.
///
/// The same value is given to three places:
/// - [`VerifierBuilder::protected_resource`](crate::VerifierBuilder::protected_resource) accepts only
///   tokens for this resource,
/// - [`AuthenticatorBuilder::protected_resource`](crate::AuthenticatorBuilder::protected_resource)
///   puts `resource_metadata` into the challenge of every 401 and 403,
/// - `metadata_routes` (axum), `actix_metadata_routes` (actix-web) or `metadata_endpoint` serve the
///   metadata.
///
/// Nothing is derived from the `Host` header: another host name in a request changes no response.
///
/// # Example
/// ```
/// # #[cfg(all(feature = "axum", feature = "client"))] {
/// use axum::{Router, routing::get};
/// use jamguard::{Authenticator, ProtectedResource, Verifier, jose::Algorithm};
///
/// let issuer = "https://login.example.com";
/// let resource = ProtectedResource::builder("https://api.example.com/mcp")
///     .authorization_server(issuer)
///     .scopes(["notes.read", "notes.write"])
///     .build()?;
/// let verifier = Verifier::builder()
///     .discover(issuer)
///     .algorithms([Algorithm::RS256])
///     .protected_resource(&resource)
///     .build()?;
/// let auth = Authenticator::builder().verifier(verifier).protected_resource(&resource).build()?;
/// let app: Router = Router::new()
///     .route("/mcp", get(|| async { "for users" }))
///     .layer(auth.require_login())
///     .merge(resource.metadata_routes());
/// # }
/// # Ok::<(), jamguard::Error>(())
/// ```
///
/// # Browsers
/// The metadata is readable for pages of all origins. The API itself needs a CORS layer around the
/// guard that exposes `WWW-Authenticate` (and `Mcp-Session-Id` of an MCP server).
///
/// [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
/// [RFC 9728]: https://www.rfc-editor.org/rfc/rfc9728
#[derive(Clone)]
pub struct ProtectedResource(Arc<Inner>);

struct Inner {
    identifier: Box<str>,
    /// The canonical path of the metadata first.
    metadata_paths: Vec<String>,
    metadata: String,
    challenge: ResourceChallenge,
}

/// A builder of a [`ProtectedResource`].
///
/// # Example
/// ```
/// let error = jamguard::ProtectedResource::builder("https://api.example.com").build().unwrap_err();
/// assert!(error.message().contains(".authorization_server("));
/// ```
#[must_use]
#[derive(Clone)]
pub struct ProtectedResourceBuilder {
    identifier: String,
    pub(crate) options: ProtectedResourceOptions,
}

/// The metadata document (RFC 9728 section 2).
#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: &'a [String],
    /// Tokens in a query or form are never accepted.
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'a str>,
}

impl ProtectedResource {
    /// Returns a builder for the resource with this identifier: its public URL.
    ///
    /// Clients compare it with the URL that they were given, so write it exactly as users enter it:
    /// same path and case, and no slash at the end that the server's URL does not have. https, or
    /// http on loopback; without query and fragment.
    pub fn builder(identifier: impl Into<String>) -> ProtectedResourceBuilder {
        ProtectedResourceBuilder {
            identifier: identifier.into(),
            options: ProtectedResourceOptions::default(),
        }
    }

    /// Returns the resource identifier, as it was given to the builder.
    pub fn identifier(&self) -> &str {
        &self.0.identifier
    }

    /// Returns the metadata document as JSON (RFC 9728 section 2).
    pub fn metadata(&self) -> &str {
        &self.0.metadata
    }

    /// Returns the absolute URL of the metadata, which challenges name.
    pub fn metadata_url(&self) -> &str {
        &self.0.challenge.metadata_url
    }

    /// Returns the paths at which clients look for the metadata; the canonical one first.
    ///
    /// Some clients add a last slash, and some ask at the root only. A second resource on the same
    /// host serves its metadata at its own path only.
    ///
    /// ```
    /// let resource = jamguard::ProtectedResource::builder("https://api.example.com/mcp")
    ///     .authorization_server("https://login.example.com")
    ///     .build()?;
    /// assert_eq!(resource.metadata_paths(), [
    ///     "/.well-known/oauth-protected-resource/mcp",
    ///     "/.well-known/oauth-protected-resource/mcp/",
    ///     "/.well-known/oauth-protected-resource",
    /// ]);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn metadata_paths(&self) -> &[String] {
        &self.0.metadata_paths
    }

    pub(crate) fn challenge(&self) -> &ResourceChallenge {
        &self.0.challenge
    }

    /// Returns whether an `aud` names this resource.
    ///
    /// Scheme and host are compared without case (RFC 3986 section 6.2.2.1), the path exactly
    /// except for one slash at its end.
    pub(crate) fn is_named_by(&self, audience: &str) -> bool {
        let (Some(ours), Some(theirs)) = (parts(&self.0.identifier), parts(audience)) else {
            return false;
        };
        ours.0.eq_ignore_ascii_case(theirs.0)
            && ours.1.eq_ignore_ascii_case(theirs.1)
            && ours.2.strip_suffix('/').unwrap_or(ours.2)
                == theirs.2.strip_suffix('/').unwrap_or(theirs.2)
    }
}

/// Returns whether the path of a URL has segments that clients remove (RFC 3986 section 5.2.4).
fn has_dot_segments(url: &str) -> bool {
    let plain = |segment: &str| segment.to_ascii_lowercase().replace("%2e", ".");
    url.split('/').any(|segment| matches!(&*plain(segment), "." | ".."))
}

/// Splits a URL into scheme, authority, and path.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((scheme, authority, path))
}

impl ProtectedResourceBuilder {
    setters! {
        /// Adds an authorization server, by its issuer. At least one is needed.
        ///
        /// Spell it byte for byte as the server's own metadata says. Clients take the first, so the
        /// preferred one comes first.
        pub fn authorization_server(issuer: impl Into<String>) {
            self.options.authorization_servers.0.push(issuer.into())
        }

        /// Sets the scopes that clients ask for: `scopes_supported`. Default: omitted.
        ///
        /// List all that the operations need, and only scopes that the authorization server knows:
        /// one that it does not know fails a client's registration. `offline_access` does not
        /// belong here: it is about the client's tokens, not about this resource.
        pub fn scopes(scopes: impl IntoIterator<Item = impl Into<String>>) {
            self.options.scopes.0.extend(scopes.into_iter().map(Into::into))
        }

        /// Sets the name to show to users. Default: omitted.
        pub fn name(name: impl Into<String>) { self.options.name = Some(name.into()) }

        /// Sets the URL of a page for developers. Default: omitted.
        pub fn documentation(url: impl Into<String>) {
            self.options.documentation = Some(url.into())
        }

        /// Names the [`scopes`](Self::scopes) in the challenge of each 401 too.
        ///
        /// Default: off. Clients register with the scopes of this challenge, and some authorization
        /// servers then refuse a later request for more. With the scopes in the metadata alone, the
        /// clients of all SDKs work. A 403 always names the scopes that the operation needs.
        pub fn scope_in_challenge() { self.options.scope_in_challenge = true }

        /// Accepts http URLs on any host, for private networks.
        ///
        /// Tokens and the address of the authorization server are then readable and changeable on
        /// the way. Default: http on loopback only.
        pub fn danger_plain_http() { self.options.danger_plain_http = true }
    }

    /// Builds the protected resource.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says
    /// what to change.
    pub fn build(self) -> Result<ProtectedResource, Error> {
        let Self { identifier, options } = self;
        let Texts(servers) = options.authorization_servers;
        let Texts(mut scopes) = options.scopes;
        let is_url = |url: &str| is_web_url(url, options.danger_plain_http);
        let is_page = |url: &str| url.split(['?', '#']).next().is_some_and(is_url);
        let is_plain = |b: u8| !b"\"<>\\^`{|}".contains(&b);
        ensure(
            is_url(&identifier) && identifier.bytes().all(is_plain),
            "the resource identifier must be the public URL of the API: https (http on loopback), \
             without query and fragment",
        )?;
        ensure(
            !has_dot_segments(&identifier),
            "the resource identifier must have no segments '.' and '..': clients remove them, and \
             then ask for the metadata elsewhere",
        )?;
        ensure(
            !servers.is_empty(),
            "no authorization server: call .authorization_server(…) with the issuer that clients \
             get tokens from",
        )?;
        ensure(
            servers.iter().all(|server| is_url(server)),
            "an authorization server must be an issuer URL: https (http on loopback), without \
             query and fragment",
        )?;
        ensure(
            scopes.iter().all(|scope| is_scope(scope)),
            "a scope must be visible ASCII without spaces, quotes and backslashes: give .scopes(…) \
             a list, not one text",
        )?;
        ensure(
            !scopes.iter().any(|scope| scope == "offline_access"),
            "`offline_access` does not belong here: remove it from .scopes(…); clients that \
             want a refresh token add it themselves",
        )?;
        ensure(
            !options.scope_in_challenge || !scopes.is_empty(),
            "scope_in_challenge without scopes: call .scopes(…) too",
        )?;
        ensure(
            options.documentation.as_deref().is_none_or(is_page),
            "the documentation must be a URL: https (http on loopback)",
        )?;
        let mut known = HashSet::new();
        scopes.retain(|scope| known.insert(scope.clone()));
        let metadata = serde_json::to_string(&Metadata {
            resource: &identifier,
            authorization_servers: &servers,
            scopes_supported: &scopes,
            bearer_methods_supported: ["header"],
            resource_name: options.name.as_deref(),
            resource_documentation: options.documentation.as_deref(),
        })
        .map_err(|_| Error::configuration("the metadata cannot be written as JSON"))?;
        // Always some: it was checked above.
        let (scheme, authority, path) = parts(&identifier).unwrap_or_default();
        let path = if path == "/" { "" } else { path };
        let canonical = format!("{WELL_KNOWN}{path}");
        let challenge = ResourceChallenge {
            metadata_url: format!("{scheme}://{authority}{canonical}").into(),
            scopes: options.scope_in_challenge.then(|| scopes.join(" ").into()),
        };
        let other = match canonical.strip_suffix('/') {
            Some(without) => without.to_owned(),
            None => format!("{canonical}/"),
        };
        let mut metadata_paths = vec![canonical, other];
        if !metadata_paths.iter().any(|path| path == WELL_KNOWN) {
            metadata_paths.push(WELL_KNOWN.to_owned());
        }
        let identifier = identifier.into_boxed_str();
        let inner = Inner { identifier, metadata_paths, metadata, challenge };
        Ok(ProtectedResource(Arc::new(inner)))
    }
}

debug_fields!(ProtectedResource, self, identifier = self.identifier());
debug_fields!(ProtectedResourceBuilder, self, identifier = self.identifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_may_differ_in_the_case_of_scheme_and_host_and_in_one_last_slash() {
        let named = |identifier: &str, audience: &str| {
            let builder = ProtectedResource::builder(identifier);
            let resource = builder.authorization_server("https://issuer.example").build();
            resource.is_ok_and(|resource| resource.is_named_by(audience))
        };
        for (identifier, audience, expected) in [
            ("https://api.example/mcp", "https://api.example/mcp", true),
            ("https://api.example/mcp", "https://api.example/mcp/", true),
            ("https://api.example/mcp/", "https://api.example/mcp", true),
            ("https://api.example", "https://api.example/", true),
            ("https://api.example/mcp", "HTTPS://API.Example/mcp", true),
            ("https://api.example/mcp", "https://api.example/MCP", false),
            ("https://api.example/mcp", "https://api.example/mcp//", false),
            ("https://api.example/mcp", "https://api.example", false),
            ("https://api.example/mcp", "https://api.example/mcp/x", false),
            ("https://api.example/mcp", "http://api.example/mcp", false),
            ("https://api.example/mcp", "https://api.example:443/mcp", false),
            ("https://api.example/mcp", "https://user@api.example/mcp", false),
            ("https://api.example/mcp", "api.example/mcp", false),
            ("https://api.example/mcp", "", false),
        ] {
            assert_eq!(named(identifier, audience), expected, "{identifier} {audience}");
        }
    }
}
