//! Listings: what is left out of them.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use tozstore::{Client, CompleteOptions, Error, Query, SealedClient, SealedPage, ShareFrom, fields};
use tozstore_api::sealed::RecordPage;
use tozstore_e2e::lying::{Cell, Stand, Verdict, judge};

use super::{TYPE, all, interop, sealed};

pub async fn hidden_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let hidden = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.sealed.write(TYPE, fields! { "a" => "2" }).await.unwrap();
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let is_short = |page: &Result<SealedPage, Error>| page.as_ref().is_ok_and(|page| page.records.len() == 1);
    let list = async |client: &SealedClient| client.list(alice.id(), TYPE, 0).await;
    let id = hidden.id();
    let hide = move |page: &mut RecordPage| {
        page.records.retain(|view| view.record.version.object().place.record != id);
    };
    stand.liar.sealed("GET", format!("/v3/records/{}/{TYPE}?", alice.id()), hide);
    let mut tried = Vec::new();
    for victim in [&alice, &bob] {
        tried.push(sealed(&stand.liar, victim, list, is_short).await);
    }
    // Also if the record is denied whoever asks for it.
    stand.liar.before(move |asked| {
        let is_asked = asked.is("GET", "/v3/records/") && asked.target.contains(&id.to_string());
        is_asked.then(tozstore_e2e::lying::Answer::not_found)
    });
    for victim in [&alice, &bob] {
        tried.push(sealed(&stand.liar, victim, list, is_short).await);
    }
    let listed = judge(all(tried), Verdict::NotWithoutLog);
    // Once the writer has counted, whoever compares misses it.
    alice.sealed.complete(alice.id(), TYPE, &CompleteOptions::default(), |_| ()).await.unwrap();
    let taken = alice.sealed.take_census(TYPE, &BTreeSet::new()).await.unwrap();
    assert_eq!((taken.count, taken.entry.is_some()), (2, true));
    let verify = async |client: &SealedClient| client.verify_type(alice.id(), TYPE).await;
    let mut tried = Vec::new();
    for victim in [&alice, &bob] {
        tried.push(sealed(&stand.liar, victim, verify, Result::is_ok).await);
    }
    let compared = judge(all(tried), Verdict::NotWithoutLog);
    Cell::of(listed).when("after a census, by `verify TYPE`", compared)
}

pub async fn hidden_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let hidden = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.write(TYPE, fields! { "a" => "2" }).await.unwrap();
    alice.client.share(TYPE, bob.id()).await.unwrap();
    bob.client.read(hidden.id()).await.unwrap();
    let id = hidden.id().to_string();
    stand.liar.json("POST", "/v1/storage/search", move |answer| {
        answer["results"].as_array_mut().unwrap().retain(|found| found["meta"]["record_id"] != id);
    });
    let list = async |client: &Client| {
        client.query(Query::new().types([TYPE]).all_writers()).records().try_collect::<Vec<_>>().await
    };
    let is_short = |found: &Result<Vec<_>, Error>| found.as_ref().is_ok_and(|found| found.len() == 1);
    let mut tried = Vec::new();
    for victim in [&alice, &bob] {
        tried.push(interop(&stand.liar, victim, list, is_short).await);
    }
    Cell::of(judge(all(tried), Verdict::NotDetectable))
}
