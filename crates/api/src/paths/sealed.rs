//! Paths of the sealed format: `docs/formats/sealed.md`, section 19, says who may, and what goes in and comes out.

use tozstore_crypto::sealed::{Digest, TypeName};
use tozstore_crypto::{ClientId, RecordId};

use super::{fill, segment};

/// What a client has to know of the store before it signs anything (GET).
pub const SEALED_STORE: &str = "/v3/store";
/// Put a bundle in its place in the client's chain (PUT).
pub const SEALED_BUNDLE: &str = "/v3/clients/{client_id}/bundles/{sequence}";
/// A client's chain of bundles (GET, `after`).
pub const SEALED_BUNDLES: &str = "/v3/clients/{client_id}/bundles";
/// The newest bundles of many clients (POST).
pub const SEALED_BUNDLE_HEADS: &str = "/v3/bundles";
/// Append an entry to the log of a type (POST); read on in it (GET, `after`, `limit`).
pub const SEALED_LOG: &str = "/v3/logs/{writer_id}/{record_type}";
/// The caller's way to the newest access keys (GET), or the writer's own older wraps (`below`).
pub const SEALED_LOG_WRAP: &str = "/v3/logs/{writer_id}/{record_type}/wrap";
/// Links from newer access keys to older ones (GET, `segment`, `below`).
pub const SEALED_LOG_LINKS: &str = "/v3/logs/{writer_id}/{record_type}/links";
/// The leaves of the newest census (GET, `first`).
pub const SEALED_LOG_CENSUS: &str = "/v3/logs/{writer_id}/{record_type}/census";
/// Send leaves of a census that is to be (PUT).
pub const SEALED_LOG_CENSUS_PAGE: &str = "/v3/logs/{writer_id}/{record_type}/censuses/{root}/{first}";
/// Stage an entry whose wraps come in pages (POST).
pub const SEALED_LOG_STAGES: &str = "/v3/logs/{writer_id}/{record_type}/stages";
/// What is still missing of a stage (GET); give it up (DELETE).
pub const SEALED_STAGE: &str = "/v3/stages/{digest}";
/// Send wraps of a stage (PUT).
pub const SEALED_STAGE_WRAPS: &str = "/v3/stages/{digest}/wraps/{first}";
/// Append what was staged (POST).
pub const SEALED_STAGE_COMMIT: &str = "/v3/stages/{digest}/commit";
/// The caller's own types (GET, `after`).
pub const SEALED_LOGS: &str = "/v3/logs";
/// Types of others that the caller may read (GET, `after`).
pub const SEALED_SHARES: &str = "/v3/shares";
/// Write a version of a record (PUT); read the newest (GET, `field`).
pub const SEALED_RECORD: &str = "/v3/records/{writer_id}/{record_type}/{record_id}";
/// Write many versions (POST); list records by page (GET, `after`, `limit`, `fields`, `deleted`).
pub const SEALED_RECORDS: &str = "/v3/records/{writer_id}/{record_type}";
/// Read many records (POST).
pub const SEALED_RECORDS_READ: &str = "/v3/records/{writer_id}/{record_type}/read";
/// Records whose data keys hang on an older epoch than their segment's newest (GET, `after`).
pub const SEALED_RECORDS_STALE: &str = "/v3/records/{writer_id}/{record_type}/stale";
/// Exchange wrapped data keys (POST).
pub const SEALED_RECORDS_REWRAPS: &str = "/v3/records/{writer_id}/{record_type}/rewraps";

/// Path of [`SEALED_BUNDLE`].
pub fn sealed_bundle(client: ClientId, sequence: u32) -> String {
    fill(SEALED_BUNDLE, &[&client, &sequence])
}

/// Path of [`SEALED_BUNDLES`]: the bundles behind number `after`, or from the first on.
pub fn sealed_bundles(client: ClientId, after: Option<u32>) -> String {
    let path = fill(SEALED_BUNDLES, &[&client]);
    after.map_or_else(|| path.clone(), |after| format!("{path}?after={after}"))
}

/// Path of [`SEALED_LOG`] to append.
pub fn sealed_log(writer: ClientId, record_type: &TypeName) -> String {
    fill(SEALED_LOG, &[&writer, record_type])
}

/// Path of [`SEALED_LOG`] to read: entries behind position `after`, or from the first on.
pub fn sealed_entries(writer: ClientId, record_type: &TypeName, after: Option<u64>) -> String {
    let path = sealed_log(writer, record_type);
    after.map_or_else(|| path.clone(), |after| format!("{path}?after={after}"))
}

/// Path of [`SEALED_LOG_WRAP`]; with `below`, of the writer's own wraps before that position.
pub fn sealed_log_wrap(writer: ClientId, record_type: &TypeName, below: Option<u64>) -> String {
    let path = fill(SEALED_LOG_WRAP, &[&writer, record_type]);
    below.map_or_else(|| path.clone(), |below| format!("{path}?below={below}"))
}

