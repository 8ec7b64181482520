//! What a file cannot say.

use super::facade::Jam;
use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::{Contents, Document, Format, Node, Redaction, Variables};
use crate::config::parts::{Change, Files, Parts, Settings, Spot, World};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::policy::PolicyParser;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Begins a [`Jam`] with what a file cannot say: stores, conditions and hooks of your own.
///
/// # Example
/// ```
/// use jamguard::{Jam, config::Format, policy::PolicyParser, store::MemoryStore};
///
/// let own_store = MemoryStore::new();                 // or any other Store
/// let jam = Jam::builder()
///     .store("mine", own_store)
///     .policies(PolicyParser::new().custom("weekday", |_| true))
///     .authenticator(|auth| auth.on_refusal(|_, challenge| challenge.with_header("x-app", "shop")))
///     .from_str(r#"
///         [jam]
///         unmatched = "deny"
///         guards = [{ path = "/reports", policy = "custom:weekday" }]
///         sessions = { store = "mine" }
///     "#, Format::Toml);
/// # #[cfg(feature = "session")]
/// # jam?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Clone)]
pub struct JamBuilder {
    pub(super) pointer: String,
    stores: BTreeMap<String, Arc<dyn Store>>,
    variables: Variables,
    clock: Arc<dyn Clock>,
    policies: PolicyParser,
    change: Option<Arc<Change>>,
}

/// A file's content and what it came to.
pub(super) struct Loaded {
    /// With its variables put in.
    pub(super) node: Node,
    pub(super) settings: Settings,
    pub(super) parts: Parts,
    pub(super) files: Files,
}

impl Default for JamBuilder {
    fn default() -> Self {
        Self {
            pointer: "jam".to_owned(),
            stores: BTreeMap::new(),
            variables: Arc::new(|name| std::env::var(name).ok()),
            clock: Arc::new(SystemClock),
            policies: PolicyParser::new(),
            change: None,
        }
    }
}

impl JamBuilder {
    /// Where in the file the settings stand, table names with dots in between; `jam` unless set.
    /// Empty: the file has nothing else.
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// A store of your own, which the file names like one that it declares.
    pub fn store(mut self, name: impl Into<String>, store: impl Store) -> Self {
        self.stores.insert(name.into(), Arc::new(store));
        self
    }

    /// Where variables are looked up; in the process's environment unless set.
    pub fn variables(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(variable);
        self
    }

    /// The clocks of everything that is built; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The conditions of your own that the file's policies may name.
    pub fn policies(mut self, parser: PolicyParser) -> Self {
        self.policies = parser;
        self
    }

    /// Adds to the authenticator of the file what only code can: hooks, other verifiers. It runs
    /// again for each file that is looked at, with a builder of its own.
    pub fn authenticator(
        mut self,
        change: impl Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Builds what a file describes. Its extension says in which [`Format`] it is.
    ///
    /// # Errors
    /// As [`Jam::from_file`].
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Jam, Error> {
        // It is read again, wherever the process works by then.
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        let document = Document::from_file(&path)?;
        Jam::new(self, &document, Some(&path))
    }

    /// Builds what a text describes.
    ///
    /// # Errors
    /// As [`Jam::from_file`].
    pub fn from_str(self, text: &str, format: Format) -> Result<Jam, Error> {
        Jam::new(self, &Document::from_str(text, format)?, None)
    }

    /// Builds what a value of your own describes.
    ///
    /// # Errors
    /// As [`Jam::from_file`].
    pub fn from_value<T: Serialize + ?Sized>(self, value: &T) -> Result<Jam, Error> {
        Jam::new(self, &Document::from_value(value)?, None)
    }

    /// Checks a file as [`from_file`](Self::from_file) does, and opens no store.
    ///
    /// # Errors
    /// As [`Jam::from_file`].
    pub fn check_file(self, path: impl AsRef<Path>) -> Result<(), Error> {
        let document = Document::from_file(path)?;
        self.load(&document, &Arc::default(), true).map(drop)
    }

    /// Reads and builds everything; `dry` without opening stores.
    pub(super) fn load(
        &self,
        document: &Document,
        contents: &Arc<Contents>,
        dry: bool,
    ) -> Result<Loaded, Error> {
        let document = document
            .clone()
            .with_shared_variables(self.variables.clone());
        let node = document.at(&self.pointer)?;
        let checked = node.check_no_value_missing();
        checked.map_err(|problem| document.error(problem, &self.pointer))?;
        self.build(&document, node, contents, dry)
    }

    pub(super) fn build(
        &self,
        document: &Document,
        node: Node,
        contents: &Arc<Contents>,
        dry: bool,
    ) -> Result<Loaded, Error> {
        let folder = document.file().and_then(Path::parent);
        let world = World::new(
            folder.map_or_else(PathBuf::new, Path::to_owned),
            self.clock.clone(),
            self.policies.clone(),
            self.stores.clone(),
            dry,
            contents.clone(),
        );
        let built = Settings::deserialize(&node).and_then(|settings| {
            let parts = settings.build(&Spot::root(&world, &node), self.change.as_deref())?;
            Ok((settings, parts))
        });
        let (settings, parts) = built.map_err(|problem| {
            let redaction = Redaction::of(&node).with_files(contents);
            document.error(problem.redacted(&redaction), &self.pointer)
        })?;
        Ok(Loaded {
            node,
            settings,
            parts,
            files: world.into_files(),
        })
    }
}

impl fmt::Debug for JamBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JamBuilder")
            .field("pointer", &self.pointer)
            .finish_non_exhaustive()
    }
}
