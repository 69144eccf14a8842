//! Paths of the endpoints: patterns for a router, and builders for a client.
//!
//! A pattern names its variable segments in braces. Segments are percent-decoded after the path was split, so a record
//! type may hold any character, a slash (`%2F`) too; `+` stands for itself (RFC 3986, section 3.3). Policies name the
//! user before the writer, access keys the writer before the user: the interop protocol has it so.

mod accounts;
mod sealed;

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tozstore_crypto::{ClientId, GroupId, NoteId, PendingFileId, RecordId, Version};

pub use self::accounts::*;
pub use self::sealed::*;
use crate::RecordType;

/// Whether the process is up.
pub const HEALTHZ: &str = "/healthz";
/// Whether requests should be sent there.
pub const READYZ: &str = "/readyz";
/// Write a record (POST); read many (GET with a body).
pub const RECORDS: &str = "/v1/storage/records";
/// Read many records that others shared with the caller (GET with a body).
pub const RECORDS_SHARED: &str = "/v1/storage/records/shared";
/// Read, replace or delete a record whatever its version.
pub const RECORD: &str = "/v1/storage/records/{record_id}";
/// Replace or delete a record of a known version.
pub const RECORD_SAFE: &str = "/v1/storage/records/safe/{record_id}/{version}";
/// Replace a record of a known version that another client wrote and shared for editing.
pub const RECORD_EDIT: &str = "/v1/storage/records/safe/edit/{record_id}/{version}";
/// Write a record (POST), as in the first version.
pub const RECORDS_V2: &str = "/v2/storage/records";
/// Delete many records (DELETE with a body).
pub const RECORDS_BULK_DELETE: &str = "/v2/storage/records/bulk/delete";
/// Record types of the caller that others may read, by page.
pub const SHARE_OUTGOING: &str = "/v2/storage/share/outgoing";
/// Record types of others that the caller may read, by page.
pub const SHARE_INCOMING: &str = "/v2/storage/share/incoming";
/// Clients that may share on the caller's behalf, by page.
pub const AUTHORIZER_OUTGOING: &str = "/v2/storage/authorizer/outgoing";
/// Writers on whose behalf the caller may share, by page.
pub const AUTHORIZER_INCOMING: &str = "/v2/storage/authorizer/incoming";
/// Search records.
pub const SEARCH: &str = "/v1/storage/search";
/// Announce a file (POST).
pub const FILES: &str = "/v1/storage/files";
/// Announce a file (POST), as some clients write it.
pub const FILES_V2: &str = "/v2/storage/files";
/// Read a record with a file (GET, by the record's id); commit a file (PATCH, by the id of what was announced).
pub const FILE: &str = "/v1/storage/files/{id}";
/// Commit a file (PATCH), as some clients write it.
pub const FILE_V2: &str = "/v2/storage/files/{id}";
/// Announce new content for a record's file.
pub const FILE_VERSION: &str = "/v1/storage/files/{record_id}/{version}";
/// Announce new content for a file that another client wrote and shared for editing.
pub const FILE_EDIT: &str = "/v1/storage/files/edit/{record_id}/{version}";
/// Commit that content.
pub const FILE_EDIT_COMMIT: &str = "/v1/storage/files/edit/{record_id}/{version}/{pending_id}";
/// Change all of a record with a file but the file.
pub const FILE_RECORD: &str = "/v1/storage/files/record/safe/{record_id}/{version}";
/// Read many records with files (POST).
pub const FILE_LIST: &str = "/v1/storage/listOfFiles";
/// Send (PUT) or fetch (GET) the bytes of a file. The token is all the permission that it takes.
pub const FILE_BYTES: &str = "/v3/file-bytes/{token}";
/// Search by terms.
pub const TERM_SEARCH: &str = "/v2/search";
/// Put, read or delete an access key.
pub const ACCESS_KEY: &str = "/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{record_type}";
/// Delete an access key as its reader.
pub const READER_ACCESS_KEY: &str =
    "/v1/storage/access_keys/reader/{writer_id}/{user_id}/{reader_id}/{record_type}";
/// Grant or withdraw access of one client to one record type.
pub const POLICY: &str = "/v1/storage/policy/{user_id}/{writer_id}/{client_id}/{record_type}";
/// Let a client read one record, or no longer (PUT).
pub const RECORD_POLICY: &str =
    "/v1/storage/policy/{writer_id}/{user_id}/{client_id}/{record_id}/{record_type}";
