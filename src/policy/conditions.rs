//! The conditions, as functions.

use super::custom::Custom;
use super::expression::{Node, Policy};
use super::leaf::{Leaf, Source, Test};
use super::path::ClaimPath;
use super::scalar::Scalar;
use super::subject::Subject;
use crate::core::error::Error;
use std::future::Future;
use std::time::Duration;

/// Anybody who is logged in.
///
/// # Example
/// ```
/// use jamguard::policy::{authenticated, role};
/// assert_eq!((authenticated() & !role("suspended")).to_string(), "authenticated & !role:suspended");
/// ```
pub fn authenticated() -> Policy {
    Leaf::Authenticated.into()
}

/// Nobody.
///
/// # Example
/// ```
/// use jamguard::policy::{any_of, never};
/// assert_eq!(any_of([]), never());
/// ```
pub fn never() -> Policy {
    Node::NEVER.into()
}

/// A condition on a name. Of an empty one, such as a setting that is missing: never, although some
/// issuers write an empty text for somebody without roles.
fn named(name: String, leaf: fn(Box<str>) -> Leaf) -> Policy {
    match name.is_empty() {
        true => never(),
        false => leaf(name.into()).into(),
    }
}

/// Whoever was granted this scope ([RFC 6749] section 3.3).
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::scope("orders.read").to_string(), "scope:orders.read");
/// ```
///
/// [RFC 6749]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
pub fn scope(scope: impl Into<String>) -> Policy {
    named(scope.into(), Leaf::Scope)
}

/// Whoever has this role.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::role("editor in chief").to_string(), "role:\"editor in chief\"");
/// ```
pub fn role(role: impl Into<String>) -> Policy {
    named(role.into(), Leaf::Role)
}

/// Whoever holds a permission that covers this one.
///
/// | held | covers |
/// |---|---|
/// | `orders:refund` | `orders:refund` |
/// | `orders:*` | everything that begins with `orders:`, and `orders:*` itself |
/// | `*` | everything |
///
/// A `*` asked for is covered by a `*` held, never by one of the permissions below it.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::permission("orders:refund").to_string(), "permission:orders:refund");
/// ```
pub fn permission(permission: impl Into<String>) -> Policy {
    named(permission.into(), Leaf::Permission)
}

/// The user with this `sub`.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::subject("42").to_string(), "subject:42");
/// ```
pub fn subject(subject: impl Into<String>) -> Policy {
    named(subject.into(), Leaf::Subject)
}

/// Requires a verified e-mail address at this domain.
///
/// Case does not count. `example.com` is that domain alone, `*.example.com` its subdomains without
/// itself.
///
/// An address counts where the claims say that it is verified: `true` or the text `"true"` under
/// the names that [`ClaimPaths`](super::ClaimPaths::email_verified) lists, and no other value under
/// any of them. An address without such a claim does not count, because many issuers let users enter
/// one that is not theirs. Issuers that verify every address are declared:
/// [`VerifierBuilder::issuer_verifies_emails`](crate::VerifierBuilder::issuer_verifies_emails).
/// JustAuthenticateMe is one, and `JamApp` declares it.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::email_domain("Example.com").to_string(), "email_domain:example.com");
/// ```
pub fn email_domain(domain: impl Into<String>) -> Policy {
    let domain = domain.into().to_ascii_lowercase();
    // As often written: @example.com.
    let domain = domain.rsplit('@').next().unwrap_or_default();
    let domain = if domain == "*." { "" } else { domain };
    named(domain.to_owned(), Leaf::EmailDomain)
}

/// Whoever comes from this issuer.
///
/// # Example
/// ```
/// let policy = jamguard::policy::issued_by("https://issuer.example/");
/// assert_eq!(policy.to_string(), "issued_by:https://issuer.example/");
/// ```
pub fn issued_by(issuer: impl Into<String>) -> Policy {
    named(issuer.into(), Leaf::IssuedBy)
}

/// Whoever logged in at most so long ago, in whole seconds: by `auth_time`; a session without it by
/// its own login; a token without it by `iat`.
///
/// The `iat` of a token that was renewed is the renewal's: where refresh tokens are in use, this
/// says something of logins only if the issuer names `auth_time`, or if they end in sessions.
///
/// Where only this is lacking the answer is 401 with `insufficient_user_authentication` and
/// `max_age` ([RFC 9470]), so that the client lets the user log in again.
///
/// # Example
/// ```
/// use std::time::Duration;
/// let policy = jamguard::policy::fresh(Duration::from_secs(300));
/// assert_eq!(policy.to_string(), "fresh:5m");
/// ```
///
/// [RFC 9470]: https://www.rfc-editor.org/rfc/rfc9470
pub fn fresh(within: Duration) -> Policy {
    Leaf::Fresh(within.as_secs()).into()
}

/// Whoever logged in with two factors.
///
/// That is what `amr` ([RFC 8176]) says with `mfa`, or with methods of two kinds out of something
/// known (`pwd`, `pin`, `kba`), something held (`otp`, `hwk`, `swk`, `sc`, `sms`, `tel`, `pop`)
/// and something one is (`face`, `fpt`, `iris`, `retina`, `vbm`); or an `acr` of
/// [`ClaimPaths::acr_values`](super::ClaimPaths::acr_values). One method alone, be it `otp`, is
/// one factor.
///
/// Where only this is lacking the answer is 401 with `insufficient_user_authentication` and
/// `acr_values` ([RFC 9470]).
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::second_factor().to_string(), "second_factor");
/// ```
///
/// [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
/// [RFC 9470]: https://www.rfc-editor.org/rfc/rfc9470
pub fn second_factor() -> Policy {
    Leaf::SecondFactor.into()
}

