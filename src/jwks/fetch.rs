//! Document fetching: the `Fetch` trait and the built-in HTTP client.

use crate::core::http::{HttpClient, HttpRequest, shown_url};
use crate::core::network::{NetworkOptions, UrlRule};
use crate::core::{Error, ErrorKind, ensure};
use std::path::{Path, PathBuf};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use zeroize::Zeroizing;

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

impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        (**self).fetch(url)
    }
}

/// The built-in fetcher over HTTP.
struct HttpFetch {
    client: HttpClient,
    /// A file with a bearer token, which is read for each request because it may be rotated.
    token_file: Option<PathBuf>,
}

impl Fetch for HttpFetch {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, Error>> + Send + 'a>> {
        Box::pin(async move {
            let url = self.client.urls().check(url)?;
            let mut request = HttpRequest::get(url, MAX_BODY);
            if let Some(file) = &self.token_file {
                request = request.bearer(&token_in(file)?);
            }
            let answer = self.client.send(request).await?;
            if answer.status != 200 {
                let kind = match answer.status {
                    // Storage services answer 403 for unknown names.
                    403 | 404 | 410 => ErrorKind::NotFound,
                    _ => ErrorKind::UnexpectedStatus,
                };
                return Err(Error::new(kind, format!("the issuer answered {}", answer.status)));
            }
            let mut body = answer.body.ok_or_else(|| {
                Error::new(ErrorKind::UnexpectedBody, "the issuer's answer is longer than 1 MiB")
            })?;
            Ok(FetchedDocument { body: std::mem::take(&mut *body), max_age: answer.max_age })
        })
    }
}

/// Reads a bearer token.
fn token_in(file: &Path) -> Result<Zeroizing<String>, Error> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        let file = file.display();
        Error::new(ErrorKind::Connection, format!("the file of the bearer token, {file}: {error}"))
    })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// A fetcher, and the rule for the URLs that it gets.
#[derive(Clone)]
pub(crate) struct Fetcher {
    fetch: Arc<dyn Fetch>,
    urls: UrlRule,
}

impl Fetcher {
    /// Returns the application's own fetcher, or else the built-in HTTP client.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for a network that cannot work.
    pub(crate) fn of(
        custom: Option<Arc<dyn Fetch>>,
        timeout: Duration,
        network: &NetworkOptions,
    ) -> Result<Self, Error> {
        let Some(fetch) = custom else {
            return Ok(HttpClient::new(timeout, network)?.into());
        };
        ensure(
            !network.has_authorities(),
            "a custom fetcher makes its own connections: remove ca_file and ca_pem, or \
             .fetcher(…)",
        )?;
        Ok(Self { fetch, urls: network.urls()? })
    }

    /// Returns the built-in HTTP client, which sends the bearer token in a file.
    pub(crate) fn with_token_file(
        token_file: PathBuf,
        timeout: Duration,
        network: &NetworkOptions,
    ) -> Result<Self, Error> {
        let client = HttpClient::new(timeout, network)?;
        let urls = client.urls().clone();
        Ok(Self { fetch: Arc::new(HttpFetch { client, token_file: Some(token_file) }), urls })
    }

    pub(crate) fn urls(&self) -> &UrlRule {
        &self.urls
    }

    /// Fetches the document at `url`, which passed the rule. Errors begin with the URL.
    pub(crate) async fn get(&self, url: &str) -> Result<FetchedDocument, Error> {
        self.fetch.fetch(url).await.map_err(|error| at(url, error))
    }
}

impl From<HttpClient> for Fetcher {
    fn from(client: HttpClient) -> Self {
        let urls = client.urls().clone();
        Self { fetch: Arc::new(HttpFetch { client, token_file: None }), urls }
    }
}

/// Prefixes the error message with the URL.
pub(super) fn at(url: &str, error: Error) -> Error {
    error.map_message(|message| format!("{}: {message}", shown_url(url)))
}
