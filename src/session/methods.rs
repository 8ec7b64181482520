//! By which methods a session's user proved who they are, beyond what its login says of itself.

use crate::core::error::{Error, ErrorKind};
use crate::token::claim_set::ClaimSet;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Longer than any name that is registered.
const MAX_NAME: usize = 32;
const MAX_NAMES: usize = 16;

/// Names of methods (RFC 8176 section 2), each once, with a space in between.
///
/// They are kept beside the claims, where they show as `amr`: other claims of the same login come
/// each time that its ID token is renewed, and say nothing of what the user did here.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Methods(Arc<str>);

impl Methods {
    /// Checks names.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where there are none or more than sixteen, or one is no name.
    pub(crate) fn new(names: &[&str]) -> Result<Self, Error> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name =
            |name: &&str| !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(fits);
        match (1..=MAX_NAMES).contains(&names.len()) && names.iter().all(is_name) {
            true => Ok(Self::of(names.iter().copied())),
            false => Err(Error::configuration(
                "the methods of a step-up are 1 to 16 names such as otp or mfa (RFC 8176), of 1 to \
                 32 letters, digits, '-', '_' or '.'",
            )),
        }
    }

    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut own: Vec<&str> = Vec::new();
        for name in names {
            if !own.contains(&name) {
                own.push(name);
            }
        }
        Self(own.join(" ").into())
    }

    /// As they were kept.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// These behind others.
    pub(crate) fn after(&self, others: Option<&Self>) -> Self {
        let others = others.map_or("", Self::text).split(' ');
        Self::of(
            others
                .chain(self.0.split(' '))
                .filter(|name| !name.is_empty()),
        )
    }

    /// The claims of a login, with these methods behind its own in `amr`.
    pub(super) fn added_to(&self, claims: &ClaimSet) -> Result<Arc<ClaimSet>, Error> {
        let unreadable = |_| Error::new(ErrorKind::Internal, "a session's claims cannot be read");
        let mut all: Map<String, Value> =
            serde_json::from_str(claims.text()).map_err(unreadable)?;
        let amr = all.entry("amr").or_insert_with(|| Value::Array(Vec::new()));
        if !amr.is_array() {
            *amr = Value::Array(Vec::new());
        }
        if let Value::Array(amr) = amr {
            let new = self.0.split(' ').map(Value::from);
            for name in new {
                if !amr.contains(&name) {
                    amr.push(name);
                }
            }
        }
        let text = serde_json::to_string(&all).map_err(unreadable)?;
        ClaimSet::parse(text).map(Arc::new)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn methods_come_behind_those_of_the_login() {
        let claims = |text: &str| ClaimSet::parse(text.to_owned()).unwrap();
        let methods = Methods::new(&["otp", "mfa", "otp"]).unwrap();
        assert_eq!(methods.text(), "otp mfa");
        for (before, amr) in [
            (r#"{"sub":"ann"}"#, r#"["otp","mfa"]"#),
            (r#"{"amr":["pwd"]}"#, r#"["pwd","otp","mfa"]"#),
            (r#"{"amr":["mfa",7]}"#, r#"["mfa",7,"otp"]"#),
            (r#"{"amr":"pwd"}"#, r#"["otp","mfa"]"#),
        ] {
            let after = methods.added_to(&claims(before)).unwrap();
            assert!(after.text().contains(&format!("\"amr\":{amr}")), "{before}");
        }
        let more = Methods::new(&["hwk", "mfa"]).unwrap();
        assert_eq!(more.after(Some(&methods)).text(), "otp mfa hwk");
        assert_eq!(more.after(None).text(), "hwk mfa");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(33);
        let many = ["a"; 17];
        for names in [&[][..], &[""], &["a b"], &["a\n"], &["é"], &[&*long], &many] {
            let error = Methods::new(names).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{names:?}");
        }
    }
}
