//! Sealed records: versions, keys, who sees what.

use http::Method;
use tozstore_api::paths::{self, SealedRecordsPage};
use tozstore_api::sealed::{
    ReadRecords, RecordPage, RecordView, RecordViews, RecordWrite, RecordWrites, Rewrap, RewrapResult,
    RewrapResults, Rewraps, StaleRecords, WriteResults,
};
use tozstore_crypto::RecordId;
use tozstore_crypto::sealed::{
    BundleReason, DataKey, Digest, FieldBody, FieldForm, FieldName, FieldToSeal, LogPosition, Names, Plain,
    RecordDraft, RecordPlace, Rights, WrappedDataKey,
};

use super::fixture::{Answer, Fixture};
use super::sealed_fixture::{SealedClient, code};
use super::sealed_logs::{Plan, TestLog, grant, remove};

/// A version under way, with the key that a re-wrap needs.
pub struct TestVersion {
    pub write: RecordWrite,
    pub data_key: DataKey,
    pub place: RecordPlace,
}

pub fn version(
    log: &TestLog,
    author: &SealedClient,
    record: RecordId,
    (number, previous): (u64, Option<Digest>),
    basis: LogPosition,
) -> TestVersion {
    let place = RecordPlace { record_type: log.place.clone(), record, version: number };
    let draft = draft(log, author, record, (number, previous), basis);
    let field = |name| FieldToSeal { name, form: FieldForm::Text, value: b"value" };
    let plain = Plain::new(vec![("k".to_owned(), number.to_string())]).unwrap();
    let data_key = DataKey::generate();
    let record = draft.seal(
        Names::Shown,
        &[field("a"), field("b")],
        plain,
        None,
        &data_key,
        &author.keys.signing_key(),
    );
    let write = RecordWrite { record: record.unwrap(), key: wrap(log, &place, &data_key), upload: None };
    TestVersion { write, data_key, place }
}

fn draft(
    log: &TestLog,
    author: &SealedClient,
    record: RecordId,
    (number, previous): (u64, Option<Digest>),
    basis: LogPosition,
) -> RecordDraft {
    RecordDraft {
        place: RecordPlace { record_type: log.place.clone(), record, version: number },
        previous,
        author: author.id(),
        author_bundle: author.link.bundle().digest(),
        basis,
        written_ms: 1,
    }
}

/// A data key under the newest epoch of the current segment.
fn wrap(log: &TestLog, place: &RecordPlace, data_key: &DataKey) -> WrappedDataKey {
    let segment = log.epochs.len() - 1;
    log.key(segment.try_into().unwrap()).wrapping_key(log.epochs[segment]).wrap(place, data_key)
}

pub async fn put(fixture: &Fixture, by: &SealedClient, log: &TestLog, write: &RecordWrite) -> Answer {
    let record = write.record.version.object().place.record;
    let path = paths::sealed_record(log.place.writer, log.name(), record, &[]);
    fixture.sealed_body(by, Method::PUT, &path, write).await
}

pub async fn get(fixture: &Fixture, by: &SealedClient, log: &TestLog, record: RecordId) -> Answer {
    fixture.sealed_get(by, &paths::sealed_record(log.place.writer, log.name(), record, &[])).await
}

async fn page(fixture: &Fixture, by: &SealedClient, log: &TestLog, page: SealedRecordsPage) -> RecordPage {
    fixture.sealed_get(by, &paths::sealed_records_page(log.place.writer, log.name(), page)).await.encoded()
}

fn places(page: &RecordPage) -> Vec<(RecordId, u64)> {
    let place = |view: &RecordView| {
        let place = &view.record.version.object().place;
        (place.record, place.version)
    };
    page.records.iter().map(place).collect()
}

