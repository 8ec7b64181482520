//! Values of claims, and their comparison.

/// A range of the index's text or items.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) length: u32,
}

impl Span {
    #[inline]
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }
}

#[derive(Clone, Copy)]
pub(super) enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Span),
    /// The words of a text with spaces; the item before the first word is the whole text.
    Words(Span),
    List(Span),
    Object,
    /// An item of a list that is null, a list or an object.
    Other,
}

/// Compares two byte strings, inline up to 32 bytes.
///
/// Names and words are short: the comparison is done before a call to `memcmp` would have begun.
#[inline]
pub(in crate::policy) fn same(a: &[u8], b: &[u8]) -> bool {
    /// Compares the first and last `N` bytes, which may overlap.
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
    }
    a.len() == b.len()
        && match a.len() {
            0..4 => a.iter().eq(b),
            4..8 => ends::<4>(a, b),
            8..16 => ends::<8>(a, b),
            16..=32 => ends::<16>(a, b),
            _ => a == b,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_are_compared_whole() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).collect();
            assert!(same(&bytes, &bytes.clone()));
            assert!(!same(&bytes, &[&*bytes, b"x"].concat()));
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert!(!same(&bytes, &other), "byte {at} of {length}");
            }
        }
    }
}
