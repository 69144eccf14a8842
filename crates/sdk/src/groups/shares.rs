//! Record types that are shared with groups: sharing, taking back, reading and changing as a member.

use std::collections::{BTreeMap, HashSet};
use std::pin::Pin;

use futures_util::{Stream, TryStreamExt as _};
use http::Method;
use tozstore_api::{
    AllowedEdit, AllowedReaders, GroupRecord, GroupRecords, ListedRecord, RecordType, ShareWithGroup,
    UnshareWithGroup, paths,
};
use tozstore_crypto::GroupId;

use crate::known_keys::KeySlot;
use crate::query::Records;
use crate::records::slot_of;
use crate::transport::Request;
use crate::{Client, Error, Record, UntrustedData};

/// Records on one page of a listing.
const PAGE_SIZE: usize = 100;
/// Pages of a listing, in which single records may fail.
type RecordPages = Pin<Box<dyn Stream<Item = Result<Vec<Result<Record, Error>>, Error>> + Send>>;
/// Token behind the last page.
const LAST_PAGE: &str = "0";

impl Client {
    /// Shares all records of a type, those to come and those with files included, with a group: with its members of now
    /// and later who may read. Sharing again changes only whether they may edit.
    ///
    /// The type's access key is wrapped for the key that this client holds as a member, not for one that the server names.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such group or this client is not a member, [`Error::Refused`] if it may not share,
    /// [`Error::Untrusted`] if the group's key does not open or is another than before.
    pub async fn share_with_group(
        &self,
        record_type: &str,
        group: GroupId,
        can_edit: bool,
    ) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        let keys = self.open_group(group).await?;
        let key = self.own_key(&record_type).await?;
        let wrapped = key.key.wrap(&keys.public_key(), self.credentials().encryption_key());
        let body = ShareWithGroup {
            group_id: group.to_string(),
            record_type,
            record_id: String::new(),
            encrypted_access_key: wrapped.to_string(),
            public_key: keys.public_key().to_string(),
            can_edit,
        };
        // A second time it puts the same.
        let request = Request::post(paths::of_group(paths::GROUP_SHARE, group)).json(&body)?.harmless();
        self.send(request).await.map_err(|failure| failure.naming("the group"))?;
        Ok(())
    }

    /// Takes a record type back from a group, also from outside. Members get no records of it any more by way of that
    /// group; what they have read, and the access key, they may have kept.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such group. Taking back what was not shared is no error.
    pub async fn unshare_with_group(&self, record_type: &str, group: GroupId) -> Result<(), Error> {
        let record_type = Self::checked_type(record_type)?;
        let body = UnshareWithGroup { record_type: record_type.clone(), writer_id: String::new() };
        let path = paths::of_group(paths::GROUP_SHARE, group);
        let answer = self.send(Request::new(Method::DELETE, path).json(&body)?).await;
        answer.map_err(|failure| failure.naming("the group"))?;
        // Who takes access back works with what the server says from here on.
        self.keyring().close(&self.own_slot(&record_type));
        Ok(())
    }

    /// The records that are shared with a group, by whomever, the oldest first, those with files included. One that does
    /// not open is an error in its place, and the next ones follow.
    pub fn group_records(&self, group: GroupId) -> Records {
        let client = self.clone();
        let pages: RecordPages = Box::pin(async_stream::try_stream! {
            let path = paths::of_group(paths::GROUP_SHARE, group);
            let (mut token, mut checked) = (String::new(), HashSet::new());
            loop {
                let target = format!("{path}?next_token={}&max={PAGE_SIZE}", paths::segment(&token));
                let answer = client.send(Request::get(target)).await;
                let page: GroupRecords = answer.map_err(|failure| failure.naming("the group"))?.json()?;
                // A listing that does not go forward would have no end.
                let is_last = page.next_token == LAST_PAGE || page.next_token.is_empty();
                if !is_last && (page.results.is_empty() || page.next_token == token) {
                    Err(UntrustedData::WrongAnswer("page"))?;
                }
                let mut records = Vec::with_capacity(page.results.len());
                for found in page.results {
                    records.push(client.open_of_group(group, found, &mut checked).await);
                }
                yield records;
                if is_last {
                    break;
                }
                token = page.next_token;
            }
        });
        Records(Box::pin(pages.map_ok(futures_util::stream::iter).try_flatten()))
    }

    /// Writes a changed record back that is shared with a group for editing, as a member who may edit. As
    /// [`update`](Self::update) otherwise.
    ///
    /// # Errors
    /// [`Error::Refused`] if the share does not allow that or this client may not edit, [`Error::Conflict`] if somebody
    /// changed the record since it was read; `record` is as it was then.
    pub async fn update_in_group(&self, group: GroupId, record: &mut Record) -> Result<(), Error> {
        self.update_at(paths::group_record(group, record.id(), record.version()), record).await
    }

    /// With which groups this client shares these types. Types that are not shared are left out.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn groups_shared_with(
        &self,
        record_types: &[&str],
    ) -> Result<BTreeMap<RecordType, Vec<GroupId>>, Error> {
        let target = with_types(paths::GROUPS_ALLOWED_READERS, record_types)?;
        let answer: AllowedReaders = self.send(Request::get(target)).await?.json()?;
        Ok(answer.groups_shared_with)
    }

    /// With which groups this client shares a type, the oldest group first, and whether their members may edit.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn group_shares(&self, record_type: &str) -> Result<Vec<AllowedEdit>, Error> {
        let target = with_types(paths::GROUPS_ALLOWED_EDIT, &[record_type])?;
        self.send(Request::get(target)).await?.json()
    }

    /// Opens a record of a listing. `checked` are the types whose keys by way of this group were looked at.
    async fn open_of_group(
        &self,
        group: GroupId,
        found: GroupRecord,
        checked: &mut HashSet<KeySlot>,
    ) -> Result<Record, Error> {
        let GroupRecord { meta, record_data, access_key, group_access_key, rec_sig, .. } = found;
        let slot = slot_of(&meta);
        if let Some(key) = group_access_key.or(access_key)
            && slot.writer != self.id()
            && !checked.contains(&slot)
        {
            // Also if the access key is open already: it must have come by way of this group.
            self.keyring().accept_through_group(&slot, &key, Some(group))?;
            checked.insert(slot);
        }
        let listed = ListedRecord { meta, record_data, access_key: None, group_access_key: None, rec_sig };
        self.open_listed(listed, true).await
    }
}

fn with_types(path: &str, record_types: &[&str]) -> Result<String, Error> {
    let mut target = path.to_owned();
    for (index, text) in record_types.iter().enumerate() {
        let record_type = Client::checked_type(text)?;
        target.push_str(if index == 0 { "?content_types=" } else { "&content_types=" });
        target.push_str(&paths::segment(record_type.as_str()));
    }
    Ok(target)
}
