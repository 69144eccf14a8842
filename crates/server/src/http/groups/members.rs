//! Members of groups: `/v2/storage/groups/{group_id}/members`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::StatusCode;
use tozstore_api::{
    AddMembers, Capability, GroupIds, GroupMember, MAX_MEMBERS_PER_REQUEST, MemberCapabilities, MemberList,
    MembersByGroup, RemoveMembers, UpdateMembers, paths,
};
use tozstore_crypto::{ClientId, GroupId};

use super::page::{LAST_PAGE, ListQuery, Place};
use super::{admitted, change, check_key, distinct};
use crate::App;
use crate::http::{Credential, Error, Json, OptionalJson, Path, RecordJson};
use crate::policy::{GroupAction, has_other_manager, living_client};
use crate::store::{Change, ChangeKind, GroupMemberRow, GroupRow, ReadTx, WriteTx};

/// Members that a group may have.
const MAX_GROUP_MEMBERS: u64 = 10_000;

/// Adds members to a group.
///
/// Who is a member already gets the new key, and keeps what it may do besides what is added.
#[utoipa::path(
    post, path = paths::GROUP_MEMBERS, request_body = AddMembers,
    responses((status = 201, body = Vec<GroupMember>), (status = 403))
)]
pub async fn add(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    RecordJson(body): RecordJson<AddMembers>,
) -> Result<(StatusCode, axum::Json<Vec<GroupMember>>), Error> {
    check_count(body.group_members.len())?;
    for member in &body.group_members {
        if !member.membership_key.is_empty() {
            check_key(&member.membership_key)?;
        }
    }
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (mut group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Manage)?;
        let now = tx.stamp()?;
        let mut count = tx.group_member_count(id)?;
        let mut put = Vec::new();
        for member in &body.group_members {
            let older = tx.group_member(id, member.client_id)?;
            let row = match older {
                Some(mut row) => {
                    row.capabilities.extend(&member.capability_names);
                    if !member.membership_key.is_empty() {
                        row.membership_key.clone_from(&member.membership_key);
                        row.authorizer = caller.id;
                        row.authorizer_keys = caller.public_key.clone();
                    }
                    row
                }
                None => {
                    let known = living_client(tx.as_read(), member.client_id)?;
                    if known.is_none_or(|row| row.account_id != group.account_id) {
                        return Err(Error::NotFound("no such client in the account of the group"));
                    }
                    check_key(&member.membership_key)?;
                    count += 1;
                    GroupMemberRow {
                        group: id,
                        client: member.client_id,
                        account_id: group.account_id,
                        membership_key: member.membership_key.clone(),
                        authorizer: caller.id,
                        authorizer_keys: caller.public_key.clone(),
                        capabilities: member.capability_names.clone(),
                        created: now,
                    }
                }
            };
            if count > MAX_GROUP_MEMBERS {
                return Err(Error::bad_request(format!("a group has at most {MAX_GROUP_MEMBERS} members")));
            }
            tx.put_group_member(&row)?;
            tx.append_change(now, &about(ChangeKind::GroupMemberPut, caller.id, &group, row.client))?;
            put.push(row.client);
        }
        group.last_modified = now;
        tx.update_group(&group)?;
        stored(tx.as_read(), id, &put)
    };
    let members = app.store.write("add group members", write).await?;
    Ok((StatusCode::CREATED, axum::Json(members)))
}

/// Replaces what members of a group may do.
///
/// Their keys stay.
#[utoipa::path(
    put, path = paths::GROUP_MEMBERS, request_body = UpdateMembers,
    responses((status = 200, body = Vec<MemberCapabilities>), (status = 403))
)]
pub async fn update(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    Json(body): Json<UpdateMembers>,
) -> Result<axum::Json<Vec<MemberCapabilities>>, Error> {
    check_count(body.group_members.len())?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (mut group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Manage)?;
        let now = tx.stamp()?;
        for member in &body.group_members {
            let mut row = tx
                .group_member(id, member.client_id)?
                .ok_or(Error::NotFound("no such member of the group"))?;
            row.capabilities = member.capability_names.clone();
            tx.put_group_member(&row)?;
            tx.append_change(now, &about(ChangeKind::GroupMemberPut, caller.id, &group, row.client))?;
        }
        keep_a_manager(tx.as_read(), id)?;
        group.last_modified = now;
        tx.update_group(&group)?;
        let changed: Vec<ClientId> = body.group_members.iter().map(|member| member.client_id).collect();
        Ok::<_, Error>(
            stored(tx.as_read(), id, &changed)?
                .into_iter()
                .map(|member| MemberCapabilities {
                    client_id: member.client_id,
                    capability_names: member.capability_names,
                })
                .collect(),
        )
    };
    app.store.write("update group members", write).await.map(axum::Json)
}

