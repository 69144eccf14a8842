//! Which signed requests came in already: each is carried out once.
//!
//! A process keeps those that it saw in memory. Where several share a store, what one of them lets through is noted in
//! the store as well, which has the last word ([`crate::store::SharedMemory`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tozstore_crypto::{RequestNonce, SigningPublicKey, blake2b_256};

use crate::store::{RequestNote, SharedMemory, StoreError};

/// Signed requests of the last minutes.
///
/// Bounded, for each signer and over all. Where there is no room, the oldest request of the signer with the most is
/// forgotten, and everything of that signer as old as it is refused from then on: forgetting lets no request in twice,
/// and who sends many shuts out nobody else.
#[derive(Debug)]
pub struct ReplayCache {
    window_s: u64,
    capacity: usize,
    per_signer: usize,
    signers: Signers,
    seen: Mutex<Seen>,
}

/// Who shares a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signers {
    /// Each key has its own: those of clients, which are known.
    Apart,
    /// All have one: anybody can make keys, of which there is no end.
    Together,
}

type Signer = [u8; 16];
type Name = [u8; 16];

#[derive(Debug, Default)]
struct Seen {
    by_signer: BTreeMap<Signer, OfSigner>,
    /// The same by the time at which they were signed.
    by_time: BTreeSet<(u64, Signer, Name)>,
    /// Signers by how many requests they have here.
    by_count: BTreeSet<(usize, Signer)>,
    /// Requests signed at or before this second are refused.
    floor: Option<u64>,
}

#[derive(Debug, Default)]
struct OfSigner {
    requests: BTreeSet<(u64, Name)>,
    floor: Option<u64>,
    forgotten: usize,
}

/// A request that this process sees for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstSight {
    request: RequestNote,
    /// Set now and then for a signer who signs more than is kept: how much of it should be kept elsewhere.
    keeps: Option<usize>,
}

impl ReplayCache {
    /// A cache of at most `capacity` requests and `per_signer` of one signer, signed at most `window_s` from now.
    pub fn new(window_s: u64, capacity: usize, per_signer: usize, signers: Signers) -> Self {
        let (capacity, per_signer) = (capacity.max(1), per_signer.max(1));
        Self { window_s, capacity, per_signer, signers, seen: Mutex::default() }
    }

    /// Whether this moment is near enough to now for a request signed then.
    pub const fn is_timely(&self, signed_s: u64, now_s: u64) -> bool {
        signed_s.abs_diff(now_s) <= self.window_s
    }

    /// Takes note of a request that verified, in the memory that processes share too if there is one. Returns whether it
    /// is the first of its kind, and timely.
    ///
    /// # Errors
    /// The shared memory failed.
    pub async fn is_first(
        &self,
        shared: Option<&dyn SharedMemory>,
        key: &SigningPublicKey,
        nonce: RequestNonce,
        signed_s: u64,
        now_s: u64,
    ) -> Result<bool, StoreError> {
        let Some(FirstSight { request, keeps }) = self.first_sight(key, nonce, signed_s, now_s) else {
            return Ok(false);
        };
        let Some(shared) = shared else { return Ok(true) };
        let is_first = shared.note_request(request).await?;
        if let Some(keeps) = keeps {
            shared.keep_requests(request.signer, keeps).await?;
        }
        Ok(is_first)
    }

