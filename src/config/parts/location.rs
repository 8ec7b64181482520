//! A location in the configuration file with the build context, for the code that builds from it.

use super::scalars::Texts;
use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::{Contents, Node, Problem, Value, advice};
use crate::core::{Clock, Error, hash::Sha256, lock, sha256};
use crate::policy::PolicyParser;
use crate::store::Store;
use crate::token::list::TokenList;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A hook of the program that changes the file's authenticator.
pub(in crate::config) type Change =
    dyn Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync;

/// The build context of all settings.
pub(in crate::config) struct World {
    /// The folder that relative file names start from.
    pub(in crate::config) base: PathBuf,
    pub(in crate::config) clock: Arc<dyn Clock>,
    pub(in crate::config) policies: PolicyParser,
    /// The application's own stores.
    pub(in crate::config) stores: BTreeMap<String, Arc<dyn Store>>,
    /// Whether this is a check only: no store's file is opened and no Redis is connected.
    pub(in crate::config) dry: bool,
    /// The cache through which files are read.
    pub(in crate::config) contents: Arc<Contents>,
    /// The program's change to the file's authenticator.
    pub(in crate::config) change: Option<Arc<Change>>,
    /// The files that were read so far.
    pub(in crate::config) files: Mutex<Files>,
}

/// SHA-256 hashes of the files that were read, by path.
pub(in crate::config) type Files = BTreeMap<PathBuf, Sha256>;

impl World {
    pub(super) fn note_file(&self, path: &Path, content: &[u8]) {
        lock(&self.files).insert(path.to_owned(), sha256(content));
    }
}

/// A location in the file: its key path, lines and value.
#[derive(Clone)]
pub(in crate::config) struct Spot<'a> {
    pub(in crate::config) world: &'a World,
    node: Option<&'a Node>,
    path: Vec<(String, Option<usize>)>,
}

impl<'a> Spot<'a> {
    pub(in crate::config) fn root(world: &'a World, node: &'a Node) -> Self {
        Self { world, node: Some(node), path: Vec::new() }
    }

    /// Returns the location of a key, whether or not the key exists.
    pub(super) fn key(&self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.get(key));
        let mut path = self.path.clone();
        path.push((key.to_owned(), entry.and_then(|entry| entry.line)));
        Self { world: self.world, node: entry.map(|entry| &entry.node), path }
    }

    /// Returns the location of a list's element.
    pub(super) fn index(&self, at: usize) -> Self {
        let node = self.node.and_then(|node| node.element(at));
        let mut path = self.path.clone();
        path.push((at.to_string(), node.and_then(|node| node.line)));
        Self { world: self.world, node, path }
    }

    /// Returns a problem at this location.
    pub(super) fn wrong(&self, message: impl Into<String>) -> Problem {
        self.place(Problem::new(message))
    }

    /// Returns what a builder built; its error becomes a problem at this location.
    pub(super) fn built<T>(&self, built: Result<T, Error>) -> Result<T, Problem> {
        built.map_err(|error| self.place(Problem::of(error)))
    }

    /// Returns the clock of everything that is built.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.world.clock.clone()
    }

    /// Builds each named entry of a section.
    pub(super) fn each<S, T>(
        &self,
        section: &str,
        settings: &BTreeMap<String, S>,
        build: impl Fn(&S, &str, &Spot<'_>) -> Result<T, Problem>,
    ) -> Result<BTreeMap<String, T>, Problem> {
        let spot = self.key(section);
        let built = settings.iter().map(|(name, settings)| {
            let built = build(settings, name, &spot.key(name))?;
            Ok((name.clone(), built))
        });
        built.collect()
    }

    /// Returns the entry that a key names; an unknown name is a problem at the key.
    pub(super) fn named<T: Clone>(
        &self,
        key: &str,
        what: &str,
        name: &str,
        all: &BTreeMap<String, T>,
    ) -> Result<T, Problem> {
        all.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.keys().map(String::as_str).collect();
            let advice = advice(name, &known, "none is configured");
            self.key(key).wrong(format!("there is no {what} of this name; {advice}"))
        })
    }

    /// Returns the entry that a key names, if the key is given.
    pub(super) fn if_named<T: Clone>(
        &self,
        key: &str,
        what: &str,
        name: &Option<String>,
        all: &BTreeMap<String, T>,
    ) -> Result<Option<T>, Problem> {
        name.as_ref().map(|name| self.named(key, what, name, all)).transpose()
    }

    /// Returns the entries that a key names; all of them without the key.
    pub(super) fn chosen<T: Clone>(
        &self,
        key: &str,
        what: &str,
        names: &Option<Texts>,
        all: &BTreeMap<String, T>,
    ) -> Result<Vec<T>, Problem> {
        match names {
            Some(Texts(names)) => {
                names.iter().map(|name| self.named(key, what, name, all)).collect()
            }
            None => Ok(all.values().cloned().collect()),
        }
    }

    /// Returns the store that the key `store` names.
    pub(super) fn store(
        &self,
        name: &str,
        stores: &BTreeMap<String, Arc<dyn Store>>,
    ) -> Result<Arc<dyn Store>, Problem> {
        self.named("store", "store", name, stores)
    }

    /// Returns the lists that a key names.
    pub(super) fn lists(
        &self,
        key: &str,
        names: &[String],
        lists: &BTreeMap<String, TokenList>,
    ) -> Result<Vec<TokenList>, Problem> {
        names.iter().map(|name| self.named(key, "list", name, lists)).collect()
    }

    /// Adds this location to a problem that has none.
    fn place(&self, problem: Problem) -> Problem {
        self.path.iter().rev().fold(problem, |problem, (key, line)| problem.at(&**key, *line))
    }

    /// Returns whether a key is given; an empty list counts as absent.
    pub(super) fn has(&self, key: &str) -> bool {
        match self.node.and_then(|node| node.get(key)).map(|entry| &entry.node.value) {
            Some(Value::List(elements)) => !elements.is_empty(),
            value => value.is_some(),
        }
    }

    /// Returns which of these keys is given; more than one is a problem.
    pub(super) fn one_of<'k>(&self, keys: &[&'k str]) -> Result<Option<&'k str>, Problem> {
        let mut given = keys.iter().copied().filter(|key| self.has(key));
        match (given.next(), given.next()) {
            (Some(first), Some(second)) => {
                Err(self.key(second).wrong(format!("'{first}' is given too: keep one of the two")))
            }
            (only, _) => Ok(only),
        }
    }
}
