//! Listings of access policies by page: `POST /v2/storage/{share,authorizer}/{outgoing,incoming}`. The same grants as in
//! the listings of the first version, in the same order.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{
    AuthorizationPage, DEFAULT_SHARES_PER_PAGE, IncomingPageAuthorization, IncomingPageShare,
    MAX_SHARES_PER_PAGE, OutgoingPageAuthorization, OutgoingPageShare, RecordType, SharePage,
    SharePageRequest, paths,
};
use tozstore_crypto::ClientId;

use super::{Credential, Error, OptionalJson};
use crate::App;
use crate::policy::{MAX_GRANTS_READ, limited, living_clients};
use crate::store::{GrantKind, GrantRow, ReadTx};

/// How some clients write an id that is not set.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Lists what the caller lets others read, by page.
#[utoipa::path(
    post, path = paths::SHARE_OUTGOING, request_body = Option<SharePageRequest>,
    responses((status = 200, body = SharePage<OutgoingPageShare>))
)]
pub async fn outgoing(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<SharePageRequest>,
) -> Result<axum::Json<SharePage<OutgoingPageShare>>, Error> {
    let (rows, next_token) = page(&app, credential, request, Side::Given, GrantKind::Read).await?;
    let share = |row: GrantRow| OutgoingPageShare {
        reader_id: row.slot.client,
        record_type: row.slot.type_slot.record_type,
    };
    Ok(axum::Json(SharePage { shares: rows.into_iter().map(share).collect(), next_token }))
}

/// Lists what others let the caller read, by page.
#[utoipa::path(
    post, path = paths::SHARE_INCOMING, request_body = Option<SharePageRequest>,
    responses((status = 200, body = SharePage<IncomingPageShare>))
)]
pub async fn incoming(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<SharePageRequest>,
) -> Result<axum::Json<SharePage<IncomingPageShare>>, Error> {
    let (rows, next_token) = page(&app, credential, request, Side::Held, GrantKind::Read).await?;
    let share = |row: GrantRow| IncomingPageShare {
        writer_id: row.slot.type_slot.writer,
        record_type: row.slot.type_slot.record_type,
    };
    Ok(axum::Json(SharePage { shares: rows.into_iter().map(share).collect(), next_token }))
}

/// Lists who may share on the caller's behalf, by page.
#[utoipa::path(
    post, path = paths::AUTHORIZER_OUTGOING, request_body = Option<SharePageRequest>,
    responses((status = 200, body = AuthorizationPage<OutgoingPageAuthorization>))
)]
pub async fn authorizers(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<SharePageRequest>,
) -> Result<axum::Json<AuthorizationPage<OutgoingPageAuthorization>>, Error> {
    let (rows, next_token) = page(&app, credential, request, Side::Given, GrantKind::Authorizer).await?;
    let authorization = |row: GrantRow| OutgoingPageAuthorization {
        authorizer_id: row.slot.client,
        created_at: row.created,
        last_modified: row.created,
        record_type: row.slot.type_slot.record_type,
    };
    Ok(axum::Json(AuthorizationPage {
        authorizations: rows.into_iter().map(authorization).collect(),
        next_token,
    }))
}

/// Lists on whose behalf the caller may share, by page.
#[utoipa::path(
    post, path = paths::AUTHORIZER_INCOMING, request_body = Option<SharePageRequest>,
    responses((status = 200, body = AuthorizationPage<IncomingPageAuthorization>))
)]
pub async fn authorized_by(
    State(app): State<Arc<App>>,
    credential: Credential,
    OptionalJson(request): OptionalJson<SharePageRequest>,
) -> Result<axum::Json<AuthorizationPage<IncomingPageAuthorization>>, Error> {
    let (rows, next_token) = page(&app, credential, request, Side::Held, GrantKind::Authorizer).await?;
    let authorization = |row: GrantRow| IncomingPageAuthorization {
        authorized_by: row.slot.type_slot.writer,
        created_at: row.created,
        last_modified: row.created,
        record_type: row.slot.type_slot.record_type,
    };
    Ok(axum::Json(AuthorizationPage {
        authorizations: rows.into_iter().map(authorization).collect(),
        next_token,
    }))
}

/// On which side of the grants the caller is.
#[derive(Clone, Copy)]
enum Side {
    Given,
    Held,
}

/// The grants of a page, and where the next page begins. Tokens are places in the whole listing.
async fn page(
    app: &App,
    credential: Credential,
    request: Option<SharePageRequest>,
    side: Side,
    kind: GrantKind,
) -> Result<(Vec<GrantRow>, u64), Error> {
    let SharePageRequest { record_type, other, next_token, limit } = request.unwrap_or_default();
    let wanted_type = match record_type.as_str() {
        "" => None,
        text => Some(text.parse::<RecordType>().map_err(|error| Error::bad_request(error.to_string()))?),
    };
    let wanted_client = match other.as_str() {
        "" | NO_ID => None,
        text => {
            Some(text.parse::<ClientId>().map_err(|_| Error::bad_request("this is not the id of a client"))?)
        }
    };
    let limit = match usize::try_from(limit).unwrap_or(usize::MAX) {
        0 => DEFAULT_SHARES_PER_PAGE,
        asked => asked.min(MAX_SHARES_PER_PAGE),
    };
    let first = usize::try_from(next_token).unwrap_or(usize::MAX);
    let read = move |tx: &dyn ReadTx| {
        let caller = credential.client(tx)?.id;
        let rows = match side {
            Side::Given => tx.grants_by_writer(caller, kind, MAX_GRANTS_READ + 1)?,
            Side::Held => tx.grants_to_client(caller, kind, MAX_GRANTS_READ + 1)?,
        };
        let other = |row: &GrantRow| match side {
            Side::Given => row.slot.client,
            Side::Held => row.slot.type_slot.writer,
        };
        let mut found = limited(rows)?;
        found.retain(|row| {
            wanted_type.as_ref().is_none_or(|wanted| *wanted == row.slot.type_slot.record_type)
                && wanted_client.is_none_or(|wanted| wanted == other(row))
        });
        let others = living_clients(tx, found.iter().map(other))?;
        found.retain(|row| others.contains_key(&other(row)));
        let next_token = first.saturating_add(limit);
        let next_token = if next_token < found.len() { next_token as u64 } else { 0 };
        Ok::<_, Error>((found.into_iter().skip(first).take(limit).collect(), next_token))
    };
    app.store.read("page of policies", read).await
}
