//! Identifies the server at the other end of a connection.

use super::failure::Failure;
use super::url::{Address, Target};
use crate::core::ErrorKind;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, Value};

/// A server process at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) address: Address,
    /// The id that Redis gives each process at its start; `None` if the user may not ask for it.
    pub(super) run_id: Option<String>,
}

/// A connection and the server at its other end.
pub(super) struct Connected {
    pub(super) server: Server,
    pub(super) connection: MultiplexedConnection,
}

/// Connects to a node of a cluster, primary or replica.
pub(super) async fn connect_node(
    target: &Target,
    address: Address,
    pushed: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<Connected, Failure> {
    let connection = target.connect(&address, pushed).await?;
    let run_id = if_allowed(run_id(connection.clone()).await)?;
    Ok(Connected { server: Server { address, run_id }, connection })
}

/// Connects to a primary.
pub(super) async fn connect_primary(
    target: &Target,
    address: Address,
    pushed: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<Connected, Failure> {
    let connected = connect_node(target, address, pushed).await?;
    let mut connection = connected.connection.clone();
    let role = redis::cmd("ROLE").query_async(&mut connection).await;
    if let Some(role) = if_allowed(role.map_err(Failure::from))? {
        expect_primary(&role)?;
    }
    Ok(connected)
}

/// Returns the id of the process at the other end of this connection.
pub(super) async fn run_id(mut connection: MultiplexedConnection) -> Result<String, Failure> {
    let mut ask = redis::cmd("INFO");
    let info: String = ask.arg("server").query_async(&mut connection).await?;
    run_id_in(&info)
}

/// Parses the id in an answer to `INFO server`.
pub(super) fn run_id_in(info: &str) -> Result<String, Failure> {
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    id.map(|id| id.trim().to_owned())
        .ok_or_else(|| Failure::gone("expected a run_id in Redis's INFO, there is none"))
}

/// Checks that an answer to `ROLE` is from a primary.
pub(super) fn expect_primary(role: &Value) -> Result<(), Failure> {
    match role {
        Value::Array(role) if role.first() == Some(&Value::BulkString(b"master".to_vec())) => {
            Ok(())
        }
        _ => Err(Failure::gone("expected a primary, the server that answers is a replica")),
    }
}

/// Returns `None` for a command that the user may not run: it does not rule the server out.
fn if_allowed<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure::Refused(error)) if error.kind() != ErrorKind::Unavailable => Ok(None),
        Err(failure) => Err(failure),
    }
}
