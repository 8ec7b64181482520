//! Redis URLs: a server, a cluster, or sentinels.

use crate::core::{Error, Secret, ensure};
use percent_encoding::percent_decode_str;
use std::fmt;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// Parses `host:port`, `[::1]:port` or `::1:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }

    /// Parses an address of a URL: the port is optional, the host is not.
    fn of_url(text: &str, port: u16) -> Option<Self> {
        let address = match text.ends_with(']') || !text.contains(':') {
            true => Self::parse(&format!("{text}:{port}")),
            false => Self::parse(text),
        };
        address.filter(|address| !address.host.is_empty())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The kind of servers at the addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Server(Address),
    Cluster,
    Sentinel { service: String, login: Login },
}

/// A user's name and password, both optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
}

/// Certificates and keys as PEM.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) roots: Option<Vec<u8>>,
    /// The client's chain and its key.
    pub(super) client: Option<(Vec<u8>, Secret)>,
}

/// A parsed URL.
pub(super) struct Target {
    pub(super) kind: Kind,
    pub(super) addresses: Vec<Address>,
    pub(super) login: Login,
    pub(super) database: u16,
    pub(super) tls: Option<Certificates>,
}

impl Target {
    /// Parses a URL.
    ///
    /// # Errors
    /// If the URL has none of the forms. Messages quote no part of it, because it may have a
    /// password.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            wrong("a Redis URL begins with redis:// or rediss://, for example redis://127.0.0.1")
        })?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (parse_login(login)?, hosts),
            None => (Login::default(), authority),
        };
        let database = match path {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| wrong("the path of a Redis URL is the number of a database"))?,
        };
        let (base, form) = scheme.split_once('-').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => None,
            "rediss" => Some(Certificates::default()),
            _ => return Err(wrong("the scheme of a Redis URL is redis, or rediss for TLS")),
        };
        let query = parse_query(query)?;
        let port = if form == "sentinel" { SENTINEL_PORT } else { PORT };
        let addresses: Option<Vec<_>> =
            hosts.split(',').map(|host| Address::of_url(host, port)).collect();
        let addresses =
            addresses.ok_or_else(|| wrong("a Redis URL names a host, as host or as host:port"))?;
        let kind = match (form, addresses.as_slice()) {
            ("", [address]) => Ok(Kind::Server(address.clone())),
            ("", _) => Err(wrong(
                "a Redis URL with several hosts begins with redis-cluster or redis-sentinel",
            )),
            ("cluster", _) => ensure(database == 0, "a Redis cluster has no numbered databases")
                .map(|()| Kind::Cluster),
            ("sentinel", _) => sentinel(&query),
            _ => Err(wrong(
                "the scheme of a Redis URL ends with -cluster, with -sentinel, or with neither",
            )),
        }?;
        ensure(form == "sentinel" || query.is_empty(), "only a redis-sentinel:// URL has a query")?;
        Ok(Self { kind, addresses, login, database, tls })
    }

    /// Sets the certificates.
    ///
    /// # Errors
    /// If there are certificates, but the URL does not use TLS.
    pub(super) fn with_certificates(mut self, given: Certificates) -> Result<Self, Error> {
        match &mut self.tls {
            Some(certificates) => *certificates = given,
            None if given.roots.is_some() || given.client.is_some() => {
                return Err(wrong("certificates for Redis need a URL that begins with rediss"));
            }
            None => {}
        }
        Ok(self)
    }
}

fn wrong(message: &'static str) -> Error {
    Error::configuration(message)
}

fn decode(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|_| wrong("a name or password in a Redis URL is percent-encoded UTF-8"))
}

fn parse_login(text: &str) -> Result<Login, Error> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    Ok(Login {
        user: match user {
            "" => None,
            user => Some(decode(user)?),
        },
        password: password.map(decode).transpose()?.map(Secret::new),
    })
}

fn parse_query(text: &str) -> Result<Vec<(&str, String)>, Error> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((name, decode(value)?))
        })
        .collect()
}

fn sentinel(query: &[(&str, String)]) -> Result<Kind, Error> {
    let mut name = None;
    let mut login = Login::default();
    for (key, value) in query {
        match *key {
            "service" => name = Some(value.clone()),
            "sentinel_user" => login.user = Some(value.clone()),
            "sentinel_password" => login.password = Some(Secret::new(value.clone())),
            _ => {
                return Err(wrong(
                    "a redis-sentinel:// URL accepts service, sentinel_user and sentinel_password",
                ));
            }
        }
    }
    match name.filter(|name| !name.is_empty()) {
        Some(service) => Ok(Kind::Sentinel { service, login }),
        None => Err(wrong("a redis-sentinel:// URL needs the service's name: ?service=mymaster")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn addresses(url: &str) -> Vec<String> {
        let target = Target::parse(url).unwrap();
        target.addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_form_is_parsed() {
        assert_eq!(addresses("redis://host"), ["host:6379"]);
        assert_eq!(addresses("redis://[::1]:7000/2"), ["::1:7000"]);
        assert_eq!(addresses("redis://[::1]"), ["::1:6379"]);
        assert_eq!(addresses("redis-cluster://a:1,b"), ["a:1", "b:6379"]);
        let target = Target::parse("rediss://us%40er:p%3Aa%2Fs@host:1/15").unwrap();
        assert_eq!(target.login.user.as_deref(), Some("us@er"));
        assert_eq!(target.login.password, Some(Secret::new("p:a/s")));
        assert_eq!(target.database, 15);
        assert!(target.tls.is_some());
        let target = Target::parse("redis://:only@host").unwrap();
        assert_eq!((target.login.user, target.tls.is_none()), (None, true));
        let url = "redis-sentinel://u:p@a,b:1/3?service=my%20app&sentinel_password=x";
        let target = Target::parse(url).unwrap();
        assert_eq!(addresses(url), ["a:26379", "b:1"]);
        let Kind::Sentinel { service, login } = target.kind else { unreachable!() };
        assert_eq!(service, "my app");
        assert_eq!(login.password, Some(Secret::new("x")));
    }

    #[test]
    fn invalid_urls_are_rejected_without_showing_the_password() {
        for url in [
            "",
            "secret",
            "http://secret@host",
            "redis-other://secret@host",
            "redis://secret@",
            "redis://secret@host:port",
            "redis://secret@host:99999",
            "redis://secret@host/db",
            "redis://secret@host?service=x",
            "redis://secret@a,b",
            "redis://secret%ff@host",
            "redis-cluster://secret@host/1",
            "redis-cluster://secret@host,",
            "redis-sentinel://secret@host",
            "redis-sentinel://secret@host?service=",
            "redis-sentinel://secret@host?service=x&secret=y",
        ] {
            let Err(error) = Target::parse(url) else { unreachable!("{url}") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn certificates_need_tls() {
        let roots = || Certificates { roots: Some(vec![]), client: None };
        let plain = Target::parse("redis://host").unwrap();
        assert!(plain.with_certificates(roots()).is_err());
        let tls = Target::parse("rediss://host").unwrap();
        assert!(tls.with_certificates(roots()).is_ok());
    }
}
