//! Groups at a server that lies about their keys: what is found out, and what this format cannot tell.

use serde_json::{Value, json};
use tozstore::{
    Capability, CapabilitySet, Client, ClientId, GroupId, GroupOptions, KeyTrust, KnownKeys, RecordId,
    UntrustedData,
};
use tozstore_crypto::{AccessKey, EncryptionPrivateKey, EncryptionPublicKey, GroupKeyPair};

use super::fake::{Asked, Fake, Honest, Reply};
use super::{private_key_of, untrusted, write};

/// What the server says of a group to one member.
#[derive(Clone)]
struct Told {
    group: GroupId,
    public_key: EncryptionPublicKey,
    membership_key: String,
    member: ClientId,
    authorizer: ClientId,
}

impl Told {
    fn answer(&self, asked: &Asked) -> Option<Reply> {
        let of_group = format!("/v2/storage/groups/{}", self.group);
        match (asked.method.as_str(), asked.target.strip_prefix(&of_group)?) {
            ("GET", "") => {
                Some(Reply::Json(200, group_answer(self.group, &self.public_key.to_string(), "x.y")))
            }
            ("GET", "/membership_key") => Some(Reply::Json(
                200,
                json!({
                    "group_id": self.group, "encrypted_membership_key": self.membership_key,
                    "client_id": self.member, "authorizer_id": self.authorizer,
                }),
            )),
            ("POST", "/share") => Some(Reply::Json(201, asked.body.clone())),
            ("POST", "/members") => Some(Reply::Json(201, asked.body["group_members"].clone())),
            _ => None,
        }
    }

    fn tell(self, fake: &Fake) {
        fake.lie(move |asked, _| self.answer(asked));
    }
}

fn group_answer(id: GroupId, public_key: &str, wrapped: &str) -> Value {
    let time = "2024-01-01T00:00:00.000001Z";
    json!({
        "group_id": id, "group_name": "g", "account_id": ClientId::random().to_string(), "public_key": public_key,
        "created_at": time, "last_modified": time, "encrypted_group_key": wrapped, "description": "", "member_count": 1,
    })
}

/// Makes a group, and the truth about it.
async fn create(fake: &Fake, client: &Client) -> Told {
    let group = GroupId::random();
    fake.lie(move |asked, _| {
        asked.is("POST", "/v2/storage/groups").then(|| {
            let text = |name: &str| asked.body[name].as_str().unwrap();
            Reply::Json(201, group_answer(group, text("public_key"), text("encrypted_group_key")))
        })
    });
    client.create_group("g", GroupOptions::default()).await.unwrap();
    let body = fake.state().asked.last().unwrap().body.clone();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Told {
        group,
        public_key: text("public_key").parse().unwrap(),
        membership_key: text("encrypted_group_key"),
        member: client.id(),
        authorizer: client.id(),
    }
}

/// A client that the server made up, with keys that it holds.
fn made_up(fake: &Fake) -> (ClientId, EncryptionPrivateKey) {
    let (id, private) = (ClientId::random(), EncryptionPrivateKey::generate());
    fake.state().honest.clients.insert(id.to_string(), private.public_key().to_string());
    (id, private)
}

/// The same group with keys that the server made, handed out by a client that the server made up.
fn replaced(fake: &Fake, truth: &Told, member: &Client) -> (Told, GroupKeyPair) {
    let (authorizer, private) = made_up(fake);
    let keys = GroupKeyPair::generate();
    let membership_key = keys.wrap(&member.credentials().public_key(), &private).to_string();
    (Told { public_key: keys.public_key(), membership_key, authorizer, ..truth.clone() }, keys)
}

fn reading() -> CapabilitySet {
    [Capability::ReadContent].into_iter().collect()
}

#[tokio::test]
async fn a_group_key_of_the_servers_making_is_not_shared_with() {
    let fake = Fake::start().await;
    let client = fake.client();
    let truth = create(&fake, &client).await;
    let (replaced, keys) = replaced(&fake, &truth, &client);
    let unreadable = UntrustedData::GroupKeyUnreadable { group: truth.group };
    for (lie, reason) in [
        // A public key alone: the private key that this client holds is another.
        (Told { public_key: keys.public_key(), ..truth.clone() }, unreadable.clone()),
        // A membership key that this client never made.
        (Told { authorizer: client.id(), ..replaced.clone() }, unreadable.clone()),
        (Told { membership_key: "x.y".to_owned(), ..truth.clone() }, unreadable),
        // All of it: but this client knows the group's key.
        (replaced, UntrustedData::GroupKeyChanged { group: truth.group }),
        // Somebody else's membership.
        (Told { member: ClientId::random(), ..truth.clone() }, UntrustedData::WrongAnswer("membership")),
    ] {
        lie.tell(&fake);
        assert_eq!(untrusted(client.share_with_group("t", truth.group, false).await), reason);
        let other = (client.id(), reading());
        assert_eq!(untrusted(client.add_group_members(truth.group, &[other]).await), reason);
    }
    assert_eq!((fake.count("POST", "/share"), fake.count("POST", "/members")), (0, 0));
    truth.clone().tell(&fake);
    client.share_with_group("t", truth.group, false).await.unwrap();
    assert_eq!(fake.count("POST", "/share"), 1);
}

