//! Service-to-service calls with client-credentials tokens.
//!
//! A hundred concurrent calls share one token, which is cached until shortly before it expires. The
//! provider, the called service and the calling service all run here, over loopback, and then exit.
//!
//! ```sh
//! cargo run --example outgoing_calls --features axum,oauth2
//! ```

mod provider;

use axum::Router;
use axum::routing::get;
use jamguard::oauth2::{OAuth2Client, Provider, TokenSource};
use jamguard::policy::scope;
use jamguard::{Authenticator, Error, Identity};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error>;

/// Handles a request at the called service.
async fn orders(caller: Identity) -> String {
    format!("3 orders for {}", caller.subject().unwrap_or_default())
}

fn called(issuer: &str) -> Result<Router, Error> {
    let verifier = provider::access_tokens(issuer)?;
    let auth = Authenticator::builder().verifier(verifier).build()?;
    let guard = auth.require(scope("orders.read"));
    Ok(Router::new().route("/orders", get(orders).route_layer(guard)).layer(auth.layer()))
}

/// Calls the other service; replaces a rejected token once.
async fn call(
    http: &reqwest::Client,
    url: &str,
    tokens: &TokenSource,
) -> Result<(u16, String), Failure> {
    let ask = async |token: &str| http.get(url).bearer_auth(token).send().await;
    let token = tokens.token().await?;
    let mut answer = ask(token.expose()).await?;
    if answer.status() == 401 {
        tokens.forget(&token);
        answer = ask(tokens.token().await?.expose()).await?;
    }
    Ok((answer.status().as_u16(), answer.text().await?))
}

async fn serve(app: impl FnOnce(&str) -> Result<Router, Error>) -> Result<String, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = app(&url)?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

async fn run() -> Result<(), Failure> {
    let mut started = None;
    let issuer = serve(|url| {
        let provider = provider::Provider::new(url, "https://unused.example/")?;
        started.insert(provider).app()
    })
    .await?;
    let provider = started.ok_or("no provider")?;
    let orders = format!("{}/orders", serve(|_| called(&issuer)).await?);

    let client = OAuth2Client::builder(Provider::discover("local", &*issuer), provider::CLIENT_ID)
        .secret(provider::CLIENT_SECRET)
        .build()?;
    let tokens = client.token_source().scopes(["orders.read"]).build()?;

    let http = reqwest::Client::new();
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (http, orders, tokens) = (http.clone(), orders.clone(), tokens.clone());
        calls.spawn(async move { call(&http, &orders, &tokens).await.map_err(|e| e.to_string()) });
    }
    let mut answered = 0;
    while let Some(answer) = calls.join_next().await {
        let (status, body) = answer??;
        if (status, &*body) == (200, "3 orders for example") {
            answered += 1;
        }
    }
    println!("{answered} of 100 calls answered with {} token request", provider.token_requests());

    tokens.forget(&tokens.token().await?);
    let (status, body) = call(&http, &orders, &tokens).await?;
    println!(
        "after a rejected token: {status} {body}, {} token requests",
        provider.token_requests()
    );

    let others = client.token_source().scopes(["orders.write"]).build()?;
    let (status, _) = call(&http, &orders, &others).await?;
    println!("with a token for another scope: {status}");
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("outgoing_calls: {error}");
            ExitCode::FAILURE
        }
    }
}
