//! Queries sentinels for the primary of a service.

use super::failure::Failure;
use super::server::{self, Connected};
use super::url::{Address, Login, Target};
use redis::PushInfo;
use redis::aio::MultiplexedConnection;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Connects to the primary that sentinels name.
///
/// All are asked at once; the first named server that is a primary by its own account decides.
pub(super) async fn connect(
    target: &Arc<Target>,
    service: &str,
    login: &Login,
    pushed: impl Fn(PushInfo) + Clone + Send + Sync + 'static,
) -> Result<Connected, Failure> {
    let mut asked = JoinSet::new();
    for sentinel in target.addresses.clone() {
        let (target, pushed) = (target.clone(), pushed.clone());
        let (service, login) = (service.to_owned(), login.clone());
        asked.spawn(async move {
            let mut sentinel = target.connect_sentinel(&sentinel, &login).await?;
            let address = primary_of(&mut sentinel, &service).await?;
            server::connect_primary(&target, address, pushed).await
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

/// Returns the primary that one sentinel names.
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