#[tokio::test]
async fn writing_is_idempotent_and_versions_are_counted() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let log = TestLog::begin(&fixture, &writer, "t").await;
    let (record, head) = (RecordId::random(), log.head.unwrap());
    let first = version(&log, &writer, record, (1, None), head).write;
    let digest = first.record.version.digest();
    assert_eq!(get(&fixture, &writer, &log, record).await.failure(), code(404, "not_found"));
    assert_eq!(put(&fixture, &writer, &log, &first).await.status, 201);
    assert_eq!(put(&fixture, &writer, &log, &first).await.status, 200);
    let view: RecordView = get(&fixture, &writer, &log, record).await.encoded();
    assert_eq!((view.record, view.key), (first.record.clone(), first.key.clone()));

    // The same place with other bytes, a version that skips one, one that follows another.
    for (number, previous) in [(1, None), (3, Some(digest)), (2, Some(Digest::from_bytes([0; 32])))] {
        let other = version(&log, &writer, record, (number, previous), head).write;
        let answer = put(&fixture, &writer, &log, &other).await;
        assert_eq!(answer.failure(), code(409, "version_conflict"), "{number}");
        let body = answer.failure_body();
        assert_eq!((body.version, body.digest), (Some(1), Some(digest)));
    }
    let unknown = version(&log, &writer, RecordId::random(), (2, Some(digest)), head).write;
    let answer = put(&fixture, &writer, &log, &unknown).await;
    assert_eq!((answer.failure(), answer.failure_body().version), (code(409, "version_conflict"), Some(0)));

    let second = version(&log, &writer, record, (2, Some(digest)), head).write;
    assert_eq!(put(&fixture, &writer, &log, &second).await.status, 201);
    // The first again, whose answer was lost, is success still.
    assert_eq!(put(&fixture, &writer, &log, &first).await.status, 200);
    let tombstone = draft(&log, &writer, record, (3, Some(second.record.version.digest())), head);
    let tombstone = RecordWrite::of_tombstone(tombstone.delete(&writer.keys.signing_key()).unwrap());
    assert_eq!(put(&fixture, &writer, &log, &tombstone).await.status, 201);
    assert_eq!(put(&fixture, &writer, &log, &tombstone).await.status, 200);
    let after = version(&log, &writer, record, (4, Some(tombstone.record.version.digest())), head).write;
    assert_eq!(put(&fixture, &writer, &log, &after).await.failure(), code(409, "deleted"));
    let view: RecordView = get(&fixture, &writer, &log, record).await.encoded();
    assert_eq!((view.record, view.key), (tombstone.record, tombstone.key));
}

#[tokio::test]
async fn what_is_not_signed_so_is_refused() {
    let fixture = Fixture::new().await;
    let (writer, stranger) = (fixture.sealed_client("writer").await, fixture.sealed_client("stranger").await);
    let log = TestLog::begin(&fixture, &writer, "t").await;
    let head = log.head.unwrap();
    let made = || version(&log, &writer, RecordId::random(), (1, None), head).write;
    let one = made();
    assert_eq!(put(&fixture, &stranger, &log, &one).await.failure(), code(404, "not_found"));
    // Fields or plain metadata of another version.
    let other = made();
    let mut mixed = one.clone();
    mixed.record.fields = other.record.fields.clone();
    assert_eq!(put(&fixture, &writer, &log, &mixed).await.failure(), code(400, "bad_digest"));
    let mut mixed = one.clone();
    mixed.record.plain = Plain::default();
    assert_eq!(put(&fixture, &writer, &log, &mixed).await.failure(), code(400, "bad_digest"));
    // Another record than the path says.
    let path = paths::sealed_record(writer.id(), log.name(), RecordId::random(), &[]);
    let moved = fixture.sealed_body(&writer, Method::PUT, &path, &one).await;
    assert_eq!(moved.failure(), code(400, "malformed"));
    // By keys that are not the author's.
    let impostor = SealedClient {
        client: super::sealed_bundles::copy(&writer.client),
        keys: tozstore_crypto::sealed::ClientKeys::generate(),
        link: writer.link.clone(),
    };
    let forged = version(&log, &impostor, RecordId::random(), (1, None), head).write;
    assert_eq!(put(&fixture, &writer, &log, &forged).await.failure(), code(400, "bad_signature"));
    // By a basis that is not in the log.
    for basis in
        [LogPosition { position: 7, ..head }, LogPosition { digest: Digest::from_bytes([7; 32]), ..head }]
    {
        let lost = version(&log, &writer, RecordId::random(), (1, None), basis).write;
        let answer = put(&fixture, &writer, &log, &lost).await;
        assert_eq!((answer.failure(), answer.failure_body().position), (code(409, "basis_unknown"), Some(0)));
    }
    let mut file = one.clone();
    file.upload = Some([1; 16]);
    assert_eq!(put(&fixture, &writer, &log, &file).await.failure(), code(501, "not_here"));
    let no_log = TestLog::new(&fixture, &writer, "u");
    assert_eq!(get(&fixture, &writer, &no_log, RecordId::random()).await.failure(), code(404, "not_found"));
    assert_eq!(page(&fixture, &writer, &log, SealedRecordsPage::default()).await.records, []);
}

