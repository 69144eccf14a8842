//! Who may do what in a group.

use std::collections::BTreeSet;

use tozstore_api::{Capability, CapabilitySet};
use tozstore_crypto::{ClientId, GroupId};

use super::{Refusal, living_client, living_clients};
use crate::store::{ClientRow, GroupRow, GroupShareRow, ReadTx, Scope, StoreError};

/// What a client wants to do with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// Change a record that was shared with it, if the share allows that.
    EditRecords {
        /// Whether it does.
        share_allows: bool,
    },
    /// Describe or delete it; add, change or remove members.
    Manage,
    /// Read the records that are shared with it.
    ReadRecords,
    /// Read one's own membership key.
    ReadOwnKey,
    /// See it and its members.
    See,
    /// Share a record type of one's own with it.
    Share,
    /// Withdraw what a writer shared.
    Unshare {
        /// The writer.
        writer: ClientId,
    },
}

/// What a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// Whether the group is of the caller's account.
    pub same_account: bool,
    /// What the caller may do in it; none if it is not a member.
    pub capabilities: Option<CapabilitySet>,
}

/// There is no such group, or none that the caller may see.
pub const NO_GROUP: Refusal = Refusal::Absent("no such group");
const NO_MEMBERSHIP: Refusal = Refusal::Absent("this client is not a member of the group");
const NOT_MANAGER: Refusal = Refusal::Forbidden("this needs the capability MANAGE_MEMBERSHIP in the group");
const NOT_READER: Refusal = Refusal::Forbidden("this needs the capability READ_CONTENT in the group");
const NOT_SHARER: Refusal = Refusal::Forbidden("this needs the capability SHARE_CONTENT in the group");
const NOT_EDITOR: Refusal = Refusal::Forbidden(
    "this needs the capabilities READ_CONTENT and EDIT_CONTENT in the group, and a share that allows to edit",
);
const NOT_WRITER: Refusal = Refusal::Forbidden("only the writer may withdraw what it shared");

/// Whether `caller` may do this.
///
/// # Errors
/// It may not.
pub fn decide_group(caller: ClientId, action: GroupAction, facts: &GroupFacts) -> Result<(), Refusal> {
    if !facts.same_account {
        return Err(NO_GROUP);
    }
    let may = |capability| facts.capabilities.as_ref().is_some_and(|set| set.contains(capability));
    let (allowed, refusal) = match action {
        GroupAction::EditRecords { share_allows } => {
            (share_allows && may(Capability::ReadContent) && may(Capability::EditContent), NOT_EDITOR)
        }
        GroupAction::Manage => (may(Capability::ManageMembership), NOT_MANAGER),
        GroupAction::ReadRecords => (may(Capability::ReadContent), NOT_READER),
        GroupAction::ReadOwnKey => (facts.capabilities.is_some(), NO_MEMBERSHIP),
        GroupAction::See => (true, NO_GROUP),
        GroupAction::Share => (may(Capability::ShareContent), NOT_SHARER),
        // Even from outside: what is its own, a writer may always take back.
        GroupAction::Unshare { writer } => (writer == caller, NOT_WRITER),
    };
    if allowed { Ok(()) } else { Err(refusal) }
}

/// A group, and the facts on what `caller` wants with it.
///
/// # Errors
/// The store failed.
pub fn group_facts(
    tx: &dyn ReadTx,
    caller: &ClientRow,
    id: GroupId,
) -> Result<Option<(GroupRow, GroupFacts)>, StoreError> {
    let Some(group) = tx.group(id)? else { return Ok(None) };
    let same_account = group.account_id == caller.account_id;
    let capabilities = tx.group_member(id, caller.id)?.map(|row| row.capabilities);
    Ok(Some((group, GroupFacts { same_account, capabilities })))
}

/// Managers that are looked at for one decision; [`StoreError::TooMuchWork`] past that.
const MAX_MANAGERS_READ: usize = 10_000;

/// Whether someone besides `leaving` manages a group. A deleted client does not count.
///
/// # Errors
/// The store failed.
pub fn has_other_manager(
    tx: &dyn ReadTx,
    group: GroupId,
    leaving: &BTreeSet<ClientId>,
) -> Result<bool, StoreError> {
    for manager in tx.group_managers(group, MAX_MANAGERS_READ)? {
        if !leaving.contains(&manager) && living_client(tx, manager)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The records that are shared with a group, of these writers or of all; at most `limit` types.
///
/// # Errors
/// The store failed, or more than `limit` types are shared with the group.
pub fn group_scopes(
    tx: &dyn ReadTx,
    group: GroupId,
    writers: &BTreeSet<ClientId>,
    limit: usize,
) -> Result<BTreeSet<Scope>, StoreError> {
    let mut shares = tx.group_shares(group, limit + 1)?;
    if shares.len() > limit {
        return Err(StoreError::TooMuchWork);
    }
    shares.retain(|share| writers.is_empty() || writers.contains(&share.writer));
    let living = living_clients(tx, shares.iter().map(|share| share.writer))?;
    let mut scopes = BTreeSet::new();
    for GroupShareRow { writer, record_type, .. } in shares {
        if living.contains_key(&writer) {
            scopes.insert(Scope { writer, only: Some((writer, record_type)) });
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Y: allowed; N: as if absent; F: forbidden. A column for each caller: a member with one capability each (edit,
    /// manage, read, share), with all, with none; a client of the account; one of another account.
    #[test]
    fn matrix() {
        let (own, other) = (ClientId::from_bytes([1; 16]), ClientId::from_bytes([2; 16]));
        let of = |set: &[Capability]| Some(set.iter().copied().collect::<CapabilitySet>());
        let mut callers: Vec<_> = Capability::ALL
            .iter()
            .map(|one| GroupFacts { same_account: true, capabilities: of(&[*one]) })
            .collect();
        callers.push(GroupFacts { same_account: true, capabilities: of(&Capability::ALL) });
        callers.push(GroupFacts { same_account: true, capabilities: of(&[]) });
        callers.push(GroupFacts { same_account: true, capabilities: None });
        callers.push(GroupFacts { same_account: false, capabilities: of(&Capability::ALL) });
        for (action, expected) in [
            (GroupAction::EditRecords { share_allows: true }, "FFFFYFFN"),
            (GroupAction::EditRecords { share_allows: false }, "FFFFFFFN"),
            (GroupAction::Manage, "FYFFYFFN"),
            (GroupAction::ReadRecords, "FFYFYFFN"),
            (GroupAction::ReadOwnKey, "YYYYYYNN"),
            (GroupAction::See, "YYYYYYYN"),
            (GroupAction::Share, "FFFYYFFN"),
            (GroupAction::Unshare { writer: own }, "YYYYYYYN"),
            (GroupAction::Unshare { writer: other }, "FFFFFFFN"),
        ] {
            let found: String = callers
                .iter()
                .map(|facts| match decide_group(own, action, facts) {
                    Ok(()) => 'Y',
                    Err(Refusal::Absent(_)) => 'N',
                    Err(Refusal::Forbidden(_)) => 'F',
                    Err(Refusal::Unauthorized(_)) => 'U',
                })
                .collect();
            assert_eq!(found, expected, "{action:?}");
        }
    }
}
