//! What is known of the groups and clients around a type or group: its clients' keys, the states of groups (section 10).

use std::collections::{BTreeMap, BTreeSet};

use super::{BundleChain, Digest, GroupReplay, GroupState, LogPosition};
use crate::{ClientId, GroupId};

/// Where what is beneath a type or group is looked up: by a client in logs and chains that it verified, by a server in
/// its rows.
pub trait Surroundings {
    /// The state of a group at the head of its log.
    fn group(&self, group: GroupId) -> Option<&GroupState>;

    /// The position of the entry of that digest in the group's log.
    fn position_in(&self, group: GroupId, entry: &Digest) -> Option<u64>;

    /// Whether the group waits for a manager since a backup was restored.
    fn is_pending(&self, group: GroupId) -> bool;

    /// Whether the client was deleted.
    fn is_deleted(&self, client: ClientId) -> bool;

    /// The client's newest bundle: its sequence and digest.
    fn newest_bundle(&self, client: ClientId) -> Option<LogPosition>;

    /// The sequence of the client's bundle of that digest.
    fn bundle_sequence(&self, client: ClientId, bundle: &Digest) -> Option<u64>;

    /// The sequences of the client's bundles that replaced keys which may be in other hands, ascending.
    fn replacements(&self, client: ClientId) -> Vec<u64>;
}

/// What a client verified of groups and of clients' keys.
#[derive(Clone, Debug, Default)]
pub struct Around<'a> {
    groups: BTreeMap<GroupId, &'a GroupReplay>,
    chains: BTreeMap<ClientId, &'a BundleChain>,
    deleted: BTreeSet<ClientId>,
    pending: BTreeSet<GroupId>,
}

impl<'a> Around<'a> {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// And the log of this group.
    pub fn add_group(&mut self, log: &'a GroupReplay) {
        self.groups.insert(log.state().place().group, log);
    }

    /// And the keys of this client.
    pub fn add_chain(&mut self, chain: &'a BundleChain) {
        self.chains.insert(chain.client(), chain);
    }

    /// And that this client was deleted.
    pub fn add_deleted(&mut self, client: ClientId) {
        self.deleted.insert(client);
    }

    /// And that this group waits for a manager since a restore.
    pub fn add_pending(&mut self, group: GroupId) {
        self.pending.insert(group);
    }

    /// The log of a group.
    pub fn log(&self, group: GroupId) -> Option<&'a GroupReplay> {
        self.groups.get(&group).copied()
    }
}

impl Surroundings for Around<'_> {
    fn group(&self, group: GroupId) -> Option<&GroupState> {
        self.groups.get(&group).map(|log| log.state())
    }

    fn position_in(&self, group: GroupId, entry: &Digest) -> Option<u64> {
        self.groups.get(&group)?.position_of(entry)
    }

    fn is_pending(&self, group: GroupId) -> bool {
        self.pending.contains(&group)
    }

    fn is_deleted(&self, client: ClientId) -> bool {
        self.deleted.contains(&client)
    }

    fn newest_bundle(&self, client: ClientId) -> Option<LogPosition> {
        let head = self.chains.get(&client)?.head();
        Some(LogPosition { position: head.object().sequence.into(), digest: head.digest() })
    }

    fn bundle_sequence(&self, client: ClientId, bundle: &Digest) -> Option<u64> {
        Some(self.chains.get(&client)?.find(bundle)?.object().sequence.into())
    }

    fn replacements(&self, client: ClientId) -> Vec<u64> {
        self.chains.get(&client).map(|chain| chain.replacements().collect()).unwrap_or_default()
    }
}

/// The newest replacement of keys, which may be in other hands, since the bundle of that digest; none if there is none.
/// Of a bundle or client that is not known nothing good is said.
pub(super) fn replaced_since(
    around: &(impl Surroundings + ?Sized),
    client: ClientId,
    recorded: &Digest,
) -> Option<u64> {
    let Some(newest) = around.newest_bundle(client) else { return Some(u64::MAX) };
    if newest.digest == *recorded {
        return None;
    }
    let Some(recorded) = around.bundle_sequence(client, recorded) else { return Some(newest.position) };
    around.replacements(client).into_iter().rfind(|sequence| *sequence > recorded)
}

/// Whether keys were replaced, because they may be in other hands, after one bundle and not after the other. None if
/// that is not known.
pub(super) fn is_replaced_between(
    around: &(impl Surroundings + ?Sized),
    client: ClientId,
    old: &Digest,
    new: &Digest,
) -> Option<bool> {
    if old == new {
        return Some(false);
    }
    let old = around.bundle_sequence(client, old)?;
    let new = around.bundle_sequence(client, new)?;
    Some(around.replacements(client).iter().any(|sequence| *sequence > old && *sequence <= new))
}
