//! Whatever accepts one-time passwords: the guard alone and the whole second factor, by time and by
//! counter.

use crate::api::NOW;
use jamguard::otp::{Otp, OtpGuard, OtpKind, OtpSecret, SecondFactor};
use jamguard::store::{SealingKeys, Store};
use jamguard::testing::ManualClock;
use jamguard::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const USER: &str = "ann";

#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) name: String,
    pub(crate) clock: ManualClock,
    pub(crate) otp: Otp,
    pub(crate) secret: OtpSecret,
    by: By,
}

#[derive(Clone)]
enum By {
    Guard(OtpGuard),
    Factor(SecondFactor),
}

pub(crate) fn keys() -> SealingKeys {
    SealingKeys::new(&[7; 32])
}

pub(crate) fn factor(store: impl Store, otp: &Otp) -> SecondFactor {
    let factor = SecondFactor::builder(store, keys()).issuer("My App");
    factor.otp(otp.clone()).build().unwrap()
}

impl Door {
    /// One of each over this store, each with a user of its own.
    pub(crate) async fn all(store: &Arc<dyn Store>) -> Vec<Self> {
        let mut doors = Vec::new();
        for kind in [OtpKind::Totp, OtpKind::Hotp] {
            let clock = ManualClock::at(NOW);
            let otp = Otp::builder(kind).clock(clock.clone()).build().unwrap();
            let secret = crate::secret();
            doors.extend(Self::with(store, &otp, &clock, &secret, 0).await);
        }
        doors
    }

    /// Both for codes of this kind and secret; HOTP begins at this counter.
    pub(crate) async fn with(
        store: &Arc<dyn Store>,
        otp: &Otp,
        clock: &ManualClock,
        secret: &OtpSecret,
        counter: u64,
    ) -> Vec<Self> {
        let kind = otp.kind();
        let counter = if kind == OtpKind::Hotp { counter } else { 0 };
        let guard = OtpGuard::builder(store.clone()).name(kind.as_str());
        let guard = guard.build().unwrap();
        guard.advance(USER, counter).await.unwrap();
        let factor = SecondFactor::builder(store.clone(), keys()).issuer("My App");
        let factor = factor.otp(otp.clone()).name(kind.as_str()).build().unwrap();
        factor.import(USER, secret, counter).await.unwrap();
        let door = |name, by| Self {
            name: format!("{name}, {kind}"),
            clock: clock.clone(),
            otp: otp.clone(),
            secret: secret.clone(),
            by,
        };
        vec![door("guard", By::Guard(guard)), door("factor", By::Factor(factor))]
    }

    pub(crate) async fn verify(&self, code: &str) -> Result<(), Error> {
        match &self.by {
            By::Guard(guard) => guard.verify(USER, &self.otp, &self.secret, code).await,
            By::Factor(factor) => factor.verify(USER, code).await,
        }
    }

    pub(crate) async fn unlock(&self) -> Result<(), Error> {
        match &self.by {
            By::Guard(guard) => guard.unlock(USER).await,
            By::Factor(factor) => factor.unlock(USER).await,
        }
    }

    pub(crate) async fn opens(&self, code: &str) {
        let answer = self.verify(code).await;
        assert!(answer.is_ok(), "{}: {answer:?}", self.name);
    }

    pub(crate) async fn refuses(&self, code: &str, kind: ErrorKind) {
        let error = self.verify(code).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", self.name);
        let said = format!("{error:?} {error}");
        assert!(code.is_empty() || !said.contains(code), "{said}");
    }

    /// The code so many steps or counters from the first.
    pub(crate) fn code(&self, steps: i64) -> String {
        let factor = match self.otp.kind() {
            OtpKind::Totp => NOW.saturating_add_signed(30 * steps),
            _ => 0_u64.saturating_add_signed(steps),
        };
        self.otp.code_at(&self.secret, factor).expose().to_owned()
    }

    /// One that is right nowhere near.
    pub(crate) fn wrong(&self) -> String {
        let near = |code: &String| {
            let steps = if self.otp.kind() == OtpKind::Totp { -50..50 } else { 0..100 };
            steps.into_iter().any(|steps| self.code(steps) == *code)
        };
        let mut codes = (0..).map(|number| format!("{number:06}"));
        codes.find(|code| !near(code)).unwrap()
    }

    pub(crate) fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
