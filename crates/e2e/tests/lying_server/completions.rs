//! Completions: what they carry over, what others send, what is left after them.

use hyper::Method;
use tozstore::{CompleteOptions, Error, HeldReason, Rights, SealedClient, ShareFrom, UntrustedData, fields};
use tozstore_api::paths;
use tozstore_api::sealed::{
    Rewrap, RewrapResult, RewrapResults, Rewraps, SealedBody as _, StaleRecord, StaleRecords,
};
use tozstore_crypto::sealed::DataKey;
use tozstore_e2e::lying::{Cell, Insider, Stand, Verdict, judge};

use super::{TYPE, sealed};

pub async fn carried_over_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, eve) = (stand.party("alice").await, stand.party("eve").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let contact = eve.id().into();
    alice.sealed.grant(alice.id(), TYPE, &contact, Rights::EDIT, ShareFrom::Beginning).await.unwrap();
    let insider = Insider::new(stand.rows(&alice, TYPE).await, alice.place(TYPE), &eve, &[&alice]);
    alice.sealed.revoke(TYPE, eve.id()).await.unwrap();
    // Signed afterwards, as if it had been before.
    let at = (insider.head(), insider.epoch());
    let forged = insider.version(&insider.record(note.id()), &eve, &eve.keys().signing_key(), at);
    stand.liar.sealed("GET", "/v3/records/", move |stale: &mut StaleRecords| {
        stale.left = 1;
        stale.records = vec![StaleRecord { version: forged.record.version.clone(), key: forged.key.clone() }];
    });
    let complete = async |client: &SealedClient| {
        let done = client.complete(alice.id(), TYPE, &CompleteOptions::default(), |_| ()).await?;
        let is_listed = done.held.iter().any(|held| held.reason == HeldReason::AuthorRevoked);
        match is_listed && done.rewrapped == 0 {
            true => Err(UntrustedData::WrongAnswer("author").into()),
            false => Ok(done),
        }
    };
    let tried = sealed(&stand.liar, &alice, complete, Result::is_ok).await;
    Cell::of(judge(tried, Verdict::NotDetectable)).note("listed; completion waits")
}

pub async fn old_keys_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    alice.sealed.revoke(TYPE, bob.id()).await.unwrap();
    let opened = async || {
        let rows = stand.rows(&alice, TYPE).await;
        let records = bob.sealed.open_leaked(alice.id(), TYPE, &rows).await.unwrap();
        records.iter().filter(|record| record.fields.is_some()).count()
    };
    assert_eq!(opened().await, 1);
    alice.sealed.complete(alice.id(), TYPE, &CompleteOptions::default(), |_| ()).await.unwrap();
    let left = if opened().await == 0 { Verdict::NoEffect } else { Verdict::NotDetectable };
    Cell::of(left).note("not there any more; copies and backups apart")
}

pub async fn rubbish_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, eve) = (stand.party("alice").await, stand.party("bob").await, stand.party("eve").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    for (client, rights) in [(&bob, Rights::READ), (&eve, Rights::ROTATE)] {
        let contact = client.id().into();
        alice.sealed.grant(alice.id(), TYPE, &contact, rights, ShareFrom::Beginning).await.unwrap();
    }
    bob.sealed.read(alice.id(), TYPE, note.id()).await.unwrap();
    alice.sealed.rotate(alice.id(), TYPE).await.unwrap();
    // The honest server takes what it cannot look into.
    let insider = Insider::new(stand.rows(&alice, TYPE).await, alice.place(TYPE), &eve, &[&alice]);
    let (view, epoch) = (insider.record(note.id()), insider.epoch());
    let place = view.record.version.object().place.clone();
    let key = insider.key(&epoch).wrapping_key(epoch).wrap(&place, &DataKey::generate());
    let rewrap = Rewrap { record: note.id(), version: 1, replaces: view.key.digest(), key };
    let path = paths::sealed_records_rewraps(alice.id(), &place.record_type.type_name);
    let body = Rewraps(vec![rewrap]).to_bytes().unwrap();
    let answer = stand
        .liar
        .send(&stand.world.api_url, &eve.ask(&stand.world.api_url, Method::POST, &path, body))
        .await;
    assert_eq!(RewrapResults::from_bytes(&answer.body), Ok(RewrapResults(vec![RewrapResult::Done])));
    let read = async |client: &SealedClient| client.read(alice.id(), TYPE, note.id()).await;
    let tried = sealed(&stand.liar, &bob, read, Result::<_, Error>::is_ok).await;
    // Nothing was lost: the writer completes, and all is well.
    alice.sealed.complete(alice.id(), TYPE, &CompleteOptions::default(), |_| ()).await.unwrap();
    assert_eq!(read(&bob.fresh(&stand.liar).await).await.unwrap().field("a"), Some("1"));
    Cell::of(judge(tried, Verdict::NotDetectable)).note("before anything is deleted: the writer completes it")
}
