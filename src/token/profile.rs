//! The JWT profile for OAuth 2.0 access tokens (RFC 9068).

use super::builder::VerifierBuilder;
use super::registered::{Expected, TextRule};
use super::rules::Rules;
use crate::core::{Error, ensure};
use crate::jose::header::is_type;

/// The `typ` of RFC 9068 section 2.1.
const TYPE: &str = "at+jwt";
/// The claims that RFC 9068 section 2.2 requires; `client_id` is checked as a string.
const REQUIRED: [&str; 6] = ["iss", "exp", "aud", "sub", "iat", "jti"];
const CLIENT: &str = "client_id";

impl Rules {
    /// Adds the requirements of the profile.
    pub(super) fn require_access_token_profile(&mut self) -> Result<(), Error> {
        ensure(
            self.token_type.as_ref().is_none_or(|typ| is_type(typ, TYPE)),
            ".access_token_profile() requires typ at+jwt: remove .token_type(…), or require the \
             claims with .require([…]) instead of the profile",
        )?;
        ensure(
            self.require_exp && !self.audiences.client_instead,
            ".access_token_profile() requires exp and aud (RFC 9068 section 2.2): remove \
             .danger_accept_missing_exp() and .client_id_instead_of_audience(), or the profile",
        )?;
        self.token_type = Some(TYPE.into());
        self.required.extend(REQUIRED.map(Into::into));
        self.texts.push(TextRule { claim: CLIENT.into(), expected: Expected::NotEmpty });
        Ok(())
    }
}

impl VerifierBuilder {
    /// Requires access tokens of the JWT profile ([RFC 9068] section 4).
    ///
    /// `typ` must be `at+jwt` or `application/at+jwt`, in any letter case, and the claims `iss`,
    /// `exp`, `aud`, `sub`, `client_id`, `iat` and `jti` must be present. Issuer and audience are
    /// set as usual. Default: tokens without these are accepted, because many issuers do not follow
    /// the profile.
    ///
    /// ```
    /// # use jamguard::{Verifier, jose::{Algorithm, SigningKey}};
    /// # let key = SigningKey::generate(Algorithm::RS256)?.verifying_key()?;
    /// let verifier = Verifier::builder()
    ///     .access_token_profile()
    ///     .key(key)                                   // or .discover(…)
    ///     .algorithms([Algorithm::RS256])
    ///     .issuer("https://issuer.example")
    ///     .audience("https://orders.example")
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068#section-4
    pub fn access_token_profile(mut self) -> Self {
        self.options.access_token_profile = true;
        self
    }
}
