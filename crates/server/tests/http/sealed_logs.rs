//! Logs of sealed types: beginning, sharing, revoking, races, and what others see of them.

use std::sync::Arc;

use http::Method;
use tozstore_api::paths;
use tozstore_api::sealed::{Append, EntryPage, Head, OpenedBeneath, OwnLogs, SealedLinks, Shares, WrapSteps};
use tozstore_crypto::sealed::{
    AccessKey, Beneath, BeneathLine, Blind, BundleReason, Census, Change, Digest, Encoded, EntryPlace,
    EpochBlock, EpochId, Grant, Known, LogEntry, LogPosition, PrivateChange, Rights, SegmentHead, Settings,
    Subject, Tree, TypeName, TypePlace, Wrap, WrapPublicKey, link_digest,
};

use super::fixture::Fixture;
use super::sealed_fixture::{SealedClient, code};
use super::storage::{body, key_path};

/// A type as its writer sees it: enough to make entries.
pub struct TestLog {
    pub place: TypePlace,
    pub head: Option<LogPosition>,
    pub heads: Vec<SegmentHead>,
    pub epochs: Vec<EpochId>,
    keys: Vec<Arc<AccessKey>>,
    /// Who holds what, beside the writer.
    readers: Vec<(Subject, Digest, u32, WrapPublicKey)>,
    next_number: u64,
}

/// What an entry does.
#[derive(Default)]
pub struct Plan {
    pub public: Vec<Change>,
    pub private: Vec<Change>,
    /// Segments that get a new epoch.
    pub epochs: Vec<u32>,
    /// Clients that were deleted: they get no wrap.
    pub gone: Vec<tozstore_crypto::ClientId>,
    pub census: Option<Census>,
}

pub fn grant(reader: &SealedClient, rights: Rights, from_segment: u32) -> Change {
    let grant = Grant { head: reader.link.bundle().digest(), rights, from_segment, known: Known::Compared };
    Change::Grant(Subject::Client(reader.id()), grant)
}

pub fn remove(reader: &SealedClient) -> Change {
    Change::Remove(Subject::Client(reader.id()))
}

impl TestLog {
    pub fn new(fixture: &Fixture, writer: &SealedClient, name: &str) -> Self {
        let place =
            TypePlace { store: fixture.store_id(), writer: writer.id(), type_name: name.parse().unwrap() };
        Self {
            place,
            head: None,
            heads: Vec::new(),
            epochs: Vec::new(),
            keys: Vec::new(),
            readers: Vec::new(),
            next_number: 0,
        }
    }

    pub fn name(&self) -> &TypeName {
        &self.place.type_name
    }

    pub fn path(&self) -> String {
        paths::sealed_log(self.place.writer, &self.place.type_name)
    }

