//! Reads what a request presents beside a bound token: its DPoP proof, its URL, its certificate.

use super::attached::ResponseHeader;
use super::credentials::{Head, HeaderKey, Only, RoutedHead};
use crate::authenticator::certificates::{
    CertificateSourceKind, ClientCertificate, ClientCertificateSource,
};
use crate::authenticator::handle::Authenticator;
use crate::authenticator::possession::{Possession, Presented};
use crate::authenticator::sources::{CredentialSource, SourceKind};
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{Error, ErrorKind};
use crate::jose::encoding;
use crate::token::dpop::{Dpop, Target, invalid};
use crate::token::{verified::Verified, verifier::Verification};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// A token whose binding is proven, and the nonce of the client's next DPoP proof.
pub(super) type Proven = (Verified, Option<ResponseHeader>);

impl Possession {
    /// Whether a token of this source is accepted without a proof.
    pub(super) fn is_bearer(&self, source: &CredentialSource, token: &Verified) -> bool {
        let is_bound = source.0 == SourceKind::Dpop || token.confirmation().is_some();
        !is_bound && !self.is_proof_required()
    }
}

impl Authenticator {
    /// Verifies that the sender holds what the verified token is bound to.
    pub(super) fn prove(
        &self,
        head: &impl RoutedHead,
        source: &CredentialSource,
        verification: Verification,
    ) -> NowOrLater<Result<Proven, Error>> {
        let possession = match &verification {
            Now(Err(_)) => None,
            _ => self.0.possession.as_ref(),
        };
        let Some(possession) = possession else {
            return verification.map(|answer| answer.map(|token| (token, None)));
        };
        let presented = Presented::of(head, source.0 == SourceKind::Dpop, possession);
        verification.and_then(possession, |possession, token| {
            let possession = possession.clone();
            NowOrLater::later(async move {
                let nonce = possession.check(presented, &token).await?;
                let header = nonce.map(|value| ResponseHeader { name: "dpop-nonce", value });
                Ok((token, header))
            })
        })
    }
}

impl Presented {
    fn of(head: &impl RoutedHead, is_dpop: bool, possession: &Possession) -> Self {
        let certificate = match &possession.certificates {
            Some(source) => certificate(head, source),
            None => Ok(None),
        };
        let dpop = possession.dpop.as_ref().filter(|_| is_dpop);
        Self {
            is_dpop,
            proof: proof(head),
            method: head.method().to_owned(),
            urls: dpop.map_or_else(|| Ok(Vec::new()), |dpop| urls(head, dpop)),
            certificate,
        }
    }
}

/// Returns the only value of a header, as text.
fn only<'a>(head: &'a impl Head, name: &'static str) -> Result<Option<&'a str>, Error> {
    match head.only(HeaderKey::Named(name)) {
        Only::Nothing => Ok(None),
        Only::One(value) => match std::str::from_utf8(value) {
            Ok(value) => Ok(Some(value.trim())),
            Err(_) => Err(invalid(format!("the header {name} is not text"))),
        },
        Only::Several => Err(invalid(format!("more than one header {name}: send only one"))),
    }
}

fn proof(head: &impl Head) -> Result<String, Error> {
    let proof = only(head, "dpop")?;
    proof.map(str::to_owned).ok_or_else(|| {
        invalid("a token with the scheme DPoP needs a proof in the header DPoP (RFC 9449)")
    })
}

/// Returns the public URLs of the request, at which the outermost router received it.
///
/// # Errors
/// [`ErrorKind::Configuration`] if the proxy did not send the public origin.
fn urls(head: &impl RoutedHead, dpop: &Dpop) -> Result<Vec<Target>, Error> {
    let path = head.original_path().unwrap_or(head.path());
    let configured = dpop.public_urls();
    if !configured.is_empty() {
        return Ok(configured.iter().filter_map(|url| below(url, path)).collect());
    }
    let header = |name| only(head, name).ok().flatten();
    let forwarded = header("x-forwarded-proto").zip(header("x-forwarded-host"));
    let origin = forwarded.and_then(|(scheme, host)| {
        let is_origin = !host.contains(['/', '?', '#']);
        is_origin.then(|| Target::parse(&format!("{scheme}://{host}")))?
    });
    let origin = origin.ok_or_else(|| {
        Error::configuration(
            "the public URL of the request is unknown, so its DPoP proof cannot be checked: let the \
             proxy set X-Forwarded-Proto and X-Forwarded-Host, each once and with one value, or call \
             .public_url(…)",
        )
    })?;
    Ok(below(&origin, path).into_iter().collect())
}

/// Returns the URL of a path below a public URL.
fn below(url: &Target, path: &str) -> Option<Target> {
    let path = path.strip_prefix('/')?;
    Target::parse(&format!("{}/{path}", url.as_str().trim_end_matches('/')))
}

/// Returns the certificate of the request, if it has one.
fn certificate(
    head: &impl RoutedHead,
    source: &ClientCertificateSource,
) -> Result<Option<ClientCertificate>, Error> {
    let Some(name) = source.header() else {
        return Ok(head.client_certificate());
    };
    let wrong = || {
        let message = format!("the header {name} has no client certificate in the expected form");
        Error::new(ErrorKind::InvalidRequest, message)
    };
    let value = match head.only(HeaderKey::Named(name)) {
        Only::Nothing => return Ok(None),
        Only::One(value) => std::str::from_utf8(value).map_err(|_| wrong())?.trim(),
        Only::Several => return Err(wrong()),
    };
    let der = match &source.0 {
        // nginx sends an empty header for a connection without a certificate.
        _ if value.is_empty() => return Ok(None),
        CertificateSourceKind::DangerPemHeader(_) => {
            let pem = percent_decode_str(value).decode_utf8().map_err(|_| wrong())?;
            encoding::pem_block(&pem, &["CERTIFICATE"]).map_err(|_| wrong())?.to_vec()
        }
        // A byte sequence of RFC 8941: base64 between colons.
        _ => {
            let base64 = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
            STANDARD.decode(base64.ok_or_else(wrong)?).map_err(|_| wrong())?
        }
    };
    Ok(Some(ClientCertificate::from_der(der)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_to_the_public_url() {
        for (base, path, expected) in [
            ("https://a.example", "/b", Some("https://a.example/b")),
            ("https://a.example", "/", Some("https://a.example/")),
            ("https://a.example/api/", "/b", Some("https://a.example/api/b")),
            ("https://a.example/api", "/b/", Some("https://a.example/api/b/")),
            ("https://a.example", "*", None),
        ] {
            let joined = Target::parse(base).and_then(|base| below(&base, path));
            assert_eq!(joined.as_ref().map(Target::as_str), expected, "{base} {path}");
        }
    }
}