/// Withdraw the right to share every record type from a client (DELETE).
pub const POLICY_AUTHORIZER: &str = "/v1/storage/policy/{user_id}/{writer_id}/{client_id}";
/// Give up access as the client that holds it.
pub const READER_POLICY: &str = "/v1/storage/policy/reader/{writer_id}/{user_id}/{client_id}/{record_type}";
/// Record types of others that the caller may read.
pub const POLICY_INCOMING: &str = "/v1/storage/policy/incoming";
/// Record types of the caller that others may read.
pub const POLICY_OUTGOING: &str = "/v1/storage/policy/outgoing";
/// Clients that may share on the caller's behalf.
pub const POLICY_PROXIES: &str = "/v1/storage/policy/proxies";
/// Writers on whose behalf the caller may share.
pub const POLICY_GRANTED: &str = "/v1/storage/policy/granted";
/// Make a group (POST); list groups (GET).
pub const GROUPS: &str = "/v2/storage/groups";
/// Read many groups (POST).
pub const GROUPS_BULK: &str = "/v2/storage/groups/bulk";
/// List the members of many groups (POST).
pub const GROUPS_BULK_MEMBERS: &str = "/v2/storage/groups/bulk/members";
/// List what is shared with many groups (POST).
pub const GROUPS_BULK_SHARE: &str = "/v2/storage/groups/bulk/share";
/// Groups that may read types of the caller.
pub const GROUPS_ALLOWED_READERS: &str = "/v2/storage/groups/allowed_readers";
/// Groups that types of the caller are shared with, and whether they may edit.
pub const GROUPS_ALLOWED_EDIT: &str = "/v2/storage/groups/allowed_edit";
/// In which groups a client may do what.
pub const GROUPS_OF_CLIENT: &str = "/v2/storage/groups/client/{client_id}";
/// What a client may do in which groups.
pub const GROUPS_CAPABILITIES: &str = "/v2/storage/groups/capabilities/{client_id}";
/// Groups of one kind that a client alone manages.
pub const GROUPS_OWNED: &str = "/v2/storage/flow/groups/{client_id}/owned";
/// Read, describe or delete a group.
pub const GROUP: &str = "/v2/storage/groups/{group_id}";
/// Read the caller's key to a group.
pub const GROUP_MEMBERSHIP_KEY: &str = "/v2/storage/groups/{group_id}/membership_key";
/// Add, update, remove or list members.
pub const GROUP_MEMBERS: &str = "/v2/storage/groups/{group_id}/members";
/// Share with a group, withdraw that, or list what is shared.
pub const GROUP_SHARE: &str = "/v2/storage/groups/{group_id}/share";
/// Replace a record of a known version that was shared with a group for editing.
pub const GROUP_RECORD: &str = "/v1/storage/groups/{group_id}/records/safe/{record_id}/{version}";
/// Write a note (POST), replace one by name (PUT), read one (GET with `note_id` or `id_string`).
pub const NOTES: &str = "/v2/storage/notes";
/// Delete a note.
pub const NOTE: &str = "/v2/storage/notes/{note_id}";
/// How often a note may still be read.
pub const NOTE_VIEWS: &str = "/v2/storage/notes/views";
/// Ask for what a note's extended policies want.
pub const NOTE_CHALLENGE: &str = "/v2/storage/notes/challenge";
/// Make a code for a note that wants one.
pub const NOTE_PRIME: &str = "/v2/storage/notes/prime";
/// Announce a note with a file (POST).
pub const NOTE_FILES: &str = "/v2/storage/notes/files";
/// Commit a note with a file (PATCH).
pub const NOTE_FILE: &str = "/v2/storage/notes/files/{file_id}";
/// List the notes that go with a record.
pub const RECORD_NOTES: &str = "/v2/storage/notes/{record_id}/view";
/// Delete the notes that go with a record.
pub const RECORD_NOTES_DELETE: &str = "/v2/storage/notes/{record_id}/records";
/// The same, as another client writes it.
pub const RECORD_NOTE_DELETE: &str = "/v2/storage/notes/{record_id}/record";

/// All but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path of [`RECORD`]. `fields`, if there are any, are the only ones that a read answers with.
pub fn record(id: RecordId, fields: &[&str]) -> String {
    let mut path = fill(RECORD, &[&id]);
    for (index, field) in fields.iter().enumerate() {
        path.push_str(if index == 0 { "?field=" } else { "&field=" });
        path.push_str(&segment(field));
    }
    path
}

/// Path of [`RECORD_SAFE`].
pub fn record_safe(id: RecordId, version: Version) -> String {
    fill(RECORD_SAFE, &[&id, &version])
}

/// Path of [`RECORD_EDIT`].
pub fn record_edit(id: RecordId, version: Version) -> String {
    fill(RECORD_EDIT, &[&id, &version])
}

/// Path of [`FILE`] for a record.
pub fn file(id: RecordId) -> String {
    fill(FILE, &[&id])
}

/// Path of [`FILE`] for what was announced.
pub fn pending_file(id: PendingFileId) -> String {
    fill(FILE, &[&id])
}

/// Path of [`FILE_VERSION`].
pub fn file_version(id: RecordId, version: Version) -> String {
    fill(FILE_VERSION, &[&id, &version])
}

/// Path of [`FILE_EDIT`].
pub fn file_edit(id: RecordId, version: Version) -> String {
    fill(FILE_EDIT, &[&id, &version])
}

