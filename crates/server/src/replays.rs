//! Which signed requests came in already: each is carried out once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tozstore_crypto::{RequestNonce, SigningPublicKey, blake2b_256};

/// Signed requests of the last minutes, of this process. Bounded: when it is full, the oldest are forgotten and
/// everything as old as them is refused from then on, so that forgetting lets no request in twice.
#[derive(Debug)]
pub struct ReplayCache {
    window_s: u64,
    capacity: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By the time at which they were signed.
    requests: BTreeSet<(u64, [u8; 16])>,
    /// Requests signed at or before this second are refused.
    floor: Option<u64>,
}

impl ReplayCache {
    /// A cache of at most `capacity` requests, for requests signed at most `window_s` from now.
    pub fn new(window_s: u64, capacity: usize) -> Self {
        Self { window_s, capacity: capacity.max(1), seen: Mutex::default() }
    }

    /// Whether this moment is near enough to now for a request signed then.
    pub const fn is_timely(&self, signed_s: u64, now_s: u64) -> bool {
        signed_s.abs_diff(now_s) <= self.window_s
    }

    /// Takes note of a request that verified. Returns whether it is the first of its kind, and timely.
    pub fn is_first(&self, key: &SigningPublicKey, nonce: RequestNonce, signed_s: u64, now_s: u64) -> bool {
        if !self.is_timely(signed_s, now_s) {
            return false;
        }
        let hash = blake2b_256(&[&key.as_bytes()[..], nonce.as_bytes()].concat());
        let Some(name) = hash.first_chunk::<16>() else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&oldest) = seen.requests.first()
            && oldest.0.saturating_add(self.window_s) < now_s
        {
            seen.forget(oldest);
        }
        if seen.floor.is_some_and(|floor| signed_s <= floor) || !seen.requests.insert((signed_s, *name)) {
            return false;
        }
        if seen.requests.len() > self.capacity
            && let Some(&oldest) = seen.requests.first()
        {
            seen.forget(oldest);
        }
        true
    }
}

impl Seen {
    fn forget(&mut self, request: (u64, [u8; 16])) {
        self.requests.remove(&request);
        self.floor = self.floor.max(Some(request.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningPublicKey {
        "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk".parse().unwrap()
    }

    fn nonce(byte: u8) -> RequestNonce {
        RequestNonce::from_bytes([byte; 16])
    }

    #[test]
    fn a_request_is_taken_once() {
        let cache = ReplayCache::new(300, 8);
        assert!(cache.is_first(&key(), nonce(1), 1000, 1000));
        assert!(!cache.is_first(&key(), nonce(1), 1000, 1001));
        assert!(cache.is_first(&key(), nonce(2), 1000, 1001));
    }

    #[test]
    fn the_window_ends_on_both_sides() {
        let cache = ReplayCache::new(300, 8);
        assert!(cache.is_first(&key(), nonce(1), 700, 1000));
        assert!(cache.is_first(&key(), nonce(2), 1300, 1000));
        assert!(!cache.is_first(&key(), nonce(3), 699, 1000));
        assert!(!cache.is_first(&key(), nonce(4), 1301, 1000));
    }

    #[test]
    fn a_full_cache_forgets_the_oldest_and_lets_none_in_twice() {
        let cache = ReplayCache::new(300, 2);
        for byte in 1..=3 {
            assert!(cache.is_first(&key(), nonce(byte), 1000 + u64::from(byte), 1000));
        }
        for byte in 1..=3 {
            assert!(!cache.is_first(&key(), nonce(byte), 1000 + u64::from(byte), 1000), "{byte}");
        }
        assert_eq!(cache.seen.lock().unwrap().requests.len(), 2);
        assert!(cache.is_first(&key(), nonce(4), 1004, 1000));
    }

    #[test]
    fn a_clock_that_steps_back_lets_none_in_twice() {
        let cache = ReplayCache::new(300, 8);
        assert!(cache.is_first(&key(), nonce(1), 1000, 1000));
        assert!(cache.is_first(&key(), nonce(2), 2000, 2000));
        assert!(!cache.is_first(&key(), nonce(1), 1000, 1000));
    }
}
