//! A server in memory, for tests of what the client decides: it keeps the rules, unless it is told to lie.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tozstore_api::sealed::{
    Append, BundleHead, BundleHeads, BundlePage, BundlesOf, EntryPage, EntryView, Head, Marks, MissingWraps,
    ReadRecords, RecordPage, RecordView, RecordViews, RecordWrite, SealedBody, SealedErrorBody,
    SealedErrorCode, SealedLinks, Stage, StageCommit, StageState, WrapPage, WrapStep, WrapSteps,
};
use tozstore_crypto::sealed::{
    BundleChain, BundleLink, Change, LINK_BYTES, LogReplay, Signed, Subject, Tree, TypePlace, VerifiedEntry,
    Wrap, paths_of,
};
use tozstore_crypto::{ClientId, SigningKeyPair, StoreId};

use super::wire::{Call, Refusal, Wire};
use crate::Error;

pub(super) const STORE: StoreId = StoreId::from_bytes([1; 16]);

/// What the server does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// It shows the first version of each record.
    OldVersions,
    /// It shows the log up to this many entries.
    ShortLog(usize),
    /// It says that there is no such record.
    NoRecord,
    /// It answers with the next record in the place of the one that was asked for.
    OtherRecord,
    /// It leaves the last field out.
    DropField,
    /// It gives the leaf of the last field in its place, as if it had not been asked for.
    LeafForField,
    /// It leaves the first record out of listings.
    HideFirst,
    /// It keeps changes of readers back.
    WithholdGrants,
    /// It gives this client's bundle as that of everybody.
    KeysOf(ClientId),
}

#[derive(Default)]
pub(super) struct TestServer {
    pub(super) lie: Option<Lie>,
    bundles: HashMap<ClientId, BundleLink>,
    pub(super) types: HashMap<String, TypeRows>,
    /// Writes that were refused since they came under an older epoch.
    pub(super) refused_epochs: usize,
    stages: HashMap<String, (Stage, BTreeMap<u32, Vec<Wrap>>)>,
    /// All that were ever staged.
    pub(super) staged: Vec<Stage>,
    /// Commits that lose their race.
    pub(super) lost_commits: usize,
    /// Pages that get lost, and yet are answered.
    pub(super) lost_pages: usize,
}

pub(super) struct TypeRows {
    log: LogReplay,
    entries: Vec<EntryView>,
    steps: BTreeMap<Subject, WrapStep>,
    links: Vec<(u32, u64, [u8; LINK_BYTES])>,
    /// All versions, in the order of their writing.
    pub(super) versions: Vec<RecordWrite>,
}

/// The wire of one client.
pub(super) struct TestWire {
    pub(super) server: Arc<Mutex<TestServer>>,
    pub(super) client: ClientId,
}

type Answer = Result<(u16, Vec<u8>), Refusal>;

impl Wire for TestWire {
    fn send(&self, call: Call) -> BoxFuture<'_, Answer> {
        let answer = self.server.lock().unwrap().answer(self.client, &call);
        Box::pin(async move { answer })
    }
}

fn refused(status: u16, code: SealedErrorCode) -> Refusal {
    let error = match status {
        404 => Error::NotFound("this"),
        409 => Error::Conflict,
        _ => Error::Refused { status, message: String::new(), request_id: None },
    };
    Refusal {
        error,
        status: Some(status),
        body: Some(Box::new(SealedErrorBody::new(code, format!("{code:?}")))),
    }
}

fn ok(status: u16, body: &impl SealedBody) -> Answer {
    Ok((status, body.to_bytes().unwrap()))
}

