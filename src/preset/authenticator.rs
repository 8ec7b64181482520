//! The authenticator's method for presets, kept out of `authenticator`, which is independent of them.

use super::builder::Preset;
use crate::authenticator::AuthenticatorBuilder;

impl AuthenticatorBuilder {
    /// Accepts the tokens of a well-known provider. Can be called several times.
    ///
    /// A token goes to the preset of its `iss`, and policies read its scopes and roles as that
    /// preset says. The preset also names the header that requests carry the token in, unless
    /// [`source`](Self::source) is called.
    ///
    /// ```
    /// use jamguard::{Authenticator, Preset};
    ///
    /// let auth = Authenticator::builder()
    ///     .preset(Preset::auth0("acme.eu.auth0.com").audience("https://api.acme.example"))
    ///     .build()?;
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn preset(mut self, preset: Preset) -> Self {
        self.accepted.push(preset.accepted());
        self
    }
}
