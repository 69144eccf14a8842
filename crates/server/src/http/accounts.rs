//! Accounts: creation, profile, change of the administering client, deletion.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value};
use tozstore_api::{
    Account, AccountClient, AccountSession, ChangeProfile, ChangedProfile, CreateAccount, KeySet,
    MAX_PROFILE_META_BYTES, MAX_PROFILE_TEXT_BYTES, MAX_SALT_BYTES, NewClient, Profile, RegisteredClient,
    ReplaceQueen, SecretText, Timestamp, paths,
};
use tozstore_crypto::AccountId;

use super::clients::queen;
use super::registration::{ClientDraft, insert, registered};
use super::{AccountCredential, Credential, Error, Json, Path};
use crate::App;
use crate::ids::new_account_id;
use crate::store::{
    AccountRow, AccountSalts, Change, ChangeKind, ClientRow, ReadTx, StoreError, WriteTx, delete_client,
};

const EMAIL_TAKEN: Error = Error::Conflict("there is an account with this e-mail address already");

/// Creates an account.
///
/// Its first client administers it.
#[utoipa::path(
    post, path = paths::ACCOUNT_PROFILE, security(()), request_body = CreateAccount,
    responses((status = 201, body = AccountSession), (status = 403), (status = 409))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Json(CreateAccount { profile, account }): Json<CreateAccount>,
) -> Result<(StatusCode, axum::Json<AccountSession>), Error> {
    if !app.config.accounts.open {
        return Err(Error::Forbidden("this server creates no accounts for callers"));
    }
    let now = app.now();
    let id = new_account_id(now)?;
    let first = NewClient {
        name: profile.name.clone(),
        public_key: account.public_key.clone(),
        signing_key: account.signing_key.clone(),
        kind: None,
    };
    let draft = ClientDraft::new(now, first)?;
    let client = draft.row(id);
    let row = AccountRow {
        id,
        name: profile.name,
        email_key: email_key(&profile.email),
        email: profile.email,
        salts: AccountSalts {
            auth: profile.auth_salt,
            enc: profile.enc_salt,
            paper_auth: profile.paper_auth_salt,
            paper_enc: profile.paper_enc_salt,
        },
        signing_key: profile.signing_key,
        paper_signing_key: profile.paper_signing_key,
        company: account.company.unwrap_or_default(),
        plan: account.plan.unwrap_or_default(),
        public_key: account.public_key,
        account_signing_key: account.signing_key,
        queen: client.id,
        meta: None,
        created: now,
        tokens_valid_after: Timestamp::default(),
        kept_token: None,
    };
    check(&row)?;
    let (new_row, new_client) = (row.clone(), client.clone());
    app.store
        .write("create account", move |tx| {
            tx.insert_account(&new_row).map_err(|error| match error {
                StoreError::AlreadyExists(_) => EMAIL_TAKEN,
                error => error.into(),
            })?;
            append(tx, ChangeKind::AccountCreated, &new_row)?;
            insert(tx, &new_client, None)
        })
        .await?;
    Ok((StatusCode::CREATED, axum::Json(session(&app, now, row, client, Some(draft.secret_copy())))))
}

/// Changes the profile of the account.
///
/// A new key for logins cancels all account tokens but the one at hand.
#[utoipa::path(
    patch, path = paths::ACCOUNT_PROFILE, security(("account" = [])), request_body = ChangeProfile,
    responses((status = 200, body = ChangedProfile), (status = 409))
)]
pub async fn change(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
    Json(change): Json<ChangeProfile>,
) -> Result<axum::Json<ChangedProfile>, Error> {
    let clock = Arc::clone(&app.clock);
    let (row, client) = app
        .store
        .write("change profile", move |tx| {
            let before = credential.account(tx.as_read())?;
            let mut row = changed(before.clone(), change.clone());
            check(&row)?;
            if (&row.signing_key, &row.paper_signing_key) != (&before.signing_key, &before.paper_signing_key)
            {
                // Read here, so that no login that was checked against the old key has a later token.
                row.tokens_valid_after = row.tokens_valid_after.max(clock.now());
                row.kept_token = Some(credential.issued());
            }
            if row != before {
                tx.update_account(&row).map_err(|error| match error {
                    StoreError::AlreadyExists(_) => EMAIL_TAKEN,
                    error => error.into(),
                })?;
                append(tx, ChangeKind::AccountUpdated, &row)?;
            }
            let client = queen_of(tx.as_read(), &row)?;
            Ok::<_, Error>((row, client))
        })
        .await?;
    let (profile, account) = shown(row, client, None);
    Ok(axum::Json(ChangedProfile { profile, account }))
}

