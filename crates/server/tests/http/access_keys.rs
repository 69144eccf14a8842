//! Putting, reading and deleting access keys.

use http::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::storage::{NO_ID, body, key_path};

#[tokio::test]
async fn a_key_is_put_once() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let path = key_path(&writer, &writer, "t");
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 404);
    let put = async |eak: &str| {
        let body = json!({ "eak": eak, "WriterID": writer.id, "RecordType": "t" });
        fixture.call(&writer, Method::PUT, &path, Some(body)).await
    };
    let answer = put("SOMERANDOMNPOTENTIALLYNONVALIDKEY").await;
    assert_eq!(answer.code(), 201);
    assert_eq!(answer.json(), json!({ "eak": "SOMERANDOMNPOTENTIALLYNONVALIDKEY" }));
    assert_eq!(put("another").await.code(), 409);
    let key = fixture.call(&writer, Method::GET, &path, None).await.json();
    let expected = json!({
        "eak": "SOMERANDOMNPOTENTIALLYNONVALIDKEY",
        "authorizer_id": writer.id,
        "authorizer_public_key": { "curve25519": writer.encryption.public_key() },
        "signer_id": writer.id,
        "signer_signing_key": { "ed25519": writer.signing.public_key() },
    });
    assert_eq!(key, expected);
    // Deleting is idempotent, and makes room for another.
    for _ in 0..2 {
        let answer = fixture.call(&writer, Method::DELETE, &path, None).await;
        assert_eq!(answer.code(), 204);
        assert!(answer.body.is_empty());
    }
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 404);
    assert_eq!(put("another").await.code(), 201);
}

#[tokio::test]
async fn a_writer_without_a_signing_key_signs_with_null() {
    let fixture = Fixture::new().await;
    let reader = fixture.client("reader").await;
    let body = json!({
        "token": fixture.account.registration_token,
        "client": { "name": "old", "public_key": { "curve25519": reader.encryption.public_key() } },
    });
    let old = fixture.post("/v1/account/e3db/clients/register").json(body).send().await.json();
    let basic = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        old["api_key_id"].as_str().unwrap(),
        old["api_secret"].as_str().unwrap()
    );
    let token = fixture.post("/v1/auth/token").body(basic).send().await.json()["access_token"].clone();
    let id = old["client_id"].as_str().unwrap();
    let path = format!("/v1/storage/access_keys/{id}/{id}/{id}/t");
    let put = fixture.put(&path).bearer(token.as_str().unwrap()).json(json!({ "eak": "e" })).send().await;
    assert_eq!(put.code(), 201);
    let key = fixture.get(&path).bearer(token.as_str().unwrap()).send().await.json();
    assert_eq!(key.as_object().unwrap()["signer_signing_key"], Value::Null);
}

#[tokio::test]
async fn keys_are_seen_and_put_by_whom_they_concern() {
    let fixture = Fixture::new().await;
    let (writer, reader, stranger) =
        (fixture.client("writer").await, fixture.client("reader").await, fixture.client("stranger").await);
    assert_eq!(fixture.put_key(&writer, &writer, &writer, "t").await, 201);
    assert_eq!(fixture.put_key(&writer, &writer, &reader, "t").await, 201);
    assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 200);
    assert_eq!(fixture.key_code(&writer, &writer, &reader, "t").await, 200);
    assert_eq!(fixture.key_code(&stranger, &writer, &reader, "t").await, 404);
    assert_eq!(fixture.key_code(&reader, &writer, &writer, "t").await, 404);
    assert_eq!(fixture.put_key(&reader, &writer, &stranger, "t").await, 403);
    assert_eq!(fixture.put_key(&stranger, &writer, &stranger, "t").await, 403);
    assert_eq!(fixture.delete_key(&reader, &writer, &reader, "t").await, 403);
    assert_eq!(fixture.delete_key(&stranger, &writer, &reader, "t").await, 403);
    assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 200);
    // The reader gives its key up by a path of its own; nobody else can use that.
    let own = key_path(&writer, &reader, "t").replace("access_keys/", "access_keys/reader/");
    for _ in 0..2 {
        assert_eq!(fixture.call(&stranger, Method::DELETE, &own, None).await.code(), 403);
        assert_eq!(fixture.call(&writer, Method::DELETE, &own, None).await.code(), 403);
        assert_eq!(fixture.call(&reader, Method::DELETE, &own, None).await.code(), 204);
    }
    assert_eq!(fixture.key_code(&reader, &writer, &reader, "t").await, 404);
    assert_eq!(fixture.key_code(&writer, &writer, &writer, "t").await, 200);
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    let w = writer.id;
    let put =
        async |path: String, body: Value| fixture.call(&writer, Method::PUT, &path, Some(body)).await.code();
    let key = json!({ "eak": "e" });
    assert_eq!(put(format!("/v1/storage/access_keys/{w}/{w}/{NO_ID}/t"), key.clone()).await, 404);
    assert_eq!(put(format!("/v1/storage/access_keys/{NO_ID}/{NO_ID}/{w}/t"), key.clone()).await, 403);
    assert_eq!(put(format!("/v1/storage/access_keys/x/{w}/{w}/t"), key.clone()).await, 404);
    assert_eq!(put(format!("/v1/storage/access_keys/{w}/{w}/{w}/{}", "t".repeat(513)), key).await, 400);
    let path = key_path(&writer, &writer, "t");
    for body in [json!({}), json!({ "eak": null }), json!({ "eak": "e".repeat(5000) })] {
        assert_eq!(put(path.clone(), body).await, 400);
    }
    assert_eq!(fixture.get(&path).send().await.code(), 401);
}

#[tokio::test]
async fn record_types_of_any_text_fit_into_paths() {
    let fixture = Fixture::new().await;
    let writer = fixture.client("writer").await;
    for record_type in ["a/b", "a b", "a+b", "a%2Fb", "ä?#", "it's", "reader", "safe", "%"] {
        assert_eq!(fixture.put_key(&writer, &writer, &writer, record_type).await, 201, "{record_type}");
        fixture.write(&writer, record_type, json!({}), json!({ "a": "1" })).await;
        let request = json!({ "content_types": [record_type], "include_data": true });
        let page = fixture.search(&writer, request).await;
        assert_eq!(page["results"].as_array().unwrap().len(), 1, "{record_type}");
        assert_eq!(page["results"][0]["meta"]["type"], record_type);
        assert!(page["results"][0]["access_key"].is_object(), "{record_type}");
    }
    // A plus sign is no space, and case counts.
    let w = writer.id;
    let of = async |segment: &str| {
        let path = format!("/v1/storage/access_keys/{w}/{w}/{w}/{segment}");
        fixture.call(&writer, Method::GET, &path, None).await.code()
    };
    assert_eq!(
        (of("a+b").await, of("a%2Bb").await, of("a%2bb").await, of("a%20b").await),
        (200, 200, 200, 200)
    );
    assert_eq!((of("A+b").await, of("a").await, of("a/b").await), (404, 404, 404));
    assert_eq!(fixture.delete_key(&writer, &writer, &writer, "a b").await, 204);
    assert_eq!((of("a+b").await, of("a%20b").await), (200, 404));
    let refused = body(w, "t", json!({}), json!({ "a": "1" }));
    assert_eq!(
        fixture.call(&writer, Method::POST, "/v1/storage/records/share", Some(refused)).await.code(),
        501
    );
}
