//! Notes: sealed fields for one recipient, whom the server knows by a signing key alone.

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use tozstore_crypto::{ClientId, NoteId, RecordId, SigningPublicKey};

use crate::absent::null_as_default;
use crate::{ExtendedPolicies, Plain, RecordData, SecretText, Timestamp};

/// Bytes that the name of a note may have.
pub const MAX_NOTE_NAME_BYTES: usize = 512;
/// Bytes that each of a note's short texts may have: mode, type, keys, signature.
pub const MAX_NOTE_TEXT_BYTES: usize = 4096;
/// Notes that one page of a listing may have.
pub const MAX_NOTES_PER_PAGE: usize = 100;
/// Stands for "as often as one likes" in `max_views` and among the views that are left.
pub const UNLIMITED_VIEWS: i64 = -1;

/// How the protocol writes a time that is not set.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// How some clients write an id that is not set.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A note as it is sent to be written: `POST /v2/storage/notes`, and `PUT` to replace the one of that name.
///
/// What the server decides (id, writer, times, views) is not read, whatever stands there. What the formats cover is not
/// looked at: whether it opens, and whether its signature holds, is for the recipient to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoteWrite {
    /// Its name, of one note only; empty for none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub id_string: String,
    /// `Sodium`, in any case.
    pub mode: String,
    /// Who may read it.
    pub recipient_signing_key: SigningPublicKey,
    /// Who says that it wrote it.
    pub writer_signing_key: SigningPublicKey,
    /// Who says that it wrapped the access key: a public key.
    pub writer_encryption_key: String,
    /// The access key, wrapped for the recipient.
    pub encrypted_access_key: String,
    /// Its type, if it has one.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    pub note_type: String,
    /// The sealed fields.
    pub data: RecordData,
    /// Plain metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub plain: Plain,
    /// What the writer says of a file; one official client repeats the plain metadata here.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Plain::is_empty")]
    pub file_meta: Plain,
    /// The writer's signature.
    pub signature: String,
    /// How often it may be read; [`UNLIMITED_VIEWS`] or zero for no limit.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_views: i64,
    /// Until when it may be read, if [`expires`](Self::expires) says that this counts.
    #[serde(default, deserialize_with = "optional_time", serialize_with = "time_or_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Timestamp))]
    pub expiration: Option<Timestamp>,
    /// Whether it lapses at [`expiration`](Self::expiration). One official client says so without a time: such a note
    /// stays.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expires: bool,
    /// What a reader must show besides the key.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "ExtendedPolicies::is_empty"
    )]
    pub eacp: ExtendedPolicies,
    /// The record that it goes with.
    #[serde(default, deserialize_with = "optional_id", skip_serializing_if = "Option::is_none")]
    pub record_id: Option<RecordId>,
    /// For clients to tell notes apart.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub is_secret: bool,
}

/// A note as it is answered. `D` is [`RecordData`], or JSON text of that form for who passes it on unread.
///
/// One official client refuses members that it does not know, others fail on null: there are no others than these, and
/// what is not set is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Note<D = RecordData> {
    /// Its id.
    pub note_id: NoteId,
    /// Its name; empty for none.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub id_string: String,
    /// The client that wrote it; none if it was nobody that the server knows.
    #[serde(default, deserialize_with = "optional_id", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub client_id: Option<ClientId>,
    /// As it was sent.
    pub mode: String,
    /// Who may read it.
    pub recipient_signing_key: SigningPublicKey,
    /// Who says that it wrote it.
    pub writer_signing_key: SigningPublicKey,
    /// Who says that it wrapped the access key.
    pub writer_encryption_key: String,
    /// The access key, wrapped for the recipient.
    pub encrypted_access_key: String,
    /// Its type; empty for none.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub note_type: String,
    /// The sealed fields, in the writer's order.
    #[cfg_attr(feature = "openapi", schema(value_type = RecordData))]
    pub data: D,
    /// Plain metadata; `{}` if there is none.
    #[serde(default, deserialize_with = "null_as_default")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub plain: Plain,
    /// What the writer says of a file.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Plain::is_empty")]
    pub file_meta: Plain,
    /// The writer's signature.
    pub signature: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it may be read; [`UNLIMITED_VIEWS`] for no limit.
    pub max_views: i64,
    /// How often it was read, this time included.
    pub views: u64,
    /// Until when it may be read.
    #[serde(default, deserialize_with = "optional_time", serialize_with = "time_or_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Timestamp))]
    pub expiration: Option<Timestamp>,
    /// Whether the writer said that it lapses.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub expires: bool,
    /// What a reader must show besides the key.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "ExtendedPolicies::is_empty"
    )]
    pub eacp: ExtendedPolicies,
    /// The record that it goes with.
    #[serde(default, deserialize_with = "optional_id", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub record_id: Option<RecordId>,
    /// As it was sent.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_false")]
    pub is_secret: bool,
}

/// The answer to `GET /v2/storage/notes`: a note, or as one official client asks, those that go with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum NoteAnswer<N = Note> {
    /// The note that was named.
    Note(Box<N>),
    /// Those of a record.
    Notes(RecordNotes),
}

/// A note that goes with a record, in a listing for its writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordNote {
    /// Its id.
    pub note_id: NoteId,
    /// The client that wrote it.
    pub client_id: ClientId,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it may be read; [`UNLIMITED_VIEWS`] for no limit.
    pub max_views: i64,
    /// How often it was read.
    pub views: u64,
    /// Until when it may be read.
    #[serde(default, deserialize_with = "optional_time", serialize_with = "time_or_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Timestamp))]
    pub expiration: Option<Timestamp>,
    /// Whether the writer said that it lapses.
    pub expires: bool,
    /// The record.
    pub record_id: RecordId,
    /// As it was sent.
    pub is_secret: bool,
}

