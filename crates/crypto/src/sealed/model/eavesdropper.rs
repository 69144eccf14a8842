//! Claim A as a question: what opens with anything that somebody ever held, out of all that was ever stored?

use std::collections::{BTreeMap, BTreeSet};

use super::device::Device;
use super::oracle::Oracle;
use super::server::Server;
use super::{Failure, party};
use crate::sealed::{
    AccessKey, Digest, EntryPlace, Epoch, GroupKey, GroupSecret, Subject, WrapPrivateKey, link_digest,
};
use crate::{ClientId, GroupId};

/// Secrets of groups, by group and generation.
type Secrets = BTreeMap<(GroupId, u64), GroupSecret>;

/// Opens all that the client can, and looks whether it might ever read it.
pub(super) fn check(
    client: ClientId,
    devices: &[&Device],
    server: &Server,
    oracle: &Oracle,
) -> Result<(), Failure> {
    let secrets = secrets_in_reach(client, devices, server);
    let keys = keys_in_reach(client, devices, &secrets, server);
    let place = server.log.state().place();
    let key_of = |epoch: &Epoch| {
        let head = &epoch.head;
        let mut keys = keys.iter().map(AccessKey::from_bytes);
        keys.find(|key| key.canary(place, head.segment, head.number) == head.canary)
    };
    let known: Vec<_> =
        server.log.epochs().iter().filter_map(|epoch| Some((epoch.id(), key_of(epoch)?))).collect();
    for (record, wrapped) in &server.leak.data_keys {
        let Some((epoch, key)) = known.iter().find(|(epoch, _)| *epoch == wrapped.epoch()) else { continue };
        let version = record.version.object();
        if key.wrapping_key(*epoch).open(&version.place, wrapped, &version.key_commitment).is_err() {
            continue;
        }
        let is_it = |written: &&super::oracle::Written| {
            (written.record, written.version) == (version.place.record, version.place.version)
        };
        let written =
            oracle.written.iter().find(is_it).ok_or(Failure("stored and not acknowledged".into()))?;
        if !oracle.ever_read(client, written) {
            return Err(Failure(format!("{client} opens version {} of {}", written.version, written.record)));
        }
    }
    Ok(())
}

/// Every secret of a group that the client ever drew, was ever wrapped, or can reach by links and other groups.
fn secrets_in_reach(client: ClientId, devices: &[&Device], server: &Server) -> Secrets {
    let private = party(client).keys.wrap_private_key();
    let mut secrets = Secrets::new();
    for (group, generation, bytes) in devices.iter().flat_map(|device| &device.drawn_secrets) {
        // Of several attempts at a generation the one that is in the log.
        let secret = GroupSecret::from_bytes(bytes);
        let key = server.group(*group).and_then(|group| group.log.key(*generation));
        let place = server.group_place(*group);
        if key.is_some_and(|key| secret.canary(&place, *generation) == key.generation.canary) {
            secrets.insert((*group, *generation), secret);
        }
    }
    let mut opened = BTreeSet::new();
    loop {
        let before = secrets.len();
        for (at, (attempt, wrap)) in server.leak.group_wraps.iter().enumerate() {
            let opener = match wrap.subject {
                Subject::Client(id) if id == client => Some(WrapPrivateKey::from_seed(private.expose())),
                Subject::Client(_) => None,
                Subject::Group(group) => opener_of(&secrets, server, group, &wrap.subject_head),
            };
            let Some(opener) = opener.filter(|_| opened.insert(at)) else { continue };
            if let Ok(secret) = wrap.open_group_secret(attempt, &opener) {
                let generation = attempt.generation.generation;
                let key = server.group(attempt.group.group).and_then(|group| group.log.key(generation));
                if key.is_some_and(|key| key.generation == attempt.generation) {
                    secrets.insert((attempt.group.group, generation), secret);
                }
            }
        }
        for (id, group) in &server.groups {
            for key in group.log.keys().rev() {
                follow(&mut secrets, server, *id, key);
            }
        }
        if secrets.len() == before {
            return secrets;
        }
    }
}

fn follow(secrets: &mut Secrets, server: &Server, group: GroupId, newer: &GroupKey) {
    let Some((old, digest)) = newer.follows else { return };
    let newer_secret = secrets.get(&(group, newer.generation.generation));
    let Some(secret) = newer_secret.filter(|_| !secrets.contains_key(&(group, old))) else { return };
    let log = &server.groups[&group].log;
    let links = server.leak.group_links.iter().filter(|link| link_digest(link) == digest);
    let place = server.group_place(group);
    let opened = links
        .filter_map(|link| secret.open_link(&place, &newer.generation, &log.key(old)?.generation, link).ok())
        .next();
    if let Some(opened) = opened {
        secrets.insert((group, old), opened);
    }
}

fn opener_of(secrets: &Secrets, server: &Server, group: GroupId, head: &Digest) -> Option<WrapPrivateKey> {
    let generation = server.group(group)?.log.key_of(head)?.generation.generation;
    let secret = secrets.get(&(group, generation))?;
    Some(secret.wrap_private_key(&server.group_place(group), generation))
}

/// Every access key that the client ever drew, was ever wrapped, itself or by way of groups, or can reach by links.
fn keys_in_reach(
    client: ClientId,
    devices: &[&Device],
    secrets: &Secrets,
    server: &Server,
) -> BTreeSet<[u8; 32]> {
    let place = server.log.state().place();
    let private = party(client).keys.wrap_private_key();
    let mut keys: BTreeSet<[u8; 32]> =
        devices.iter().flat_map(|device| device.drawn.iter().copied()).collect();
    for stored in &server.leak.wraps {
        let opener = match stored.wrap.subject {
            Subject::Client(id) if id == client => Some(WrapPrivateKey::from_seed(private.expose())),
            Subject::Client(_) => None,
            Subject::Group(group) => opener_of(secrets, server, group, &stored.wrap.subject_head),
        };
        let Some(opener) = opener else { continue };
        let entry = EntryPlace {
            record_type: place,
            position: stored.position,
            previous: stored.previous,
            author_bundle: stored.author_bundle,
            heads: &stored.heads,
        };
        if let Ok(opened) = stored.wrap.open_access_keys(&entry, &opener, None) {
            keys.extend(opened.keys.iter().map(|(_, key)| *key.expose()));
        }
    }
    loop {
        let before = keys.len();
        for link in &server.leak.links {
            let opened = keys.iter().map(AccessKey::from_bytes).find_map(|key| {
                let is_new = key.canary(place, link.new.segment, link.new.number) == link.new.canary;
                is_new.then(|| key.open_link(place, &link.new, &link.old, &link.link).ok())?
            });
            keys.extend(opened.map(|key| *key.expose()));
        }
        if keys.len() == before {
            return keys;
        }
    }
}
