//! The queue of a verification pool: two lanes, single flight, rejection when full.
//!
//! It knows neither tokens nor keys, and all that blocks comes from [`sync`](super::sync): a model
//! checker can run it with other primitives.

use super::sync::{Arc, Condvar, Mutex, lock, wait, wait_at_most};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// After this many jobs of known senders, one of an unknown sender is taken, if one waits.
const KNOWN_IN_A_ROW: u8 = 3;

/// A queue of jobs `J` with results `T`. Callers with equal keys `K` share one job.
pub(super) struct Queue<K, J, T> {
    state: Mutex<State<K, J, T>>,
    /// Notifies idle threads of a job.
    job: Condvar,
    /// Notifies resting threads of a job of a known sender.
    known_job: Condvar,
    /// Jobs that may wait. Those of unknown senders may take half of the places.
    capacity: usize,
    /// Gets each change of the number of waiting jobs.
    on_change: fn(i8),
}

struct State<K, J, T> {
    known: VecDeque<Waiting<K, J, T>>,
    unknown: VecDeque<Waiting<K, J, T>>,
    known_in_a_row: u8,
    /// The jobs that wait or run.
    flights: HashMap<K, Shared<T>>,
    closed: bool,
}

/// A job that no thread has taken yet.
struct Waiting<K, J, T> {
    key: K,
    sender: Sender,
    job: J,
    flight: Arc<Flight<T>>,
}

/// The callers of one job.
struct Shared<T> {
    flight: Arc<Flight<T>>,
    callers: usize,
}

/// The result of one job, once it is there, and the tasks that wait for it.
struct Flight<T>(Mutex<Landing<T>>);

struct Landing<T> {
    /// `Some(None)` if the job ended without a result.
    result: Option<Option<T>>,
    /// One per caller; `None` for callers that were cancelled or have not been polled.
    wakers: Vec<Option<Waker>>,
}

/// The sender of a job: a hash, and whether it has priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) id: u64,
    pub(super) is_known: bool,
}

/// The queue has no place for a job.
#[derive(Debug)]
pub(super) struct Full;

impl<K: Clone + Eq + Hash, J, T> Queue<K, J, T> {
    pub(super) fn new(capacity: usize, on_change: fn(i8)) -> Self {
        Self {
            state: Mutex::new(State {
                known: VecDeque::new(),
                unknown: VecDeque::new(),
                known_in_a_row: 0,
                flights: HashMap::new(),
                closed: false,
            }),
            job: Condvar::new(),
            known_job: Condvar::new(),
            capacity,
            on_change,
        }
    }

    /// Returns a future of the result: of the job with an equal key, or else of a new one.
    ///
    /// # Errors
    /// [`Full`] if a new job has no place.
    pub(super) fn join(
        self: &Arc<Self>,
        key: K,
        sender: Sender,
        job: impl FnOnce() -> J,
    ) -> Result<Ticket<K, J, T>, Full> {
        let mut state = lock(&self.state);
        if let Some(shared) = state.flights.get_mut(&key) {
            shared.callers += 1;
            let flight = shared.flight.clone();
            drop(state);
            return Ok(Ticket { queue: self.clone(), key, flight, place: None });
        }
        // One place per sender: the forged tokens of one known name do not fill the lane.
        let is_known =
            sender.is_known && !state.known.iter().any(|waiting| waiting.sender.id == sender.id);
        let is_full = match is_known {
            true => state.waiting() >= self.capacity,
            false => {
                state.waiting() >= self.capacity
                    || state.unknown.len() >= self.capacity.div_ceil(2)
            }
        };
        if is_full {
            return Err(Full);
        }
        let flight = Arc::new(Flight(Mutex::new(Landing { result: None, wakers: Vec::new() })));
        state.flights.insert(key.clone(), Shared { flight: flight.clone(), callers: 1 });
        let waiting = Waiting { key: key.clone(), sender, job: job(), flight: flight.clone() };
        match is_known {
            true => state.known.push_back(waiting),
            false => state.unknown.push_back(waiting),
        }
        drop(state);
        self.job.notify_one();
        if is_known {
            self.known_job.notify_one();
        }
        (self.on_change)(1);
        Ok(Ticket { queue: self.clone(), key, flight, place: None })
    }

    /// Rests, then waits for the next job. `None` once the queue is closed and empty.
    ///
    /// A job of a known sender ends the rest.
    pub(super) fn next(self: &Arc<Self>, rest: Duration) -> Option<Work<K, J, T>> {
        let mut state = lock(&self.state);
        if !rest.is_zero() && state.known.is_empty() && !state.closed {
            state = wait_at_most(&self.known_job, state, rest);
        }
        let Waiting { key, job, flight, .. } = loop {
            match state.take() {
                Some(waiting) => break waiting,
                None if state.closed => return None,
                None => state = wait(&self.job, state),
            }
        };
        drop(state);
        (self.on_change)(-1);
        Some(Work { queue: self.clone(), key, flight, job: Some(job) })
    }

