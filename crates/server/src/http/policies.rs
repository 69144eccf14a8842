//! Access policies: `/v1/storage/policy/{user_id}/{writer_id}/{client_id}/{type}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use tozstore_api::{Grant, PolicyChange, RecordType, paths};
use tozstore_crypto::{AccountId, ClientId, RecordId};

use super::access_keys::{self, refuse_sealed, use_type};
use super::{Credential, Error, Json, Path};
use crate::App;
use crate::policy::{self, Action, Facts, MAX_GRANTS_READ, NO_RECORD, limited, living_client};
use crate::store::{
    Change, ChangeKind, GrantKind, GrantRow, GrantSet, GrantSlot, KeySlot, RecordGrantRow, RecordTypeSlot,
    WriteTx,
};

type PolicyPath = Path<(ClientId, ClientId, ClientId, RecordType)>;

/// Grants or withdraws access to a record type.
///
/// For the writer, or a client that it authorized.
#[utoipa::path(
    put, path = paths::POLICY, request_body = PolicyChange,
    responses((status = 201, body = Object), (status = 403), (status = 409))
)]
pub async fn put(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((user, writer, holder, record_type)): PolicyPath,
    Json(change): Json<PolicyChange>,
) -> Result<(StatusCode, axum::Json<Value>), Error> {
    let slot = GrantSlot { type_slot: RecordTypeSlot { writer, user, record_type }, client: holder };
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let facts = policy::facts(tx.as_read(), caller.id, &slot.type_slot)?;
        policy::decide(caller.id, Action::ChangePolicy { holder, change: &change }, &facts)?;
        refuse_sealed(tx.as_read(), &slot.type_slot)?;
        // To withdraw from a client that is gone changes nothing, and is what the writer wants.
        if !change.allow.is_empty() && living_client(tx.as_read(), holder)?.is_none() {
            return Err(Error::NotFound("no such client"));
        }
        put_grants(tx, caller.id, &facts, &slot, &change)
    };
    app.store.write("put policy", write).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({}))))
}

/// Gives up access to a record type.
#[utoipa::path(
    put, path = paths::READER_POLICY, request_body = PolicyChange,
    responses((status = 204), (status = 403), (status = 409))
)]
pub async fn put_as_reader(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, holder, record_type)): PolicyPath,
    Json(change): Json<PolicyChange>,
) -> Result<StatusCode, Error> {
    let slot = GrantSlot { type_slot: RecordTypeSlot { writer, user, record_type }, client: holder };
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let facts = policy::facts(tx.as_read(), caller.id, &slot.type_slot)?;
        policy::decide(caller.id, Action::GiveUpGrants { holder, change: &change }, &facts)?;
        put_grants(tx, caller.id, &facts, &slot, &change)
    };
    app.store.write("give up policy", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws the right to share every record type.
///
/// The keys of that client go too, save those that it needs to read.
#[utoipa::path(
    delete, path = paths::POLICY_AUTHORIZER,
    responses((status = 200, body = Object), (status = 400), (status = 403))
)]
pub async fn delete_authorizer(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((user, writer, holder)): Path<(ClientId, ClientId, ClientId)>,
) -> Result<axum::Json<Value>, Error> {
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let account_id = caller.account_id;
        let facts = Facts {
            writer,
            writer_account: Some(account_id),
            grants: GrantSet::default(),
            reads_in_group: false,
            reads_record: false,
        };
        policy::decide(caller.id, Action::RemoveAuthorizer, &facts)?;
        let now = tx.stamp()?;
        for mut row in limited(tx.grants_by_writer(writer, GrantKind::Authorizer, MAX_GRANTS_READ + 1)?)? {
            if row.slot.client != holder || row.slot.type_slot.user != user {
                continue;
            }
            row.grants.authorizer = false;
            row.granted_by = caller.id;
            tx.put_grants(&row)?;
            tx.append_change(now, &changed(ChangeKind::PolicyWithdrawn, account_id, caller.id, &row.slot))?;
            let key = KeySlot { type_slot: row.slot.type_slot, reader: holder };
            if !row.grants.read && tx.delete_access_key(&key)? {
                let change = access_keys::change(ChangeKind::AccessKeyDeleted, account_id, caller.id, &key);
                tx.append_change(now, &change)?;
            }
        }
        Ok::<_, Error>(())
    };
    app.store.write("remove authorizer", write).await?;
    Ok(axum::Json(json!({})))
}

