//! Recovery codes, for users who lost their authenticator.

mod codes;
mod sheet;

pub use codes::{RecoveryCodes, RecoveryCodesBuilder};

pub(super) use sheet::{SHEET, Sheet, check_count};
