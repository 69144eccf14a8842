//! What processes that share a store tell one another in a moment, outside of any transaction of a request: signed
//! requests that came in, attempts that failed, and what all of them must have in common.
//!
//! None of it is needed when the store is moved or restored.

use super::{BoxFuture, StoreError};

/// A signed request that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestNote {
    /// Whose bound it counts against.
    pub signer: [u8; 16],
    /// When it says that it was signed, in seconds since 1970.
    pub signed_s: u64,
    /// What no other request has.
    pub name: [u8; 16],
}

/// Attempts of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCount {
    /// How many.
    pub attempts: u32,
    /// The last one, in seconds since 1970.
    pub last_s: u64,
}

/// What becomes of a count of attempts, or the seconds to wait. May run again.
pub type AttemptChange = Box<dyn Fn(AttemptCount) -> Result<AttemptCount, u64> + Send + 'static>;

/// The memory that processes share.
pub trait SharedMemory: Send + Sync + 'static {
    /// Takes note of a signed request. Returns whether no process did before, and none has forgotten requests that were
    /// signed at the same time. What it noted survives as writes do.
    fn note_request(&self, note: RequestNote) -> BoxFuture<Result<bool, StoreError>>;

    /// Forgets the oldest requests of a signer, but for about `keeps`. Those that are as old as them are refused from
    /// then on.
    fn keep_requests(&self, signer: [u8; 16], keeps: usize) -> BoxFuture<Result<(), StoreError>>;

    /// Forgets at most `limit` requests that were signed before a moment, in seconds since 1970, and are refused by
    /// their age alone; returns how many.
    fn forget_requests(&self, before_s: u64, limit: usize) -> BoxFuture<Result<usize, StoreError>>;

    /// Changes the count at a place, one process at a time. The inner error is that of the change.
    fn change_attempts(
        &self,
        place: u64,
        change: AttemptChange,
    ) -> BoxFuture<Result<Result<(), u64>, StoreError>>;

    /// Says what all processes must have in common under a name: the first one decides, and one that `replaces`. Returns
    /// whether it is this.
    fn agree(
        &self,
        name: &'static str,
        value: [u8; 32],
        replaces: bool,
    ) -> BoxFuture<Result<bool, StoreError>>;
}
