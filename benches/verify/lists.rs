//! Row L: the cost of a deny list for a cached token.

use crate::support::arrivals::Arrivals;
use crate::support::tokens;
use crate::support::{Bar, Effort, Pairs, Random, Table, labelled};
use crate::{ENTRIES, HOT, ROOM, rs256};
#[cfg(feature = "redis")]
use jamguard::store::{CachedStore, RedisStore};
use jamguard::store::{MemoryStore, Store};
use jamguard::{Error, TokenList, Verified, Verifier};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Row L: a cached token with a deny list against the same without.
pub(crate) fn deny_lists(table: &Table, effort: Effort) {
    let tokens = tokens::tokens(&rs256(), ENTRIES);
    let many = effort.pick(10_000_000, 100_000);
    let store = MemoryStore::builder().max_bytes(many as u64 * 1024).build().unwrap();
    deny_list(table, effort, ("in memory", many), store, &tokens);
    #[cfg(feature = "redis")]
    {
        let many = effort.pick(1_000_000, 20_000);
        let server = crate::redis::Server::start();
        let store = RedisStore::builder(&server.url()).build().unwrap();
        // Most answers are "no record", so they may fill the cache.
        let store = CachedStore::builder(store).max_absent_bytes(64 << 20).build().unwrap();
        deny_list(table, effort, ("in Redis", many), store, &tokens);
    }
    #[cfg(not(feature = "redis"))]
    table.note("row L over Redis: --features redis, and redis-server installed");
}

fn deny_list(
    table: &Table,
    effort: Effort,
    (place, many): (&str, usize),
    store: impl Store,
    tokens: &[String],
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let list = TokenList::deny(store).max_token_lifetime(Duration::MAX);
    let list = list.build().unwrap();
    let listed = tokens::verifier(&rs256()).cache_bytes(ROOM);
    let listed = listed.deny_list(list.clone()).build().unwrap();
    // Tokens of other users, which expire in the year 2100.
    let end = UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    let number = std::cell::Cell::new(0);
    let revoke = || {
        number.set(number.get() + 1);
        let id = number.get().to_string();
        let revoked = list.revoke_jti(tokens::ISSUER, &id, end);
        runtime.block_on(revoked).unwrap();
    };
    (0..many).for_each(|_| revoke());
    // Waits until the connection for invalidations is up, and no call has to wait.
    for token in tokens {
        while at_once(listed.verify(token)).is_none() {
            runtime.block_on(listed.verify(token)).unwrap();
        }
    }
    let verify = |verifier: &Verifier, token: &str| {
        // Waits only if Redis was silent for a moment.
        let answer = at_once(verifier.verify(token));
        answer.unwrap_or_else(|| runtime.block_on(verifier.verify(token)))
    };
    let what = format!("{many} revoked {place}");
    list_row(table, effort, &what, &listed, tokens, (&verify, &|| {}));
    // At full speed of one thread this makes over a thousand revocations per second.
    const PER_REVOCATION: usize = 320;
    let requests = std::cell::Cell::new(0_usize);
    let revoke_at_times = || {
        requests.set(requests.get() + Arrivals::BATCH);
        if requests.get().is_multiple_of(PER_REVOCATION) {
            revoke();
        }
    };
    let what = format!("{what}, more each {PER_REVOCATION}");
    let with_others = (&verify as _, &revoke_at_times as _);
    list_row(table, effort, &what, &listed, tokens, with_others);
}

fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

type Verify<'a> = &'a dyn Fn(&Verifier, &str) -> Result<Verified, Error>;

/// Measures the patterns of row 1. `meanwhile` runs before each batch of 32, unmeasured.
fn list_row(
    table: &Table,
    effort: Effort,
    what: &str,
    listed: &Verifier,
    tokens: &[String],
    (verify, meanwhile): (Verify<'_>, &dyn Fn()),
) {
    // The same verifier with the same cache, but without the list.
    let bare = listed.danger_without_lists();
    let shuffled = Random(1).order(tokens.len());
    let in_turn: Vec<usize> = (0..HOT).collect();
    let (rounds, count) = (effort.pick(101, 31), effort.pick(20_000, 8_000));
    for (pattern, order) in
        [("one token", &[0][..]), ("1,000 in turn", &in_turn), ("50,000 at random", &shuffled)]
    {
        let measure = |arrivals: &mut Arrivals, verifier: &Verifier| {
            arrivals.batches(count, |arrived| {
                meanwhile();
                let start = Instant::now();
                for token in arrived {
                    black_box(verify(verifier, token)).unwrap();
                }
                start.elapsed()
            })
        };
        let mut arrivals = Arrivals::new(tokens, order);
        let mut others = Arrivals::new(tokens, order);
        let pairs = Pairs::measure(
            rounds,
            || measure(&mut arrivals, &bare),
            || measure(&mut others, listed),
        );
        table.row(
            "L",
            &format!("{what}: {pattern}"),
            (labelled("without", pairs.a()), labelled("with list", pairs.b())),
            (pairs.ratio(), "x"),
            Bar::AtMost(1.3),
        );
    }
}
