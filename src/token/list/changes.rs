//! Why a token that a list found good needs no look-up the next time: nothing that concerns it was
//! written since.
//!
//! The keys of a list are spread over counters that only grow. A token notes the sum of the
//! counters that its two keys count under; as long as the sum is the same, so are the counters.

use crate::store::Change;
use crate::token::revocation::RevocationId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the key of a token's entry begins with, behind the list's prefix.
pub(super) const TOKEN: u8 = b't';
pub(super) const SUBJECT: u8 = b's';

/// So many that a token is looked up once more after one in thousands of writes, and so few that
/// they stay in a core's own cache.
const TOKENS: usize = 8192;
const SUBJECTS: usize = 1024;
/// Set in `all` while changes are not learned: no sum that a token noted has it.
const UNWATCHED: u64 = 1 << 63;

/// Counts the writes to the keys of one list.
pub(crate) struct Changes {
    /// Counts those that may concern every key.
    all: AtomicU64,
    tokens: [AtomicU64; TOKENS],
    subjects: [AtomicU64; SUBJECTS],
}

/// The ids are hashes: any of their bits will do.
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

    /// Notes a write to a token's entry.
    pub(crate) fn note_token(&self, id: &RevocationId) {
        self.token(place(id)).fetch_add(1, Ordering::SeqCst);
    }

    /// Notes a write to a subject's entry.
    pub(crate) fn note_subject(&self, id: &RevocationId) {
        self.subject(place(id)).fetch_add(1, Ordering::SeqCst);
    }

    /// Notes what a store told of a key of this list, given here without the list's prefix; a
    /// change of other lists' keys is left out by the caller.
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
            // `All`, and what a later version may tell.
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

    /// Whether nothing that concerns the token was written since it was last found good.
    pub(crate) fn unchanged(&self, mark: &Mark) -> bool {
        mark.good.load(Ordering::Acquire) == self.sum(mark)
    }

    /// The counters' state, to be taken before the store is asked: a write in between then is one
    /// that comes after.
    pub(crate) fn now(&self, mark: &Mark) -> Moment {
        Moment(self.sum(mark))
    }
}

/// A state of the counters of one token.
#[derive(Clone, Copy)]
pub(crate) struct Moment(u64);

/// What a list remembers of a verified token, kept with the token.
pub(crate) struct Mark {
    list: u64,
    /// The name of all tokens of the token's subject, if it has one.
    pub(crate) subject: Option<RevocationId>,
    /// Of the token's counter and of its subject's; of any for want of a subject.
    places: [u16; 2],
    /// The sum under which the list last had nothing against the token.
    good: AtomicU64,
    next: OnceLock<Box<Mark>>,
}

/// No sum: the counters would have to count for millennia.
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

    /// The store, asked after `then`, had nothing against the token.
    pub(crate) fn set_good(&self, Moment(then): Moment) {
        if then & UNWATCHED == 0 {
            self.good.store(then, Ordering::Release);
        }
    }
}

/// The marks of all lists that were asked about a token; the first needs no memory of its own.
#[derive(Default)]
pub(crate) struct Marks(OnceLock<Mark>);

impl Marks {
    /// The mark of a list.
    pub(crate) fn of(&self, list: u64, new: impl Fn() -> Mark) -> &Mark {
        let mut mark = self.0.get_or_init(&new);
        while mark.list != list {
            mark = mark.next.get_or_init(|| Box::new(new()));
        }
        mark
    }
}
