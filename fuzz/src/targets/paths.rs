//! The path of a request, before applications with the real routers of axum and actix-web.
//!
//! Oracle: no handler is reached unless the rule of its route was asked. Tables and applications are those
//! of the test `policies guards::generated`, drawn from the first two bytes.

use crate::Verdict;
use std::mem::ManuallyDrop;

#[path = "../../../tests/policies/guards/generated/mod.rs"]
#[allow(dead_code, unused_imports)]
mod generated;

pub const WORDS: &[&str] = &[
    "/admin",
    "/assets",
    "/kiosk",
    "/s",
    "/caf%C3%A9",
    "/a+b",
    "/k1",
    "%E2%84%AA",
    "%C5%BF",
    "%C3%89",
    ";x",
    "%3B",
    "//",
    "/.",
    "/..",
    "/%2e%2E",
    "%2F",
    "%25",
    "%2B",
    "%00",
    "%",
    "?",
    "\\",
    "/",
];

pub fn run(data: &[u8]) -> Verdict {
    use generated::{Random, Reached, Sender, World};
    thread_local! {
        /// Never dropped: actix-web uses other values of the thread when it is.
        static SENDER: ManuallyDrop<Sender> = ManuallyDrop::new(Sender::new());
    }
    let Some((seed, path)) = data.split_first_chunk::<2>() else {
        return Verdict::Refused;
    };
    let Ok(path) = std::str::from_utf8(path) else {
        return Verdict::Refused;
    };
    let path = format!("/{path}");
    if path.parse::<axum::http::Uri>().is_err() {
        return Verdict::Refused;
    }
    let mut random = Random(u64::from(u16::from_le_bytes(*seed)));
    let world = std::iter::repeat_with(|| World::new(&mut random)).flatten().next().unwrap();
    let mut reached = Reached::new();
    SENDER.with(|sender| sender.send(&world, &mut random, &[path], &mut reached));
    match reached.is_empty() {
        true => Verdict::Refused,
        false => Verdict::Accepted,
    }
}
