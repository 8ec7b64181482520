//! Change counters of a list, which let a token that passed skip the next lookup.
//!
//! A list's keys are spread over counters that only grow. A token records the sum of the counters
//! for its own and its subject's key; an equal sum means that no counter changed.

use crate::store::Change;
use crate::token::revocation::RevocationId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first byte of a token entry's key, after the list's prefix.
pub(super) const TOKEN: u8 = b't';
pub(super) const SUBJECT: u8 = b's';

/// The number of token counters.
///
/// Large enough that only one in thousands of writes causes an extra lookup of a token, and small
/// enough for a core's own cache.
const TOKENS: usize = 8192;
const SUBJECTS: usize = 1024;
/// Set in `all` while the store's changes are not watched; no recorded sum contains it.
const UNWATCHED: u64 = 1 << 63;

/// Counters of the writes to the keys of one list.
pub(crate) struct Changes {
    /// Counts changes that may affect every key.
    all: AtomicU64,
    tokens: [AtomicU64; TOKENS],
    subjects: [AtomicU64; SUBJECTS],
}

/// Returns the counter index of an id. Ids are hashes, so any bits will do.
fn place(id: &RevocationId) -> u16 {
    let [first, second, ..] = *id.as_bytes();
    u16::from_be_bytes([first, second])
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            all: AtomicU64::new(UNWATCHED),
            tokens: [const { AtomicU64::new(0) }; TOKENS],
            subjects: [const { AtomicU64::new(0) }; SUBJECTS],
        }
    }

    fn token(&self, place: u16) -> &AtomicU64 {
        &self.tokens[usize::from(place) % TOKENS]
    }

    fn subject(&self, place: u16) -> &AtomicU64 {
        &self.subjects[usize::from(place) % SUBJECTS]
    }

    /// Records a write to a token's entry.
    pub(crate) fn note_token(&self, id: &RevocationId) {
        self.token(place(id)).fetch_add(1, Ordering::SeqCst);
    }

    /// Records a write to a subject's entry.
    pub(crate) fn note_subject(&self, id: &RevocationId) {
        self.subject(place(id)).fetch_add(1, Ordering::SeqCst);
    }

    /// Records a change reported by the store.
    ///
    /// A key comes without the list's prefix; the caller filters out keys of other lists.
    pub(crate) fn learn(&self, change: Change<'_>) {
        match change {
            Change::Key(key) => {
                let id = key.get(1..).and_then(RevocationId::from_text);
                match (key.as_bytes().first(), id) {
                    (Some(&TOKEN), Some(id)) => self.note_token(&id),
                    (Some(&SUBJECT), Some(id)) => self.note_subject(&id),
                    _ => self.note_all(),
                }
            }
            Change::Lost => {
                self.all.fetch_or(UNWATCHED, Ordering::SeqCst);
            }
            Change::Live => {
                self.note_all();
                self.all.fetch_and(!UNWATCHED, Ordering::SeqCst);
            }
            // `All`, and variants that later versions may add.
            _ => self.note_all(),
        }
    }

    fn note_all(&self) {
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    fn sum(&self, mark: &Mark) -> u64 {
        let load = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let [token, subject] = mark.places;
        load(&self.all)
            .wrapping_add(load(self.token(token)))
            .wrapping_add(load(self.subject(subject)))
    }

    /// Returns whether nothing relevant was written since the token last passed.
    pub(crate) fn unchanged(&self, mark: &Mark) -> bool {
        mark.good.load(Ordering::Acquire) == self.sum(mark)
    }

    /// Returns the counters' state, to be read before the store is asked.
    ///
    /// A write in between is then treated as a later one.
    pub(crate) fn now(&self, mark: &Mark) -> Moment {
        Moment(self.sum(mark))
    }
}

/// A state of the counters of one token.
#[derive(Clone, Copy)]
pub(crate) struct Moment(u64);

/// A list's state for one verified token, stored with the token.
pub(crate) struct Mark {
    list: u64,
    /// The revocation id of the token's subject, if it has one.
    pub(crate) subject: Option<RevocationId>,
    /// Counter indexes of the token and its subject; index 0 without a subject.
    places: [u16; 2],
    /// The sum at which the token last passed the list.
    good: AtomicU64,
    next: OnceLock<Box<Mark>>,
}

/// Not a sum: the counters would take millennia to reach it.
const NEVER: u64 = u64::MAX;

impl Mark {
    pub(crate) fn new(list: u64, token: &RevocationId, subject: Option<RevocationId>) -> Self {
        Self {
            list,
            places: [place(token), subject.as_ref().map_or(0, place)],
            subject,
            good: AtomicU64::new(NEVER),
            next: OnceLock::new(),
        }
    }

    /// Records that the store, asked after `then`, let the token pass.
    pub(crate) fn set_good(&self, Moment(then): Moment) {
        if then & UNWATCHED == 0 {
            self.good.store(then, Ordering::Release);
        }
    }
}

/// The marks of all lists that checked a token; the first needs no allocation.
#[derive(Default)]
pub(crate) struct Marks(OnceLock<Mark>);

impl Marks {
    /// Returns the mark of a list, creating it on first use.
    pub(crate) fn of(&self, list: u64, new: impl Fn() -> Mark) -> &Mark {
        let mut mark = self.0.get_or_init(&new);
        while mark.list != list {
            mark = mark.next.get_or_init(|| Box::new(new()));
        }
        mark
    }
}