/// Removes members from a group.
///
/// Who is no member is passed over. What a member that leaves has shared stays until it takes it back.
#[utoipa::path(
    delete, path = paths::GROUP_MEMBERS, request_body = RemoveMembers,
    responses((status = 204), (status = 403))
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    Json(body): Json<RemoveMembers>,
) -> Result<StatusCode, Error> {
    check_count(body.group_members.len())?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (mut group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Manage)?;
        let now = tx.stamp()?;
        for member in &body.group_members {
            if tx.delete_group_member(id, member.client_id)? {
                let change = about(ChangeKind::GroupMemberRemoved, caller.id, &group, member.client_id);
                tx.append_change(now, &change)?;
            }
        }
        keep_a_manager(tx.as_read(), id)?;
        group.last_modified = now;
        tx.update_group(&group)?;
        Ok::<_, Error>(())
    };
    app.store.write("remove group members", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the members of a group.
///
/// For every client of the account.
#[utoipa::path(
    get, path = paths::GROUP_MEMBERS,
    params(
        ("nextToken" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = MemberList))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<MemberList>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (after, limit) = (query.after()?, query.limit()?);
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        admitted(tx, &caller, id, GroupAction::See)?;
        let mut rows = tx.group_members(id, after, limit + 1)?;
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next_token = if is_last { 0 } else { rows.last().map_or(0, |(position, _)| *position) };
        let group_members = rows.into_iter().map(|(_, row)| answer(row)).collect();
        Ok::<_, Error>(MemberList { group_members, next_token })
    };
    app.store.read("list group members", read).await.map(axum::Json)
}

/// Lists the members of many groups.
///
/// Groups that are not there, or not of the account, are left out.
#[utoipa::path(
    post, path = paths::GROUPS_BULK_MEMBERS, request_body = Option<GroupIds>,
    params(
        ("next_token" = Option<String>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = MembersByGroup))
)]
pub async fn list_many(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
    OptionalJson(body): OptionalJson<GroupIds>,
) -> Result<axum::Json<MembersByGroup>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (place, limit) = (query.place()?, query.limit()?);
    let ids = distinct(body)?;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut results = BTreeMap::new();
        let (mut left, mut after) = (limit, place.after);
        for (ordinal, &id) in ids.iter().enumerate().skip(place.group) {
            if tx.group(id)?.is_none_or(|group| group.account_id != caller.account_id) {
                after = 0;
                continue;
            }
            let mut rows = tx.group_members(id, after, left + 1)?;
            let is_full = rows.len() > left;
            rows.truncate(left);
            left -= rows.len();
            // Where nothing of this group fits any more, the next page begins where this one ended.
            let end = Place { group: ordinal, after: rows.last().map_or(after, |(position, _)| *position) };
            if !rows.is_empty() {
                results.insert(id, rows.into_iter().map(|(_, row)| answer(row)).collect());
            }
            if is_full {
                return Ok(MembersByGroup { results, next_token: end.to_string() });
            }
            after = 0;
        }
        Ok::<_, Error>(MembersByGroup { results, next_token: LAST_PAGE.to_owned() })
    };
    app.store.read("list members of groups", read).await.map(axum::Json)
}

/// Without a manager, a group could not be changed or deleted by anyone any more.
fn keep_a_manager(tx: &dyn ReadTx, id: GroupId) -> Result<(), Error> {
    if has_other_manager(tx, id, &BTreeSet::new())? {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "a group keeps at least one member with the capability {}",
        Capability::ManageMembership.name()
    )))
}

/// Members as they are stored now, each once.
fn stored(tx: &dyn ReadTx, id: GroupId, clients: &[ClientId]) -> Result<Vec<GroupMember>, Error> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for &client in clients {
        if seen.insert(client) {
            members.extend(tx.group_member(id, client)?.map(answer));
        }
    }
    Ok(members)
}

fn answer(row: GroupMemberRow) -> GroupMember {
    GroupMember {
        client_id: row.client,
        membership_key: row.membership_key,
        capability_names: row.capabilities,
    }
}

fn about(kind: ChangeKind, actor: ClientId, group: &GroupRow, member: ClientId) -> Change {
    Change { other: Some(member), ..change(kind, actor, group) }
}

fn check_count(members: usize) -> Result<(), Error> {
    if members > MAX_MEMBERS_PER_REQUEST {
        return Err(Error::bad_request(format!(
            "at most {MAX_MEMBERS_PER_REQUEST} members can be named at once"
        )));
    }
    Ok(())
}
