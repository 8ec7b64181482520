//! [`VerificationPool`]: the threads, and what decides whether a check leaves its own thread.

use super::builder::VerificationPoolOptions;
use super::failed_time;
use super::known_senders::KnownSenders;
use super::queue::{Full, Queue, Sender};
use crate::core::telemetry::{Counter, add_to_gauge};
use crate::core::{BoxFuture, Clock, Error, ErrorKind, SystemClock, debug_fields, lock};
use std::any::{Any, TypeId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

/// Longer checks always leave the thread that serves requests.
const LONG: u32 = 100;
/// After a failed check, a thread of the pool rests for this many times its duration.
const REST: u32 = 3;
/// Each forged request also costs its HTTP and its parsing, so short checks need a longer rest.
const MIN_REST: Duration = Duration::from_millis(1);
/// All rests together, while the tokens that wait now are checked: they wait for under a second.
const ALL_RESTS: Duration = Duration::from_millis(300);
const RETRY_AFTER: Duration = Duration::from_secs(1);
const THREAD_NAME: &str = "jamguard-verify";
const WAITING: &str = "jamguard_verification_pool_waiting";

/// Threads that check costly signatures, so that forged tokens do not block the threads that serve
/// requests. Cheap to clone.
///
/// Verifiers and authenticators without a pool of their own share one with the default settings. Give
/// them another with [`AuthenticatorBuilder::verification_pool`] or
/// [`VerifierBuilder::verification_pool`].
///
/// A check goes to the pool if it takes more than about 100 µs: ES384, ES512, RSA keys of more than about
/// 5000 bits or with a large exponent. Other public-key checks (RS256, ES256, EdDSA and similar) follow
/// while a thread spends more than a tenth of its time on tokens that then fail. HMAC checks (HS256,
/// HS384, HS512) and tokens in the cache never do.
///
/// - Requests with the same token share one check.
/// - The queue is bounded. If it is full, the answer is 503 with `Retry-After`, on public routes too: the
///   credential was not checked.
/// - Tokens whose `iss` and `sub` verified within the last day are checked before others, and every
///   fourth check is one of the others. A forged token that names a known user ends that user's priority
///   for 30 seconds.
/// - After a failed check, a thread rests for three times as long as the check took, at least 1 ms, so
///   that a flood takes about a quarter of the pool's time. The rests are shorter if hundreds of tokens
///   wait. The next token of a known user ends a rest, unless the failed one named a known user too.
///
/// The threads start when they are first needed and end when the last handle is dropped. No runtime is
/// needed.
///
/// Metrics: `jamguard_verification_pool_waiting` (gauge), `jamguard_verification_pool_checks_total`,
/// `jamguard_verification_pool_rejections_total`; `jamguard_inline_checks_total` counts the public-key
/// checks that ran on their own threads.
///
/// [`AuthenticatorBuilder::verification_pool`]: crate::AuthenticatorBuilder::verification_pool
/// [`VerifierBuilder::verification_pool`]: crate::VerifierBuilder::verification_pool
///
/// # Example
/// ```
/// use jamguard::{Verifier, VerificationPool, jose::{Algorithm, SigningKey}};
///
/// # let key = SigningKey::generate(Algorithm::ES512)?.verifying_key()?;
/// let pool = VerificationPool::builder().threads(2).build()?;
/// let verifier = Verifier::builder()
///     .key(key)
///     .algorithms([Algorithm::ES512])
///     .issuer("https://issuer.example")
///     .audience("api")
///     .verification_pool(pool.clone())
///     .build()?;
/// println!("{} tokens wait for a check", pool.stats().waiting);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct VerificationPool(Arc<Handle>);

/// Ends the threads when it is dropped. They share only `inner`.
struct Handle {
    /// 0 if the pool is off.
    threads: usize,
    started: Mutex<usize>,
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue<Arc<Key>, Job, Outcome>>,
    senders: KnownSenders,
    inline: Counter,
    checks: Counter,
    rejections: Counter,
}

/// What checks have in common that share a result.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    /// The type of the result.
    result: TypeId,
    scope: [u64; 3],
    text: Box<[u8]>,
}

