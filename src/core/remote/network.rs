//! Private networks: hosts reached over plain http, and certificate authorities of one's own.

use crate::core::error::{Error, ensure};
use crate::core::settings::{Texts, options};
use std::{net::IpAddr, path::PathBuf, sync::Arc};
use url::{Host, Url};

options! {
    /// How servers in a private network are reached.
    NetworkOptions {
        /// Hosts that are reached over plain http, such as `keycloak`. Default: loopback only.
        danger_plain_http_hosts: Texts = Texts::default(),
        /// A file with certificates in PEM of authorities to trust in addition to the system's.
        ca_file: Option<PathBuf> = None,
        /// The same certificates as text.
        #[cfg_attr(feature = "config", serde(skip))]
        ca_pem: Vec<u8> = Vec::new(),
    }
}

impl NetworkOptions {
    /// Returns the rule for URLs.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a name that is not a host.
    pub(crate) fn urls(&self) -> Result<UrlRule, Error> {
        let Texts(hosts) = &self.danger_plain_http_hosts;
        for name in hosts {
            // Compared as URLs spell their hosts: in lower case, IPv6 in brackets.
            let is_host = Host::parse(name).is_ok_and(|host| host.to_string() == *name);
            ensure(
                is_host && !name.contains('*'),
                format!(
                    "'{name}' in danger_plain_http_hosts is not a host: give the name alone, in \
                     lower case, without scheme, port and wildcard, such as keycloak"
                ),
            )?;
        }
        Ok(UrlRule { plain_hosts: hosts.as_slice().into() })
    }

    /// Returns the certificates of the additional authorities in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file is not readable.
    pub(crate) fn authorities(&self) -> Result<Vec<u8>, Error> {
        let mut pem = self.ca_pem.clone();
        if let Some(file) = &self.ca_file {
            let content = std::fs::read(file).map_err(|error| {
                let file = file.display();
                Error::configuration(format!("the file of .ca_file(…), {file}: {error}"))
            })?;
            pem.push(b'\n');
            pem.extend(content);
        }
        Ok(pem)
    }

    /// Returns whether additional authorities are named.
    pub(crate) fn has_authorities(&self) -> bool {
        self.ca_file.is_some() || !self.ca_pem.is_empty()
    }
}

/// The methods of a builder that sets its `network`: [`NetworkOptions`].
macro_rules! network_methods {
    () => {
        /// Permits plain http to these hosts, such as `keycloak` in a compose network.
        ///
        /// An attacker on this network can replace the keys and read secrets. Hosts are compared exactly, without wildcards; ports do not matter.
        /// Default: plain http to loopback addresses only.
        pub fn danger_plain_http_hosts<S: Into<String>>(
            mut self,
            hosts: impl IntoIterator<Item = S>,
        ) -> Self {
            self.network.danger_plain_http_hosts.0.extend(hosts.into_iter().map(Into::into));
            self
        }

        /// Trusts the certificate authorities in a PEM file, in addition to the system's.
        ///
        /// `build()` reads the file. Without it, the environment variable `SSL_CERT_FILE` names a
        /// PEM file that replaces the system's authorities for the whole process, on Linux and
        /// other Unix systems except Apple's.
        pub fn ca_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
            self.network.ca_file = Some(path.into());
            self
        }

        /// Trusts the certificate authorities in a PEM text, in addition to the system's.
        pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.network.ca_pem = pem.into();
            self
        }
    };
}
pub(crate) use network_methods;

/// The rule for URLs of requests: https, or http on loopback and to named hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct UrlRule {
    plain_hosts: Arc<[String]>,
}

impl UrlRule {
    /// Parses a URL that may receive credentials.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with what to change.
    pub(crate) fn check(&self, text: &str) -> Result<Url, Error> {
        let refuse = |message: String| Err(Error::configuration(message));
        let Ok(url) = Url::parse(text) else {
            return refuse(format!("'{text}' is not a URL: use an absolute one, https://…"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("a URL must not contain a user name or password".into());
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) || self.permits_plain(&url) => Ok(url),
            "http" => refuse(format!(
                "'{text}' is plain http: use https (http is for loopback addresses only, and for \
                 the hosts of danger_plain_http_hosts)"
            )),
            _ => refuse(format!("'{text}' is not an https URL: use an absolute one, https://…")),
        }
    }

    fn permits_plain(&self, url: &Url) -> bool {
        self.plain_hosts.iter().any(|host| url.host_str() == Some(host))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// Parses a URL by the default [`UrlRule`]: https, or http on loopback.
pub(crate) fn checked_url(text: &str) -> Result<Url, Error> {
    UrlRule::default().check(text)
}
