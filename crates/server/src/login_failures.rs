//! How often logins by password failed, so that passwords cannot be guessed by trying.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// Logins of this process that failed lately, by address. The memory is fixed: addresses that fall into the same one of
/// many slots, which nobody can choose, are counted together.
///
/// A paper key is too long to be guessed, so logins with it are not counted, and work while those by password wait.
#[derive(Debug)]
pub struct LoginFailures {
    hasher: RandomState,
    slots: Mutex<Box<[Slot]>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    failures: u32,
    last_s: u64,
}

const SLOTS: usize = 1 << 16;
/// Failures that cost nothing.
const FREE_FAILURES: u32 = 10;
/// Longest wait after one more.
const MAX_WAIT_S: u64 = 60;
/// Time without a failure after which all are forgotten.
const FORGOTTEN_AFTER_S: u64 = 900;

impl Default for LoginFailures {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: Mutex::new(vec![Slot::default(); SLOTS].into()) }
    }
}

impl LoginFailures {
    /// Takes note of an attempt, as failed until it is known to be good: many at once are no way around the wait.
    ///
    /// # Errors
    /// Seconds to wait before the next attempt. This one must not be looked at.
    pub fn begin(&self, email_key: &str, now_s: u64) -> Result<(), u64> {
        self.change(email_key, |slot| {
            if slot.last_s.saturating_add(FORGOTTEN_AFTER_S) < now_s {
                *slot = Slot::default();
            }
            let excess = slot.failures.saturating_sub(FREE_FAILURES);
            if slot.failures >= FREE_FAILURES {
                let wait_s = 1_u64.checked_shl(excess).map_or(MAX_WAIT_S, |wait_s| wait_s.min(MAX_WAIT_S));
                let waited_s = now_s.saturating_sub(slot.last_s);
                if waited_s < wait_s {
                    return Err(wait_s - waited_s);
                }
            }
            *slot = Slot { failures: slot.failures.saturating_add(1), last_s: now_s };
            Ok(())
        })
    }

    /// The attempt was good.
    pub fn succeeded(&self, email_key: &str) {
        self.change(email_key, |slot| *slot = Slot::default());
    }

    fn change<T>(&self, email_key: &str, change: impl FnOnce(&mut Slot) -> T) -> T {
        let place = self.hasher.hash_one(email_key) as usize % SLOTS;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut slots[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_end() {
        let failures = LoginFailures::default();
        for _ in 0..FREE_FAILURES {
            assert_eq!(failures.begin("a@b", 1000), Ok(()));
        }
        let mut now_s = 1000;
        for wait_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(failures.begin("a@b", now_s), Err(wait_s));
            now_s += wait_s;
            assert_eq!(failures.begin("a@b", now_s - 1), Err(1));
            assert_eq!(failures.begin("a@b", now_s), Ok(()));
        }
        assert_eq!(failures.begin("a@b", now_s), Err(MAX_WAIT_S));
        assert_eq!(failures.begin("a@b", now_s + FORGOTTEN_AFTER_S + 1), Ok(()));
    }

    #[test]
    fn a_good_attempt_clears_what_was_counted() {
        let failures = LoginFailures::default();
        for _ in 0..3 * FREE_FAILURES {
            assert_eq!(failures.begin("a@b", 1000), Ok(()));
            failures.succeeded("a@b");
        }
    }
}
