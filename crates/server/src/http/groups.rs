//! Groups: `/v2/storage/groups`. Members, memberships and shares have modules of their own.

mod access;
pub mod members;
pub mod memberships;
mod page;
pub mod shares;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::StatusCode;
use tozstore_api::{
    Capability, CreateGroup, DescribeGroup, Group, GroupIds, GroupList, GroupsById, MAX_ACCESS_KEY_BYTES,
    MAX_GROUP_DESCRIPTION_BYTES, MAX_GROUP_LOOKUPS, MAX_GROUP_NAME_BYTES, MAX_GROUP_PUBLIC_KEY_BYTES, paths,
};
use tozstore_crypto::{ClientId, GroupId};

pub(super) use self::access::{GroupKeys, key_for_reader};
use self::page::ListQuery;
use super::{Credential, Error, Json, OptionalJson, Path};
use crate::policy::{GroupAction, GroupFacts, NO_GROUP, decide_group, group_facts};
use crate::store::{Change, ChangeKind, ClientRow, GroupMemberRow, GroupRow, ReadTx, StoreError, WriteTx};
use crate::{App, ids};

/// Groups that one request looks at to find those that it answers with.
const MAX_GROUPS_READ: usize = 50_000;

/// Makes a group.
///
/// The caller becomes the first member, and manages the others.
#[utoipa::path(
    post, path = paths::GROUPS, request_body = CreateGroup,
    responses((status = 201, body = Group))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    credential: Credential,
    Json(body): Json<CreateGroup>,
) -> Result<(StatusCode, axum::Json<Group>), Error> {
    check_new(&body)?;
    let id = ids::new_group_id(app.now(), credential.client_id())?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let now = tx.stamp()?;
        let body = body.clone();
        let mut capabilities = body.capability;
        capabilities.insert(Capability::ManageMembership);
        let group = GroupRow {
            id,
            account_id: caller.account_id,
            name: body.group_name,
            description: body.description,
            public_key: body.public_key,
            creator_key: body.encrypted_group_key.clone(),
            created: now,
            last_modified: now,
        };
        tx.insert_group(&group)?;
        tx.put_group_member(&GroupMemberRow {
            group: id,
            client: caller.id,
            account_id: caller.account_id,
            membership_key: body.encrypted_group_key,
            authorizer: caller.id,
            authorizer_keys: caller.public_key.clone(),
            capabilities,
            created: now,
        })?;
        tx.append_change(now, &change(ChangeKind::GroupCreated, caller.id, &group))?;
        answer(tx.as_read(), &caller, group)
    };
    let group = app.store.write("create group", write).await?;
    Ok((StatusCode::CREATED, axum::Json(group)))
}

/// Lists groups.
///
/// Those of a client of the account if one is named; otherwise all of the account for the client that administers it,
/// and their own for others.
#[utoipa::path(
    get, path = paths::GROUPS,
    params(
        ("client_id" = Option<Uuid>, Query, description = "Those of this client."),
        ("group_names" = Option<Vec<String>>, Query, description = "Those of these names."),
        ("nextToken" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = GroupList))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<GroupList>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (after, limit) = (query.after()?, query.limit()?);
    let names = query.texts("group_names");
    let of_client = query.ids::<ClientId>("client_id")?.first().copied();
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let is_queen = tx.account(caller.account_id)?.is_some_and(|account| account.queen == caller.id);
        let member = of_client.or((!is_queen).then_some(caller.id));
        let mut found = if names.is_empty() {
            match member {
                None => tx.groups_of_account(caller.account_id, None, after, limit + 1)?,
                Some(member) => groups_of(tx, member, after, limit + 1)?,
            }
        } else {
            let mut found = Vec::new();
            for name in &names {
                let read = match member {
                    None => limit + 1,
                    Some(_) => MAX_GROUPS_READ,
                };
                let named = tx.groups_of_account(caller.account_id, Some(name), after, read)?;
                if named.len() == MAX_GROUPS_READ {
                    return Err(StoreError::TooMuchWork.into());
                }
                found.extend(named);
            }
            if let Some(member) = member {
                let mut of_member = Vec::new();
                for (position, group) in found {
                    if tx.group_member(group.id, member)?.is_some() {
                        of_member.push((position, group));
                    }
                }
                found = of_member;
            }
            found.sort_unstable_by_key(|(position, _)| *position);
            found
        };
        found.retain(|(_, group)| group.account_id == caller.account_id);
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let next_token = if is_last { 0 } else { found.last().map_or(0, |(position, _)| *position) };
        let groups = found.into_iter().map(|(_, group)| answer(tx, &caller, group));
        Ok::<_, Error>(GroupList { groups: groups.collect::<Result<_, _>>()?, next_token })
    };
    app.store.read("list groups", read).await.map(axum::Json)
}

/// Reads many groups.
///
/// Ids that name no group are left out.
#[utoipa::path(
    post, path = paths::GROUPS_BULK, request_body = Option<GroupIds>,
    params(
        ("nextToken" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = GroupsById))
)]
pub async fn many(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
    OptionalJson(body): OptionalJson<GroupIds>,
) -> Result<axum::Json<GroupsById>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (after, limit) = (query.after()?, query.limit()?);
    let ids = distinct(body)?;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let start = usize::try_from(after).unwrap_or(usize::MAX).min(ids.len());
        let end = start.saturating_add(limit).min(ids.len());
        let mut results = BTreeMap::new();
        for &id in ids.get(start..end).unwrap_or_default() {
            if let Some(group) = tx.group(id)?.filter(|group| group.account_id == caller.account_id) {
                results.insert(id, answer(tx, &caller, group)?);
            }
        }
        let next_token = if end < ids.len() { end as u64 } else { 0 };
        Ok::<_, Error>(GroupsById { results, next_token })
    };
    app.store.read("read groups", read).await.map(axum::Json)
}

