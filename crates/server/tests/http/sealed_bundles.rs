//! Bundles of keys, and requests that are signed with them.

use http::Method;
use serde_json::json;
use tozstore_api::paths;
use tozstore_api::sealed::{BundleHeads, BundlePage, BundlesOf, SealedBody as _};
use tozstore_crypto::sealed::{BundleLink, BundleReason, ClientKeys, SealedRequest};
use tozstore_crypto::{ClientId, EncryptionPrivateKey, RequestNonce, SigningKeyPair};

use super::fixture::{Fixture, TestClient};
use super::sealed_fixture::{HOST, SealedClient, code};

#[tokio::test]
async fn a_store_says_which_it_is() {
    let fixture = Fixture::new().await;
    let answer = fixture.get(paths::SEALED_STORE).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "store_id": fixture.store_id(),
            "time_ms": 1_800_000_000_500_u64,
            "suites": ["sealed-1"],
            "limits": {
                "body_bytes": 8_388_608, "sealed_bytes": 7_340_032, "wraps_in_one_piece": 1000,
                "stage_lifetime_s": 3600,
            },
        })
    );
}

#[tokio::test]
async fn a_first_bundle_is_endorsed_and_put_once() {
    let fixture = Fixture::new().await;
    let (client, other) = (fixture.client("client").await, fixture.client("other").await);
    let path = paths::sealed_bundle(client.id, 0);
    let link = BundleLink::first(&client.signing, fixture.store_id(), client.id).unwrap();
    let bytes = link.to_bytes().unwrap();
    let put = |token: &str, bytes: Vec<u8>| fixture.put(&path).bearer(token).body(bytes).send();

    assert_eq!(put("x", bytes.clone()).await.failure(), code(401, "unsigned"));
    assert_eq!(put(&other.token, bytes.clone()).await.failure(), code(404, "not_found"));
    assert_eq!(put(&client.token, bytes[1..].to_vec()).await.failure(), code(400, "malformed"));
    assert_eq!(put(&client.token, vec![0; 9000]).await.failure(), code(413, "too_large"));
    // Endorsed by another key than the registered one.
    let forged = BundleLink::first(&other.signing, fixture.store_id(), client.id).unwrap();
    assert_eq!(put(&client.token, forged.to_bytes().unwrap()).await.failure(), code(400, "bad_signature"));
    for (at, expected) in [(bytes.len() - 1, "bad_signature"), (bytes.len() - 65, "bad_signature")] {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert_eq!(put(&client.token, broken).await.failure(), code(400, expected), "{at}");
    }
    let of_another = BundleLink::first(&client.signing, fixture.store_id(), other.id).unwrap();
    assert_eq!(put(&client.token, of_another.to_bytes().unwrap()).await.failure(), code(400, "malformed"));

    let sealed = SealedClient {
        keys: ClientKeys::derive(&client.signing, fixture.store_id(), client.id),
        client,
        link: link.clone(),
    };
    let chain = paths::sealed_bundles(sealed.id(), None);
    assert_eq!(fixture.sealed_get(&sealed, &chain).await.failure(), code(401, "unsigned"));
    // Its own key alone does not show that it is the client.
    let by_itself = fixture.sealed(&sealed, Method::PUT, &path, bytes.clone()).await;
    assert_eq!(by_itself.failure(), code(401, "unsigned"));
    assert_eq!(put(&sealed.client.token, bytes.clone()).await.status, 201);
    assert_eq!(put(&sealed.client.token, bytes.clone()).await.status, 200);
    let page: BundlePage = fixture.sealed_get(&sealed, &chain).await.encoded();
    assert_eq!(page, BundlePage { deleted: false, links: vec![link] });
}

