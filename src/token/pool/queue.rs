//! The queue of a verification pool: two lanes, single flight, rejection when full.
//!
//! It knows neither tokens nor keys, and all that blocks comes from [`sync`](super::sync): a model
//! checker can run it with other primitives.

use super::sync::{Arc, Condvar, Mutex, lock, wait, wait_at_most};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// A line in which jobs wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Known,
    Unknown,
}

/// A job that no thread has taken yet.
struct Waiting<K, J, T> {
    key: K,
    sender: Sender,
    lane: Lane,
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
                state.waiting() >= self.capacity || state.unknown.len() >= self.capacity.div_ceil(2)
            }
        };
        if is_full {
            return Err(Full);
        }
        let flight = Arc::new(Flight(Mutex::new(Landing { result: None, wakers: Vec::new() })));
        state.flights.insert(key.clone(), Shared { flight: flight.clone(), callers: 1 });
        let lane = if is_known { Lane::Known } else { Lane::Unknown };
        let waiting =
            Waiting { key: key.clone(), sender, lane, job: job(), flight: flight.clone() };
        match lane {
            Lane::Known => state.known.push_back(waiting),
            Lane::Unknown => state.unknown.push_back(waiting),
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
        let Waiting { key, job, flight, lane, .. } = loop {
            match state.take() {
                Some(waiting) => break waiting,
                None if state.closed => return None,
                None => state = wait(&self.job, state),
            }
        };
        drop(state);
        // First the work, whose drop ends the job if the next line panics.
        let is_known = lane == Lane::Known;
        let work = Work { queue: self.clone(), key, flight, is_known, job: Some(job) };
        (self.on_change)(-1);
        Some(work)
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

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
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
        // A waker is code of the application: its panic must not keep the others asleep.
        for waker in wakers.into_iter().flatten() {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
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
    is_known: bool,
    job: Option<J>,
}

impl<K: Clone + Eq + Hash, J, T> Work<K, J, T> {
    /// Takes the job out; `None` the second time.
    pub(super) fn job(&mut self) -> Option<J> {
        self.job.take()
    }

    /// Returns whether the job waited among those of known senders.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    type Names = Queue<&'static str, &'static str, u32>;
    type Name = Ticket<&'static str, &'static str, u32>;

    fn queue(capacity: usize) -> Arc<Names> {
        Arc::new(Queue::new(capacity, |_| {}))
    }

    fn join(queue: &Arc<Names>, name: &'static str, is_known: bool) -> Result<Name, Full> {
        let id = name.as_bytes().iter().map(|byte| u64::from(*byte)).sum();
        queue.join(name, Sender { id, is_known }, || name)
    }

    fn next(queue: &Arc<Names>) -> Work<&'static str, &'static str, u32> {
        queue.next(Duration::ZERO).unwrap()
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(ticket: &mut Name, wakes: &Arc<Wakes>) -> Poll<Option<u32>> {
        pin!(ticket).poll(&mut Context::from_waker(&wakes.clone().into()))
    }

    #[test]
    fn callers_with_the_same_key_share_one_job_and_are_all_woken() {
        let (queue, wakes) = (queue(8), Arc::<Wakes>::default());
        let mut callers: Vec<_> = (0..100).map(|_| join(&queue, "a", false).unwrap()).collect();
        callers.iter_mut().for_each(|caller| assert!(poll(caller, &wakes).is_pending()));
        assert_eq!(queue.waiting(), 1);
        let work = next(&queue);
        // A caller that comes while the job runs shares it too.
        callers.push(join(&queue, "a", false).unwrap());
        assert_eq!(queue.waiting(), 0);
        work.finish(7);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 100);
        for caller in &mut callers {
            assert_eq!(poll(caller, &wakes), Poll::Ready(Some(7)));
        }
        // The next one starts over.
        let _again = join(&queue, "a", false).unwrap();
        assert_eq!(queue.waiting(), 1);
    }

    #[test]
    fn a_cancelled_caller_does_not_strand_the_others() {
        let (queue, wakes) = (queue(8), Arc::<Wakes>::default());
        for is_taken in [false, true] {
            let (mut first, mut second) =
                (join(&queue, "a", false).unwrap(), join(&queue, "a", false).unwrap());
            assert!(poll(&mut first, &wakes).is_pending());
            assert!(poll(&mut second, &wakes).is_pending());
            let taken = is_taken.then(|| next(&queue));
            drop(first);
            let work = taken.unwrap_or_else(|| next(&queue));
            work.finish(7);
            assert_eq!(poll(&mut second, &wakes), Poll::Ready(Some(7)), "taken: {is_taken}");
        }
    }

    #[test]
    fn a_job_that_no_caller_waits_for_leaves_the_queue() {
        let queue = queue(2);
        let (first, second) =
            (join(&queue, "a", false).unwrap(), join(&queue, "a", false).unwrap());
        drop(first);
        assert_eq!(queue.waiting(), 1);
        drop(second);
        assert_eq!(queue.waiting(), 0);
        assert!(lock(&queue.state).flights.is_empty());
        let kept = join(&queue, "a", false).unwrap();
        // A thread has taken it: it runs to its end, and a new caller shares it.
        let work = next(&queue);
        drop(kept);
        let mut caller = join(&queue, "a", false).unwrap();
        work.finish(7);
        assert_eq!(poll(&mut caller, &Arc::default()), Poll::Ready(Some(7)));
        assert!(lock(&queue.state).flights.is_empty());
    }

    #[test]
    fn unknown_senders_fill_half_of_the_queue_at_most() {
        let queue = queue(4);
        let _held: Vec<_> =
            ["a", "b"].iter().map(|name| join(&queue, name, false).unwrap()).collect();
        assert!(join(&queue, "c", false).is_err());
        // Sharing needs no place.
        assert!(join(&queue, "a", false).is_ok());
        let _known: Vec<_> =
            ["d", "e"].iter().map(|name| join(&queue, name, true).unwrap()).collect();
        assert!(join(&queue, "f", true).is_err());
        drop(next(&queue));
        assert!(join(&queue, "f", true).is_ok());
    }

    #[test]
    fn known_senders_go_first_and_every_fourth_job_is_of_an_unknown_one() {
        let queue = queue(16);
        let _unknown: Vec<_> =
            ["u", "v", "w"].iter().map(|name| join(&queue, name, false).unwrap()).collect();
        let _known: Vec<_> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|name| join(&queue, name, true).unwrap())
            .collect();
        let order: Vec<_> = (0..8).map(|_| next(&queue).job().unwrap()).collect();
        assert_eq!(order, ["a", "b", "c", "u", "d", "e", "v", "w"]);
    }

    #[test]
    fn one_known_sender_has_one_place_before_the_others() {
        let queue = queue(16);
        let held = [("x", 1, false), ("a1", 2, true), ("a2", 2, true), ("b", 3, true)];
        let _held =
            held.map(|(name, id, is_known)| queue.join(name, Sender { id, is_known }, || name));
        let order: Vec<_> = (0..4).map(|_| next(&queue).job().unwrap()).collect();
        assert_eq!(order, ["a1", "b", "x", "a2"]);
    }

    #[test]
    fn a_job_without_a_result_tells_its_callers() {
        let (queue, wakes) = (queue(8), Arc::<Wakes>::default());
        let mut caller = join(&queue, "a", false).unwrap();
        assert!(poll(&mut caller, &wakes).is_pending());
        drop(next(&queue));
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert_eq!(poll(&mut caller, &wakes), Poll::Ready(None));
    }

    /// The rest would outlast the test: only the job of the known sender ends it, and it is first.
    #[test]
    fn a_known_sender_ends_the_rest_of_a_thread() {
        let queue = queue(8);
        let _unknown = join(&queue, "u", false).unwrap();
        let resting = std::thread::spawn({
            let queue = queue.clone();
            move || queue.next(Duration::from_secs(3600)).unwrap().job().unwrap()
        });
        let _known = join(&queue, "a", true).unwrap();
        assert_eq!(resting.join().unwrap_or_else(|_| panic!()), "a");
    }

    #[test]
    fn a_closed_queue_is_emptied_and_ends_its_threads() {
        let queue = queue(8);
        let mut caller = join(&queue, "a", false).unwrap();
        let thread = std::thread::spawn({
            let queue = queue.clone();
            move || {
                while let Some(work) = queue.next(Duration::ZERO) {
                    work.finish(7);
                }
            }
        });
        queue.close();
        thread.join().unwrap_or_else(|_| panic!());
        assert_eq!(poll(&mut caller, &Arc::default()), Poll::Ready(Some(7)));
        assert!(queue.next(Duration::from_secs(3600)).is_none());
    }
}
