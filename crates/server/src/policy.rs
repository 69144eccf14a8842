//! Who may do what: one pure function, over facts that are read in the transaction that acts.
//!
//! A refusal says how it must look. What a caller may not see looks as if it were not there; where the protocol wants
//! `403` for what is not there, what is there but not the caller's looks the same.

mod groups;
mod notes;
mod sealed;
mod searches;

use std::collections::{BTreeMap, BTreeSet};

use tozstore_api::{Grant, PolicyChange};
use tozstore_crypto::{AccountId, ClientId, RecordId};

pub use groups::{
    GroupAction, GroupFacts, NO_GROUP, decide_group, group_facts, group_scopes, has_other_manager,
};

pub use self::notes::{
    LAST_ACCESS_WINDOW_S, NO_NOTE, NoteAction, NoteCaller, Reading, ShownCodes, USED_UP_KEPT_S, decide_note,
    is_gone, mail_once, read_once, views_left,
};
pub use self::sealed::{SealedAction, SealedFacts, SealedRefusal, decide_sealed, sealed_facts};
pub use self::searches::{GroupReach, SearchReach, Searchable, searchable};
use crate::store::{
    ClientRow, GrantKind, GrantRow, GrantSet, GrantSlot, ReadTx, RecordHead, RecordTypeSlot, Scope,
    StoreError,
};

/// What a client wants to do with the records, keys or grants of one record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Give grants to a client, or withdraw them from it.
    ChangePolicy {
        /// Who holds them.
        holder: ClientId,
        /// Which.
        change: &'a PolicyChange,
    },
    /// Delete a record.
    DeleteRecord,
    /// Delete the key of a reader.
    DeleteKey {
        /// The reader.
        reader: ClientId,
    },
    /// Replace a record that another client wrote.
    EditRecord,
    /// Withdraw grants from oneself.
    GiveUpGrants {
        /// Who holds them.
        holder: ClientId,
        /// Which.
        change: &'a PolicyChange,
    },
    /// Delete one's own key to the records of another client.
    GiveUpKey {
        /// The reader.
        reader: ClientId,
    },
    /// Put a key for a reader.
    PutKey {
        /// The reader.
        reader: ClientId,
    },
    /// Read the key of a reader.
    ReadKey {
        /// The reader.
        reader: ClientId,
    },
    /// Read a record.
    ReadRecord,
    /// Let a client read one record, or no longer.
    ShareRecord {
        /// The client.
        reader: ClientId,
        /// Whether it may.
        allow: bool,
    },
    /// Withdraw the right to share from a client, for every type.
    RemoveAuthorizer,
    /// Replace a record.
    UpdateRecord,
    /// Write a new record.
    WriteRecord,
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Who writes the records.
    pub writer: ClientId,
    /// The writer's account; none if the writer or the account is gone, and all it left is absent for everybody.
    pub writer_account: Option<AccountId>,
    /// What the writer granted to the caller.
    pub grants: GrantSet,
    /// Whether the caller may read as a member of a group that the writer shared with.
    pub reads_in_group: bool,
    /// Whether the caller may read the record in question by a grant for it alone.
    pub reads_record: bool,
}