    /// Ends the threads, once the jobs that wait are done.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.job.notify_all();
        self.known_job.notify_all();
    }

    /// Returns the number of jobs that wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiting()
    }

    /// Ends a job, and wakes its callers.
    fn land(&self, key: &K, flight: &Flight<T>, result: Option<T>) {
        // First the table: later callers start a new job, earlier ones share this result.
        lock(&self.state).flights.remove(key);
        let wakers = {
            let mut landing = lock(&flight.0);
            landing.result = Some(result);
            std::mem::take(&mut landing.wakers)
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Removes a caller, and its job if no other caller waits for it and no thread has taken it.
    fn leave(&self, key: &K, flight: &Arc<Flight<T>>) {
        let mut state = lock(&self.state);
        let Some(shared) = state.flights.get_mut(key) else {
            return;
        };
        if !Arc::ptr_eq(&shared.flight, flight) {
            return;
        }
        shared.callers -= 1;
        if shared.callers > 0 {
            return;
        }
        let Some(unwanted) = state.remove(flight) else {
            return;
        };
        state.flights.remove(key);
        drop(state);
        (self.on_change)(-1);
        // Its drop may run code of the application.
        drop(unwanted);
    }
}

impl<K, J, T> State<K, J, T> {
    fn waiting(&self) -> usize {
        self.known.len() + self.unknown.len()
    }

    fn take(&mut self) -> Option<Waiting<K, J, T>> {
        if self.known_in_a_row < KNOWN_IN_A_ROW
            && let Some(known) = self.known.pop_front()
        {
            self.known_in_a_row += 1;
            return Some(known);
        }
        self.known_in_a_row = 0;
        self.unknown.pop_front().or_else(|| self.known.pop_front())
    }

    fn remove(&mut self, flight: &Arc<Flight<T>>) -> Option<Waiting<K, J, T>> {
        [&mut self.known, &mut self.unknown].into_iter().find_map(|lane| {
            let at = lane.iter().position(|waiting| Arc::ptr_eq(&waiting.flight, flight))?;
            lane.remove(at)
        })
    }
}

/// A caller's share in a job: the future of its result.
///
/// `None` if the job ended without a result. A job is removed when all its callers are dropped.
pub(super) struct Ticket<K: Clone + Eq + Hash, J, T> {
    queue: Arc<Queue<K, J, T>>,
    key: K,
    flight: Arc<Flight<T>>,
    /// The place of its waker.
    place: Option<usize>,
}

impl<K: Clone + Eq + Hash, J, T> Unpin for Ticket<K, J, T> {}

impl<K: Clone + Eq + Hash, J, T: Clone> Future for Ticket<K, J, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let mut landing = lock(&this.flight.0);
        if let Some(result) = &landing.result {
            return Poll::Ready(result.clone());
        }
        let place = *this.place.get_or_insert_with(|| {
            landing.wakers.push(None);
            landing.wakers.len() - 1
        });
        let waker = Some(cx.waker().clone());
        let old = landing.wakers.get_mut(place).and_then(|own| std::mem::replace(own, waker));
        drop(landing);
        // Its drop may run code of the application.
        drop(old);
        Poll::Pending
    }
}

impl<K: Clone + Eq + Hash, J, T> Drop for Ticket<K, J, T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = lock(&self.flight.0).wakers.get_mut(place).and_then(Option::take);
            drop(waker);
        }
        self.queue.leave(&self.key, &self.flight);
    }
}

/// A job that a thread has taken. Dropped without a result, it ends without one.
pub(super) struct Work<K: Clone + Eq + Hash, J, T> {
    queue: Arc<Queue<K, J, T>>,
    key: K,
    flight: Arc<Flight<T>>,
    job: Option<J>,
}

impl<K: Clone + Eq + Hash, J, T> Work<K, J, T> {
    /// Takes the job out; `None` the second time.
    pub(super) fn job(&mut self) -> Option<J> {
        self.job.take()
    }

    pub(super) fn finish(self, result: T) {
        self.queue.land(&self.key, &self.flight, Some(result));
    }
}

impl<K: Clone + Eq + Hash, J, T> Drop for Work<K, J, T> {
    fn drop(&mut self) {
        if lock(&self.flight.0).result.is_none() {
            self.queue.land(&self.key, &self.flight, None);
        }
    }
}
