//! The audit log: who did what to which keys, policies and credentials. Entries are only ever added, each in the
//! transaction of what it tells of, and each holds the digest of the one before.
//!
//! An entry comes of every row of the outbox whose kind matters here ([`action_of`]), so that a handler cannot forget it.
//! It names nobody: an account or a client appears as a hash under a random salt of its own. Once the salt is removed,
//! as it is when its subject is erased, nobody can tell any more whom the entries are about, and the chain holds as before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tozstore_api::Timestamp;
use tozstore_crypto::{AccountId, ClientId, Label, MacKey};

use super::{Change, ChangeKind, StoreError, WriteTx};

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place: 1 for the first one, without gaps.
    pub position: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// Who did it: `operator`, or `account` or `client` with a colon and a pseudonym.
    pub actor: String,
    /// To what: pseudonyms and words, by name.
    pub about: BTreeMap<String, String>,
    /// Digest of the entry before; zeros for the first one.
    pub previous: [u8; 32],
    /// Its own digest.
    pub digest: [u8; 32],
}

impl AuditEntry {
    /// What the digest must be: `docs/formats/audit.md`.
    pub fn expected_digest(&self) -> [u8; 32] {
        let Self { position, at, action, actor, about, previous, digest: _ } = self;
        let mut text = format!("{position}\n{}\n{action}\n{actor}\n", at.micros());
        for (name, value) in about {
            // Writing into a text does not fail.
            let _ = writeln!(text, "{name}={value}");
        }
        MacKey::from_bytes(previous).tag(Label::AuditEntry, &[text.as_bytes()])
    }
}

/// The last entry: noted elsewhere, it vouches for all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Its place.
    pub position: u64,
    /// Its digest.
    pub digest: [u8; 32],
}

/// Whom an entry can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditSubject {
    /// An account.
    Account(AccountId),
    /// A client.
    Client(ClientId),
}

impl AuditSubject {
    /// As engines store it: a number for the kind, and the id.
    pub(super) const fn key(&self) -> (i64, &[u8; 16]) {
        match self {
            Self::Account(id) => (1, id.as_bytes()),
            Self::Client(id) => (2, id.as_bytes()),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Client(_) => "client",
        }
    }

    /// What entries call it, under its salt.
    pub fn pseudonym(&self, salt: &[u8; 32]) -> String {
        pseudonym(salt, self.kind(), self.key().1)
    }
}

/// Reading the audit log.
pub trait AuditReads {
    /// The last entry, if there is one.
    fn audit_head(&self) -> Result<Option<AuditHead>, StoreError>;

    /// At most `limit` entries behind this place, in order.
    fn audit_entries(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// The salt of a subject, if it has one.
    fn audit_salt(&self, subject: AuditSubject) -> Result<Option<[u8; 32]>, StoreError>;
}

/// Writing the audit log. Other than [`append`], only engines and their tests call these.
pub trait AuditWrites {
    /// Adds an entry. [`StoreError::AlreadyExists`] if its place is taken.
    fn insert_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Gives a subject its salt. [`StoreError::AlreadyExists`] if it has one.
    fn insert_audit_salt(&mut self, subject: AuditSubject, salt: &[u8; 32]) -> Result<(), StoreError>;

    /// Removes the salt of a subject, and with it all that ties entries to it.
    fn delete_audit_salt(&mut self, subject: AuditSubject) -> Result<(), StoreError>;
}

/// Who did something, for entries that come of no row of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// Whoever operates the server, at its command line.
    Operator,
    /// An account or a client.
    Subject(AuditSubject),
}

/// Adds an entry, about an account if there is one, with words of the caller's own.
///
/// # Errors
/// The store failed.
pub fn append(
    tx: &mut dyn WriteTx,
    at: Timestamp,
    actor: AuditActor,
    action: &str,
    account: Option<AccountId>,
    words: &[(&str, String)],
) -> Result<(), StoreError> {
    let mut about: BTreeMap<String, String> =
        words.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    if let Some(account) = account {
        about.insert("account".into(), named(tx, AuditSubject::Account(account))?);
    }
    let actor = match actor {
        AuditActor::Operator => "operator".to_owned(),
        AuditActor::Subject(subject) => format!("{}:{}", subject.kind(), named(tx, subject)?),
    };
    insert(tx, at, action, actor, about)
}

