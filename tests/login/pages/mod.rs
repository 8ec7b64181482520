//! The login round trip's last steps, logging out, and silent refresh, in both frameworks.

mod logout;
mod redirect;
mod refresh;

use crate::support::{Response, Servers, Site, World};
use jamguard::{AuthenticatorBuilder, JamLogin};

const ID: &str = "__Host-jam_id";
const REFRESH: &str = "__Host-jam_refresh";
const ID_REMOVED: &str = "__Host-jam_id=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
const REFRESH_REMOVED: &str =
    "__Host-jam_refresh=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";

/// `Set-Cookie` of a login.
fn kept(name: &str, token: &str) -> String {
    format!("{name}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000")
}

/// A site with logins into cookies.
async fn start(
    world: &World,
    change: impl FnOnce(AuthenticatorBuilder) -> AuthenticatorBuilder,
) -> Servers {
    let auth = change(world.auth()).build().unwrap();
    let login = JamLogin::builder(&auth, world.client()).home("/welcome").build().unwrap();
    Servers::start(Site::new(auth).login(login)).await
}

async fn with_silent_refresh(world: &World) -> Servers {
    start(world, |auth| auth.silent_refresh(world.client())).await
}

/// Neither the answer nor where it leads to shows a token to anybody else.
fn is_private(answer: &Response) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}
