//! Failures of Redis commands, as errors of this crate.

use super::url::Address;
use crate::core::{Error, ErrorKind};
use redis::{ErrorKind as Kind, RedisError, ServerErrorKind as Server};
use std::{borrow::Cow, time::Duration};

/// The reason why a command was not carried out.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The node does not know the script.
    NoScript,
    /// Another node of the cluster has the slot.
    Moved(Address),
    /// Another node is taking the slot over, and already has the keys.
    Ask(Address),
    /// The keys of one command are on two nodes at the moment.
    TryAgain,
    /// The server is gone, or no longer the one to ask.
    Gone(Error),
    /// The server answered; another would not answer differently.
    Refused(Error),
}

impl Failure {
    pub(super) fn gone(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Gone(unavailable(message))
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let redirect = |to: fn(Address) -> Self, unknown: &'static str| {
            let address = error.redirect_node().and_then(|(address, _)| Address::parse(address));
            address.map_or_else(|| Self::gone(unknown), to)
        };
        let (failure, reason): (fn(Error) -> Self, Error) = match (error.kind(), error.code()) {
            (Kind::Server(Server::NoScript), _) => return Self::NoScript,
            (Kind::Server(Server::TryAgain), _) => return Self::TryAgain,
            (Kind::Server(Server::Moved), _) => {
                return redirect(Self::Moved, "the Redis cluster does not say where a slot is");
            }
            (Kind::Server(Server::Ask), _) => {
                return redirect(Self::Ask, "the Redis cluster does not say where a slot goes");
            }
            (Kind::AuthenticationFailed | Kind::Server(Server::NoPerm), _)
            | (_, Some("WRONGPASS" | "NOAUTH")) => (
                Self::Refused,
                Error::configuration(
                    "Redis rejects the user: check its name, password and rights (all commands on the keys of the prefix, EVALSHA, EVAL, CLIENT, INFO, ROLE, MULTI, EXEC, WATCH, UNWATCH and, in a cluster, CLUSTER)",
                ),
            ),
            (Kind::InvalidClientConfig, _) => (
                Self::Refused,
                Error::configuration("Redis does not speak RESP3: version 7 or later is needed"),
            ),
            (_, Some("OOM" | "MISCONF")) => (
                Self::Refused,
                Error::new(ErrorKind::Storage, "Redis takes no writes: its memory or disk is full"),
            ),
            // Short outages that the server reports itself.
            (Kind::Server(Server::BusyLoading | Server::MasterDown), _)
            | (_, Some("BUSY" | "NOREPLICAS")) => {
                (Self::Refused, unavailable("Redis is not ready to answer"))
            }
            // No longer the primary.
            (Kind::Server(Server::ReadOnly | Server::ClusterDown), _) => (Self::Gone, read_only()),
            // Before version 7 a script's error contains the server's only as text.
            (Kind::Server(_) | Kind::Extension, _) if error.to_string().contains("READONLY") => {
                (Self::Gone, read_only())
            }
            (Kind::Server(_) | Kind::Extension, _) => (
                Self::Refused,
                Error::new(
                    ErrorKind::Storage,
                    "Redis refuses a command: something else writes under the store's prefix, or the server is too old (7 is needed)",
                ),
            ),
            _ => (Self::Gone, unavailable("the connection to Redis is broken")),
        };
        failure(reason.with_source(error))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone(error) | Failure::Refused(error) => error,
            Failure::NoScript | Failure::Moved(_) | Failure::Ask(_) | Failure::TryAgain => {
                unavailable("the Redis cluster is being rearranged")
            }
        }
    }
}

fn read_only() -> Error {
    unavailable(
        "expected a primary: this Redis server is a replica or its cluster is down, so it takes no writes and may answer with old records",
    )
}

pub(super) fn unavailable(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_retry_after(Duration::from_secs(1))
}

/// Returns the error for an answer of a shape that the script never gives.
pub(super) fn unexpected() -> Error {
    Error::new(ErrorKind::Storage, "Redis gave an answer that its scripts never give")
}
