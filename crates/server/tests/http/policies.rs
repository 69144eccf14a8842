//! Granting, withdrawing and listing.

use http::Method;
use serde_json::json;
use tozstore_api::{Timestamp, paths};
use tozstore_crypto::ClientId;
use tozstore_server::policy::MAX_GRANTS_FROM_WRITER;
use tozstore_server::store::{GrantRow, GrantSet, GrantSlot, RecordTypeSlot, StoreError};

use super::fixture::Fixture;
use super::storage::{NO_ID, policy_path};

#[tokio::test]
async fn every_change_is_answered_201_first_and_again() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    for grants in [&["read"][..], &["authorizer"], &["read", "edit"], &["read", "edit", "authorizer"]] {
        for change in ["deny", "allow", "allow", "deny", "deny"] {
            assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", change, grants).await, 201);
        }
    }
    let body = "{ \"allow\" : [ { \"read\" : {} } ] }\n";
    let answer =
        fixture.put(policy_path(&writer, &reader, "t")).bearer(&writer.token).body(body).send().await;
    assert_eq!(answer.code(), 201);
    assert_eq!(answer.json(), json!({}));
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let fixture = Fixture::new().await;
    let (writer, reader, stranger) =
        (fixture.client("writer").await, fixture.client("reader").await, fixture.client("stranger").await);
    let path = policy_path(&writer, &reader, "t");
    for body in [json!({}), json!({ "allow": [] }), json!({ "allow": [{ "write": {} }] }), json!([])] {
        assert_eq!(fixture.call(&writer, Method::PUT, &path, Some(body)).await.code(), 400);
    }
    for by in [&reader, &stranger] {
        for (change, grants) in
            [("allow", ["read"]), ("deny", ["read"]), ("allow", ["authorizer"]), ("deny", ["authorizer"])]
        {
            assert_eq!(fixture.policy(by, (&writer, &reader), "t", change, &grants).await, 403);
        }
    }
    let of_nobody = format!("/v1/storage/policy/{0}/{0}/{NO_ID}/t", writer.id);
    let read = json!([{ "read": {} }]);
    let put = async |body| fixture.call(&writer, Method::PUT, &of_nobody, Some(body)).await.code();
    assert_eq!(put(json!({ "allow": read })).await, 404);
    assert_eq!(put(json!({ "deny": read })).await, 201);
    assert_eq!(fixture.listing(&writer, paths::POLICY_OUTGOING).await, json!([]));
}

#[tokio::test]
async fn listings_have_what_is_granted_and_no_more() {
    let fixture = Fixture::new().await;
    let (writer, reader, proxy) =
        (fixture.client("writer").await, fixture.client("reader").await, fixture.client("proxy").await);
    let all = [paths::POLICY_OUTGOING, paths::POLICY_INCOMING, paths::POLICY_PROXIES, paths::POLICY_GRANTED];
    for path in all {
        assert_eq!(fixture.listing(&writer, path).await, json!([]));
    }
    // Neither one's own key nor a grant to oneself is a share.
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &writer), "t", "allow", &["read"]).await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "allow", &["read"]).await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "u", "allow", &["read", "edit"]).await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "allow", &["authorizer"]).await, 201);
    let outgoing = |of: &str| json!({ "reader_id": reader.id, "record_type": of, "reader_name": "reader" });
    let incoming = |of: &str| json!({ "writer_id": writer.id, "record_type": of, "writer_name": "writer" });
    let authorization = json!([{
        "authorizer_id": proxy.id, "writer_id": writer.id, "user_id": writer.id, "record_type": "t",
        "authorized_by": writer.id,
    }]);
    assert_eq!(fixture.listing(&writer, paths::POLICY_OUTGOING).await, json!([outgoing("t"), outgoing("u")]));
    assert_eq!(fixture.listing(&reader, paths::POLICY_INCOMING).await, json!([incoming("t"), incoming("u")]));
    assert_eq!(fixture.listing(&writer, paths::POLICY_PROXIES).await, authorization);
    assert_eq!(fixture.listing(&proxy, paths::POLICY_GRANTED).await, authorization);
    for (client, path) in [
        (&writer, paths::POLICY_INCOMING),
        (&writer, paths::POLICY_GRANTED),
        (&reader, paths::POLICY_OUTGOING),
        (&reader, paths::POLICY_GRANTED),
        (&proxy, paths::POLICY_INCOMING),
        (&proxy, paths::POLICY_PROXIES),
    ] {
        assert_eq!(fixture.listing(client, path).await, json!([]), "{path}");
    }
    assert_eq!(fixture.policy(&writer, (&writer, &reader), "t", "deny", &["read"]).await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "t", "deny", &["authorizer"]).await, 201);
    assert_eq!(fixture.listing(&writer, paths::POLICY_OUTGOING).await, json!([outgoing("u")]));
    assert_eq!(fixture.listing(&reader, paths::POLICY_INCOMING).await, json!([incoming("u")]));
    assert_eq!(fixture.listing(&writer, paths::POLICY_PROXIES).await, json!([]));
    assert_eq!(fixture.get(paths::POLICY_OUTGOING).send().await.code(), 401);
}

