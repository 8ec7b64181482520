//! What the layer adds to the application's own answer.

/// Changes to a response, as bytes and text: the leaves apply them.
#[derive(Default)]
pub(crate) struct Edits {
    /// Whole `Set-Cookie` values; an answer with any of them is not to be stored.
    pub(crate) cookies: Vec<String>,
    /// Whether `Vary` names the headers that were read.
    pub(crate) vary: bool,
}

impl Edits {
    /// Only that the answer depends on the credential.
    pub(crate) fn vary() -> Self {
        Self {
            cookies: Vec::new(),
            vary: true,
        }
    }

    /// Leaves alone the cookies that the application's own answer sets: a login that just happened
    /// is not undone, nor a logout.
    pub(crate) fn yield_to<'a>(&mut self, own: impl Iterator<Item = &'a [u8]>) {
        for cookie in own {
            self.cookies
                .retain(|ours| name(ours.as_bytes()) != name(cookie));
        }
    }
}

/// The name in a `Set-Cookie` value.
fn name(cookie: &[u8]) -> &[u8] {
    let end = cookie.iter().position(|byte| *byte == b'=');
    cookie[..end.unwrap_or(cookie.len())].trim_ascii()
}
