//! Policies as a test sees them: a tree of its own, what it means, and random ones.

use super::NOW;
use jamguard::Policy;
use jamguard::policy::{self, ClaimCondition, Scalar};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) enum Model {
    Authenticated,
    Never,
    Scope(String),
    Role(String),
    Permission(String),
    Subject(String),
    EmailDomain(String),
    IssuedBy(String),
    Fresh(u64),
    SecondFactor,
    Claim(Vec<String>, Test),
    Not(Box<Model>),
    All(Vec<Model>),
    Any(Vec<Model>),
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    Exists,
    Eq(Value),
    Ne(Value),
    In(Vec<Value>),
    Contains(Value),
    StartsWith(String),
    EndsWith(String),
    Gt(Value),
    Ge(Value),
    Lt(Value),
    Le(Value),
    IsClaim(Vec<String>),
}

impl Model {
    pub(crate) fn policy(&self) -> Policy {
        match self {
            Self::Authenticated => policy::authenticated(),
            Self::Never => policy::never(),
            Self::Scope(scope) => policy::scope(scope),
            Self::Role(role) => policy::role(role),
            Self::Permission(permission) => policy::permission(permission),
            Self::Subject(subject) => policy::subject(subject),
            Self::EmailDomain(domain) => policy::email_domain(domain),
            Self::IssuedBy(issuer) => policy::issued_by(issuer),
            Self::Fresh(seconds) => policy::fresh(Duration::from_secs(*seconds)),
            Self::SecondFactor => policy::second_factor(),
            Self::Claim(path, test) => test.policy(policy::claim(path.clone())),
            Self::Not(inner) => !inner.policy(),
            Self::All(models) => policy::all_of(models.iter().map(Self::policy)),
            Self::Any(models) => policy::any_of(models.iter().map(Self::policy)),
        }
    }

