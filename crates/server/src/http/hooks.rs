//! Hooks: create, list, delete, by the client that administers the account.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use tozstore_api::{Hook, HookList, HookTrigger, MAX_HOOK_TRIGGERS, NewHook, SecretText, paths};

use super::clients::queen;
use super::{Credential, Error, Json, Path};
use crate::App;
use crate::hooks::parse_url;
use crate::ids::random_bytes;
use crate::store::{Change, ChangeKind, HookRow, ReadTx, WriteTx};

/// Makes a hook: from now on, its receiver is told of what changes in the account.
///
/// The secret that deliveries are signed with is in this answer, and in no other.
#[utoipa::path(
    post, path = paths::HOOKS, request_body = NewHook,
    responses((status = 201, body = Hook), (status = 403), (status = 409))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    credential: Credential,
    Json(NewHook { webhook_url, triggers }): Json<NewHook>,
) -> Result<(StatusCode, axum::Json<Hook>), Error> {
    parse_url(&webhook_url, app.config.hooks.allow_private_addresses)
        .map_err(|error| Error::bad_request(error.to_string()))?;
    if triggers.is_empty() || triggers.len() > MAX_HOOK_TRIGGERS {
        return Err(Error::bad_request(format!("a hook has 1 to {MAX_HOOK_TRIGGERS} triggers")));
    }
    let triggers_text = serde_json::to_string(&triggers)
        .map_err(|error| Error::Internal(format!("triggers do not serialise: {error}").into()))?;
    let (nonce, now, most) = (random_bytes()?, app.now(), app.config.hooks.per_account);
    let url = webhook_url.clone();
    let write = move |tx: &mut dyn WriteTx| {
        let queen = queen(tx.as_read(), credential)?;
        let account_id = queen.account_id;
        if tx.hooks_of(account_id, most)?.len() >= most {
            return Err(Error::Conflict("the account has as many hooks as it may have"));
        }
        let is_first = !tx.has_hooks()?;
        let id = tx.insert_hook(&HookRow {
            id: 0,
            account_id,
            url: url.clone(),
            triggers: triggers_text.clone(),
            nonce,
            created: now,
            failures: 0,
            wakes: None,
        })?;
        if is_first {
            // Nobody kept the place while there was nobody to tell; what lies before this is nobody's business.
            tx.set_hook_cursor(id)?;
        }
        append(tx, ChangeKind::HookCreated, credential, account_id)?;
        Ok(id)
    };
    let webhook_id = app.store.write("create hook", write).await?;
    let secret = Some(SecretText::new(app.keys.hook_secret(&nonce).expose_text().as_str()));
    Ok((StatusCode::CREATED, axum::Json(Hook { webhook_id, webhook_url, triggers, secret })))
}

/// Lists the hooks of the account.
#[utoipa::path(get, path = paths::HOOKS, responses((status = 200, body = HookList), (status = 403)))]
pub async fn list(
    State(app): State<Arc<App>>,
    credential: Credential,
) -> Result<axum::Json<HookList>, Error> {
    // More than there may be now, where the limit was higher once.
    let most = app.config.hooks.per_account.saturating_mul(2);
    let read = move |tx: &dyn ReadTx| {
        let queen = queen(tx, credential)?;
        Ok::<_, Error>(tx.hooks_of(queen.account_id, most)?)
    };
    let rows = app.store.read("list hooks", read).await?;
    let hooks = rows.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(axum::Json(HookList { hooks }))
}

/// Deletes a hook.
///
/// What is queued for it is not delivered any more.
#[utoipa::path(delete, path = paths::HOOK, responses((status = 204), (status = 403)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    const NO_HOOK: Error = Error::NotFound("no such hook");
    let id: Option<u64> = id.parse().ok();
    let write = move |tx: &mut dyn WriteTx| {
        let queen = queen(tx.as_read(), credential)?;
        let row = id.map(|id| tx.hook(id)).transpose()?.flatten();
        let row = row.filter(|row| row.account_id == queen.account_id).ok_or(NO_HOOK)?;
        tx.delete_hook(row.id)?;
        append(tx, ChangeKind::HookDeleted, credential, queen.account_id)
    };
    app.store.write("delete hook", write).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn append(
    tx: &mut dyn WriteTx,
    kind: ChangeKind,
    credential: Credential,
    account_id: tozstore_crypto::AccountId,
) -> Result<(), Error> {
    let (at, actor) = (tx.stamp()?, Some(credential.client_id()));
    Ok(tx.append_change(at, &Change { actor, client: actor, ..Change::new(kind, account_id) })?)
}

fn shown(row: HookRow) -> Result<Hook, Error> {
    let triggers: Vec<HookTrigger> = serde_json::from_str(&row.triggers)
        .map_err(|_| Error::Internal("the triggers of a hook do not parse".into()))?;
    Ok(Hook { webhook_id: row.id, webhook_url: row.url, triggers, secret: None })
}
