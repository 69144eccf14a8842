//! Hooks: whom to tell of changes in an account, and what is still to be told.

use tozstore_api::Timestamp;
use tozstore_crypto::AccountId;

use super::StoreError;

/// A hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRow {
    /// Its id: a place in the outbox, behind all changes that were made before it.
    pub id: u64,
    /// The account whose changes it is told of.
    pub account_id: AccountId,
    /// Where deliveries go.
    pub url: String,
    /// What is delivered: the JSON array as it was sent.
    pub triggers: String,
    /// What its secret is derived from.
    pub nonce: [u8; 16],
    /// When it was made.
    pub created: Timestamp,
    /// Deliveries that failed since the last one that did not.
    pub failures: u32,
    /// When there is something to do for it; none if nothing is queued.
    pub wakes: Option<Timestamp>,
}

/// A delivery that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookDeliveryRow {
    /// Its id; unique.
    pub id: [u8; 16],
    /// The hook.
    pub hook: u64,
    /// The account of the hook.
    pub account_id: AccountId,
    /// What is sent.
    pub body: String,
    /// When it was queued.
    pub created: Timestamp,
    /// Tries that failed.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
}

/// Reading hooks.
pub trait HookReads {
    /// The hook with this id.
    fn hook(&self, id: u64) -> Result<Option<HookRow>, StoreError>;

    /// At most `limit` hooks of an account, in the order in which they were made.
    fn hooks_of(&self, account: AccountId, limit: usize) -> Result<Vec<HookRow>, StoreError>;

    /// Whether there is any hook at all.
    fn has_hooks(&self) -> Result<bool, StoreError>;

    /// The last change of the outbox for which deliveries were queued; zero at first.
    fn hook_cursor(&self) -> Result<u64, StoreError>;

    /// At most `limit` hooks that have something to do by `now`, those that wait longest first.
    fn woken_hooks(&self, now: Timestamp, limit: usize) -> Result<Vec<u64>, StoreError>;

    /// The delivery of a hook that is due first, and earliest in the queue among those that are due at the same time.
    fn next_delivery(&self, hook: u64) -> Result<Option<HookDeliveryRow>, StoreError>;

    /// How many deliveries of a hook are queued, counted up to `limit`.
    fn queued_deliveries(&self, hook: u64, limit: usize) -> Result<usize, StoreError>;
}

/// Writing hooks.
pub trait HookWrites {
    /// Adds a hook, but for its id; returns that.
    fn insert_hook(&mut self, row: &HookRow) -> Result<u64, StoreError>;

    /// Says how a hook fares. Does nothing if it is gone.
    fn set_hook_state(&mut self, id: u64, failures: u32, wakes: Option<Timestamp>) -> Result<(), StoreError>;

    /// Removes a hook with what is queued for it. Returns whether it was there.
    fn delete_hook(&mut self, id: u64) -> Result<bool, StoreError>;

    /// Says for which change of the outbox deliveries were queued last.
    fn set_hook_cursor(&mut self, sequence: u64) -> Result<(), StoreError>;

    /// Queues a delivery, and wakes its hook when it is due, if nothing wakes it yet.
    fn insert_delivery(&mut self, row: &HookDeliveryRow) -> Result<(), StoreError>;

    /// Says when a delivery is tried again. Does nothing if it is gone.
    fn retry_delivery(&mut self, id: &[u8; 16], attempts: u32, due: Timestamp) -> Result<(), StoreError>;

    /// Removes a delivery. Returns whether it was there.
    fn delete_delivery(&mut self, id: &[u8; 16]) -> Result<bool, StoreError>;

    /// Removes at most `limit` deliveries that were queued before a moment; returns how many.
    fn delete_deliveries_before(&mut self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
