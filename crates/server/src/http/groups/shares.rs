//! Record types that are shared with groups: `/v2/storage/groups/{group_id}/share`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::StatusCode;
use tozstore_api::{
    AllowedEdit, AllowedReaders, GROUP_SHARING, GroupAccessKey, GroupIds, GroupRecord, GroupRecords,
    MAX_GROUP_PUBLIC_KEY_BYTES, Record, RecordType, RecordWrite, RecordsByGroup, ShareWithGroup,
    UnshareWithGroup, paths,
};
use tozstore_crypto::{ClientId, GroupId, RecordId};

use super::access::MemberKeys;
use super::page::{LAST_PAGE, ListQuery, Place};
use super::{admitted, change, check_key, distinct};
use crate::http::access_keys::use_type;
use crate::http::records::{self, MAX_ANSWER_DATA_BYTES, SealedText, meta, sealed_text};
use crate::http::{Credential, Error, Json, OptionalJson, Path, RecordJson};
use crate::policy::{GroupAction, NO_RECORD, group_scopes};
use crate::store::{
    Change, ChangeKind, GroupRow, GroupShareRow, ReadTx, RecordIndex, RecordQuery, RecordRow, RecordTypeSlot,
    StoreError, WriteTx,
};
use crate::{App, ids, quotas};

/// Record types that may be shared with one group, and groups that one type may be shared with.
const MAX_SHARES: usize = 10_000;
/// Record types that one listing looks at.
const MAX_SCOPES: usize = 50_000;

type Found = (RecordRow, Option<GroupAccessKey>);

/// Shares a record type with a group.
///
/// Done again, it replaces the key.
#[utoipa::path(
    post, path = paths::GROUP_SHARE, request_body = ShareWithGroup,
    responses((status = 201, body = ShareWithGroup), (status = 403), (status = 409), (status = 501))
)]
pub async fn share(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    Json(body): Json<ShareWithGroup>,
) -> Result<(StatusCode, axum::Json<ShareWithGroup>), Error> {
    check_key(&body.encrypted_access_key)?;
    if body.public_key.len() > MAX_GROUP_PUBLIC_KEY_BYTES {
        return Err(Error::bad_request("the public key of the group is too long"));
    }
    // To share more than was meant would be worse than to refuse.
    if body.is_of_one_record() {
        return Err(Error::NotImplemented("records are shared with groups by type, not one by one"));
    }
    let answer = ShareWithGroup { group_id: id.to_string(), ..body.clone() };
    let key_id = ids::random_bytes()?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let (group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Share)?;
        let older = tx.group_share(id, caller.id, &body.record_type)?;
        if older.is_none() && tx.group_share_count(id)? >= MAX_SHARES as u64 {
            return Err(Error::bad_request(format!("at most {MAX_SHARES} types are shared with a group")));
        }
        let now = tx.stamp()?;
        let slot =
            RecordTypeSlot { writer: caller.id, user: caller.id, record_type: body.record_type.clone() };
        use_type(tx, &slot, caller.account_id, now)?;
        let same_key = older.filter(|row| row.eak == body.encrypted_access_key);
        tx.put_group_share(&GroupShareRow {
            group: id,
            writer: caller.id,
            record_type: body.record_type.clone(),
            account_id: caller.account_id,
            key_id: same_key
                .map_or(uuid::Builder::from_random_bytes(key_id).into_uuid().into_bytes(), |row| row.key_id),
            eak: body.encrypted_access_key.clone(),
            can_edit: body.can_edit,
            created: now,
        })?;
        let change = about(ChangeKind::GroupShared, caller.id, &group, &body.record_type);
        tx.append_change(now, &change)?;
        Ok(())
    };
    app.store.write("share with group", write).await?;
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

/// Takes a record type back from a group.
///
/// In the group or not. What is not shared is not there to be taken back, and that is fine.
#[utoipa::path(
    delete, path = paths::GROUP_SHARE, request_body = UnshareWithGroup,
    responses((status = 204), (status = 403))
)]
pub async fn unshare(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    Json(body): Json<UnshareWithGroup>,
) -> Result<StatusCode, Error> {
    let named = body.writer().map_err(|_| Error::bad_request("writer_id is not an id"))?;
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        let writer = named.unwrap_or(caller.id);
        let (group, _) = admitted(tx.as_read(), &caller, id, GroupAction::Unshare { writer })?;
        if tx.delete_group_share(id, writer, &body.record_type)? {
            let now = tx.stamp()?;
            let change = about(ChangeKind::GroupUnshared, caller.id, &group, &body.record_type);
            tx.append_change(now, &change)?;
        }
        Ok::<_, Error>(())
    };
    app.store.write("unshare with group", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the records that are shared with a group.
///
/// The oldest come first.
#[utoipa::path(
    get, path = paths::GROUP_SHARE,
    params(
        ("writer_ids" = Option<Vec<Uuid>>, Query, description = "Those of these writers."),
        ("next_token" = Option<String>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = GroupRecords), (status = 403))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<GroupId>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<GroupRecords<SealedText>>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (place, limit) = (query.place()?, query.limit()?);
    let writers: BTreeSet<ClientId> = query.ids("writer_ids")?.into_iter().collect();
    let max_examined = app.config.limits.search_examined_records;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let (group, _) = admitted(tx, &caller, id, GroupAction::ReadRecords)?;
        let mut page = Page::new(tx, caller.id, limit, max_examined);
        let end = page.add(&group, &writers, RecordIndex(place.after))?;
        let next_token = end.map(|after| Place { group: 0, after: after.0 });
        Ok::<_, Error>((page.found.into_values().next().unwrap_or_default(), next_token))
    };
    let (found, next_token) = app.store.read("list group records", read).await?;
    let results = found.into_iter().map(listed).collect::<Result<_, _>>()?;
    Ok(axum::Json(GroupRecords { results, next_token: token(next_token) }))
}

