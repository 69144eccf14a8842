//! Censuses: leaves that come before their entry, what is refused, and what readers get.

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{
    Append, CENSUS_LEAVES_PER_PAGE, CensusItem, CensusLeaf, CensusLeaves, CensusPage, Head, RecordView,
    RecordWrite, Stage, WrapSteps,
};
use tozstore_crypto::RecordId;
use tozstore_crypto::sealed::{Census, Digest, Rights, Tree, path_of, verify_path};

use super::fixture::{Answer, Fixture};
use super::sealed_fixture::{SealedClient, code};
use super::sealed_logs::{Plan, TestLog, grant, remove};
use super::sealed_records::{get, put, version};

fn leaf_of(write: &RecordWrite) -> CensusLeaf {
    let place = &write.record.version.object().place;
    CensusLeaf { record: place.record, version: place.version, digest: write.record.version.digest() }
}

fn leaves_of(writes: &[&RecordWrite]) -> CensusLeaves {
    let mut leaves: Vec<_> = writes.iter().map(|write| leaf_of(write)).collect();
    leaves.sort_by_key(|leaf| leaf.record);
    CensusLeaves(leaves)
}

fn root_of(leaves: &CensusLeaves) -> Digest {
    Tree::of(leaves.0.iter().map(CensusLeaf::leaf)).root()
}

async fn send(fixture: &Fixture, by: &SealedClient, log: &TestLog, leaves: &CensusLeaves) -> Answer {
    let path = paths::sealed_log_census_page(log.place.writer, log.name(), root_of(leaves), 0);
    fixture.sealed_body(by, Method::PUT, &path, leaves).await
}

/// An entry with a census of these leaves.
fn entry(log: &TestLog, writer: &SealedClient, leaves: &CensusLeaves, floor: u64) -> (Append, TestLog) {
    let count = leaves.0.len() as u64;
    let census = Some(Census { count, root: root_of(leaves), floors: vec![(0, floor)] });
    log.entry(writer, writer, &[], Plan { census, ..Plan::default() })
}

#[tokio::test]
async fn a_census_has_every_record_or_is_refused() {
    let fixture = Fixture::new().await;
    let (writer, editor) = (fixture.sealed_client("writer").await, fixture.sealed_client("editor").await);
    let reader = fixture.sealed_client("reader").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let plan = Plan {
        public: vec![grant(&editor, Rights::EDIT, 0)],
        private: vec![grant(&reader, Rights::READ, 0)],
        ..Plan::default()
    };
    log.append(&fixture, &writer, &writer, &[&editor, &reader], plan).await;
    let write = async |by: &SealedClient, log: &TestLog| {
        let write = version(log, by, RecordId::random(), (1, None), log.head.unwrap()).write;
        assert_eq!(put(&fixture, by, log, &write).await.status, 201);
        write
    };
    let (own, edited) = (write(&writer, &log).await, write(&editor, &log).await);
    let plan = Plan { public: vec![remove(&editor)], epochs: vec![0], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&editor, &reader], plan).await;
    let append =
        async |append: &Append| fixture.sealed_body(&writer, Method::POST, &log.path(), append).await;

    let leaves = leaves_of(&[&own, &edited]);
    let census = format!("{}/census?first=0", log.path());
    assert_eq!(fixture.sealed_get(&writer, &census).await.failure(), code(404, "not_found"));
    // The leaves come first, and are the writer's alone.
    let (good, next) = entry(&log, &writer, &leaves, 0);
    assert_eq!(append(&good).await.failure(), code(400, "bad_digest"));
    assert_eq!(send(&fixture, &reader, &log, &leaves).await.failure(), code(403, "forbidden"));
    assert_eq!(send(&fixture, &editor, &log, &leaves).await.failure(), code(404, "not_found"));
    for _ in 0..2 {
        assert_eq!(send(&fixture, &writer, &log, &leaves).await.status, 200);
    }
    let path = |first| paths::sealed_log_census_page(writer.id(), log.name(), root_of(&leaves), first);
    let put_leaves = async |first, leaves: Vec<CensusLeaf>| {
        fixture.sealed_body(&writer, Method::PUT, &path(first), &CensusLeaves(leaves)).await.failure()
    };
    assert_eq!(put_leaves(0, vec![leaf_of(&own)]).await, code(409, "stage_page"));
    assert_eq!(put_leaves(CENSUS_LEAVES_PER_PAGE as u64, leaves.0.clone()).await, code(409, "stage_page"));
    assert_eq!(put_leaves(1, leaves.0.clone()).await, code(400, "malformed"));
    assert_eq!(put_leaves(0, vec![]).await, code(400, "malformed"));
    // Data keys below a floor, and an entry that is staged.
    let (too_high, _) = entry(&log, &writer, &leaves, 1);
    let refused = append(&too_high).await;
    assert_eq!((refused.failure(), refused.failure_body().left), (code(409, "under_floor"), Some(2)));
    let census_of = Census { count: 2, root: root_of(&leaves), floors: vec![] };
    let plan = Plan { epochs: vec![0], census: Some(census_of), ..Plan::default() };
    let (both, _) = log.entry(&writer, &writer, &[&reader], plan);
    let stage = Stage {
        entry: both.entry.encoded().clone(),
        private: both.private,
        beneath: both.beneath,
        links: both.links,
    };
    let stages = paths::sealed_log_stages(writer.id(), log.name());
    let staged = fixture.sealed_body(&writer, Method::POST, &stages, &stage).await;
    assert_eq!(staged.failure(), code(400, "rule"));

    // Without one that there is, with one that there is not: a gap.
    for writes in [vec![&own], vec![&edited]] {
        let fewer = leaves_of(&writes);
        send(&fixture, &writer, &log, &fewer).await;
        let refused = append(&entry(&log, &writer, &fewer, 0).0).await;
        assert_eq!((refused.failure(), refused.failure_body().left), (code(409, "census_gaps"), Some(1)));
    }
    let absent = version(&log, &writer, RecordId::random(), (1, None), log.head.unwrap()).write;
    let more = leaves_of(&[&own, &edited, &absent]);
    send(&fixture, &writer, &log, &more).await;
    assert_eq!(append(&entry(&log, &writer, &more, 0).0).await.failure(), code(409, "census_gaps"));
    // One census at a time: the first is gone by now.
    assert_eq!(append(&good).await.failure(), code(400, "bad_digest"));

    send(&fixture, &writer, &log, &leaves).await;
    // What is written from the first page on need not be in it.
    let young = write(&writer, &log).await;
    let answer = append(&good).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let head: Head = answer.encoded();
    assert_eq!(append(&good).await.encoded::<Head>(), head);
    let log = next;
    let page: CensusPage = fixture.sealed_get(&reader, &census).await.encoded();
    let shown: Vec<_> = leaves.0.iter().map(|leaf| CensusItem::Shown(*leaf)).collect();
    assert_eq!((page.entry, &page.leaves), (log.head.unwrap().digest, &shown));
    let rest: CensusPage =
        fixture.sealed_get(&reader, &paths::sealed_log_census(writer.id(), log.name(), 1)).await.encoded();
    assert_eq!(rest.leaves, shown[1..]);

    // The version of a former author comes with its leaf; others do not.
    let at = leaves.0.iter().position(|leaf| leaf.record == leaf_of(&edited).record).unwrap();
    let view: RecordView = get(&fixture, &reader, &log, leaf_of(&edited).record).await.encoded();
    let (index, proof) = view.census.unwrap();
    assert_eq!(index, at as u64);
    verify_path(&root_of(&leaves), &leaf_of(&edited).leaf(), index, 2, &proof).unwrap();
    for write in [&own, &young] {
        let view: RecordView = get(&fixture, &reader, &log, leaf_of(write).record).await.encoded();
        assert_eq!(view.census, None);
    }
    // Older wraps of the writer go with it.
    let below = paths::sealed_log_wrap(writer.id(), log.name(), Some(2));
    assert_eq!(fixture.sealed_get(&writer, &below).await.encoded::<WrapSteps>().0, []);
}

