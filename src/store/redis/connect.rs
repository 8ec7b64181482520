//! Connections to the servers of a URL.

use super::failure::{Failure, unavailable};
use super::url::{Address, Certificates, Login, Target};
use crate::core::Error;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, TlsCertificates,
};

impl Target {
    /// Checks that the certificates can be read.
    pub(super) fn check(&self) -> Result<(), Error> {
        let clients = self.addresses.iter();
        clients
            .map(|at| self.client(at, &self.login, 0))
            .try_fold((), |(), client| client.map(drop))
    }

    /// Connects to a server that keeps records. The caller sets the time limit.
    pub(super) async fn connect(
        &self,
        address: &Address,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Failure> {
        let client = self.client(address, &self.login, self.database);
        open(address, client.map_err(Failure::Refused)?, pushed).await
    }

    /// Connects to a sentinel.
    pub(super) async fn connect_sentinel(
        &self,
        address: &Address,
        login: &Login,
    ) -> Result<MultiplexedConnection, Failure> {
        let client = self.client(address, login, 0);
        open(address, client.map_err(Failure::Refused)?, |_| {}).await
    }

    fn client(&self, address: &Address, login: &Login, database: u16) -> Result<Client, Error> {
        let failed = |error: RedisError| {
            let message = "cannot connect to Redis: check the URL and the certificates";
            Error::configuration(message).with_source(error)
        };
        let (host, port) = (address.host.clone(), address.port);
        let addr = match self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let mut settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(database.into());
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password.expose());
        }
        let info = addr.into_connection_info().map_err(failed)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let info = info.set_redis_settings(settings).set_tcp_settings(tcp);
        match &self.tls {
            Some(certificates) => Client::build_with_tls(info, tls(certificates)),
            None => Client::open(info),
        }
        .map_err(failed)
    }
}

fn tls(certificates: &Certificates) -> TlsCertificates {
    // The client uses the process-wide crypto provider, and panics if several are compiled in and
    // none is installed.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails where another thread was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    TlsCertificates {
        root_cert: certificates.roots.clone(),
        client_tls: certificates.client.as_ref().map(|(chain, key)| ClientTlsConfig {
            client_cert: chain.clone(),
            client_key: key.expose().as_bytes().to_vec(),
        }),
    }
}

async fn open(
    address: &Address,
    client: Client,
    pushed: impl Fn(PushInfo) + Send + Sync + 'static,
) -> Result<MultiplexedConnection, Failure> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(move |push: PushInfo| {
            pushed(push);
            Ok::<(), SendError>(())
        });
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.map_err(|error| {
        let message = format!("Redis at {address} cannot be reached: {error}");
        match Failure::from(error) {
            Failure::Gone(error) => Failure::Gone(unavailable(message).with_source(error)),
            other => other,
        }
    })
}
