//! Mutations of inputs, for runs without libFuzzer.

/// Splitmix64: the same sequence for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Returns a number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Returns an input of the corpus with one to eight changes.
pub fn mutated(corpus: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).clone();
    for _ in 0..=random.below(8) {
        change(&mut input, corpus, words, random);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + 1 + random.below(8)).min(input.len());
    match random.below(9) {
        // A bit, a byte.
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 if at < input.len() => {
            input[at] = *random.pick(b"\0 \t\"%&*+,-./09:;=?@AZ[\\]_az{|}~\x7f\xff")
        }
        // A range is removed, or repeated.
        3 => drop(input.drain(at..end)),
        4 => {
            let range = input[at..end].to_vec();
            input.splice(at..at, range);
        }
        // A word is inserted, or replaces a range.
        5 | 6 if !words.is_empty() => {
            let word = random.pick(words).bytes();
            let end = if random.below(2) == 0 { at } else { end };
            input.splice(at..end, word);
        }
        // The end of another input.
        7 => {
            let other = random.pick(corpus);
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let bytes: Vec<u8> = (0..random.below(4)).map(|_| random.next() as u8).collect();
            input.splice(at..at, bytes);
        }
    }
}