/// Returns the result, and whether the token failed.
type Job = Box<dyn FnOnce() -> (Outcome, bool) + Send>;
type Outcome = Arc<dyn Any + Send + Sync>;

/// A check of a public-key signature.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Check {
    /// The hash of `iss` and `sub`, which are not verified yet.
    pub(crate) sender: u64,
    /// Estimated duration in microseconds; 0 if no public key is involved.
    pub(crate) micros: u32,
    /// Measured duration, if it ran on the thread that needed it.
    pub(crate) spent: Duration,
}

/// Statistics of a [`VerificationPool`].
///
/// # Example
/// ```
/// use jamguard::VerificationPool;
/// let pool = VerificationPool::builder().build()?;
/// assert_eq!(pool.stats().rejections, 0);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationPoolStats {
    /// Public-key checks that ran on the thread that needed them.
    pub inline: u64,
    /// Checks that the pool accepted.
    pub checks: u64,
    /// Tokens that were answered 503, because the queue was full.
    pub rejections: u64,
    /// Checks that wait for a thread now.
    pub waiting: usize,
}

impl VerificationPool {
    pub(super) fn new(threads: Option<usize>, queue_length: usize) -> Self {
        let half = || (thread::available_parallelism().map_or(1, usize::from) / 2).max(1);
        Self(Arc::new(Handle {
            threads: threads.unwrap_or_else(half),
            started: Mutex::new(0),
            inner: Arc::new(Inner {
                queue: Arc::new(Queue::new(queue_length, |change| add_to_gauge(WAITING, change))),
                senders: KnownSenders::new(),
                inline: Counter::new("jamguard_inline_checks_total"),
                checks: Counter::new("jamguard_verification_pool_checks_total"),
                rejections: Counter::new("jamguard_verification_pool_rejections_total"),
            }),
        }))
    }

    /// Returns the pool of all verifiers without a pool of their own.
    pub(crate) fn shared() -> Self {
        static SHARED: Mutex<Weak<Handle>> = Mutex::new(Weak::new());
        let mut shared = lock(&SHARED);
        if let Some(handle) = shared.upgrade() {
            return Self(handle);
        }
        let VerificationPoolOptions { threads, queue_length } = VerificationPoolOptions::default();
        let new = Self::new(threads, queue_length);
        *shared = Arc::downgrade(&new.0);
        new
    }

    /// Returns statistics, of all verifiers that use this pool.
    pub fn stats(&self) -> VerificationPoolStats {
        let Inner { queue, inline, checks, rejections, .. } = &*self.0.inner;
        VerificationPoolStats {
            inline: inline.total(),
            checks: checks.total(),
            rejections: rejections.total(),
            waiting: queue.waiting(),
        }
    }

    /// Returns whether a check must leave this thread. Counts it otherwise.
    pub(crate) fn takes(&self, check: Check, now: Duration) -> bool {
        if check.micros == 0 {
            return false;
        }
        let leaves = self.0.threads > 0 && (check.micros > LONG || failed_time::is_over(now));
        if !leaves {
            self.0.inner.inline.add();
        }
        leaves
    }

    /// Notes the result of a check, wherever it ran.
    pub(crate) fn note<T>(&self, check: Check, now: Duration, result: &Result<T, Error>) {
        if check.micros == 0 || self.0.threads == 0 {
            return;
        }
        let senders = &self.0.inner.senders;
        match result {
            Ok(_) => senders.add(check.sender, now),
            Err(error) if error.kind().is_final() || error.kind() == ErrorKind::InvalidProof => {
                senders.distrust(check.sender, now);
                // A thread that waits for a processor spends more time than the estimate.
                let estimate = Duration::from_micros(check.micros.into());
                failed_time::add(check.spent.max(estimate), now);
            }
            // It says nothing about the token.
            Err(_) => {}
        }
    }