/// Path of [`SEALED_LOG_LINKS`]: links of epochs of that segment with numbers below `below`, falling.
pub fn sealed_log_links(writer: ClientId, record_type: &TypeName, segment: u32, below: u64) -> String {
    let path = fill(SEALED_LOG_LINKS, &[&writer, record_type]);
    format!("{path}?segment={segment}&below={below}")
}

/// Path of [`SEALED_LOG_STAGES`].
pub fn sealed_log_stages(writer: ClientId, record_type: &TypeName) -> String {
    fill(SEALED_LOG_STAGES, &[&writer, record_type])
}

/// Path of [`SEALED_STAGE`]; a stage is named by the digest of its entry.
pub fn sealed_stage(entry: Digest) -> String {
    fill(SEALED_STAGE, &[&entry])
}

/// Path of [`SEALED_STAGE_WRAPS`], for a page that begins with wrap number `first`.
pub fn sealed_stage_wraps(entry: Digest, first: u32) -> String {
    fill(SEALED_STAGE_WRAPS, &[&entry, &first])
}

/// Path of [`SEALED_STAGE_COMMIT`].
pub fn sealed_stage_commit(entry: Digest) -> String {
    fill(SEALED_STAGE_COMMIT, &[&entry])
}

/// Path of [`SEALED_LOGS`]: own types behind the one named `after`, or from the first on.
pub fn sealed_logs(after: Option<&TypeName>) -> String {
    after.map_or_else(
        || SEALED_LOGS.to_owned(),
        |after| format!("{SEALED_LOGS}?after={}", segment(after.as_str())),
    )
}

/// Path of [`SEALED_SHARES`]: types behind this one, or from the first on. The order is by writer, then by name.
pub fn sealed_shares(after: Option<(ClientId, &TypeName)>) -> String {
    after.map_or_else(
        || SEALED_SHARES.to_owned(),
        |(writer, name)| format!("{SEALED_SHARES}?after={writer}%2F{}", segment(name.as_str())),
    )
}

/// Path of [`SEALED_RECORD`]. `fields`, if there are any, are the only ones that a read answers with in full: names as
/// they stand in records, hidden ones in base64url.
pub fn sealed_record(writer: ClientId, record_type: &TypeName, record: RecordId, fields: &[&str]) -> String {
    let mut path = fill(SEALED_RECORD, &[&writer, record_type, &record]);
    for (index, field) in fields.iter().enumerate() {
        path.push_str(if index == 0 { "?field=" } else { "&field=" });
        path.push_str(&segment(field));
    }
    path
}

/// Path of [`SEALED_RECORDS`] to write many.
pub fn sealed_records(writer: ClientId, record_type: &TypeName) -> String {
    fill(SEALED_RECORDS, &[&writer, record_type])
}

/// A page of [`SEALED_RECORDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SealedRecordsPage {
    /// Where the page before ended; 0 for the first.
    pub after: u64,
    /// At most so many.
    pub limit: Option<u32>,
    /// Leaves in the place of all fields.
    pub without_fields: bool,
    /// Tombstones too.
    pub with_deleted: bool,
}

/// Path of [`SEALED_RECORDS`] to list.
pub fn sealed_records_page(writer: ClientId, record_type: &TypeName, page: SealedRecordsPage) -> String {
    let mut path = format!("{}?after={}", sealed_records(writer, record_type), page.after);
    if let Some(limit) = page.limit {
        path.push_str(&format!("&limit={limit}"));
    }
    if page.without_fields {
        path.push_str("&fields=none");
    }
    if page.with_deleted {
        path.push_str("&deleted=1");
    }
    path
}

/// Path of [`SEALED_RECORDS_READ`].
pub fn sealed_records_read(writer: ClientId, record_type: &TypeName) -> String {
    fill(SEALED_RECORDS_READ, &[&writer, record_type])
}

/// Path of [`SEALED_RECORDS_STALE`]: records behind this id, or from the first on.
pub fn sealed_records_stale(writer: ClientId, record_type: &TypeName, after: Option<RecordId>) -> String {
    let path = fill(SEALED_RECORDS_STALE, &[&writer, record_type]);
    after.map_or_else(|| path.clone(), |after| format!("{path}?after={after}"))
}

/// Path of [`SEALED_RECORDS_REWRAPS`].
pub fn sealed_records_rewraps(writer: ClientId, record_type: &TypeName) -> String {
    fill(SEALED_RECORDS_REWRAPS, &[&writer, record_type])
}

/// Path of [`SEALED_LOG_CENSUS`]: leaves from number `first` on.
pub fn sealed_log_census(writer: ClientId, record_type: &TypeName, first: u64) -> String {
    format!("{}?first={first}", fill(SEALED_LOG_CENSUS, &[&writer, record_type]))
}

/// Path of [`SEALED_LOG_CENSUS_PAGE`], for leaves from number `first` on of the tree with this root.
pub fn sealed_log_census_page(writer: ClientId, record_type: &TypeName, root: Digest, first: u64) -> String {
    fill(SEALED_LOG_CENSUS_PAGE, &[&writer, record_type, &root, &first])
}
