//! Erasing what a deleted client leaves behind, in steps that do not hold up other writers.

use super::StoreError;

/// Erasing.
pub trait ErasureWrites {
    /// Erases at most about `limit` rows that belong to deleted clients: records with their search entries and files,
    /// pending files, record types, notes that they wrote, access keys, grants (for single records too) and shares with groups by them (as
    /// authorizers too), for them and about them, their memberships with groups that nobody else is in, and their outbox
    /// rows but for the one that says that the client was deleted. Returns whether more is left.
    fn erase_step(&mut self, limit: usize) -> Result<bool, StoreError>;
}
