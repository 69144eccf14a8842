//! The log of a type: entries left out, and entries by those who may make some.

use std::collections::{BTreeMap, BTreeSet};

use tozstore::{Error, Rights, SealedClient, SealedGrant, ShareFrom, Shared, fields};
use tozstore_api::sealed::{EntryView, OpenedBeneath};
use tozstore_crypto::sealed::{
    AccessKey, EntryDraft, EntryPlace, LINK_BYTES, LogEntry, PreparedEntry, SigningKey, Subject, Tree, Wrap,
    link_digest,
};
use tozstore_e2e::lying::{
    Cell, Insider, Outcome, Party, Stand, Tried, Verdict, extend_log, judge, reseal, shown,
};

use super::{TYPE, all, sealed};

/// A delegate that may rotate, and the rotation that it would make.
struct Rotation {
    stand: Stand,
    alice: Party,
    carol: Party,
    key: SigningKey,
    prepared: PreparedEntry,
}

async fn rotation() -> Rotation {
    let stand = Stand::start().await;
    let (alice, carol, eve) =
        (stand.party("alice").await, stand.party("carol").await, stand.party("eve").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for (client, rights) in [(&carol, Rights::READ), (&eve, Rights::ROTATE)] {
        let contact = client.id().into();
        alice.sealed.grant(alice.id(), TYPE, &contact, rights, ShareFrom::Beginning).await.unwrap();
    }
    carol.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let insider = Insider::new(stand.rows(&alice, TYPE).await, alice.place(TYPE), &eve, &[&alice]);
    let draft = EntryDraft {
        author: eve.id(),
        author_bundle: (eve.chain().fingerprint(), 0),
        writer_bundle: alice.chain().fingerprint(),
        made_ms: 1,
        changes: Vec::new(),
        rotate: BTreeSet::from([0]),
        past: BTreeMap::new(),
        opens_segment: false,
        census: None,
        notice: None,
        deleted: BTreeSet::new(),
    };
    let keys = [&alice, &carol, &eve].map(|party| (party.chain().fingerprint(), party.keys()));
    let public_key = |due: &tozstore_crypto::sealed::WrapDue| {
        keys.iter().find(|(head, _)| *head == due.head).map(|(_, keys)| keys.wrap_public_key())
    };
    let prepared = draft.prepare(&insider.log, &insider.ring, None, public_key).unwrap();
    Rotation { key: eve.keys().signing_key(), stand, alice, carol, prepared }
}

impl Rotation {
    /// Shows the rotation with this changed, and has the reader read.
    async fn read(
        &self,
        change: impl FnOnce(&mut LogEntry),
        wraps: Vec<Wrap>,
        links: Vec<(u64, [u8; LINK_BYTES])>,
        is_deceived: impl Fn(&Result<tozstore::SealedPage, Error>) -> bool,
    ) -> Tried {
        let leaves = (0..).zip(&wraps).map(|(at, wrap)| wrap.leaf(at).unwrap());
        let root = Tree::of(leaves).root();
        let entry = reseal(self.prepared.entry.object(), &self.key, |entry| {
            entry.wrap_root = root;
            change(entry);
        });
        let beneath = self.prepared.beneath.clone();
        let view = EntryView {
            entry,
            private: shown(&self.prepared.private),
            beneath: beneath.map(|(blind, lines)| OpenedBeneath { blind, lines }),
        };
        extend_log(&self.stand.liar, view, wraps, links);
        let list = async |client: &SealedClient| client.list(self.alice.id(), TYPE, 0).await;
        sealed(&self.stand.liar, &self.carol, list, is_deceived).await
    }

    /// The link that belongs there.
    fn links(&self) -> Vec<(u64, [u8; LINK_BYTES])> {
        let number = self.prepared.entry.object().epochs[0].head.number;
        self.prepared.links.iter().map(|(_, link)| (number, *link)).collect()
    }

    /// The wraps, with another key in that of the reader than the entry commits to.
    fn other_key(&self) -> Vec<Wrap> {
        let entry = self.prepared.entry.object();
        let (key, place) = (AccessKey::generate(), self.alice.place(TYPE));
        let place = EntryPlace {
            record_type: &place,
            position: entry.position,
            previous: entry.previous,
            author_bundle: entry.author_bundle,
            heads: &[key.head(&place, 0, entry.epochs[0].head.number)],
        };
        let mut wraps = self.prepared.wraps.clone();
        let subject = Subject::Client(self.carol.id());
        let own = wraps.iter_mut().find(|wrap| wrap.subject == subject).unwrap();
        let (reader, to) = (self.carol.keys().wrap_public_key(), (subject, own.subject_head));
        *own = Wrap::of_access_keys(&place, &reader, to, 0, &[&key], None).unwrap();
        wraps
    }

    /// As it should be, it is taken: what is refused otherwise is refused for what was changed.
    async fn ensure_taken_unchanged(&self) {
        let tried = self.read(|_| (), self.prepared.wraps.clone(), self.links(), Result::is_ok).await;
        assert_eq!(tried, Tried { fresh: Outcome::Deceived, seen: Outcome::Deceived });
    }
}

pub async fn differing_key_sealed() -> Cell {
    let rotation = rotation().await;
    rotation.ensure_taken_unchanged().await;
    let tried = rotation.read(|_| (), rotation.other_key(), rotation.links(), Result::is_ok).await;
    Cell::of(judge(tried, Verdict::NotDetectable)).note("canary")
}

/// What was exchanged before a commit is served by who is not stopped by the root: nothing but what is served differs
/// from an exchange after it.
pub async fn staged_sealed() -> Cell {
    let rotation = rotation().await;
    rotation.ensure_taken_unchanged().await;
    let root = rotation.prepared.entry.object().wrap_root;
    let keep_root = |entry: &mut LogEntry| entry.wrap_root = root;
    let tried = rotation.read(keep_root, rotation.other_key(), rotation.links(), Result::is_ok).await;
    Cell::default()
        .when("by a server that commits it", judge(tried, Verdict::NotDetectable))
        .note("an honest one refuses the commit")
}

pub async fn broken_wraps_sealed() -> Cell {
    let rotation = rotation().await;
    rotation.ensure_taken_unchanged().await;
    // The reader is given what is for somebody else, or a link that opens nothing.
    let mut swapped = rotation.prepared.wraps.clone();
    let subject = Subject::Client(rotation.carol.id());
    let mut other = swapped.iter().find(|wrap| wrap.subject != subject).unwrap().clone();
    let own = swapped.iter_mut().find(|wrap| wrap.subject == subject).unwrap();
    (other.subject, other.subject_head) = (subject, own.subject_head);
    *own = other;
    let wraps = rotation.read(|_| (), swapped, rotation.links(), Result::is_ok).await;
    let (junk, number) = ([7; LINK_BYTES], rotation.links()[0].0);
    let break_link = |entry: &mut LogEntry| entry.epochs[0].link = Some(link_digest(&junk));
    let whole = rotation.prepared.wraps.clone();
    let link = rotation.read(break_link, whole, vec![(number, junk)], Result::is_ok).await;
    Cell::of(judge(all([wraps, link]), Verdict::NotDetectable)).not_built(
        "the signer's name in the error, the writer's repair",
        "what was written in between is lost",
    )
}

pub async fn editors_removal_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, editor, dave) = (
        stand.party("alice").await,
        stand.party("bob").await,
        stand.party("editor").await,
        stand.party("dave").await,
    );
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for (client, rights) in [(&bob, Rights::READ), (&editor, Rights::EDIT)] {
        let contact = client.id().into();
        alice.sealed.grant(alice.id(), TYPE, &contact, rights, ShareFrom::Beginning).await.unwrap();
    }
    let before = stand.fork().await;
    let removed = alice.sealed.revoke(TYPE, editor.id()).await.unwrap().unwrap().position;
    alice.sealed.share(TYPE, &dave.id().into(), ShareFrom::Beginning).await.unwrap();
    alice.sealed.write(TYPE, fields! { "a" => "2" }).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let list = async |client: &SealedClient| client.list(alice.id(), TYPE, 0).await;
    stand.liar.entries(alice.id(), TYPE, move |page| {
        page.entries.retain(|view| view.entry.object().position != removed);
    });
    let later = sealed(&stand.liar, &bob, list, Result::is_ok).await;
    stand.liar.be_honest();
    stand.liar.go_to(&before.url);
    let nothing_later = sealed(&stand.liar, &bob, list, Result::is_ok).await;
    Cell::default()
        .when("as soon as anything later is shown", judge(later, Verdict::NotWithoutLog))
        .when("until then", judge(nothing_later, Verdict::NotWithoutLog))
}

