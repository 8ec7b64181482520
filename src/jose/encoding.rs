//! Strict base64url without padding (RFC 7515 section 2), big-endian numbers and PEM blocks.

use super::error::invalid;
use crate::core::Error;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Decodes strictly: no padding, no `+` or `/`, no spare bits set in the last character.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let text = text.as_ref();
    // Allocated at the final length, so that shrinking moves no bytes.
    let mut bytes = vec![0; text.len() / 4 * 3 + text.len() % 4 * 3 / 4];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Decodes like [`decode`] into a buffer. Returns the number of bytes.
pub(crate) fn decode_into(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()
}

/// Decodes like [`decode`], if the result fills the buffer.
pub(crate) fn decode_exact(text: impl AsRef<[u8]>, buffer: &mut [u8]) -> Option<()> {
    (decode_into(text.as_ref(), buffer)? == buffer.len()).then_some(())
}

/// Decodes base64url whose padding is required.
pub(super) fn decode_padded(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).ok()
}

/// Decodes like [`decode_padded`] into a buffer. Returns the number of bytes.
pub(super) fn decode_padded_into(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    URL_SAFE.decode_slice(text, buffer).ok()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes like [`encode`], appending to a string.
pub(crate) fn encode_to(bytes: impl AsRef<[u8]>, text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Returns a big-endian number without its leading zeros.
pub(crate) fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Returns the number in `length` bytes, or in more if it needs them.
pub(crate) fn padded(number: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let number = significant(number);
    let mut bytes = Zeroizing::new(vec![0; length.max(number.len())]);
    let start = bytes.len() - number.len();
    bytes[start..].copy_from_slice(number);
    bytes
}

/// Returns a PEM text that is wiped when dropped (RFC 7468).
pub(crate) fn pem_text(label: &str, der: &[u8]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let body = Zeroizing::new(STANDARD.encode(der));
    // Allocated in full, because a growing string would leave copies behind.
    let length = 2 * label.len() + body.len() + body.len() / LINE + 40;
    let mut text = Zeroizing::new(String::with_capacity(length));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    let mut rest = &**body;
    while !rest.is_empty() {
        // Base64 is ASCII, so every index is a character boundary.
        let (line, more) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// Returns the DER of the only PEM block whose label is among `labels`.
///
/// Blocks with other labels are ignored, such as the `EC PARAMETERS` that openssl writes.
pub(crate) fn pem_block(text: &str, labels: &[&str]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut blocks = pem::parse_many(text).unwrap_or_default();
    if blocks.is_empty() && text.contains(r"\n") {
        // PEM has no backslash: these are escaped line ends, as in environment variables.
        blocks = pem::parse_many(&*with_line_ends(text)).unwrap_or_default();
    }
    let found: Vec<_> = blocks.iter().map(|block| block.tag().to_owned()).collect();
    let expected = labels.join(" or ");
    let mut fitting = blocks
        .into_iter()
        .filter(|block| labels.contains(&block.tag()))
        .map(|block| Zeroizing::new(block.into_contents()));
    match (fitting.next(), fitting.next()) {
        (Some(der), None) => Ok(der),
        (Some(_), Some(_)) => {
            Err(invalid(format!("the PEM text holds more than one {expected}: give one key")))
        }
        (None, _) if found.is_empty() => Err(invalid(format!(
            "not a PEM text: it must hold a block from BEGIN to END labelled {expected}{}",
            match text.trim_start().split_once(' ') {
                Some((name, _)) if name.starts_with("ssh-") || name.starts_with("ecdsa-sha2-") =>
                    "; this is an OpenSSH public key, which ssh-keygen -e -m PKCS8 -f FILE converts",
                _ => "",
            }
        ))),
        (None, _) => Err(invalid(format!(
            "the PEM text holds {}; expected {expected}{}",
            found.join(", "),
            match found[0].as_str() {
                "ENCRYPTED PRIVATE KEY" => ": decrypt the key first",
                "CERTIFICATE" => ": a certificate holds a public key only",
                "OPENSSH PRIVATE KEY" => ": convert the key by ssh-keygen -p -m PKCS8 -f FILE",
                "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY"
                    if labels.contains(&"PUBLIC KEY") =>
                    ": extract the public key by openssl pkey -pubout",
                _ => "",
            }
        ))),
    }
}

/// Replaces escaped line ends (`\n`, `\r\n`) by real ones.
fn with_line_ends(text: &str) -> Zeroizing<String> {
    // Allocated in full, because a growing string would leave copies behind.
    let mut real = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split(r"\n") {
        real.push_str(line.strip_suffix(r"\r").unwrap_or(line));
        real.push('\n');
    }
    real
}
