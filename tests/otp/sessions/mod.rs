//! The second factor as a session's attribute: on every store, and through both frameworks.

mod codes;
mod jam;
mod refusals;
mod site;
mod step_up;
