//! Requests changed on their way, programs that fall back, signatures.

use serde_json::Value;
use tozstore::{Client, Error, SealedClient, ShareFrom, UntrustedData, fields};
use tozstore_api::sealed::RecordView;
use tozstore_crypto::sealed::Signed;
use tozstore_crypto::{RecordToSign, Signature};
use tozstore_e2e::lying::{Cell, Insider, Liar, Stand, Tried, Verdict, judge, outcome};

use super::{TYPE, all, interop, sealed};

/// An application that writes a type in the format that it knows it to have, and asks the server where it knows none.
pub async fn downgrade_sealed() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let before = stand.fork().await;
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    stand.liar.go_to(&before.url);
    let write = async |client: &SealedClient| {
        if client.knows_as_sealed(alice.id(), TYPE) {
            return Err(UntrustedData::WrongAnswer("format").into());
        }
        match client.list(alice.id(), TYPE, 0).await {
            Err(Error::NotFound(_)) => {
                alice.interop_fresh(&stand.liar).write(TYPE, fields! { "a" => "secret" }).await
            }
            other => panic!("{other:?}"),
        }
    };
    let tried = sealed(&stand.liar, &alice, write, Result::is_ok).await;
    Cell::of(judge(tried, Verdict::NotWithoutLog))
        .note("by a program that asks `knows_as_sealed`")
        .not_built("a profile that says sealed only", "no downgrade")
}

/// What was refused by the honest server, and left nothing behind.
async fn is_refused(liar: &Liar, write: impl Future<Output = bool>) -> bool {
    let is_written = write.await;
    liar.be_honest();
    !is_written
}

pub async fn changed_sealed() -> Cell {
    let (stand, other) = (Stand::start().await, Stand::start().await);
    let alice = stand.party("alice").await;
    alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    let rows = stand.rows(&alice, TYPE).await.records.len();
    let client = alice.fresh(&stand.liar).await;
    client.list(alice.id(), TYPE, 0).await.unwrap();
    let write = async || client.write(TYPE, fields! { "a" => "2" }).await.is_ok();
    stand.liar.before(|asked| {
        if asked.method == "PUT" {
            let mut body = asked.body.to_vec();
            *body.last_mut().unwrap() ^= 1;
            asked.body = body.into();
        }
        None
    });
    assert!(is_refused(&stand.liar, write()).await);
    stand.liar.before(|asked| {
        if asked.method == "PUT" {
            asked.target.push_str("?field=a");
        }
        None
    });
    assert!(is_refused(&stand.liar, write()).await);
    // To another store, and once more to the same.
    assert!(write().await);
    let (asked, _) = stand.liar.kept("PUT", "/v3/records/");
    for url in [&other.world.api_url, &stand.world.api_url] {
        assert_eq!(stand.liar.send(url, &asked).await.status, 401);
    }
    assert_eq!(stand.rows(&alice, TYPE).await.records.len(), rows + 1);
    Cell::of(Verdict::DetectedByServer)
}

pub async fn changed_interop() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    stand.liar.before(|asked| {
        if asked.is("POST", "/v1/storage/records") {
            let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
            body["meta"]["plain"]["k"] = "lie".into();
            asked.body = serde_json::to_vec(&body).unwrap().into();
        }
        None
    });
    let write = async |client: &Client| client.write(TYPE, fields! { "a" => "2" }).plain("k", "v").await;
    let tried = interop(&stand.liar, &alice, write, Result::is_ok).await;
    let written = stand.liar.kept_json("POST", "/v1/storage/records");
    let id = written["meta"]["record_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(alice.client.read(id).await.unwrap().plain().value("k"), Some("lie"));
    Cell::default().when("body", judge(tried, Verdict::NotDetectable))
}

pub async fn guessed_sealed() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    // The same value three times: in two records, and once more in the second version of one.
    let note = alice.sealed.write(TYPE, fields! { "a" => "1234" }).await.unwrap();
    alice.sealed.write(TYPE, fields! { "a" => "1234" }).await.unwrap();
    let mut views = stand.rows(&alice, TYPE).await.records;
    alice.sealed.update(&note, fields! { "a" => "1234" }).await.unwrap();
    views.extend(stand.rows(&alice, TYPE).await.records);
    let commitments = |view: &RecordView| {
        let version = view.record.version.object();
        (version.place.record, version.place.version, version.fields, version.key_commitment)
    };
    let mut seen: Vec<_> = views.iter().map(commitments).collect();
    seen.dedup_by_key(|(record, version, ..)| (*record, *version));
    for (at, one) in seen.iter().enumerate() {
        for other in seen[..at].iter().filter(|other| (other.0, other.1) != (one.0, one.1)) {
            assert!(
                one.2 != other.2 && one.3 != other.3,
                "nothing that is signed tells that values are equal"
            );
        }
    }
    Cell::of(Verdict::NoEffect)
}