#[tokio::test]
async fn leaves_without_an_entry_are_swept_after_a_day() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let write = version(&log, &writer, RecordId::random(), (1, None), log.head.unwrap()).write;
    put(&fixture, &writer, &log, &write).await;
    let leaves = leaves_of(&[&write]);
    let (append, next) = entry(&log, &writer, &leaves, 0);
    send(&fixture, &writer, &log, &leaves).await;
    fixture.advance_seconds(86_401);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    let refused = fixture.sealed_body(&writer, Method::POST, &log.path(), &append).await;
    assert_eq!(refused.failure(), code(400, "bad_digest"));
    send(&fixture, &writer, &log, &leaves).await;
    assert_eq!(fixture.sealed_body(&writer, Method::POST, &log.path(), &append).await.status, 201);
    log = next;
    // Those of an entry stay.
    fixture.advance_seconds(86_401);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    let census = paths::sealed_log_census(writer.id(), log.name(), 0);
    assert_eq!(fixture.sealed_get(&writer, &census).await.encoded::<CensusPage>().leaves.len(), 1);
}

/// A tree whose pages are full but for the last is that of its leaves.
#[test]
fn pages_are_subtrees() {
    let leaves: Vec<_> = (0..11).map(|byte| Digest::from_bytes([byte; 32])).collect();
    for count in 1..=leaves.len() {
        let pages: Vec<_> = leaves[..count].chunks(4).collect();
        let roots: Vec<_> = pages.iter().map(|page| Tree::of(page.iter().copied()).root()).collect();
        let root = Tree::of(leaves[..count].iter().copied()).root();
        assert_eq!(Tree::of(roots.iter().copied()).root(), root);
        for (at, leaf) in leaves.iter().take(count).enumerate() {
            let (page, index) = (at / 4, at % 4);
            let path = path_of(pages[page], index).into_iter().chain(path_of(&roots, page)).flatten();
            let path: Vec<_> = path.collect();
            verify_path(&root, leaf, at as u64, count as u64, &path).unwrap();
        }
    }
}
