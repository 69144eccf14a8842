//! Targets of `api`: nothing panics, limits hold, and what is read and written again stays the same.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tozstore_api::sealed::{self, SealedBody};
use tozstore_api::{
    BatchRequest, BulkDelete, BulkDeleted, FileMeta, FileUpdate, FileWrite, Grant, KeySet, ListFiles,
    MAX_EXTENDED_POLICY_BYTES, MAX_FIELD_NAME_BYTES, MAX_RECORD_FIELDS, NoteWrite, PendingFile, Plain,
    PolicyChange, PrimeNote, PutAccessKey, RecordNotes, RecordWrite, SearchRequest, SearchResponse,
    SharePageRequest, TermSearchRequest, TermSearchResponse, paths,
};

/// `api_access_key`: bodies of access keys.
pub fn api_access_key(data: &[u8]) {
    round_trip::<PutAccessKey>(data);
    round_trip::<tozstore_api::AccessKey>(data);
    round_trip::<KeySet>(data);
}

/// `api_file`: bodies of files and of lists of them.
pub fn api_file(data: &[u8]) {
    if let Some(body) = round_trip::<FileWrite>(data) {
        assert!(body.data.len() <= MAX_RECORD_FIELDS);
    }
    round_trip::<FileUpdate>(data);
    round_trip::<FileMeta>(data);
    round_trip::<PendingFile>(data);
    round_trip::<ListFiles>(data);
}

/// `api_group`: bodies about groups and their members, and answers that carry keys.
pub fn api_group(data: &[u8]) {
    round_trip::<tozstore_api::CreateGroup>(data);
    round_trip::<tozstore_api::DescribeGroup>(data);
    round_trip::<tozstore_api::AddMembers>(data);
    round_trip::<tozstore_api::UpdateMembers>(data);
    round_trip::<tozstore_api::RemoveMembers>(data);
    round_trip::<tozstore_api::GroupIds>(data);
    if let Some(body) = round_trip::<tozstore_api::ShareWithGroup>(data) {
        assert!(!body.record_id.is_empty() || !body.is_of_one_record());
    }
    if let Some(body) = round_trip::<tozstore_api::UnshareWithGroup>(data) {
        assert!(!body.writer_id.is_empty() || body.writer() == Ok(None));
    }
    round_trip::<tozstore_api::GroupRecords>(data);
    round_trip::<tozstore_api::RecordsByGroup>(data);
}

/// `api_hook`: bodies of hooks, and of deliveries to them.
pub fn api_hook(data: &[u8]) {
    round_trip::<tozstore_api::NewHook>(data);
    round_trip::<tozstore_api::HookList>(data);
    round_trip::<tozstore_api::HookDelivery>(data);
}

/// `api_note`: bodies of notes, with their policies, and of codes.
pub fn api_note(data: &[u8]) {
    if let Some(body) = round_trip::<NoteWrite>(data) {
        assert!(body.data.len() <= MAX_RECORD_FIELDS);
        assert!(body.eacp.to_json().len() <= 2 * MAX_EXTENDED_POLICY_BYTES + 256);
    }
    round_trip::<tozstore_api::Note>(data);
    round_trip::<RecordNotes>(data);
    round_trip::<PrimeNote>(data);
    round_trip::<tozstore_api::ChallengeNote>(data);
    let _ = serde_json::from_slice::<tozstore_api::EmailPolicy>(data);
}

/// `api_path`: record types in paths.
pub fn api_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let segment = paths::segment(text);
    assert!(!segment.contains(['/', '?', '#', '+', ' ']));
    let decoded = percent_encoding::percent_decode_str(&segment).decode_utf8();
    assert_eq!(decoded.as_deref(), Ok(text));
}