#[tokio::test]
async fn the_key_of_one_group_is_not_taken_for_another() {
    let fake = Fake::start().await;
    let client = fake.client();
    let (first, second) = (create(&fake, &client).await, create(&fake, &client).await);
    Told { group: second.group, ..first }.tell(&fake);
    let reason = untrusted(client.share_with_group("t", second.group, false).await);
    assert_eq!(reason, UntrustedData::GroupKeyChanged { group: second.group });
}

/// What cannot be told: who was let in by others and sees the group for the first time has nothing to compare with but
/// the keys of who let it in. The server can make up that client, and the group's keys with it. Pinned keys are the way
/// out, and from the first time on a change is found out.
#[tokio::test]
async fn a_made_up_manager_is_found_out_by_pins_alone() {
    let fake = Fake::start().await;
    let manager = fake.client();
    let truth = create(&fake, &manager).await;
    let credentials = fake.credentials();
    let member = fake.builder(&credentials).build().unwrap();
    let truth = Told { member: member.id(), ..truth };
    let (lie, keys) = replaced(&fake, &truth, &member);
    let mut pinned = KnownKeys::new();
    pinned.pin(manager.id(), manager.credentials().public_key());
    let pinning =
        fake.builder(&credentials).known_keys(pinned).key_trust(KeyTrust::PinnedOnly).build().unwrap();
    lie.clone().tell(&fake);
    let reason = untrusted(pinning.share_with_group("t", truth.group, false).await);
    assert_eq!(reason, UntrustedData::PublicKeyNotPinned { client: lie.authorizer });
    assert_eq!(fake.count("POST", "/share"), 0);
    // Not told, and the server opens what was shared.
    member.share_with_group("t", truth.group, false).await.unwrap();
    let body = fake.state().asked.last().unwrap().body.clone();
    let wrapped = body["encrypted_access_key"].as_str().unwrap().parse().unwrap();
    assert!(keys.open(&wrapped, &credentials.public_key()).is_ok());
    // With what it learnt of the manager before, the lie must be another client at least.
    let known = member.known_keys();
    let again = fake.builder(&credentials).known_keys(known).build().unwrap();
    let (other, _) = replaced(&fake, &truth, &again);
    other.tell(&fake);
    let reason = untrusted(again.share_with_group("t", truth.group, false).await);
    assert_eq!(reason, UntrustedData::GroupKeyChanged { group: truth.group });
}

#[tokio::test]
async fn the_exchanged_key_of_a_new_member_is_found_out() {
    let fake = Fake::start().await;
    let (client, member) = (fake.client(), fake.client());
    let truth = create(&fake, &client).await;
    truth.clone().tell(&fake);
    client.add_group_members(truth.group, &[(member.id(), reading())]).await.unwrap();
    let server_key = EncryptionPrivateKey::generate().public_key().to_string();
    fake.state().honest.clients.insert(member.id().to_string(), server_key);
    let reason = untrusted(client.add_group_members(truth.group, &[(member.id(), reading())]).await);
    assert_eq!(reason, UntrustedData::PublicKeyChanged { client: member.id() });
    assert_eq!(fake.count("POST", "/members"), 1);
}

/// A way from a reader to an access key.
#[derive(Clone)]
struct Chain {
    eak: String,
    authorizer: ClientId,
    authorizer_key: EncryptionPublicKey,
    membership_key: String,
    sharer: EncryptionPublicKey,
    group: EncryptionPublicKey,
}

