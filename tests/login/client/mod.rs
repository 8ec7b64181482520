//! `JamClient`: every REST operation and every kind of failure.

mod addresses;
mod failures;
mod operations;
mod server;

use jamguard::{Error, ErrorKind, JamClient};
use std::fmt::Debug;
use std::time::Duration;

const APP: &str = "dcd6555e-edff-4f3d-83c9-3af79ea8f895";
const ANN: &str = "ann@example.com";

fn client(base_url: &str) -> JamClient {
    JamClient::builder(APP).base_url(base_url).timeout(Duration::from_secs(20)).build().unwrap()
}

fn kind<T: Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}
