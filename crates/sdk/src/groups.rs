//! Groups of clients: made, described, deleted, and who is in them. What is shared with them, and their keys, have modules
//! of their own.

mod keys;
mod members;
mod shares;

use tozstore_api::{
    Capability, CapabilitySet, CreateGroup, DescribeGroup, Group as AnsweredGroup, GroupList, MAX_GROUP_PAGE,
    Timestamp, paths,
};
use tozstore_crypto::{EncryptionPublicKey, GroupId, GroupKeyPair};

pub use self::members::GroupMember;
use crate::transport::Request;
use crate::{Client, Error, UntrustedData};

/// A group, by the server's word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; others may have the same.
    pub name: String,
    /// Free text; empty if none.
    pub description: String,
    /// The key that is shared with; none if it is of a kind that this client does not know.
    pub public_key: Option<EncryptionPublicKey>,
    /// When it was made.
    pub created: Timestamp,
    /// When its description or its members were changed last.
    pub last_modified: Timestamp,
    /// How many members it has.
    pub member_count: u64,
}

/// What a new group is like.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupOptions {
    /// Free text. The server reads it, and every client of the account does.
    pub description: String,
    /// What this client may do in it, besides managing its members.
    pub capabilities: CapabilitySet,
}

impl Default for GroupOptions {
    /// No description, and all capabilities.
    fn default() -> Self {
        Self { description: String::new(), capabilities: Capability::ALL.into_iter().collect() }
    }
}

impl From<AnsweredGroup> for Group {
    fn from(group: AnsweredGroup) -> Self {
        Self {
            id: group.group_id,
            name: group.group_name,
            description: group.description,
            public_key: group.public_key.parse().ok(),
            created: group.created_at,
            last_modified: group.last_modified,
            member_count: group.member_count,
        }
    }
}

impl Client {
    /// Makes a group, with this client as its first member. Its keys are made here.
    ///
    /// # Errors
    /// [`Error::Unanswered`] if the connection broke: the group may be there.
    pub async fn create_group(&self, name: &str, options: GroupOptions) -> Result<Group, Error> {
        let keys = GroupKeyPair::generate();
        let credentials = self.credentials();
        let body = CreateGroup {
            group_name: name.to_owned(),
            public_key: keys.public_key().to_string(),
            description: options.description,
            encrypted_group_key: keys
                .wrap(&credentials.public_key(), credentials.encryption_key())
                .to_string(),
            capability: options.capabilities,
        };
        let answer: AnsweredGroup =
            self.send(Request::post(paths::GROUPS.to_owned()).json(&body)?).await?.json()?;
        if answer.public_key != body.public_key || answer.encrypted_group_key != body.encrypted_group_key {
            return Err(UntrustedData::WrongAnswer("group").into());
        }
        self.keyring().with_known(|known| known.remember_group(answer.group_id, keys.public_key()))?;
        Ok(answer.into())
    }

    /// A group of the account, whether this client is a member or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn group(&self, id: GroupId) -> Result<Group, Error> {
        self.answered_group(id).await.map(Group::from)
    }

    /// The groups that this client is a member of, the oldest first.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        let (mut groups, mut next) = (Vec::new(), 0);
        loop {
            let target =
                format!("{}?client_id={}&nextToken={next}&max={MAX_GROUP_PAGE}", paths::GROUPS, self.id());
            let page: GroupList = self.send(Request::get(target)).await?.json()?;
            groups.extend(page.groups.into_iter().map(Group::from));
            next = match forward(next, page.next_token)? {
                Some(next) => next,
                None => return Ok(groups),
            };
        }
    }

    /// Describes a group anew, as one who manages it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, [`Error::Refused`] if this client does not manage it.
    pub async fn describe_group(&self, id: GroupId, description: &str) -> Result<Group, Error> {
        let body = DescribeGroup { group_description: description.to_owned() };
        let answer = self.send(Request::put(paths::of_group(paths::GROUP, id)).json(&body)?).await;
        let answer: AnsweredGroup = answer.map_err(|failure| failure.naming("the group"))?.json()?;
        Ok(answer.into())
    }

    /// Deletes a group, as one who manages it. What was shared with it stays where it is, with its writers.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, [`Error::Refused`] if this client does not manage it.
    pub async fn delete_group(&self, id: GroupId) -> Result<(), Error> {
        match self.send(Request::delete(paths::of_group(paths::GROUP, id))).await {
            Ok(_) => Ok(()),
            // An earlier try may have been done although its answer was lost.
            Err(failure) if failure.was_repeated && failure.is_not_found() => Ok(()),
            Err(failure) => Err(failure.naming("the group")),
        }
    }

    async fn answered_group(&self, id: GroupId) -> Result<AnsweredGroup, Error> {
        let answer = self.send(Request::get(paths::of_group(paths::GROUP, id))).await;
        let group: AnsweredGroup = answer.map_err(|failure| failure.naming("the group"))?.json()?;
        if group.group_id == id { Ok(group) } else { Err(UntrustedData::WrongAnswer("group").into()) }
    }
}

/// Where the next page of a listing begins, if there is one. A listing that does not go forward would have no end.
fn forward(at: u64, next: u64) -> Result<Option<u64>, UntrustedData> {
    match next {
        0 => Ok(None),
        next if next > at => Ok(Some(next)),
        _ => Err(UntrustedData::WrongAnswer("page")),
    }
}
