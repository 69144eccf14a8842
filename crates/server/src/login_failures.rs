//! How often logins by password failed, so that passwords cannot be guessed by trying.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::keys::ServerKeys;
use crate::store::{AttemptCount, SharedMemory, StoreError};

/// Logins that failed lately, by address: of this process, or of all that share the store. The room is fixed: addresses
/// that fall into the same one of many places, which nobody can choose, are counted together.
///
/// A paper key is too long to be guessed, so logins with it are not counted, and work while those by password wait.
#[derive(Debug)]
pub struct LoginFailures {
    purpose: Purpose,
    hasher: RandomState,
    counts: Mutex<Box<[AttemptCount]>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Logins by password.
    Logins,
    /// Mails, in the same way: some at once, then one a minute.
    Mails,
}

const PLACES: u64 = 1 << 16;
/// Failures that cost nothing.
const FREE_FAILURES: u32 = 10;
/// Longest wait after one more.
const MAX_WAIT_S: u64 = 60;
/// Time without a failure after which all are forgotten.
const FORGOTTEN_AFTER_S: u64 = 900;

impl LoginFailures {
    /// Nothing was counted yet.
    pub fn new(purpose: Purpose) -> Self {
        let counts = Mutex::new(vec![AttemptCount::default(); PLACES as usize].into());
        Self { purpose, hasher: RandomState::new(), counts }
    }

    /// Takes note of an attempt, as failed until it is known to be good: many at once are no way around the wait.
    ///
    /// # Errors
    /// The shared memory failed. The inner error: seconds to wait before the next attempt; this one must not be looked at.
    pub async fn begin(
        &self,
        shared: Option<&dyn SharedMemory>,
        keys: &ServerKeys,
        address: &str,
        now_s: u64,
    ) -> Result<Result<(), u64>, StoreError> {
        match shared {
            None => Ok(self.change(address, |count| attempt(count, now_s))),
            Some(shared) => {
                let change = move |count| attempt(count, now_s);
                shared.change_attempts(self.place(keys, address), Box::new(change)).await
            }
        }
    }

    /// The attempt was good.
    ///
    /// # Errors
    /// The shared memory failed.
    pub async fn succeeded(
        &self,
        shared: Option<&dyn SharedMemory>,
        keys: &ServerKeys,
        address: &str,
    ) -> Result<(), StoreError> {
        let forget = |_| Ok(AttemptCount::default());
        // Forgetting makes nobody wait.
        let _ = match shared {
            None => self.change(address, forget),
            Some(shared) => shared.change_attempts(self.place(keys, address), Box::new(forget)).await?,
        };
        Ok(())
    }

    /// The same place in all processes.
    fn place(&self, keys: &ServerKeys, address: &str) -> u64 {
        let offset = match self.purpose {
            Purpose::Logins => 0,
            Purpose::Mails => PLACES,
        };
        offset + keys.attempts_hash(address) % PLACES
    }

    fn change(
        &self,
        address: &str,
        change: impl FnOnce(AttemptCount) -> Result<AttemptCount, u64>,
    ) -> Result<(), u64> {
        let place = (self.hasher.hash_one(address) % PLACES) as usize;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts[place] = change(counts[place])?;
        Ok(())
    }
}

/// One more attempt, or the seconds to wait before it.
fn attempt(count: AttemptCount, now_s: u64) -> Result<AttemptCount, u64> {
    let is_forgotten = count.last_s.saturating_add(FORGOTTEN_AFTER_S) < now_s;
    let AttemptCount { attempts, last_s } = if is_forgotten { AttemptCount::default() } else { count };
    if attempts >= FREE_FAILURES {
        let wait_s =
            1_u64.checked_shl(attempts - FREE_FAILURES).map_or(MAX_WAIT_S, |wait_s| wait_s.min(MAX_WAIT_S));
        let waited_s = now_s.saturating_sub(last_s);
        if waited_s < wait_s {
            return Err(wait_s - waited_s);
        }
    }
    Ok(AttemptCount { attempts: attempts.saturating_add(1), last_s: now_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_end() {
        let mut count = AttemptCount::default();
        let mut begin = |now_s| attempt(count, now_s).map(|next| count = next);
        for _ in 0..FREE_FAILURES {
            assert_eq!(begin(1000), Ok(()));
        }
        let mut now_s = 1000;
        for wait_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(begin(now_s), Err(wait_s));
            now_s += wait_s;
            assert_eq!(begin(now_s - 1), Err(1));
            assert_eq!(begin(now_s), Ok(()));
        }
        assert_eq!(begin(now_s), Err(MAX_WAIT_S));
        assert_eq!(begin(now_s + FORGOTTEN_AFTER_S + 1), Ok(()));
    }

    #[tokio::test]
    async fn a_good_attempt_clears_what_was_counted() {
        let (failures, keys) = (LoginFailures::new(Purpose::Logins), ServerKeys::derive(&[7; 32]));
        for _ in 0..3 * FREE_FAILURES {
            assert_eq!(failures.begin(None, &keys, "a@b", 1000).await.unwrap(), Ok(()));
            failures.succeeded(None, &keys, "a@b").await.unwrap();
        }
    }
}
