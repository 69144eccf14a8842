//! What a search by terms may see, and by which right.

use std::collections::{BTreeMap, BTreeSet};

use tozstore_api::{Capability, RecordType};
use tozstore_crypto::{ClientId, GroupId};

use super::{MAX_GRANTS_READ, Reach, group_scopes, limited, living_clients, visible};
use crate::store::{GrantKind, GrantRow, GroupMemberRow, KeySlot, ReadTx, RecordTypeSlot, Scope, StoreError};

/// Groups of one client, and record types that are shared with them, that one search looks at;
/// [`StoreError::TooMuchWork`] past that.
const MAX_MEMBERSHIPS_READ: usize = 10_000;
const MAX_GROUP_SCOPES: usize = 50_000;

/// What a search by terms may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchReach {
    /// All that the caller may read, and not its own records alone.
    pub all_writers: bool,
    /// Of its own records, only those of types that it lets another client read.
    pub only_shared: bool,
    /// What it sees through groups.
    pub groups: GroupReach,
}

/// What a search sees through groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GroupReach {
    /// What the other writers share with the caller's groups, if other writers are in reach at all.
    #[default]
    Along,
    /// Nothing but what is shared with the caller's groups, by whomever.
    OnlyAll,
    /// The same, of these groups.
    Only(BTreeSet<GroupId>),
    /// Nothing.
    Without,
}

/// The records that a search may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searchable {
    /// Those that the caller wrote, or reads with a key of its own.
    pub direct: BTreeSet<Scope>,
    /// Those that it reads as a member, and the group that comes first by age. Their user is their writer.
    pub through_groups: BTreeMap<(ClientId, RecordType), GroupId>,
    /// Clients that may read them, of the caller's own; only if a search was for those.
    pub readers: BTreeMap<(ClientId, RecordType), Vec<ClientId>>,
}

impl Searchable {
    /// All scopes together.
    #[must_use]
    pub fn scopes(&self) -> BTreeSet<Scope> {
        let of_group = |(writer, record_type): &(ClientId, RecordType)| Scope {
            writer: *writer,
            only: Some((*writer, record_type.clone())),
        };
        self.direct.iter().cloned().chain(self.through_groups.keys().map(of_group)).collect()
    }

    /// The group through which the caller sees a record; none if it sees it without one.
    #[must_use]
    pub fn group_of(&self, slot: &RecordTypeSlot) -> Option<GroupId> {
        let is_direct = |only| self.direct.contains(&Scope { writer: slot.writer, only });
        if is_direct(None) || is_direct(Some((slot.user, slot.record_type.clone()))) {
            return None;
        }
        self.through_groups.get(&(slot.writer, slot.record_type.clone())).copied()
    }

    /// Clients that may read a record of the caller's own, as far as the search was for that.
    #[must_use]
    pub fn readers_of(&self, slot: &RecordTypeSlot) -> Vec<ClientId> {
        self.readers.get(&(slot.user, slot.record_type.clone())).cloned().unwrap_or_default()
    }
}

/// The records within `reach` that `caller` may read and has a key to.
///
/// # Errors
/// The store failed, or the caller holds or gave more than [`MAX_GRANTS_READ`] grants, or its groups are too many.
pub fn searchable(tx: &dyn ReadTx, caller: ClientId, reach: &SearchReach) -> Result<Searchable, StoreError> {
    let mut found = Searchable::default();
    let groups = match &reach.groups {
        GroupReach::Only(_) | GroupReach::OnlyAll => {
            found.through_groups = through_groups(tx, caller, &reach.groups)?;
            return Ok(found);
        }
        // Official clients that ask for direct shares do not reckon with others.
        GroupReach::Along => reach.all_writers && !reach.only_shared,
        GroupReach::Without => false,
    };
    if groups {
        found.through_groups = through_groups(tx, caller, &reach.groups)?;
        found.through_groups.retain(|(writer, _), _| *writer != caller);
    }
    let kind = if reach.all_writers { Reach::All } else { Reach::Own };
    let visible = visible(tx, caller, &kind)?;
    // Official clients cannot take a record of another writer without a key to it.
    let slots = visible.iter().filter_map(|scope| {
        let (user, record_type) = scope.only.clone()?;
        let type_slot = RecordTypeSlot { writer: scope.writer, user, record_type };
        Some(KeySlot { type_slot, reader: caller })
    });
    let keys = tx.access_keys(&slots.collect::<Vec<_>>())?.into_iter().map(|row| row.slot.type_slot);
    let with_key = keys.map(|RecordTypeSlot { writer, user, record_type }| Scope {
        writer,
        only: Some((user, record_type)),
    });
    found.direct.extend(with_key);
    if !reach.only_shared {
        found.direct.extend(visible.into_iter().filter(|scope| scope.only.is_none()));
    }
    if reach.only_shared {
        let mut rows = limited(tx.grants_by_writer(caller, GrantKind::Read, MAX_GRANTS_READ + 1)?)?;
        rows.retain(|row| row.slot.client != caller);
        let living = living_clients(tx, rows.iter().map(|row| row.slot.client))?;
        for GrantRow { slot, .. } in rows {
            if living.contains_key(&slot.client) {
                let RecordTypeSlot { writer, user, record_type } = slot.type_slot;
                found.readers.entry((user, record_type.clone())).or_default().push(slot.client);
                found.direct.insert(Scope { writer, only: Some((user, record_type)) });
            }
        }
    }
    Ok(found)
}

/// What is shared with the groups of `reach` in which the caller may read.
fn through_groups(
    tx: &dyn ReadTx,
    caller: ClientId,
    reach: &GroupReach,
) -> Result<BTreeMap<(ClientId, RecordType), GroupId>, StoreError> {
    let memberships: Vec<GroupMemberRow> = if let GroupReach::Only(groups) = reach {
        let found = groups.iter().map(|group| tx.group_member(*group, caller));
        found.filter_map(Result::transpose).collect::<Result<_, _>>()?
    } else {
        let found = tx.memberships(caller, 0, MAX_MEMBERSHIPS_READ + 1)?;
        if found.len() > MAX_MEMBERSHIPS_READ {
            return Err(StoreError::TooMuchWork);
        }
        found.into_iter().map(|(_, membership)| membership).collect()
    };
    let mut found = BTreeMap::new();
    let mut left = MAX_GROUP_SCOPES;
    for membership in memberships.iter().filter(|row| row.capabilities.contains(Capability::ReadContent)) {
        let scopes = group_scopes(tx, membership.group, &BTreeSet::new(), left)?;
        left -= scopes.len();
        for scope in scopes {
            if let Some((writer, record_type)) = scope.only {
                found.entry((writer, record_type)).or_insert(membership.group);
            }
        }
    }
    Ok(found)
}
