//! Document fetching: the `Fetch` trait and the built-in HTTP client.

use crate::core::http::{HttpClient, HttpRequest, checked_url};
use crate::core::{Error, ErrorKind};
use std::{future::Future, pin::Pin, time::Duration};

/// An upper bound; key sets and discovery documents are far smaller.
const MAX_BODY: usize = 1024 * 1024;

/// A fetched document.
///
/// # Example
/// ```
/// use jamguard::jwks::FetchedDocument;
/// let fetched = FetchedDocument::new(br#"{"keys":[]}"#.to_vec());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct FetchedDocument {
    /// The document's bytes.
    pub body: Vec<u8>,
    /// Lifetime that the issuer states, if any.
    pub max_age: Option<Duration>,
}

impl FetchedDocument {
    /// Creates a document without a stated lifetime.
    pub fn new(body: Vec<u8>) -> Self {
        Self { body, max_age: None }
    }

    /// Sets the stated lifetime.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    pub(crate) fn into_text(self) -> Result<String, Error> {
        String::from_utf8(self.body)
            .map_err(|_| Error::new(ErrorKind::UnexpectedBody, "the answer is not UTF-8"))
    }
}

/// A fetcher of documents that replaces the built-in HTTP client.
///
/// Use it to fetch through a proxy, from a file or with a client certificate. The caller adds
/// deadlines, single flight, back-off and caching.
///
/// # Example
/// ```
/// use jamguard::{Error, ErrorKind, jwks::{Fetch, FetchedDocument}};
/// use std::{future::Future, pin::Pin};
///
/// struct Mounted;
///
/// impl Fetch for Mounted {
///     fn fetch<'a>(&'a self, _url: &'a str)
///         -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>>
///     {
///         Box::pin(async {
///             std::fs::read("/etc/keys/jwks.json")
///                 .map(FetchedDocument::new)
///                 .map_err(|_| Error::new(ErrorKind::Connection, "the key file is not readable"))
///         })
///     }
/// }
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Fetches the document at `url`.
    ///
    /// # Errors
    /// Any error is treated as a failed fetch; its message is logged.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>>;
}

impl<F: Fetch + ?Sized> Fetch for std::sync::Arc<F> {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        (**self).fetch(url)
    }
}

/// The built-in fetcher over HTTP.
pub(crate) struct HttpFetch(pub(crate) HttpClient);

impl Fetch for HttpFetch {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async move {
            let url = checked_url(url)?;
            let answer = self.0.send(HttpRequest::get(url, MAX_BODY)).await?;
            if answer.status != 200 {
                let message = format!("the issuer answered {}", answer.status);
                return Err(Error::new(ErrorKind::UnexpectedStatus, message));
            }
            let mut body = answer.body.ok_or_else(|| {
                Error::new(ErrorKind::UnexpectedBody, "the issuer's answer is longer than 1 MiB")
            })?;
            Ok(FetchedDocument { body: std::mem::take(&mut *body), max_age: answer.max_age })
        })
    }
}