/// Reads the metadata of the profile.
///
/// `{}` if nothing was put.
#[utoipa::path(
    get, path = paths::ACCOUNT_PROFILE_META, security(("account" = [])),
    responses((status = 200, body = Object))
)]
pub async fn meta(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
) -> Result<axum::Json<Map<String, Value>>, Error> {
    let row = app.store.read("profile meta", move |tx| credential.account(tx)).await?;
    let meta = row.meta.map(|text| serde_json::from_str(&text)).transpose();
    meta.map(|meta| axum::Json(meta.unwrap_or_default()))
        .map_err(|_| Error::Internal("the metadata of a profile does not parse".into()))
}

/// Replaces the metadata of the profile.
///
/// The server does not read it.
#[utoipa::path(
    put, path = paths::ACCOUNT_PROFILE_META, security(("account" = [])), request_body = Object,
    responses((status = 200, body = Object))
)]
pub async fn put_meta(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
    Json(meta): Json<Map<String, Value>>,
) -> Result<axum::Json<Map<String, Value>>, Error> {
    let text = Value::Object(meta.clone()).to_string();
    if text.len() > MAX_PROFILE_META_BYTES {
        return Err(Error::BodyTooLarge);
    }
    app.store
        .write("put profile meta", move |tx| {
            let mut row = credential.account(tx.as_read())?;
            row.meta = Some(text.clone());
            tx.update_account(&row)?;
            append(tx, ChangeKind::AccountUpdated, &row)
        })
        .await?;
    Ok(axum::Json(meta))
}

/// Replaces the client that administers the account.
///
/// The old one becomes a client like any other.
#[utoipa::path(
    post, path = paths::ACCOUNT_QUEEN, security(("account" = [])),
    request_body = ReplaceQueen,
    responses((status = 200, body = RegisteredClient))
)]
pub async fn replace_queen(
    State(app): State<Arc<App>>,
    credential: AccountCredential,
    Json(ReplaceQueen { client }): Json<ReplaceQueen>,
) -> Result<axum::Json<RegisteredClient>, Error> {
    let draft = ClientDraft::new(app.now(), client)?;
    let (row, secret) = app
        .store
        .write("replace queen", move |tx| {
            let mut account = credential.account(tx.as_read())?;
            let row = draft.row(account.id);
            insert(tx, &row, None)?;
            account.queen = row.id;
            tx.update_account(&account)?;
            append(tx, ChangeKind::AccountUpdated, &account)?;
            Ok::<_, Error>((row, draft.secret_copy()))
        })
        .await?;
    Ok(axum::Json(registered(row, secret)))
}