#[tokio::test]
async fn a_chain_goes_on_by_the_keys_before() {
    let fixture = Fixture::new().await;
    let mut client = fixture.sealed_client("client").await;
    let reader = fixture.sealed_client("reader").await;
    let first = client.link.clone();
    let keys = ClientKeys::generate();
    let next = |old: &ClientKeys| {
        BundleLink::successor(first.bundle(), old, &keys, BundleReason::Routine, 1).unwrap()
    };
    let put = async |link: &BundleLink, by: &ClientKeys, sequence: u32| {
        let by = SealedClient {
            client: copy(&client.client),
            keys: ClientKeys::from_bytes(by.expose_bytes()),
            link: link.clone(),
        };
        let path = paths::sealed_bundle(by.id(), sequence);
        fixture.sealed(&by, Method::PUT, &path, link.to_bytes().unwrap()).await
    };
    // By other keys than those before; sent by who does not hold the new ones; at another place.
    let stranger = ClientKeys::generate();
    assert_eq!(put(&next(&stranger), &keys, 1).await.failure(), code(400, "bad_signature"));
    assert_eq!(put(&next(&client.keys), &stranger, 1).await.failure(), code(401, "unsigned"));
    assert_eq!(put(&next(&client.keys), &keys, 2).await.failure(), code(400, "malformed"));
    assert_eq!(put(&next(&client.keys), &keys, 1).await.status, 201);
    assert_eq!(put(&next(&client.keys), &keys, 1).await.status, 200);

    // Two devices at once: one of them wins, the other learns of it.
    let other_keys = ClientKeys::generate();
    let other = BundleLink::successor(first.bundle(), &client.keys, &other_keys, BundleReason::Routine, 2);
    let lost = put(&other.unwrap(), &other_keys, 1).await;
    assert_eq!(lost.failure(), code(409, "bundle_moved"));
    assert_eq!(lost.failure_body().digest, Some(next(&client.keys).bundle().digest()));

    // The older key signs no more.
    let chain = paths::sealed_bundles(client.id(), None);
    assert_eq!(fixture.sealed_get(&client, &chain).await.failure(), code(401, "bundle_old"));
    client.link = next(&client.keys);
    client.keys = ClientKeys::from_bytes(keys.expose_bytes());
    fixture.next_bundle(&mut client, BundleReason::Compromised).await;
    let page: BundlePage = fixture.sealed_get(&reader, &chain).await.encoded();
    let sequences = |page: &BundlePage| -> Vec<u32> {
        page.links.iter().map(|link| link.bundle().object().sequence).collect()
    };
    assert_eq!(sequences(&page), [0, 1, 2]);
    let behind: BundlePage =
        fixture.sealed_get(&reader, &paths::sealed_bundles(client.id(), Some(1))).await.encoded();
    assert_eq!(sequences(&behind), [2]);
    let path = format!("{chain}?x=1");
    assert_eq!(fixture.sealed_get(&reader, &path).await.failure(), code(400, "malformed"));

    let nobody = ClientId::random();
    let missing = fixture.sealed_get(&reader, &paths::sealed_bundles(nobody, None)).await;
    assert_eq!(missing.failure(), code(404, "no_bundle"));
    let body = BundlesOf(vec![client.id(), nobody, reader.id()]);
    let heads: BundleHeads =
        fixture.sealed_body(&reader, Method::POST, paths::SEALED_BUNDLE_HEADS, &body).await.encoded();
    let heads: Vec<_> = heads.0.into_iter().map(|head| (head.client, head.deleted, head.link)).collect();
    assert_eq!(
        heads,
        [
            (client.id(), false, Some(client.link.clone())),
            (nobody, true, None),
            (reader.id(), false, Some(reader.link.clone())),
        ]
    );
}