/// Lists the records that are shared with many groups.
///
/// In the order of the request. Groups in which the caller may not read are left out.
#[utoipa::path(
    post, path = paths::GROUPS_BULK_SHARE, request_body = Option<GroupIds>,
    params(
        ("next_token" = Option<String>, Query, description = "Where the page begins: the token of the page before."),
        ("max" = Option<u64>, Query, description = "Items on the page, at most."),
    ),
    responses((status = 200, body = RecordsByGroup))
)]
pub async fn list_many(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
    OptionalJson(body): OptionalJson<GroupIds>,
) -> Result<axum::Json<RecordsByGroup<SealedText>>, Error> {
    let query = ListQuery::parse(query.as_deref())?;
    let (place, limit) = (query.place()?, query.limit()?);
    let group_ids = distinct(body)?;
    let max_examined = app.config.limits.search_examined_records;
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut page = Page::new(tx, caller.id, limit, max_examined);
        let mut after = place.after;
        for (ordinal, &id) in group_ids.iter().enumerate().skip(place.group) {
            let group = match admitted(tx, &caller, id, GroupAction::ReadRecords) {
                Ok((group, _)) => group,
                Err(Error::NotFound(_) | Error::Forbidden(_)) => {
                    after = 0;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(after) = page.add(&group, &BTreeSet::new(), RecordIndex(after))? {
                return Ok((page.found, Some(Place { group: ordinal, after: after.0 })));
            }
            after = 0;
        }
        Ok::<_, Error>((page.found, None))
    };
    let (found, next_token) = app.store.read("list records of groups", read).await?;
    let mut results = BTreeMap::new();
    for (id, records) in found {
        results.insert(id, records.into_iter().map(listed).collect::<Result<_, _>>()?);
    }
    Ok(axum::Json(RecordsByGroup { results, next_token: token(next_token) }))
}

/// Lists the groups that types of the caller are shared with.
#[utoipa::path(
    get, path = paths::GROUPS_ALLOWED_READERS,
    params(("content_types" = Option<Vec<String>>, Query, description = "The types.")),
    responses((status = 200, body = AllowedReaders))
)]
pub async fn allowed_readers(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<AllowedReaders>, Error> {
    let mut groups_shared_with: BTreeMap<RecordType, Vec<GroupId>> = BTreeMap::new();
    for share in own_shares(&app, credential, query).await? {
        groups_shared_with.entry(share.record_type).or_default().push(share.group);
    }
    Ok(axum::Json(AllowedReaders { groups_shared_with }))
}

/// Lists the groups that types of the caller are shared with, and whether they may edit.
#[utoipa::path(
    get, path = paths::GROUPS_ALLOWED_EDIT,
    params(("content_types" = Option<Vec<String>>, Query, description = "The types.")),
    responses((status = 200, body = Vec<AllowedEdit>))
)]
pub async fn allowed_edit(
    State(app): State<Arc<App>>,
    credential: Credential,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<Vec<AllowedEdit>>, Error> {
    let shares = own_shares(&app, credential, query).await?;
    let groups = shares.into_iter().map(|row| AllowedEdit { group_id: row.group, can_edit: row.can_edit });
    Ok(axum::Json(groups.collect()))
}

/// Replaces a record as a member of a group that may edit it.
#[utoipa::path(
    put, path = paths::GROUP_RECORD, request_body = RecordWrite,
    responses((status = 200, body = Record), (status = 403), (status = 409))
)]
pub async fn edit_record(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path((group, id, version)): Path<(GroupId, RecordId, String)>,
    RecordJson(body): RecordJson<RecordWrite>,
) -> Result<axum::Json<Record<SealedText>>, Error> {
    let new_version = ids::new_version();
    let (data, quotas) = (body.data.to_json(), app.config.quotas);
    let write = move |tx: &mut dyn WriteTx| {
        let caller = credential.client(tx.as_read())?;
        admitted(tx.as_read(), &caller, group, GroupAction::ReadRecords)?;
        let mut head = tx.record_head(id)?.ok_or(NO_RECORD)?;
        let RecordTypeSlot { writer, user, record_type } = &head.type_slot;
        let share = if user == writer { tx.group_share(group, *writer, record_type)? } else { None };
        let share_allows = share.ok_or(NO_RECORD)?.can_edit;
        admitted(tx.as_read(), &caller, group, GroupAction::EditRecords { share_allows })?;
        records::check_update(&body, &head)?;
        records::check_version(&head, Some(&version))?;
        if head.type_slot != records::slot(&body) {
            return Err(Error::bad_request("the writer, user and type of a record cannot be changed"));
        }
        let now = tx.stamp()?;
        (head.version, head.last_modified) = (new_version, now);
        head.plain = body.meta.plain.clone();
        head.signature = body.rec_sig.clone();
        let row = RecordRow { head, data: data.clone() };
        quotas::admit_version(tx.as_read(), &quotas, &row)?;
        tx.update_record(&row)?;
        let change = records::change(ChangeKind::RecordUpdated, caller.id, &row.head);
        tx.append_change(now, &Change { group: Some(group), ..change })?;
        Ok(row)
    };
    records::answer(app.store.write("edit group record", write).await?)
}

