//! Registration tokens of an account: create, list, delete.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::{
    MAX_PERMISSIONS_BYTES, MAX_TOKEN_NAME_BYTES, NewRegistrationToken, Permissions, RegistrationToken,
    SecretText, paths,
};
use tozstore_crypto::SecretHash;

use super::{AccountCredential, Error, Json, Path};
use crate::App;
use crate::ids::new_secret;
use crate::store::{Change, ChangeKind, RegistrationTokenRow};

/// Creates a registration token.
///
/// Creates a token. The store keeps its hash, and a sealed copy so that it can be listed.
#[utoipa::path(
    post, path = paths::REGISTRATION_TOKENS, security(("account" = [])), request_body = NewRegistrationToken,
    responses((status = 201, body = RegistrationToken), (status = 409))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
    Json(request): Json<NewRegistrationToken>,
) -> Result<(StatusCode, axum::Json<RegistrationToken>), Error> {
    let name = request.name.filter(|name| !name.is_empty());
    let permissions = request.permissions.unwrap_or_default();
    let permissions_text = serde_json::to_string(&permissions)
        .map_err(|error| Error::Internal(format!("permissions do not serialise: {error}").into()))?;
    if name.as_ref().is_some_and(|name| name.len() > MAX_TOKEN_NAME_BYTES) {
        return Err(Error::bad_request(format!("a name has at most {MAX_TOKEN_NAME_BYTES} bytes")));
    }
    if permissions_text.len() > MAX_PERMISSIONS_BYTES {
        return Err(Error::bad_request(format!("permissions have at most {MAX_PERMISSIONS_BYTES} bytes")));
    }
    let total_uses_allowed = request.total_uses_allowed.filter(|&uses| uses > 0);
    if total_uses_allowed.is_some_and(|uses| uses > u64::from(u32::MAX)) {
        return Err(Error::bad_request("the number of uses is too large"));
    }
    let token = new_secret()?;
    let hash = *SecretHash::of(token.expose().as_bytes()).as_bytes();
    let sealed = app.keys.seal_registration_token(&hash, token.expose());
    let most = app.config.limits.registration_tokens_per_account;
    let (name_of_row, now) = (name.clone(), app.now());
    app.store
        .write("create registration token", move |tx| {
            let account = credential.account(tx.as_read())?;
            if tx.registration_tokens_of(account.id, most)?.len() >= most {
                return Err(Error::Conflict("the account has as many registration tokens as it may have"));
            }
            tx.insert_registration_token(&RegistrationTokenRow {
                hash,
                sealed: sealed.clone(),
                account_id: account.id,
                name: name_of_row.clone(),
                permissions: permissions_text.clone(),
                total_uses_allowed,
                uses: 0,
                created: now,
            })?;
            let at = tx.stamp()?;
            Ok(tx.append_change(at, &Change::new(ChangeKind::RegistrationTokenCreated, account.id))?)
        })
        .await?;
    let total_uses_allowed = total_uses_allowed.unwrap_or(0);
    Ok((
        StatusCode::CREATED,
        axum::Json(RegistrationToken { token, name, permissions, uses: 0, total_uses_allowed }),
    ))
}

/// Lists the registration tokens of the account.
///
/// The oldest come first.
#[utoipa::path(
    get, path = paths::REGISTRATION_TOKENS, security(("account" = [])),
    responses((status = 200, body = Vec<RegistrationToken>))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
) -> Result<axum::Json<Vec<RegistrationToken>>, Error> {
    let most = app.config.limits.registration_tokens_per_account;
    let rows = app
        .store
        .read("list registration tokens", move |tx| {
            let account = credential.account(tx)?;
            Ok::<_, Error>(tx.registration_tokens_of(account.id, most)?)
        })
        .await?;
    rows.into_iter().map(|row| shown(&app, row)).collect::<Result<_, _>>().map(axum::Json)
}

/// Deletes a registration token.
///
/// Clients that it registered stay.
#[utoipa::path(
    delete, path = paths::REGISTRATION_TOKEN, security(("account" = [])),
    responses((status = 204))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
    Path(token): Path<String>,
) -> Result<StatusCode, Error> {
    let hash = *SecretHash::of(token.to_ascii_lowercase().as_bytes()).as_bytes();
    app.store
        .write("delete registration token", move |tx| {
            let account = credential.account(tx.as_read())?;
            let row = tx.registration_token(&hash)?.filter(|row| row.account_id == account.id);
            row.ok_or(Error::NotFound("no such registration token"))?;
            tx.delete_registration_token(&hash)?;
            let at = tx.stamp()?;
            tx.append_change(at, &Change::new(ChangeKind::RegistrationTokenDeleted, account.id))?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

fn shown(app: &App, row: RegistrationTokenRow) -> Result<RegistrationToken, Error> {
    // A copy that was sealed under a lost key is shown as empty text, so that the rest of the list can still be read.
    let token =
        app.keys.open_registration_token(&row.hash, &row.sealed).unwrap_or_else(|| SecretText::new(""));
    let permissions: Permissions = serde_json::from_str(&row.permissions)
        .map_err(|_| Error::Internal("the permissions of a registration token do not parse".into()))?;
    Ok(RegistrationToken {
        token,
        name: row.name,
        permissions,
        uses: row.uses,
        total_uses_allowed: row.total_uses_allowed.unwrap_or(0),
    })
}
