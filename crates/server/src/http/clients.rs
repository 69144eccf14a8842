//! Clients: what others may know of them, what they may know of themselves, and their administration.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::QueryRejection;
use http::StatusCode;
use serde::Deserialize;
use tozstore_api::{
    AddSigningKey, Client, ClientInfo, ClientKeys, ClientKeysAnswer, ClientKeysQuery, ClientList,
    EnableClient, MAX_CLIENT_LOOKUPS, MAX_CLIENTS_PER_PAGE, paths,
};
use tozstore_crypto::ClientId;

use super::{Credential, Error, Json, Path};
use crate::App;
use crate::store::{Change, ChangeKind, ClientRow, ReadTx, WriteTx, delete_client};

const NO_CLIENT: Error = Error::NotFound("no such client");

/// Looks up a client.
///
/// Any client may look up any other, which it needs for sharing.
#[utoipa::path(get, path = paths::CLIENT_INFO, responses((status = 200, body = ClientInfo)))]
pub async fn info(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
) -> Result<axum::Json<ClientInfo>, Error> {
    let row = app.store.read("client info", move |tx| visible_client(tx, credential, id)).await?;
    let signing_key = Some(row.signing_key).filter(|keys| !keys.is_empty());
    Ok(axum::Json(ClientInfo { client_id: row.id, public_key: row.public_key, signing_key, validated: true }))
}

/// Looks up the public keys of a client.
#[utoipa::path(get, path = paths::CLIENT_PUBLIC, responses((status = 200, body = ClientKeys)))]
pub async fn keys(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
) -> Result<axum::Json<ClientKeys>, Error> {
    let row = app.store.read("client keys", move |tx| visible_client(tx, credential, id)).await?;
    Ok(axum::Json(public_keys(row)))
}

/// Looks up the public keys of many clients.
///
/// Ids that name no client are left out.
#[utoipa::path(
    post, path = paths::CLIENTS_PUBLIC, request_body = ClientKeysQuery,
    responses((status = 200, body = ClientKeysAnswer))
)]
pub async fn many_keys(
    State(app): State<Arc<App>>,
    credential: Credential,
    Json(query): Json<ClientKeysQuery>,
) -> Result<axum::Json<ClientKeysAnswer>, Error> {
    if query.client_ids.len() > MAX_CLIENT_LOOKUPS {
        return Err(Error::bad_request(format!(
            "at most {MAX_CLIENT_LOOKUPS} clients can be looked up at once"
        )));
    }
    let ids: Vec<ClientId> = query.client_ids.iter().filter_map(|id| id.parse().ok()).collect();
    let clients = app
        .store
        .read("keys of clients", move |tx| {
            credential.client(tx)?;
            let mut clients = BTreeMap::new();
            for &id in &ids {
                if let Some(row) = tx.client(id)? {
                    clients.insert(id, public_keys(row));
                }
            }
            Ok::<_, Error>(clients)
        })
        .await?;
    Ok(axum::Json(ClientKeysAnswer { clients }))
}

/// Reads the caller's own entry.
#[utoipa::path(
    get, path = paths::CLIENT,
    responses((status = 200, body = Client), (status = 403))
)]
pub async fn own(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
) -> Result<axum::Json<Client>, Error> {
    let row = app.store.read("own client", move |tx| itself(tx, credential, id)).await?;
    Ok(axum::Json(entry(row)))
}

/// Adds signing keys to the caller, if it has none.
///
/// Keys that are there stay.
#[utoipa::path(
    patch, path = paths::CLIENT_KEYS, request_body = AddSigningKey,
    responses((status = 200, body = Client), (status = 403), (status = 409))
)]
pub async fn add_signing_key(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
    Json(AddSigningKey { signing_key }): Json<AddSigningKey>,
) -> Result<axum::Json<Client>, Error> {
    if signing_key.is_empty() {
        return Err(Error::bad_request("a signing key is needed"));
    }
    let row = app
        .store
        .write("add signing key", move |tx| {
            let mut row = itself(tx.as_read(), credential, id)?;
            if row.signing_key == signing_key {
                return Ok(row);
            }
            if !row.signing_key.is_empty() {
                return Err(Error::Conflict("the client has another signing key already"));
            }
            row.signing_key = signing_key.clone();
            update(tx, &row, credential)?;
            Ok(row)
        })
        .await?;
    Ok(axum::Json(entry(row)))
}

/// The page of a listing that is asked for.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    next: Option<u64>,
    limit: Option<usize>,
}

/// Lists the clients of the account.
///
/// In the order of their registration.
#[utoipa::path(
    get, path = paths::ADMIN_CLIENTS,
    params(
        ("next" = Option<u64>, Query, description = "Where the page begins: the token of the page before."),
        ("limit" = Option<u64>, Query, description = "Clients on the page, at most."),
    ),
    responses((status = 200, body = ClientList), (status = 403))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
    query: Result<axum::extract::Query<PageQuery>, QueryRejection>,
) -> Result<axum::Json<ClientList>, Error> {
    const DEFAULT_PAGE: usize = 50;
    let axum::extract::Query(page) =
        query.map_err(|_| Error::bad_request("next and limit are whole numbers"))?;
    let limit = page.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_CLIENTS_PER_PAGE);
    let after = page.next.unwrap_or(0);
    let mut rows = app
        .store
        .read("list clients", move |tx| {
            let queen = queen(tx, credential)?;
            // One more than is asked for tells whether there is another page.
            Ok::<_, Error>(tx.clients_of(queen.account_id, after, limit + 1)?)
        })
        .await?;
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let next_token = if is_last { 0 } else { rows.last().map_or(0, |(position, _)| *position) };
    Ok(axum::Json(ClientList { clients: rows.into_iter().map(|(_, row)| entry(row)).collect(), next_token }))
}