/// A condition of your own, known by its name in text, logs and explanations.
///
/// # Example
/// ```
/// use jamguard::policy::custom;
///
/// let staff = custom("staff", |subject| {
///     subject.claims().text("email").is_some_and(|email| email.ends_with("@example.com"))
/// });
/// assert_eq!(staff.to_string(), "custom:staff");
/// ```
pub fn custom(
    name: impl Into<String>,
    check: impl Fn(&Subject<'_>) -> bool + Send + Sync + 'static,
) -> Policy {
    Leaf::Custom(Custom::now(name.into(), check)).into()
}

/// A condition of your own that waits, for a database say.
///
/// Take what is needed out of the [`Subject`] first; the future outlives it. A failure is an
/// answer of its own, such as 503 for [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable). A
/// policy with such a condition is asked with [`Policy::check_async`].
///
/// # Example
/// ```
/// use jamguard::policy::custom_async;
///
/// # async fn has_paid(user: Option<String>) -> Result<bool, jamguard::Error> { Ok(true) }
/// let paying = custom_async("paying", |subject| {
///     let user = subject.claims().text("sub").map(str::to_owned);
///     async move { has_paid(user).await }
/// });
/// ```
pub fn custom_async<F>(
    name: impl Into<String>,
    check: impl Fn(&Subject<'_>) -> F + Send + Sync + 'static,
) -> Policy
where
    F: Future<Output = Result<bool, Error>> + Send + 'static,
{
    Leaf::Custom(Custom::later(name.into(), check)).into()
}

/// All of them. Of none: [`never()`], because an empty list is a mistake, and a mistake closes.
///
/// # Example
/// ```
/// use jamguard::policy::{all_of, never, role, scope};
/// assert_eq!(all_of([role("a"), scope("b")]), role("a") & scope("b"));
/// assert_eq!(all_of([]), never());
/// ```
pub fn all_of(policies: impl IntoIterator<Item = Policy>) -> Policy {
    Node::all(policies.into_iter().map(|policy| policy.node)).into()
}

/// One of them at least. Of none: [`never()`].
///
/// # Example
/// ```
/// use jamguard::policy::{any_of, role};
/// assert_eq!(any_of(["a", "b"].map(role)), role("a") | role("b"));
/// ```
pub fn any_of(policies: impl IntoIterator<Item = Policy>) -> Policy {
    Node::any(policies.into_iter().map(|policy| policy.node)).into()
}

/// A condition on a claim: say which with the methods of [`ClaimAt`].
///
/// # Example
/// ```
/// use jamguard::policy::claim;
/// assert_eq!(claim("plan").eq("gold").to_string(), "claim:plan = gold");
/// assert_eq!(claim("address.country").exists().to_string(), "claim:address.country");
/// ```
pub fn claim(path: impl Into<ClaimPath>) -> ClaimAt {
    ClaimAt {
        source: Source::Claims,
        path: path.into(),
    }
}

/// A condition on an attribute of the resource that is asked for, where the question comes with
/// one: see [`Subject::about`].
///
/// # Example
/// ```
/// use jamguard::policy::{resource, role};
/// let own = resource("owner").is_claim("sub");
/// assert_eq!((own | role("admin")).to_string(), "resource:owner is_claim sub | role:admin");
/// ```
pub fn resource(path: impl Into<ClaimPath>) -> ClaimAt {
    ClaimAt {
        source: Source::Resource,
        path: path.into(),
    }
}

/// A claim that a condition is about, made by [`claim`] or [`resource`].
///
/// Each condition is false where the claim is missing or of another type.
///
/// # Example
/// ```
/// use jamguard::policy::claim;
/// let policy = claim("groups").contains("staff") & claim("level").ge(3) & !claim("trial").eq(true);
/// assert_eq!(policy.to_string(), "claim:groups contains staff & claim:level >= 3 & !claim:trial = true");
/// ```
#[must_use = "say what the claim must be like"]
#[derive(Clone, Debug)]
pub struct ClaimAt {
    source: Source,
    path: ClaimPath,
}

impl ClaimAt {
    fn test(self, test: Test) -> Policy {
        Leaf::Claim(self.source, self.path, test).into()
    }

    /// It is there, with any value but null.
    pub fn exists(self) -> Policy {
        self.test(Test::Exists)
    }

    /// It is this value.
    pub fn eq(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Equal(value.into()))
    }

    /// It is there and is not this value.
    pub fn ne(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Unequal(value.into()))
    }

    /// It is one of these values.
    pub fn one_of(self, values: impl IntoIterator<Item = impl Into<Scalar>>) -> Policy {
        self.test(Test::In(values.into_iter().map(Into::into).collect()))
    }

    /// It is a list with this value, or a text with this text in it.
    pub fn contains(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Contains(value.into()))
    }

    /// It is a text that begins so.
    pub fn starts_with(self, text: impl Into<String>) -> Policy {
        self.test(Test::StartsWith(text.into().into()))
    }

    /// It is a text that ends so.
    pub fn ends_with(self, text: impl Into<String>) -> Policy {
        self.test(Test::EndsWith(text.into().into()))
    }

    /// It is greater: numbers by value, texts by their characters' order.
    pub fn gt(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Greater(value.into()))
    }

    /// It is greater or equal.
    pub fn ge(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::GreaterOrEqual(value.into()))
    }

    /// It is less.
    pub fn lt(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Less(value.into()))
    }

    /// It is less or equal.
    pub fn le(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::LessOrEqual(value.into()))
    }

    /// It is the same text, number or flag as this claim of the identity.
    pub fn is_claim(self, path: impl Into<ClaimPath>) -> Policy {
        self.test(Test::IsClaim(path.into()))
    }
}