/// A page of records of one group or several.
struct Page<'a> {
    tx: &'a dyn ReadTx,
    caller: ClientId,
    left: usize,
    left_bytes: usize,
    left_scopes: usize,
    max_examined: usize,
    found: BTreeMap<GroupId, Vec<Found>>,
}

impl<'a> Page<'a> {
    fn new(tx: &'a dyn ReadTx, caller: ClientId, limit: usize, max_examined: usize) -> Self {
        let (left_bytes, left_scopes) = (MAX_ANSWER_DATA_BYTES, MAX_SCOPES);
        Self { tx, caller, left: limit, left_bytes, left_scopes, max_examined, found: BTreeMap::new() }
    }

    /// Adds what is shared with a group, behind `after`. Returns where to go on if there is more than fits.
    fn add(
        &mut self,
        group: &GroupRow,
        writers: &BTreeSet<ClientId>,
        after: RecordIndex,
    ) -> Result<Option<RecordIndex>, Error> {
        let Some(member) = self.tx.group_member(group.id, self.caller)? else { return Ok(None) };
        let scopes = group_scopes(self.tx, group.id, writers, self.left_scopes)?;
        self.left_scopes -= scopes.len();
        let query = RecordQuery {
            scopes,
            after,
            limit: self.left,
            with_data: true,
            max_data_bytes: self.left_bytes,
            max_examined: self.max_examined,
            ..RecordQuery::default()
        };
        let rows = if self.left_bytes == 0 { Vec::new() } else { self.tx.query_records(&query)? };
        let last = rows.last().map_or(after, |row| row.head.index);
        self.left -= rows.len();
        let mut keys = MemberKeys::new(group, &member);
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            self.left_bytes = self.left_bytes.saturating_sub(row.data.len());
            let key = keys.of(self.tx, row.head.type_slot.writer, &row.head.type_slot.record_type)?;
            found.push((row, key));
        }
        if !found.is_empty() {
            self.found.insert(group.id, found);
        }
        // A page may end for its number of records or for their size; whether there is more, only a look can tell.
        let next = RecordQuery { after: last, limit: 1, with_data: false, max_data_bytes: 1, ..query };
        Ok((!self.tx.query_records(&next)?.is_empty()).then_some(last))
    }
}

/// What the caller shares with groups under these types, by age of the groups.
async fn own_shares(
    app: &App,
    credential: Credential,
    query: Option<String>,
) -> Result<Vec<GroupShareRow>, Error> {
    let texts = ListQuery::parse(query.as_deref())?.texts("content_types");
    // A text that can be no type is one that nothing is shared under.
    let types: BTreeSet<RecordType> =
        texts.into_iter().filter_map(|text| RecordType::new(text).ok()).collect();
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?;
        let mut shares = Vec::new();
        for record_type in &types {
            let of_type = tx.shares_of_type(caller.id, record_type, MAX_SHARES + 1)?;
            if of_type.len() > MAX_SHARES || shares.len() > MAX_SCOPES {
                return Err(StoreError::TooMuchWork.into());
            }
            for share in of_type {
                if let Some(group) = tx.group(share.group)? {
                    shares.push((group.created, share));
                }
            }
        }
        shares.sort_by_key(|(created, _)| *created);
        Ok::<_, Error>(shares.into_iter().map(|(_, share)| share).collect())
    };
    app.store.read("list shares with groups", read).await
}

fn listed((row, key): Found) -> Result<GroupRecord<SealedText>, Error> {
    let RecordRow { head, data } = row;
    Ok(GroupRecord {
        rec_sig: head.signature.clone(),
        record_data: Some(sealed_text(data)?),
        sharing_model: GROUP_SHARING.to_owned(),
        access_key: key.clone(),
        group_access_key: key,
        meta: meta(head),
    })
}

fn token(next: Option<Place>) -> String {
    next.map_or_else(|| LAST_PAGE.to_owned(), |place| place.to_string())
}

fn about(kind: ChangeKind, actor: ClientId, group: &GroupRow, record_type: &RecordType) -> Change {
    Change { client: Some(actor), record_type: Some(record_type.clone()), ..change(kind, actor, group) }
}