    fn first_sight(
        &self,
        key: &SigningPublicKey,
        nonce: RequestNonce,
        signed_s: u64,
        now_s: u64,
    ) -> Option<FirstSight> {
        if !self.is_timely(signed_s, now_s) {
            return None;
        }
        let name = *blake2b_256(&[&key.as_bytes()[..], nonce.as_bytes()].concat()).first_chunk()?;
        let signer = match self.signers {
            Signers::Apart => *blake2b_256(key.as_bytes()).first_chunk()?,
            Signers::Together => [0; 16],
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.expire(now_s, self.window_s);
        if !seen.insert(signed_s, signer, name) {
            return None;
        }
        let mut keeps = None;
        if seen.count(&signer) > self.per_signer {
            keeps = seen.forget_of(signer);
        }
        if seen.by_time.len() > self.capacity {
            keeps = seen.forget_any().filter(|(of, _)| *of == signer).map_or(keeps, |(_, keeps)| keeps);
        }
        Some(FirstSight { request: RequestNote { signer, name, signed_s }, keeps })
    }
}

/// A signer's requests are cut elsewhere at each of so many that are forgotten here.
const CUT_EVERY: usize = 256;

impl Seen {
    /// Forgets what is refused by its age alone. By a clock that steps back it would not be: hence the floor.
    fn expire(&mut self, now_s: u64, window_s: u64) {
        while let Some(&(signed_s, signer, name)) = self.by_time.first()
            && signed_s.saturating_add(window_s) < now_s
        {
            self.remove(signed_s, signer, name);
            self.floor = self.floor.max(Some(signed_s));
        }
    }

    fn count(&self, signer: &Signer) -> usize {
        self.by_signer.get(signer).map_or(0, |of| of.requests.len())
    }

    fn insert(&mut self, signed_s: u64, signer: Signer, name: Name) -> bool {
        if self.floor.is_some_and(|floor| signed_s <= floor) {
            return false;
        }
        let of = self.by_signer.entry(signer).or_default();
        if of.floor.is_some_and(|floor| signed_s <= floor) || !of.requests.insert((signed_s, name)) {
            return false;
        }
        let count = of.requests.len();
        self.by_time.insert((signed_s, signer, name));
        self.by_count.remove(&(count - 1, signer));
        self.by_count.insert((count, signer));
        true
    }

    fn remove(&mut self, signed_s: u64, signer: Signer, name: Name) {
        self.by_time.remove(&(signed_s, signer, name));
        let Some(of) = self.by_signer.get_mut(&signer) else { return };
        self.by_count.remove(&(of.requests.len(), signer));
        of.requests.remove(&(signed_s, name));
        if of.requests.is_empty() {
            // Its own floor is below what it had, which a floor of all covers now.
            self.by_signer.remove(&signer);
        } else {
            self.by_count.insert((of.requests.len(), signer));
        }
    }

    /// Forgets the oldest of a signer who has several.
    fn forget_of(&mut self, signer: Signer) -> Option<usize> {
        let of = self.by_signer.get_mut(&signer)?;
        let (signed_s, name) = *of.requests.first()?;
        of.floor = of.floor.max(Some(signed_s));
        of.forgotten += 1;
        let is_time = of.forgotten % CUT_EVERY == 1;
        let keeps = of.requests.len() - 1;
        if keeps == 0 {
            self.floor = self.floor.max(Some(signed_s));
        }
        self.remove(signed_s, signer, name);
        is_time.then_some(keeps)
    }

