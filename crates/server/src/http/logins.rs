//! Logging in to an account: a challenge, and its answer signed with the key that the password derives.
//!
//! A challenge is not stored when it is given, which takes no write from strangers and the same time whether or not
//! there is such an account. It is stored when it was answered, so that it is not answered twice.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{
    AccountSession, AnswerChallenge, AskChallenge, Challenge, KEY_PAPER, KEY_PASSWORD, ValidateToken,
    ValidatedAccountToken, paths,
};
use tozstore_crypto::{Signature, SigningPublicKey, blake2b_256, decode_base64url, encode_base64url};

use super::accounts::{email_key, queen_of, session};
use super::{AccountCredential, Credential, Error, Json};
use crate::App;
use crate::ids::random_bytes;
use crate::store::{AccountRow, ChallengeRow, ReadTx, StoreError};

// The same whether the address, the challenge or the signature is wrong.
const BAD_LOGIN: Error = Error::Unauthorized("the login failed");

/// Asks for a login challenge.
///
/// An address without an account gets a challenge and salts as well.
#[utoipa::path(
    post, path = paths::ACCOUNT_CHALLENGE, security(()), request_body = AskChallenge,
    responses((status = 200, body = Challenge))
)]
pub async fn challenge(
    State(app): State<Arc<App>>,
    Json(AskChallenge { email }): Json<AskChallenge>,
) -> Result<axum::Json<Challenge>, Error> {
    let key = email_key(&email);
    let expires = app.now().plus_seconds(app.config.tokens.challenge_lifetime_s.into());
    let challenge = encode_base64url(app.keys.issue_challenge(&key, random_bytes()?, expires));
    let decoy = (app.keys.decoy_salt(&key, "auth"), app.keys.decoy_salt(&key, "paper auth"));
    let row = app.store.read::<_, StoreError, _>("challenge", move |tx| tx.account_by_email(&key)).await?;
    let (auth_salt, paper_auth_salt) = row.map_or(decoy, |row| (row.salts.auth, row.salts.paper_auth));
    Ok(axum::Json(Challenge { challenge, auth_salt, paper_auth_salt }))
}

/// Answers a login challenge.
#[utoipa::path(
    post, path = paths::ACCOUNT_LOGIN, security(()), request_body = AnswerChallenge,
    responses((status = 200, body = AccountSession), (status = 401), (status = 429))
)]
pub async fn log_in(
    State(app): State<Arc<App>>,
    Json(answer): Json<AnswerChallenge>,
) -> Result<axum::Json<AccountSession>, Error> {
    let with_paper = match answer.keyid.as_str() {
        KEY_PASSWORD => false,
        KEY_PAPER => true,
        _ => return Err(Error::bad_request(format!("keyid is {KEY_PASSWORD} or {KEY_PAPER}"))),
    };
    let login_key = move |row: &AccountRow| {
        let keys = if with_paper { &row.paper_signing_key } else { &row.signing_key };
        keys.signing_key()
    };
    let email = email_key(&answer.email);
    let challenge = decode_base64url(&answer.challenge).map_err(|_| BAD_LOGIN)?;
    let response: Signature = answer.response.parse().map_err(|_| BAD_LOGIN)?;
    let expires = app.keys.check_challenge(&email, &challenge, app.now()).ok_or(BAD_LOGIN)?;
    if !with_paper {
        let now_s = app.now().seconds().max(0).unsigned_abs();
        // Before anything is known of the account, so that one that is not there makes callers wait as well.
        let begun = app.login_failures.begin(app.store.shared().as_deref(), &app.keys, &email, now_s).await?;
        begun.map_err(|wait_s| Error::TooManyAttempts { wait_s })?;
    }
    let spent_email = email.clone();
    let find = {
        let email = email.clone();
        move |tx: &dyn ReadTx| tx.account_by_email(&email)
    };
    let row = app.store.read::<_, StoreError, _>("account to log in", find).await?;
    let key: SigningPublicKey = row.as_ref().and_then(login_key).unwrap_or(app.nobodys_key);
    key.verify(&challenge, &response).map_err(|_| BAD_LOGIN)?;
    let spent = blake2b_256(&challenge);
    let issued = app.now();
    let (row, client) = app
        .store
        .write("log in", move |tx| {
            // Read again: what was verified above must still hold where the challenge is spent.
            let row = tx
                .account_by_email(&spent_email)?
                .filter(|row| login_key(row) == Some(key))
                .ok_or(BAD_LOGIN)?;
            if tx.take_challenge(&spent)?.is_some() {
                return Err(BAD_LOGIN);
            }
            tx.insert_challenge(&ChallengeRow { hash: spent, account_id: row.id, expires })?;
            let client = queen_of(tx.as_read(), &row)?;
            Ok((row, client))
        })
        .await?;
    if !with_paper {
        // The session stands, even if the count does too.
        if let Err(error) =
            app.login_failures.succeeded(app.store.shared().as_deref(), &app.keys, &email).await
        {
            tracing::warn!(%error, "a count of failed logins could not be cleared");
        }
    }
    Ok(axum::Json(session(&app, issued, row, client, None)))
}

/// Tells whose account token this is.
#[utoipa::path(
    post, path = paths::ACCOUNT_TOKEN_VALIDATE, request_body = ValidateToken,
    responses((status = 200, body = ValidatedAccountToken))
)]
pub async fn validate(
    State(app): State<Arc<App>>,
    credential: Credential,
    Json(question): Json<ValidateToken>,
) -> Result<axum::Json<ValidatedAccountToken>, Error> {
    const BAD_TOKEN: Error = Error::Unauthorized("this is not a valid account token");
    let asked = AccountCredential::from_token(&app, question.token.expose());
    let answer = move |tx: &dyn ReadTx| {
        credential.client(tx)?;
        asked.as_ref().ok_or(BAD_TOKEN)?.account(tx)
    };
    let account = app.store.read("validate account token", answer).await?;
    Ok(axum::Json(ValidatedAccountToken { account_id: account.id, valid: true }))
}
