//! Stages: entries whose wraps come in pages, and that are in force with one commit.

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{
    Append, EntryPage, Head, MissingWraps, OpenedBeneath, Stage, StageCommit, StageState, WrapPage, WrapSteps,
};
use tozstore_crypto::sealed::{Blind, Digest, Rights};
use tozstore_server::store::{ReadTx, SealedRun, SealedTable, StoreError};

use super::fixture::{Answer, Fixture};
use super::sealed_fixture::{SealedClient, code};
use super::sealed_logs::{Plan, TestLog, grant, remove};

fn stage_of(append: &Append) -> Stage {
    Stage {
        entry: append.entry.encoded().clone(),
        private: append.private.clone(),
        beneath: append.beneath.clone(),
        links: append.links.clone(),
    }
}

impl Fixture {
    async fn stage(&self, author: &SealedClient, log: &TestLog, append: &Append) -> Answer {
        let path = paths::sealed_log_stages(log.place.writer, log.name());
        self.sealed_body(author, Method::POST, &path, &stage_of(append)).await
    }

    async fn page(&self, author: &SealedClient, append: &Append, first: u32, count: u32) -> Answer {
        let wraps = append.wraps.iter().skip(first as usize).take(count as usize).cloned().collect();
        let path = paths::sealed_stage_wraps(append.entry.digest(), first);
        self.sealed_body(author, Method::PUT, &path, &WrapPage(wraps)).await
    }

    async fn commit_stage(&self, author: &SealedClient, append: &Append) -> Answer {
        let path = paths::sealed_stage_commit(append.entry.digest());
        self.sealed_body(author, Method::POST, &path, &StageCommit(*append.entry.signature())).await
    }

    async fn stage_state(&self, author: &SealedClient, digest: Digest) -> Answer {
        self.sealed_get(author, &paths::sealed_stage(digest)).await
    }

    /// Rows of stages: of this author, and of nobody.
    async fn stage_rows(&self, author: &SealedClient) -> [usize; 3] {
        let author = author.id();
        let nobody = tozstore_crypto::ClientId::from_bytes([0; 16]);
        let read = move |tx: &dyn ReadTx| {
            let count = |table, owner| {
                Ok::<_, StoreError>(
                    tx.sealed_rows(table, &SealedRun::of_prefix(owner, &[]), false, 100)?.len(),
                )
            };
            Ok([
                count(SealedTable::Stages, author)?,
                count(SealedTable::StageWraps, author)?,
                count(SealedTable::Stages, nobody)?,
            ])
        };
        self.app.store.read::<_, StoreError, _>("test", read).await.unwrap()
    }
}

/// A type with two readers and a delegate that may revoke.
struct Shared {
    fixture: Fixture,
    writer: SealedClient,
    readers: [SealedClient; 2],
    delegate: SealedClient,
    log: TestLog,
}

impl Shared {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let writer = fixture.sealed_client("writer").await;
        let readers = [fixture.sealed_client("one").await, fixture.sealed_client("two").await];
        let delegate = fixture.sealed_client("delegate").await;
        let mut log = TestLog::begin(&fixture, &writer, "t").await;
        let plan = Plan {
            public: vec![grant(&delegate, Rights::REVOKE, 0)],
            private: readers.iter().map(|reader| grant(reader, Rights::READ, 0)).collect(),
            ..Plan::default()
        };
        let known = [&readers[0], &readers[1], &delegate];
        log.append(&fixture, &writer, &writer, &known, plan).await;
        Self { fixture, writer, readers, delegate, log }
    }

    /// An entry that removes the first reader: three wraps are left.
    fn revocation(&self, author: &SealedClient) -> (Append, TestLog) {
        let known = [&self.readers[0], &self.readers[1], &self.delegate];
        let plan = Plan { private: vec![remove(&self.readers[0])], epochs: vec![0], ..Plan::default() };
        self.log.entry(author, &self.writer, &known, plan)
    }

    async fn head(&self) -> u64 {
        let page: EntryPage = self.fixture.sealed_get(&self.writer, &self.log.path()).await.encoded();
        page.head.position
    }
}