/// Let a client read one record, or no longer.
#[utoipa::path(
    put, path = paths::RECORD_POLICY, request_body = PolicyChange,
    responses((status = 201, body = Object), (status = 403), (status = 409))
)]
pub async fn put_for_record(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((writer, user, holder, id, record_type)): Path<(ClientId, ClientId, ClientId, RecordId, RecordType)>,
    Json(change): Json<PolicyChange>,
) -> Result<(StatusCode, axum::Json<Value>), Error> {
    if change.allow.iter().chain(change.deny.iter()).any(|grant| grant != Grant::Read) {
        return Err(Error::bad_request("a single record is shared for reading only"));
    }
    let allow = !change.allow.is_empty();
    let type_slot = RecordTypeSlot { writer, user, record_type };
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let head = tx.record_head(id)?.filter(|head| head.type_slot == type_slot).ok_or(NO_RECORD)?;
        let facts = policy::record_facts(tx.as_read(), caller.id, &head)?;
        policy::decide(caller.id, Action::ShareRecord { reader: holder, allow }, &facts)?;
        // The writer reads its own records anyway.
        if holder == writer || tx.reads_record(id, holder)? == allow {
            return Ok(());
        }
        let now = tx.stamp()?;
        let slot = GrantSlot { type_slot: type_slot.clone(), client: holder };
        if allow {
            if living_client(tx.as_read(), holder)?.is_none() {
                return Err(Error::NotFound("no such client"));
            }
            if !policy::record_has_room(tx.as_read(), writer, id, holder)? {
                return Err(Error::Conflict("the client holds, or the record has, as many grants as may be"));
            }
            let (account_id, granted_by) = (head.account_id, caller.id);
            let slot = slot.clone();
            tx.put_record_grant(&RecordGrantRow { record: id, slot, account_id, granted_by, created: now })?;
        } else {
            tx.delete_record_grant(id, holder)?;
        }
        let record = Some((id, head.version));
        let kind = if allow { ChangeKind::PolicyPut } else { ChangeKind::PolicyWithdrawn };
        tx.append_change(now, &Change { record, ..changed(kind, head.account_id, caller.id, &slot) })?;
        Ok::<_, Error>(())
    };
    app.store.write("put record policy", write).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({}))))
}

fn put_grants(
    tx: &mut dyn WriteTx,
    caller: ClientId,
    facts: &Facts,
    slot: &GrantSlot,
    change: &PolicyChange,
) -> Result<(), Error> {
    // The writer may do everything with its own records anyway; a row that says so would be listed as a share. And of
    // a writer that is gone, nothing is left to withdraw.
    let Some(account_id) = facts.writer_account.filter(|_| slot.client != facts.writer) else {
        return Ok(());
    };
    // Who may no longer read the type may no longer read single records of it either.
    let withdrawn =
        if change.deny.contains(Grant::Read) { tx.delete_record_grants_of_type(slot)? } else { 0 };
    let before = tx.grants(slot)?;
    let grants = policy::changed_grants(before, change);
    if grants == before {
        if withdrawn > 0 {
            let now = tx.stamp()?;
            tx.append_change(now, &changed(ChangeKind::PolicyWithdrawn, account_id, caller, slot))?;
        }
        return Ok(());
    }
    if before.is_empty() && !policy::has_room(tx.as_read(), facts.writer, slot.client)? {
        return Err(Error::Conflict("the client holds as many grants as it may"));
    }
    let now = tx.stamp()?;
    if !grants.is_empty() {
        use_type(tx, &slot.type_slot, account_id, now)?;
    }
    // What an authorizer granted goes when the authorizer goes; what the writer alone can grant must not.
    let granted_by = if grants.edit || grants.authorizer { facts.writer } else { caller };
    tx.put_grants(&GrantRow { slot: slot.clone(), account_id, grants, granted_by, created: now })?;
    let kind =
        if grants.gives_more_than(before) { ChangeKind::PolicyPut } else { ChangeKind::PolicyWithdrawn };
    tx.append_change(now, &changed(kind, account_id, caller, slot))?;
    Ok(())
}

fn changed(kind: ChangeKind, account_id: AccountId, actor: ClientId, slot: &GrantSlot) -> Change {
    Change {
        actor: Some(actor),
        client: Some(slot.type_slot.writer),
        other: Some(slot.client),
        record_type: Some(slot.type_slot.record_type.clone()),
        ..Change::new(kind, account_id)
    }
}
