//! Who may do what with a note. The recipient is known by a key alone, and so is a writer without an account.
//!
//! The protocol answers a wrong key with 401, whether a note is there or not can be found out by that: its id cannot be
//! guessed, and names are public by design, since one that is taken is refused.

use tozstore_api::Timestamp;
use tozstore_crypto::{ClientId, SigningPublicKey};

use super::Refusal;
use crate::store::{NoteHead, NoteMails, NoteUses, ReadTx, StoreError};

/// There is no such note, or no longer.
pub const NO_NOTE: Refusal = Refusal::Absent("no such note");
const NOT_RECIPIENT: Refusal = Refusal::Unauthorized("this note is for the holder of another key");
const NOT_WRITER: Refusal = Refusal::Forbidden("only the writer of a note may do this");
const NOT_OWNER: Refusal = Refusal::Forbidden("another client has a note of this name");
const NO_MAIL: Refusal =
    Refusal::Unauthorized("this note asks for a code sent by e-mail, and this server sends none");
const NO_SESSION: Refusal =
    Refusal::Unauthorized("this note asks for a session with an identity provider, and this server has none");
const NO_CODE: Refusal = Refusal::Unauthorized(
    "this note asks for a code (tozny_otp) that its writer gives out, and this is none that is good",
);
const NO_MAILED_CODE: Refusal = Refusal::Unauthorized(
    "this note asks for a code (email_otp) that is sent by e-mail after a challenge, and this is none that is good",
);
const NOT_READ: Refusal =
    Refusal::Unauthorized("this note can be read only shortly after another one was read");

/// Seconds for which the reading of one note opens another that asks for it.
pub const LAST_ACCESS_WINDOW_S: i64 = 300;
/// Seconds for which a note is kept when it was read as often as it may be: how many views are left, and whether it was
/// read, can be asked for so long.
pub const USED_UP_KEPT_S: i64 = 24 * 3600;

/// Wrong codes after which the one that was sent by e-mail is worth nothing any more.
const MAX_WRONG_MAIL_CODES: u32 = 5;
/// Codes that are sent for one note a minute apart; after that, one an hour.
const MAILS_A_MINUTE_APART: u32 = 5;

/// Takes note of a code that is about to be sent by e-mail. It takes the place of an older one.
///
/// # Errors
/// Seconds to wait, if too many were sent.
pub fn mail_once(note: &NoteHead, code: ([u8; 32], Timestamp), now: Timestamp) -> Result<NoteUses, u64> {
    let mut uses = note.uses.clone();
    let pause_s = if uses.mails.sent < MAILS_A_MINUTE_APART { 60 } else { 3600 };
    let next = uses.mails.last_sent.map(|last| last.plus_seconds(pause_s)).filter(|next| now < *next);
    if let Some(next) = next {
        return Err(next.seconds().saturating_sub(now.seconds()).max(1).unsigned_abs());
    }
    let sent = uses.mails.sent.saturating_add(1);
    uses.mails = NoteMails { code: Some(code), wrong_codes: 0, sent, last_sent: Some(now) };
    Ok(uses)
}

/// What somebody wants with a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteAction {
    /// Ask for what its policies want.
    Challenge,
    /// Delete it.
    Delete,
    /// Make a code that opens it once.
    Prime,
    /// Read it.
    Read,
    /// Put another one under its name.
    Replace,
    /// Ask how often it may still be read.
    SeeViews,
}

/// Who asks: a key, and the client whose key it is, if it asks in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteCaller {
    /// The key that signed the request.
    pub key: SigningPublicKey,
    /// The client.
    pub client: Option<ClientId>,
}

