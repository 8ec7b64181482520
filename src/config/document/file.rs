//! A configuration, read and pointed into.

use super::contents::Contents;
use super::format::Format;
use super::interpolate::interpolate;
use super::json;
use super::node::{Node, Value};
use super::problem::{Problem, advice};
use super::redaction::Redaction;
use crate::core::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where `${NAME}` is looked up.
pub(in crate::config) type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A configuration file, of which [`Jam`](crate::Jam) reads one part and your application may read
/// others: with the same formats, variables and errors.
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
        Self {
            root,
            file: file.map(Path::to_owned),
            variables: Arc::new(|name| std::env::var(name).ok()),
        }
    }

    /// Reads a file; its extension says in which [`Format`].
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with the file's name, and the
    /// line where it stops being what its extension says.
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

    /// Reads a text.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_str(text: &str, format: Format) -> Result<Self, Error> {
        let root = format.parse(text);
        Ok(Self::new(
            root.map_err(|problem| problem.into_error(None, ""))?,
            None,
        ))
    }

    /// Takes over a value of your own: a map, a type, a tree that another library read.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where JSON could not hold it.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        let value = serde_json::to_value(value).map_err(|_| {
            Error::configuration("the configuration is no value that JSON could hold")
        })?;
        let root = json::from_value(value, 0);
        Ok(Self::new(
            root.map_err(|problem| problem.into_error(None, ""))?,
            None,
        ))
    }

    /// Looks variables up here and not in the process's environment.
    #[must_use]
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(variable);
        self
    }

    pub(in crate::config) fn with_shared_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Reads what is at a pointer, table names with dots in between; an empty one is the whole.
    /// Only there variables are put in.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with file, line and key, where
    /// there is nothing at the pointer, a variable is not set, or the content is not a `T`. It holds
    /// no text of the file of eight bytes or more, but for keys.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Error> {
        let node = self.at(pointer)?;
        T::deserialize(&node)
            .map_err(|problem| self.error(problem.redacted(&Redaction::of(&node)), pointer))
    }

    /// What is at a pointer, with its variables put in.
    pub(in crate::config) fn at(&self, pointer: &str) -> Result<Node, Error> {
        let mut node = self.find(pointer)?.clone();
        let interpolated = interpolate(&mut node, &*self.variables);
        interpolated.map_err(|problem| self.error(problem, pointer))?;
        Ok(node)
    }

    fn find(&self, pointer: &str) -> Result<&Node, Error> {
        let mut node = &self.root;
        let mut line = None;
        if !pointer.is_empty() {
            for name in pointer.split('.') {
                let refuse = |message: String| {
                    let problem = Problem::new(message).at(pointer, line.or(node.line));
                    self.error(problem, "")
                };
                let Value::Table(entries) = &node.value else {
                    let kind = node.kind();
                    return Err(refuse(format!(
                        "the pointer leads into what is no table but {kind}, at '{name}'"
                    )));
                };
                let Some(entry) = entries.iter().find(|entry| entry.key == name) else {
                    let names: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
                    let advice = advice(name, &names, "there is nothing");
                    return Err(refuse(format!(
                        "the pointer leads nowhere: there is no '{name}'; {advice}"
                    )));
                };
                (node, line) = (&entry.node, entry.line);
            }
        }
        match &node.value {
            Value::Table(_) => Ok(node),
            _ => {
                let kind = node.kind();
                let message = format!("the pointer leads to what is no table but {kind}");
                Err(self.error(Problem::new(message).at(pointer, line), ""))
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

/// Without its content, which may hold secrets.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