/// `api_policy`: bodies of policies, and of listings of them.
pub fn api_policy(data: &[u8]) {
    round_trip::<SharePageRequest>(data);
    if let Some(change) = round_trip::<PolicyChange>(data) {
        assert!(!change.allow.is_empty() || !change.deny.is_empty());
        for grant in [Grant::Authorizer, Grant::Edit, Grant::Read] {
            assert!(!change.allow.contains(grant) || !change.deny.contains(grant));
        }
    }
}

/// `api_record`: bodies of records.
pub fn api_record(data: &[u8]) {
    if let Some(body) = round_trip::<RecordWrite>(data) {
        assert!(body.data.len() <= MAX_RECORD_FIELDS);
        assert!(body.data.fields().all(|(name, _)| name.len() <= MAX_FIELD_NAME_BYTES));
    }
    round_trip::<tozstore_api::Record>(data);
    round_trip::<BulkDelete>(data);
    round_trip::<BulkDeleted>(data);
}

/// `api_sealed`: bodies of the sealed format. The first byte says which.
pub fn api_sealed(data: &[u8]) {
    let _ = is_sealed_body(data);
}

/// Whether the bytes behind the first one are such a body.
pub fn is_sealed_body(data: &[u8]) -> bool {
    let Some((&which, data)) = data.split_first() else { return false };
    let targets: [fn(&[u8]) -> bool; 24] = [
        has_one_encoding::<sealed::Append>,
        has_one_encoding::<sealed::Stage>,
        has_one_encoding::<sealed::EntryPage>,
        has_one_encoding::<sealed::WrapSteps>,
        has_one_encoding::<sealed::RecordWrite>,
        has_one_encoding::<sealed::RecordView>,
        has_one_encoding::<sealed::RecordPage>,
        has_one_encoding::<sealed::Rewraps>,
        has_one_encoding::<sealed::WriteResults>,
        has_one_encoding::<sealed::BundlePage>,
        has_one_encoding::<sealed::BundleHeads>,
        has_one_encoding::<sealed::ReadRecords>,
        has_one_encoding::<sealed::SealedLinks>,
        has_one_encoding::<sealed::OwnLogs>,
        has_one_encoding::<sealed::Shares>,
        has_one_encoding::<sealed::StageState>,
        has_one_encoding::<sealed::StaleRecords>,
        has_one_encoding::<sealed::RecordViews>,
        has_one_encoding::<sealed::RewrapResults>,
        has_one_encoding::<sealed::RecordWrites>,
        has_one_encoding::<sealed::WrapPage>,
        has_one_encoding::<sealed::StageCommit>,
        has_one_encoding::<sealed::CensusLeaves>,
        has_one_encoding::<sealed::CensusPage>,
    ];
    targets.get(usize::from(which)).is_some_and(|target| target(data))
}

/// Whatever is read is written the same.
fn has_one_encoding<T: SealedBody>(data: &[u8]) -> bool {
    let Ok(body) = T::from_bytes(data) else { return false };
    assert_eq!(body.to_bytes().unwrap(), data);
    true
}

/// `api_search`: bodies of searches and batches, and their answers.
pub fn api_search(data: &[u8]) {
    if let Some(expression) = round_trip::<SearchRequest>(data).and_then(|request| request.plain) {
        // A required equality cannot hold where there is nothing.
        assert!(expression.required_equality().is_none() || !expression.matches(&Plain::default()));
    }
    round_trip::<BatchRequest>(data);
    round_trip::<SearchResponse>(data);
}

/// `api_term_search`: bodies of searches by terms, and their answers.
pub fn api_term_search(data: &[u8]) {
    round_trip::<TermSearchRequest>(data);
    round_trip::<TermSearchResponse>(data);
}

/// What the text stands for, if it stands for something. Its own text must stand for the same, and not change again.
fn round_trip<T: Serialize + DeserializeOwned>(data: &[u8]) -> Option<T> {
    let value = serde_json::from_slice::<T>(data).ok()?;
    let text = serde_json::to_string(&value).unwrap();
    let again = serde_json::from_str::<T>(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    Some(again)
}
