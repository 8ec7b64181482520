//! TLS in front of a server, with a certificate of an authority that no system trusts.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs};

fn vector(name: &str) -> String {
    let vectors = include_str!("../vectors/tls.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    vectors[name].as_str().unwrap().to_owned()
}

/// The authority's certificate in PEM.
pub(crate) fn authority() -> String {
    vector("authority")
}

/// Serves the server at `behind` over TLS, under the names `localhost` and `127.0.0.1`.
pub(crate) async fn in_front_of(behind: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(vector("certificate").as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(vector("key").as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the authority ends the handshake.
                let mut front = acceptor.accept(stream).await.ok()?;
                let mut back = TcpStream::connect(behind).await.ok()?;
                tokio::io::copy_bidirectional(&mut front, &mut back).await.ok()
            });
        }
    });
    address
}