/// Path of [`FILE_EDIT_COMMIT`].
pub fn file_edit_commit(id: RecordId, version: Version, pending: PendingFileId) -> String {
    fill(FILE_EDIT_COMMIT, &[&id, &version, &pending])
}

/// Path of [`FILE_BYTES`].
pub fn file_bytes(token: &str) -> String {
    fill(FILE_BYTES, &[&token])
}

/// Path of [`NOTE_FILE`].
pub fn note_file(id: PendingFileId) -> String {
    fill(NOTE_FILE, &[&id])
}

/// Path of [`NOTE`].
pub fn note(id: NoteId) -> String {
    fill(NOTE, &[&id])
}

/// Path of [`RECORD_NOTES`].
pub fn record_notes(id: RecordId) -> String {
    fill(RECORD_NOTES, &[&id])
}

/// Path of [`RECORD_NOTES_DELETE`].
pub fn record_notes_delete(id: RecordId) -> String {
    fill(RECORD_NOTES_DELETE, &[&id])
}

/// Path of [`ACCESS_KEY`].
pub fn access_key(writer: ClientId, user: ClientId, reader: ClientId, record_type: &RecordType) -> String {
    fill(ACCESS_KEY, &[&writer, &user, &reader, record_type])
}

/// Path of [`READER_ACCESS_KEY`].
pub fn reader_access_key(
    writer: ClientId,
    user: ClientId,
    reader: ClientId,
    record_type: &RecordType,
) -> String {
    fill(READER_ACCESS_KEY, &[&writer, &user, &reader, record_type])
}

/// Path of [`POLICY`].
pub fn policy(user: ClientId, writer: ClientId, client: ClientId, record_type: &RecordType) -> String {
    fill(POLICY, &[&user, &writer, &client, record_type])
}

/// Path of [`POLICY_AUTHORIZER`].
pub fn policy_authorizer(user: ClientId, writer: ClientId, client: ClientId) -> String {
    fill(POLICY_AUTHORIZER, &[&user, &writer, &client])
}

/// Path of [`READER_POLICY`].
pub fn reader_policy(writer: ClientId, user: ClientId, client: ClientId, record_type: &RecordType) -> String {
    fill(READER_POLICY, &[&writer, &user, &client, record_type])
}

/// Path of [`GROUP`], [`GROUP_MEMBERSHIP_KEY`], [`GROUP_MEMBERS`] or [`GROUP_SHARE`].
pub fn of_group(pattern: &str, id: GroupId) -> String {
    fill(pattern, &[&id])
}

/// Path of [`GROUP_RECORD`].
pub fn group_record(group: GroupId, id: RecordId, version: Version) -> String {
    fill(GROUP_RECORD, &[&group, &id, &version])
}

/// A text as one segment of a path, or as one value of a query.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn fill(pattern: &str, values: &[&dyn Display]) -> String {
    let mut values = values.iter();
    let fill_one = |part: &str| match part.strip_prefix('{').and_then(|_| values.next()) {
        Some(value) => segment(&value.to_string()),
        None => part.to_owned(),
    };
    pattern.split('/').map(fill_one).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    const ID: &str = "a1111111-1111-4111-8111-111111111111";

    #[test]
    fn paths_are_those_of_the_protocol() {
        let (client, record_id, version) = (ID.parse().unwrap(), ID.parse().unwrap(), ID.parse().unwrap());
        let record_type = RecordType::new("a/b c+d?é").unwrap();
        let encoded = "a%2Fb%20c%2Bd%3F%C3%A9";
        assert_eq!(record(record_id, &[]), format!("/v1/storage/records/{ID}"));
        assert_eq!(
            record(record_id, &["a b", "c&d"]),
            format!("/v1/storage/records/{ID}?field=a%20b&field=c%26d")
        );
        assert_eq!(record_safe(record_id, version), format!("/v1/storage/records/safe/{ID}/{ID}"));
        assert_eq!(record_edit(record_id, version), format!("/v1/storage/records/safe/edit/{ID}/{ID}"));
        let key = access_key(client, client, client, &record_type);
        assert_eq!(key, format!("/v1/storage/access_keys/{ID}/{ID}/{ID}/{encoded}"));
        let key = reader_access_key(client, client, client, &record_type);
        assert_eq!(key, format!("/v1/storage/access_keys/reader/{ID}/{ID}/{ID}/{encoded}"));
        let path = policy(client, client, client, &record_type);
        assert_eq!(path, format!("/v1/storage/policy/{ID}/{ID}/{ID}/{encoded}"));
        let path = reader_policy(client, client, client, &record_type);
        assert_eq!(path, format!("/v1/storage/policy/reader/{ID}/{ID}/{ID}/{encoded}"));
        assert_eq!(policy_authorizer(client, client, client), format!("/v1/storage/policy/{ID}/{ID}/{ID}"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_one_segment_and_decodes_back(text in ".*") {
            let encoded = segment(&text);
            proptest::prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            proptest::prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), text);
        }
    }
}
