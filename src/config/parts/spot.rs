//! A place in the file, for whoever builds what stands there.

use super::world::World;
use crate::config::document::{Node, Problem};
use crate::core::error::Error;

/// Where in the file something is built.
#[derive(Clone)]
pub(in crate::config) struct Spot<'a> {
    pub(in crate::config) world: &'a World,
    node: Option<&'a Node>,
    path: Vec<(String, Option<usize>)>,
}

impl<'a> Spot<'a> {
    pub(in crate::config) fn root(world: &'a World, node: &'a Node) -> Self {
        Self {
            world,
            node: Some(node),
            path: Vec::new(),
        }
    }

    /// The place of a key, whether or not it is there.
    pub(in crate::config) fn key(&self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.get(key));
        let mut path = self.path.clone();
        path.push((key.to_owned(), entry.and_then(|entry| entry.line)));
        Self {
            world: self.world,
            node: entry.map(|entry| &entry.node),
            path,
        }
    }

    /// The place of an element of a list.
    pub(in crate::config) fn index(&self, at: usize) -> Self {
        let node = self.node.and_then(|node| node.element(at));
        let mut path = self.path.clone();
        path.push((at.to_string(), node.and_then(|node| node.line)));
        Self {
            world: self.world,
            node,
            path,
        }
    }

    /// That something is wrong here.
    pub(in crate::config) fn wrong(&self, message: impl Into<String>) -> Problem {
        self.place(Problem::new(message))
    }

    /// What a builder refused that was built here.
    pub(in crate::config) fn refused(&self, error: Error) -> Problem {
        self.place(Problem::of(error))
    }

    /// That something which was found without its place is wrong here.
    pub(in crate::config) fn place(&self, problem: Problem) -> Problem {
        self.path
            .iter()
            .rev()
            .fold(problem, |problem, (key, line)| problem.at(&**key, *line))
    }

    /// At most one of these keys may be there.
    pub(in crate::config) fn one_of(&self, keys: &[(&str, bool)]) -> Result<(), Problem> {
        let mut given = keys.iter().filter(|(_, given)| *given);
        match (given.next(), given.next()) {
            (Some((first, _)), Some((second, _))) => Err(self
                .key(second)
                .wrong(format!("'{first}' is given too: keep one of the two"))),
            _ => Ok(()),
        }
    }
}
