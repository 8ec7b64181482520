//! A configuration file, whose tables are read by a pointer.

use super::contents::Contents;
use super::format::Format;
use super::interpolate::interpolate;
use super::json;
use super::node::{Node, Value};
use super::problem::{Problem, advice};
use super::redaction::Redaction;
use crate::core::{Error, debug_fields};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lookup of variables such as `${NAME}`.
pub(in crate::config) type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Returns the lookup of the process's environment.
pub(in crate::config) fn environment() -> Variables {
    Arc::new(|name| std::env::var(name).ok())
}

/// A configuration file that [`Jamguard`](crate::Jamguard) and your application can share.
///
/// Each reads its own table, with the same formats, variables and errors.
///
/// # Example
/// ```
/// use jamguard::config::{Document, Format};
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Shop { currency: String }
///
/// let file = "
/// [shop]
/// currency = '${SHOP_CURRENCY:-EUR}'
/// ";
/// let document = Document::from_str(file, Format::Toml)?;
/// let shop: Shop = document.read("shop")?;
/// assert_eq!(shop.currency, "EUR");
///
/// let typo = Document::from_str("[shop]\ncurency = 'EUR'", Format::Toml)?;
/// let error = typo.read::<Shop>("shop").err().unwrap();
/// assert_eq!(
///     error.message(),
///     "configuration:2: shop.curency: unknown key: did you mean 'currency'?"
/// );
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct Document {
    root: Node,
    file: Option<PathBuf>,
    variables: Variables,
}

impl Document {
    fn new(root: Node, file: Option<&Path>) -> Self {
        Self { root, file: file.map(Path::to_owned), variables: environment() }
    }

    /// Reads a file. Its extension determines the [`Format`].
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with the file's name, and the
    /// line of the syntax error, if any.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_contents(path.as_ref(), &Contents::default())
    }

    pub(in crate::config) fn from_contents(
        path: &Path,
        contents: &Contents,
    ) -> Result<Self, Error> {
        let format = Format::of(path)?;
        let wrong = |problem: Problem| problem.into_error(Some(path), "");
        let bytes = contents.read(path).map_err(wrong)?;
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| wrong(Problem::new("it is not UTF-8")))?;
        Ok(Self::new(format.parse(text).map_err(wrong)?, Some(path)))
    }

    /// Reads a string.
    ///
    /// # Errors
    /// See [`from_file`](Self::from_file).
    pub fn from_str(text: &str, format: Format) -> Result<Self, Error> {
        let root = format.parse(text);
        Ok(Self::new(root.map_err(|problem| problem.into_error(None, ""))?, None))
    }

    /// Converts a value: a map, a type of yours, or a tree that another library read.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if JSON cannot represent it.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        let value = serde_json::to_value(value).map_err(|_| {
            Error::configuration("the value of the configuration cannot be represented as JSON")
        })?;
        let root = json::from_value(value, 0);
        Ok(Self::new(root.map_err(|problem| problem.into_error(None, ""))?, None))
    }

    /// Sets the lookup of variables. Default: the process's environment.
    #[must_use]
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(variable);
        self
    }

    /// Reads the table at a pointer: table names separated by dots, or empty for the whole file.
    ///
    /// Variables are expanded in this table only.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with file, line and key, if no
    /// table is at the pointer, a variable is unset, or the table is not a `T`. Its message shows
    /// no string of the file of 8 bytes or more, except keys.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Error> {
        let node = self.expand(pointer, &self.variables)?;
        T::deserialize(&node)
            .map_err(|problem| self.error(Redaction::of(&node).apply(problem), pointer))
    }

    /// Returns the table at a pointer, with these variables expanded.
    pub(in crate::config) fn expand(
        &self,
        pointer: &str,
        variables: &Variables,
    ) -> Result<Node, Error> {
        let found = self.find(pointer).map_err(|problem| self.error(problem, ""))?;
        let mut node = found.clone();
        let expanded = interpolate(&mut node, &**variables);
        expanded.map_err(|problem| self.error(problem, pointer))?;
        Ok(node)
    }

    fn find(&self, pointer: &str) -> Result<&Node, Problem> {
        let (mut node, mut line) = (&self.root, None);
        for name in pointer.split('.').filter(|_| !pointer.is_empty()) {
            let wrong = |message: String| Problem::new(message).at(pointer, line.or(node.line));
            let Value::Table(entries) = &node.value else {
                return Err(wrong(format!(
                    "the pointer leads through {} where a table is needed, at '{name}'",
                    node.kind()
                )));
            };
            let Some(entry) = node.get(name) else {
                let names: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
                let advice = advice(name, &names, "there is nothing");
                return Err(wrong(format!(
                    "the pointer leads nowhere: there is no '{name}'; {advice}"
                )));
            };
            (node, line) = (&entry.node, entry.line);
        }
        match &node.value {
            Value::Table(_) => Ok(node),
            _ => {
                let message = format!("the pointer must lead to a table, not to {}", node.kind());
                Err(Problem::new(message).at(pointer, line))
            }
        }
    }

    pub(in crate::config) fn error(&self, problem: Problem, pointer: &str) -> Error {
        problem.into_error(self.file.as_deref(), pointer)
    }

    pub(in crate::config) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

// Leaves out the content, which may contain secrets.
debug_fields!(Document, self, file = self.file);
