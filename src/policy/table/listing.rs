//! Route tables as text, JSON and OpenAPI.

use super::methods::Methods;
use super::route_table::{Route, RouteTable, Rule, Unmatched};
use crate::policy::Policy;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt};

fn access(policy: &Option<Policy>) -> String {
    policy.as_ref().map_or_else(|| "public".to_owned(), Policy::to_string)
}

impl RouteTable {
    fn rules(&self) -> impl Iterator<Item = (&Route, &Rule)> {
        let routes = self.0.routes.iter();
        routes.flat_map(|route| route.rules.iter().map(move |rule| (route, rule)))
    }

    fn rest(&self) -> &'static str {
        match self.0.unmatched {
            Unmatched::Deny => "closed",
            Unmatched::Allow => "public",
        }
    }

    /// Returns the table as the `paths` object of an [OpenAPI] description, in JSON.
    ///
    /// Each operation has its `security` under the given security scheme, and the policy as text in
    /// `x-policy`. Alternatives of a policy become alternative requirements, each with its scopes;
    /// OpenAPI cannot express other conditions, which are in `x-policy` only. Patterns with
    /// `{*rest}` are written `{rest}`. Merge the result into your application's description.
    ///
    /// # Example
    /// ```
    /// use jamguard::policy::{RouteTable, Unmatched, role, scope};
    /// let table = RouteTable::builder(Unmatched::Deny)
    ///     .guard("GET", "/orders", scope("orders.read") | role("admin"))
    ///     .build()?;
    /// assert_eq!(table.openapi("bearer"), r#"{
    ///   "/orders": {
    ///     "get": {
    ///       "security": [
    ///         {
    ///           "bearer": [
    ///             "orders.read"
    ///           ]
    ///         },
    ///         {
    ///           "bearer": []
    ///         }
    ///       ],
    ///       "x-policy": "scope:orders.read | role:admin"
    ///     }
    ///   }
    /// }"#);
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    ///
    /// [OpenAPI]: https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object
    pub fn openapi(&self, scheme: &str) -> String {
        /// The methods of a path item.
        const METHODS: [&str; 8] =
            ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];
        let mut paths: BTreeMap<String, BTreeMap<String, Operation>> = BTreeMap::new();
        for route in &self.0.routes {
            let item = paths.entry(route.pattern.replace("{*", "{")).or_default();
            for rule in &route.rules {
                let named = |method: &str| route.rules.iter().any(|rule| rule.methods.has(method));
                let covers = |method: &str| match rule.methods {
                    Methods::Other => !named(method),
                    _ => rule.methods.has(method),
                };
                for method in METHODS.into_iter().filter(|method| covers(method)) {
                    item.insert(method.to_ascii_lowercase(), Operation::new(&rule.policy, scheme));
                }
            }
        }
        // Strings, lists and maps with string keys always serialize.
        serde_json::to_string_pretty(&paths).unwrap_or_default()
    }
}

/// The part of an OpenAPI operation that a table knows.
#[derive(Serialize)]
struct Operation {
    security: Vec<BTreeMap<String, Vec<String>>>,
    #[serde(rename = "x-policy")]
    policy: String,
}

impl Operation {
    fn new(policy: &Option<Policy>, scheme: &str) -> Self {
        let alternatives = policy.as_ref().map(Policy::scope_alternatives);
        let requirement = |scopes| BTreeMap::from([(scheme.to_owned(), scopes)]);
        Self {
            security: alternatives.unwrap_or_default().into_iter().map(requirement).collect(),
            policy: access(policy),
        }
    }
}

/// Writes one line per rule, in the order in which they were added.
impl fmt::Display for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<[String; 3]> = self
            .rules()
            .map(|(route, rule)| {
                let pattern = route.pattern.clone();
                [rule.methods.to_string(), pattern, access(&rule.policy)]
            })
            .collect();
        rows.push(["*", "anything else", self.rest()].map(str::to_owned));
        let width = |column: usize| {
            let lengths = rows.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or_default()
        };
        let (first, second) = (width(0), width(1));
        rows.iter().try_for_each(|[a, b, c]| writeln!(f, "{a:first$}  {b:second$}  {c}"))
    }
}

/// Serializes as `{"routes": [{"methods", "path", "access"}, …], "unmatched"}`.
///
/// `access` is `public` or the policy's text; `unmatched` is `public` or `closed`.
impl Serialize for RouteTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            methods: String,
            path: &'a str,
            access: String,
        }
        let lines: Vec<_> = self
            .rules()
            .map(|(route, rule)| Line {
                methods: rule.methods.to_string(),
                path: &route.pattern,
                access: access(&rule.policy),
            })
            .collect();
        let mut table = serializer.serialize_struct("RouteTable", 2)?;
        table.serialize_field("routes", &lines)?;
        table.serialize_field("unmatched", self.rest())?;
        table.end()
    }
}
