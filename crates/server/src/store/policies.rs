//! Access policies: what a writer granted to other clients, type by type.

use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId};

use super::{RecordTypeSlot, StoreError};

/// Place of the grants of one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantSlot {
    /// What they are about.
    pub type_slot: RecordTypeSlot,
    /// Who holds them.
    pub client: ClientId,
}

/// Grants that a client holds for one record type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantSet {
    /// May read records.
    pub read: bool,
    /// May change records.
    pub edit: bool,
    /// May share and revoke on the writer's behalf.
    pub authorizer: bool,
}

impl GrantSet {
    /// Whether nothing is granted.
    pub const fn is_empty(self) -> bool {
        !self.read && !self.edit && !self.authorizer
    }

    /// Whether something is granted here that is not granted there.
    pub const fn gives_more_than(self, other: Self) -> bool {
        self.read && !other.read || self.edit && !other.edit || self.authorizer && !other.authorizer
    }
}

/// The grants in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Their place.
    pub slot: GrantSlot,
    /// Account of the writer.
    pub account_id: AccountId,
    /// The grants; never empty in a row that is there.
    pub grants: GrantSet,
    /// The client that granted them last: the writer or an authorizer.
    pub granted_by: ClientId,
    /// When the first of them was granted.
    pub created: Timestamp,
}

/// Which grants of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// Those that include `authorizer`.
    Authorizer,
    /// Those that include `read`.
    Read,
}

/// Reading policies.
pub trait PolicyReads {
    /// The grants in this place; the empty set if there are none.
    fn grants(&self, slot: &GrantSlot) -> Result<GrantSet, StoreError>;

    /// At most `limit` rows of a kind that this writer granted, in the order in which they were first granted.
    fn grants_by_writer(
        &self,
        writer: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError>;

    /// At most `limit` rows of a kind that this client holds, in the order in which they were first granted.
    fn grants_to_client(
        &self,
        client: ClientId,
        kind: GrantKind,
        limit: usize,
    ) -> Result<Vec<GrantRow>, StoreError>;

    /// How many rows of any kind this client holds, from one writer or from all, counted up to `limit`.
    fn count_grants_to_client(
        &self,
        client: ClientId,
        writer: Option<ClientId>,
        limit: usize,
    ) -> Result<usize, StoreError>;
}

/// Writing policies.
pub trait PolicyWrites {
    /// Puts grants in their place, or removes the row if the set is empty. A row that is there keeps `created`.
    fn put_grants(&mut self, row: &GrantRow) -> Result<(), StoreError>;
}