#[tokio::test]
async fn a_write_under_an_older_epoch_is_wrapped_anew_and_sent_again() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let reader = fixture.sealed_client("reader").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let plan = Plan { private: vec![grant(&reader, Rights::READ, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    let written = version(&log, &writer, RecordId::random(), (1, None), log.head.unwrap());
    assert_eq!(put(&fixture, &writer, &log, &written.write).await.status, 201);
    let under_way = version(&log, &writer, RecordId::random(), (1, None), log.head.unwrap());
    let plan = Plan { private: vec![remove(&reader)], epochs: vec![0], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[], plan).await;
    let answer = put(&fixture, &writer, &log, &under_way.write).await;
    assert_eq!(answer.failure(), code(409, "epoch_old"));
    let body = answer.failure_body();
    assert_eq!((body.position, body.digest), (Some(2), Some(log.head.unwrap().digest)));
    assert_eq!(body.epoch, Some(Digest::from_bytes(*log.epochs[0].as_bytes())));
    let again =
        RecordWrite { key: wrap(&log, &under_way.place, &under_way.data_key), ..under_way.write.clone() };
    assert_eq!(put(&fixture, &writer, &log, &again).await.status, 201);

    // Completion: what was written before is exchanged, once, and within its segment.
    let stale: StaleRecords = fixture
        .sealed_get(&writer, &paths::sealed_records_stale(writer.id(), log.name(), None))
        .await
        .encoded();
    assert_eq!((stale.left, stale.next, stale.records.len()), (1, None, 1));
    assert_eq!(stale.records[0].version, written.write.record.version);
    let rewrap = Rewrap {
        record: written.place.record,
        version: 1,
        replaces: stale.records[0].key.digest(),
        key: wrap(&log, &written.place, &written.data_key),
    };
    let path = paths::sealed_records_rewraps(writer.id(), log.name());
    let send = async |by: &SealedClient, rewraps: Vec<Rewrap>| {
        fixture.sealed_body(by, Method::POST, &path, &Rewraps(rewraps)).await
    };
    assert_eq!(send(&reader, vec![rewrap.clone()]).await.failure(), code(404, "not_found"));
    let old_epoch = Rewrap { key: written.write.key.clone(), replaces: rewrap.replaces, ..rewrap.clone() };
    let lost = Rewrap { version: 2, ..rewrap.clone() };
    let absent = Rewrap { record: RecordId::random(), ..rewrap.clone() };
    let results: RewrapResults =
        send(&writer, vec![lost, absent, rewrap.clone(), rewrap.clone(), old_epoch]).await.encoded();
    let expected = [
        RewrapResult::Changed,
        RewrapResult::Changed,
        RewrapResult::Done,
        RewrapResult::Same,
        RewrapResult::Changed,
    ];
    assert_eq!(results.0, expected);
    let view: RecordView = get(&fixture, &writer, &log, written.place.record).await.encoded();
    assert_eq!((view.key, view.record), (rewrap.key, written.write.record));
    let stale: StaleRecords = fixture
        .sealed_get(&writer, &paths::sealed_records_stale(writer.id(), log.name(), None))
        .await
        .encoded();
    assert_eq!(stale, StaleRecords { left: 0, next: None, records: Vec::new() });
}

#[tokio::test]
async fn what_a_delegate_wraps_anew_is_not_the_last_word() {
    let fixture = Fixture::new().await;
    let (writer, delegate) = (fixture.sealed_client("writer").await, fixture.sealed_client("delegate").await);
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let plan = Plan { public: vec![grant(&delegate, Rights::ROTATE, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&delegate], plan).await;
    let written = version(&log, &writer, RecordId::random(), (1, None), log.head.unwrap());
    assert_eq!(put(&fixture, &writer, &log, &written.write).await.status, 201);
    let rotate = Plan { epochs: vec![0], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&delegate], rotate).await;
    let stale = async |by: &SealedClient| -> StaleRecords {
        let path = paths::sealed_records_stale(writer.id(), log.name(), None);
        fixture.sealed_get(by, &path).await.encoded()
    };
    let rewrap = async |by: &SealedClient, replaces: &WrappedDataKey, key: &WrappedDataKey| {
        let (record, replaces) = (written.place.record, replaces.digest());
        let body = Rewraps(vec![Rewrap { record, version: 1, replaces, key: key.clone() }]);
        let path = paths::sealed_records_rewraps(writer.id(), log.name());
        fixture.sealed_body(by, Method::POST, &path, &body).await.encoded::<RewrapResults>().0[0]
    };
    let old = written.write.key.clone();
    let good = wrap(&log, &written.place, &written.data_key);
    let rubbish = |byte| WrappedDataKey::new(log.epochs[0], &[byte; 72]);
    assert_eq!(rewrap(&delegate, &old, &rubbish(1)).await, RewrapResult::Done);
    assert_eq!(rewrap(&delegate, &rubbish(1), &rubbish(2)).await, RewrapResult::Done);
    // Readers get the newest; the writer is shown what there was, and nobody else may go back to it.
    let view: RecordView = get(&fixture, &writer, &log, written.place.record).await.encoded();
    assert_eq!(view.key, rubbish(2));
    assert_eq!(stale(&delegate).await.records, []);
    assert_eq!(rewrap(&delegate, &old, &good).await, RewrapResult::Changed);
    let listed = stale(&writer).await;
    assert_eq!((listed.left, &listed.records[0].key), (1, &old));
    assert_eq!(rewrap(&writer, &old, &good).await, RewrapResult::Done);
    assert_eq!(stale(&writer).await.records, []);
    let view: RecordView = get(&fixture, &writer, &log, written.place.record).await.encoded();
    assert_eq!(view.key, good);
}

#[tokio::test]
async fn parts_pages_and_batches() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let reader = fixture.sealed_client("reader").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let plan = Plan { private: vec![grant(&reader, Rights::READ, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    let head = log.head.unwrap();
    let ids: Vec<_> = (0..4).map(|_| RecordId::random()).collect();
    let versions: Vec<_> = ids.iter().map(|id| version(&log, &writer, *id, (1, None), head).write).collect();
    let mut bodies = versions.clone();
    // One of them is refused, the others are there.
    bodies[2].record.plain = Plain::default();
    let path = paths::sealed_records(writer.id(), log.name());
    let write_many = async |by: &SealedClient, bodies: Vec<RecordWrite>| {
        fixture.sealed_body(by, Method::POST, &path, &RecordWrites(bodies)).await
    };
    let results: WriteResults = write_many(&writer, bodies).await.encoded();
    let results: Vec<_> = results.0.into_iter().map(|result| (result.status, result.code)).collect();
    let (there, none) = ((201, String::new()), (400, "bad_digest".to_owned()));
    assert_eq!(results, [there.clone(), there.clone(), none, there]);
    let results: WriteResults = write_many(&writer, versions.clone()).await.encoded();
    let statuses: Vec<_> = results.0.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [200, 200, 201, 200]);
    // A reader may know of the type, and not write it.
    assert_eq!(put(&fixture, &reader, &log, &versions[0]).await.failure(), code(403, "forbidden"));

    let path = paths::sealed_record(writer.id(), log.name(), ids[0], &["a", "unknown"]);
    let part: RecordView = fixture.sealed_get(&reader, &path).await.encoded();
    let field = |view: &RecordView, name: &str| {
        view.record.fields.find(&FieldName::from_bytes(name.as_bytes()).unwrap()).cloned()
    };
    assert!(matches!(field(&part, "a"), Some(FieldBody::Sealed(_))));
    assert!(matches!(field(&part, "b"), Some(FieldBody::Leaf(_))));
    assert_eq!(part.record.fields.digest(), versions[0].record.fields.digest());

    let absent = RecordId::random();
    let path = paths::sealed_records_read(writer.id(), log.name());
    let views: RecordViews =
        fixture.sealed_body(&reader, Method::POST, &path, &ReadRecords(vec![ids[1], absent])).await.encoded();
    let found: Vec<_> = views.0.iter().map(|(id, view)| (*id, view.is_some())).collect();
    assert_eq!(found, [(ids[1], true), (absent, false)]);

    // In the order of writing: the third came last, then the first again.
    let second = version(&log, &writer, ids[0], (2, Some(versions[0].record.version.digest())), head).write;
    assert_eq!(put(&fixture, &writer, &log, &second).await.status, 201);
    let tombstone = draft(&log, &writer, ids[3], (2, Some(versions[3].record.version.digest())), head);
    let tombstone = RecordWrite::of_tombstone(tombstone.delete(&writer.keys.signing_key()).unwrap());
    assert_eq!(put(&fixture, &writer, &log, &tombstone).await.status, 201);
    let all = page(&fixture, &reader, &log, SealedRecordsPage::default()).await;
    assert_eq!((places(&all), all.next), (vec![(ids[1], 1), (ids[2], 1), (ids[0], 2)], 0));
    let with_deleted = SealedRecordsPage { with_deleted: true, without_fields: true, ..Default::default() };
    let all = page(&fixture, &reader, &log, with_deleted).await;
    assert_eq!(places(&all), [(ids[1], 1), (ids[2], 1), (ids[0], 2), (ids[3], 2)]);
    assert!(
        all.records
            .iter()
            .all(|view| { view.record.fields.iter().all(|(_, body)| matches!(body, FieldBody::Leaf(_))) })
    );
    let mut next = SealedRecordsPage { limit: Some(2), ..Default::default() };
    let first = page(&fixture, &reader, &log, next).await;
    assert_eq!(places(&first), [(ids[1], 1), (ids[2], 1)]);
    next.after = first.next;
    let second = page(&fixture, &reader, &log, next).await;
    assert_eq!((places(&second), second.next), (vec![(ids[0], 2)], 0));
    for query in ["fields=all", "deleted=0", "limit=0", "after=x", "unknown=1"] {
        let path = format!("{}?{query}", paths::sealed_records(writer.id(), log.name()));
        assert_eq!(fixture.sealed_get(&reader, &path).await.failure(), code(400, "malformed"), "{query}");
    }

    // Nothing of it is in the other format.
    let search = serde_json::json!({ "include_data": true });
    let found = fixture.call(&writer.client, Method::POST, paths::SEARCH, Some(search)).await;
    assert_eq!((found.code(), found.json()["results"].clone()), (200, serde_json::json!([])));
    let by_id = paths::record(ids[0], &[]);
    for method in [Method::GET, Method::DELETE] {
        let answer = fixture.call(&writer.client, method.clone(), &by_id, None).await;
        assert!(matches!(answer.code(), 403 | 404), "{method} {answer:?}");
    }
}

#[tokio::test]
async fn a_reader_from_now_is_not_shown_what_was_before() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let reader = fixture.sealed_client("reader").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let (before, after) = (RecordId::random(), RecordId::random());
    let first = version(&log, &writer, before, (1, None), log.head.unwrap()).write;
    assert_eq!(put(&fixture, &writer, &log, &first).await.status, 201);
    let plan = Plan { private: vec![grant(&reader, Rights::READ, 1)], epochs: vec![1], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    let later = version(&log, &writer, after, (1, None), log.head.unwrap()).write;
    assert_eq!(put(&fixture, &writer, &log, &later).await.status, 201);

    assert_eq!(get(&fixture, &reader, &log, before).await.failure(), code(404, "not_found"));
    assert!(get(&fixture, &reader, &log, after).await.status.is_success());
    let all = SealedRecordsPage { with_deleted: true, ..Default::default() };
    assert_eq!(places(&page(&fixture, &reader, &log, all).await), [(after, 1)]);
    assert_eq!(places(&page(&fixture, &writer, &log, all).await), [(before, 1), (after, 1)]);
    let path = paths::sealed_records_read(writer.id(), log.name());
    let views: RecordViews =
        fixture.sealed_body(&reader, Method::POST, &path, &ReadRecords(vec![before, after])).await.encoded();
    assert_eq!(views.0.iter().map(|(_, view)| view.is_some()).collect::<Vec<_>>(), [false, true]);
    // A new version is under the new segment, and theirs to see.
    let next = version(&log, &writer, before, (2, Some(first.record.version.digest())), log.head.unwrap());
    assert_eq!(put(&fixture, &writer, &log, &next.write).await.status, 201);
    assert!(get(&fixture, &reader, &log, before).await.status.is_success());
}

#[tokio::test]
async fn editors_write_while_they_may_and_nobody_while_a_rotation_is_owed() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let (editor, mut reader) = (fixture.sealed_client("editor").await, fixture.sealed_client("reader").await);
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let before = log.head.unwrap();
    let plan = Plan {
        public: vec![grant(&editor, Rights::EDIT, 0)],
        private: vec![grant(&reader, Rights::READ, 0)],
        ..Plan::default()
    };
    log.append(&fixture, &writer, &writer, &[&editor, &reader], plan).await;
    let head = log.head.unwrap();
    let (record, other) = (RecordId::random(), RecordId::random());
    // Not by a state in which it might not.
    let early = version(&log, &editor, record, (1, None), before).write;
    assert_eq!(put(&fixture, &editor, &log, &early).await.failure(), code(400, "rule"));
    let edited = version(&log, &editor, record, (1, None), head).write;
    assert_eq!(put(&fixture, &writer, &log, &edited).await.failure(), code(400, "rule"));
    assert_eq!(put(&fixture, &editor, &log, &edited).await.status, 201);

    fixture.next_bundle(&mut reader, BundleReason::Compromised).await;
    let owed = version(&log, &writer, other, (1, None), head).write;
    let answer = put(&fixture, &writer, &log, &owed).await;
    assert_eq!((answer.failure(), answer.failure_body().position), (code(409, "rotation_owed"), Some(1)));
    // The same version again is success still: it was there before.
    assert_eq!(put(&fixture, &editor, &log, &edited).await.status, 200);
    // An editor may rotate now, and go on.
    let follow = tozstore_crypto::sealed::Change::Follow(
        tozstore_crypto::sealed::Subject::Client(reader.id()),
        reader.link.bundle().digest(),
    );
    let plan = Plan { private: vec![follow], epochs: vec![0], ..Plan::default() };
    log.append(&fixture, &editor, &writer, &[&reader], plan).await;
    let plan = Plan { epochs: vec![0], ..Plan::default() };
    let (idle, _) = log.entry(&editor, &writer, &[&reader], plan);
    let answer = fixture.sealed_body(&editor, Method::POST, &log.path(), &idle).await;
    assert_eq!(answer.failure(), code(400, "rule"));
    let next = version(&log, &writer, other, (1, None), log.head.unwrap()).write;
    assert_eq!(put(&fixture, &writer, &log, &next).await.status, 201);

    let plan = Plan { public: vec![remove(&editor)], epochs: vec![0], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    let late = version(&log, &editor, RecordId::random(), (1, None), head).write;
    assert_eq!(put(&fixture, &editor, &log, &late).await.failure(), code(404, "not_found"));
}