/// Reads a group.
///
/// For every client of the account, member or not.
#[utoipa::path(get, path = paths::GROUP, responses((status = 200, body = Group)))]
pub async fn read(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
) -> Result<axum::Json<Group>, Error> {
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let (group, _) = admitted(tx, &caller, id, GroupAction::See)?;
        answer(tx, &caller, group)
    };
    app.store.read("read group", read).await.map(axum::Json)
}

/// Describes a group anew.
#[utoipa::path(
    put, path = paths::GROUP, request_body = DescribeGroup,
    responses((status = 200, body = Group), (status = 403))
)]
pub async fn describe(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    Json(body): Json<DescribeGroup>,
) -> Result<axum::Json<Group>, Error> {
    check_description(&body.group_description)?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (mut group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Manage)?;
        group.description = body.group_description.clone();
        let now = tx.stamp()?;
        group.last_modified = now;
        tx.update_group(&group)?;
        tx.append_change(now, &change(ChangeKind::GroupUpdated, caller.id, &group))?;
        answer(tx.as_read(), &caller, group)
    };
    app.store.write("describe group", write).await.map(axum::Json)
}

/// Deletes a group.
///
/// Its members and shares go with it.
#[utoipa::path(delete, path = paths::GROUP, responses((status = 204), (status = 403)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
) -> Result<StatusCode, Error> {
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Manage)?;
        let now = tx.stamp()?;
        tx.delete_group(id)?;
        tx.append_change(now, &change(ChangeKind::GroupDeleted, caller.id, &group))?;
        Ok::<_, Error>(())
    };
    app.store.write("delete group", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A group in which the caller may do this.
fn admitted(
    tx: &dyn ReadTx,
    caller: &ClientRow,
    id: GroupId,
    action: GroupAction,
) -> Result<(GroupRow, GroupFacts), Error> {
    let (group, facts) = group_facts(tx, caller, id)?.ok_or(NO_GROUP)?;
    decide_group(caller.id, action, &facts)?;
    Ok((group, facts))
}

fn change(kind: ChangeKind, actor: ClientId, group: &GroupRow) -> Change {
    Change { actor: Some(actor), group: Some(group.id), ..Change::new(kind, group.account_id) }
}

/// A group as the caller sees it.
fn answer(tx: &dyn ReadTx, caller: &ClientRow, group: GroupRow) -> Result<Group, Error> {
    let own_key = tx.group_member(group.id, caller.id)?.map(|member| member.membership_key);
    Ok(Group {
        member_count: tx.group_member_count(group.id)?,
        group_id: group.id,
        group_name: group.name,
        account_id: group.account_id,
        public_key: group.public_key,
        created_at: group.created,
        last_modified: group.last_modified,
        encrypted_group_key: own_key.unwrap_or(group.creator_key),
        description: group.description,
    })
}

fn groups_of(
    tx: &dyn ReadTx,
    member: ClientId,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, GroupRow)>, StoreError> {
    let mut groups = Vec::new();
    for (position, membership) in tx.memberships(member, after, limit)? {
        groups.extend(tx.group(membership.group)?.map(|group| (position, group)));
    }
    Ok(groups)
}

/// The ids of a request in its order, each once.
fn distinct(body: Option<GroupIds>) -> Result<Vec<GroupId>, Error> {
    let ids = body.unwrap_or_default().group_ids;
    if ids.len() > MAX_GROUP_LOOKUPS {
        return Err(Error::bad_request(format!("at most {MAX_GROUP_LOOKUPS} groups can be named at once")));
    }
    let mut seen = std::collections::BTreeSet::new();
    Ok(ids.into_iter().filter(|id| seen.insert(*id)).collect())
}

fn check_new(body: &CreateGroup) -> Result<(), Error> {
    if body.group_name.is_empty() || body.group_name.len() > MAX_GROUP_NAME_BYTES {
        return Err(Error::bad_request(format!("the name of a group has 1 to {MAX_GROUP_NAME_BYTES} bytes")));
    }
    if body.public_key.is_empty() || body.public_key.len() > MAX_GROUP_PUBLIC_KEY_BYTES {
        return Err(Error::bad_request(format!(
            "the public key of a group has 1 to {MAX_GROUP_PUBLIC_KEY_BYTES} bytes"
        )));
    }
    check_key(&body.encrypted_group_key)?;
    check_description(&body.description)
}

fn check_description(text: &str) -> Result<(), Error> {
    if text.len() > MAX_GROUP_DESCRIPTION_BYTES {
        return Err(Error::bad_request(format!(
            "the description of a group has at most {MAX_GROUP_DESCRIPTION_BYTES} bytes"
        )));
    }
    Ok(())
}

fn check_key(text: &str) -> Result<(), Error> {
    if text.is_empty() || text.len() > MAX_ACCESS_KEY_BYTES {
        return Err(Error::bad_request(format!("a wrapped key has 1 to {MAX_ACCESS_KEY_BYTES} bytes")));
    }
    Ok(())
}