impl Chain {
    /// Answers that there is no key but through a group.
    fn tell(self, fake: &Fake, record: RecordId) {
        let key = json!({
            "eak": self.eak, "authorizer_id": self.authorizer,
            "authorizer_public_key": { "curve25519": self.authorizer_key },
            "access_key_wrappers": [{
                "membership_key": self.membership_key, "public_key": self.sharer,
                "access_key_id": RecordId::random().to_string(), "group_public_key": self.group,
            }],
        });
        fake.lie(move |asked, honest: &mut Honest| {
            if asked.is("GET", "/access_keys/") {
                return Some(Reply::Json(404, json!({ "error": "none" })));
            }
            (asked.method == "GET" && asked.target == "/v1/storage/records").then(|| {
                let stored = &honest.records[&record.to_string()];
                let listed = json!({
                    "meta": stored["meta"], "record_data": stored["data"], "access_key": null, "rec_sig": null,
                    "group_access_key": key,
                });
                Reply::Json(200, json!({ "records": [listed] }))
            })
        });
    }
}

#[tokio::test]
async fn a_key_through_a_group_must_be_wrapped_by_the_writer() {
    let fake = Fake::start().await;
    let (writer, manager, credentials) = (fake.client(), fake.client(), fake.credentials());
    let reader = || fake.builder(&credentials).build().unwrap();
    let private = |client: &Client| EncryptionPrivateKey::from_text(&private_key_of(client)).unwrap();
    let record = write(&writer, "t").await.unwrap();
    // The writer's genuine key, as the writer sees it.
    let wrapped =
        fake.state().honest.keys.values().next().unwrap().0.parse::<tozstore_crypto::WrappedAccessKey>();
    let key = wrapped.unwrap().open(&writer.credentials().public_key(), &private(&writer)).unwrap();
    let (group, server_key) = (GroupKeyPair::generate(), EncryptionPrivateKey::generate());
    let truth = Chain {
        eak: key.wrap(&group.public_key(), &private(&writer)).to_string(),
        authorizer: manager.id(),
        authorizer_key: manager.credentials().public_key(),
        membership_key: group.wrap(&credentials.public_key(), &private(&manager)).to_string(),
        sharer: writer.credentials().public_key(),
        group: group.public_key(),
    };
    truth.clone().tell(&fake, record.id());
    let honest = reader();
    assert_eq!(honest.read(record.id()).await.unwrap().field("a"), Some("secret"));
    let known = honest.known_keys();

    let (servers_key, own) = (AccessKey::generate(), reader());
    let by_server = Chain {
        eak: servers_key.wrap(&group.public_key(), &server_key).to_string(),
        sharer: server_key.public_key(),
        ..truth.clone()
    };
    let servers_group = GroupKeyPair::generate();
    let (made_up, made_up_key) = made_up(&fake);
    let all_by_server = Chain {
        authorizer: made_up,
        authorizer_key: made_up_key.public_key(),
        membership_key: servers_group.wrap(&credentials.public_key(), &made_up_key).to_string(),
        group: servers_group.public_key(),
        eak: servers_key.wrap(&servers_group.public_key(), &server_key).to_string(),
        sharer: server_key.public_key(),
    };
    let by_reader = Chain {
        eak: servers_key.wrap(&group.public_key(), &private(&own)).to_string(),
        sharer: credentials.public_key(),
        ..truth.clone()
    };
    let record_type = || "t".to_owned();
    let unreadable = || UntrustedData::AccessKeyUnreadable { record_type: record_type() };
    let changed = |client| UntrustedData::PublicKeyChanged { client };
    for (lie, with_memory, reason) in [
        (Chain { sharer: server_key.public_key(), ..truth.clone() }, false, unreadable()),
        (Chain { group: server_key.public_key(), ..truth.clone() }, false, unreadable()),
        (Chain { membership_key: "x.y".to_owned(), ..truth.clone() }, false, unreadable()),
        (by_reader, false, UntrustedData::AccessKeyReused { record_type: record_type() }),
        (by_server, true, changed(writer.id())),
        (all_by_server.clone(), true, changed(writer.id())),
        (Chain { authorizer_key: server_key.public_key(), ..truth.clone() }, true, changed(manager.id())),
    ] {
        lie.tell(&fake, record.id());
        let known = if with_memory { known.clone() } else { KnownKeys::new() };
        let client = fake.builder(&credentials).known_keys(known).build().unwrap();
        assert_eq!(untrusted(client.read(record.id()).await), reason);
    }
    // What cannot be told: who knows neither the writer nor the manager takes the server's key. Here the record does not
    // open under it, but the server could have made the record too.
    all_by_server.tell(&fake, record.id());
    let reason = untrusted(reader().read(record.id()).await);
    assert!(matches!(reason, UntrustedData::FieldUnreadable { .. }), "{reason:?}");
}
