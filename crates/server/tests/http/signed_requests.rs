//! Signed requests: in time, once, by the client's own key, for this path alone.

use tozstore_crypto::{RequestNonce, RequestToSign, SigningKeyPair};

use super::fixture::Fixture;

const SECONDS: i64 = 1_800_000_000;

#[tokio::test]
async fn a_signature_opens_what_a_token_opens() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let path = format!("/v1/client/{}", client.id);
    let answer = fixture.get(&path).header("authorization", fixture.sign(&client, "GET", &path)).send().await;
    assert_eq!(answer.code(), 200);
    assert_eq!(answer.json()["client_id"], client.id.to_string());
    // With a query, with the slash that is cut off before routing, with upper-case ids.
    let queen = &fixture.account.queen;
    for path in [
        "/v1/client/admin?next=0&limit=5".to_owned(),
        "/v1/client/admin/?limit=5".to_owned(),
        format!("/v1/client/admin/{}", client.id.to_string().to_uppercase()),
    ] {
        let answer =
            fixture.get(&path).header("authorization", fixture.sign(queen, "GET", &path)).send().await;
        assert_eq!(answer.code(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_replayed_request_is_refused() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let path = format!("/v1/client/{}", client.id);
    let header = fixture.sign(&client, "GET", &path);
    assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), 200);
    assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), 401);
    fixture.advance_seconds(60);
    assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), 401);
}

#[tokio::test]
async fn the_clock_may_be_off_by_five_minutes() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let path = format!("/v1/client/{}", client.id);
    for (seconds, code) in
        [(SECONDS - 300, 200), (SECONDS + 300, 200), (SECONDS - 301, 401), (SECONDS + 301, 401), (0, 401)]
    {
        let header = fixture.sign_at(&client, "GET", &path, seconds, RequestNonce::random());
        assert_eq!(fixture.get(&path).header("authorization", header).send().await.code(), code, "{seconds}");
    }
}

#[tokio::test]
async fn another_request_or_another_key_is_refused() {
    let fixture = Fixture::new().await;
    let client = fixture.client("a").await;
    let path = format!("/v1/client/{}", client.id);
    let other = format!("/v1/client/{}/public", client.id);
    assert_eq!(
        fixture.get(&path).header("authorization", fixture.sign(&client, "GET", &other)).send().await.code(),
        401
    );
    assert_eq!(
        fixture.get(&path).header("authorization", fixture.sign(&client, "PUT", &path)).send().await.code(),
        401
    );
    let sign = |id, key: &SigningKeyPair| {
        let request = RequestToSign { method: "GET", path: &path, query: None };
        request.sign(SECONDS.unsigned_abs(), RequestNonce::random(), id, key)
    };
    for header in [
        sign(Some(client.id), &SigningKeyPair::generate()),
        sign(None, &client.signing),
        sign(Some(fixture.account.queen.id), &client.signing),
        "TSV1-ED25519-BLAKE2B; rubbish".to_owned(),
    ] {
        assert_eq!(fixture.get(&path).header("authorization", &header).send().await.code(), 401, "{header}");
    }
    // A refused request does not use up the nonce of a good one.
    assert_eq!(
        fixture
            .get(&path)
            .header("authorization", sign(Some(client.id), &client.signing))
            .send()
            .await
            .code(),
        200
    );
}