    /// The entry, as this author makes it, with the type as it is then. `known` are those whom changes name.
    pub fn entry(
        &self,
        author: &SealedClient,
        writer: &SealedClient,
        known: &[&SealedClient],
        plan: Plan,
    ) -> (Append, Self) {
        let mut next = self.copy();
        let position = self.head.map_or(0, |head| head.position + 1);
        let previous = self.head.map(|head| head.digest);
        let mut changed = Vec::new();
        for change in plan.public.iter().chain(&plan.private) {
            let Some(subject) = change.subject() else { continue };
            let before = next.readers.iter().position(|(known, ..)| *known == subject);
            let before = before.map(|at| next.readers.remove(at));
            let key = |digest: &Digest| {
                let client = known.iter().find(|client| client.link.bundle().digest() == *digest).unwrap();
                client.link.bundle().object().wrap_key.clone()
            };
            match change {
                Change::Grant(_, grant) => {
                    next.readers.push((subject, grant.head, grant.from_segment, key(&grant.head)));
                    changed.push(subject);
                }
                Change::Follow(_, head) => {
                    next.readers.push((subject, *head, before.unwrap().2, key(head)));
                    changed.push(subject);
                }
                _ => {}
            }
        }
        let (mut blocks, mut links) = (Vec::new(), Vec::new());
        for &segment in &plan.epochs {
            let key = Arc::new(AccessKey::generate());
            let head = key.head(&self.place, segment, next.next_number);
            next.next_number += 1;
            let at = segment as usize;
            let mut block = EpochBlock { head, follows: None, link: None };
            if let Some(old) = self.heads.get(at) {
                let link: [u8; 72] =
                    key.seal_link(&self.place, &head, old, &self.keys[at]).try_into().unwrap();
                block.follows = Some(self.epochs[at]);
                block.link = Some(link_digest(&link));
                links.push((segment, link));
                (next.heads[at], next.keys[at]) = (head, key);
            } else {
                next.heads.push(head);
                next.keys.push(key);
            }
            blocks.push(block);
        }
        let subjects = next.readers.iter().filter(|(subject, ..)| {
            let is_gone = plan.gone.iter().any(|gone| *subject == Subject::Client(*gone));
            !is_gone && (!blocks.is_empty() || changed.contains(subject))
        });
        let writer_bundle = writer.link.bundle();
        let own = (
            Subject::Client(writer.id()),
            writer_bundle.digest(),
            0,
            writer_bundle.object().wrap_key.clone(),
        );
        let mut subjects: Vec<_> = subjects.cloned().collect();
        if !blocks.is_empty() {
            subjects.push(own);
        }
        subjects.sort_by_key(|(subject, ..)| *subject);
        let place = EntryPlace {
            record_type: &self.place,
            position,
            previous,
            author_bundle: author.link.bundle().digest(),
            heads: &next.heads,
        };
        let wraps: Vec<Wrap> = subjects
            .iter()
            .map(|(subject, head, from, key)| {
                let keys: Vec<_> = next.keys.iter().skip(*from as usize).map(Arc::as_ref).collect();
                Wrap::of_access_keys(&place, key, (*subject, *head), *from, &keys, None).unwrap()
            })
            .collect();
        let private: Vec<_> = plan.private.iter().map(|change| PrivateChange::new(change).unwrap()).collect();
        let beneath = (!blocks.is_empty()).then(|| OpenedBeneath {
            blind: Blind::generate(),
            lines: Beneath::new(plan.gone.iter().map(|gone| BeneathLine::of_deleted(*gone)).collect())
                .unwrap(),
        });
        let entry = LogEntry {
            place: self.place.clone(),
            position,
            previous,
            author: author.id(),
            author_bundle: author.link.bundle().digest(),
            made_ms: 1,
            writer_bundle: writer_bundle.digest(),
            public: plan.public,
            private: private.iter().map(PrivateChange::commitment).collect(),
            epochs: blocks,
            wrap_count: wraps.len().try_into().unwrap(),
            wrap_root: Tree::of((0..).zip(&wraps).map(|(at, wrap)| wrap.leaf(at).unwrap())).root(),
            beneath: beneath.as_ref().map(|opened| opened.lines.commitment(&opened.blind).unwrap()),
            census: plan.census,
            notice: None,
        };
        let entry = Encoded::new(&entry).unwrap().sign(&author.keys.signing_key());
        next.head = Some(LogPosition { position, digest: entry.digest() });
        for &segment in &plan.epochs {
            let id = EpochId::new(&entry.digest(), segment);
            match next.epochs.get_mut(segment as usize) {
                Some(epoch) => *epoch = id,
                None => next.epochs.push(id),
            }
        }
        (Append { entry, private, beneath, links, wraps }, next)
    }

    /// Appends, and goes on if that was taken.
    pub async fn append(
        &mut self,
        fixture: &Fixture,
        author: &SealedClient,
        writer: &SealedClient,
        known: &[&SealedClient],
        plan: Plan,
    ) -> Head {
        let (append, next) = self.entry(author, writer, known, plan);
        let answer = fixture.sealed_body(author, Method::POST, &self.path(), &append).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        *self = next;
        let head: Head = answer.encoded();
        assert_eq!((head.position, head.digest), (self.head.unwrap().position, self.head.unwrap().digest));
        head
    }

