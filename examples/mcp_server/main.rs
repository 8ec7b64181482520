//! An MCP server with the official Rust SDK (rmcp) that OAuth clients find and log in to.
//!
//! ```sh
//! cargo run --example mcp_server --features axum,oauth2
//! ```
//!
//! Add `http://127.0.0.1:3000/mcp` to an MCP client: it is sent to the authorization server, gets a
//! token, and can call `read_notes`. The tool `add_note` needs another scope, for which the client
//! asks when it first calls the tool.
//!
//! Environment variables: `PORT` (default: 3000), and `ISSUER`, the issuer of an authorization server
//! (default: one is started in this process, which approves every request). It must issue JWTs for the
//! resource `http://127.0.0.1:PORT/mcp` (RFC 8707), know the scopes `notes.read` and `notes.write`, and
//! let clients register (RFC 7591).

mod authorization_server;
mod notes;

use authorization_server::AuthorizationServer;
use axum::Router;
use jamguard::jose::Algorithm;
use jamguard::policy::{ClaimPaths, scope};
use jamguard::{Authenticator, Error, McpGuard, ProtectedResource, Verifier};
use std::process::ExitCode;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error>;

/// The algorithms with which authorization servers usually sign access tokens.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// The MCP server at `{site}/mcp`, for tokens of this issuer.
pub(crate) fn app(site: &str, issuer: &str) -> Result<Router, Error> {
    let resource = ProtectedResource::builder(format!("{site}/mcp"))
        .authorization_server(issuer)
        .scopes(["notes.read", "notes.write"])
        .build()?;
    let verifier = Verifier::builder().discover(issuer).algorithms(ALGORITHMS);
    let auth = Authenticator::builder()
        .verifier(verifier.protected_resource(&resource).build()?)
        .protected_resource(&resource)
        .claim_paths(ClaimPaths::default().scope_implies("notes.write", ["notes.read"]))
        .build()?;
    let guard = McpGuard::builder(&auth)
        .tool("read_notes", scope("notes.read"))
        .tool("add_note", scope("notes.write"))
        .build()?;
    let mcp = Router::new().nest_service("/mcp", notes::service());
    Ok(mcp.layer(guard).merge(resource.metadata_routes()))
}

async fn listen(port: u16) -> Result<(TcpListener, String), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("cannot listen on port {port} of 127.0.0.1: {error}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// Starts an authorization server for the tokens of this site; returns its issuer.
pub(crate) async fn start_authorization_server(site: &str) -> Result<String, Failure> {
    let (listener, issuer) = listen(0).await?;
    let server = AuthorizationServer::new(&issuer, &format!("{site}/mcp"))?.app()?;
    tokio::spawn(async move { axum::serve(listener, server).await });
    Ok(issuer)
}

async fn run() -> Result<(), Failure> {
    let port = match std::env::var("PORT") {
        Ok(text) => text.parse().map_err(|_| format!("PORT must be a port, not '{text}'"))?,
        Err(_) => 3000,
    };
    let (listener, site) = listen(port).await?;
    let issuer = match std::env::var("ISSUER") {
        Ok(issuer) => issuer,
        Err(_) => start_authorization_server(&site).await?,
    };
    let app = app(&site, &issuer)?;
    println!("the authorization server: {issuer}");
    println!("the MCP server:           {site}/mcp");
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp_server: {error}");
            ExitCode::FAILURE
        }
    }
}
