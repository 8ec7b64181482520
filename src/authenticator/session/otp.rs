//! One-time passwords as the second factor of a session.

use super::data::SessionData;
use super::handle::{Session, nobody};
use crate::core::error::Error;
use crate::core::secret::Secret;
use crate::otp::{Otp, OtpGuard, OtpSecret, SecondFactor};
use crate::session::Methods;

/// What a session's claims say of a one-time password (RFC 8176 section 2).
const BY_CODE: &[&str] = &["otp", "mfa"];
/// And of a recovery code, for which no name is registered.
const BY_RECOVERY: &[&str] = &["mfa"];

impl<T: SessionData> Session<T> {
    /// Accepts a one-time password of the user's who is logged in with this session, once, and writes
    /// the second factor into the session: `amr` with `otp` and `mfa`, under another id, as
    /// [`step_up`](Self::step_up) does. Guesses end in a lockout.
    ///
    /// A wrong code leaves the session as it is. Where one form has both factors, call
    /// [`SecondFactor::verify`] before [`login`](Self::login), and [`step_up`](Self::step_up) after
    /// it.
    ///
    /// ```
    /// # use jamguard::{Error, Session, otp::SecondFactor};
    /// async fn second_factor(
    ///     session: Session<()>, factor: SecondFactor, code: String,
    /// ) -> Result<&'static str, Error> {
    ///     session.verify_otp(&factor, code.trim()).await?;
    ///     Ok("Welcome!")
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) where nobody is logged
    /// in; those of [`SecondFactor::verify`].
    pub async fn verify_otp(&self, factor: &SecondFactor, code: &str) -> Result<(), Error> {
        let user = self.present()?;
        factor.verify(&user, code).await?;
        self.proved(&user, BY_CODE)
    }

    /// The same where the application keeps the user's secret itself.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) where nobody is logged
    /// in; those of [`OtpGuard::verify`].
    pub async fn verify_own_otp(
        &self,
        guard: &OtpGuard,
        otp: &Otp,
        secret: &OtpSecret,
        code: &str,
    ) -> Result<(), Error> {
        let user = self.present()?;
        guard.verify(&user, otp, secret, code).await?;
        self.proved(&user, BY_CODE)
    }

    /// Accepts one of the user's recovery codes in place of a one-time password, and uses it up: `amr`
    /// gets `mfa`, and no `otp`.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) where nobody is logged
    /// in; those of [`SecondFactor::recover`].
    pub async fn recover_otp(&self, factor: &SecondFactor, code: &str) -> Result<(), Error> {
        let user = self.present()?;
        factor.recover(&user, code).await?;
        self.proved(&user, BY_RECOVERY)
    }

    /// Enrols the user by a first code, which is a proof as well: as
    /// [`verify_otp`](Self::verify_otp). Gives the recovery codes, to be shown once.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) where nobody is logged
    /// in; those of [`SecondFactor::confirm`].
    pub async fn confirm_otp(
        &self,
        factor: &SecondFactor,
        code: &str,
    ) -> Result<Vec<Secret>, Error> {
        let user = self.present()?;
        let codes = factor.confirm(&user, code).await?;
        self.proved(&user, BY_CODE)?;
        Ok(codes)
    }

    /// Steps up, if this user is logged in still: while the store was asked, another handler of the
    /// request may have logged somebody else in.
    fn proved(&self, user: &str, methods: &[&str]) -> Result<(), Error> {
        let methods = Methods::new(methods)?;
        self.visit.state().step_up(&methods, |now| now == user)
    }

    /// Who is logged in, as long as a proof of that can be saved.
    fn present(&self) -> Result<String, Error> {
        self.visit.state().check_open()?;
        self.user().ok_or_else(nobody)
    }
}
