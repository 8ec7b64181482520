//! A set-associative cache, bounded in bytes.
//!
//! A hash selects a set of four places. Uses are not tracked, so a hit is a comparison or two; an
//! insertion may evict any entry of its set, and a full cache starts over empty. It serves where
//! every entry is checked after the lookup and may be missing at any time.

const WAYS: usize = 4;

/// The size of a cached value in bytes; it never changes.
pub(crate) trait Weight {
    fn weight(&self) -> usize;
}

pub(crate) struct SetCache<T> {
    /// Empty until the first insertion.
    places: Vec<Option<T>>,
    /// A power of two.
    sets: usize,
    bytes: usize,
    max_bytes: usize,
    /// The place of a full set that is replaced next.
    turn: usize,
}

impl<T: Weight> SetCache<T> {
    /// Creates a cache of this many sets, rounded down to a power of two; at least one.
    pub(crate) fn new(sets: usize, max_bytes: usize) -> Self {
        let sets = 1 << sets.max(1).ilog2();
        Self { places: Vec::new(), sets, bytes: 0, max_bytes, turn: 0 }
    }

    /// Returns the first place of the set that the hash selects.
    fn set_of(&self, hash: usize) -> usize {
        (hash & (self.sets - 1)) * WAYS
    }

    #[inline]
    pub(crate) fn find(&self, hash: usize, is_wanted: impl Fn(&T) -> bool) -> Option<&T> {
        let at = self.set_of(hash);
        let set = self.places.get(at..at + WAYS)?;
        set.iter().flatten().find(|known| is_wanted(known))
    }

    /// Inserts a value, which replaces one that is the same.
    ///
    /// Returns what was evicted: its drop may run code of the application, so release locks first.
    #[must_use]
    pub(crate) fn insert(
        &mut self,
        hash: usize,
        new: T,
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Vec<T> {
        let weight = new.weight();
        if weight > self.max_bytes {
            return vec![new];
        }
        let mut evicted = Vec::new();
        if self.places.is_empty() {
            self.places.resize_with(self.sets * WAYS, || None);
        } else if self.bytes + weight > self.max_bytes {
            evicted.extend(self.places.iter_mut().filter_map(Option::take));
            self.bytes = 0;
        }
        self.turn = (self.turn + 1) % WAYS;
        let (at, turn) = (self.set_of(hash), self.turn);
        let set = &mut self.places[at..at + WAYS];
        let same = set.iter().position(|place| place.as_ref().is_some_and(|p| is_same(p, &new)));
        let place = same.or_else(|| set.iter().position(Option::is_none)).unwrap_or(turn);
        let old = set[place].replace(new);
        self.bytes += weight;
        self.bytes -= old.as_ref().map_or(0, T::weight);
        evicted.extend(old);
        evicted
    }

    /// Removes and returns a value.
    #[must_use]
    pub(crate) fn remove(&mut self, hash: usize, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.set_of(hash);
        let mut set = self.places.get_mut(at..at + WAYS)?.iter_mut();
        let removed = set.find_map(|place| place.take_if(|known| is_wanted(known)))?;
        self.bytes -= removed.weight();
        Some(removed)
    }

    /// Returns the number of entries and of bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        let weights = self.places.iter().flatten().map(T::weight);
        assert_eq!(self.bytes, weights.sum::<usize>());
        (self.places.iter().flatten().count(), self.bytes)
    }
}