#[tokio::test]
async fn a_reader_gives_up_its_own_access() {
    let fixture = Fixture::new().await;
    let (writer, reader, stranger) =
        (fixture.client("writer").await, fixture.client("reader").await, fixture.client("stranger").await);
    fixture.share(&writer, &reader, "t").await;
    let path = paths::reader_policy(writer.id, writer.id, reader.id, &"t".parse().unwrap());
    let deny = json!({ "deny": [{ "read": {} }] });
    let put = async |by, body| fixture.call(by, Method::PUT, &path, Some(body)).await;
    assert_eq!(put(&stranger, deny.clone()).await.code(), 403);
    assert_eq!(put(&writer, deny.clone()).await.code(), 403);
    assert_eq!(put(&reader, json!({ "allow": [{ "edit": {} }] })).await.code(), 403);
    let record = fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    assert_eq!(fixture.read_code(&reader, &record).await, 200);
    for _ in 0..2 {
        let answer = put(&reader, deny.clone()).await;
        assert_eq!(answer.code(), 204);
        assert!(answer.body.is_empty());
    }
    assert_eq!(fixture.read_code(&reader, &record).await, 404);
    assert_eq!(fixture.listing(&writer, paths::POLICY_OUTGOING).await, json!([]));
}

#[tokio::test]
async fn an_authorizer_of_all_types_is_removed_with_its_keys() {
    let fixture = Fixture::new().await;
    let (writer, proxy, stranger) =
        (fixture.client("writer").await, fixture.client("proxy").await, fixture.client("stranger").await);
    let path = paths::policy_authorizer(writer.id, writer.id, proxy.id);
    let remove = async |by| fixture.call(by, Method::DELETE, &path, None).await.code();
    assert_eq!(remove(&writer).await, 200);
    for of in ["t", "u", "v"] {
        assert_eq!(fixture.put_key(&writer, &writer, &proxy, of).await, 201);
        assert_eq!(fixture.policy(&writer, (&writer, &proxy), of, "allow", &["authorizer"]).await, 201);
    }
    assert_eq!(fixture.policy(&writer, (&writer, &proxy), "v", "allow", &["read"]).await, 201);
    assert_eq!(fixture.policy(&writer, (&writer, &stranger), "t", "allow", &["authorizer"]).await, 201);
    assert_eq!(remove(&proxy).await, 403);
    assert_eq!(remove(&stranger).await, 403);
    assert_eq!(remove(&writer).await, 200);
    assert_eq!(fixture.listing(&proxy, paths::POLICY_GRANTED).await, json!([]));
    assert_eq!(fixture.listing(&stranger, paths::POLICY_GRANTED).await.as_array().unwrap().len(), 1);
    for (of, code) in [("t", 404), ("u", 404), ("v", 200)] {
        assert_eq!(fixture.key_code(&proxy, &writer, &proxy, of).await, code, "{of}");
    }
    assert_eq!(fixture.put_key(&proxy, &writer, &stranger, "v").await, 403);
    assert_eq!(remove(&writer).await, 200);
}

#[tokio::test]
async fn nobody_can_be_flooded_with_grants() {
    let fixture = Fixture::new().await;
    let (friend, stranger, victim) =
        (fixture.client("friend").await, fixture.client("stranger").await, fixture.client("victim").await);
    let flood = |writer: ClientId, number: usize| {
        let (holder, account_id) = (victim.id, fixture.account.id.parse().unwrap());
        fixture.app.store.write("flood", move |tx| {
            for number in 0..number {
                let record_type = format!("type {number}").parse().unwrap();
                let type_slot = RecordTypeSlot { writer, user: writer, record_type };
                let grants = GrantSet { read: true, edit: false, authorizer: false };
                let slot = GrantSlot { type_slot, client: holder };
                let created = Timestamp::default();
                tx.put_grants(&GrantRow { slot, account_id, grants, granted_by: writer, created })?;
            }
            Ok::<_, StoreError>(())
        })
    };
    flood(stranger.id, MAX_GRANTS_FROM_WRITER).await.unwrap();
    // One writer has given all that it may; what it gave can be changed, and others can still give.
    assert_eq!(fixture.policy(&stranger, (&stranger, &victim), "t", "allow", &["read"]).await, 409);
    assert_eq!(fixture.policy(&stranger, (&stranger, &victim), "type 1", "allow", &["edit"]).await, 201);
    assert_eq!(fixture.policy(&friend, (&friend, &victim), "t", "allow", &["read"]).await, 201);
    // Many writers together fill what the victim may hold; its searches and listings go on.
    for number in 2..=10 {
        let most = MAX_GRANTS_FROM_WRITER - usize::from(number == 2);
        flood(ClientId::from_bytes([number; 16]), most).await.unwrap();
    }
    assert_eq!(fixture.policy(&friend, (&friend, &victim), "u", "allow", &["read"]).await, 409);
    let search = json!({ "include_all_writers": true });
    assert_eq!(fixture.call(&victim, Method::POST, paths::SEARCH, Some(search)).await.code(), 200);
    let listed = fixture.listing(&victim, paths::POLICY_INCOMING).await;
    assert_eq!(listed.as_array().unwrap().len(), MAX_GRANTS_FROM_WRITER + 1);
}
