//! Listings of access policies: `/v1/storage/policy/{incoming,outgoing,proxies,granted}`. Each is one array, in the
//! order in which the grants were first given.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tozstore_api::{Authorization, IncomingShare, OutgoingShare, paths};

use super::{Credential, Error};
use crate::App;
use crate::policy::{MAX_GRANTS_READ, limited, living_clients};
use crate::store::{GrantKind, GrantRow, ReadTx};

/// Lists what others let the caller read.
#[utoipa::path(
    get, path = paths::POLICY_INCOMING,
    responses((status = 200, body = Vec<IncomingShare>), (status = 400))
)]
pub async fn incoming(
    State(app): State<Arc<App>>,
    credential: Credential,
) -> Result<Json<Vec<IncomingShare>>, Error> {
    let item = |row: GrantRow, name| IncomingShare {
        writer_id: row.slot.type_slot.writer,
        record_type: row.slot.type_slot.record_type,
        writer_name: Some(name),
    };
    list(&app, credential, Side::Held, GrantKind::Read, item).await
}

/// Lists what the caller lets others read.
#[utoipa::path(
    get, path = paths::POLICY_OUTGOING,
    responses((status = 200, body = Vec<OutgoingShare>), (status = 400))
)]
pub async fn outgoing(
    State(app): State<Arc<App>>,
    credential: Credential,
) -> Result<Json<Vec<OutgoingShare>>, Error> {
    let item = |row: GrantRow, name| OutgoingShare {
        reader_id: row.slot.client,
        record_type: row.slot.type_slot.record_type,
        reader_name: Some(name),
    };
    list(&app, credential, Side::Given, GrantKind::Read, item).await
}

/// Lists who may share on the caller's behalf.
#[utoipa::path(
    get, path = paths::POLICY_PROXIES,
    responses((status = 200, body = Vec<Authorization>), (status = 400))
)]
pub async fn proxies(
    State(app): State<Arc<App>>,
    credential: Credential,
) -> Result<Json<Vec<Authorization>>, Error> {
    list(&app, credential, Side::Given, GrantKind::Authorizer, authorization).await
}

/// Lists on whose behalf the caller may share.
#[utoipa::path(
    get, path = paths::POLICY_GRANTED,
    responses((status = 200, body = Vec<Authorization>), (status = 400))
)]
pub async fn granted(
    State(app): State<Arc<App>>,
    credential: Credential,
) -> Result<Json<Vec<Authorization>>, Error> {
    list(&app, credential, Side::Held, GrantKind::Authorizer, authorization).await
}

/// On which side of the grants the caller is.
#[derive(Clone, Copy)]
enum Side {
    Given,
    Held,
}

fn authorization(row: GrantRow, _name: String) -> Authorization {
    let (authorizer_id, slot) = (row.slot.client, row.slot.type_slot);
    Authorization {
        authorizer_id,
        writer_id: slot.writer,
        user_id: slot.user,
        record_type: slot.record_type,
        // Only the writer can grant this.
        authorized_by: slot.writer,
    }
}

/// `item` is given a grant and the name of the client on the other side. Where that client is gone, there is no item.
async fn list<T: Send + 'static>(
    app: &App,
    credential: Credential,
    side: Side,
    kind: GrantKind,
    item: fn(GrantRow, String) -> T,
) -> Result<Json<Vec<T>>, Error> {
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
        let rows = limited(rows)?;
        let others = living_clients(tx, rows.iter().map(other))?;
        let living = |row: GrantRow| {
            let name = others.get(&other(&row))?.name.clone();
            Some(item(row, name))
        };
        let items = rows.into_iter().filter_map(living).collect();
        Ok::<_, Error>(items)
    };
    app.store.read("list policies", read).await.map(Json)
}
