//! Functions that build the single conditions of a policy.

use super::condition::{Attributes, Comparison, Condition, Test};
use super::custom::Custom;
use super::expression::{Node, Policy};
use super::path::ClaimPath;
use super::scalar::Scalar;
use super::subject::Subject;
use crate::core::Error;
use std::{future::Future, time::Duration};

/// Requires a login, and nothing more.
///
/// # Example
/// ```
/// use jamguard::policy::{authenticated, role};
/// assert_eq!((authenticated() & !role("suspended")).to_string(), "authenticated & !role:suspended");
/// ```
pub fn authenticated() -> Policy {
    Condition::Authenticated.into()
}

/// Denies every request.
///
/// # Example
/// ```
/// use jamguard::policy::{any_of, never};
/// assert_eq!(any_of([]), never());
/// ```
pub fn never() -> Policy {
    Node::NEVER.into()
}

/// Builds a condition on a name; an empty one, such as a missing setting, gives `never`.
///
/// It must not match the empty text that some issuers write for a user without roles.
fn named(name: String, condition: fn(Box<str>) -> Condition) -> Policy {
    if name.is_empty() { never() } else { condition(name.into()).into() }
}

/// Requires this granted scope ([RFC 6749] section 3.3).
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::scope("orders.read").to_string(), "scope:orders.read");
/// ```
///
/// [RFC 6749]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
pub fn scope(scope: impl Into<String>) -> Policy {
    named(scope.into(), Condition::Scope)
}

/// Requires this role, read from `roles` unless [`ClaimPaths`](super::ClaimPaths) says otherwise.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::role("editor in chief").to_string(), "role:\"editor in chief\"");
/// ```
pub fn role(role: impl Into<String>) -> Policy {
    named(role.into(), Condition::Role)
}

/// Requires a permission that covers this one.
///
/// | held | covers |
/// |---|---|
/// | `orders:refund` | `orders:refund` |
/// | `orders:*` | everything that begins with `orders:`, and `orders:*` itself |
/// | `*` | everything |
///
/// A `*` that is asked for is covered by a held `*` only, never by a permission below it.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::permission("orders:refund").to_string(), "permission:orders:refund");
/// ```
pub fn permission(permission: impl Into<String>) -> Policy {
    named(permission.into(), Condition::Permission)
}

/// Requires this user, by `sub`.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::subject("42").to_string(), "subject:42");
/// ```
pub fn subject(subject: impl Into<String>) -> Policy {
    named(subject.into(), Condition::Subject)
}

/// Requires a verified e-mail address at this domain.
///
/// Letter case is ignored. `example.com` is that domain alone, `*.example.com` its subdomains
/// without itself.
///
/// The claims must say that the address is verified: `true` or the string `"true"` under the names
/// that [`ClaimPaths`](super::ClaimPaths::email_verified) lists, and no other value under any of
/// them. An address without such a claim does not match, because many issuers let users enter an
/// address that is not theirs. Issuers that verify every address are declared with
/// [`VerifierBuilder::issuer_verifies_emails`](crate::VerifierBuilder::issuer_verifies_emails).
/// JustAuthenticateMe is one, and `JamApp` declares it.
///
/// # Example
/// ```
/// assert_eq!(jamguard::policy::email_domain("Example.com").to_string(), "email_domain:example.com");
/// ```
pub fn email_domain(domain: impl Into<String>) -> Policy {
    let domain = domain.into().to_ascii_lowercase();
    // Accepts the common spelling `@example.com`.
    let domain = domain.rsplit('@').next().unwrap_or_default();
    let domain = if domain == "*." { "" } else { domain };
    named(domain.to_owned(), Condition::EmailDomain)
}

/// Requires this issuer, by `iss`.
///
/// # Example
/// ```
/// let policy = jamguard::policy::issued_by("https://issuer.example/");
/// assert_eq!(policy.to_string(), "issued_by:https://issuer.example/");
/// ```
pub fn issued_by(issuer: impl Into<String>) -> Policy {
    named(issuer.into(), Condition::IssuedBy)
}

/// Requires a login at most this long ago, in whole seconds.
///
/// The time of the login is `auth_time`; without it, a session's own login, or the `iat` of a
/// token. The `iat` of a renewed token is the time of its renewal: where refresh tokens are in use,
/// this is a statement about logins only if the issuer sends `auth_time`, or if logins end in
/// sessions.
///
/// If only this condition fails, the answer is 401 with `insufficient_user_authentication` and
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
    Condition::Fresh(within.as_secs()).into()
}

/// Requires a login with two factors.
///
/// The claim `amr` ([RFC 8176]) must hold `mfa`, or methods of two of these kinds: knowledge
/// (`pwd`, `pin`, `kba`), possession (`otp`, `hwk`, `swk`, `sc`, `sms`, `tel`, `pop`) and
/// biometrics (`face`, `fpt`, `iris`, `retina`, `vbm`). An `acr` listed in
/// [`ClaimPaths::acr_values`](super::ClaimPaths::acr_values) satisfies it too. One method alone,
/// even `otp`, is one factor.
///
/// If only this condition fails, the answer is 401 with `insufficient_user_authentication` and
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
    Condition::SecondFactor.into()
}

