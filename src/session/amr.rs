//! Authentication methods (`amr`) by which a session's user stepped up after the login.

use crate::core::{Error, ErrorKind, ensure, name::is_name};
use crate::token::claim_set::ClaimSet;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Longer than any registered name.
const MAX_NAME: usize = 32;
const MAX_NAMES: usize = 16;

/// Authentication method names (RFC 8176 section 2), each once, separated by spaces.
///
/// They are stored beside the claims, which show them as `amr`: each renewal of the ID token
/// replaces the claims, and the new ones lack the methods of this session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Methods(Arc<str>);

impl Methods {
    /// Checks and joins method names.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if there are none or more than 16, or one is not a name.
    pub(crate) fn new(names: &[&str]) -> Result<Self, Error> {
        let are_names = names.iter().all(|name| is_name(name, MAX_NAME));
        ensure(
            (1..=MAX_NAMES).contains(&names.len()) && are_names,
            "the methods of a step-up are 1 to 16 names such as otp or mfa (RFC 8176), of 1 to 32 \
             letters, digits, '-', '_' or '.'",
        )?;
        Ok(Self::of(names.iter().copied()))
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

    /// Reads the stored form.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Returns `others` followed by these methods.
    pub(crate) fn after(&self, others: Option<&Self>) -> Self {
        let others = others.map_or("", Self::text).split(' ');
        Self::of(others.chain(self.0.split(' ')).filter(|name| !name.is_empty()))
    }

    /// Returns a login's claims with these methods appended to `amr`.
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
    fn methods_follow_the_logins_own_in_amr() {
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
    fn invalid_names_are_rejected() {
        let long = "a".repeat(33);
        let many = ["a"; 17];
        for names in [&[][..], &[""], &["a b"], &["a\n"], &["é"], &[&*long], &many] {
            let error = Methods::new(names).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{names:?}");
        }
    }
}
