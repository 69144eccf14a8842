//! Random bytes of the operating system.

use zeroize::Zeroizing;

/// Fresh random bytes: for keys, nonces, salts.
#[allow(clippy::panic, reason = "without random bytes no key is safe to make, and no caller can repair that")]
pub(crate) fn random_array<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    #[cfg(test)]
    if fixed::fill(&mut *bytes) {
        return bytes;
    }
    if let Err(error) = getrandom::fill(&mut *bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    bytes
}

/// A fixed generator in the place of the operating system's: how vectors of our own are made, in tests alone.
#[cfg(test)]
pub(crate) mod fixed {
    use std::cell::Cell;

    thread_local! {
        static NEXT: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Runs with bytes that depend on nothing but how many were drawn before.
    pub(crate) fn with_fixed_random<T>(make: impl FnOnce() -> T) -> T {
        NEXT.set(Some(0));
        let made = make();
        NEXT.set(None);
        made
    }

    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        let Some(first) = NEXT.get() else { return false };
        let mut next = first;
        for chunk in bytes.chunks_mut(32) {
            let block = super::super::blake2b_256(None, &next.to_le_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
            next += 1;
        }
        NEXT.set(Some(next));
        true
    }
}