impl TestServer {
    fn answer(&mut self, caller: ClientId, call: &Call) -> Answer {
        let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
        let parts: Vec<_> = path.trim_start_matches("/v3/").split('/').collect();
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.parse::<u64>().unwrap())
        };
        match (call.method.as_str(), &parts[..]) {
            ("PUT", ["clients", client, "bundles", "0"]) => {
                let link = BundleLink::from_bytes(&call.body).unwrap();
                self.bundles.entry(client.parse().unwrap()).or_insert(link);
                Ok((201, Vec::new()))
            }
            ("GET", ["clients", client, "bundles"]) => {
                let link = self.bundle(client.parse().unwrap(), caller);
                let link = link.ok_or_else(|| refused(404, SealedErrorCode::NoBundle))?;
                let links = if number("after").is_some() { vec![] } else { vec![link] };
                ok(200, &BundlePage { deleted: false, links })
            }
            ("POST", ["bundles"]) => {
                let BundlesOf(clients) = BundlesOf::from_bytes(&call.body).unwrap();
                let head = |client| BundleHead { client, deleted: false, link: self.bundle(client, caller) };
                ok(200, &BundleHeads(clients.into_iter().map(head).collect()))
            }
            ("POST", ["logs", writer, name]) => {
                self.append(caller, writer, name, Append::from_bytes(&call.body).unwrap())
            }
            ("POST", ["logs", _, _, "stages"]) => {
                let stage = Stage::from_bytes(&call.body).unwrap();
                self.staged.push(stage.clone());
                self.stages.insert(stage.entry.digest().to_string(), (stage, BTreeMap::new()));
                Ok((201, Vec::new()))
            }
            (_, ["stages", digest, rest @ ..]) => self.stage(caller, digest, rest, call),
            ("GET", ["logs", writer, name, rest @ ..]) => {
                let lie = self.lie;
                let rows = self.readable(caller, writer, name)?;
                match rest {
                    [] => rows.entries(caller, number("after"), lie),
                    ["wrap"] => {
                        let step = rows.steps.get(&Subject::Client(caller));
                        ok(200, &WrapSteps(step.into_iter().cloned().collect()))
                    }
                    _ => {
                        let (segment, below) = (number("segment").unwrap(), number("below").unwrap());
                        let links = rows.links.iter().rev();
                        let links = links.filter(|(of, at, _)| u64::from(*of) == segment && *at < below);
                        ok(200, &SealedLinks(links.map(|(_, at, link)| (*at, *link)).collect()))
                    }
                }
            }
            ("PUT", ["records", writer, name, _]) => {
                let write = RecordWrite::from_bytes(&call.body).unwrap();
                self.put(writer, name, write)
            }
            ("POST", ["records", writer, name, "read"]) => {
                let lie = self.lie;
                let ReadRecords(ids) = ReadRecords::from_bytes(&call.body).unwrap();
                let rows = self.readable(caller, writer, name)?;
                let view = |id: tozstore_crypto::RecordId| {
                    let found = rows.read(Some(&id.to_string()), lie).ok();
                    (id, found.map(|(_, body)| RecordView::from_bytes(&body).unwrap()))
                };
                ok(200, &RecordViews(ids.into_iter().map(view).collect()))
            }
            ("GET", ["records", writer, name, rest @ ..]) => {
                let lie = self.lie;
                let rows = self.readable(caller, writer, name)?;
                rows.read(rest.first().copied(), lie)
            }
            other => panic!("{other:?}"),
        }
    }

    fn bundle(&self, client: ClientId, caller: ClientId) -> Option<BundleLink> {
        let shown = match self.lie {
            Some(Lie::KeysOf(other)) if client != caller => other,
            _ => client,
        };
        self.bundles.get(&shown).cloned()
    }

    fn readable(&mut self, caller: ClientId, writer: &str, name: &str) -> Result<&mut TypeRows, Refusal> {
        let not_found = || refused(404, SealedErrorCode::NotFound);
        let rows = self.types.get_mut(&format!("{writer}/{name}")).ok_or_else(not_found)?;
        let state = rows.log.state();
        let may = state.place().writer == caller || state.grant(&Subject::Client(caller)).is_some();
        if may { Ok(rows) } else { Err(not_found()) }
    }

    /// Whether nothing is staged.
    pub(super) fn has_no_stage(&self) -> bool {
        self.stages.is_empty()
    }

    fn stage(&mut self, caller: ClientId, digest: &str, rest: &[&str], call: &Call) -> Answer {
        let gone = || refused(410, SealedErrorCode::StageGone);
        let (stage, pages) = self.stages.get_mut(digest).ok_or_else(gone)?;
        let (count, received) = (stage.entry.object().wrap_count, pages.values().flatten().count());
        let missing = count - u32::try_from(received).unwrap();
        match (call.method.as_str(), rest) {
            ("PUT", ["wraps", first]) => {
                if self.lost_pages > 0 {
                    self.lost_pages -= 1;
                } else {
                    pages.insert(first.parse().unwrap(), WrapPage::from_bytes(&call.body).unwrap().0);
                }
                Ok((200, Vec::new()))
            }
            ("GET", []) => {
                // Those at the beginning, in the tests.
                let missing = vec![MissingWraps { first: 0, count: missing }];
                ok(200, &StageState { count, received: count - missing[0].count, missing })
            }
            ("DELETE", []) => {
                self.stages.remove(digest);
                Ok((204, Vec::new()))
            }
            ("POST", ["commit"]) if missing > 0 => Err(refused(422, SealedErrorCode::StageIncomplete)),
            ("POST", ["commit"]) if self.lost_commits > 0 => {
                self.lost_commits -= 1;
                Err(refused(409, SealedErrorCode::HeadMoved))
            }
            ("POST", ["commit"]) => {
                let StageCommit(signature) = StageCommit::from_bytes(&call.body).unwrap();
                let (Stage { entry, private, beneath, links }, pages) = self.stages.remove(digest).unwrap();
                let place = entry.object().place.clone();
                let wraps = pages.into_values().flatten().collect();
                let append = Append { entry: Signed::new(entry, signature), private, beneath, links, wraps };
                self.append(caller, &place.writer.to_string(), place.type_name.as_str(), append)
            }
            other => panic!("{other:?}"),
        }
    }

    /// A client that has keys, and is heard of no more.
    pub(super) fn add_client(&mut self, client: ClientId) {
        let link = BundleLink::first(&SigningKeyPair::generate(), STORE, client).unwrap();
        self.bundles.insert(client, link);
    }

    fn append(&mut self, caller: ClientId, writer: &str, name: &str, append: Append) -> Answer {
        let entry = append.entry.object();
        assert_eq!(entry.author, caller);
        let link = &self.bundles[&caller];
        let chain = BundleChain::begin(STORE, caller, link).unwrap();
        let key = format!("{writer}/{name}");
        let place =
            TypePlace { store: STORE, writer: writer.parse().unwrap(), type_name: name.parse().unwrap() };
        let rows = self.types.entry(key).or_insert_with(|| TypeRows::new(place));
        if rows.log.state().head().map(|head| head.digest) != entry.previous {
            return Err(refused(409, SealedErrorCode::HeadMoved));
        }
        let private: Vec<_> = (0..).zip(append.private.iter().cloned()).collect();
        let verified = VerifiedEntry::new(&append.entry, &chain, &private).unwrap();
        let mut log = rows.log.clone();
        let step = log.push(&verified).map_err(|_| refused(400, SealedErrorCode::Rule))?;
        step.ensure_nothing_void().map_err(|_| refused(400, SealedErrorCode::Rule))?;
        let dues = log.state().wraps_due(entry, &step, &BTreeSet::new()).unwrap();
        let given = append.wraps.iter().map(|wrap| (wrap.subject, wrap.subject_head, wrap.from_segment));
        assert!(given.eq(dues.iter().map(|due| (due.subject, due.head, due.from_segment))));
        let leaves: Vec<_> = (0..).zip(&append.wraps).map(|(at, wrap)| wrap.leaf(at).unwrap()).collect();
        assert_eq!(Tree::of(leaves.iter().copied()).root(), entry.wrap_root);
        for ((at, wrap), path) in append.wraps.iter().enumerate().zip(paths_of(&leaves)) {
            let step = WrapStep {
                kind: WrapStep::LOG,
                id: *entry.place.writer.as_bytes(),
                position: entry.position,
                index: u32::try_from(at).unwrap(),
                count: entry.wrap_count,
                wrap: wrap.clone(),
                path,
            };
            rows.steps.insert(wrap.subject, step);
        }
        for (segment, link) in &append.links {
            let number =
                entry.epochs.iter().find(|block| block.head.segment == *segment).unwrap().head.number;
            rows.links.push((*segment, number, *link));
        }
        rows.log = log;
        let beneath = append.beneath.clone();
        rows.entries.push(EntryView { entry: append.entry.clone(), private, beneath });
        ok(201, &rows.head(usize::MAX))
    }

    fn put(&mut self, writer: &str, name: &str, write: RecordWrite) -> Answer {
        let rows = self.types.get_mut(&format!("{writer}/{name}")).unwrap();
        let version = write.record.version.object();
        let state = rows.log.state();
        if !state.may_write(version.author) {
            return Err(refused(404, SealedErrorCode::NotFound));
        }
        if !write.has_no_key() && write.key.epoch() != state.current().unwrap().id() {
            self.refused_epochs += 1;
            return Err(refused(409, SealedErrorCode::EpochOld));
        }
        let before = rows
            .versions
            .iter()
            .rev()
            .find(|v| v.record.version.object().place.record == version.place.record);
        let before = before.map(|v| (v.record.version.object().place.version, v.record.version.digest()));
        if before.is_some_and(|(_, digest)| digest == write.record.version.digest()) {
            return Ok((200, Vec::new()));
        }
        if before.map(|(_, digest)| digest) != version.previous {
            return Err(refused(409, SealedErrorCode::VersionConflict));
        }
        rows.versions.push(write);
        Ok((201, Vec::new()))
    }
}