#[tokio::test]
async fn wraps_come_in_pages_and_count_with_one_commit() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, readers, log, .. } = &shared;
    let (append, next) = shared.revocation(writer);
    let digest = append.entry.digest();
    assert_eq!(append.wraps.len(), 3);
    let created = fixture.stage(writer, log, &append).await;
    assert_eq!((created.status.as_u16(), created.body.len()), (201, 0));
    assert_eq!(fixture.stage(writer, log, &append).await.status, 200);
    let state: StageState = fixture.stage_state(writer, digest).await.encoded();
    let missing = vec![MissingWraps { first: 0, count: 3 }];
    assert_eq!(state, StageState { count: 3, received: 0, missing });

    assert_eq!(fixture.page(writer, &append, 1, 2).await.status, 200);
    assert_eq!(fixture.page(writer, &append, 1, 2).await.status, 200);
    // Another page in its place, one that overlaps, and one that goes too far.
    for (first, count) in [(1, 1), (2, 1), (0, 3), (0, 2)] {
        let refused = fixture.page(writer, &append, first, count).await;
        assert_eq!(refused.failure(), code(409, "stage_page"), "{first} {count}");
    }
    for first in [1, 3, u32::MAX] {
        let path = paths::sealed_stage_wraps(digest, first);
        let refused = fixture.sealed_body(writer, Method::PUT, &path, &WrapPage(append.wraps.clone())).await;
        assert_eq!(refused.failure(), code(400, "malformed"), "{first}");
    }
    assert_eq!(fixture.page(writer, &append, 0, 0).await.failure(), code(400, "malformed"));
    let state: StageState = fixture.stage_state(writer, digest).await.encoded();
    assert_eq!((state.received, state.missing), (2, vec![MissingWraps { first: 0, count: 1 }]));
    let early = fixture.commit_stage(writer, &append).await;
    assert_eq!((early.failure(), early.failure_body().missing), (code(422, "stage_incomplete"), Some(1)));
    // Nobody else has a hand in it, and nothing has happened.
    assert_eq!(fixture.commit_stage(&shared.delegate, &append).await.failure(), code(410, "stage_gone"));
    assert_eq!(fixture.stage_state(&shared.delegate, digest).await.failure(), code(410, "stage_gone"));
    assert_eq!(shared.head().await, 1);
    assert!(fixture.sealed_get(&readers[0], &log.path()).await.status.is_success());

    assert_eq!(fixture.page(writer, &append, 0, 1).await.status, 200);
    let wrong = StageCommit(*shared.revocation(writer).0.entry.signature());
    let wrong = fixture.sealed_body(writer, Method::POST, &paths::sealed_stage_commit(digest), &wrong).await;
    assert_eq!(wrong.failure(), code(400, "bad_signature"));
    let committed = fixture.commit_stage(writer, &append).await;
    assert_eq!(committed.status, 201, "{committed:?}");
    let head: Head = committed.encoded();
    assert_eq!((head.position, head.digest), (2, digest));
    let again = fixture.commit_stage(writer, &append).await;
    assert_eq!((again.status.as_u16(), again.encoded::<Head>()), (200, head));
    assert_eq!(fixture.stage_state(writer, digest).await.failure(), code(410, "stage_gone"));
    assert_eq!(fixture.page(writer, &append, 0, 1).await.failure(), code(410, "stage_gone"));
    assert_eq!(fixture.stage_rows(writer).await, [1, 0, 1]);

    assert_eq!(fixture.sealed_get(&readers[0], &log.path()).await.failure(), code(404, "not_found"));
    let wrap = paths::sealed_log_wrap(writer.id(), log.name(), None);
    for reader in [&readers[1], writer] {
        let steps: WrapSteps = fixture.sealed_get(reader, &wrap).await.encoded();
        let step = &steps.0[0];
        assert_eq!((step.position, step.count), (2, 3));
        let leaf = step.wrap.leaf(step.index).unwrap();
        let root = append.entry.object().wrap_root;
        tozstore_crypto::sealed::verify_path(&root, &leaf, step.index.into(), 3, &step.path).unwrap();
    }
    let page: EntryPage = fixture.sealed_get(writer, &log.path()).await.encoded();
    assert_eq!(page.entries.last().unwrap().entry, append.entry);
    // What came in pages is as good as what came in one piece.
    let mut log = next;
    let known = [&readers[1], &shared.delegate];
    log.append(fixture, writer, writer, &known, Plan { epochs: vec![0], ..Plan::default() }).await;
}