/// A page of [`RecordNote`]s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordNotes {
    /// The notes, in the order in which they were written.
    #[serde(deserialize_with = "null_as_default")]
    pub results: Vec<RecordNote>,
    /// Where the next page begins; zero at the end.
    pub next_token: u64,
}

/// Asks for a code that opens a note once: `PATCH /v2/storage/notes/prime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrimeNote {
    /// What kind of code.
    #[serde(default, deserialize_with = "null_as_default")]
    pub otp: PrimeOneTimeCode,
}

/// How long a code lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrimeOneTimeCode {
    /// Minutes; zero for what the server thinks right.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expiry_minutes: u32,
}

/// A note and the code that opens it once.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrimedNote {
    /// The note.
    pub note_id: NoteId,
    /// The code.
    pub otp: OneTimeCode,
}

/// A code that works once. It is shown here only.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OneTimeCode {
    /// The code.
    pub password: SecretText,
}

/// Asks for what a note's policies want: `PATCH /v2/storage/notes/challenge`. Members of other policies are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeNote {
    /// How the code is to be sent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub email_eacp: MailChallenge,
}

/// How a code is to be sent by e-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MailChallenge {
    /// Name of the text of the mail; that of the policy if it is empty. There is one text, whatever its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template_name: String,
    /// Minutes that the code lives; zero for as long as the policy says.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expiry_minutes: u32,
}

/// What was done to let the reader satisfy a note's policies. Those that are not named need nothing done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengedNote {
    /// The code that is on its way by e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_eacp: Option<MailedChallenge>,
}

/// A code that is on its way by e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MailedChallenge {
    /// When it lapses.
    pub expires_at: Timestamp,
    /// Name of the text of the mail.
    pub template_name: String,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("" | NO_TIME) => Ok(None),
        Some(text) => Timestamp::from_rfc3339(text).map(Some).map_err(de::Error::custom),
    }
}

fn time_or_none<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => time.serialize(serializer),
        None => serializer.serialize_str(NO_TIME),
    }
}

fn optional_id<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("" | NO_ID) => Ok(None),
        Some(text) => text.parse().map(Some).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk";
    const ID: &str = "a1111111-1111-4111-8111-111111111111";

    fn sent(more: Value) -> Value {
        let mut note = json!({
            "mode": "Sodium", "recipient_signing_key": KEY, "writer_signing_key": KEY, "writer_encryption_key": KEY,
            "encrypted_access_key": "k.n", "data": { "b": "1", "a": "2" }, "signature": "signed",
        });
        note.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        note
    }

    fn read(more: Value) -> Result<NoteWrite, serde_json::Error> {
        serde_json::from_value(sent(more))
    }

    #[test]
    fn what_clients_leave_unset_is_unset() {
        let bare = read(json!({})).unwrap();
        let null = json!({
            "note_id": null, "id_string": null, "client_id": null, "type": null, "plain": null, "file_meta": null,
            "max_views": null, "views": 0, "expiration": null, "expires": null, "eacp": null, "created_at": null,
            "record_id": null, "is_secret": null,
        });
        let zero = json!({
            "note_id": NO_ID, "id_string": "", "client_id": NO_ID, "type": "", "plain": {}, "file_meta": {},
            "max_views": 0, "views": 0, "expiration": NO_TIME, "expires": false, "eacp": {},
            "created_at": NO_TIME, "record_id": NO_ID, "is_secret": false,
        });
        assert_eq!(read(null).unwrap(), bare);
        assert_eq!(read(zero).unwrap(), bare);
        assert!(bare.expiration.is_none() && bare.eacp.is_empty() && bare.record_id.is_none());
        assert_eq!(bare.data.to_json(), r#"{"b":"1","a":"2"}"#);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        for more in [
            json!({ "recipient_signing_key": "short" }),
            json!({ "writer_signing_key": null }),
            json!({ "data": null }),
            json!({ "data": { "a": 1 } }),
            json!({ "signature": null }),
            json!({ "expiration": "tomorrow" }),
            json!({ "record_id": "x" }),
            json!({ "eacp": { "moon_eacp": {} } }),
            json!({ "plain": [] }),
        ] {
            assert!(read(more.clone()).is_err(), "{more}");
        }
    }

    #[test]
    fn answers_have_no_members_for_what_is_unset() {
        let note = Note {
            note_id: ID.parse().unwrap(),
            id_string: String::new(),
            client_id: None,
            mode: "Sodium".into(),
            recipient_signing_key: KEY.parse().unwrap(),
            writer_signing_key: KEY.parse().unwrap(),
            writer_encryption_key: KEY.into(),
            encrypted_access_key: "k.n".into(),
            note_type: String::new(),
            data: RecordData::default(),
            plain: Plain::default(),
            file_meta: Plain::default(),
            signature: "signed".into(),
            created_at: Timestamp::from_micros(1),
            max_views: UNLIMITED_VIEWS,
            views: 0,
            expiration: None,
            expires: false,
            eacp: ExtendedPolicies::default(),
            record_id: None,
            is_secret: false,
        };
        let text = serde_json::to_string(&note).unwrap();
        let expected = format!(
            r#"{{"note_id":"{ID}","id_string":"","mode":"Sodium","recipient_signing_key":"{KEY}","writer_signing_key":"{KEY}","writer_encryption_key":"{KEY}","encrypted_access_key":"k.n","type":"","data":{{}},"plain":{{}},"signature":"signed","created_at":"1970-01-01T00:00:00.000001Z","max_views":-1,"views":0,"expiration":"0001-01-01T00:00:00Z"}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Note>(&text).unwrap(), note);
    }
}
