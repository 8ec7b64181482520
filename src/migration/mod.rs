//! From `jam.Jam` (Python, jamlib) and from `python_jam` to this crate: what each call becomes. A
//! page to read; there is nothing in it to call.
//!
//! The right columns compile. `?` hands on an [`Error`](crate::Error), whose
//! [`kind`](crate::Error::kind) says what the Python libraries say by the class of an exception.
//!
//! # From `jam.Jam`
//!
#![doc = include_str!("jamlib.md")]
//!
//! # From `python_jam`
//!
#![doc = include_str!("python_jam.md")]