    /// Runs a check in the pool, or shares the one of the same text and scope.
    ///
    /// `job` also returns whether the token failed.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the queue is full.
    pub(crate) fn run<V, E>(
        &self,
        check: Check,
        now: Duration,
        (scope, text): ([u64; 3], &[u8]),
        job: impl FnOnce() -> (Result<V, E>, bool) + Send + 'static,
    ) -> Result<BoxFuture<Result<V, E>>, Error>
    where
        V: Clone + Send + Sync + 'static,
        E: Clone + From<Error> + Send + Sync + 'static,
    {
        self.0.start()?;
        let Inner { queue, senders, checks, rejections, .. } = &*self.0.inner;
        let key = Key { result: TypeId::of::<Result<V, E>>(), scope, text: text.into() };
        let sender = Sender { id: check.sender, is_known: senders.have(check.sender, now) };
        let mut is_new = false;
        let ticket = queue.join(Arc::new(key), sender, || {
            is_new = true;
            Box::new(|| {
                let (result, has_failed) = job();
                (Arc::new(result), has_failed)
            })
        });
        let ticket = match ticket {
            Ok(ticket) => ticket,
            Err(Full) => {
                rejections.add();
                let full = "too many tokens wait for a check of their signature: see the metric \
                            jamguard_verification_pool_rejections_total";
                let error = Error::new(ErrorKind::Unavailable, full);
                return Err(error.with_retry_after(RETRY_AFTER));
            }
        };
        if is_new {
            checks.add();
        }
        Ok(Box::pin(async move {
            let outcome = ticket.await.and_then(|outcome| outcome.downcast::<Result<V, E>>().ok());
            match outcome {
                Some(result) => Result::clone(&result),
                None => {
                    let panicked = "the check of a signature panicked";
                    Err(Error::new(ErrorKind::Internal, panicked).into())
                }
            }
        }))
    }
}

impl Handle {
    /// Starts the threads that are not running yet.
    fn start(&self) -> Result<(), Error> {
        let mut started = lock(&self.started);
        while *started < self.threads {
            let inner = self.inner.clone();
            let thread = thread::Builder::new().name(THREAD_NAME.to_owned());
            match thread.spawn(move || inner.work()) {
                Ok(_) => *started += 1,
                Err(_) if *started > 0 => break,
                Err(error) => {
                    let message = format!("no thread can be started to check signatures: {error}");
                    let error = Error::new(ErrorKind::Unavailable, message);
                    return Err(error.with_retry_after(RETRY_AFTER));
                }
            }
        }
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.queue.close();
    }
}

impl Inner {
    /// Runs the jobs of the queue, until it is closed.
    fn work(&self) {
        let mut rest = Duration::ZERO;
        // A panic, of a check or of the recorder of metrics, does not end the thread.
        while catch_unwind(AssertUnwindSafe(|| self.run_next(&mut rest))).unwrap_or(true) {}
    }

    /// Rests, then runs the next job; returns false once the queue is closed and empty.
    fn run_next(&self, rest: &mut Duration) -> bool {
        let rested = std::mem::take(rest);
        let Some(mut work) = self.queue.next(rested) else {
            return false;
        };
        let Some(job) = work.job() else {
            return true;
        };
        let (begun, is_known) = (SystemClock.monotonic(), work.is_known());
        // After a panic the work is dropped, and its callers get an error.
        if let Ok((outcome, has_failed)) = catch_unwind(AssertUnwindSafe(job)) {
            work.finish(outcome);
            let spent = SystemClock.monotonic().saturating_sub(begun);
            match has_failed {
                // Nothing ends this rest: forged tokens of known names are a flood too.
                true if is_known => thread::sleep(self.rest(spent)),
                true => *rest = self.rest(spent),
                // During a flood, a good token must not be followed by a forged one without a pause.
                false => *rest = rested / 2,
            }
        }
        true
    }