pub async fn guessed_interop() -> Cell {
    let stand = Stand::start().await;
    let alice = stand.party("alice").await;
    let note = alice.client.write(TYPE, fields! { "pin" => "1234" }).await.unwrap();
    alice.interop_fresh(&stand.liar).read(note.id()).await.unwrap();
    // The server tries them all.
    let told = stand.liar.kept_json("GET", "/v1/storage/records/");
    let signature: Signature = told["rec_sig"].as_str().unwrap().parse().unwrap();
    let public = alice.signing_key().public_key();
    let fits = |guess: &str| {
        let (record_type, data) = (TYPE, [("pin", guess)]);
        let (writer_id, user_id) = (alice.id(), alice.id());
        let guessed = RecordToSign { writer_id, user_id, record_type, plain: &[], data: Some(&data) };
        guessed.verify(Some(&signature), &public).is_ok()
    };
    let found: Vec<_> = (1200..1300).map(|pin| pin.to_string()).filter(|pin| fits(pin)).collect();
    assert_eq!(found, ["1234"]);
    Cell::default().note("readable in effect if signed and of low entropy")
}

pub async fn purpose_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob, server) =
        (stand.party("alice").await, stand.party("bob").await, stand.party("server").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.sealed.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.unwrap();
    bob.sealed.list(alice.id(), TYPE, 0).await.unwrap();
    let insider = Insider::new(stand.rows(&alice, TYPE).await, alice.place(TYPE), &bob, &[&alice]);
    let view = insider.record(note.id());
    let at = (insider.head(), insider.epoch());
    let forged = insider.version(&view, &alice, &server.keys().signing_key(), at);
    // All that the writer has signed here, for whatever.
    let entries = insider.rows.entries.iter().map(|view| *view.entry.signature().as_bytes());
    let registered = *alice.signing_key().sign(forged.record.version.encoded().bytes()).as_bytes();
    let signatures: Vec<[u8; 64]> =
        entries.chain([*view.record.version.signature().as_bytes(), registered]).collect();
    let mut tried: Vec<Tried> = Vec::new();
    for signature in signatures {
        let mut forged = forged.clone();
        let version = forged.record.version.encoded().clone();
        forged.record.version = Signed::new(version, Signature::from_bytes(signature));
        stand.liar.sealed("GET", "/v3/records/", move |told: &mut RecordView| *told = forged.clone());
        let read = async |client: &SealedClient| client.read(alice.id(), TYPE, note.id()).await;
        tried.push(sealed(&stand.liar, &bob, read, Result::is_ok).await);
    }
    Cell::of(judge(all(tried), Verdict::NotDetectable))
}

pub async fn no_keys_sealed() -> Cell {
    let stand = Stand::start().await;
    let (alice, bob) = (stand.party("alice").await, stand.party("bob").await);
    let note = alice.sealed.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    // Said of a client, and of a type.
    stand.liar.hide("GET", format!("/v3/clients/{}", bob.id()));
    let client = alice.fresh(&stand.liar).await;
    assert!(client.share(TYPE, &bob.id().into(), ShareFrom::Beginning).await.is_err());
    stand.liar.hide("GET", "/v3/logs/");
    assert!(alice.fresh(&stand.liar).await.read(alice.id(), TYPE, note.id()).await.is_err());
    assert!(
        alice
            .fresh(&stand.liar)
            .await
            .write_in(alice.id(), TYPE, fields! { "a" => "secret" }, vec![])
            .await
            .is_err()
    );
    for (method, target) in
        [("PUT", "/v1/"), ("POST", "/v1/storage"), ("GET", "/v1/storage"), ("POST", "/v2/")]
    {
        assert!(!stand.liar.has_seen(method, target), "{method} {target}");
    }
    let seen = alice.seen(&stand.liar).await.read(alice.id(), TYPE, note.id()).await;
    outcome(seen, |_| false);
    Cell::default().note("refused: there is no falling back")
}
