//! Parsers of configuration files: TOML, YAML and JSON to a tree of values with their lines.

mod contents;
mod deserialize;
mod file;
mod format;
mod interpolate;
mod json;
mod node;
mod problem;
mod redaction;
mod toml;
mod yaml;

pub use file::Document;
pub use format::Format;

pub(super) use self::{
    contents::{Content, Contents},
    deserialize::Section,
    file::{Variables, environment},
    node::{Entry, Node, Value},
    problem::{Problem, advice},
    redaction::Redaction,
};
