//! What a client can make that holds keys of a type and works together with the server: entries and versions that are
//! signed with its own keys, and whatever a holder of the access keys can seal.

use tozstore::RecordId;
use tozstore_api::sealed::{
    EntryPage, EntryView, Head, Marks, RecordView, SealedBody as _, SealedLinks, SealedTypeRows, WrapStep,
    WrapSteps,
};
use tozstore_crypto::ClientId;
use tozstore_crypto::sealed::{
    AccessKey, Change, DataKey, Digest, Encoded, EpochId, FieldForm, FieldToSeal, KeyRing, LINK_BYTES,
    LogEntry, LogPosition, LogReplay, Names, PlacedWrap, Plain, PrivateChange, RecordDraft, RecordPlace,
    Signed, SigningKey, Subject, Tree, TypePlace, VerifiedEntry, Wrap, WrapsOf, path_of,
};

use super::{Answer, Liar, Party};

/// A client with the server's rows of a type in its hands.
pub struct Insider {
    /// The log.
    pub log: LogReplay,
    /// The keys that it opens.
    pub ring: KeyRing,
    /// The rows.
    pub rows: SealedTypeRows,
}

impl Insider {
    /// Opens what `client` can. `authors` are all who signed entries.
    pub fn new(rows: SealedTypeRows, place: TypePlace, client: &Party, authors: &[&Party]) -> Self {
        let (mut log, mut ring, mut signed) = (LogReplay::new(place), KeyRing::new(), Vec::new());
        for view in &rows.entries {
            let entry = view.entry.object();
            let author = authors.iter().find(|party| party.id() == entry.author).expect("an author");
            let chain = author.chain();
            let verified = VerifiedEntry::new(&view.entry, &chain, &view.private).expect("an entry");
            log.push(&verified).expect("the next entry");
            signed.push(WrapsOf {
                previous: entry.previous,
                author_bundle: entry.author_bundle,
                count: entry.wrap_count,
                root: entry.wrap_root,
            });
        }
        let own = rows.wraps.iter().filter(|step| step.wrap.subject == Subject::Client(client.id()));
        for step in own {
            let (position, index) = (step.position, step.index);
            let placed = PlacedWrap { position, index, wrap: step.wrap.clone(), path: step.path.clone() };
            let entry = &signed[usize::try_from(position).expect("a position")];
            ring.open_wrap(&log, entry, &placed, &client.keys().wrap_private_key()).expect("its own wrap");
        }
        let epochs = log.epochs().to_vec();
        for newer in epochs.iter().rev() {
            let is_link = |row: &&(u32, u64, _)| (row.0, row.1) == (newer.head.segment, newer.head.number);
            if let Some((_, _, link)) = rows.links.iter().find(is_link) {
                ring.follow_link(&log, newer, link).ok();
            }
        }
        Self { log, ring, rows }
    }

    /// The newest entry.
    pub fn head(&self) -> LogPosition {
        self.log.state().head().expect("a log")
    }

    /// The current epoch.
    pub fn epoch(&self) -> EpochId {
        self.log.state().current().expect("an epoch").id()
    }

    /// A record as the server has it.
    pub fn record(&self, id: RecordId) -> RecordView {
        let found = self.rows.records.iter().find(|view| view.record.version.object().place.record == id);
        found.expect("a record").clone()
    }

    /// The data key of a record.
    pub fn data_key(&self, view: &RecordView, author: &Party) -> DataKey {
        let chain = author.chain();
        let verified = view.record.verify(&view.record.version.object().place, &chain).expect("a version");
        let epoch = view.key.epoch();
        let key = self.key(&epoch).wrapping_key(epoch);
        verified.open_data_key(&key, &view.key).expect("its data key")
    }

    /// An access key that it opened.
    pub fn key(&self, epoch: &EpochId) -> &AccessKey {
        self.ring.key(epoch).expect("an access key")
    }

    /// A version after `before` in the name of `author`, signed with any key, under any epoch that it has the key of.
    pub fn version(
        &self,
        before: &RecordView,
        author: &Party,
        key: &SigningKey,
        (basis, epoch): (LogPosition, EpochId),
    ) -> RecordView {
        let old = before.record.version.object();
        let place = RecordPlace { version: old.place.version + 1, ..old.place.clone() };
        let draft = RecordDraft {
            place: place.clone(),
            previous: Some(before.record.version.digest()),
            author: author.id(),
            author_bundle: author.chain().fingerprint(),
            basis,
            written_ms: old.written_ms + 1,
        };
        let fields = [FieldToSeal { name: "a", form: FieldForm::Text, value: b"forged" }];
        let data_key = DataKey::generate();
        let record = draft.seal(Names::Shown, &fields, Plain::default(), None, &data_key, key);
        // Who has no key of that epoch makes one up.
        let made_up = AccessKey::generate();
        let key = self.ring.key(&epoch).unwrap_or(&made_up).wrapping_key(epoch).wrap(&place, &data_key);
        RecordView { record: record.expect("a version"), key, census: None }
    }
}