/// Adds the entry of a change, if changes of its kind have one.
pub(super) fn append_change(tx: &mut dyn WriteTx, at: Timestamp, change: &Change) -> Result<(), StoreError> {
    let Some(action) = action_of(change.kind) else { return Ok(()) };
    let Change { account_id, actor, client, other, record_type, group, record, .. } = change;
    let account = AuditSubject::Account(*account_id);
    let salt = salt_of(tx, account)?;
    let mut about = BTreeMap::from([("account".to_owned(), account.pseudonym(&salt))]);
    for (name, client) in [("client", client), ("other", other)] {
        if let Some(client) = client {
            about.insert(name.into(), named(tx, AuditSubject::Client(*client))?);
        }
    }
    if let (ChangeKind::ClientUpdated, Some(client)) = (change.kind, client) {
        let state = tx.client(*client)?.map(|row| if row.enabled { "enabled" } else { "disabled" });
        about.extend(state.map(|state| ("state".to_owned(), state.to_owned())));
    }
    // What belongs to an account is called by its salt, and can no longer be told when that is gone.
    about.extend(
        record_type
            .as_ref()
            .map(|name| ("type".to_owned(), pseudonym(&salt, "type", name.as_str().as_bytes()))),
    );
    about.extend(group.map(|id| ("group".to_owned(), pseudonym(&salt, "group", id.as_bytes()))));
    about.extend(record.map(|(id, _)| ("record".to_owned(), pseudonym(&salt, "record", id.as_bytes()))));
    // Without a client, it was a session of the account, or a registration token of it.
    let actor = match actor {
        Some(client) => format!("client:{}", named(tx, AuditSubject::Client(*client))?),
        None => format!("account:{}", account.pseudonym(&salt)),
    };
    insert(tx, at, action, actor, about)?;
    if change.kind == ChangeKind::AccountDeleted {
        tx.delete_audit_salt(account)?;
    }
    Ok(())
}

/// What entries call a change of this kind, if there are any of it.
const fn action_of(kind: ChangeKind) -> Option<&'static str> {
    Some(match kind {
        ChangeKind::AccessKeyDeleted => "access_key_deleted",
        ChangeKind::AccessKeyPut => "access_key_put",
        ChangeKind::AccountCreated => "account_created",
        ChangeKind::AccountDeleted => "account_deleted",
        ChangeKind::AccountUpdated => "account_updated",
        ChangeKind::ClientBundlePut => "client_bundle_put",
        ChangeKind::ClientDeleted => "client_deleted",
        ChangeKind::ClientRegistered => "client_registered",
        ChangeKind::ClientUpdated => "client_updated",
        ChangeKind::GroupCreated => "group_created",
        ChangeKind::GroupDeleted => "group_deleted",
        ChangeKind::GroupMemberPut => "group_member_put",
        ChangeKind::GroupMemberRemoved => "group_member_removed",
        ChangeKind::GroupShared => "group_shared",
        ChangeKind::GroupUnshared => "group_unshared",
        ChangeKind::GroupUpdated => "group_updated",
        ChangeKind::HookCreated => "hook_created",
        ChangeKind::HookDeleted => "hook_deleted",
        ChangeKind::PolicyPut => "policy_put",
        ChangeKind::PolicyWithdrawn => "policy_withdrawn",
        ChangeKind::RegistrationTokenCreated => "registration_token_created",
        ChangeKind::RegistrationTokenDeleted => "registration_token_deleted",
        ChangeKind::SealedEntryAppended => "sealed_entry_appended",
        // Content, of which there is far more, and which changes nothing about who may do what.
        ChangeKind::NoteDeleted
        | ChangeKind::NoteReplaced
        | ChangeKind::NoteWritten
        | ChangeKind::RecordDeleted
        | ChangeKind::RecordUpdated
        | ChangeKind::RecordWritten
        | ChangeKind::SealedRecordDeleted
        | ChangeKind::SealedRecordWritten => return None,
    })
}

fn insert(
    tx: &mut dyn WriteTx,
    at: Timestamp,
    action: &str,
    actor: String,
    about: BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let head = tx.audit_head()?.unwrap_or(AuditHead { position: 0, digest: [0; 32] });
    let mut entry = AuditEntry {
        position: head.position + 1,
        at,
        action: action.to_owned(),
        actor,
        about,
        previous: head.digest,
        digest: [0; 32],
    };
    entry.digest = entry.expected_digest();
    tx.insert_audit_entry(&entry)
}

/// What entries call a subject.
fn named(tx: &mut dyn WriteTx, subject: AuditSubject) -> Result<String, StoreError> {
    Ok(subject.pseudonym(&salt_of(tx, subject)?))
}

fn salt_of(tx: &mut dyn WriteTx, subject: AuditSubject) -> Result<[u8; 32], StoreError> {
    if let Some(salt) = tx.audit_salt(subject)? {
        return Ok(salt);
    }
    let salt = *MacKey::generate().expose_bytes();
    tx.insert_audit_salt(subject, &salt)?;
    Ok(salt)
}

fn pseudonym(salt: &[u8; 32], kind: &str, id: &[u8]) -> String {
    let tag = MacKey::from_bytes(salt).tag(Label::AuditSubject, &[kind.as_bytes(), id]);
    tag[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `about` as engines store it: names and values are words of letters, digits and underscores.
pub(super) fn about_text(about: &BTreeMap<String, String>) -> String {
    about.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// [`about_text`] read back.
pub(super) fn parse_about(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
