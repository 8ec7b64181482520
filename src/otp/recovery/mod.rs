//! Recovery codes, for users who lost their authenticator.

pub(crate) mod codes;
mod record;

pub use codes::{RecoveryCodes, RecoveryCodesBuilder};

pub(super) use record::{SHEET, Sheet, check_count};