    /// A type with its first entry.
    pub async fn begin(fixture: &Fixture, writer: &SealedClient, name: &str) -> Self {
        let mut log = Self::new(fixture, writer, name);
        log.append(fixture, writer, writer, &[], Self::first()).await;
        log
    }

    pub fn first() -> Plan {
        let settings = Settings { name_key: None, is_verified_only: false, is_migrating: false };
        Plan { public: vec![Change::Settings(settings)], epochs: vec![0], ..Plan::default() }
    }

    fn copy(&self) -> Self {
        Self {
            place: self.place.clone(),
            head: self.head,
            heads: self.heads.clone(),
            epochs: self.epochs.clone(),
            keys: self.keys.clone(),
            readers: self.readers.clone(),
            next_number: self.next_number,
        }
    }

    pub fn key(&self, segment: u32) -> &AccessKey {
        &self.keys[segment as usize]
    }
}

async fn append_answer(
    fixture: &Fixture,
    author: &SealedClient,
    log: &TestLog,
    append: &Append,
) -> super::fixture::Answer {
    fixture.sealed_body(author, Method::POST, &log.path(), append).await
}

async fn entries(fixture: &Fixture, by: &SealedClient, log: &TestLog) -> EntryPage {
    fixture.sealed_get(by, &log.path()).await.encoded()
}

#[tokio::test]
async fn a_log_begins_once_and_makes_the_type_sealed() {
    let fixture = Fixture::new().await;
    let (writer, stranger) = (fixture.sealed_client("writer").await, fixture.sealed_client("stranger").await);
    let empty = TestLog::new(&fixture, &writer, "notes / für alle");
    let (append, log) = empty.entry(&writer, &writer, &[], TestLog::first());
    assert_eq!(fixture.sealed_get(&writer, &log.path()).await.failure(), code(404, "not_found"));
    let by_stranger = append_answer(&fixture, &stranger, &log, &append).await;
    assert_eq!(by_stranger.failure(), code(404, "not_found"));
    let answer = append_answer(&fixture, &writer, &log, &append).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let head: Head = answer.encoded();
    assert_eq!((head.position, head.digest), (0, append.entry.digest()));
    let again = append_answer(&fixture, &writer, &log, &append).await;
    assert_eq!((again.status.as_u16(), again.encoded::<Head>()), (200, head));
    // Another device, which did not see that: one of them wins.
    let (other, _) = empty.entry(&writer, &writer, &[], TestLog::first());
    let lost = append_answer(&fixture, &writer, &log, &other).await;
    assert_eq!(lost.failure(), code(409, "head_moved"));
    assert_eq!((lost.failure_body().position, lost.failure_body().digest), (Some(0), Some(head.digest)));

    let page = entries(&fixture, &writer, &log).await;
    assert_eq!((page.head, page.entries.len()), (head, 1));
    assert_eq!(page.entries[0].entry, append.entry);
    assert_eq!(page.entries[0].beneath, append.beneath);
    let own: OwnLogs = fixture.sealed_get(&writer, &paths::sealed_logs(None)).await.encoded();
    assert_eq!(own.0.iter().map(|log| (&log.type_name, log.head)).collect::<Vec<_>>(), [(log.name(), head)]);
    for path in [log.path(), paths::sealed_log_wrap(writer.id(), log.name(), None)] {
        assert_eq!(fixture.sealed_get(&stranger, &path).await.failure(), code(404, "not_found"), "{path}");
    }

    // The other format is shut out from now on, and a type of the other format the other way round.
    assert_eq!(
        fixture.put_key(&writer.client, &writer.client, &writer.client, log.name().as_str()).await,
        409
    );
    assert_eq!(fixture.put_key(&writer.client, &writer.client, &writer.client, "interop").await, 201);
    let interop = TestLog::new(&fixture, &writer, "interop");
    let (append, _) = interop.entry(&writer, &writer, &[], TestLog::first());
    let refused = append_answer(&fixture, &writer, &interop, &append).await;
    assert_eq!(refused.failure(), code(409, "interop_type"));
    assert_eq!(fixture.sealed_get(&writer, &interop.path()).await.failure(), code(404, "not_found"));
    let record = body(writer.id(), "about others", serde_json::json!({}), serde_json::json!({ "a": "b" }));
    let mut record = record;
    record["meta"]["user_id"] = serde_json::json!(stranger.id());
    let written = fixture.call(&writer.client, Method::POST, paths::RECORDS, Some(record)).await;
    assert_eq!(written.code(), 201);
    let about_others = TestLog::new(&fixture, &writer, "about others");
    let (append, _) = about_others.entry(&writer, &writer, &[], TestLog::first());
    let refused = append_answer(&fixture, &writer, &about_others, &append).await;
    assert_eq!(refused.failure(), code(409, "interop_type"));
}

