//! Replacing the tokens of a login in its session.

use super::handle::Sessions;
use super::loaded::Loaded;
use super::new_session::conflict;
use super::record::Body;
use super::tokens::Tokens;
use crate::core::Error;
use crate::token::claim_set::ClaimSet;
use std::sync::Arc;

impl Loaded {
    pub(crate) fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.body().tokens.as_ref()
    }

    /// Returns the SHA-256 of the id.
    pub(crate) fn id_hash(&self) -> &[u8; 32] {
        &self.0.hash.0
    }
}

impl Sessions {
    /// Returns the time in Unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.0.now()
    }

    /// Like [`finish`](Self::finish), unless a login has replaced the refresh token since.
    pub(crate) async fn finish_login(&self, read: &Loaded) -> Result<bool, Error> {
        let refresh = |loaded: &Loaded| loaded.tokens().and_then(|tokens| tokens.refresh.clone());
        self.finish_if(read, |now| refresh(now) == refresh(read)).await
    }

    /// Replaces the tokens that were read. This is not a use of the session.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the tokens were written since; otherwise as for
    /// [`save_text`](Self::save_text).
    pub(crate) async fn save_tokens(
        &self,
        read: &Loaded,
        tokens: Tokens,
        claims: Arc<ClaimSet>,
    ) -> Result<Loaded, Error> {
        let tokens = Arc::new(tokens);
        let id = |body: &Body| body.tokens.as_ref().map(|tokens| tokens.id.clone());
        self.change(read, |body| {
            if id(body) != id(read.body()) {
                return Err(conflict());
            }
            // Methods of a second factor belong to the session: no token has them.
            let claims = match &body.methods {
                Some(methods) => methods.added_to(&claims)?,
                None => claims.clone(),
            };
            Ok(Body { tokens: Some(tokens.clone()), claims, ..body.clone() })
        })
        .await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::error::ErrorKind;
    use crate::core::secret::Secret;
    use crate::session::NewSession;
    use crate::session::record::IdState;
    use crate::store::MemoryStore;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl crate::core::clock::Clock for Hand {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }

        fn monotonic(&self) -> Duration {
            self.now()
        }
    }

    fn tokens(id: &str) -> Tokens {
        Tokens::new(Secret::new(id), Some(Secret::new("refresh")))
    }

    #[tokio::test]
    async fn saving_tokens_is_no_use_and_does_not_conflict_with_saving_data() {
        let clock = Hand::default();
        let sessions = Sessions::builder(MemoryStore::new()).clock(clock.clone());
        let sessions = sessions.build().unwrap();
        let mut new = NewSession::of("ann").data(&1);
        new.tokens = Some(Arc::new(tokens("first")));
        let (_, read) = sessions.begin(new).await.unwrap();
        clock.0.store(3600, Ordering::SeqCst);
        let claims = read.claims().clone();
        let save = sessions.save_tokens(&read, tokens("second"), claims.clone());
        let saved = save.await.unwrap();
        assert_eq!(saved.tokens().unwrap().id.expose(), "second");
        assert_eq!(saved.body().last_seen, 0);
        // The second of two concurrent refreshes gets a conflict.
        let late = sessions.save_tokens(&read, tokens("third"), claims).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
        // A handler's save of older data keeps the fresh tokens.
        let saved = sessions.save_text(&read, "2".to_owned()).await.unwrap();
        assert_eq!(saved.tokens().unwrap().id.expose(), "second");
        assert_eq!((saved.data_text(), saved.body().last_seen), ("2", 3_600_000));
        let refresh = saved.tokens().unwrap().refresh.as_ref();
        assert_eq!(refresh.unwrap().expose(), "refresh");
        let packed = IdState::Live(saved.body().clone()).pack("k", None).unwrap();
        let Ok(IdState::Live(unpacked)) = IdState::unpack("k", &packed, None) else {
            unreachable!("it was just packed");
        };
        assert_eq!(unpacked.tokens.unwrap().id.expose(), "second");
    }
}
