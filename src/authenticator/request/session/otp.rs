//! One-time passwords as the second factor of a session.

use super::data::SessionData;
use super::handle::Session;
use super::request_session::no_user;
use crate::core::{Error, Secret};
use crate::otp::{Otp, OtpGuard, OtpSecret, SecondFactor};
use crate::session::Methods;

/// `amr` values for a one-time password (RFC 8176 section 2).
const BY_CODE: &[&str] = &["otp", "mfa"];
/// `amr` values for a recovery code, which has no registered name.
const BY_RECOVERY: &[&str] = &["mfa"];

impl<T: SessionData> Session<T> {
    /// Verifies the user's one-time password and records the second factor in the session.
    ///
    /// The code is accepted once, and wrong guesses end in a lockout. `amr` gets `otp` and `mfa`
    /// and the session a new id, as with [`step_up`](Self::step_up). A wrong code leaves the
    /// session unchanged. For a form with both factors, call [`SecondFactor::verify`] before
    /// [`login`](Self::login) and [`step_up`](Self::step_up) after it.
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
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) without a logged-in
    /// user; the errors of [`SecondFactor::verify`].
    pub async fn verify_otp(&self, factor: &SecondFactor, code: &str) -> Result<(), Error> {
        let user = self.present()?;
        factor.verify(&user, code).await?;
        self.proved(&user, BY_CODE)
    }

    /// Verifies a one-time password if the application keeps the user's secret itself.
    ///
    /// See [`verify_otp`](Self::verify_otp).
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) without a logged-in
    /// user; the errors of [`OtpGuard::verify`].
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

    /// Uses up one of the user's recovery codes in place of a one-time password.
    ///
    /// `amr` gets `mfa`, but not `otp`.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) without a logged-in
    /// user; the errors of [`SecondFactor::recover`].
    pub async fn recover_otp(&self, factor: &SecondFactor, code: &str) -> Result<(), Error> {
        let user = self.present()?;
        factor.recover(&user, code).await?;
        self.proved(&user, BY_RECOVERY)
    }

    /// Confirms the user's enrolment with a first code; returns the recovery codes, to show once.
    ///
    /// The code is also recorded as a second factor, as with [`verify_otp`](Self::verify_otp).
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`](crate::ErrorKind::MissingCredentials) without a logged-in
    /// user; the errors of [`SecondFactor::confirm`].
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

    /// Steps up if this user is still logged in: another handler of the request may have logged
    /// another user in while the store was awaited.
    fn proved(&self, user: &str, methods: &[&str]) -> Result<(), Error> {
        let methods = Methods::new(methods)?;
        self.request.state().step_up(&methods, |now| now == user)
    }

    /// Returns the logged-in user, while changes can still be saved.
    fn present(&self) -> Result<String, Error> {
        self.request.state().check_open()?;
        self.user().ok_or_else(no_user)
    }
}