#[tokio::test]
async fn two_first_entries_of_different_formats_at_once_have_one_winner() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    for round in 0..8 {
        let log = TestLog::new(&fixture, &writer, &format!("type {round}"));
        let (append, _) = log.entry(&writer, &writer, &[], TestLog::first());
        let path = key_path(&writer.client, &writer.client, log.name().as_str());
        let key = fixture.put(path).bearer(&writer.client.token);
        let key = key.json(serde_json::json!({ "eak": "a.b" })).send();
        let (sealed, interop) = tokio::join!(append_answer(&fixture, &writer, &log, &append), key);
        let outcome = (sealed.status.as_u16(), interop.status.as_u16());
        assert!(matches!(outcome, (201, 409) | (409, 201)), "{outcome:?}");
    }
}

#[tokio::test]
async fn readers_get_their_wrap_and_learn_of_nobody_else() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let (one, two) = (fixture.sealed_client("one").await, fixture.sealed_client("two").await);
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let known = [&one, &two];
    let plan = |reader| Plan { private: vec![grant(reader, Rights::READ, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &known, plan(&one)).await;
    log.append(&fixture, &writer, &writer, &known, plan(&two)).await;
    log.append(&fixture, &writer, &writer, &known, Plan { epochs: vec![0], ..Plan::default() }).await;

    let page = entries(&fixture, &writer, &log).await;
    let shown =
        |page: &EntryPage| -> Vec<usize> { page.entries.iter().map(|view| view.private.len()).collect() };
    assert_eq!(shown(&page), [0, 1, 1, 0]);
    assert!(page.entries[3].beneath.is_some());
    let page = entries(&fixture, &two, &log).await;
    assert_eq!(shown(&page), [0, 0, 1, 0]);
    assert!(page.entries.iter().all(|view| view.beneath.is_none()));
    let behind: EntryPage = fixture
        .sealed_get(&one, &format!("{}&limit=1", paths::sealed_entries(writer.id(), log.name(), Some(1))))
        .await
        .encoded();
    let positions: Vec<_> = behind.entries.iter().map(|view| view.entry.object().position).collect();
    assert_eq!((behind.head.position, positions), (3, vec![2]));

    let steps: WrapSteps =
        fixture.sealed_get(&one, &paths::sealed_log_wrap(writer.id(), log.name(), None)).await.encoded();
    let step = &steps.0[0];
    let entry = &page.entries[3].entry;
    assert_eq!((step.kind, step.id, step.position, step.count), (2, *writer.id().as_bytes(), 3, 3));
    let leaf = step.wrap.leaf(step.index).unwrap();
    let root = entry.object().wrap_root;
    tozstore_crypto::sealed::verify_path(&root, &leaf, step.index.into(), step.count.into(), &step.path)
        .unwrap();
    let object = entry.object();
    let place = EntryPlace {
        record_type: &log.place,
        position: object.position,
        previous: object.previous,
        author_bundle: object.author_bundle,
        heads: &log.heads,
    };
    step.wrap.open_access_keys(&place, &one.keys.wrap_private_key(), None).unwrap();
    // The writer keeps its older ones, for repairs; they are nobody else's.
    let below = paths::sealed_log_wrap(writer.id(), log.name(), Some(3));
    let older: WrapSteps = fixture.sealed_get(&writer, &below).await.encoded();
    assert_eq!(older.0.iter().map(|step| step.position).collect::<Vec<_>>(), [0]);
    assert_eq!(fixture.sealed_get(&one, &below).await.failure(), code(403, "forbidden"));
    let links: SealedLinks =
        fixture.sealed_get(&one, &paths::sealed_log_links(writer.id(), log.name(), 0, 9)).await.encoded();
    assert_eq!(links.0.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
    let shares: Shares = fixture.sealed_get(&one, &paths::sealed_shares(None)).await.encoded();
    let shares: Vec<_> =
        shares.0.iter().map(|share| (share.writer, &share.type_name, share.rights)).collect();
    assert_eq!(shares, [(writer.id(), log.name(), 1)]);
    let behind = paths::sealed_shares(Some((writer.id(), log.name())));
    assert_eq!(fixture.sealed_get(&one, &behind).await.encoded::<Shares>(), Shares(Vec::new()));
}

#[tokio::test]
async fn who_is_revoked_sees_nothing_from_that_moment_on() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let (one, two) = (fixture.sealed_client("one").await, fixture.sealed_client("two").await);
    let known = [&one, &two];
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let both = vec![grant(&one, Rights::READ, 0), grant(&two, Rights::READ, 0)];
    log.append(&fixture, &writer, &writer, &known, Plan { private: both, ..Plan::default() }).await;
    // A remove without a new key is none.
    let plan = Plan { private: vec![remove(&one)], ..Plan::default() };
    let (append, _) = log.entry(&writer, &writer, &known, plan);
    assert_eq!(append_answer(&fixture, &writer, &log, &append).await.failure(), code(400, "rule"));
    let plan = || Plan { private: vec![remove(&one)], epochs: vec![0], ..Plan::default() };
    let (append, _) = log.entry(&writer, &writer, &known, plan());
    // Two devices revoke at once: one is in the log, the other reads on.
    let (other, _) = log.entry(&writer, &writer, &known, plan());
    let (first, second) = tokio::join!(
        append_answer(&fixture, &writer, &log, &append),
        append_answer(&fixture, &writer, &log, &other)
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let lost = if first.status == 409 { first } else { second };
    assert_eq!(lost.failure(), code(409, "head_moved"));

    for path in [
        log.path(),
        paths::sealed_log_wrap(writer.id(), log.name(), None),
        paths::sealed_log_links(writer.id(), log.name(), 0, 9),
        paths::sealed_records_page(writer.id(), log.name(), paths::SealedRecordsPage::default()),
    ] {
        assert_eq!(fixture.sealed_get(&one, &path).await.failure(), code(404, "not_found"), "{path}");
        assert!(fixture.sealed_get(&two, &path).await.status.is_success(), "{path}");
    }
    assert_eq!(fixture.sealed_get(&one, paths::SEALED_SHARES).await.encoded::<Shares>(), Shares(Vec::new()));
}

#[tokio::test]
async fn entries_that_a_client_would_refuse_are_refused() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let (reader, delegate) = (fixture.sealed_client("reader").await, fixture.sealed_client("delegate").await);
    let known = [&reader, &delegate];
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let rights = Rights::SHARE.with(Rights::ROTATE);
    let plan = Plan { public: vec![grant(&delegate, rights, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &known, plan).await;
    let share = || Plan { private: vec![grant(&reader, Rights::READ, 0)], ..Plan::default() };
    let rotate = || Plan { epochs: vec![0], ..Plan::default() };
    let failure = async |author: &SealedClient, append: &Append| {
        append_answer(&fixture, author, &log, append).await.failure()
    };

    let (good, _) = log.entry(&writer, &writer, &known, share());
    // Sent by another than its author.
    assert_eq!(failure(&delegate, &good).await, code(400, "rule"));
    assert_eq!(failure(&reader, &good).await, code(404, "not_found"));
    let missing = Append { wraps: Vec::new(), ..good.clone() };
    assert_eq!(failure(&writer, &missing).await, code(400, "bad_digest"));
    let hidden = Append { private: Vec::new(), ..good.clone() };
    assert_eq!(failure(&writer, &hidden).await, code(400, "bad_digest"));
    let (rotation, _) = log.entry(&writer, &writer, &known, rotate());
    assert_eq!(
        failure(&writer, &Append { links: Vec::new(), ..rotation.clone() }).await,
        code(400, "bad_digest")
    );
    assert_eq!(
        failure(&writer, &Append { beneath: None, ..rotation.clone() }).await,
        code(400, "bad_digest")
    );
    // Signed by somebody else.
    let impostor = SealedClient {
        client: super::sealed_bundles::copy(&writer.client),
        keys: tozstore_crypto::sealed::ClientKeys::generate(),
        link: writer.link.clone(),
    };
    let (forged, _) = log.entry(&impostor, &writer, &known, share());
    assert_eq!(failure(&writer, &forged).await, code(400, "bad_signature"));
    // Without a wrap for one who holds a grant: the signature holds, and the set is not the one that is due.
    let forgetful = TestLog { readers: Vec::new(), ..log.copy() };
    let (forgets, _) = forgetful.entry(&writer, &writer, &known, rotate());
    assert_eq!(failure(&writer, &forgets).await, code(400, "wraps_do_not_cover"));
    // A line about somebody who is there.
    let (excuses, _) = log.entry(&writer, &writer, &known, Plan { gone: vec![reader.id()], ..rotate() });
    assert_eq!(failure(&writer, &excuses).await, code(409, "subject_moved"));
    // A delegate gives reading, and nothing else.
    let (editor, _) = log.entry(
        &delegate,
        &writer,
        &known,
        Plan { public: vec![grant(&reader, Rights::EDIT, 0)], ..Plan::default() },
    );
    assert_eq!(failure(&delegate, &editor).await, code(400, "rule"));
    let (shares, _) = log.entry(&delegate, &writer, &known, share());
    assert_eq!(append_answer(&fixture, &delegate, &log, &shares).await.status, 201);
    let read_by = fixture.sealed_get(&reader, &log.path()).await;
    assert_eq!(read_by.encoded::<EntryPage>().entries.len(), 3);
}

#[tokio::test]
async fn keys_that_were_lost_make_a_rotation_owed() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let mut reader = fixture.sealed_client("reader").await;
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let plan = Plan { private: vec![grant(&reader, Rights::READ, 0)], ..Plan::default() };
    log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    let marks = async || entries(&fixture, &writer, &log).await.head.marks;
    assert!(!marks().await.rotation_owed);

    fixture.next_bundle(&mut reader, BundleReason::Routine).await;
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert!(marks().await.follow_owed && !marks().await.rotation_owed);
    // A routine bundle does not fail an append.
    let (append, next) = log.entry(&writer, &writer, &[&reader], Plan { epochs: vec![0], ..Plan::default() });
    assert_eq!(append_answer(&fixture, &writer, &log, &append).await.status, 201);
    log = next;

    fixture.next_bundle(&mut reader, BundleReason::Compromised).await;
    let marks = async || entries(&fixture, &writer, &log).await.head.marks;
    // At once, and when background work has set the mark.
    assert!(marks().await.rotation_owed);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert!(marks().await.rotation_owed);
    let (stale, _) = log.entry(&writer, &writer, &[&reader], Plan { epochs: vec![0], ..Plan::default() });
    let refused = append_answer(&fixture, &writer, &log, &stale).await;
    assert_eq!(refused.failure(), code(409, "subject_moved"));
    let body = refused.failure_body();
    assert_eq!((body.kind, body.id), (Some(1), Some(reader.id().to_string())));
    assert_eq!(body.digest, Some(reader.link.bundle().digest()));
    let follow = Change::Follow(Subject::Client(reader.id()), reader.link.bundle().digest());
    let plan = Plan { private: vec![follow], epochs: vec![0], ..Plan::default() };
    let head = log.append(&fixture, &writer, &writer, &[&reader], plan).await;
    assert!(!head.marks.rotation_owed && !head.marks.follow_owed);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert!(!entries(&fixture, &writer, &log).await.head.marks.rotation_owed);
}

#[tokio::test]
async fn a_reader_that_was_deleted_is_left_out() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    let (reader, other) = (fixture.sealed_client("reader").await, fixture.sealed_client("other").await);
    let known = [&reader, &other];
    let mut log = TestLog::begin(&fixture, &writer, "t").await;
    let both = vec![grant(&reader, Rights::READ, 0), grant(&other, Rights::READ, 0)];
    log.append(&fixture, &writer, &writer, &known, Plan { private: both, ..Plan::default() }).await;
    let path = paths::ADMIN_CLIENT.replace("{client_id}", &reader.id().to_string());
    assert_eq!(fixture.call(&fixture.account.queen, Method::DELETE, &path, None).await.code(), 204);
    assert!(entries(&fixture, &writer, &log).await.head.marks.rotation_owed);
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert!(entries(&fixture, &writer, &log).await.head.marks.rotation_owed);
    // Its chain outlives it: others verify what it signed.
    let chain = fixture.sealed_get(&writer, &paths::sealed_bundles(reader.id(), None)).await;
    let chain: tozstore_api::sealed::BundlePage = chain.encoded();
    assert!(chain.deleted && chain.links == [reader.link.clone()]);

    let (unaware, _) = log.entry(&writer, &writer, &known, Plan { epochs: vec![0], ..Plan::default() });
    let refused = append_answer(&fixture, &writer, &log, &unaware).await;
    assert_eq!(refused.failure(), code(409, "subject_moved"));
    assert_eq!(refused.failure_body().id, Some(reader.id().to_string()));
    let again = Plan { private: vec![grant(&reader, Rights::READ, 0)], ..Plan::default() };
    let (again, _) = log.entry(&writer, &writer, &known, again);
    assert_eq!(append_answer(&fixture, &writer, &log, &again).await.failure(), code(410, "gone"));
    let plan = Plan { epochs: vec![0], gone: vec![reader.id()], ..Plan::default() };
    let head = log.append(&fixture, &writer, &writer, &known, plan).await;
    assert!(!head.marks.rotation_owed);
    // A writer takes its logs along.
    let path = paths::ADMIN_CLIENT.replace("{client_id}", &writer.id().to_string());
    assert_eq!(fixture.call(&fixture.account.queen, Method::DELETE, &path, None).await.code(), 204);
    assert_eq!(fixture.sealed_get(&other, &log.path()).await.failure(), code(404, "not_found"));
    tozstore_server::jobs::round(&fixture.app).await.unwrap();
    assert_eq!(
        fixture.sealed_get(&other, paths::SEALED_SHARES).await.encoded::<Shares>(),
        Shares(Vec::new())
    );
}

#[tokio::test]
async fn keys_and_entries_are_in_the_audit_log_and_records_are_not() {
    let fixture = Fixture::new().await;
    let writer = fixture.sealed_client("writer").await;
    TestLog::begin(&fixture, &writer, "t").await;
    let read = |tx: &dyn tozstore_server::store::ReadTx| tx.audit_entries(0, 1000);
    let entries =
        fixture.app.store.read::<_, tozstore_server::store::StoreError, _>("test", read).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions[actions.len() - 2..], ["client_bundle_put", "sealed_entry_appended"]);
}