/// An entry that goes on with a log: changes and wraps, without new keys.
pub fn next_entry(
    log: &LogReplay,
    author: &Party,
    key: &SigningKey,
    (public, private): (Vec<Change>, Vec<Change>),
    wraps: &[Wrap],
) -> EntryView {
    let state = log.state();
    let head = state.head().expect("a log");
    let private: Vec<_> =
        private.iter().map(|change| PrivateChange::new(change).expect("a change")).collect();
    let entry = LogEntry {
        place: state.place().clone(),
        position: head.position + 1,
        previous: Some(head.digest),
        author: author.id(),
        author_bundle: author.chain().fingerprint(),
        made_ms: 1,
        writer_bundle: state.writer_bundle().expect("the writer's keys"),
        public,
        private: private.iter().map(PrivateChange::commitment).collect(),
        epochs: Vec::new(),
        wrap_count: u32::try_from(wraps.len()).expect("a few"),
        wrap_root: root_of(wraps),
        beneath: None,
        census: None,
        notice: None,
    };
    let entry = Encoded::new(&entry).expect("an entry").sign(key);
    EntryView { entry, private: shown(&private), beneath: None }
}

/// Private changes as all of them are shown.
pub fn shown(private: &[PrivateChange]) -> Vec<(u32, PrivateChange)> {
    (0..).zip(private.iter().cloned()).collect()
}

/// The entry with something changed, signed again with any key.
pub fn reseal(entry: &LogEntry, key: &SigningKey, change: impl FnOnce(&mut LogEntry)) -> Signed<LogEntry> {
    let mut entry = entry.clone();
    change(&mut entry);
    Encoded::new(&entry).expect("an entry").sign(key)
}

fn leaves_of(wraps: &[Wrap]) -> Vec<Digest> {
    (0..).zip(wraps).map(|(at, wrap)| wrap.leaf(at).expect("a leaf")).collect()
}

fn root_of(wraps: &[Wrap]) -> Digest {
    Tree::of(leaves_of(wraps)).root()
}

/// Lets a liar show one more entry at the end of the log of a type, with its wraps and links.
pub fn extend_log(liar: &Liar, view: EntryView, wraps: Vec<Wrap>, links: Vec<(u64, [u8; LINK_BYTES])>) {
    let leaves = leaves_of(&wraps);
    let log = {
        let place = &view.entry.object().place;
        format!("/v3/logs/{}/{}", place.writer, place.type_name)
    };
    let step = move |view: &EntryView, caller: ClientId| {
        let entry = view.entry.object();
        let at = wraps.iter().position(|wrap| wrap.subject == Subject::Client(caller))?;
        Some(WrapStep {
            kind: WrapStep::LOG,
            id: *entry.place.writer.as_bytes(),
            position: entry.position,
            index: u32::try_from(at).ok()?,
            count: entry.wrap_count,
            wrap: wraps[at].clone(),
            path: path_of(&leaves, at)?,
        })
    };
    liar.after(move |asked, answer| {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        if !asked.is("GET", &log) {
        } else if path.ends_with("/wrap") {
            if let Some(step) = asked.caller().and_then(|caller| step(&view, caller)) {
                *answer = Answer::sealed(200, &WrapSteps(vec![step]));
            }
        } else if path.ends_with("/links") {
            let SealedLinks(older) = SealedLinks::from_bytes(&answer.body).expect("links");
            *answer = Answer::sealed(200, &SealedLinks([links.clone(), older].concat()));
        } else {
            let after = query.strip_prefix("after=").and_then(|after| after.parse::<u64>().ok());
            let position = view.entry.object().position;
            let mut entries = EntryPage::from_bytes(&answer.body).map_or(Vec::new(), |page| page.entries);
            if after.is_none_or(|after| after < position) {
                entries.push(view.clone());
            }
            let head = Head { position, digest: view.entry.digest(), marks: Marks::default() };
            *answer = Answer::sealed(200, &EntryPage { head, entries });
        }
    });
}
