//! Whatever changes keys, policies or credentials leaves an entry in the audit log.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tozstore_api::paths;
use tozstore_crypto::{EncryptionPrivateKey, SigningKeyPair};
use tozstore_server::audit;
use tozstore_server::store::{AuditEntry, StoreError};

use super::endpoints::{REFUSED, routes};
use super::fixture::{Answer, Fixture, account_body, text};
use super::storage::{body, id, key_path, policy_path};

/// Routes that change content, or nothing: they need no entry.
const OTHERS: &[(&str, &str)] = &[
    ("POST", paths::ACCESS_TOKEN),
    ("POST", paths::ACCESS_TOKEN_VALIDATE),
    ("POST", paths::ACCOUNT_CHALLENGE),
    ("POST", paths::ACCOUNT_LOGIN),
    ("POST", paths::ACCOUNT_TOKEN_VALIDATE),
    ("POST", paths::AUTHORIZER_INCOMING),
    ("POST", paths::AUTHORIZER_OUTGOING),
    ("POST", paths::CLIENTS_PUBLIC),
    ("PATCH", paths::FILE),
    ("PATCH", paths::FILE_EDIT_COMMIT),
    ("PATCH", paths::FILE_V2),
    ("POST", paths::FILES),
    ("POST", paths::FILES_V2),
    ("POST", paths::FILE_LIST),
    ("PUT", paths::FILE_BYTES),
    ("PUT", paths::FILE_EDIT),
    ("PUT", paths::FILE_RECORD),
    ("PUT", paths::FILE_VERSION),
    ("POST", paths::GROUPS_BULK),
    ("POST", paths::GROUPS_BULK_MEMBERS),
    ("POST", paths::GROUPS_BULK_SHARE),
    ("PUT", paths::GROUP_RECORD),
    ("DELETE", paths::RECORD),
    ("DELETE", paths::RECORD_SAFE),
    ("DELETE", paths::RECORDS_BULK_DELETE),
    ("POST", paths::RECORDS),
    ("POST", paths::RECORDS_V2),
    ("PUT", paths::RECORD),
    ("PUT", paths::RECORD_EDIT),
    ("PUT", paths::RECORD_SAFE),
    ("POST", paths::SEARCH),
    ("POST", paths::SHARE_INCOMING),
    ("POST", paths::SHARE_OUTGOING),
    ("POST", paths::TERM_SEARCH),
];
/// Notes as well: they are sealed for one reader, and shared with nobody else.
const NOTES: &str = "/v2/storage/notes";
/// Chains of keys and logs of sealed types leave theirs in a test of their own (`sealed_logs`); file bytes are content.
const SEALED: &str = "/v3/";

/// Requests that were made, each with the entries that it left.
struct Scene {
    fixture: Fixture,
    seen: BTreeSet<(String, String)>,
    entries: usize,
}

impl Scene {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let mut scene = Self { fixture, seen: BTreeSet::new(), entries: 0 };
        scene.entries = scene.log().await.len();
        scene
    }

    async fn log(&self) -> Vec<AuditEntry> {
        let read = |tx: &dyn tozstore_server::store::ReadTx| tx.audit_entries(0, 10_000);
        self.fixture.app.store.read::<_, StoreError, _>("test", read).await.unwrap()
    }

    /// What was asked of a route was done, and left an entry of this action.
    async fn left(&mut self, method: &str, route: &str, answer: &Answer, action: &str) -> AuditEntry {
        assert!(answer.status.is_success(), "{method} {route}: {answer:?}");
        let log = self.log().await;
        let new = &log[self.entries..];
        let entry = new.iter().find(|entry| entry.action == action).cloned();
        self.entries = log.len();
        self.seen.insert((method.to_owned(), route.to_owned()));
        assert!(entry.is_some(), "{method} {route} left {new:?}");
        entry.unwrap()
    }

    /// Nothing was left since the last look.
    async fn nothing_left(&self) {
        assert_eq!(self.log().await.len(), self.entries);
    }
}

