//! What the layer adds to the application's own answer.

/// Changes to a response, as bytes and text: the leaves apply them.
#[derive(Default)]
pub(crate) struct Edits {
    /// Whole `Set-Cookie` values; an answer with any of them is not to be stored.
    pub(crate) cookies: Vec<String>,
    /// Whether `Vary` names the headers that were read.
    pub(crate) vary: bool,
}
