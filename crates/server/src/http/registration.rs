//! Registering clients, and marking them as backed up.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use tozstore_api::{
    BACKUP_CLIENT_HEADER, GENERAL_CLIENT, KeySet, MAX_CLIENT_NAME_BYTES, NewClient, Permissions,
    RegisterClient, RegisteredClient, SecretText, Timestamp, paths,
};
use tozstore_crypto::{AccountId, ClientId, SecretHash};

use super::{Error, Json, Path};
use crate::App;
use crate::ids::{ClientIdSeed, new_secret};
use crate::store::{Change, ChangeKind, ClientRow, RegistrationTokenRow, WriteTx};

/// Registers a client.
///
/// The registration token permits it.
#[utoipa::path(
    post, path = paths::REGISTER, security(()), request_body = RegisterClient,
    responses((status = 201, body = RegisteredClient), (status = 401), (status = 403))
)]
pub async fn register(
    State(app): State<Arc<App>>,
    Json(request): Json<RegisterClient>,
) -> Result<impl IntoResponse, Error> {
    let draft = ClientDraft::new(app.now(), request.client)?;
    let hash = *SecretHash::of(request.token.expose().as_bytes()).as_bytes();
    let (row, backup_client, secret) = app
        .store
        .write("register client", move |tx| {
            let token = tx.registration_token(&hash)?;
            let token = token.ok_or(Error::Unauthorized("there is no such registration token"))?;
            let permissions = use_token(tx, &token, &draft.kind)?;
            let account =
                tx.account(token.account_id)?.ok_or(Error::Internal("a token without account".into()))?;
            let enabled = permissions.enabled == Some(true);
            let row = ClientRow { enabled, registered_with: Some(hash), ..draft.row(account.id) };
            insert(tx, &row, None)?;
            Ok::<_, Error>((row, account.queen, draft.secret_copy()))
        })
        .await?;
    let headers = [(BACKUP_CLIENT_HEADER, backup_client.to_string())];
    Ok((StatusCode::CREATED, headers, axum::Json(registered(row, secret))))
}

/// Marks a client as backed up.
///
/// Marks a client as backed up. Whoever holds the registration token that the client was registered with, or another
/// one of its account, may do so: some clients send no other proof.
#[utoipa::path(
    post, path = paths::BACKUP, security(()),
    responses((status = 204), (status = 403))
)]
pub async fn mark_backup(
    State(app): State<Arc<App>>,
    Path((token, client_id)): Path<(String, Option<ClientId>)>,
) -> Result<StatusCode, Error> {
    // The same answer whether the token or the client is not there, or they do not belong together.
    const FORBIDDEN: Error = Error::Forbidden("the registration token does not permit this");
    let hash = *SecretHash::of(token.as_bytes()).as_bytes();
    let client_id = client_id.ok_or(FORBIDDEN)?;
    app.store
        .write("mark backup", move |tx| {
            let mut row = tx.client(client_id)?.ok_or(FORBIDDEN)?;
            let is_of_account =
                tx.registration_token(&hash)?.is_some_and(|token| token.account_id == row.account_id);
            // A token for one use is gone by now, but the client still knows it.
            if !is_of_account && row.registered_with != Some(hash) {
                return Err(FORBIDDEN);
            }
            if !row.has_backup {
                row.has_backup = true;
                tx.update_client(&row)?;
                let at = tx.stamp()?;
                let change =
                    Change { client: Some(row.id), ..Change::new(ChangeKind::ClientUpdated, row.account_id) };
                tx.append_change(at, &change)?;
            }
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// A client that is to be, with all that is random about it.
pub(super) struct ClientDraft {
    now: Timestamp,
    id: ClientIdSeed,
    name: String,
    kind: String,
    public_key: KeySet,
    signing_key: KeySet,
    api_key_id: SecretText,
    api_secret: SecretText,
}

impl ClientDraft {
    /// Checks what was sent, and draws credentials.
    pub(super) fn new(now: Timestamp, client: NewClient) -> Result<Self, Error> {
        let kind = client.kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| GENERAL_CLIENT.to_owned());
        if client.name.len() > MAX_CLIENT_NAME_BYTES || kind.len() > MAX_CLIENT_NAME_BYTES {
            return Err(Error::bad_request("the name or type of a client is too long"));
        }
        if client.public_key.is_empty() {
            return Err(Error::bad_request("a client needs a public key"));
        }
        Ok(Self {
            now,
            id: ClientIdSeed::draw(now)?,
            name: client.name,
            kind,
            public_key: client.public_key,
            signing_key: client.signing_key,
            api_key_id: new_secret()?,
            api_secret: new_secret()?,
        })
    }

    /// The row of the client in this account, enabled.
    pub(super) fn row(&self, account_id: AccountId) -> ClientRow {
        ClientRow {
            id: self.id.place(account_id),
            account_id,
            name: self.name.clone(),
            kind: self.kind.clone(),
            public_key: self.public_key.clone(),
            signing_key: self.signing_key.clone(),
            api_key_id: self.api_key_id.expose().to_owned(),
            api_secret_hash: *SecretHash::of(self.api_secret.expose().as_bytes()).as_bytes(),
            enabled: true,
            has_backup: false,
            registered_with: None,
            created: self.now,
            tokens_valid_after: Timestamp::default(),
        }
    }

    /// The API secret, to be shown this once.
    pub(super) fn secret_copy(&self) -> SecretText {
        SecretText::new(self.api_secret.expose())
    }
}

/// Adds a client's row, and tells the outbox.
pub(super) fn insert(tx: &mut dyn WriteTx, row: &ClientRow, actor: Option<ClientId>) -> Result<(), Error> {
    let at = tx.stamp()?;
    tx.insert_client(row)?;
    let change =
        Change { actor, client: Some(row.id), ..Change::new(ChangeKind::ClientRegistered, row.account_id) };
    Ok(tx.append_change(at, &change)?)
}

/// The answer to a registration.
pub(super) fn registered(row: ClientRow, api_secret: SecretText) -> RegisteredClient {
    RegisteredClient {
        client_id: row.id,
        api_key_id: row.api_key_id,
        api_secret,
        name: row.name,
        public_key: row.public_key,
        signing_key: row.signing_key,
        enabled: row.enabled,
        kind: row.kind,
        has_backup: row.has_backup,
    }
}

/// Uses a registration token once for a client of this kind, if it permits that.
fn use_token(tx: &mut dyn WriteTx, token: &RegistrationTokenRow, kind: &str) -> Result<Permissions, Error> {
    let permissions: Permissions = serde_json::from_str(&token.permissions)
        .map_err(|_| Error::Internal("the permissions of a registration token do not parse".into()))?;
    if !permissions.allow_kind(kind) {
        return Err(Error::Forbidden("the registration token is not for clients of this type"));
    }
    if token.total_uses_allowed.is_some_and(|allowed| token.uses >= allowed) {
        return Err(Error::Forbidden("the registration token is used up"));
    }
    if permissions.one_time == Some(true) {
        tx.delete_registration_token(&token.hash)?;
        let at = tx.stamp()?;
        tx.append_change(at, &Change::new(ChangeKind::RegistrationTokenDeleted, token.account_id))?;
    } else {
        tx.count_registration_token_use(&token.hash)?;
    }
    Ok(permissions)
}
