//! Members of groups, and what they may do.

use http::Method;
use tozstore_api::{
    AddMembers, CapabilitySet, GroupMember as AnsweredMember, MAX_GROUP_PAGE, MAX_MEMBERS_PER_REQUEST,
    MemberCapabilities, MemberList, MemberName, RemoveMembers, UpdateMembers, paths,
};
use tozstore_crypto::{ClientId, GroupId};

use super::forward;
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

/// A member of a group, by the server's word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMember {
    /// Who it is.
    pub id: ClientId,
    /// What it may do.
    pub capabilities: CapabilitySet,
}

impl Client {
    /// The members of a group in the order in which they came.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such group.
    pub async fn group_members(&self, group: GroupId) -> Result<Vec<GroupMember>, Error> {
        let path = paths::of_group(paths::GROUP_MEMBERS, group);
        let (mut members, mut next) = (Vec::new(), 0);
        loop {
            let request = Request::get(format!("{path}?nextToken={next}&max={MAX_GROUP_PAGE}"));
            let answer = self.send(request).await.map_err(|failure| failure.naming("the group"))?;
            let page: MemberList = answer.json()?;
            members.extend(
                page.group_members.into_iter().map(|member| GroupMember {
                    id: member.client_id,
                    capabilities: member.capability_names,
                }),
            );
            next = match forward(next, page.next_token)? {
                Some(next) => next,
                None => return Ok(members),
            };
        }
    }

    /// Lets clients of the account into a group, or gives members more capabilities, as one who manages it. What they had
    /// before they keep.
    ///
    /// They get the group's key: they can open all that was and will be shared with it, as far as the server gives it out.
    /// Their public keys come from the server; see [`info`](Self::info) and [`KnownKeys`](crate::KnownKeys) on how to make
    /// sure of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such group or client, [`Error::Refused`] if this client does not manage the group,
    /// [`Error::Untrusted`] if a key is another than the one known or the group's key does not open.
    pub async fn add_group_members(
        &self,
        group: GroupId,
        members: &[(ClientId, CapabilitySet)],
    ) -> Result<(), Error> {
        let keys = self.open_group(group).await?;
        let mut wrapped = Vec::with_capacity(members.len());
        for (client, capabilities) in members {
            let public_key = match *client == self.id() {
                true => self.credentials().public_key(),
                false => self.key_of(*client).await?,
            };
            wrapped.push(AnsweredMember {
                client_id: *client,
                membership_key: keys.wrap(&public_key, self.credentials().encryption_key()).to_string(),
                capability_names: capabilities.clone(),
            });
        }
        for chunk in wrapped.chunks(MAX_MEMBERS_PER_REQUEST) {
            let body = AddMembers { group_members: chunk.to_vec() };
            let path = paths::of_group(paths::GROUP_MEMBERS, group);
            // A second time it puts the same.
            let answer = self.send(Request::post(path).json(&body)?.harmless()).await;
            let answer = answer.map_err(|failure| failure.naming("the group or the other client"))?;
            let stored: Vec<AnsweredMember> = answer.json()?;
            let is_there = |sent: &AnsweredMember| stored.iter().any(|one| one.client_id == sent.client_id);
            if !chunk.iter().all(is_there) {
                return Err(UntrustedData::WrongAnswer("member").into());
            }
        }
        Ok(())
    }

    /// Replaces what a member may do, as one who manages the group.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is no member, [`Error::Refused`] if this client does not manage the group, or nobody would
    /// any more.
    pub async fn set_group_capabilities(
        &self,
        group: GroupId,
        member: ClientId,
        capabilities: CapabilitySet,
    ) -> Result<(), Error> {
        let member = MemberCapabilities { client_id: member, capability_names: capabilities };
        let body = UpdateMembers { group_members: vec![member] };
        let path = paths::of_group(paths::GROUP_MEMBERS, group);
        let answer = self.send(Request::put(path).json(&body)?).await;
        answer.map_err(|failure| failure.naming("the group or the member"))?;
        Ok(())
    }

    /// Removes members, as one who manages the group. Who is no member is passed over. What they shared with the group
    /// stays shared until they take it back.
    ///
    /// The server gives them nothing more of what is shared with the group. What they read, and the group's key, they may
    /// have kept: the interop format has no way to change keys.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such group, [`Error::Refused`] if this client does not manage it, or nobody would
    /// any more.
    pub async fn remove_group_members(&self, group: GroupId, members: &[ClientId]) -> Result<(), Error> {
        for chunk in members.chunks(MAX_MEMBERS_PER_REQUEST) {
            let names = chunk.iter().map(|&client_id| MemberName { client_id });
            let body = RemoveMembers { group_members: names.collect() };
            let path = paths::of_group(paths::GROUP_MEMBERS, group);
            let answer = self.send(Request::new(Method::DELETE, path).json(&body)?).await;
            answer.map_err(|failure| failure.naming("the group"))?;
        }
        Ok(())
    }
}