#[tokio::test]
async fn a_client_makes_few_bundles_in_a_day() {
    let fixture = Fixture::new().await;
    let mut client = fixture.sealed_client("client").await;
    for _ in 1..10 {
        fixture.next_bundle(&mut client, BundleReason::Routine).await;
    }
    let keys = ClientKeys::generate();
    let link =
        BundleLink::successor(client.link.bundle(), &client.keys, &keys, BundleReason::Routine, 1).unwrap();
    let next = SealedClient { client: copy(&client.client), keys, link: link.clone() };
    let path = paths::sealed_bundle(client.id(), 10);
    let put = || fixture.sealed(&next, Method::PUT, &path, link.to_bytes().unwrap());
    assert_eq!(put().await.failure(), code(400, "limit"));
    fixture.advance_seconds(86_401);
    assert_eq!(put().await.status, 201);
}

#[tokio::test]
async fn requests_are_signed_as_a_whole_and_come_once() {
    let fixture = Fixture::new().await;
    let client = fixture.sealed_client("client").await;
    let body = BundlesOf(vec![client.id()]).to_bytes().unwrap();
    let header = fixture.sign_sealed(&client, "POST", paths::SEALED_BUNDLE_HEADS, &body);
    let send = |path: &str, host: &str, header: &str, body: &[u8]| {
        let call = fixture.post(path).header("host", host).header("authorization", header);
        call.body(body.to_vec()).send()
    };
    let path = paths::SEALED_BUNDLE_HEADS;
    let refused = code(401, "unsigned");
    assert_eq!(send(path, "other.example", &header, &body).await.failure(), refused);
    assert_eq!(send(&format!("{path}?a=1"), HOST, &header, &body).await.failure(), refused);
    let mut other = body.clone();
    other[5] ^= 1;
    assert_eq!(send(path, HOST, &header, &other).await.failure(), refused);
    assert_eq!(send(path, "STORE.example:80", &header, &body).await.status, 200);
    assert_eq!(send(path, HOST, &header, &body).await.failure(), code(401, "replayed"));

    // Neither a token nor a signature of the other kind covers the body.
    let token = format!("Bearer {}", client.client.token);
    assert_eq!(send(path, HOST, &token, &body).await.failure(), refused);
    let interop = fixture.sign(&client.client, "POST", path);
    assert_eq!(send(path, HOST, &interop, &body).await.failure(), refused);

    let at = |unix_ms: u64| {
        let request = SealedRequest {
            store: fixture.store_id(),
            method: "POST",
            authority: HOST,
            path,
            query: "",
            body: &body,
        };
        let key = client.keys.signing_key();
        request.sign(client.id(), client.link.bundle().digest(), unix_ms, RequestNonce::random(), &key)
    };
    let now_ms = 1_800_000_000_000;
    for (unix_ms, is_timely) in [
        (now_ms - 301_000, false),
        (now_ms - 299_000, true),
        (now_ms + 299_000, true),
        (now_ms + 302_000, false),
    ] {
        let answer = send(path, HOST, &at(unix_ms).to_string(), &body).await;
        if is_timely {
            assert_eq!(answer.status, 200, "{unix_ms}");
        } else {
            assert_eq!(answer.failure(), code(401, "clock"), "{unix_ms}");
            assert_eq!(answer.failure_body().time_ms, Some(1_800_000_000_500));
        }
    }

    let disable = json!({ "enabled": false });
    let admin = paths::ADMIN_CLIENT_ENABLE.replace("{client_id}", &client.id().to_string());
    let answer = fixture.call(&fixture.account.queen, Method::PATCH, &admin, Some(disable)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(send(path, HOST, &at(now_ms).to_string(), &body).await.failure(), refused);
}

/// The same client, for a second holder of its credentials.
pub fn copy(client: &TestClient) -> TestClient {
    TestClient {
        id: client.id,
        api_key_id: client.api_key_id.clone(),
        api_secret: client.api_secret.clone(),
        token: client.token.clone(),
        signing: SigningKeyPair::from_text(&client.signing.expose_text()).unwrap(),
        encryption: EncryptionPrivateKey::from_text(&client.encryption.expose_text()).unwrap(),
    }
}
