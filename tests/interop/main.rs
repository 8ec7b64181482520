//! What others wrote, as the other side: Node's jose, jamlib in two versions, and python-jam. Each
//! is the real package in a pinned version; where one is missing the tests fail and say what installs
//! it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod jamlib_jwt;
#[cfg(feature = "otp")]
mod jamlib_otp;
mod jose;
mod python;
#[cfg(feature = "emulator")]
mod python_jam;
#[cfg(feature = "emulator")]
#[path = "../tools/run.rs"]
mod run;