/// Why not, and how the answer must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As if it were not there.
    Absent(&'static str),
    /// Not allowed.
    Forbidden(&'static str),
    /// The caller must prove more.
    Unauthorized(&'static str),
}

/// There is no such record, or none that the caller may see.
pub const NO_RECORD: Refusal = Refusal::Absent("no such record");
/// There is no such key, or none that the caller may see.
pub const NO_KEY: Refusal = Refusal::Absent("no such access key");
/// There is no record that the caller may delete.
pub const NOT_DELETABLE: Refusal = Refusal::Forbidden("there is no such record that this client may delete");
const NOT_WRITER: Refusal = Refusal::Forbidden("only the writer may do this");
const NOT_SHARER: Refusal =
    Refusal::Forbidden("only the writer, or a client that it authorized, may do this");
const NOT_EDITOR: Refusal = Refusal::Forbidden("this client may read the record, but not change it");
const NOT_OWN: Refusal = Refusal::Forbidden("a client may give up its own access only");

/// Whether `caller` may do this.
///
/// # Errors
/// It may not.
pub fn decide(caller: ClientId, action: Action<'_>, facts: &Facts) -> Result<(), Refusal> {
    let there = facts.writer_account.is_some();
    let writer = there && caller == facts.writer;
    let GrantSet { read, edit, authorizer } = if there && !writer {
        facts.grants
    } else {
        GrantSet { read: false, edit: false, authorizer: false }
    };
    let sees = read || there && (facts.reads_in_group || facts.reads_record);
    // Of the writer's own key and grants, an authorizer must not dispose: it could lock the writer out, or hand it a
    // key of its own making. Nor may it let itself in, or give what the writer alone can give.
    let (allowed, refusal) = match action {
        Action::ChangePolicy { holder, change } => {
            let read_only = change.allow.iter().chain(change.deny.iter()).all(|grant| grant == Grant::Read);
            let lets_itself_in = holder == caller && !change.allow.is_empty();
            (writer || authorizer && read_only && holder != facts.writer && !lets_itself_in, NOT_SHARER)
        }
        Action::DeleteKey { reader } | Action::PutKey { reader } => {
            (writer || authorizer && reader != facts.writer, NOT_SHARER)
        }
        Action::DeleteRecord => (writer, NOT_DELETABLE),
        Action::EditRecord => (writer || read && edit, if sees { NOT_EDITOR } else { NO_RECORD }),
        Action::GiveUpGrants { holder, change } => (holder == caller && change.allow.is_empty(), NOT_OWN),
        Action::GiveUpKey { reader } => (reader == caller && caller != facts.writer, NOT_OWN),
        Action::ReadKey { reader } => (writer || there && reader == caller || authorizer, NO_KEY),
        Action::ReadRecord => (writer || sees, NO_RECORD),
        Action::RemoveAuthorizer => (writer, NOT_WRITER),
        Action::ShareRecord { reader, allow } => {
            let lets_itself_in = reader == caller && allow;
            let may = writer || authorizer && reader != facts.writer && !lets_itself_in;
            (may, if sees { NOT_SHARER } else { NO_RECORD })
        }
        Action::UpdateRecord => (writer, if sees { NOT_EDITOR } else { NO_RECORD }),
        Action::WriteRecord => (writer, NOT_WRITER),
    };
    if allowed { Ok(()) } else { Err(refusal) }
}

/// The facts on what `caller` wants with a record type.
///
/// # Errors
/// The store failed.
pub fn facts(tx: &dyn ReadTx, caller: ClientId, slot: &RecordTypeSlot) -> Result<Facts, StoreError> {
    let writer_account = living_client(tx, slot.writer)?.map(|row| row.account_id);
    let grants = tx.grants(&GrantSlot { type_slot: slot.clone(), client: caller })?;
    // A group's access key opens what its writer writes about itself; nothing else can be shared with a group.
    let may_be_in_group = !grants.read && caller != slot.writer && slot.user == slot.writer;
    let reads_in_group =
        may_be_in_group && tx.share_for_reader(caller, slot.writer, &slot.record_type)?.is_some();
    Ok(Facts { writer: slot.writer, writer_account, grants, reads_in_group, reads_record: false })
}

/// The facts on what `caller` wants with a record.
///
/// # Errors
/// The store failed.
pub fn record_facts(tx: &dyn ReadTx, caller: ClientId, head: &RecordHead) -> Result<Facts, StoreError> {
    with_record(tx, caller, facts(tx, caller, &head.type_slot)?, head.id)
}

/// What is known of a record's type, with what is known of the record itself.
///
/// # Errors
/// The store failed.
pub fn with_record(
    tx: &dyn ReadTx,
    caller: ClientId,
    facts: Facts,
    record: RecordId,
) -> Result<Facts, StoreError> {
    let sees = caller == facts.writer || facts.grants.read || facts.reads_in_group;
    Ok(Facts { reads_record: !sees && tx.reads_record(record, caller)?, ..facts })
}

/// A client that is there, with an account that is there. What others left behind is waiting to be erased.
///
/// # Errors
/// The store failed.
pub fn living_client(tx: &dyn ReadTx, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
    Ok(tx.living_clients(&[id])?.pop())
}

/// Those of these clients that are there, with an account that is there.
///
/// # Errors
/// The store failed.
pub fn living_clients(
    tx: &dyn ReadTx,
    ids: impl IntoIterator<Item = ClientId>,
) -> Result<BTreeMap<ClientId, ClientRow>, StoreError> {
    let ids: Vec<_> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut living = BTreeMap::new();
    for ids in ids.chunks(CLIENTS_AT_A_TIME) {
        living.extend(tx.living_clients(ids)?.into_iter().map(|row| (row.id, row)));
    }
    Ok(living)
}

/// Clients that are looked up at a time.
const CLIENTS_AT_A_TIME: usize = 1_000;

/// The grants that a change leaves.
///
/// Who may no longer read may no longer edit either; otherwise an authorizer that lets it read again would let it edit
/// again, which only the writer may.
#[must_use]
pub fn changed_grants(mut grants: GrantSet, change: &PolicyChange) -> GrantSet {
    for (list, value) in [(&change.allow, true), (&change.deny, false)] {
        for grant in list.iter() {
            match grant {
                Grant::Authorizer => grants.authorizer = value,
                Grant::Edit => grants.edit = value,
                Grant::Read => grants.read = value,
            }
        }
    }
    if change.deny.contains(Grant::Read) {
        grants.edit = false;
    }
    grants
}

/// Grants of one client, or to one client, that are read for one request; [`StoreError::TooMuchWork`] past that. No more
/// can be given to one client, or whoever gave it more than it wants would break its searches and listings.
pub const MAX_GRANTS_READ: usize = 50_000;
/// Grants that one writer can give to one client, so that one alone does not use up what the client may hold.
pub const MAX_GRANTS_FROM_WRITER: usize = 5_000;

/// Whether this writer may give one more grant to this client.
///
/// # Errors
/// The store failed.
pub fn has_room(tx: &dyn ReadTx, writer: ClientId, holder: ClientId) -> Result<bool, StoreError> {
    let from_writer = tx.count_grants_to_client(holder, Some(writer), MAX_GRANTS_FROM_WRITER)?;
    Ok(from_writer < MAX_GRANTS_FROM_WRITER
        && tx.count_grants_to_client(holder, None, MAX_GRANTS_READ)? < MAX_GRANTS_READ)
}

/// Clients that may read one record by a grant for it alone.
pub const MAX_READERS_OF_RECORD: usize = 1_000;

/// Whether one more client may get a grant for this record alone. Grants for records count like those for types.
///
/// # Errors
/// The store failed.
pub fn record_has_room(
    tx: &dyn ReadTx,
    writer: ClientId,
    record: RecordId,
    holder: ClientId,
) -> Result<bool, StoreError> {
    let from_writer = tx.count_record_grants(holder, Some(writer), MAX_GRANTS_FROM_WRITER)?;
    Ok(from_writer < MAX_GRANTS_FROM_WRITER
        && tx.count_record_readers(record, MAX_READERS_OF_RECORD)? < MAX_READERS_OF_RECORD
        && tx.count_record_grants(holder, None, MAX_GRANTS_READ)? < MAX_GRANTS_READ)
}

/// What a search may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that the caller may read.
    All,
    /// The caller's own records.
    Own,
    /// What the caller may read of these writers.
    Writers(BTreeSet<ClientId>),
}

/// The records within `reach` that `caller` may read.
///
/// # Errors
/// The store failed, or the caller holds more than [`MAX_GRANTS_READ`] grants.
pub fn visible(tx: &dyn ReadTx, caller: ClientId, reach: &Reach) -> Result<BTreeSet<Scope>, StoreError> {
    let own = match reach {
        Reach::All | Reach::Own => true,
        Reach::Writers(writers) => writers.contains(&caller),
    };
    let wanted = |writer: ClientId| match reach {
        Reach::All => writer != caller,
        Reach::Own => false,
        Reach::Writers(writers) => writer != caller && writers.contains(&writer),
    };
    let mut scopes = BTreeSet::new();
    if own {
        scopes.insert(Scope { writer: caller, only: None });
    }
    if *reach == Reach::Own || matches!(reach, Reach::Writers(writers) if writers.iter().eq([&caller])) {
        return Ok(scopes);
    }
    let mut slots: Vec<_> = limited(tx.grants_to_client(caller, GrantKind::Read, MAX_GRANTS_READ + 1)?)?
        .into_iter()
        .map(|row| row.slot.type_slot)
        .collect();
    slots.retain(|slot| wanted(slot.writer));
    let living = living_clients(tx, slots.iter().map(|slot| slot.writer))?;
    for RecordTypeSlot { writer, user, record_type } in slots {
        if living.contains_key(&writer) {
            scopes.insert(Scope { writer, only: Some((user, record_type)) });
        }
    }
    Ok(scopes)
}

/// The rows, if they are all the rows: they were read with a limit of one more than [`MAX_GRANTS_READ`].
///
/// # Errors
/// There are more.
pub fn limited(rows: Vec<GrantRow>) -> Result<Vec<GrantRow>, StoreError> {
    if rows.len() > MAX_GRANTS_READ { Err(StoreError::TooMuchWork) } else { Ok(rows) }
}

#[cfg(test)]
mod tests;
