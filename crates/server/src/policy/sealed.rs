//! Who may do what with a sealed type: what the signed entries of its log came to, and nothing else.

use tozstore_crypto::sealed::{Rights, Subject, TypeName};
use tozstore_crypto::{AccountId, ClientId};

use super::living_client;
use crate::store::{LogRow, ReadTx, SealedGrantRow, StoreError, log_row, sealed_grant};

/// What a client wants to do with a sealed type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedAction {
    /// Append an entry. The rules of the log decide the rest.
    Append,
    /// Read the log, keys, records.
    Read,
    /// Exchange wrapped data keys.
    Rewrap,
    /// Repair: what is the writer's alone.
    Repair,
    /// Write a version of a record.
    Write,
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFacts {
    /// Who asks.
    pub caller: ClientId,
    /// Whose type it is.
    pub writer: ClientId,
    /// The writer's account.
    pub account_id: AccountId,
    /// The head of the log.
    pub log: LogRow,
    /// What the caller holds; none of the writer, which needs none.
    pub grant: Option<SealedGrantRow>,
}

/// Why not, and how the answer must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedRefusal {
    /// As if it were not there.
    Absent,
    /// Not allowed, and the caller may know that there is such a thing.
    Forbidden,
}

impl SealedFacts {
    /// Whether the caller is the writer.
    pub fn is_writer(&self) -> bool {
        self.caller == self.writer
    }

    /// The first segment that the caller reads.
    pub fn from_segment(&self) -> u32 {
        self.grant.map_or(0, |grant| grant.from_segment)
    }

    /// Whether the caller may have to make wraps: it sees all private changes.
    pub fn sees_all(&self) -> bool {
        self.is_writer() || self.grant.is_some_and(|grant| !grant.rights.is_read_only())
    }
}

/// Facts of a type of which the caller may know: the others look as if there were none.
///
/// # Errors
/// The store failed.
pub fn sealed_facts(
    tx: &dyn ReadTx,
    caller: ClientId,
    writer: ClientId,
    name: &TypeName,
) -> Result<Option<SealedFacts>, StoreError> {
    let grant = if caller == writer {
        None
    } else {
        let Some(grant) = sealed_grant(tx, writer, name, Subject::Client(caller))? else { return Ok(None) };
        Some(grant)
    };
    let (Some(row), Some(log)) = (living_client(tx, writer)?, log_row(tx, writer, name)?) else {
        return Ok(None);
    };
    Ok(Some(SealedFacts { caller, writer, account_id: row.account_id, log, grant }))
}

/// Whether the caller may do this.
///
/// # Errors
/// It may not.
pub fn decide_sealed(
    action: SealedAction,
    facts: Option<&SealedFacts>,
) -> Result<SealedFacts, SealedRefusal> {
    let facts = facts.ok_or(SealedRefusal::Absent)?;
    let holds = |right: Rights| facts.grant.is_some_and(|grant| grant.rights.contain(right));
    let may = match action {
        SealedAction::Append => facts.sees_all(),
        SealedAction::Read => true,
        SealedAction::Repair => facts.is_writer(),
        SealedAction::Rewrap => facts.is_writer() || holds(Rights::ROTATE),
        SealedAction::Write => facts.is_writer() || holds(Rights::EDIT),
    };
    if may { Ok(*facts) } else { Err(SealedRefusal::Forbidden) }
}
