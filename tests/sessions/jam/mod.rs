//! JAM logins that end in sessions: through both frameworks, against the emulator.

mod endings;
mod logins;
mod outages;
mod renewals;
mod site;

pub(crate) const SESSION_REMOVED: &str =
    "__Host-jam_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
