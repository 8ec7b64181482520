//! The single conditions and their evaluation.

use super::claim_paths::StandardClaim;
use super::claims::{Claim, ClaimIndex, same};
use super::custom::{Check, Custom};
use super::path::ClaimPath;
use super::scalar::{Kind, Number, Scalar};
use super::subject::Subject;
use std::cmp::Ordering;

#[derive(Clone, PartialEq)]
pub(super) enum Condition {
    Authenticated,
    Scope(Box<str>),
    Role(Box<str>),
    Permission(Box<str>),
    Claim(Attributes, ClaimPath, Test),
    Subject(Box<str>),
    /// Lower case.
    EmailDomain(Box<str>),
    IssuedBy(Box<str>),
    /// Seconds.
    Fresh(u64),
    SecondFactor,
    Custom(Custom),
}

/// Where a condition reads its attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Attributes {
    Claims,
    Resource,
}

#[derive(Clone, PartialEq)]
pub(super) enum Test {
    Exists,
    Compared(Comparison, Scalar),
    In(Vec<Scalar>),
    Contains(Scalar),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    IsClaim(ClaimPath),
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Longer signs before those that they begin with.
    pub(super) const BY_SIGN: [(&str, Self); 6] = [
        ("!=", Self::Unequal),
        (">=", Self::GreaterOrEqual),
        ("<=", Self::LessOrEqual),
        ("=", Self::Equal),
        (">", Self::Greater),
        ("<", Self::Less),
    ];

    /// Returns the operator in policy texts.
    pub(super) fn sign(self) -> &'static str {
        Self::BY_SIGN.into_iter().find(|(_, other)| *other == self).map_or("", |(sign, _)| sign)
    }

    #[inline]
    fn holds(self, claim: Claim<'_>, value: &Scalar) -> bool {
        let order = || order(claim, value);
        match self {
            Self::Equal => claim.equals(value),
            Self::Unequal => !claim.equals(value),
            Self::Greater => order().is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Self::Less => order().is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order().is_some_and(Ordering::is_le),
        }
    }
}

/// Clock skew allowed for a login time in the future, in seconds.
const LEEWAY: f64 = 60.0;

impl Condition {
    pub(super) fn is_async(&self) -> bool {
        matches!(self, Self::Custom(custom) if matches!(custom.check, Check::Later(_)))
    }

    /// Whether a new login could make it true.
    pub(super) fn is_step_up(&self) -> bool {
        matches!(self, Self::Fresh(_) | Self::SecondFactor)
    }

    /// Evaluates the condition; an async one is false, because it is evaluated elsewhere.
    // Inlined: a call would cost as much as most conditions.
    #[inline(always)]
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        let (claims, paths) = (subject.claims(), subject.paths);
        let is = |place, text: &str| subject.standard(place).is_some_and(|claim| claim.is(text));
        match self {
            Self::Authenticated => true,
            Self::Scope(scope) => {
                subject.any_at(&paths.scopes, |claim| claim.has_word(scope))
                    || has_broader_scope(subject, scope)
            }
            Self::Role(role) => {
                subject.any_at(&paths.roles, |claim| claim.has_text(role))
                    || subject.has_member(&paths.role_members, role)
            }
            Self::Permission(permission) => {
                let covers = |held: &[u8]| covers(held, permission.as_bytes());
                subject.any_at(&paths.permissions, |claim| claim.has_word_like(covers))
            }
            Self::Claim(attributes, path, test) => {
                let index = match attributes {
                    Attributes::Claims => Some(claims),
                    Attributes::Resource => subject.resource(),
                };
                let claim = index.and_then(|index| index.find(path));
                claim.is_some_and(|claim| test.holds(claim, claims))
            }
            // A number only where the verifier reads numbers (`numeric_subject`).
            Self::Subject(wanted) => subject
                .standard(StandardClaim::Subject)
                .is_some_and(|claim| claim.is(wanted) || claim.is_integer(wanted)),
            Self::EmailDomain(domain) => at_domain(subject, domain),
            Self::IssuedBy(issuer) => is(StandardClaim::Issuer, issuer),
            Self::Fresh(within) => is_fresh(subject, *within),
            Self::SecondFactor => has_second_factor(subject),
            Self::Custom(custom) => match &custom.check {
                Check::Now(check) => check(subject),
                Check::Later(_) => false,
            },
        }
    }
}

