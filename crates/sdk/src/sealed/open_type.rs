//! One sealed type as this client has it: its log up to the newest entry that was read, and the keys that it opened.

use tozstore_api::paths;
use tozstore_api::sealed::{EntryPage, EntryView, Head, SealedLinks, WrapStep, WrapSteps};
use tozstore_crypto::sealed::{
    AccessKey, EpochId, KeyRing, LogReplay, PlacedWrap, Rights, Subject, TypePlace, VerifiedEntry, WrapsOf,
    countable,
};

use super::listings::Listing;
use super::{SealedClient, backwards, wire};
use crate::{Error, UntrustedData};

/// A type's log and keys.
pub(super) struct OpenType {
    pub(super) log: LogReplay,
    pub(super) ring: KeyRing,
    /// What each entry signs about its wraps, by position.
    pub(super) wraps: Vec<WrapsOf>,
    /// A listing under way.
    pub(super) listing: Option<Listing>,
}

impl OpenType {
    pub(super) fn new(place: TypePlace) -> Self {
        Self { log: LogReplay::new(place), ring: KeyRing::new(), wraps: Vec::new(), listing: None }
    }

    pub(super) fn place(&self) -> &TypePlace {
        self.log.state().place()
    }

    pub(super) fn name(&self) -> String {
        self.place().type_name.to_string()
    }

    fn unreadable(&self) -> Error {
        UntrustedData::SealedKeysUnreadable { record_type: self.name() }.into()
    }

    /// Takes an entry that this client made, once the server has it.
    pub(super) fn push(&mut self, verified: &VerifiedEntry<'_>) -> Result<(), Error> {
        let entry = verified.entry();
        self.log.push(verified).map_err(|error| UntrustedData::SealedLogBroken {
            record_type: entry.place.type_name.to_string(),
            position: entry.position,
            reason: error.to_string(),
        })?;
        self.wraps.push(WrapsOf {
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            count: entry.wrap_count,
            root: entry.wrap_root,
        });
        Ok(())
    }
}

impl SealedClient {
    /// What this client may do in a type: none if nothing, all if it is its own.
    pub(super) fn rights_in(&self, open: &OpenType) -> Option<Rights> {
        if open.place().writer == self.id() {
            return Rights::from_byte(31).ok();
        }
        open.log.state().grant(&Subject::Client(self.id())).map(|held| held.grant.rights)
    }

    /// Refuses to go on if this client has to see all grants, and does not.
    pub(super) fn ensure_sees_all(&self, open: &OpenType) -> Result<(), Error> {
        let has_to = self.rights_in(open).is_some_and(|rights| !rights.is_read_only());
        if has_to && open.log.state().unseen() > 0 {
            return Err(UntrustedData::SealedGrantsWithheld { record_type: open.name() }.into());
        }
        Ok(())
    }

    /// Whether all records of the type are shown to this client: none are from before its grant began.
    pub(super) fn reads_all(&self, open: &OpenType) -> bool {
        let held = open.log.state().grant(&Subject::Client(self.id()));
        open.place().writer == self.id() || held.is_some_and(|held| held.grant.from_segment == 0)
    }

    /// Reads the log to its head, verifies it, and compares it with what was seen before.
    pub(super) async fn follow(&self, open: &mut OpenType) -> Result<Head, Error> {
        let head = self.read_on(open).await?;
        let sees_all = self.rights_in(open).is_some_and(|rights| !rights.is_read_only());
        if !sees_all || open.log.state().unseen() == 0 {
            return Ok(head);
        }
        // It has become a delegate or editor, and is shown now what was hidden from it.
        *open = OpenType::new(open.place().clone());
        self.read_on(open).await
    }

    async fn read_on(&self, open: &mut OpenType) -> Result<Head, Error> {
        let read = self.read_entries(open).await;
        if let Err(Error::Untrusted(_)) = &read {
            // Nothing stays of a log that was refused: the next call would go on from it.
            *open = OpenType::new(open.place().clone());
        }
        read
    }

    async fn read_entries(&self, open: &mut OpenType) -> Result<Head, Error> {
        let place = open.place().clone();
        let last = open.log.state().head().map(|head| head.position);
        let (head, entries) = self.fetch_entries(open, last).await?;
        let mut authors = Vec::new();
        for view in &entries {
            let entry = view.entry.object();
            let chain = self.author_chain(entry.author, &entry.author_bundle).await?;
            let bundle = chain.find(&entry.author_bundle).map(|bundle| bundle.object().sequence);
            let broken = UntrustedData::SealedChainBroken { client: entry.author };
            authors.push((chain, bundle.ok_or(broken)?));
        }
        let lines: Vec<_> = entries
            .iter()
            .zip(&authors)
            .map(|(view, (_, sequence))| {
                (view.entry.object().position, view.entry.object().author, *sequence)
            })
            .collect();
        let remembered = self.state().log(&place).map(|seen| seen.head.position);
        let is_replaced = |author, sequence| {
            let mut chains = authors.iter().map(|(chain, _)| chain);
            chains.any(|chain| chain.client() == author && chain.is_compromised(sequence))
        };
        let counting = countable(&lines, remembered, is_replaced);
        for (view, (chain, _)) in entries.iter().zip(&authors).take(counting) {
            let entry = view.entry.object();
            let verified = VerifiedEntry::new(&view.entry, chain, &view.private).map_err(|error| {
                UntrustedData::SealedLogBroken {
                    record_type: open.name(),
                    position: entry.position,
                    reason: error.to_string(),
                }
            })?;
            open.push(&verified)?;
        }
        let shown = open.log.state().head();
        let digest_at = |position| open.log.digest_at(position);
        self.state()
            .check_log(&place, shown.map(|head| head.position), digest_at)
            .map_err(|source| backwards(format!("the log of type {:?}", open.name()), source))?;
        if let Some((_, author, _)) = lines.get(counting) {
            let unsettled = UntrustedData::SealedLogUnsettled { record_type: open.name(), author: *author };
            return Err(unsettled.into());
        }
        if shown.is_some_and(|shown| (shown.position, shown.digest) != (head.position, head.digest)) {
            return Err(UntrustedData::WrongAnswer("head of a log").into());
        }
        let has_duties = self.rights_in(open).is_some_and(|rights| !rights.is_read_only());
        self.state().remember_log(open.log.state(), has_duties, wire::now_ms());
        if last != shown.map(|head| head.position) {
            self.save_state()?;
        }
        Ok(head)
    }