/// Whether the caller may do this.
///
/// # Errors
/// It may not, or the note is gone.
pub fn decide_note(
    caller: NoteCaller,
    action: NoteAction,
    note: &NoteHead,
    now: Timestamp,
) -> Result<(), Refusal> {
    if is_gone(&note.uses, now) {
        return Err(NO_NOTE);
    }
    let recipient = caller.key == note.recipient_key;
    let owner = caller.client.is_some() && caller.client == note.writer.map(|(client, _)| client);
    let writer = owner || caller.key == note.writer_key;
    let (allowed, refusal) = match action {
        NoteAction::Challenge | NoteAction::Read => (recipient, NOT_RECIPIENT),
        // To whoever cannot read it either, it looks as if it were not there.
        NoteAction::Delete | NoteAction::Prime => (writer, if recipient { NOT_WRITER } else { NO_NOTE }),
        NoteAction::Replace => (owner, NOT_OWNER),
        NoteAction::SeeViews => (recipient || writer, NOT_RECIPIENT),
    };
    if allowed { Ok(()) } else { Err(refusal) }
}

/// Whether a note is as if it were not there.
pub fn is_gone(uses: &NoteUses, now: Timestamp) -> bool {
    uses.gone.is_some_and(|gone| gone <= now)
}

/// How often a note may still be read; none for as often as one likes.
pub fn views_left(note: &NoteHead) -> Option<u64> {
    note.max_views.map(|most| most.saturating_sub(note.uses.views))
}

/// What a reader shows besides its key: BLAKE2b-256 of codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShownCodes {
    /// Of one that the writer gave out.
    pub given: Option<[u8; 32]>,
    /// Of one that was sent by e-mail.
    pub mailed: Option<[u8; 32]>,
}

/// What comes of the wish to read a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is read, which makes this of it.
    Allowed(NoteUses),
    /// It is not, and that counts: a code was guessed at.
    Guessed(NoteUses, Refusal),
    /// It is not.
    Refused(Refusal),
}

/// What reading the note once makes of it, for a caller that [`decide_note`] lets read it. Codes that were good are
/// used up.
///
/// A note that asks for another one to have been read does not ask by whom: only its recipient can have done it.
///
/// # Errors
/// The store failed.
pub fn read_once(
    tx: &dyn ReadTx,
    note: &NoteHead,
    shown: ShownCodes,
    sends_mail: bool,
    now: Timestamp,
) -> Result<Reading, StoreError> {
    let policies = &note.policies;
    if views_left(note) == Some(0) {
        return Ok(Reading::Refused(NO_NOTE));
    }
    if policies.email_eacp.is_some() && !sends_mail {
        return Ok(Reading::Refused(NO_MAIL));
    }
    if policies.tozid_eacp.is_some() {
        return Ok(Reading::Refused(NO_SESSION));
    }
    if let Some(policy) = &policies.last_access_eacp {
        let last_read = tx.note_head(policy.last_read_note_id)?.and_then(|other| other.uses.last_read);
        if last_read.is_none_or(|time| time.plus_seconds(LAST_ACCESS_WINDOW_S) < now) {
            return Ok(Reading::Refused(NOT_READ));
        }
    }
    let mut uses = note.uses.clone();
    if policies.tozny_otp_eacp.is_some() {
        let good = uses.code.is_some_and(|(hash, expires)| shown.given == Some(hash) && now < expires);
        if !good {
            return Ok(Reading::Refused(NO_CODE));
        }
        uses.code = None;
    }
    if policies.email_eacp.is_some() {
        let wanted = uses.mails.code.filter(|(_, expires)| now < *expires);
        match (wanted, shown.mailed) {
            (Some((hash, _)), Some(mailed)) if hash == mailed => uses.mails.code = None,
            (Some(_), Some(_)) => {
                let mut uses = note.uses.clone();
                uses.mails.wrong_codes = uses.mails.wrong_codes.saturating_add(1);
                if uses.mails.wrong_codes >= MAX_WRONG_MAIL_CODES {
                    uses.mails.code = None;
                }
                return Ok(Reading::Guessed(uses, NO_MAILED_CODE));
            }
            _ => return Ok(Reading::Refused(NO_MAILED_CODE)),
        }
    }
    uses.views = uses.views.saturating_add(1);
    uses.last_read = Some(now);
    if note.max_views.is_some_and(|most| uses.views >= most) {
        let kept_until = now.plus_seconds(USED_UP_KEPT_S);
        uses.gone = Some(uses.gone.map_or(kept_until, |gone| gone.min(kept_until)));
    }
    Ok(Reading::Allowed(uses))
}