    /// What the documentation says, word by word and slowly.
    pub(crate) fn holds(&self, claims: &Value) -> bool {
        let text = |name: &str| claims[name].as_str();
        match self {
            Self::Authenticated => true,
            Self::Never => false,
            // Nobody has a name that is empty.
            Self::Scope(name)
            | Self::Role(name)
            | Self::Permission(name)
            | Self::Subject(name)
            | Self::IssuedBy(name)
            | Self::EmailDomain(name)
                if name.is_empty() =>
            {
                false
            }
            Self::Scope(scope) => {
                let held = [words(&claims["scope"]), words(&claims["scp"])].concat();
                held.contains(scope)
            }
            Self::Role(role) => match &claims["roles"] {
                Value::String(held) => held == role,
                Value::Array(held) => held.contains(&json!(role)),
                _ => false,
            },
            Self::Permission(wanted) => words(&claims["permissions"]).iter().any(|held| {
                let below = held.strip_suffix(":*");
                held == wanted
                    || held == "*"
                    || below.is_some_and(|group| wanted.starts_with(&format!("{group}:")))
            }),
            // As text or, for verifiers that read numbers, as an integer.
            Self::Subject(subject) => {
                let sub = &claims["sub"];
                let integer = (sub.is_i64() || sub.is_u64()).then(|| sub.to_string());
                text("sub") == Some(subject) || integer.as_ref() == Some(subject)
            }
            Self::IssuedBy(issuer) => text("iss") == Some(issuer),
            Self::EmailDomain(domain) => {
                let verified = &claims["email_verified"];
                if *verified != json!(true) && *verified != json!("true") {
                    return false;
                }
                let email = text("email").unwrap_or_default().to_lowercase();
                let parts: Vec<&str> = email.split('@').collect();
                let [user, found] = parts[..] else {
                    return false;
                };
                let fits = match domain.strip_prefix("*.") {
                    Some(parent) => {
                        let below = found.strip_suffix(&format!(".{parent}"));
                        below.is_some_and(|name| !name.is_empty())
                    }
                    None => found == domain,
                };
                !user.is_empty() && fits
            }
            Self::Fresh(seconds) => {
                let login = match claims["auth_time"].is_null() {
                    true => &claims["iat"],
                    false => &claims["auth_time"],
                };
                login.as_f64().is_some_and(|login| {
                    let age = NOW as f64 - login;
                    age <= *seconds as f64 && age >= -60.0
                })
            }
            Self::SecondFactor => {
                let methods: Vec<&str> = claims["amr"]
                    .as_array()
                    .map(|list| list.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                let known = methods.contains(&"pwd");
                let held = methods.contains(&"otp") || methods.contains(&"hwk");
                let own = methods.contains(&"fpt");
                let kinds = usize::from(known) + usize::from(held) + usize::from(own);
                let class = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
                text("acr") == Some(class) || methods.contains(&"mfa") || kinds > 1
            }
            Self::Claim(path, test) => {
                let claim = at(claims, path);
                !claim.is_null() && test.holds(claim, claims)
            }
            Self::Not(inner) => !inner.holds(claims),
            Self::All(models) => !models.is_empty() && models.iter().all(|m| m.holds(claims)),
            Self::Any(models) => models.iter().any(|m| m.holds(claims)),
        }
    }
}

fn at<'a>(claims: &'a Value, path: &[String]) -> &'a Value {
    let mut found = claims;
    for name in path {
        found = found
            .as_object()
            .map_or(&Value::Null, |object| object.get(name).unwrap_or(&Value::Null));
    }
    found
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let words = text.split(' ').filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        }
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Test {
    fn policy(&self, claim: ClaimCondition) -> Policy {
        match self {
            Self::Exists => claim.exists(),
            Self::Eq(value) => claim.eq(scalar(value)),
            Self::Ne(value) => claim.ne(scalar(value)),
            Self::In(values) => claim.one_of(values.iter().map(scalar)),
            Self::Contains(value) => claim.contains(scalar(value)),
            Self::StartsWith(text) => claim.starts_with(text),
            Self::EndsWith(text) => claim.ends_with(text),
            Self::Gt(value) => claim.gt(scalar(value)),
            Self::Ge(value) => claim.ge(scalar(value)),
            Self::Lt(value) => claim.lt(scalar(value)),
            Self::Le(value) => claim.le(scalar(value)),
            Self::IsClaim(path) => claim.is_claim(path.clone()),
        }
    }

    fn holds(&self, claim: &Value, claims: &Value) -> bool {
        let ordered = |value: &Value, wanted: fn(i32) -> bool| match (claim, value) {
            (Value::Number(a), Value::Number(b)) => {
                let difference = a.as_f64().unwrap() - b.as_f64().unwrap();
                wanted(difference.partial_cmp(&0.0).unwrap() as i32)
            }
            (Value::String(a), Value::String(b)) => wanted(a.chars().cmp(b.chars()) as i32),
            _ => false,
        };
        match self {
            Self::Exists => true,
            Self::Eq(value) => same(claim, value),
            Self::Ne(value) => !same(claim, value),
            Self::In(values) => values.iter().any(|value| same(claim, value)),
            Self::Contains(value) => match (claim, value) {
                (Value::Array(list), _) => list.iter().any(|item| same(item, value)),
                (Value::String(text), Value::String(part)) => text.contains(part),
                _ => false,
            },
            Self::StartsWith(start) => claim.as_str().is_some_and(|text| text.starts_with(start)),
            Self::EndsWith(end) => claim.as_str().is_some_and(|text| text.ends_with(end)),
            Self::Gt(value) => ordered(value, |order| order > 0),
            Self::Ge(value) => ordered(value, |order| order >= 0),
            Self::Lt(value) => ordered(value, |order| order < 0),
            Self::Le(value) => ordered(value, |order| order <= 0),
            Self::IsClaim(path) => {
                let other = at(claims, path);
                (claim.is_string() || claim.is_number() || claim.is_boolean()) && same(claim, other)
            }
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b && !a.is_array() && !a.is_object(),
    }
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Bool(flag) => (*flag).into(),
        other => other.as_i64().map_or_else(|| other.as_f64().unwrap().into(), Scalar::from),
    }
}

