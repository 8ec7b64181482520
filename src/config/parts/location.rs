//! A location in the configuration file, for error messages of the code that builds from it.

use super::context::World;
use super::lists::Lists;
use crate::config::document::{Node, Problem, advice};
use crate::core::error::Error;
use crate::token::list::TokenList;
use std::collections::BTreeMap;

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
    pub(in crate::config) fn key(&self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.get(key));
        let mut path = self.path.clone();
        path.push((key.to_owned(), entry.and_then(|entry| entry.line)));
        Self { world: self.world, node: entry.map(|entry| &entry.node), path }
    }

    /// Returns the location of a list's element.
    pub(in crate::config) fn index(&self, at: usize) -> Self {
        let node = self.node.and_then(|node| node.element(at));
        let mut path = self.path.clone();
        path.push((at.to_string(), node.and_then(|node| node.line)));
        Self { world: self.world, node, path }
    }

    /// Returns a problem at this location.
    pub(in crate::config) fn wrong(&self, message: impl Into<String>) -> Problem {
        self.place(Problem::new(message))
    }

    /// Returns a builder's error as a problem at this location.
    pub(in crate::config) fn refused(&self, error: Error) -> Problem {
        self.place(Problem::of(error))
    }

    /// Returns the entry that a key names; an unknown name is a problem at the key.
    pub(in crate::config) fn named<'t, T>(
        &self,
        key: &str,
        what: &str,
        name: &str,
        all: &'t BTreeMap<String, T>,
    ) -> Result<&'t T, Problem> {
        all.get(name).ok_or_else(|| {
            let known: Vec<&str> = all.keys().map(String::as_str).collect();
            let advice = advice(name, &known, "none is configured");
            self.key(key).wrong(format!("there is no {what} of this name; {advice}"))
        })
    }

    /// Returns the lists that a key names.
    pub(in crate::config) fn lists(
        &self,
        key: &str,
        names: &[String],
        lists: &Lists,
    ) -> Result<Vec<TokenList>, Problem> {
        names.iter().map(|name| self.named(key, "list", name, lists).cloned()).collect()
    }

    /// Adds this location to a problem that has none.
    pub(in crate::config) fn place(&self, problem: Problem) -> Problem {
        self.path.iter().rev().fold(problem, |problem, (key, line)| problem.at(&**key, *line))
    }

    /// Checks that at most one of these keys is given.
    pub(in crate::config) fn one_of(&self, keys: &[(&str, bool)]) -> Result<(), Problem> {
        let mut given = keys.iter().filter(|(_, given)| *given);
        match (given.next(), given.next()) {
            (Some((first, _)), Some((second, _))) => {
                Err(self.key(second).wrong(format!("'{first}' is given too: keep one of the two")))
            }
            _ => Ok(()),
        }
    }
}
