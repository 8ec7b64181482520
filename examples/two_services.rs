//! Two services: one issues tokens and publishes its keys, the other discovers them by URL.
//!
//! Both run here, over loopback, and then exit.
//!
//! ```sh
//! cargo run --example two_services --features axum,client
//! ```

use axum::extract::State;
use axum::routing::{get, get_service};
use axum::{Json, Router};
use jamguard::jose::Algorithm;
use jamguard::{Authenticator, Claims, Issuer, KeyRing, Verifier};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize, Serialize)]
struct User {
    sub: String,
    email: String,
}

/// Issues a token at the accounts service; a real one authenticates the user first.
async fn token(State(issuer): State<Issuer>) -> Result<String, String> {
    let ann = User { sub: "42".into(), email: "ann@example.com".into() };
    let token = issuer.issue(&ann).await.map_err(|e| e.to_string())?;
    Ok(token.expose().to_owned())
}

fn accounts(issuer: Issuer) -> Result<Router, Failure> {
    let keys = issuer.jwks_endpoint()?;
    let metadata = issuer.metadata_endpoint()?;
    Ok(Router::new()
        .route("/token", get(token))
        .route("/.well-known/jwks.json", get_service(keys))
        .route("/.well-known/openid-configuration", get_service(metadata))
        .with_state(issuer))
}

/// Returns the user at the orders service, which verifies tokens.
async fn me(user: Claims<User>) -> Json<String> {
    Json(format!("{} is {}", user.sub, user.email))
}

fn orders(issuer: &str) -> Result<Router, Failure> {
    let verifier = Verifier::builder()
        .discover(issuer)
        .algorithms([Algorithm::ES512])
        .audience("orders")
        .build()?;
    let auth = Authenticator::builder().verifier(verifier).build()?;
    Ok(Router::new().route("/me", get(me)).layer(auth.layer()))
}

/// Binds a free loopback port and returns its URL.
async fn listen() -> Result<(TcpListener, String), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

fn serve(listener: TcpListener, service: Router) {
    tokio::spawn(async move { axum::serve(listener, service).await });
}

async fn run() -> Result<(), Failure> {
    let (listener, accounts_url) = listen().await?;
    let ring = KeyRing::builder(Algorithm::ES512)
        .rotate_every(Duration::from_secs(30 * 24 * 3600))
        .build()?;
    let issuer = Issuer::builder()
        .key_ring(ring.clone())
        .issuer(&accounts_url)
        .audience("orders")
        .build()?;
    serve(listener, accounts(issuer)?);
    println!("accounts issues tokens and publishes keys at {accounts_url}");

    let (listener, orders_url) = listen().await?;
    serve(listener, orders(&accounts_url)?);
    println!("orders verifies tokens at {orders_url}");

    let client = reqwest::Client::new();
    let token = async || -> Result<String, Failure> {
        let answer = client.get(format!("{accounts_url}/token")).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    };
    let ask = async |token: &str| -> Result<(u16, String), Failure> {
        let request = client.get(format!("{orders_url}/me")).bearer_auth(token);
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };

    let first = token().await?;
    let (status, body) = ask(&first).await?;
    println!("a token from accounts, at orders: {status} {body}");
    expect(status, 200)?;

    let kid = ring.rotate_now().await?;
    let second = token().await?;
    println!("accounts now signs with a new key, {kid}");
    for (token, which) in [(&second, "new"), (&first, "old")] {
        let (status, _) = ask(token).await?;
        println!("a token signed with the {which} key, at orders: {status}");
        expect(status, 200)?;
    }

    let mut forged = second.clone().into_bytes();
    let middle = second.rfind('.').unwrap_or_default() + 20;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let (status, _) = ask(&String::from_utf8(forged)?).await?;
    println!("a forged token, at orders: {status}");
    expect(status, 401)?;
    println!("done");
    Ok(())
}

fn expect(status: u16, wanted: u16) -> Result<(), Failure> {
    match status == wanted {
        true => Ok(()),
        false => Err(format!("{status} instead of {wanted}").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("two_services: {error}");
            ExitCode::FAILURE
        }
    }
}