#[tokio::test]
async fn every_route_that_changes_keys_or_policies_leaves_an_entry() {
    let mut scene = Scene::new().await;
    let writer = scene.fixture.client("writer").await;
    let reader = scene.fixture.client("reader").await;
    let account = scene.fixture.account.token.clone();
    let queen = scene.fixture.account.queen.token.clone();
    scene.entries = scene.log().await.len();

    // Accounts.
    let keys = || (SigningKeyPair::generate(), EncryptionPrivateKey::generate());
    let ((login, encryption), (paper, signing)) =
        (keys(), (SigningKeyPair::generate(), SigningKeyPair::generate()));
    let sent = account_body("new@example.com", &login, &paper, &encryption, &signing);
    let answer = scene.fixture.post(paths::ACCOUNT_PROFILE).json(sent).send().await;
    scene.left("POST", paths::ACCOUNT_PROFILE, &answer, "account_created").await;
    let sent = json!({ "profile": { "name": "Other" } });
    let answer = scene.fixture.patch(paths::ACCOUNT_PROFILE).bearer(&account).json(sent).send().await;
    scene.left("PATCH", paths::ACCOUNT_PROFILE, &answer, "account_updated").await;
    let call = scene.fixture.put(paths::ACCOUNT_PROFILE_META).bearer(&account).json(json!({ "a": "b" }));
    let answer = call.send().await;
    scene.left("PUT", paths::ACCOUNT_PROFILE_META, &answer, "account_updated").await;

    // Registration tokens and clients.
    let sent = json!({ "permissions": { "enabled": true, "one_time": false, "allowed_types": ["general"] } });
    let answer = scene.fixture.post(paths::REGISTRATION_TOKENS).bearer(&account).json(sent).send().await;
    scene.left("POST", paths::REGISTRATION_TOKENS, &answer, "registration_token_created").await;
    let token = text(&answer.json()["token"]);
    let client = json!({ "name": "n", "public_key": { "curve25519": encryption.public_key() },
        "signing_key": { "ed25519": signing.public_key() } });
    let sent = json!({ "token": token, "client": client });
    let answer = scene.fixture.post(paths::REGISTER).json(sent).send().await;
    let entry = scene.left("POST", paths::REGISTER, &answer, "client_registered").await;
    assert_eq!(entry.actor, format!("account:{}", entry.about["account"]));
    let made = text(&answer.json()["client_id"]);
    let answer = scene.fixture.post(format!("/v1/account/backup/{token}/{made}")).send().await;
    scene.left("POST", paths::BACKUP, &answer, "client_updated").await;
    let answer = scene.fixture.delete(format!("/v1/account/tokens/{token}")).bearer(&account).send().await;
    scene.left("DELETE", paths::REGISTRATION_TOKEN, &answer, "registration_token_deleted").await;
    let call = scene.fixture.patch(format!("/v1/client/admin/{made}/enable")).bearer(&queen);
    let answer = call.json(json!({ "enabled": false })).send().await;
    let entry = scene.left("PATCH", paths::ADMIN_CLIENT_ENABLE, &answer, "client_updated").await;
    assert_eq!(entry.about["state"], "disabled");
    let answer = scene.fixture.delete(format!("/v1/client/admin/{made}")).bearer(&queen).send().await;
    scene.left("DELETE", paths::ADMIN_CLIENT, &answer, "client_deleted").await;
    let new_key = json!({ "signing_key": { "ed25519": SigningKeyPair::generate().public_key() } });
    let bare =
        json!({ "name": "bare", "public_key": { "curve25519": encryption.public_key() }, "signing_key": {} });
    let sent = json!({ "token": scene.fixture.account.registration_token, "client": bare });
    let bare = scene.fixture.post(paths::REGISTER).json(sent).send().await.json();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text(&bare["api_key_id"]),
        text(&bare["api_secret"])
    );
    let session = scene.fixture.post(paths::ACCESS_TOKEN).body(form).send().await.json();
    scene.entries = scene.log().await.len();
    let call = scene.fixture.patch(format!("/v1/client/{}/keys", text(&bare["client_id"])));
    let answer = call.bearer(text(&session["access_token"])).json(new_key).send().await;
    scene.left("PATCH", paths::CLIENT_KEYS, &answer, "client_updated").await;

    // Hooks.
    let sent = json!({ "webhook_url": "https://example.com/", "triggers": [{ "enabled": true, "api_event": "record_written" }] });
    let answer = scene.fixture.post(paths::HOOKS).bearer(&queen).json(sent).send().await;
    scene.left("POST", paths::HOOKS, &answer, "hook_created").await;
    let path = format!("{}/{}", paths::HOOKS, answer.json()["webhook_id"]);
    let answer = scene.fixture.delete(path).bearer(&queen).send().await;
    scene.left("DELETE", paths::HOOK, &answer, "hook_deleted").await;

    // Keys and policies.
    let record = scene.fixture.write(&writer, "t", json!({}), json!({ "a": "1" })).await;
    scene.nothing_left().await;
    let key = Some(json!({ "eak": "a.b" }));
    let own = key_path(&writer, &reader, "t");
    let answer = scene.fixture.call(&writer, Method::PUT, &own, key.clone()).await;
    let entry = scene.left("PUT", paths::ACCESS_KEY, &answer, "access_key_put").await;
    assert_eq!(entry.actor, format!("client:{}", entry.about["client"]));
    assert!(entry.about.contains_key("other") && entry.about.contains_key("type"));
    let path = policy_path(&writer, &reader, "t");
    let allow = json!({ "allow": [{ "read": {} }, { "authorizer": {} }] });
    let answer = scene.fixture.call(&writer, Method::PUT, &path, Some(allow)).await;
    scene.left("PUT", paths::POLICY, &answer, "policy_put").await;
    let path = paths::policy_authorizer(writer.id, writer.id, reader.id);
    let answer = scene.fixture.call(&writer, Method::DELETE, &path, None).await;
    scene.left("DELETE", paths::POLICY_AUTHORIZER, &answer, "policy_withdrawn").await;
    let path = paths::reader_policy(writer.id, writer.id, reader.id, &"t".parse().unwrap());
    let deny = json!({ "deny": [{ "read": {} }] });
    let answer = scene.fixture.call(&reader, Method::PUT, &path, Some(deny)).await;
    scene.left("PUT", paths::READER_POLICY, &answer, "policy_withdrawn").await;
    let path = paths::reader_access_key(writer.id, writer.id, reader.id, &"t".parse().unwrap());
    let answer = scene.fixture.call(&reader, Method::DELETE, &path, None).await;
    scene.left("DELETE", paths::READER_ACCESS_KEY, &answer, "access_key_deleted").await;
    scene.fixture.call(&writer, Method::PUT, &own, key).await;
    scene.entries = scene.log().await.len();
    let answer = scene.fixture.call(&writer, Method::DELETE, &own, None).await;
    scene.left("DELETE", paths::ACCESS_KEY, &answer, "access_key_deleted").await;
    let path = format!("/v1/storage/policy/{0}/{0}/{1}/{2}/t", writer.id, reader.id, text(&id(&record)));
    let allow = json!({ "allow": [{ "read": {} }] });
    let answer = scene.fixture.call(&writer, Method::PUT, &path, Some(allow)).await;
    let entry = scene.left("PUT", paths::RECORD_POLICY, &answer, "policy_put").await;
    assert!(entry.about.contains_key("record"));

    // Groups.
    let sent = json!({ "group_name": "g", "public_key": "k", "encrypted_group_key": "a.b",
        "capability": ["SHARE_CONTENT", "READ_CONTENT", "MANAGE_MEMBERSHIP"] });
    let answer = scene.fixture.call(&writer, Method::POST, paths::GROUPS, Some(sent)).await;
    scene.left("POST", paths::GROUPS, &answer, "group_created").await;
    let group = text(&answer.json()["group_id"]);
    let of = |pattern: &str| pattern.replace("{group_id}", &group);
    let describe = json!({ "group_description": "d" });
    let answer = scene.fixture.call(&writer, Method::PUT, &of(paths::GROUP), Some(describe)).await;
    scene.left("PUT", paths::GROUP, &answer, "group_updated").await;
    let answer = scene.fixture.add(&writer, &group, &reader, &["READ_CONTENT"]).await;
    scene.left("POST", paths::GROUP_MEMBERS, &answer, "group_member_put").await;
    let sent = json!({ "group_members": [{ "client_id": reader.id, "capability_names": ["EDIT_CONTENT"] }] });
    let answer = scene.fixture.call(&writer, Method::PUT, &of(paths::GROUP_MEMBERS), Some(sent)).await;
    scene.left("PUT", paths::GROUP_MEMBERS, &answer, "group_member_put").await;
    let sent = json!({ "group_members": [{ "client_id": reader.id }] });
    let answer = scene.fixture.call(&writer, Method::DELETE, &of(paths::GROUP_MEMBERS), Some(sent)).await;
    scene.left("DELETE", paths::GROUP_MEMBERS, &answer, "group_member_removed").await;
    let sent = json!({ "group_id": group, "record_type": "t", "record_id": "", "encrypted_access_key": "a.k",
        "public_key": "key", "can_edit": false });
    let answer = scene.fixture.call(&writer, Method::POST, &of(paths::GROUP_SHARE), Some(sent)).await;
    scene.left("POST", paths::GROUP_SHARE, &answer, "group_shared").await;
    let sent = json!({ "record_type": "t" });
    let answer = scene.fixture.call(&writer, Method::DELETE, &of(paths::GROUP_SHARE), Some(sent)).await;
    scene.left("DELETE", paths::GROUP_SHARE, &answer, "group_unshared").await;
    let answer = scene.fixture.call(&writer, Method::DELETE, &of(paths::GROUP), None).await;
    scene.left("DELETE", paths::GROUP, &answer, "group_deleted").await;

    // The account, at last.
    let path = format!("/v2/account/{}", scene.fixture.account.id);
    let answer = scene.fixture.delete(path).bearer(&queen).send().await;
    scene.left("DELETE", paths::ACCOUNT, &answer, "account_deleted").await;
    let other = scene.fixture.other_account("other@example.com").await;
    scene.entries = scene.log().await.len();
    let sent = json!({ "client": { "name": "queen", "public_key": { "curve25519": encryption.public_key() },
        "signing_key": { "ed25519": signing.public_key() } } });
    let answer = scene.fixture.post(paths::ACCOUNT_QUEEN).bearer(&other.token).json(sent).send().await;
    scene.left("POST", paths::ACCOUNT_QUEEN, &answer, "account_updated").await;

    // That was all of them.
    for (path, methods) in routes() {
        for method in methods.into_iter().filter(|method| !["GET", REFUSED].contains(method)) {
            let needs_none = OTHERS.contains(&(method, path.as_str()))
                || path.starts_with(NOTES)
                || path.starts_with(SEALED);
            let is_seen = scene.seen.contains(&(method.to_owned(), path.clone()));
            assert!(is_seen != needs_none, "{method} {path}: does it change keys or policies?");
        }
    }
    // And the log holds, inside and outside of the store.
    let lines: String = scene.log().await.iter().map(|entry| audit::line(entry) + "\n").collect();
    let head = audit::verify(lines.as_bytes(), None).unwrap();
    assert_eq!(head.position as usize, scene.entries);
    for secret in [writer.id.to_string(), scene.fixture.account.id.clone(), "new@example.com".to_owned()] {
        assert!(!lines.contains(&secret) && !lines.contains(&secret.replace('-', "")));
    }
}

#[tokio::test]
async fn what_is_refused_leaves_no_entry() {
    let scene = Scene::new().await;
    let (writer, stranger) = (scene.fixture.client("a").await, scene.fixture.client("b").await);
    scene.fixture.write(&writer, "t", Value::Null, json!({ "a": "1" })).await;
    let before = scene.log().await.len();
    assert_ne!(scene.fixture.policy(&stranger, (&writer, &stranger), "t", "allow", &["read"]).await, 201);
    assert_ne!(scene.fixture.put_key(&stranger, &writer, &stranger, "t").await, 201);
    let sent = body(writer.id, "t", Value::Null, json!({ "a": "1" }));
    scene.fixture.call(&stranger, Method::POST, paths::RECORDS, Some(sent)).await;
    assert_eq!(scene.log().await.len(), before);
}