    /// Forgets the oldest of the signer with the most; of all, if nobody has more than one.
    fn forget_any(&mut self) -> Option<(Signer, Option<usize>)> {
        let &(count, signer) = self.by_count.last()?;
        if count > 1 {
            return Some((signer, self.forget_of(signer)));
        }
        let &(signed_s, signer, name) = self.by_time.first()?;
        self.remove(signed_s, signer, name);
        self.floor = self.floor.max(Some(signed_s));
        None
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

    fn cache(capacity: usize, per_signer: usize) -> ReplayCache {
        ReplayCache::new(300, capacity, per_signer, Signers::Apart)
    }

    impl ReplayCache {
        fn takes(&self, key: &SigningPublicKey, nonce: RequestNonce, signed_s: u64, now_s: u64) -> bool {
            self.first_sight(key, nonce, signed_s, now_s).is_some()
        }

        fn len(&self) -> usize {
            let seen = self.seen.lock().unwrap();
            let counts: usize = seen.by_signer.values().map(|of| of.requests.len()).sum();
            assert_eq!(seen.by_time.len(), counts);
            assert_eq!(seen.by_count.iter().map(|(count, _)| count).sum::<usize>(), counts);
            assert_eq!(seen.by_count.len(), seen.by_signer.len());
            counts
        }
    }

    #[test]
    fn a_request_is_taken_once() {
        let cache = cache(8, 8);
        assert!(cache.takes(&key(), nonce(1), 1000, 1000));
        assert!(!cache.takes(&key(), nonce(1), 1000, 1001));
        assert!(cache.takes(&key(), nonce(2), 1000, 1001));
    }

    #[test]
    fn the_window_ends_on_both_sides() {
        let cache = cache(8, 8);
        assert!(cache.takes(&key(), nonce(1), 700, 1000));
        assert!(cache.takes(&key(), nonce(2), 1300, 1000));
        assert!(!cache.takes(&key(), nonce(3), 699, 1000));
        assert!(!cache.takes(&key(), nonce(4), 1301, 1000));
    }

    #[test]
    fn a_full_cache_forgets_the_oldest_and_lets_none_in_twice() {
        for (capacity, per_signer) in [(2, 8), (8, 2)] {
            let cache = cache(capacity, per_signer);
            for byte in 1..=3 {
                assert!(cache.takes(&key(), nonce(byte), 1000 + u64::from(byte), 1000));
            }
            for byte in 1..=3 {
                assert!(!cache.takes(&key(), nonce(byte), 1000 + u64::from(byte), 1000), "{byte}");
            }
            assert_eq!(cache.len(), 2);
            assert!(cache.takes(&key(), nonce(4), 1004, 1000));
        }
    }

    #[test]
    fn who_sends_many_shuts_out_nobody_else() {
        let other = tozstore_crypto::SigningKeyPair::generate().public_key();
        for (capacity, per_signer) in [(16, 1000), (1000, 16)] {
            let cache = cache(capacity, per_signer);
            assert!(cache.takes(&other, nonce(1), 900, 1000));
            for number in 0..200_u8 {
                cache.takes(&key(), nonce(number), 1000 + u64::from(number), 1000);
            }
            assert!(!cache.takes(&other, nonce(1), 900, 1000));
            assert!(cache.takes(&other, nonce(2), 901, 1000));
            assert!(cache.len() <= 18);
        }
    }

    #[test]
    fn signers_without_end_are_bounded_as_one() {
        let cache = ReplayCache::new(300, 4, 4, Signers::Together);
        let keys: Vec<_> = (0..9).map(|_| tozstore_crypto::SigningKeyPair::generate().public_key()).collect();
        for (key, second) in keys.iter().zip(1000..) {
            assert!(cache.takes(key, nonce(1), second, 1000));
        }
        assert_eq!(cache.len(), 4);
        assert!(keys.iter().zip(1000..).all(|(key, second)| !cache.takes(key, nonce(1), second, 1000)));
    }

    #[test]
    fn many_signers_of_one_request_each_are_bounded_too() {
        let cache = cache(4, 4);
        let keys: Vec<_> = (0..9).map(|_| tozstore_crypto::SigningKeyPair::generate().public_key()).collect();
        for (key, second) in keys.iter().zip(1000..) {
            assert!(cache.takes(key, nonce(1), second, 1000));
        }
        assert_eq!(cache.len(), 4);
        assert!(keys.iter().zip(1000..).all(|(key, second)| !cache.takes(key, nonce(1), second, 1000)));
    }

    #[test]
    fn a_clock_that_steps_back_lets_none_in_twice() {
        let cache = cache(8, 8);
        assert!(cache.takes(&key(), nonce(1), 1000, 1000));
        assert!(cache.takes(&key(), nonce(2), 2000, 2000));
        assert!(!cache.takes(&key(), nonce(1), 1000, 1000));
    }
}
