//! What the extended policies of a note want, beforehand: `/v2/storage/notes/{challenge,prime}`.

use std::sync::Arc;

use axum::extract::State;
use tozstore_api::{
    ChallengeNote, ChallengedNote, MailedChallenge, OneTimeCode, PrimeNote, PrimedNote, SecretText, paths,
};
use tozstore_crypto::{blake2b_256, encode_base64url};

use super::auth::Signer;
use super::notes::{NoteQuery, Query, Wanted, admit, find, query};
use super::{Error, OptionalJson};
use crate::mail::{self, Mail};
use crate::policy::{self, NoteAction};
use crate::store::{NoteHead, WriteTx};
use crate::{App, ids};

/// Minutes that a code lives when the writer does not say.
const DEFAULT_CODE_LIFETIME_MIN: u32 = 10;
/// Minutes that a code may live: a week.
const MAX_CODE_LIFETIME_MIN: u32 = 7 * 24 * 60;

/// Asks for what a note wants before it is read.
///
/// For the recipient. A code that is sent by e-mail takes the place of an older one.
#[utoipa::path(
    patch, path = paths::NOTE_CHALLENGE, security(("signature" = [])), request_body = Option<ChallengeNote>,
    params(
        ("note_id" = Option<Uuid>, Query, description = "The note by its id."),
        ("id_string" = Option<String>, Query, description = "The note by its name."),
    ),
    responses(
        (status = 200, body = ChallengedNote), (status = 403), (status = 404), (status = 429), (status = 501), (status = 503)
    )
)]
pub async fn challenge(
    State(app): State<Arc<App>>,
    signer: Signer,
    query: Query<NoteQuery>,
    OptionalJson(request): OptionalJson<ChallengeNote>,
) -> Result<axum::Json<ChallengedNote>, Error> {
    let wanted = self::query(query)?.wanted()?;
    let head = admit(&app, signer, &wanted, NoteAction::Challenge).await?;
    if head.policies.email_eacp.is_some() && !app.mails.is_on() {
        return Err(Error::NotImplemented("this server does not send codes by e-mail"));
    }
    if head.policies.tozid_eacp.is_some() {
        return Err(Error::NotImplemented("this server has no identity provider"));
    }
    let request = request.unwrap_or_default();
    Ok(axum::Json(ChallengedNote { email_eacp: send_code(&app, signer, wanted, head, request).await? }))
}

/// Sends a code by e-mail, if the note asks for one.
async fn send_code(
    app: &App,
    signer: Signer,
    wanted: Wanted,
    head: NoteHead,
    request: ChallengeNote,
) -> Result<Option<MailedChallenge>, Error> {
    let Some(policy) = head.policies.email() else { return Ok(None) };
    let policy =
        policy.map_err(|error| Error::bad_request(format!("the e-mail policy of the note: {error}")))?;
    if head.writer.is_none() {
        // Anybody could have any address sent mails.
        return Err(Error::Forbidden("no mails are sent for notes by those who are no clients"));
    }
    let to = mail::address(&policy)?;
    let asked = request.email_eacp;
    let lifetime_min = lifetime_min(match asked.expiry_minutes {
        0 => policy.default_expiration_minutes,
        minutes => minutes,
    })?;
    let code = mail::new_code()?;
    let now = app.now();
    let expires = now.plus_seconds(i64::from(lifetime_min) * 60);
    let stored = (mail::hash_of_code(code.expose()), expires);
    let place = app.mails.reserve(app, &to, now).await?;
    let note = head.id;
    let write = move |tx: &mut dyn WriteTx| {
        let current = find(tx.as_read(), signer, &wanted, NoteAction::Challenge, now)?;
        if current.id != note {
            return Err(Error::from(policy::NO_NOTE));
        }
        let uses =
            policy::mail_once(&current, stored, now).map_err(|wait_s| Error::TooManyAttempts { wait_s })?;
        tx.put_note_uses(note, &uses)?;
        Ok(())
    };
    app.store.write("challenge note", write).await?;
    let template_name = if asked.template_name.is_empty() { &policy.template } else { &asked.template_name };
    let answer = MailedChallenge { expires_at: expires, template_name: template_name.clone() };
    place.send(Mail::new(to, code, &policy, &app.config.mail, note, expires));
    Ok(Some(answer))
}

/// How long a code lives, if the one who asked may choose that.
fn lifetime_min(asked_min: u32) -> Result<u32, Error> {
    match asked_min {
        0 => Ok(DEFAULT_CODE_LIFETIME_MIN),
        minutes if minutes <= MAX_CODE_LIFETIME_MIN => Ok(minutes),
        _ => Err(Error::bad_request(format!("a code lives for at most {MAX_CODE_LIFETIME_MIN} minutes"))),
    }
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
    let lifetime_min = lifetime_min(request.unwrap_or_default().otp.expiry_minutes)?;
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