/// Adds a condition written in code, named in policy texts, logs and explanations.
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
    Condition::Custom(Custom::now(name.into(), check)).into()
}

/// Adds an async condition written in code, such as a database lookup.
///
/// The future outlives the [`Subject`]: copy what it needs first. An error becomes the answer, such
/// as 503 for [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable). Evaluate a policy with
/// such a condition with [`Policy::check_async`].
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
    Condition::Custom(Custom::later(name.into(), check)).into()
}

/// Requires all of these policies. An empty list is [`never()`]: it fails closed.
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

/// Requires at least one of these policies. An empty list is [`never()`].
///
/// # Example
/// ```
/// use jamguard::policy::{any_of, role};
/// assert_eq!(any_of(["a", "b"].map(role)), role("a") | role("b"));
/// ```
pub fn any_of(policies: impl IntoIterator<Item = Policy>) -> Policy {
    Node::any(policies.into_iter().map(|policy| policy.node)).into()
}

/// Starts a condition on a claim; the methods of [`ClaimCondition`] complete it.
///
/// # Example
/// ```
/// use jamguard::policy::claim;
/// assert_eq!(claim("plan").eq("gold").to_string(), "claim:plan = gold");
/// assert_eq!(claim("address.country").exists().to_string(), "claim:address.country");
/// ```
pub fn claim(path: impl Into<ClaimPath>) -> ClaimCondition {
    ClaimCondition { attributes: Attributes::Claims, path: path.into() }
}

/// Starts a condition on an attribute of the requested resource.
///
/// The [`Subject`] carries the resource: see [`Subject::about`]. Without one the condition is
/// false.
///
/// # Example
/// ```
/// use jamguard::policy::{resource, role};
/// let own = resource("owner").is_claim("sub");
/// assert_eq!((own | role("admin")).to_string(), "resource:owner is_claim sub | role:admin");
/// ```
pub fn resource(path: impl Into<ClaimPath>) -> ClaimCondition {
    ClaimCondition { attributes: Attributes::Resource, path: path.into() }
}

/// The claim of a condition, made by [`claim`] or [`resource`].
///
/// Each condition is false if the claim is missing or has another type.
///
/// # Example
/// ```
/// use jamguard::policy::claim;
/// let policy = claim("groups").contains("staff") & claim("level").ge(3) & !claim("trial").eq(true);
/// assert_eq!(policy.to_string(), "claim:groups contains staff & claim:level >= 3 & !claim:trial = true");
/// ```
#[must_use = "call a method to complete the condition"]
#[derive(Clone, Debug)]
pub struct ClaimCondition {
    attributes: Attributes,
    path: ClaimPath,
}

impl ClaimCondition {
    fn test(self, test: Test) -> Policy {
        Condition::Claim(self.attributes, self.path, test).into()
    }

    fn compared(self, comparison: Comparison, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Compared(comparison, value.into()))
    }

    /// Requires any value except null.
    pub fn exists(self) -> Policy {
        self.test(Test::Exists)
    }

    /// Requires this value.
    pub fn eq(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::Equal, value)
    }

    /// Requires the claim to exist with another value.
    pub fn ne(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::Unequal, value)
    }

    /// Requires one of these values.
    pub fn one_of(self, values: impl IntoIterator<Item = impl Into<Scalar>>) -> Policy {
        self.test(Test::In(values.into_iter().map(Into::into).collect()))
    }

    /// Requires a list with this value, or a string that contains this string.
    pub fn contains(self, value: impl Into<Scalar>) -> Policy {
        self.test(Test::Contains(value.into()))
    }

    /// Requires a string with this prefix.
    pub fn starts_with(self, text: impl Into<String>) -> Policy {
        self.test(Test::StartsWith(text.into().into()))
    }

    /// Requires a string with this suffix.
    pub fn ends_with(self, text: impl Into<String>) -> Policy {
        self.test(Test::EndsWith(text.into().into()))
    }

    /// Requires a greater value: numbers by value, strings by code points.
    pub fn gt(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::Greater, value)
    }

    /// Requires a greater or equal value.
    pub fn ge(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::GreaterOrEqual, value)
    }

    /// Requires a lesser value.
    pub fn lt(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::Less, value)
    }

    /// Requires a lesser or equal value.
    pub fn le(self, value: impl Into<Scalar>) -> Policy {
        self.compared(Comparison::LessOrEqual, value)
    }

    /// Requires the same string, number or boolean as this claim of the identity.
    pub fn is_claim(self, path: impl Into<ClaimPath>) -> Policy {
        self.test(Test::IsClaim(path.into()))
    }
}
