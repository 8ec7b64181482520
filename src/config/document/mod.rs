//! A file read as far as its own format goes: a tree in which every value knows its line.

mod deserialize;
mod file;
mod format;
mod interpolate;
mod json;
mod node;
mod problem;
mod toml;
mod yaml;

pub use file::Document;
pub use format::Format;

pub(super) use self::{
    file::{Variables, read_file},
    node::{Node, Value},
    problem::{Problem, advice},
};
