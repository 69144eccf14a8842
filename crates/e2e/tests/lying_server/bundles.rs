//! Chains of keys: set back, gone on with by a thief, unusable, of a stranger's making.

use tozstore::{Client, Contact, Error, SealedClient, SealedPage, ShareFrom, Shared, SigningKeyPair, fields};
use tozstore_api::sealed::BundlePage;
use tozstore_crypto::EncryptionPublicKey;
use tozstore_crypto::sealed::{BundleLink, BundleReason, ClientKeys};
use tozstore_e2e::lying::{Cell, Kept, Liar, Outcome, Party, Stand, Tried, Verdict, judge, outcome};

use super::readers::give_bundles;
use super::{TYPE, all, sealed};

/// The keys that replace stolen ones.
fn replaced(party: &Party) -> BundleLink {
    successor(party, BundleReason::Compromised)
}

/// What somebody makes who has the first keys.
fn successor(party: &Party, reason: BundleReason) -> BundleLink {
    let (old, new) = (party.keys(), ClientKeys::generate());
    BundleLink::successor(party.link().bundle(), &old, &new, reason, 1_700_000_000_000).unwrap()
}

/// As a newcomer, and with this memory.
async fn tried<T: std::fmt::Debug>(
    liar: &Liar,
    (party, memory): (&Party, &Kept),
    act: impl AsyncFn(&SealedClient) -> Result<T, Error>,
) -> Tried {
    let fresh = outcome(act(&party.fresh(liar).await).await, Result::is_ok);
    let seen = outcome(act(&party.sealed_at(liar, memory.copy()).await).await, Result::is_ok);
    Tried { fresh, seen }
}

pub async fn restored_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let true_keys = replaced(&bob);
    let contact = Contact { client: bob.id(), fingerprint: Some(true_keys.bundle().digest()) };
    give_bundles(&stand.liar, &bob, vec![bob.link(), true_keys]);
    let memory = alice.memory();
    let sharer = alice.sealed_at(&stand.liar, memory.clone()).await;
    sharer.verify_client(&contact).await.unwrap();
    let share = async |client: &SealedClient| -> Result<Shared, Error> {
        client.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await
    };
    let mut found = Vec::new();
    for links in [
        vec![bob.link()],
        vec![bob.link(), successor(&bob, BundleReason::Routine)],
        vec![bob.link(), successor(&bob, BundleReason::Compromised)],
    ] {
        give_bundles(&stand.liar, &bob, links);
        found.push(tried(&stand.liar, (&alice, &memory), share).await);
    }
    Cell::of(judge(all(found), Verdict::NotWithoutLog))
}

pub async fn broken_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    // Coefficients of ML-KEM that are not reduced.
    let broken = |body: &[u8], party: &ClientKeys| {
        let public = party.wrap_public_key();
        let at = body.windows(public.as_bytes().len()).position(|part| part == public.as_bytes());
        let mut body = body.to_vec();
        at.into_iter().for_each(|at| body[at..at + 3].fill(0xff));
        body.into()
    };
    let keys = bob.keys();
    stand.liar.after(move |asked, answer| {
        if asked.target.contains("/bundles") {
            answer.body = broken(&answer.body, &keys);
        }
    });
    let share =
        async |client: &SealedClient| client.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await;
    let shared = sealed(&stand.liar, &alice, share, Result::is_ok).await;
    // A client that puts such a bundle.
    stand.liar.be_honest();
    let credentials = stand.world.register("broken").await.credentials;
    let client = Client::new(credentials.with_api_url(&stand.liar.url)).unwrap();
    stand.liar.before(move |asked| {
        if asked.is("PUT", "/v3/clients/") {
            // Where its first key begins: behind the bundle's head and the signing key.
            let link = BundleLink::read(&mut tozstore_crypto::sealed::Reader::new(&asked.body)).unwrap();
            let public = link.bundle().object().wrap_key.clone();
            let at = asked.body.windows(32).position(|part| part == &public.as_bytes()[..32]).unwrap();
            let mut body = asked.body.to_vec();
            body[at..at + 3].fill(0xff);
            asked.body = body.into();
        }
        None
    });
    let put = client.sealed(Kept::default()).await;
    assert!(matches!(put, Err(Error::Refused { status: 400, .. })), "{put:?}");
    Cell::of(Verdict::DetectedByServer)
        .note("refused when the bundle is put")
        .when("given all the same", judge(shared, Verdict::NotDetectable))
}

pub async fn broken_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    assert!(EncryptionPublicKey::from_bytes([0; 32]).is_err());
    stand.liar.json("GET", format!("/v1/storage/clients/{}", bob.id()), |answer| {
        answer["public_key"] = serde_json::json!({ "curve25519": "A".repeat(43) });
    });
    let shared = alice.interop_fresh(&stand.liar).share(TYPE, bob.id()).await;
    assert!(shared.is_err() && !stand.liar.has_seen("PUT", "/v1/storage/access_keys/"));
    Cell::default().note("sharing fails")
}

pub async fn thief_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, carol, mallory) =
        (stand.party("alice").await, stand.party("carol").await, stand.party("mallory").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.sealed.share(TYPE, &carol.id().into(), ShareFrom::Beginning).await.unwrap();
    carol.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    // She is shown that the keys were replaced.
    let both = vec![alice.link(), replaced(&alice)];
    give_bundles(&stand.liar, &alice, both.clone());
    let memory = carol.memory();
    let list =
        async |client: &SealedClient| -> Result<SealedPage, Error> { client.list(alice.id(), TYPE, 0).await };
    list(&carol.sealed_at(&stand.liar, memory.clone()).await).await.unwrap();
    // Whoever has the old ones goes on with the log.
    alice.sealed.share(TYPE, &mallory.id().into(), ShareFrom::Beginning).await.unwrap();
    let shown = tried(&stand.liar, (&carol, &memory), list).await;
    assert_eq!(shown, Tried { fresh: Outcome::Refused, seen: Outcome::Refused });
    give_bundles(&stand.liar, &alice, vec![alice.link()]);
    let hidden = tried(&stand.liar, (&carol, &memory), list).await;
    Cell::default()
        .when("the new keys shown", judge(shown, Verdict::NotWithoutLog))
        .when("kept back", judge(hidden, Verdict::NotWithoutLog))
}

pub async fn strangers_sealed() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let store = alice.place(TYPE).store;
    let forged = BundleLink::first(&SigningKeyPair::generate(), store, alice.id()).unwrap();
    stand.liar.sealed("GET", "/v3/clients/", move |page: &mut BundlePage| page.links = vec![forged.clone()]);
    let open = async |memory| alice.interop_fresh(&stand.liar).sealed(memory).await;
    let fresh = outcome(open(Kept::default()).await, Result::is_ok);
    let seen = outcome(open(alice.memory()).await, Result::is_ok);
    Cell::of(judge(Tried { fresh, seen }, Verdict::NotWithoutLog)).note("by the client itself; others: as 5")
}
