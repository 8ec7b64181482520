//! Migration guide from `jam.Jam` (Python, jamlib) and `python_jam`, call by call.
//!
//! Documentation only; the examples compile. `?` returns an [`Error`](crate::Error), whose
//! [`kind`](crate::Error::kind) replaces the exception classes of the Python libraries.
//!
//! # From `jam.Jam`
//!
#![doc = include_str!("jamlib.md")]
//!
//! # From `python_jam`
//!
#![doc = include_str!("python_jam.md")]
