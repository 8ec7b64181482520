//! Route rules in the form of a configuration file.

use crate::core::Error;
use crate::policy::{Policy, PolicyParser};
use serde::{Deserialize, Serialize};

/// A rule of a [`RouteTable`](super::RouteTable) in a configuration file.
///
/// Rules are added with [`RouteTableBuilder::rules`](super::RouteTableBuilder::rules).
///
/// ```toml
/// [[guards]]
/// path = "/articles/{id}"
/// methods = "PUT DELETE"              # or ["PUT", "DELETE"]; without it, every other method
/// policy = "role:editor & !role:suspended"
///
/// [[guards]]
/// path = "/assets/{*file}"
/// public = true
/// ```
///
/// # Example
/// ```
/// use jamguard::policy::{PolicyParser, RouteRule, RouteTable, Unmatched};
///
/// let file = r#"[
///     {"path": "/articles/{id}", "methods": ["PUT", "DELETE"], "policy": "role:editor"},
///     {"path": "/articles/{id}", "methods": "GET", "public": true}
/// ]"#;
/// let rules: Vec<RouteRule> = serde_json::from_str(file)?;
/// let table = RouteTable::builder(Unmatched::Deny)
///     .rules(rules, &PolicyParser::new())?
///     .build()?;
/// assert_eq!(table.to_string(), "\
/// PUT DELETE  /articles/{id}  role:editor
/// GET         /articles/{id}  public
/// *           anything else   closed
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(description = "A rule for routes: a policy, or public.")
)]
#[serde(deny_unknown_fields)]
pub struct RouteRule {
    /// The pattern of the paths, such as `/articles/{id}` or `/assets/{*file}`.
    path: String,
    /// The methods. Default: every method that no other rule of the pattern names.
    #[serde(default)]
    methods: Methods,
    /// The policy, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// Allows requests without a login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "methods are a string such as \"GET POST\", or a list of them")]
enum Methods {
    Text(String),
    List(Vec<String>),
}

impl Default for Methods {
    fn default() -> Self {
        Self::Text("*".to_owned())
    }
}

impl RouteRule {
    /// Returns the methods, the pattern, and the policy of a rule that is not public.
    pub(super) fn read(
        self,
        parser: &PolicyParser,
    ) -> Result<(String, String, Option<Policy>), Error> {
        let methods = match self.methods {
            Methods::Text(text) => text,
            Methods::List(names) => names.join(" "),
        };
        let path = self.path;
        let wrong = |why: &str| {
            Error::configuration(format!("the rule '{methods} {path}' of the route table: {why}"))
        };
        let policy = match (self.policy, self.public) {
            (Some(text), false) => {
                let policy = parser.parse(&text);
                Some(policy.map_err(|error| wrong(error.message()))?)
            }
            (None, true) => None,
            (Some(_), true) => return Err(wrong("it has a policy and is public: keep one")),
            (None, false) => return Err(wrong("give it a policy, or public = true")),
        };
        Ok((methods, path, policy))
    }
}