impl TypeRows {
    fn new(place: TypePlace) -> Self {
        Self {
            log: LogReplay::new(place),
            entries: Vec::new(),
            steps: BTreeMap::new(),
            links: Vec::new(),
            versions: Vec::new(),
        }
    }

    fn head(&self, most: usize) -> Head {
        let last = &self.entries[..self.entries.len().min(most)].last().unwrap().entry;
        Head { position: last.object().position, digest: last.digest(), marks: Marks::default() }
    }

    fn entries(&self, caller: ClientId, after: Option<u64>, lie: Option<Lie>) -> Answer {
        let most = if let Some(Lie::ShortLog(most)) = lie { most } else { usize::MAX };
        let state = self.log.state();
        let held = state.grant(&Subject::Client(caller)).map(|held| held.grant.rights);
        let sees_all = state.place().writer == caller || held.is_some_and(|rights| !rights.is_read_only());
        let first = after.map_or(0, |after| usize::try_from(after).unwrap() + 1);
        let shown = self.entries.iter().take(most).skip(first).map(|view| {
            let mut view = view.clone();
            view.private.retain(|(_, change)| {
                if lie == Some(Lie::WithholdGrants) {
                    return false;
                }
                let subject = Change::parse(&change.change).ok().and_then(|change| change.subject());
                sees_all || subject == Some(Subject::Client(caller))
            });
            view
        });
        ok(200, &EntryPage { head: self.head(most), entries: shown.collect() })
    }

