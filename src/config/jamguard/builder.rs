//! The builder of a [`Jamguard`]: settings that a file cannot contain.

use super::facade::Jamguard;
use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::{
    Contents, Document, Format, Node, Redaction, Variables, environment,
};
use crate::config::parts::{AllSettings, Built, Change, Files, Spot, World};
use crate::core::settings::setters;
use crate::core::{Clock, Error, SystemClock, debug_fields, lock};
use crate::policy::PolicyParser;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A builder of a [`Jamguard`], for what a file cannot contain: your own stores, conditions and hooks.
///
/// # Example
/// ```
/// use jamguard::{Jamguard, config::Format, policy::PolicyParser, store::MemoryStore};
///
/// let own_store = MemoryStore::new();                 // or any other Store
/// let jam = Jamguard::builder()
///     .store("mine", own_store)
///     .policies(PolicyParser::new().custom("weekday", |_| true))
///     .authenticator(|auth| auth.on_refusal(|_, challenge| challenge.with_header("x-app", "shop")))
///     .from_str(r#"
///         [jam]
///         unmatched = "deny"
///         guards = [{ path = "/reports", policy = "custom:weekday" }]
///         sessions = { store = "mine" }
///     "#, Format::Toml);
/// # jam?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Clone)]
pub struct JamguardBuilder {
    pub(super) pointer: String,
    stores: BTreeMap<String, Arc<dyn Store>>,
    variables: Variables,
    clock: Arc<dyn Clock>,
    policies: PolicyParser,
    change: Option<Arc<Change>>,
}

/// The content of a file and what was built from it.
pub(super) struct Loaded {
    /// The settings with their variables expanded.
    pub(super) node: Node,
    pub(super) built: Built,
    pub(super) files: Files,
}

impl Default for JamguardBuilder {
    fn default() -> Self {
        Self {
            pointer: "jam".to_owned(),
            stores: BTreeMap::new(),
            variables: environment(),
            clock: Arc::new(SystemClock),
            policies: PolicyParser::new(),
            change: None,
        }
    }
}

impl JamguardBuilder {
    setters! {
        /// Sets the pointer to the settings in the file: table names separated by dots. Default:
        /// `jam`.
        ///
        /// An empty pointer means that the whole file is the settings.
        pub fn pointer(pointer: impl Into<String>) { self.pointer = pointer.into() }

        /// Adds your own store, which the file refers to by this name.
        pub fn store(name: impl Into<String>, store: impl Store) {
            self.stores.insert(name.into(), Arc::new(store))
        }
    }

    /// Sets the lookup of variables. Default: the process's environment.
    pub fn variables(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(variable);
        self
    }

    setters! {
        /// Sets the clock of everything that is built. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Sets the parser of the file's policies, which adds your own conditions.
        pub fn policies(parser: PolicyParser) { self.policies = parser }
    }

    /// Sets a hook that changes the file's authenticator, such as with other hooks or verifiers.
    ///
    /// It runs for each load and reload, each time with a new builder.
    pub fn authenticator(
        mut self,
        change: impl Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Builds a [`Jamguard`] from a file. Its extension determines the [`Format`].
    ///
    /// # Errors
    /// See [`Jamguard::from_file`].
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Jamguard, Error> {
        // A reload must find the file after a change of the working directory.
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        Jamguard::new(self, &Document::from_file(path)?)
    }

    /// Builds a [`Jamguard`] from a string.
    ///
    /// # Errors
    /// See [`Jamguard::from_file`].
    pub fn from_str(self, text: &str, format: Format) -> Result<Jamguard, Error> {
        Jamguard::new(self, &Document::from_str(text, format)?)
    }

    /// Builds a [`Jamguard`] from a serializable value.
    ///
    /// # Errors
    /// See [`Jamguard::from_file`].
    pub fn from_value<T: Serialize + ?Sized>(self, value: &T) -> Result<Jamguard, Error> {
        Jamguard::new(self, &Document::from_value(value)?)
    }

    /// Checks a file like [`from_file`](Self::from_file), but opens no store.
    ///
    /// # Errors
    /// See [`Jamguard::from_file`].
    pub fn check_file(self, path: impl AsRef<Path>) -> Result<(), Error> {
        let document = Document::from_file(path)?;
        self.load(&document, &Arc::default(), true).map(drop)
    }

    /// Reads and builds everything; with `dry`, opens no store.
    pub(super) fn load(
        &self,
        document: &Document,
        contents: &Arc<Contents>,
        dry: bool,
    ) -> Result<Loaded, Error> {
        let mut node = document.expand(&self.pointer, &self.variables)?;
        let checked = node.check_no_value_missing();
        checked.map_err(|problem| document.error(problem, &self.pointer))?;
        self.build(document, node, contents, dry)
    }

    pub(super) fn build(
        &self,
        document: &Document,
        node: Node,
        contents: &Arc<Contents>,
        dry: bool,
    ) -> Result<Loaded, Error> {
        let folder = document.file().and_then(Path::parent);
        let world = World {
            base: folder.map_or_else(PathBuf::new, Path::to_owned),
            clock: self.clock.clone(),
            policies: self.policies.clone(),
            stores: self.stores.clone(),
            change: self.change.clone(),
            dry,
            contents: contents.clone(),
            files: Mutex::default(),
        };
        let built = AllSettings::deserialize(&node)
            .and_then(|settings| settings.build(&Spot::root(&world, &node)));
        let built = built.map_err(|problem| {
            let redaction = Redaction::of(&node).with_files(contents);
            document.error(redaction.apply(problem), &self.pointer)
        })?;
        let files = std::mem::take(&mut *lock(&world.files));
        Ok(Loaded { node, built, files })
    }
}

debug_fields!(JamguardBuilder, self, pointer = self.pointer);
