//! Who can read a record, by which way, and what the server sees of it.

use tozstore_api::Authorization;
use tozstore_crypto::{ClientId, GroupId, RecordId};

use crate::{Client, Error};

/// What is to be said about one record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The record.
    pub record: RecordId,
    /// Its type: what is shared as one.
    pub record_type: String,
    /// The client that wrote it; it can always read it.
    pub writer: ClientId,
    /// How this client can read it.
    pub route: Route,
    /// Whom the writer shares the type with. None if this client is not the writer: only the writer may know.
    pub readers: Option<Vec<Reader>>,
    /// Groups that the writer shares the type with; their members who may read can read it. None if this client is not
    /// the writer.
    pub groups: Option<Vec<GroupId>>,
    /// Who may share the type on the writer's behalf. They hold its access key. None if this client is not the
    /// writer.
    pub authorizers: Option<Vec<Authorization>>,
    /// What the server sees, member by member.
    pub server_sees: Vec<SeenMember>,
}

/// How a client can read a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// It wrote it.
    Writer,
    /// The type is shared with a group, and this client let it in: it wrapped the group's key.
    Group {
        /// Who wrapped the group's key.
        authorizer: ClientId,
    },
    /// The type is shared with it; this client wrapped the access key: the writer, or an authorizer of the writer.
    Shared {
        /// Who wrapped the access key.
        authorizer: ClientId,
    },
}

/// A client that a record type is shared with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reader {
    /// Its id.
    pub id: ClientId,
    /// Its name, by the server's word.
    pub name: Option<String>,
}

/// A member of a record as it lies at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenMember {
    /// Its name, such as `type`, `plain.folder`, or `data.text`.
    pub name: String,
    /// Bytes of it that the server can read: names, and values in the clear.
    pub clear_bytes: usize,
    /// Bytes of it that are sealed. The length itself is seen, and with it that of the value.
    pub sealed_bytes: usize,
}

impl Explanation {
    /// Bytes of the record that the server can read, and bytes that are sealed.
    pub fn totals(&self) -> (usize, usize) {
        let sum = |count: fn(&SeenMember) -> usize| self.server_sees.iter().map(count).sum();
        (sum(|member| member.clear_bytes), sum(|member| member.sealed_bytes))
    }
}

impl Client {
    /// Says who can read a record, by which way this client can, and what the server sees of it. Changes nothing.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn explain(&self, record_id: RecordId) -> Result<Explanation, Error> {
        let sealed = self.read_sealed(record_id, &[]).await?;
        let meta = &sealed.meta;
        let slot = crate::records::slot_of(meta);
        let key = self.key_to_read(&slot, Some(record_id)).await?;
        let is_writer = meta.writer_id == self.id();
        let (mut readers, mut groups, mut authorizers) = (None, None, None);
        if is_writer {
            let shares =
                self.outgoing().await?.into_iter().filter(|share| share.record_type == meta.record_type);
            readers =
                Some(shares.map(|share| Reader { id: share.reader_id, name: share.reader_name }).collect());
            let shares = self.group_shares(meta.record_type.as_str()).await?;
            groups = Some(shares.into_iter().map(|share| share.group_id).collect());
            let listed =
                self.authorizers().await?.into_iter().filter(|one| one.record_type == meta.record_type);
            authorizers = Some(listed.collect());
        }
        let clear = |name: &str, value: &str| SeenMember {
            name: name.to_owned(),
            clear_bytes: value.len(),
            sealed_bytes: 0,
        };
        let mut server_sees = vec![
            clear("record_id", &meta.record_id.to_string()),
            clear("writer_id", &meta.writer_id.to_string()),
            clear("user_id", &meta.user_id.to_string()),
            clear("type", meta.record_type.as_str()),
            clear("version", &meta.version.to_string()),
            clear("created", &meta.created.to_string()),
            clear("last_modified", &meta.last_modified.to_string()),
        ];
        server_sees.extend(sealed.rec_sig.as_deref().map(|signature| clear("rec_sig", signature)));
        server_sees.extend(meta.plain.entries().map(|(name, value)| SeenMember {
            name: format!("plain.{name}"),
            clear_bytes: name.len() + value.len(),
            sealed_bytes: 0,
        }));
        server_sees.extend(sealed.data.fields().map(|(name, value)| SeenMember {
            name: format!("data.{name}"),
            clear_bytes: name.len(),
            sealed_bytes: value.len(),
        }));
        Ok(Explanation {
            record: record_id,
            record_type: meta.record_type.to_string(),
            writer: meta.writer_id,
            route: match (is_writer, key.through_group) {
                (true, _) => Route::Writer,
                (false, true) => Route::Group { authorizer: key.authorizer },
                (false, false) => Route::Shared { authorizer: key.authorizer },
            },
            readers,
            groups,
            authorizers,
            server_sees,
        })
    }
}