#[tokio::test]
async fn a_stage_that_was_left_leaves_no_trace() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, log, .. } = &shared;
    let (append, _) = shared.revocation(writer);
    let path = paths::sealed_stage(append.entry.digest());
    fixture.stage(writer, log, &append).await;
    fixture.page(writer, &append, 0, 1).await;
    assert_eq!(fixture.stage_rows(writer).await, [2, 1, 1]);
    fixture.advance_seconds(3000);
    assert_eq!(fixture.page(writer, &append, 1, 1).await.status, 200);
    // An hour counts from the last time that it was touched.
    fixture.advance_seconds(3000);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.stage_rows(writer).await, [2, 2, 1]);
    fixture.advance_seconds(601);
    assert_eq!(fixture.sealed_get(writer, &path).await.failure(), code(410, "stage_gone"));
    assert_eq!(fixture.page(writer, &append, 2, 1).await.failure(), code(410, "stage_gone"));
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.stage_rows(writer).await, [0, 0, 0]);
    assert_eq!(fixture.commit_stage(writer, &append).await.failure(), code(410, "stage_gone"));
    assert_eq!(shared.head().await, 1);

    // Given up, as often as one likes; and staged anew.
    assert_eq!(fixture.stage(writer, log, &append).await.status, 201);
    fixture.page(writer, &append, 0, 3).await;
    for _ in 0..2 {
        assert_eq!(fixture.sealed(writer, Method::DELETE, &path, Vec::new()).await.status, 204);
    }
    assert_eq!(fixture.stage_rows(writer).await, [0, 0, 0]);
    // That of a commit is kept for an hour, for who lost the answer.
    fixture.stage(writer, log, &append).await;
    fixture.page(writer, &append, 0, 3).await;
    assert_eq!(fixture.commit_stage(writer, &append).await.status, 201);
    fixture.advance_seconds(3601);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(fixture.stage_rows(writer).await, [0, 0, 0]);
    assert_eq!(shared.head().await, 2);
}

#[tokio::test]
async fn an_entry_that_comes_between_wins_and_a_writer_goes_first() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, delegate, log, .. } = &shared;
    let (staged, _) = shared.revocation(writer);
    fixture.stage(writer, log, &staged).await;
    fixture.page(writer, &staged, 0, 3).await;
    // The delegate waits, as long as the writer is at it.
    let (by_delegate, _) = shared.revocation(delegate);
    let append =
        async |append: &Append, author| fixture.sealed_body(author, Method::POST, &log.path(), append).await;
    let waits = append(&by_delegate, delegate).await;
    assert_eq!((waits.failure(), waits.header("retry-after")), (code(429, "busy"), Some("1")));
    assert_eq!(fixture.stage(delegate, log, &by_delegate).await.status, 201);
    assert_eq!(fixture.page(delegate, &by_delegate, 0, 3).await.status, 200);
    assert_eq!(fixture.commit_stage(delegate, &by_delegate).await.failure(), code(429, "busy"));
    fixture.advance_seconds(61);
    assert_eq!(fixture.commit_stage(delegate, &by_delegate).await.status, 201);

    let lost = fixture.commit_stage(writer, &staged).await;
    assert_eq!(lost.failure(), code(409, "head_moved"));
    let digest = by_delegate.entry.digest();
    assert_eq!((lost.failure_body().position, lost.failure_body().digest), (Some(2), Some(digest)));
    let late = shared.revocation(writer).0;
    assert_eq!(fixture.stage(writer, log, &late).await.failure(), code(409, "head_moved"));
    // What was staged before the race was lost keeps nobody waiting any more.
    let page: EntryPage = fixture.sealed_get(delegate, &log.path()).await.encoded();
    assert_eq!(page.head.position, 2);
}