    fn read(&self, record: Option<&str>, lie: Option<Lie>) -> Answer {
        let mut newest: BTreeMap<_, &RecordWrite> = BTreeMap::new();
        for version in &self.versions {
            let id = version.record.version.object().place.record;
            if lie == Some(Lie::OldVersions) {
                newest.entry(id).or_insert(version);
            } else {
                newest.insert(id, version);
            }
        }
        let view = |write: &RecordWrite| {
            let mut record = write.record.clone();
            if lie == Some(Lie::DropField) {
                let mut fields: Vec<_> = record.fields.iter().map(|(n, b)| (n.clone(), b.clone())).collect();
                fields.pop();
                record.fields = tozstore_crypto::sealed::RecordFields::new(fields).unwrap();
            }
            if lie == Some(Lie::LeafForField) {
                let last = record.fields.iter().last().unwrap().0.clone();
                record.fields = record.fields.project(|name| *name != last);
            }
            RecordView { record, key: write.key.clone(), census: None }
        };
        let Some(record) = record else {
            let live = newest.values().filter(|write| !write.has_no_key()).copied();
            let shown = live.skip(usize::from(lie == Some(Lie::HideFirst)));
            return ok(200, &RecordPage { next: 0, records: shown.map(view).collect() });
        };
        let id = record.parse().unwrap();
        let found = match lie {
            Some(Lie::NoRecord) => None,
            Some(Lie::OtherRecord) => newest.iter().find(|(other, _)| **other != id).map(|(_, write)| *write),
            _ => newest.get(&id).copied(),
        };
        let found = found.ok_or_else(|| refused(404, SealedErrorCode::NotFound))?;
        ok(200, &view(found))
    }
}
