//! JAM logins that end in sessions: through both frameworks, against the emulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/passes_on.rs"]
mod passes_on;
#[path = "../support/mod.rs"]
mod support;

mod endings;
mod logins;
mod outages;
mod renewals;
mod site;

pub(crate) const SESSION_REMOVED: &str =
    "__Host-jam_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
