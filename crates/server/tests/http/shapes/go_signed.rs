//! The signed calls of the Go clients: groups, notes, and pages, with queries in the writing of forms.

use http::Method;
use serde_json::{Value, json};

use super::go::NOTHING;
use super::{ZERO_ID, ZERO_TIME, members};
use crate::fixture::{Answer, Fixture, TestClient, text};

impl Fixture {
    /// A signed call of a Go client. The query comes as it does: what is signed is that sorted by name, values in the
    /// order they have.
    async fn go_signed(
        &self,
        client: &TestClient,
        method: Method,
        (path, wire, signed): (&str, &str, &str),
        body: impl ToString,
    ) -> Answer {
        let header = self.sign_text(client, true, method.as_str(), path, signed);
        let target = if wire.is_empty() { path.to_owned() } else { format!("{path}?{wire}") };
        let call = self.request(method, target).header("authorization", header);
        call.body(body.to_string()).send().await
    }

    /// One without a query.
    async fn go_plain(&self, client: &TestClient, method: Method, path: &str, body: impl ToString) -> Answer {
        self.go_signed(client, method, (path, "", ""), body).await
    }

    async fn go_group(&self, by: &TestClient, name: &str, capability: Value) -> Value {
        let body = json!({
            "group_id": ZERO_ID, "group_name": name, "public_key": "key", "account_id": ZERO_ID,
            "encrypted_group_key": "g.k", "description": "", "created_at": ZERO_TIME,
            "last_modified": ZERO_TIME, "capability": capability,
        });
        let answer = self.go_plain(by, Method::POST, "/v2/storage/groups", body).await;
        assert_eq!(answer.code(), 201, "{answer:?}");
        answer.json()
    }
}

fn note(writer: &TestClient, reader: &TestClient) -> Value {
    json!({
        "mode": "Sodium", "id_string": "", "client_id": writer.id, "data": { "a": "sealed" }, "plain": {}, "type": "",
        "recipient_signing_key": reader.signing.public_key(), "writer_signing_key": writer.signing.public_key(),
        "writer_encryption_key": writer.encryption.public_key(), "encrypted_access_key": "e.k", "signature": "signed",
        "max_views": 0, "views": 0, "expiration": ZERO_TIME, "expires": false, "created_at": ZERO_TIME,
    })
}

#[tokio::test]
async fn queries_are_signed_in_the_writing_of_forms() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    for name in ["b c", "it's (b)*", "ä~b"] {
        fixture.go_group(&client, name, Value::Null).await;
    }
    let path = "/v2/storage/groups";
    for (wire, signed, count) in [
        ("", "", 3),
        ("group_names=b+c", "group_names=b+c", 1),
        // What stands in the URL may be written otherwise than what is signed.
        ("nextToken=0&max=0&group_names=b%20c", "group_names=b+c&max=0&nextToken=0", 1),
        ("group_names=it's%20(b)*", "group_names=it%27s+%28b%29%2A", 1),
        ("group_names=%C3%A4~b&group_names=b+c", "group_names=%C3%A4~b&group_names=b+c", 2),
        ("nextToken=&max", "max=&nextToken=", 3),
    ] {
        let answer = fixture.go_signed(&client, Method::GET, (path, wire, signed), NOTHING).await;
        assert_eq!(answer.code(), 200, "{wire}");
        let page = answer.json();
        assert_eq!(page["groups"].as_array().unwrap().len(), count, "{wire}");
        assert_eq!(page["next_token"], 0);
    }
    let answer = fixture.go_signed(&client, Method::GET, (path, "max=1", "max=2"), NOTHING).await;
    assert_eq!(answer.code(), 401);
}

