//! The parser of policy texts.

use super::condition::{Attributes, Comparison, Condition, Test};
use super::constructors;
use super::custom::Custom;
use super::expression::{Node, Policy};
use super::lexer::Lexer;
use super::path::ClaimPath;
use super::print::{is_bare, number};
use super::scalar::{Kind, Scalar};
use super::subject::Subject;
use crate::core::Error;
use serde::{Deserialize, Deserializer};
use std::{borrow::Cow, future::Future, str::FromStr};

/// Maximum nesting depth of parentheses.
const MAX_DEPTH: usize = 64;
/// Maximum length of a policy text, in bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// A parser of policy texts, with the custom conditions that a text may name.
///
/// Without custom conditions, `text.parse::<Policy>()` does the same. The grammar, with blanks
/// allowed between any two parts:
///
/// ```text
/// policy    = all *( "|" all )
/// all       = single *( "&" single )
/// single    = *"!" ( condition / "(" policy ")" )
/// condition = "authenticated" / "second_factor" / "never"
///           / ( "scope" / "role" / "permission" / "subject" / "email_domain" / "issued_by"
///             / "custom" ) ":" word
///           / "fresh" ":" 1*DIGIT ( "s" / "m" / "h" / "d" )
///           / ( "claim" / "resource" ) ":" path [ test ]
/// test      = ( "=" / "!=" / "<" / "<=" / ">" / ">=" / "contains" ) value
///           / "in" "[" [ value *( "," value ) ] "]"
///           / ( "starts_with" / "ends_with" ) word
///           / "is_claim" path
/// path      = word *( "." word )      ; a name with a dot in it must be quoted
/// value     = word                    ; unquoted true, false and numbers are not strings
/// word      = 1*bare / quoted
/// bare      = any visible ASCII character except & | ! ( ) [ ] , = < > and "
/// quoted    = a JSON string
/// ```
///
/// `!` binds tighter than `&`, and `&` tighter than `|`. Parentheses nest at most 64 deep, and a
/// text has at most 64 KiB.
///
/// # Example
/// ```
/// use jamguard::policy::PolicyParser;
///
/// let parser = PolicyParser::new()
///     .custom("office_hours", |_| true);
/// let policy = parser.parse(r#"(role:clerk | claim:"https://example.com/rank" >= 3) & custom:office_hours"#)?;
///
/// let error = parser.parse("role:clerk & (role:night").unwrap_err();
/// assert_eq!(error.message(),
///     "column 25 of the policy: expected '&', '|', or ')' for the '(' in column 14, found the end");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct PolicyParser {
    customs: Vec<Custom>,
}

