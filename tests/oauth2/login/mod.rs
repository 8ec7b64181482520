//! Logins at an OAuth2 provider through both frameworks, over real HTTP: what `OAuth2Login`
//! promises, attack 31 of `docs/attacks.md` at its handlers, and the tokens that a session keeps.

mod attacks;
mod endings;
mod example;
mod id_tokens;
mod logins;
mod logs;
mod parity;
mod renewals;
mod renewed_id_tokens;
mod site;
