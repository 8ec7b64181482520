//! One-time passwords: what they promise, attacks on them, and what happens when stores fail. Prints
//! its figures.

mod attacks;
mod door;
mod enrolment;
mod facade;
mod guard;
mod images;
mod nonsense;
mod outages;
mod recovery;
mod resync;

pub(crate) const NOW: u64 = 1_800_000_000;
