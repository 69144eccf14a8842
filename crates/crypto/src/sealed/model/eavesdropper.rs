//! Claim A as a question: what opens with anything that somebody ever held, out of all that was ever stored?

use std::collections::BTreeSet;

use super::oracle::Oracle;
use super::server::Server;
use super::{Failure, party};
use crate::ClientId;
use crate::sealed::{AccessKey, EntryPlace, Epoch, Subject};

/// Opens all that the client can, and looks whether it might ever read it.
pub(super) fn check(
    client: ClientId,
    drawn: &[[u8; 32]],
    server: &Server,
    oracle: &Oracle,
) -> Result<(), Failure> {
    let keys = keys_in_reach(client, drawn, server);
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

/// Every access key that the client ever drew, was ever wrapped, or can reach by links.
fn keys_in_reach(client: ClientId, drawn: &[[u8; 32]], server: &Server) -> BTreeSet<[u8; 32]> {
    let place = server.log.state().place();
    let private = party(client).keys.wrap_private_key();
    let mut keys: BTreeSet<[u8; 32]> = drawn.iter().copied().collect();
    for stored in server.leak.wraps.iter().filter(|stored| stored.wrap.subject == Subject::Client(client)) {
        let entry = EntryPlace {
            record_type: place,
            position: stored.position,
            previous: stored.previous,
            author_bundle: stored.author_bundle,
            heads: &stored.heads,
        };
        if let Ok(opened) = stored.wrap.open_access_keys(&entry, &private, None) {
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