/// Deletes the account with all its clients.
///
/// They are gone when this answers; what they owned is erased in the background.
#[utoipa::path(delete, path = paths::ACCOUNT, responses((status = 204), (status = 403)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    credential: Credential,
    Path(id): Path<AccountId>,
) -> Result<StatusCode, Error> {
    // Few rows in each transaction, so that other writers have their turn. The administering client and the account go
    // in the last one: until then, a deletion that broke off can be asked for again.
    loop {
        let is_done = app.store.write("delete account", move |tx| delete_step(tx, credential, id)).await?;
        if is_done {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
}

fn delete_step(tx: &mut dyn WriteTx, credential: Credential, id: AccountId) -> Result<bool, Error> {
    const CLIENTS_PER_STEP: usize = 200;
    if credential.client(tx.as_read())?.account_id != id {
        return Err(Error::NotFound("no such account"));
    }
    let queen = queen(tx.as_read(), credential)?;
    let clients = tx.clients_of(id, 0, CLIENTS_PER_STEP)?;
    let is_last = clients.len() < CLIENTS_PER_STEP;
    for (_, client) in clients.into_iter().filter(|(_, client)| client.id != queen.id) {
        delete_client(tx, client.id, id)?;
    }
    if is_last {
        delete_client(tx, queen.id, id)?;
        tx.delete_account(id)?;
        let at = tx.stamp()?;
        tx.append_change(at, &Change::new(ChangeKind::AccountDeleted, id))?;
    }
    Ok(is_last)
}

/// The key under which an e-mail address is found: addresses that differ in case are one.
pub(super) fn email_key(email: &str) -> String {
    email.to_lowercase()
}

/// The administering client of an account.
pub(super) fn queen_of(tx: &dyn ReadTx, account: &AccountRow) -> Result<ClientRow, Error> {
    tx.client(account.queen)?.ok_or(Error::Internal("an account without its administering client".into()))
}

/// The answer to a creation or a login, with an account token as of `issued`: a moment before the transaction that
/// permitted it, so that what cancels tokens after that transaction cancels this one.
pub(super) fn session(
    app: &App,
    issued: Timestamp,
    row: AccountRow,
    client: ClientRow,
    api_secret: Option<SecretText>,
) -> AccountSession {
    let expires = issued.plus_seconds(app.config.tokens.account_token_lifetime_s.into());
    let token = app.keys.issue_account_token(row.id, issued, expires);
    let (profile, account) = shown(row, client, api_secret);
    AccountSession { token, profile, account }
}

fn check(row: &AccountRow) -> Result<(), Error> {
    let AccountSalts { auth, enc, paper_auth, paper_enc } = &row.salts;
    let is_long = |text: &String| text.len() > MAX_PROFILE_TEXT_BYTES;
    if [&row.name, &row.email, &row.email_key, &row.company, &row.plan].into_iter().any(is_long) {
        return Err(Error::bad_request(format!(
            "texts of a profile have at most {MAX_PROFILE_TEXT_BYTES} bytes"
        )));
    }
    if [auth, enc, paper_auth, paper_enc].into_iter().any(|salt| salt.len() > MAX_SALT_BYTES) {
        return Err(Error::bad_request(format!("a salt has at most {MAX_SALT_BYTES} bytes")));
    }
    if row.email.is_empty() {
        return Err(Error::bad_request("an account needs an e-mail address"));
    }
    let has_key = |keys: &KeySet| keys.signing_key().is_some();
    if !has_key(&row.signing_key) || !has_key(&row.paper_signing_key) {
        return Err(Error::bad_request("a profile needs Ed25519 keys that check its logins"));
    }
    Ok(())
}

fn changed(mut row: AccountRow, change: ChangeProfile) -> AccountRow {
    fn put<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    let profile = change.profile.unwrap_or_default();
    put(&mut row.email_key, profile.email.as_deref().map(email_key));
    put(&mut row.email, profile.email);
    put(&mut row.name, profile.name);
    put(&mut row.salts.auth, profile.auth_salt);
    put(&mut row.salts.enc, profile.enc_salt);
    put(&mut row.salts.paper_auth, profile.paper_auth_salt);
    put(&mut row.salts.paper_enc, profile.paper_enc_salt);
    put(&mut row.signing_key, profile.signing_key);
    put(&mut row.paper_signing_key, profile.paper_signing_key);
    let account = change.account.unwrap_or_default();
    put(&mut row.company, account.company);
    put(&mut row.plan, account.plan);
    row
}

fn append(tx: &mut dyn WriteTx, kind: ChangeKind, row: &AccountRow) -> Result<(), Error> {
    let at = tx.stamp()?;
    // Named after its client too, with which it is erased.
    Ok(tx.append_change(at, &Change { client: Some(row.queen), ..Change::new(kind, row.id) })?)
}

fn shown(row: AccountRow, client: ClientRow, api_secret: Option<SecretText>) -> (Profile, Account) {
    let client = AccountClient {
        client_id: client.id,
        name: client.name,
        public_key: client.public_key,
        signing_key: client.signing_key,
        api_key_id: client.api_key_id,
        api_secret,
        enabled: client.enabled,
    };
    let profile = Profile {
        id: row.id,
        name: row.name,
        email: row.email,
        auth_salt: row.salts.auth,
        enc_salt: row.salts.enc,
        paper_auth_salt: row.salts.paper_auth,
        paper_enc_salt: row.salts.paper_enc,
        signing_key: row.signing_key,
        paper_signing_key: row.paper_signing_key,
        verified: true,
    };
    let account = Account {
        company: row.company,
        plan: row.plan,
        public_key: row.public_key,
        signing_key: row.account_signing_key,
        client,
    };
    (profile, account)
}