#[tokio::test]
async fn groups_are_made_with_zero_values_and_read_with_bodies() {
    let fixture = Fixture::new().await;
    let (creator, member) = (fixture.client("creator").await, fixture.client("member").await);
    let group = fixture.go_group(&creator, "team", Value::Null).await;
    assert_eq!(group["encrypted_group_key"], "g.k");
    let path = format!("/v2/storage/groups/{}", text(&group["group_id"]));
    let body = json!({ "group_id": group["group_id"], "account_id": ZERO_ID, "client_id": ZERO_ID });
    assert_eq!(fixture.go_plain(&creator, Method::GET, &path, &body).await.code(), 200);
    let key = fixture.go_plain(&creator, Method::GET, &format!("{path}/membership_key"), &body).await;
    assert_eq!(key.code(), 200);
    assert_eq!(members(&key.json()), ["authorizer_id", "client_id", "encrypted_membership_key", "group_id"]);
    let of_members = format!("{path}/members");
    let listed = fixture.go_plain(&creator, Method::GET, &of_members, NOTHING).await.json();
    assert_eq!(listed["group_members"][0]["capability_names"], json!(["MANAGE_MEMBERSHIP"]));
    assert_eq!(listed["next_token"], 0);
    // One and the same member twice in one request.
    let entry =
        json!({ "client_id": member.id, "membership_key": "m.k", "capability_names": ["READ_CONTENT"] });
    let body = json!({ "group_id": group["group_id"], "group_members": [entry, entry] });
    let answer = fixture.go_plain(&creator, Method::POST, &of_members, &body).await;
    assert!(answer.status.is_success() && answer.json().is_array(), "{answer:?}");
    let refused = fixture.go_plain(&member, Method::DELETE, &of_members, &body).await;
    assert_eq!(refused.code(), 403);
    for _ in 0..2 {
        assert_eq!(fixture.go_plain(&creator, Method::DELETE, &of_members, &body).await.code(), 204);
    }
    let nowhere = format!("/v2/storage/groups/{}/members", member.id);
    assert_eq!(fixture.go_plain(&creator, Method::DELETE, &nowhere, &body).await.code(), 404);
    let body = json!({ "group_id": group["group_id"], "account_id": ZERO_ID, "client_id": ZERO_ID });
    assert_eq!(fixture.go_plain(&creator, Method::DELETE, &path, &body).await.code(), 204);
}

#[tokio::test]
async fn shares_with_groups_carry_zero_ids_and_end_in_a_text_of_zero() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let group = fixture.go_group(&writer, "team", json!(["READ_CONTENT", "SHARE_CONTENT"])).await;
    let id = text(&group["group_id"]);
    fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    let path = format!("/v2/storage/groups/{id}/share");
    let body = json!({ "group_id": id, "record_type": "t", "record_id": "", "encrypted_access_key": "e.k", "public_key": "key" });
    let answer = fixture.go_plain(&writer, Method::POST, &path, &body).await;
    assert!(answer.status.is_success());
    assert_eq!(
        members(&answer.json()),
        ["can_edit", "encrypted_access_key", "group_id", "public_key", "record_id", "record_type"]
    );
    let body = json!({ "group_id": id, "next_token": "", "max": 0, "writer_ids": null });
    for (wire, signed) in
        [("", ""), ("next_token=0&max=1", "max=1&next_token=0"), ("next_token=", "next_token=")]
    {
        let answer = fixture.go_signed(&writer, Method::GET, (&path, wire, signed), &body).await;
        assert_eq!(answer.code(), 200, "{wire}");
        let page = answer.json();
        assert_eq!(page["next_token"], "0", "full to the brim, and the last");
        let record = &page["results"][0];
        assert_eq!(record["record_data"], json!({ "a": "1" }));
        // One client reads the key under the one name, another under the other.
        assert_eq!(record["access_key"], record["group_access_key"]);
        let wrapper = &record["group_access_key"]["access_key_wrappers"][0];
        assert!(text(&wrapper["access_key_id"]).parse::<tozstore_crypto::GroupId>().is_ok(), "{wrapper}");
    }
    let bulk = "/v2/storage/groups/bulk/share";
    let body = json!({ "group_ids": [id] });
    let page = fixture
        .go_signed(&writer, Method::POST, (bulk, "max=1&next_token=0", "max=1&next_token=0"), &body)
        .await;
    assert_eq!((page.code(), &page.json()["next_token"]), (200, &json!("0")));
    let page = fixture.go_plain(&writer, Method::POST, "/v2/storage/groups/bulk/members", &body).await;
    assert_eq!((page.code(), &page.json()["next_token"]), (200, &json!("0")));
    for (path, is_array) in [("allowed_readers", false), ("allowed_edit", true)] {
        let path = format!("/v2/storage/groups/{path}");
        let body = json!({ "content_types": ["t"] });
        let target = (path.as_str(), "content_types=t", "content_types=t");
        let answer = fixture.go_signed(&writer, Method::GET, target, &body).await;
        assert_eq!((answer.code(), answer.json().is_array()), (200, is_array), "{path}");
    }
    let body = json!({ "GroupID": id, "record_type": "t", "writer_id": ZERO_ID, "authorizer_id": ZERO_ID });
    assert_eq!(fixture.go_plain(&writer, Method::DELETE, &path, &body).await.code(), 204);
    let page = fixture.go_plain(&writer, Method::GET, &path, NOTHING).await.json();
    assert!(page["results"].is_null() || page["results"] == json!([]));
}