/// Names that several claims and policies have in common, and odd ones.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "a:b", "a:*", "*", "a:b:c"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["", " ", "a b", "true", "3", "\"", "é", "in", "a\\", "\n", "&|!()"])
            .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        name().prop_map(Value::from),
        (-3..4i64).prop_map(Value::from),
        prop::sample::select(vec![0.5, -2.5, 2.0, 1e300]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

fn path() -> impl Strategy<Value = Vec<String>> {
    let known = vec!["plan", "tags", "deep.er", "deep.plan", "sub", "scope", "none", "a.b.c"];
    prop_oneof![
        8 => prop::sample::select(known).prop_map(|path| path.split('.').map(str::to_owned).collect()),
        1 => prop::collection::vec(any::<String>(), 1..3),
        1 => Just(vec!["dotted.name".to_owned()]),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Exists),
        value().prop_map(Test::Eq),
        value().prop_map(Test::Ne),
        prop::collection::vec(value(), 0..4).prop_map(Test::In),
        value().prop_map(Test::Contains),
        name().prop_map(Test::StartsWith),
        name().prop_map(Test::EndsWith),
        value().prop_map(Test::Gt),
        value().prop_map(Test::Ge),
        value().prop_map(Test::Lt),
        value().prop_map(Test::Le),
        path().prop_map(Test::IsClaim),
    ]
}

pub(crate) fn policies() -> impl Strategy<Value = Model> {
    let domains = vec!["example.com", "*.example.com", "b.example.com", "com", ""];
    let leaf = prop_oneof![
        1 => Just(Model::Authenticated),
        1 => Just(Model::Never),
        3 => name().prop_map(Model::Scope),
        3 => name().prop_map(Model::Role),
        3 => name().prop_map(Model::Permission),
        2 => name().prop_map(Model::Subject),
        3 => prop::sample::select(domains).prop_map(|domain| Model::EmailDomain(domain.to_owned())),
        2 => name().prop_map(Model::IssuedBy),
        2 => prop::sample::select(vec![0, 60, 90, 3_600, 86_400]).prop_map(Model::Fresh),
        2 => Just(Model::SecondFactor),
        6 => (path(), test()).prop_map(|(path, test)| Model::Claim(path, test)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            inner.clone().prop_map(|model| Model::Not(Box::new(model))),
            some().prop_map(Model::All),
            some().prop_map(Model::Any),
        ]
    })
}

pub(crate) fn claims() -> impl Strategy<Value = Value> {
    let list = || {
        prop_oneof![
            2 => prop::collection::vec(value(), 0..4).prop_map(Value::from),
            2 => prop::collection::vec(name(), 0..4).prop_map(|words| Value::from(words.join(" "))),
            1 => value(),
            1 => Just(Value::Null),
        ]
    };
    let emails = vec![
        json!("ann@example.com"),
        json!("ANN@Example.Com"),
        json!("ann@b.example.com"),
        json!("@example.com"),
        json!("ann@xexample.com"),
        json!("ann"),
        json!("ann@.example.com"),
        json!(7),
        json!(null),
    ];
    let verified = vec![json!(true), json!(false), json!("true"), json!("false"), json!(null)];
    let times = vec![
        json!(NOW),
        json!(NOW - 61),
        json!(NOW + 60),
        json!(NOW + 61),
        json!(NOW as f64 - 0.5),
        json!(NOW - 4_000),
        json!("soon"),
        json!(null),
    ];
    let methods = prop::collection::vec(
        prop::sample::select(vec!["pwd", "otp", "hwk", "fpt", "mfa", "geo"]),
        0..3,
    );
    let classes = vec![
        json!("http://schemas.openid.net/pape/policies/2007/06/multi-factor"),
        json!("0"),
        json!(null),
    ];
    let many = (
        (list(), list(), list(), list()),
        prop::sample::select(emails),
        prop::sample::select(verified),
        (prop::sample::select(times.clone()), prop::sample::select(times)),
        methods,
        prop::sample::select(classes),
        (value(), list(), value(), value()),
        (value(), value()),
    );
    many.prop_map(|(lists, email, verified, times, amr, acr, plain, deep)| {
        json!({
            "scope": lists.0, "scp": lists.1, "roles": lists.2, "permissions": lists.3,
            "email": email, "email_verified": verified, "auth_time": times.0, "iat": times.1,
            "amr": amr, "acr": acr,
            "plan": plain.0, "tags": plain.1, "sub": plain.2, "iss": plain.3,
            "deep": {"er": deep.0, "plan": deep.1}, "dotted.name": "a",
        })
    })
}
