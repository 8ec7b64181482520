//! Asks sentinels for the primary of a service.

use super::failure::Failure;
use super::url::{Address, Login, Target};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, Value};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The primary.
pub(super) struct Primary {
    pub(super) address: Address,
    pub(super) connection: MultiplexedConnection,
}

/// Asks all sentinels at once; the first one that names a server which says of itself that it is
/// the primary decides.
pub(super) async fn connect(
    target: &Arc<Target>,
    service: &str,
    login: &Login,
    pushed: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
) -> Result<Primary, Failure> {
    let mut asked = JoinSet::new();
    for sentinel in target.addresses.clone() {
        let (target, pushed) = (target.clone(), pushed.clone());
        let (service, login) = (service.to_owned(), login.clone());
        asked.spawn(async move {
            let mut sentinel = target.connect_sentinel(&sentinel, &login).await?;
            let address = primary_of(&mut sentinel, &service).await?;
            check(&target, address, pushed).await
        });
    }
    let mut failure = Failure::gone("no sentinel answers");
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(failed)) => failure = failed,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// What one sentinel says.
pub(super) async fn primary_of(
    sentinel: &mut MultiplexedConnection,
    service: &str,
) -> Result<Address, Failure> {
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let answer: Option<(String, u16)> = ask.query_async(sentinel).await?;
    match answer {
        Some((host, port)) => Ok(Address { host, port }),
        None => Err(Failure::gone("the sentinels do not know the service")),
    }
}

/// Connects to a server that says of itself that it is a primary.
pub(super) async fn check(
    target: &Target,
    address: Address,
    pushed: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<Primary, Failure> {
    let mut connection = target.connect(&address, pushed).await?;
    let role: Value = redis::cmd("ROLE").query_async(&mut connection).await?;
    match role {
        Value::Array(role) if role.first() == Some(&Value::BulkString(b"master".to_vec())) => {
            Ok(Primary {
                address,
                connection,
            })
        }
        _ => Err(Failure::gone(
            "the server that a sentinel names is no primary yet",
        )),
    }
}
