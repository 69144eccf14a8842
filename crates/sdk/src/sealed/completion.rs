//! Completion: data keys that hang on old epochs are wrapped under the newest ones.
//!
//! What is left, the server lists, so a completion that was cut off goes on where it was. For each key one wrap is opened
//! and one sealed; versions are verified where their signature decides (see [`Trust`]).

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use tozstore_api::paths;
use tozstore_api::sealed::{Rewrap, RewrapResult, RewrapResults, Rewraps, StaleRecord, StaleRecords};
use tozstore_crypto::sealed::{EpochId, Standing, TypePlace, WrappingKey};
use tozstore_crypto::{ClientId, RecordId};

use super::SealedClient;
use super::open_type::OpenType;
use crate::{Error, UntrustedData};

/// How to complete a rotation.
#[derive(Clone, Debug, Default)]
pub struct CompleteOptions {
    /// Data keys a second, at most.
    pub keys_per_s: Option<u32>,
    /// Authors who may not write any more, whose versions are taken although nothing says that they are from before.
    pub accept: BTreeSet<ClientId>,
}

/// How far a completion is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompletionProgress {
    /// Data keys that were exchanged.
    pub rewrapped: u64,
    /// Data keys that are left, those that cannot be exchanged among them; of a large type, in its first part.
    pub left: u64,
}

/// What a completion came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Data keys that were exchanged.
    pub rewrapped: u64,
    /// Records that still hang on old keys.
    pub held: Vec<HeldRecord>,
}

/// A record whose data key was not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// Which.
    pub record: RecordId,
    /// Who signed its version, or is said to have.
    pub author: ClientId,
    /// Why.
    pub reason: HeldReason,
}

/// Why a data key was not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldReason {
    /// Its author may not write any more, and may have signed it since. Who has made sure names the author in
    /// [`CompleteOptions::accept`], or writes the record anew.
    AuthorRevoked,
    /// It is not signed by whom it names, or not as somebody entitled to.
    NotSigned,
    /// Its key does not open. Nobody reads it any more: it is to be written or deleted anew.
    Unreadable,
}

/// Passes over a type in which others write: what they write meanwhile hangs on the newest key.
const MAX_PASSES: usize = 8;

/// Whether signatures decide anything. Where nobody ever lost the right to write, or keys, a version that is falsely signed is
/// one that no reader takes, whatever its key hangs on.
enum Trust {
    All,
    Verified,
}

/// The keys of a type that re-wraps need, by epoch: of the old ones, and of the segments' newest.
#[derive(Default)]
struct Keys {
    old: HashMap<EpochId, (WrappingKey, u32)>,
    heads: HashMap<u32, WrappingKey>,
}

impl SealedClient {
    /// Wraps all data keys of a type under its newest keys: then nothing in the server's database opens with older ones, but
    /// for copies and backups. For the writer, and delegates that may rotate. It can be stopped at any time, and called
    /// again; several devices may do it at once.
    ///
    /// # Errors
    /// As for [`Self::rotate`]. Records that are held back are no error: see [`Completion::held`].
    pub async fn complete(
        &self,
        writer: ClientId,
        record_type: &str,
        options: &CompleteOptions,
        mut progress: impl FnMut(CompletionProgress),
    ) -> Result<Completion, Error> {
        let place = self.place(writer, record_type)?;
        let trust = self.begin_completion(&place).await?;
        let mut done = Completion::default();
        for _ in 0..MAX_PASSES {
            let before = done.rewrapped;
            done.held.clear();
            self.pass(&place, &trust, options, &mut done, &mut progress).await?;
            if done.rewrapped == before {
                break;
            }
        }
        Ok(done)
    }

    /// Gives new keys to segments of which somebody may have the newest who holds no grant any more.
    async fn begin_completion(&self, place: &TypePlace) -> Result<Trust, Error> {
        let open = self.open_type(place);
        let mut open = open.lock().await;
        let is_owed = self.follow(&mut open).await?.marks.rotation_owed;
        let decide = |open: &OpenType| {
            let state = open.log.state();
            let Some(current) = state.current() else { return Ok(None) };
            // Whoever was removed was removed no later than the current segment got its key.
            let doubtful = state.heads().iter().filter(|head| head.entry.position < current.entry.position);
            let mut rotate: BTreeSet<u32> = doubtful.map(|head| head.head.segment).collect();
            rotate.extend(is_owed.then_some(current.head.segment));
            if rotate.is_empty() {
                return Ok(None);
            }
            let mut draft = self.draft(open, Vec::new());
            draft.rotate = rotate;
            Ok(Some(draft))
        };
        self.append(&mut open, decide).await?;
        if open.log.state().has_former_editors() {
            return Ok(Trust::Verified);
        }
        let authors: Vec<_> = open.log.state().editors().chain([place.writer]).collect();
        for author in authors {
            if self.chain(author, None).await?.is_compromised(0) {
                return Ok(Trust::Verified);
            }
        }
        Ok(Trust::All)
    }