    /// Returns how long a thread rests after a failed check.
    ///
    /// By the time on the clock: a processor that other programs use too is shared the same way.
    fn rest(&self, spent: Duration) -> Duration {
        let waiting = u32::try_from(self.queue.waiting()).unwrap_or(u32::MAX);
        (REST * spent).min(ALL_RESTS / waiting.max(1)).max(MIN_REST)
    }
}

/// The pool of a part of an authenticator: its own, or the one that the authenticator was given.
pub(crate) struct PartPool {
    own: VerificationPool,
    followed: OnceLock<VerificationPool>,
}

impl PartPool {
    pub(crate) fn new(own: Option<VerificationPool>) -> Self {
        let own = own.unwrap_or_else(VerificationPool::shared);
        Self { own, followed: OnceLock::new() }
    }

    /// Replaces the part's own pool. The first authenticator with a pool decides.
    pub(crate) fn follow(&self, pool: &VerificationPool) {
        self.followed.get_or_init(|| pool.clone());
    }

    pub(crate) fn current(&self) -> &VerificationPool {
        self.followed.get().unwrap_or(&self.own)
    }
}

debug_fields!(VerificationPool, self, threads = self.0.threads, stats = self.stats());

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    const CHECK: Check = Check { sender: 1, micros: LONG + 1, spent: Duration::ZERO };

    fn pool() -> VerificationPool {
        VerificationPool::new(Some(1), 8)
    }

    fn run(
        pool: &VerificationPool,
        text: &str,
        job: impl FnOnce() -> Result<u32, Error> + Send + 'static,
    ) -> BoxFuture<Result<u32, Error>> {
        let in_pool = move || (job(), false);
        pool.run(CHECK, Duration::ZERO, ([0; 3], text.as_bytes()), in_pool).unwrap()
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) =
                future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                return output;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_thread_lives() {
        let pool = pool();
        let error = wait(run(&pool, "a", || panic!("a check panics"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(wait(run(&pool, "b", || Ok(7))).unwrap(), 7);
        assert_eq!(*lock(&pool.0.started), 1);
    }

    #[test]
    fn the_last_handle_ends_the_threads_after_the_jobs_that_wait() {
        let pool = pool();
        assert_eq!(*lock(&pool.0.started), 0, "threads start on first need");
        let (begun, has_begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let blocked = run(&pool, "a", move || {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            Ok(1)
        });
        has_begun.recv().unwrap();
        let waiting = run(&pool, "b", || Ok(2));
        let (clone, threads) = (pool.clone(), Arc::downgrade(&pool.0.inner));
        drop(pool);
        assert!(!clone.0.inner.queue.is_closed());
        drop(clone);
        go.send(()).unwrap();
        assert_eq!((wait(blocked).unwrap(), wait(waiting).unwrap()), (1, 2));
        let begun = Instant::now();
        while threads.strong_count() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "a thread of the pool still runs");
            thread::yield_now();
        }
    }

    #[test]
    fn equal_texts_with_another_result_or_scope_are_other_checks() {
        let pool = pool();
        let text = |scope, kind: u32| {
            let job = move || (Ok::<_, Error>(kind), false);
            pool.run(CHECK, Duration::ZERO, (scope, b"text"), job).unwrap()
        };
        let other_type = pool.run(CHECK, Duration::ZERO, ([0; 3], b"text"), || {
            (Ok::<_, Error>("another type"), false)
        });
        let answers = [text([0; 3], 1), text([1, 0, 0], 2), text([0, 0, 1], 3)].map(wait);
        assert_eq!(answers.map(Result::unwrap), [1, 2, 3]);
        assert_eq!(wait(other_type.unwrap()).unwrap(), "another type");
        assert_eq!(pool.stats().checks, 4);
    }

    #[test]
    fn verifiers_without_a_pool_share_one_with_half_the_processors() {
        let [one, other] = [PartPool::new(None), PartPool::new(None)];
        assert!(Arc::ptr_eq(&one.current().0, &other.current().0));
        let processors = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(one.current().0.threads, (processors / 2).max(1));
    }
}
