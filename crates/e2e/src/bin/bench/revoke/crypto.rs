//! What revoking costs the client in cryptography alone, without a server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hint::black_box;
use std::time::Duration;

use tozstore::Rights;
use tozstore_crypto::sealed::{
    AccessKey, BundleChain, BundleLink, Change, ClientKeys, DataKey, Digest, EntryDraft, EpochId, Grant,
    KeyRing, Known, LogReplay, MAX_WRAPS_WITHOUT_EPOCH, RecordPlace, Settings, Subject, TypePlace,
    VerifiedEntry, WrapPublicKey,
};
use tozstore_crypto::{ClientId, RecordId, SigningKeyPair, StoreId};

use crate::{AnyError, cpu};

/// A writer with a type that others may read, and their public keys by the digest of their bundles.
struct Case {
    keys: ClientKeys,
    chain: BundleChain,
    log: LogReplay,
    ring: KeyRing,
    readers: Vec<(ClientId, Digest)>,
    public_keys: HashMap<Digest, WrapPublicKey>,
}

/// Processor time of one thread that an entry takes which removes a reader and leaves so many: a fresh key, its link,
/// wraps (X-Wing) for those who remain and the writer, the tree over them, and the signature. The mean over at least
/// `at_least`.
pub(crate) fn time_of_revocation(remaining: u64, at_least: Duration) -> Result<Duration, AnyError> {
    let case = Case::with_readers(remaining + 1)?;
    let (removed, _) = case.readers.first().ok_or("nobody to revoke")?;
    let mut draft = case.draft(vec![Change::Remove(Subject::Client(*removed))]);
    draft.rotate.insert(0);
    let signing_key = case.keys.signing_key();
    mean_of(at_least, || {
        let prepared = draft.prepare(&case.log, &case.ring, None, |due| case.public_key(&due.head))?;
        black_box(prepared.sign(&signing_key));
        Ok(())
    })
}

/// Data keys a second that one core opens under one access key and wraps under the next: what completion computes.
pub(crate) fn rewraps_per_second(at_least: Duration) -> Result<f64, AnyError> {
    const BATCH: u32 = 256;
    let record_type =
        TypePlace { store: StoreId::random(), writer: ClientId::random(), type_name: "note".parse()? };
    let place = RecordPlace { record_type, record: RecordId::from_bytes([7; 16]), version: 1 };
    let epoch = |byte| EpochId::from_digest(Digest::from_bytes([byte; 32]));
    let (old, new) =
        (AccessKey::generate().wrapping_key(epoch(1)), AccessKey::generate().wrapping_key(epoch(2)));
    let data_key = DataKey::generate();
    let (wrapped, commitment) = (old.wrap(&place, &data_key), data_key.commitment(&place));
    let each = mean_of(at_least, || {
        for _ in 0..BATCH {
            let opened =
                old.open(&place, black_box(&wrapped), &commitment).map_err(|error| error.to_string())?;
            black_box(new.wrap(&place, &opened));
        }
        Ok(())
    })?;
    Ok(f64::from(BATCH) / each.as_secs_f64())
}

/// Processor time of one run, of as many as take so long.
fn mean_of(at_least: Duration, mut work: impl FnMut() -> Result<(), AnyError>) -> Result<Duration, AnyError> {
    let (begun, watch) = (cpu::time_of_thread(), std::time::Instant::now());
    for runs in 1_u32.. {
        work()?;
        if watch.elapsed() >= at_least {
            let taken = cpu::time_of_thread() - begun;
            // Where the system does not tell, the clock on the wall does.
            return Ok(if taken.is_zero() { watch.elapsed() } else { taken } / runs);
        }
    }
    Err("no run was made".into())
}

impl Case {
    fn with_readers(count: u64) -> Result<Self, AnyError> {
        let (registered, store, writer) = (SigningKeyPair::generate(), StoreId::random(), ClientId::random());
        let own = BundleLink::first(&registered, store, writer)?;
        let place = TypePlace { store, writer, type_name: "note".parse()? };
        let mut case = Self {
            keys: ClientKeys::derive(&registered, store, writer),
            chain: BundleChain::begin(store, writer, &own)?,
            log: LogReplay::new(place),
            ring: KeyRing::new(),
            readers: Vec::new(),
            public_keys: HashMap::new(),
        };
        case.learn(&own);
        let settings = Settings { name_key: None, is_verified_only: false, is_migrating: false };
        let mut first = case.draft(vec![Change::Settings(settings)]);
        first.opens_segment = true;
        case.append(&first)?;
        for _ in 0..count {
            let client = ClientId::random();
            let link = BundleLink::first(&SigningKeyPair::generate(), store, client)?;
            case.learn(&link);
            case.readers.push((client, link.bundle().digest()));
        }
        let grants: Vec<_> = case
            .readers
            .iter()
            .map(|(client, head)| {
                let grant =
                    Grant { head: *head, rights: Rights::READ, from_segment: 0, known: Known::Compared };
                Change::Grant(Subject::Client(*client), grant)
            })
            .collect();
        for some in grants.chunks(MAX_WRAPS_WITHOUT_EPOCH as usize) {
            case.append(&case.draft(some.to_vec()))?;
        }
        Ok(case)
    }

    fn learn(&mut self, link: &BundleLink) {
        self.public_keys.insert(link.bundle().digest(), link.bundle().object().wrap_key.clone());
    }

    fn public_key(&self, head: &Digest) -> Option<WrapPublicKey> {
        self.public_keys.get(head).cloned()
    }

    fn draft(&self, changes: Vec<Change>) -> EntryDraft {
        let own = self.chain.fingerprint();
        EntryDraft {
            author: self.chain.client(),
            author_bundle: (own, 0),
            writer_bundle: own,
            made_ms: 1_700_000_000_000,
            changes,
            rotate: BTreeSet::new(),
            past: BTreeMap::new(),
            opens_segment: false,
            census: None,
            notice: None,
            deleted: BTreeSet::new(),
        }
    }

    fn append(&mut self, draft: &EntryDraft) -> Result<(), AnyError> {
        let prepared = draft.prepare(&self.log, &self.ring, None, |due| self.public_key(&due.head))?;
        let signed = prepared.sign(&self.keys.signing_key());
        let shown = prepared.shown();
        let verified = VerifiedEntry::new(&signed, &self.chain, &shown).map_err(|error| error.to_string())?;
        self.log.push(&verified)?;
        prepared.keep_keys(&mut self.ring);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_can_be_measured() {
        assert!(!time_of_revocation(3, Duration::from_millis(20)).unwrap().is_zero());
        assert!(rewraps_per_second(Duration::from_millis(20)).unwrap() > 1.0);
    }
}