    async fn fetch_entries(
        &self,
        open: &OpenType,
        last: Option<u64>,
    ) -> Result<(Head, Vec<EntryView>), Error> {
        let place = open.place();
        let (mut after, mut entries) = (last, Vec::new());
        loop {
            let target = paths::sealed_entries(place.writer, &place.type_name, after);
            let page: EntryPage = self.get(target).await.map_err(|refusal| {
                let seen = self.state().log(place).map(|seen| seen.head.position);
                match seen.filter(|_| refusal.is_not_found()) {
                    // One's own log does not go away. That of another does for who may not read it any more.
                    Some(expected) if place.writer == self.id() => backwards(
                        format!("the log of type {:?}", open.name()),
                        tozstore_crypto::sealed::Backwards::RolledBack { expected, shown: 0 },
                    ),
                    _ => refusal.naming("this sealed type"),
                }
            })?;
            let reached = page.entries.last().map(|view| view.entry.object().position);
            // An empty page in front of the head is shorter than what it says; the comparison with the head finds it.
            let is_done =
                reached.is_none_or(|reached| reached >= page.head.position || after >= Some(reached));
            after = reached.or(after);
            entries.extend(page.entries);
            if is_done {
                return Ok((page.head, entries));
            }
        }
    }

    /// Opens the newest wrap, if a key is missing of the heads that this client may have.
    pub(super) async fn open_keys(&self, open: &mut OpenType) -> Result<(), Error> {
        let state = open.log.state();
        let from_segment = if open.place().writer == self.id() {
            0
        } else {
            let held = state.grant(&Subject::Client(self.id()));
            // Without a grant of one's own the server says whether there is a way.
            held.map_or(0, |held| held.grant.from_segment)
        };
        let mut heads = state.heads().iter().filter(|epoch| epoch.head.segment >= from_segment);
        if heads.all(|epoch| open.ring.key(&epoch.id()).is_some()) {
            return Ok(());
        }
        let place = open.place().clone();
        let target = paths::sealed_log_wrap(place.writer, &place.type_name, None);
        let WrapSteps(steps) =
            self.get(target).await.map_err(|refusal| refusal.naming("a way to the keys of this type"))?;
        let [step] = steps.try_into().map_err(|_| open.unreadable())?;
        let WrapStep { kind, id, position, index, count, wrap, path } = step;
        let entry = usize::try_from(position).ok().and_then(|at| open.wraps.get(at).copied());
        let entry = entry.filter(|entry| entry.count == count).ok_or_else(|| open.unreadable())?;
        let is_own = wrap.subject == Subject::Client(self.id()) && wrap.subject_head == self.fingerprint();
        if !is_own || kind != WrapStep::LOG || id != *place.writer.as_bytes() {
            return Err(open.unreadable());
        }
        let placed = PlacedWrap { position, index, wrap, path };
        open.ring.open_wrap(&open.log, &entry, &placed, &self.0.keys.wrap_private_key()).map_err(|_| {
            UntrustedData::SealedKeysUnreadable { record_type: place.type_name.to_string() }.into()
        })
    }

    /// The access key of an epoch: from the newest wrap, or along links from there.
    pub(super) async fn access_key<'a>(
        &self,
        open: &'a mut OpenType,
        epoch: &EpochId,
    ) -> Result<&'a AccessKey, Error> {
        self.open_keys(open).await?;
        let path = open.ring.links_to(&open.log, epoch).ok_or_else(|| open.unreadable())?;
        let place = open.place().clone();
        let mut links = Vec::new();
        for newer in path {
            let number = newer.head.number;
            // One page has many of them, in the order in which they are followed.
            if !links.iter().any(|(at, _)| *at == number) {
                let target =
                    paths::sealed_log_links(place.writer, &place.type_name, newer.head.segment, number + 1);
                SealedLinks(links) =
                    self.get(target).await.map_err(|refusal| refusal.naming("the link to an older key"))?;
            }
            let link = links.iter().find(|(at, _)| *at == number).ok_or_else(|| open.unreadable())?;
            open.ring.follow_link(&open.log, &newer, &link.1).map_err(|_| {
                UntrustedData::SealedKeysUnreadable { record_type: place.type_name.to_string() }
            })?;
        }
        open.ring
            .key(epoch)
            .ok_or(UntrustedData::SealedKeysUnreadable { record_type: place.type_name.to_string() }.into())
    }
}