    /// Goes over what the server lists, once.
    async fn pass(
        &self,
        place: &TypePlace,
        trust: &Trust,
        options: &CompleteOptions,
        done: &mut Completion,
        progress: &mut impl FnMut(CompletionProgress),
    ) -> Result<(), Error> {
        let (mut after, mut keys, mut left) = (None, Keys::default(), 0_u64);
        loop {
            let began = Instant::now();
            let target = paths::sealed_records_stale(place.writer, &place.type_name, after);
            let page: StaleRecords =
                self.get(target).await.map_err(|refusal| refusal.naming("this sealed type"))?;
            left = if after.is_none() { page.left } else { left.max(page.left) };
            let mut rewraps = Vec::with_capacity(page.records.len());
            for stale in &page.records {
                let at = stale.version.object();
                if at.place.record_type != *place || after.is_some_and(|after| at.place.record <= after) {
                    return Err(UntrustedData::WrongAnswer("list of records").into());
                }
                after = Some(at.place.record);
                match self.rewrap(place, stale, trust, options, &mut keys).await? {
                    Ok(rewrap) => rewraps.push(rewrap),
                    Err(reason) => {
                        done.held.push(HeldRecord { record: at.place.record, author: at.author, reason });
                    }
                }
            }
            let sent = rewraps.len() as u64;
            if sent > 0 {
                let target = paths::sealed_records_rewraps(place.writer, &place.type_name);
                let RewrapResults(results) = self.post(target, &Rewraps(rewraps)).await?;
                let changed =
                    results.iter().filter(|result| **result == RewrapResult::Changed).count() as u64;
                done.rewrapped += sent.saturating_sub(changed);
                left = left.saturating_sub(sent);
                if changed > 0 {
                    // Somebody wrote, or rotated: the next pass finds what is left, under the keys of then.
                    keys = Keys::default();
                    let open = self.open_type(place);
                    self.follow(&mut *open.lock().await).await?;
                }
            }
            progress(CompletionProgress { rewrapped: done.rewrapped, left });
            match page.next {
                Some(next) if after.is_none_or(|after| next >= after) => after = Some(next),
                Some(_) => return Err(UntrustedData::WrongAnswer("list of records").into()),
                None => return Ok(()),
            }
            if let Some(most) = options.keys_per_s.filter(|most| *most > 0) {
                let due = Duration::from_secs_f64(sent as f64 / f64::from(most));
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            }
        }
    }

    /// One data key under the newest key of its segment; or why not.
    async fn rewrap(
        &self,
        place: &TypePlace,
        stale: &StaleRecord,
        trust: &Trust,
        options: &CompleteOptions,
        keys: &mut Keys,
    ) -> Result<Result<Rewrap, HeldReason>, Error> {
        let (version, epoch) = (stale.version.object(), stale.key.epoch());
        if matches!(trust, Trust::Verified)
            && let Err(reason) = self.judge_stale(place, stale, options).await?
        {
            return Ok(Err(reason));
        }
        if !keys.old.contains_key(&epoch) && !self.find_keys(place, &epoch, keys).await? {
            return Ok(Err(HeldReason::Unreadable));
        }
        let found = keys.old.get(&epoch).and_then(|(old, segment)| Some((old, keys.heads.get(segment)?)));
        let Some((old, new)) = found else { return Ok(Err(HeldReason::Unreadable)) };
        let Ok(data_key) = old.open(&version.place, &stale.key, &version.key_commitment) else {
            return Ok(Err(HeldReason::Unreadable));
        };
        Ok(Ok(Rewrap {
            record: version.place.record,
            version: version.place.version,
            replaces: stale.key.digest(),
            key: new.wrap(&version.place, &data_key),
        }))
    }

    /// Whether a version is its author's, and may be made to last.
    async fn judge_stale(
        &self,
        place: &TypePlace,
        stale: &StaleRecord,
        options: &CompleteOptions,
    ) -> Result<Result<(), HeldReason>, Error> {
        let version = stale.version.object();
        let author = self.chain(version.author, Some(&version.author_bundle)).await?;
        let Some(bundle) = author.find(&version.author_bundle) else { return Ok(Err(HeldReason::NotSigned)) };
        if stale.version.verify(&bundle.object().signing_key).is_err() {
            return Ok(Err(HeldReason::NotSigned));
        }
        let open = self.open_type(place);
        let open = open.lock().await;
        let epoch = stale.key.epoch();
        let Ok(standing) = open.log.judge_version(version, Some(&epoch), &author) else {
            return Ok(Err(HeldReason::NotSigned));
        };
        let (number, digest) = (version.place.version, stale.version.digest());
        let is_remembered = || {
            let state = self.state();
            let seen = state.record(place, version.place.record);
            seen.is_some_and(|seen| (seen.version, seen.digest) == (number, digest))
        };
        let is_taken =
            standing == Standing::Current || options.accept.contains(&version.author) || is_remembered();
        Ok(if is_taken { Ok(()) } else { Err(HeldReason::AuthorRevoked) })
    }

    /// Finds the key of an epoch, and the newest of its segment. Returns whether they are there.
    async fn find_keys(&self, place: &TypePlace, epoch: &EpochId, keys: &mut Keys) -> Result<bool, Error> {
        let open = self.open_type(place);
        let mut open = open.lock().await;
        if open.log.epoch(epoch).is_none() {
            self.follow(&mut open).await?;
        }
        let Some(segment) = open.log.epoch(epoch).map(|epoch| epoch.head.segment) else { return Ok(false) };
        let head = open.log.state().heads().iter().find(|head| head.head.segment == segment);
        let Some(head) = head.map(tozstore_crypto::sealed::Epoch::id) else { return Ok(false) };
        for wanted in [&head, epoch] {
            match self.access_key(&mut open, wanted).await {
                Ok(key) if *wanted == head => drop(keys.heads.insert(segment, key.wrapping_key(head))),
                Ok(key) => drop(keys.old.insert(*epoch, (key.wrapping_key(*epoch), segment))),
                Err(Error::Untrusted(UntrustedData::SealedKeysUnreadable { .. })) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
