//! Codes on paper, for the day on which the authenticator is lost.

mod codes;
mod sheet;

pub use codes::{RecoveryCodes, RecoveryCodesBuilder};

pub(super) use sheet::{SHEET, Sheet, check_count};
