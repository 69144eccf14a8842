//! What the extended policies of a note want, beforehand: `/v2/storage/notes/{challenge,prime}`.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{ChallengedNote, OneTimeCode, PrimeNote, PrimedNote, SecretText, paths};
use tozstore_crypto::{blake2b_256, encode_base64url};

use super::auth::Signer;
use super::notes::{NoteQuery, Query, admit, find, query};
use super::{Error, OptionalJson};
use crate::policy::NoteAction;
use crate::store::WriteTx;
use crate::{App, ids};

/// Minutes that a code lives when the writer does not say.
const DEFAULT_CODE_LIFETIME_MIN: u32 = 10;
/// Minutes that a code may live: a week.
const MAX_CODE_LIFETIME_MIN: u32 = 7 * 24 * 60;

/// Asks for what a note wants before it is read.
///
/// For the recipient.
#[utoipa::path(
    patch, path = paths::NOTE_CHALLENGE, security(("signature" = [])),
    params(
        ("note_id" = Option<Uuid>, Query, description = "The note by its id."),
        ("id_string" = Option<String>, Query, description = "The note by its name."),
    ),
    responses((status = 200, body = ChallengedNote), (status = 404), (status = 501))
)]
pub async fn challenge(
    State(app): State<Arc<App>>,
    signer: Signer,
    query: Query<NoteQuery>,
) -> Result<axum::Json<ChallengedNote>, Error> {
    let wanted = self::query(query)?.wanted()?;
    let head = admit(&app, signer, &wanted, NoteAction::Challenge).await?;
    if head.policies.email_eacp.is_some() {
        return Err(Error::NotImplemented("this server does not send codes by e-mail"));
    }
    if head.policies.tozid_eacp.is_some() {
        return Err(Error::NotImplemented("this server has no identity provider"));
    }
    Ok(axum::Json(ChallengedNote {}))
}

/// Makes a code that opens a note once.
///
/// For the writer, who passes the code on. A new code takes the place of an older one.
#[utoipa::path(
    patch, path = paths::NOTE_PRIME, security(("signature" = [])), request_body = Option<PrimeNote>,
    params(
        ("note_id" = Option<Uuid>, Query, description = "The note by its id."),
        ("id_string" = Option<String>, Query, description = "The note by its name."),
    ),
    responses((status = 200, body = PrimedNote), (status = 403), (status = 404))
)]
pub async fn prime(
    State(app): State<Arc<App>>,
    signer: Signer,
    query: Query<NoteQuery>,
    OptionalJson(request): OptionalJson<PrimeNote>,
) -> Result<axum::Json<PrimedNote>, Error> {
    let wanted = self::query(query)?.wanted()?;
    let lifetime_min = match request.unwrap_or_default().otp.expiry_minutes {
        0 => DEFAULT_CODE_LIFETIME_MIN,
        minutes if minutes <= MAX_CODE_LIFETIME_MIN => minutes,
        _ => {
            return Err(Error::bad_request(format!(
                "a code lives for at most {MAX_CODE_LIFETIME_MIN} minutes"
            )));
        }
    };
    // Too long to be guessed, so that guesses need not be counted.
    let code = SecretText::new(encode_base64url(ids::random_bytes::<16>()?));
    let hash = blake2b_256(code.expose().as_bytes());
    admit(&app, signer, &wanted, NoteAction::Prime).await?;
    let now = app.now();
    let write = move |tx: &mut dyn WriteTx| {
        let head = find(tx.as_read(), signer, &wanted, NoteAction::Prime, now)?;
        if head.policies.tozny_otp_eacp.is_none() {
            return Err(Error::bad_request("this note asks for no code"));
        }
        let mut uses = head.uses;
        uses.code = Some((hash, now.plus_seconds(i64::from(lifetime_min) * 60)));
        tx.put_note_uses(head.id, &uses)?;
        Ok(head.id)
    };
    let note_id = app.store.write("prime note", write).await?;
    Ok(axum::Json(PrimedNote { note_id, otp: OneTimeCode { password: code } }))
}