impl Test {
    #[inline]
    fn holds(&self, claim: Claim<'_>, claims: &ClaimIndex) -> bool {
        match self {
            Self::Exists => true,
            Self::Compared(comparison, value) => comparison.holds(claim, value),
            Self::In(values) => values.iter().any(|value| claim.equals(value)),
            Self::Contains(value) => match (&value.0, claim.text()) {
                (Kind::Text(part), Some(text)) => text.contains(&**part),
                _ => claim.items().any(|item| item.equals(value)),
            },
            Self::StartsWith(start) => claim.text().is_some_and(|text| text.starts_with(&**start)),
            Self::EndsWith(end) => claim.text().is_some_and(|text| text.ends_with(&**end)),
            Self::IsClaim(path) => claims.find(path).is_some_and(|other| claim.same_as(other)),
        }
    }
}

/// Compares the claim with a value of its own type.
#[inline]
fn order(claim: Claim<'_>, value: &Scalar) -> Option<Ordering> {
    match &value.0 {
        Kind::Text(text) => Some(claim.text()?.cmp(&**text)),
        Kind::Number(number) => claim.number()?.partial_cmp(number),
        Kind::Bool(_) => None,
    }
}

/// Whether a held permission is the wanted one or stands above it.
#[inline]
fn covers(held: &[u8], wanted: &[u8]) -> bool {
    match held {
        held if same(held, wanted) => true,
        b"*" => true,
        [above @ .., b'*'] if above.ends_with(b":") => wanted.starts_with(above),
        _ => false,
    }
}

/// Returns the e-mail address if the issuer says that it is verified.
///
/// Every decision based on an address uses this: policies, enrichment and logins.
#[inline]
pub(super) fn verified_email<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    let email = subject.standard(StandardClaim::Email).and_then(Claim::text)?;
    let mut verified = subject.issuer_verifies_emails;
    for place in subject.paths.email_verified.clone() {
        match subject.at(place) {
            None => {}
            // Amazon Cognito, Apple and others send a string instead of a boolean.
            Some(said) if said.flag() == Some(true) || said.is("true") => verified = true,
            Some(_) => return None,
        }
    }
    verified.then_some(email)
}

#[inline]
fn at_domain(subject: &Subject<'_>, wanted: &str) -> bool {
    let Some(email) = verified_email(subject).map(str::as_bytes) else {
        return false;
    };
    let at = email.iter().position(|byte| *byte == b'@');
    let Some(domain) = at.filter(|at| *at > 0).map(|at| &email[at + 1..]) else {
        return false;
    };
    let wanted = wanted.as_bytes();
    let Some(parent) = wanted.strip_prefix(b"*.") else {
        return same(domain, wanted) || domain.eq_ignore_ascii_case(wanted);
    };
    let dot = domain.len().checked_sub(parent.len() + 1);
    dot.filter(|dot| *dot > 0).is_some_and(|dot| {
        // With two `@`, other software may read the domain after the second one.
        domain[dot] == b'.'
            && domain[dot + 1..].eq_ignore_ascii_case(parent)
            && !domain.contains(&b'@')
    })
}

/// Whether a scope is granted that implies this one.
#[inline(never)]
fn has_broader_scope(subject: &Subject<'_>, scope: &str) -> bool {
    subject
        .paths
        .broader_scopes(scope)
        .any(|broader| subject.any_at(&subject.paths.scopes, |claim| claim.has_word(broader)))
}

#[inline(never)]
fn is_fresh(subject: &Subject<'_>, within: u64) -> bool {
    let at = |place| subject.standard(place).map(seconds);
    // A session's ID token may have been renewed long after its login.
    let login = at(StandardClaim::AuthTime)
        .or_else(|| subject.login.map(|login| Some(login.as_secs_f64())))
        .or_else(|| at(StandardClaim::IssuedAt));
    login.flatten().is_some_and(|login| {
        let age = subject.now().as_secs_f64() - login;
        (-LEEWAY..=within as f64).contains(&age)
    })
}

fn seconds(claim: Claim<'_>) -> Option<f64> {
    match claim.number()? {
        Number::Integer(seconds) => Some(seconds as f64),
        Number::Float(seconds) => Some(seconds),
    }
}

/// Kinds of factors; RFC 8176 section 2 defines the method names.
const KINDS: [&[&str]; 3] = [
    &["pwd", "pin", "kba"],
    &["otp", "hwk", "swk", "sc", "sms", "tel", "pop"],
    &["face", "fpt", "iris", "retina", "vbm"],
];

#[inline(never)]
fn has_second_factor(subject: &Subject<'_>) -> bool {
    let class = subject.standard(StandardClaim::Acr).and_then(Claim::text);
    let mut strong = subject.paths.acr_values.iter();
    if class.is_some_and(|class| strong.any(|value| **value == *class)) {
        return true;
    }
    let methods = subject.standard(StandardClaim::Amr);
    let Some(methods) = methods.filter(|methods| methods.is_list()) else {
        return false;
    };
    let has = |name: &str| methods.has_text(name);
    let kinds = KINDS.iter().filter(|kind| kind.iter().any(|name| has(name)));
    has("mfa") || kinds.count() >= 2
}
