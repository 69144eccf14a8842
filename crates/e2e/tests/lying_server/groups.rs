//! Groups of the interop format.

use serde_json::{Value, json};
use tozstore::{Capability, Client, Error, GroupMember, GroupOptions, fields};
use tozstore_crypto::MembershipKey;
use tozstore_e2e::lying::{Answer, Cell, Stand, Verdict, judge};

use super::{TYPE, interop};

pub async fn member_added_interop() -> Cell {
    let stand = Stand::start().await;
    let (alice, mallory, eve) =
        (stand.party("alice").await, stand.party("mallory").await, stand.party("eve").await);
    let group = alice.client.create_group("team", GroupOptions::default()).await.unwrap().id;
    let may_read = [Capability::ReadContent].into_iter().collect();
    alice.client.add_group_members(group, &[(mallory.id(), may_read)]).await.unwrap();
    let note = alice.client.write(TYPE, fields! { "a" => "1" }).await.unwrap();
    alice.client.share_with_group(TYPE, group, false).await.unwrap();
    assert!(eve.client.read(note.id()).await.is_err());
    // A member gives the group's key on, and the server gives the rest.
    mallory.interop_fresh(&stand.liar).read(note.id()).await.unwrap();
    let record = stand.liar.kept_json("GET", "/v1/storage/records/");
    let (batch, answer) = stand.liar.kept("GET", "/v1/storage/records");
    assert_eq!(batch.path(), "/v1/storage/records");
    let mut batch: Value = serde_json::from_slice(&answer.body).unwrap();
    let key = &mut batch["records"][0]["group_access_key"];
    let link = &mut key["access_key_wrappers"][0];
    let public = |text: &Value| text.as_str().unwrap().parse().unwrap();
    let made: MembershipKey = link["membership_key"].as_str().unwrap().parse().unwrap();
    let creator = alice.encryption_key().public_key();
    let keys = made.open(&public(&link["group_public_key"]), &creator, &mallory.encryption_key()).unwrap();
    let for_eve = keys.wrap(&eve.encryption_key().public_key(), &mallory.encryption_key());
    link["membership_key"] = json!(for_eve.to_string());
    key["authorizer_id"] = json!(mallory.id());
    let public = mallory.encryption_key().public_key().to_string();
    key["authorizer_public_key"] = json!({ "curve25519": public });
    stand.liar.before(move |asked| {
        if asked.is("GET", "/v1/storage/records/") {
            return Some(Answer::json(200, &record));
        }
        asked.is("GET", "/v1/storage/records").then(|| Answer::json(200, &batch))
    });
    assert_eq!(eve.interop_fresh(&stand.liar).read(note.id()).await.unwrap().field("a"), Some("1"));
    let look = async |client: &Client| client.group_members(group).await;
    let sees_none = |members: &Result<Vec<GroupMember>, Error>| {
        members.as_ref().is_ok_and(|members| members.iter().all(|member| member.id != eve.id()))
    };
    let tried = interop(&stand.liar, &alice, look, sees_none).await;
    Cell::of(judge(tried, Verdict::NotDetectable))
}