impl PolicyParser {
    /// Returns a parser without custom conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition under its name, like [`custom`](super::custom()).
    ///
    /// If two have the same name, the first applies.
    #[must_use]
    pub fn custom(
        mut self,
        name: impl Into<String>,
        check: impl Fn(&Subject<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.customs.push(Custom::now(name.into(), check));
        self
    }

    /// Adds an async condition under its name, like [`custom_async`](super::custom_async).
    ///
    /// If two have the same name, the first applies.
    #[must_use]
    pub fn custom_async<F>(
        mut self,
        name: impl Into<String>,
        check: impl Fn(&Subject<'_>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<bool, Error>> + Send + 'static,
    {
        self.customs.push(Custom::later(name.into(), check));
        self
    }

    /// Parses a policy.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration): the message names the column
    /// (in characters, from 1), what was expected there, and what was found.
    pub fn parse(&self, text: &str) -> Result<Policy, Error> {
        let lexer = Lexer { text, at: 0 };
        if text.len() > MAX_LENGTH {
            return Err(lexer.error("a text of at most 64 KiB", "more"));
        }
        let mut parser = Parser { lexer, depth: 0, customs: &self.customs };
        let node = parser.any()?;
        parser.lexer.skip_blanks();
        if !parser.lexer.rest().is_empty() {
            return Err(parser.lexer.expected("'&', '|' or the end"));
        }
        Ok(node.into())
    }
}

impl std::fmt::Debug for PolicyParser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.customs.iter().map(|custom| &custom.name);
        f.debug_set().entries(names).finish()
    }
}

impl FromStr for Policy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        PolicyParser::new().parse(text)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The argument after a keyword, and how it makes a condition.
enum Argument {
    Absent(fn() -> Node),
    Word(fn(Box<str>) -> Condition),
    Claim(Attributes),
    Duration,
    Domain,
    Custom,
}

/// Every keyword of the language; any other name is an error.
const KEYWORDS: [(&str, Argument); 13] = [
    ("authenticated", Argument::Absent(|| Node::Condition(Condition::Authenticated))),
    ("second_factor", Argument::Absent(|| Node::Condition(Condition::SecondFactor))),
    ("never", Argument::Absent(|| Node::NEVER)),
    ("scope", Argument::Word(Condition::Scope)),
    ("role", Argument::Word(Condition::Role)),
    ("permission", Argument::Word(Condition::Permission)),
    ("claim", Argument::Claim(Attributes::Claims)),
    ("resource", Argument::Claim(Attributes::Resource)),
    ("subject", Argument::Word(Condition::Subject)),
    ("email_domain", Argument::Domain),
    ("issued_by", Argument::Word(Condition::IssuedBy)),
    ("fresh", Argument::Duration),
    ("custom", Argument::Custom),
];

/// Lists the keywords for an error text.
fn expected_keywords() -> String {
    let names = KEYWORDS.iter().map(|(name, argument)| match argument {
        Argument::Absent(_) => (*name).to_owned(),
        _ => format!("{name}:"),
    });
    let names: Vec<_> = names.collect();
    format!("a condition ({}), '!' or '('", names.join(", "))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Number of parentheses that are open.
    depth: usize,
    customs: &'a [Custom],
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Node, Error> {
        self.operands("|", Self::all).map(Node::any)
    }

    fn all(&mut self) -> Result<Node, Error> {
        self.operands("&", Self::single).map(Node::all)
    }

    fn operands(
        &mut self,
        sign: &str,
        operand: fn(&mut Self) -> Result<Node, Error>,
    ) -> Result<Vec<Node>, Error> {
        let mut nodes = vec![operand(self)?];
        while self.lexer.eat(sign) {
            nodes.push(operand(self)?);
        }
        Ok(nodes)
    }

    fn single(&mut self) -> Result<Node, Error> {
        let mut negated = false;
        while self.lexer.eat("!") {
            negated = !negated;
        }
        self.lexer.skip_blanks();
        let opening = self.lexer.at;
        let node = if self.lexer.eat("(") { self.parenthesis(opening)? } else { self.condition()? };
        Ok(if negated { node.not() } else { node })
    }

    fn parenthesis(&mut self, opening: usize) -> Result<Node, Error> {
        if self.depth == MAX_DEPTH {
            self.lexer.at = opening;
            return Err(self.lexer.error("at most 64 parentheses in each other", "one more"));
        }
        self.depth += 1;
        let node = self.any()?;
        self.depth -= 1;
        if self.lexer.eat(")") {
            return Ok(node);
        }
        let column = self.lexer.column(opening);
        Err(self.lexer.expected(&format!("'&', '|', or ')' for the '(' in column {column}")))
    }

    fn condition(&mut self) -> Result<Node, Error> {
        let name = self.lexer.leading(|c| c.is_ascii_lowercase() || c == '_');
        let Some((_, argument)) = KEYWORDS.iter().find(|(keyword, _)| *keyword == name) else {
            return Err(self.lexer.expected(&expected_keywords()));
        };
        self.lexer.at += name.len();
        if !matches!(argument, Argument::Absent(_)) {
            self.lexer.require(":", &format!("':' after '{name}'"))?;
        }
        Ok(match argument {
            Argument::Absent(node) => node(),
            Argument::Word(condition) => {
                let value = self.lexer.filled(&format!("a value for '{name}'"))?;
                Node::Condition(condition(value.text.into()))
            }
            Argument::Claim(attributes) => Node::Condition(self.claim(*attributes)?),
            Argument::Duration => Node::Condition(Condition::Fresh(self.seconds()?)),
            Argument::Domain => self.domain()?,
            Argument::Custom => Node::Condition(self.custom()?),
        })
    }

    fn domain(&mut self) -> Result<Node, Error> {
        let word = self.lexer.filled("a domain")?;
        match constructors::email_domain(word.text).node {
            node if node == Node::NEVER => Err(self.lexer.expected_at(word.at, "a domain")),
            node => Ok(node),
        }
    }

    fn custom(&mut self) -> Result<Condition, Error> {
        let word = self.lexer.word("the name of a condition")?;
        if let Some(custom) = self.customs.iter().find(|custom| *custom.name == *word.text) {
            return Ok(Condition::Custom(custom.clone()));
        }
        let names: Vec<_> = self.customs.iter().map(|custom| &*custom.name).collect();
        let known = match names.is_empty() {
            true => "a known condition (the parser was given none)".to_owned(),
            false => format!("one of the parser's conditions ({})", names.join(", ")),
        };
        Err(self.lexer.expected_at(word.at, &known))
    }

    fn seconds(&mut self) -> Result<u64, Error> {
        let word = self.lexer.word("a time such as 15m")?;
        let seconds = || {
            let (at, unit) = word.text.char_indices().next_back()?;
            let length = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return None,
            };
            let count = &word.text[..at];
            let digits = count.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| count.parse::<u64>().ok()?.checked_mul(length))?
        };
        seconds()
            .ok_or_else(|| self.lexer.expected_at(word.at, "a time in s, m, h or d, such as 15m"))
    }

    fn claim(&mut self, attributes: Attributes) -> Result<Condition, Error> {
        let path = self.path()?;
        Ok(Condition::Claim(attributes, path, self.test()?))
    }

    fn path(&mut self) -> Result<ClaimPath, Error> {
        let mut names = Vec::new();
        loop {
            names.push(match self.lexer.rest().trim_ascii_start().starts_with('"') {
                true => self.lexer.word("a claim's name")?.text.into_owned(),
                false => self.name()?,
            });
            if !self.lexer.rest().starts_with('.') {
                return Ok(ClaimPath::from(names));
            }
            self.lexer.at += 1;
        }
    }

    /// Reads an unquoted name of a path.
    fn name(&mut self) -> Result<String, Error> {
        self.lexer.skip_blanks();
        let name = self.lexer.leading(|c| c != '.' && is_bare(c));
        if name.is_empty() {
            return Err(self.lexer.expected("a claim's name"));
        }
        self.lexer.at += name.len();
        Ok(name.to_owned())
    }

    fn test(&mut self) -> Result<Test, Error> {
        for (sign, comparison) in Comparison::BY_SIGN {
            if self.lexer.eat(sign) {
                return Ok(Test::Compared(comparison, self.value()?));
            }
        }
        self.lexer.skip_blanks();
        let operator = self.lexer.leading(is_bare);
        self.lexer.at += operator.len();
        Ok(match operator {
            "" => Test::Exists,
            "in" => Test::In(self.list()?),
            "contains" => Test::Contains(self.value()?),
            "starts_with" => Test::StartsWith(self.lexer.word("a text")?.text.into()),
            "ends_with" => Test::EndsWith(self.lexer.word("a text")?.text.into()),
            "is_claim" => Test::IsClaim(self.path()?),
            _ => {
                return Err(self.lexer.expected_at(
                    self.lexer.at - operator.len(),
                    "one of = != < <= > >= in contains starts_with ends_with is_claim, or '&', '|', ')' \
                     or the end",
                ));
            }
        })
    }

    fn list(&mut self) -> Result<Vec<Scalar>, Error> {
        self.lexer.require("[", "'[' after 'in'")?;
        let mut values = Vec::new();
        let mut closed = self.lexer.eat("]");
        while !closed {
            values.push(self.value()?);
            closed = self.lexer.eat("]");
            if !closed {
                self.lexer.require(",", "',' or ']'")?;
            }
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<Scalar, Error> {
        let word = self.lexer.word("a value")?;
        Ok(Scalar(match &*word.text {
            "true" if !word.quoted => Kind::Bool(true),
            "false" if !word.quoted => Kind::Bool(false),
            text => match number(text).filter(|_| !word.quoted) {
                Some(number) => Kind::Number(number),
                None => Kind::Text(text.into()),
            },
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_makes_its_own_condition() {
        let parser = PolicyParser::new().custom("own", |_| false);
        let mut seen = Vec::new();
        for (name, argument) in &KEYWORDS {
            let text = match argument {
                Argument::Absent(_) => (*name).to_owned(),
                Argument::Word(_) | Argument::Claim(_) => format!("{name}:own"),
                Argument::Duration => format!("{name}:15m"),
                Argument::Domain => format!("{name}:example.com"),
                Argument::Custom => format!("{name}:own"),
            };
            let policy = parser.parse(&text).unwrap();
            assert_eq!(policy.to_string(), text);
            assert!(!seen.contains(&policy), "{text}");
            seen.push(policy);
            let listed = parser.parse("nonsense").unwrap_err();
            assert!(listed.message().contains(name), "{listed}");
        }
    }
}
