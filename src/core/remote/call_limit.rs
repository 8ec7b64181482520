//! A limit on concurrent calls to another server, with deadlines.

use crate::core::error::{Error, ErrorKind};
use std::{future::Future, time::Duration};
use tokio::sync::Semaphore;

/// A concurrency limit; excess calls wait for a free slot.
pub(crate) struct CallLimit {
    turns: Semaphore,
    patience: Duration,
}

impl CallLimit {
    pub(crate) fn new(parallel: usize, deadline: Duration) -> Self {
        Self { turns: Semaphore::new(parallel), patience: deadline / 2 }
    }

    /// Runs a call when a slot is free.
    ///
    /// Half of the deadline is for the wait and half for the call: a call that starts in the last
    /// moment would be abandoned at once, and so would the calls queued after it.
    ///
    /// # Errors
    /// The errors of the call; [`ErrorKind::Timeout`] if the wait or the call takes too long.
    pub(crate) async fn run<T>(
        &self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = |message| Err(Error::new(ErrorKind::Timeout, message));
        let turn = tokio::time::timeout(self.patience, self.turns.acquire()).await;
        // The semaphore is never closed.
        let Ok(Ok(_turn)) = turn else {
            return late("too many concurrent calls");
        };
        let answer = tokio::time::timeout(self.patience, call).await;
        answer.unwrap_or_else(|_| late("no answer in time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn excess_calls_wait_and_time_out() {
        let limit = Arc::new(CallLimit::new(3, Duration::from_millis(600)));
        let (now, most, begun) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = Arc::new((now, most, begun));
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let (limit, counts) = (limit.clone(), counts.clone());
                tokio::spawn(async move {
                    let call = async {
                        let (now, most, begun) = &*counts;
                        begun.fetch_add(1, Ordering::SeqCst);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        now.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    };
                    limit.run(call).await
                })
            })
            .collect();
        let mut late = 0;
        for call in calls {
            match call.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::Timeout);
                    late += 1;
                }
                Err(error) => assert!(!error.is_panic()),
            }
        }
        let (_, most, begun) = &*counts;
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert!(begun.load(Ordering::SeqCst) < 20, "too many calls ran");
        assert!(late > 80, "{late}");
    }
}
