//! Stores of one process: the acceptance suite, and what it does not ask of the file and of the near
//! cache.

#[cfg(feature = "file")]
mod file;
mod memory;
mod near;
mod suite;