#[tokio::test]
async fn each_author_has_few_stages_of_its_own() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, delegate, log, .. } = &shared;
    let staged: Vec<_> = (0..5).map(|_| shared.revocation(delegate).0).collect();
    for append in &staged[..4] {
        assert_eq!(fixture.stage(delegate, log, append).await.status, 201);
        fixture.advance_seconds(1);
    }
    assert_eq!(fixture.stage(delegate, log, &staged[4]).await.failure(), code(400, "limit"));
    // Nobody's count against anybody else's.
    let (by_writer, _) = shared.revocation(writer);
    assert_eq!(fixture.stage(writer, log, &by_writer).await.status, 201);
    // Who crashed again and again does not wait for an hour: the one that was left first goes.
    fixture.advance_seconds(57);
    assert_eq!(fixture.stage(delegate, log, &staged[4]).await.status, 201);
    let found = async |append: &Append| fixture.stage_state(delegate, append.entry.digest()).await.status;
    assert_eq!((found(&staged[0]).await.as_u16(), found(&staged[1]).await.as_u16()), (410, 200));
    // Those that lost their race make room at once.
    fixture.advance_seconds(61);
    let (append, next) = shared.revocation(writer);
    let answer = fixture.sealed_body(writer, Method::POST, &log.path(), &append).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let known = [&shared.readers[1], delegate];
    let plan = Plan { epochs: vec![0], ..Plan::default() };
    let (last, _) = next.entry(writer, writer, &known, plan);
    assert_eq!(fixture.stage(writer, log, &last).await.status, 201);
    assert_eq!(fixture.stage_rows(writer).await[0], 2);
}

#[tokio::test]
async fn what_could_never_be_committed_is_not_staged() {
    let shared = Shared::new().await;
    let Shared { fixture, writer, readers, log, .. } = &shared;
    let stranger = fixture.sealed_client("stranger").await;
    let (append, _) = shared.revocation(writer);
    let path = paths::sealed_log_stages(writer.id(), log.name());
    let failure = async |author: &SealedClient, stage: &Stage| {
        fixture.sealed_body(author, Method::POST, &path, stage).await.failure()
    };
    let good = stage_of(&append);
    assert_eq!(failure(&stranger, &good).await, code(404, "not_found"));
    assert_eq!(failure(&readers[0], &good).await, code(403, "forbidden"));
    assert_eq!(failure(&shared.delegate, &good).await, code(400, "rule"));
    assert_eq!(failure(writer, &Stage { links: Vec::new(), ..good.clone() }).await, code(400, "bad_digest"));
    assert_eq!(failure(writer, &Stage { private: vec![], ..good.clone() }).await, code(400, "bad_digest"));
    let lines = good.beneath.clone().unwrap().lines;
    let beneath = Some(OpenedBeneath { blind: Blind::generate(), lines });
    assert_eq!(failure(writer, &Stage { beneath, ..good.clone() }).await, code(400, "bad_digest"));
    // A key that is in use is not written down before it is decided who gets it.
    let plan = Plan { private: vec![grant(&stranger, Rights::READ, 0)], ..Plan::default() };
    let (share, _) = log.entry(writer, writer, &[&stranger], plan);
    assert_eq!(failure(writer, &stage_of(&share)).await, code(400, "rule"));
    let elsewhere = paths::sealed_log_stages(writer.id(), &"other".parse().unwrap());
    let refused = fixture.sealed_body(writer, Method::POST, &elsewhere, &good).await;
    assert_eq!(refused.failure(), code(400, "malformed"));
    assert_eq!(fixture.stage_rows(writer).await, [0, 0, 0]);
    // Wraps that are not those of the entry: found out at the commit.
    let (other, _) = shared.revocation(writer);
    fixture.stage(writer, log, &append).await;
    let path = paths::sealed_stage_wraps(append.entry.digest(), 0);
    fixture.sealed_body(writer, Method::PUT, &path, &WrapPage(other.wraps)).await;
    assert_eq!(fixture.commit_stage(writer, &append).await.failure(), code(400, "bad_digest"));
    assert_eq!(shared.head().await, 1);
}