pub async fn private_withheld_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, eve, mallory) = (
        stand.party("alice").await,
        stand.party("bob").await,
        stand.party("eve").await,
        stand.party("mallory").await,
    );
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let (contact, writer) = (eve.id().into(), alice.id());
    alice.sealed.grant(writer, TYPE, &contact, Rights::SHARE, ShareFrom::Beginning).await.unwrap();
    let contact = mallory.id().into();
    eve.sealed.grant(writer, TYPE, &contact, Rights::READ, ShareFrom::Beginning).await.unwrap();
    stand.liar.entries(writer, TYPE, |page| page.entries.iter_mut().for_each(|view| view.private.clear()));
    let look = async |client: &SealedClient| client.grants(writer, TYPE).await;
    let sees_nobody = |grants: &Result<Vec<SealedGrant>, Error>| {
        grants.as_ref().is_ok_and(|grants| grants.iter().all(|held| held.client != mallory.id()))
    };
    let share =
        async |client: &SealedClient| client.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await;
    let tried = [
        sealed(&stand.liar, &alice, look, sees_nobody).await,
        sealed(&stand.liar, &alice, share, Result::<Shared, _>::is_ok).await,
    ];
    Cell::of(judge(all(tried), Verdict::NotDetectable)).not_built("the writer's reset", "goes on")
}
