//! A bound on parallel calls to another server, and on the time of each.

use crate::core::error::{Error, ErrorKind};
use std::future::Future;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Calls beyond the bound wait for their turn, until their deadline.
pub(crate) struct CallLimit {
    turns: Semaphore,
    deadline: Duration,
}

impl CallLimit {
    pub(crate) fn new(parallel: usize, deadline: Duration) -> Self {
        Self {
            turns: Semaphore::new(parallel),
            deadline,
        }
    }

    /// Makes a call once it is its turn. The deadline counts from now on.
    ///
    /// # Errors
    /// Those of the call; [`ErrorKind::Timeout`] where the deadline passed before its end.
    pub(crate) async fn run<T>(
        &self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let in_turn = async {
            // An error would mean that the semaphore was closed, which it never is.
            let _turn = self.turns.acquire().await;
            call.await
        };
        let answer = tokio::time::timeout(self.deadline, in_turn).await;
        answer.unwrap_or_else(|_| {
            let message = "no answer in time, or too many calls at once";
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn calls_beyond_the_bound_wait_and_end_with_their_deadline() {
        let limit = Arc::new(CallLimit::new(3, Duration::from_millis(300)));
        let (now, most, begun) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
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
        assert!(begun.load(Ordering::SeqCst) < 20, "few had their turn");
        assert!(late > 80, "{late}");
    }
}