#[tokio::test]
async fn notes_have_zero_times_and_no_name() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    let path = "/v2/storage/notes";
    for is_named in [true, false] {
        let header = fixture.sign_text(&writer, is_named, "POST", path, "");
        let call = fixture.post(path).header("authorization", header);
        let answer = call.body(format!("{}\n", note(&writer, &reader))).send().await;
        assert_eq!(answer.code(), 201, "{answer:?}");
        let written = answer.json();
        assert_eq!((&written["expiration"], &written["id_string"]), (&json!(ZERO_TIME), &json!("")));
        assert!(written.get("eacp").is_none() && written.get("file_meta").is_none(), "{written}");
        let query = format!("note_id={}", text(&written["note_id"]));
        let header = fixture.sign_text(&reader, is_named, "GET", path, &query);
        let call = fixture.get(format!("{path}?{query}")).header("authorization", header);
        assert_eq!(call.body(NOTHING).send().await.code(), 200);
    }
}

#[tokio::test]
async fn pages_of_shares_take_zero_ids_for_no_filter() {
    let fixture = Fixture::new().await;
    let (writer, reader) = (fixture.client("writer").await, fixture.client("reader").await);
    fixture.share(&writer, &reader, "t").await;
    let body = json!({ "record_type": "", "reader_id": ZERO_ID, "next_token": 0, "limit": 0 });
    let answer = fixture.go_plain(&writer, Method::POST, "/v2/storage/share/outgoing", &body).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(
        answer.json(),
        json!({ "shares": [{ "reader_id": reader.id, "record_type": "t" }], "next_token": 0 })
    );
    let body = json!({ "writer_id": ZERO_ID, "record_type": "", "next_token": 0, "limit": 0 });
    let answer = fixture.go_plain(&reader, Method::POST, "/v2/storage/share/incoming", &body).await;
    assert_eq!(answer.json()["shares"][0]["writer_id"], json!(writer.id));
}

#[tokio::test]
async fn searches_by_terms_have_zero_times_and_no_texts() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    fixture.write(&writer, "t", json!({ "p": "q" }), json!({ "a": "1" })).await;
    let terms = |terms: Value| json!([{ "condition": "", "strategy": "", "terms": terms }]);
    let unset = json!({ "writer_ids": null, "user_ids": null, "record_ids": null, "content_types": null, "keys": null, "values": null, "tags": null, "shared_with": null });
    let mut by_key = unset.clone();
    by_key["keys"] = json!(["p"]);
    let mut other = unset.clone();
    other["content_types"] = json!(["u"]);
    for (filters, total) in [(Value::Null, 1), (terms(unset), 1), (terms(by_key), 1), (terms(other), 0)] {
        let body = json!({
            "limit": 0, "next_token": 0, "include_data": false, "include_all_writers": false, "match": filters,
            "exclude": null, "async": false,
            "range": { "range_key": "", "before": ZERO_TIME, "after": ZERO_TIME, "time_format": "", "time_zone": "" },
        });
        let answer = fixture.post("/v2/search").bearer(&writer.token).body(format!("{body}\n")).send().await;
        assert_eq!(answer.code(), 200, "{body}");
        let page = answer.json();
        assert_eq!(members(&page), ["last_index", "results", "search_id", "total_results"]);
        assert_eq!(page["total_results"], total, "{body}");
    }
}
