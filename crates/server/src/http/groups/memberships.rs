//! What clients may do in which groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use serde::Deserialize;
use tozstore_api::{
    Capability, CapabilityGroups, CapabilitySet, GroupCapabilities, GroupsByCapability, MembershipKeyAnswer,
    OwnedGroups, paths,
};
use tozstore_crypto::{ClientId, GroupId};

use super::page::ListQuery;
use super::{MAX_GROUPS_READ, admitted};
use crate::App;
use crate::http::{Credential, Error, Path};
use crate::policy::{GroupAction, has_other_manager};
use crate::store::{ClientRow, GroupMemberRow, ReadTx, StoreError};

/// Reads the caller's key to a group.
#[utoipa::path(
    get, path = paths::GROUP_MEMBERSHIP_KEY,
    responses((status = 200, body = MembershipKeyAnswer))
)]
pub async fn own_key(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
) -> Result<axum::Json<MembershipKeyAnswer>, Error> {
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        admitted(tx, &caller, id, GroupAction::ReadOwnKey)?;
        let member = tx.group_member(id, caller.id)?.ok_or(Error::NotFound("no such member of the group"))?;
        Ok::<_, Error>(MembershipKeyAnswer {
            group_id: id,
            encrypted_membership_key: member.membership_key,
            client_id: caller.id,
            authorizer_id: member.authorizer,
        })
    };
    app.store.read("read membership key", read).await.map(axum::Json)
}

/// Lists the groups of a client by what it may do there.
///
/// All capabilities count if none is named.
#[utoipa::path(
    get, path = paths::GROUPS_OF_CLIENT,
    params(("capabilities" = Option<Vec<Capability>>, Query, description = "Only these capabilities.")),
    responses((status = 200, body = GroupsByCapability))
)]
pub async fn by_capability(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(client): Path<ClientId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<GroupsByCapability>, Error> {
    let mut wanted = BTreeSet::new();
    for name in ListQuery::parse(query.as_deref())?.texts("capabilities") {
        let capability = Capability::from_name(&name);
        wanted.insert(capability.ok_or_else(|| Error::bad_request("there is no such capability"))?);
    }
    if wanted.is_empty() {
        wanted.extend(Capability::ALL);
    }
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut found: BTreeMap<Capability, Vec<GroupId>> = BTreeMap::new();
        for (_, membership) in visible_memberships(tx, &caller, client, 0)? {
            for capability in membership.capabilities.iter().filter(|one| wanted.contains(one)) {
                found.entry(capability).or_default().push(membership.group);
            }
        }
        // Capabilities are in the order of their names.
        let groups =
            found.into_iter().rev().map(|(capability, group_ids)| CapabilityGroups { capability, group_ids });
        Ok::<_, Error>(GroupsByCapability { groups: groups.collect(), next_token: 0 })
    };
    app.store.read("list groups by capability", read).await.map(axum::Json)
}

/// Tells what a client may do in groups.
///
/// As far as the caller is a member too.
#[utoipa::path(
    get, path = paths::GROUPS_CAPABILITIES,
    params(("group_ids" = Option<Vec<Uuid>>, Query, description = "The groups.")),
    responses((status = 200, body = GroupCapabilities))
)]
pub async fn capabilities(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(client): Path<ClientId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<GroupCapabilities>, Error> {
    let ids = ListQuery::parse(query.as_deref())?.ids::<GroupId>("group_ids")?;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut results = BTreeMap::new();
        for &id in &ids {
            let mut capabilities = CapabilitySet::default();
            if tx.group_member(id, caller.id)?.is_some() {
                capabilities = tx.group_member(id, client)?.map(|row| row.capabilities).unwrap_or_default();
            }
            results.insert(id, capabilities);
        }
        Ok::<_, Error>(GroupCapabilities { results, next_token: 0 })
    };
    app.store.read("list capabilities", read).await.map(axum::Json)
}

/// The part of a description that makes a group one of a flow.
#[derive(Deserialize)]
struct FlowDescription {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

/// Lists the groups of flows that a client alone manages.
///
/// Answers with their names.
#[utoipa::path(
    get, path = paths::GROUPS_OWNED,
    params(
        ("nextToken" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = OwnedGroups))
)]
pub async fn owned(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(client): Path<ClientId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<OwnedGroups>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (after, limit) = (query.after()?, query.limit()?);
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let (mut results, mut last) = (Vec::new(), after);
        for (position, membership) in visible_memberships(tx, &caller, client, after)? {
            if !membership.capabilities.contains(Capability::ManageMembership) {
                continue;
            }
            let Some(group) = tx.group(membership.group)? else { continue };
            let Ok(flow) = serde_json::from_str::<FlowDescription>(&group.description) else { continue };
            if flow.kind != "group" || has_other_manager(tx, group.id, &BTreeSet::from([client]))? {
                continue;
            }
            if results.len() == limit {
                return Ok(OwnedGroups { results, next_token: last });
            }
            results.push(flow.name);
            last = position;
        }
        Ok::<_, Error>(OwnedGroups { results, next_token: 0 })
    };
    app.store.read("list owned groups", read).await.map(axum::Json)
}

/// Memberships of a client, if it is of the caller's account.
fn visible_memberships(
    tx: &dyn ReadTx,
    caller: &ClientRow,
    client: ClientId,
    after: u64,
) -> Result<Vec<(u64, GroupMemberRow)>, StoreError> {
    let mut memberships = tx.memberships(client, after, MAX_GROUPS_READ + 1)?;
    if memberships.len() > MAX_GROUPS_READ {
        return Err(StoreError::TooMuchWork);
    }
    memberships.retain(|(_, membership)| membership.account_id == caller.account_id);
    Ok(memberships)
}
