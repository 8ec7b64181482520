//! What others wrote, as the other side: Node's jose, jamlib in two versions, and python-jam. Each
//! is the real package in a pinned version; where one is missing the tests fail and say what installs
//! it.

mod jamlib_jwt;
#[cfg(feature = "otp")]
mod jamlib_otp;
mod jose;
mod python;
#[cfg(feature = "emulator")]
mod python_jam;