/// Reads a client of the account.
#[utoipa::path(
    get, path = paths::ADMIN_CLIENT,
    responses((status = 200, body = Client), (status = 403))
)]
pub async fn administered(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
) -> Result<axum::Json<Client>, Error> {
    let row = app.store.read("administered client", move |tx| client_of_queen(tx, credential, id)).await?;
    Ok(axum::Json(entry(row)))
}

/// Enables or disables a client of the account.
///
/// Disabling also cancels the access tokens that are out. So does enabling: a token that was issued while the client
/// was being disabled must not come back to life with it.
#[utoipa::path(
    patch, path = paths::ADMIN_CLIENT_ENABLE, request_body = EnableClient,
    responses((status = 200, body = Client), (status = 403), (status = 409))
)]
pub async fn enable(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
    Json(EnableClient { enabled }): Json<EnableClient>,
) -> Result<axum::Json<Client>, Error> {
    let now = app.now();
    let row = app
        .store
        .write("enable client", move |tx| {
            let mut row = client_of_queen(tx.as_read(), credential, id)?;
            if row.enabled == enabled {
                return Ok(row);
            }
            if row.id == credential.client_id() {
                return Err(Error::Conflict("the client that administers an account stays enabled"));
            }
            row.enabled = enabled;
            row.tokens_valid_after = row.tokens_valid_after.max(now);
            update(tx, &row, credential)?;
            Ok(row)
        })
        .await?;
    Ok(axum::Json(entry(row)))
}

/// Deletes a client of the account.
///
/// The client is gone at once; what it owned is erased in the background.
#[utoipa::path(
    delete, path = paths::ADMIN_CLIENT,
    responses((status = 204), (status = 403), (status = 409))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<ClientId>,
) -> Result<StatusCode, Error> {
    app.store
        .write("delete client", move |tx| {
            let row = client_of_queen(tx.as_read(), credential, id)?;
            if row.id == credential.client_id() {
                return Err(Error::Conflict("the client that administers an account goes with the account"));
            }
            delete_client(tx, id, row.account_id)?;
            append(tx, ChangeKind::ClientDeleted, &row, credential)?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// The row of the caller, which must administer its account.
pub(super) fn queen(tx: &dyn ReadTx, credential: Credential) -> Result<ClientRow, Error> {
    let row = credential.client(tx)?;
    let account = tx.account(row.account_id)?;
    if account.is_some_and(|account| account.queen == row.id) {
        Ok(row)
    } else {
        Err(Error::Forbidden("only the client that administers the account may do this"))
    }
}

fn visible_client(tx: &dyn ReadTx, credential: Credential, id: ClientId) -> Result<ClientRow, Error> {
    credential.client(tx)?;
    tx.client(id)?.ok_or(NO_CLIENT)
}

fn itself(tx: &dyn ReadTx, credential: Credential, id: ClientId) -> Result<ClientRow, Error> {
    let row = credential.client(tx)?;
    if row.id == id {
        Ok(row)
    } else {
        Err(Error::Forbidden("a client may see and change its own entry only"))
    }
}

/// A client in the account that the caller administers. Clients of other accounts are not there for it.
fn client_of_queen(tx: &dyn ReadTx, credential: Credential, id: ClientId) -> Result<ClientRow, Error> {
    let queen = queen(tx, credential)?;
    tx.client(id)?.filter(|row| row.account_id == queen.account_id).ok_or(NO_CLIENT)
}

fn update(tx: &mut dyn WriteTx, row: &ClientRow, credential: Credential) -> Result<(), Error> {
    tx.update_client(row)?;
    append(tx, ChangeKind::ClientUpdated, row, credential)
}

fn append(
    tx: &mut dyn WriteTx,
    kind: ChangeKind,
    row: &ClientRow,
    credential: Credential,
) -> Result<(), Error> {
    let at = tx.stamp()?;
    let actor = Some(credential.client_id());
    Ok(tx.append_change(at, &Change { actor, client: Some(row.id), ..Change::new(kind, row.account_id) })?)
}

fn public_keys(row: ClientRow) -> ClientKeys {
    ClientKeys { client_id: row.id, public_key: row.public_key, signing_key: row.signing_key }
}

fn entry(row: ClientRow) -> Client {
    Client {
        client_id: row.id,
        api_key_id: row.api_key_id,
        name: row.name,
        kind: row.kind,
        enabled: row.enabled,
        has_backup: row.has_backup,
        public_key: row.public_key,
        signing_key: row.signing_key,
    }
}
