//! TLS client certificates of requests, for tokens that are bound to them (RFC 8705).

use crate::core::{debug_fields, hash::Sha256, sha256};
use crate::jose::encoding;

/// The certificate with which the client authenticated its TLS connection.
///
/// The code that accepts the connection puts it into each request's extensions; in actix-web also into
/// the connection's, with `HttpServer::on_connect`. Only the hash of the certificate is kept: whether it
/// is trusted is the TLS layer's decision.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Extension, Router};
/// use jamguard::ClientCertificate;
///
/// /// The application of one connection: `der` is the first of rustls' `peer_certificates()`.
/// fn on_connection(app: Router, der: &[u8]) -> Router {
///     app.layer(Extension(ClientCertificate::from_der(der)))
/// }
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate(pub(super) Sha256);

impl ClientCertificate {
    /// Creates it from the certificate in DER.
    pub fn from_der(der: impl AsRef<[u8]>) -> Self {
        Self(sha256(der))
    }

    /// Returns the SHA-256 of the DER in base64url, as `cnf` has it in `x5t#S256`.
    pub fn thumbprint(&self) -> String {
        encoding::encode(self.0)
    }
}

debug_fields!(ClientCertificate, self, thumbprint = self.thumbprint());

/// Where the client certificate of a request is.
///
/// # Example
/// ```
/// use jamguard::ClientCertificateSource;
///
/// let behind_nginx = ClientCertificateSource::danger_pem_header("ssl-client-cert");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateSource(pub(crate) CertificateSourceKind);

/// Where the client certificate of a request is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CertificateSource"))]
#[serde(rename_all = "snake_case")]
pub(crate) enum CertificateSourceKind {
    /// The request's extensions, where the program puts `ClientCertificate`.
    Connection,
    /// A header in the form of `Client-Cert` (RFC 9440). The proxy must replace it in every request.
    DangerHeader(Box<str>),
    /// A header with the percent-encoded PEM, as nginx sends it. The proxy must replace it in every
    /// request.
    DangerPemHeader(Box<str>),
}

impl ClientCertificateSource {
    /// Creates a source for the [`ClientCertificate`] in the request's extensions.
    pub fn connection() -> Self {
        Self(CertificateSourceKind::Connection)
    }

    /// Creates a source for a header in the form of `Client-Cert` (RFC 9440 section 2.2).
    ///
    /// Only behind a proxy that sets or removes the header in every request: a client that can set it
    /// claims any certificate.
    pub fn danger_header(name: impl Into<String>) -> Self {
        Self(CertificateSourceKind::DangerHeader(lower(name)))
    }

    /// Creates a source for a header with the certificate as percent-encoded PEM.
    ///
    /// nginx sends it with `proxy_set_header ssl-client-cert $ssl_client_escaped_cert`. Only behind a
    /// proxy that sets or removes the header in every request: a client that can set it claims any
    /// certificate.
    pub fn danger_pem_header(name: impl Into<String>) -> Self {
        Self(CertificateSourceKind::DangerPemHeader(lower(name)))
    }

    /// Returns the name of the header, if it is one.
    pub(crate) fn header(&self) -> Option<&str> {
        match &self.0 {
            CertificateSourceKind::Connection => None,
            CertificateSourceKind::DangerHeader(name)
            | CertificateSourceKind::DangerPemHeader(name) => Some(name),
        }
    }
}

impl From<CertificateSourceKind> for ClientCertificateSource {
    fn from(kind: CertificateSourceKind) -> Self {
        match kind {
            CertificateSourceKind::Connection => Self::connection(),
            CertificateSourceKind::DangerHeader(name) => Self::danger_header(name),
            CertificateSourceKind::DangerPemHeader(name) => Self::danger_pem_header(name),
        }
    }
}

fn lower(name: impl Into<String>) -> Box<str> {
    name.into().to_ascii_lowercase().into_boxed_str()
}
