//! Every table with its columns: what backups hold, and what moves from one engine to another.
//!
//! A test compares this list with the schemas of both engines. Who adds a table or a column decides here what becomes of
//! it: it is in [`TABLES`], or in [`LEFT_OUT`] with the reason. A table that backups of earlier releases lack is empty
//! after they are restored; a column that they lack gets the value that [`Column::or`] names.

/// A table whose rows are kept in backups and moved.
#[derive(Debug)]
pub struct Table {
    /// Its name, the same in all engines.
    pub name: &'static str,
    /// Its columns, in the order in which values of a row stand in a backup.
    pub columns: &'static [Column],
    /// Rows belong to notes: SQLite has the place of the note (`position`) where others have its id (`note_id`).
    pub by_note: bool,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// Its name, the same in all engines.
    pub name: &'static str,
    /// What its values are, if they are not null.
    pub kind: Kind,
    /// What stands in it after a backup is restored that was made before it was added.
    pub absent: Option<Absent>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids, hashes, binary values.
    Bytes,
    /// Zero or one.
    Flag,
    /// Counts, times, places.
    Integer,
    /// Text, of callers or our own.
    Text,
}

impl Kind {
    /// The kind as a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Flag => "flag",
            Self::Integer => "integer",
            Self::Text => "text",
        }
    }
}

/// A value for rows of before a column was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// A number, or a flag.
    Integer(i64),
    /// Nothing.
    Null,
}

/// Tables of the engines, and tables whose rows mean nothing at another place or time.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("agreements", "what processes on one database have in common; made anew by the first on another"),
    ("attempts", "they are forgotten within minutes"),
    ("holds", "what is under way in one place"),
    ("login_challenges", "they lapse within minutes; who is about to log in begins again"),
    ("pending_files", "uploads under way begin again; moves put their bytes on the list of those to remove"),
    ("record_lists", "made of records and their terms, again when a server starts (SQLite)"),
    ("schema_versions", "of the engine (SQLite)"),
    ("sealed_stage_wraps", "entries that were staged are staged again"),
    ("sealed_stages", "entries that were staged are staged again"),
    ("signed_request_floors", "requests are refused by their age within minutes"),
    ("signed_requests", "the same"),
    ("tozstore_locks", "of the engine (PostgreSQL)"),
    ("tozstore_versions", "of the engine (PostgreSQL)"),
    (
        "unclaimed_blobs",
        "bytes that nobody owns are not copied; moves keep the list where they leave files in place",
    ),
];

/// The columns of every table of the sealed format.
const SEALED: &[Column] =
    &[bytes("owner_id"), bytes("key"), bytes("account_id"), text("region"), bytes("value")];

/// The tables, in the order in which they are written.
pub const TABLES: &[Table] = &[
    table(
        "accounts",
        &[
            bytes("account_id"),
            integer("position"),
            text("region"),
            text("email_key"),
            text("email"),
            text("name"),
            text("salt_auth"),
            text("salt_enc"),
            text("salt_paper_auth"),
            text("salt_paper_enc"),
            text("signing_key"),
            text("paper_signing_key"),
            text("company"),
            text("plan"),
            text("public_key"),
            text("account_signing_key"),
            bytes("queen_id"),
            text("meta"),
            integer("created"),
            integer("tokens_valid_after"),
            integer("kept_token"),
        ],
    ),
    table(
        "registration_tokens",
        &[
            bytes("hash"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("sealed"),
            text("name"),
            text("permissions"),
            integer("total_uses_allowed"),
            integer("uses"),
            integer("created"),
        ],
    ),
    table(
        "clients",
        &[
            bytes("client_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("api_key_id"),
            bytes("api_secret_hash"),
            text("name"),
            text("kind"),
            text("public_key"),
            text("signing_key"),
            flag("enabled"),
            flag("has_backup"),
            bytes("registered_with"),
            integer("created"),
            integer("tokens_valid_after"),
        ],
    ),
    table(
        "record_types",
        &[
            bytes("writer_id"),
            bytes("user_id"),
            text("record_type"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("format"),
            text("suite"),
            integer("created"),
        ],
    ),
    table(
        "access_keys",
        &[
            bytes("writer_id"),
            bytes("user_id"),
            text("record_type"),
            bytes("reader_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("eak"),
            bytes("authorizer_id"),
            text("format"),
            text("suite"),
            integer("created"),
        ],
    ),
    table(
        "grants",
        &[
            bytes("writer_id"),
            bytes("user_id"),
            text("record_type"),
            bytes("client_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            flag("can_read"),
            flag("can_edit"),
            flag("can_authorize"),
            bytes("granted_by"),
            integer("created"),
        ],
    ),
    table(
        "record_grants",
        &[
            bytes("record_id"),
            bytes("client_id"),
            integer("position"),
            bytes("writer_id"),
            bytes("user_id"),
            text("record_type"),
            bytes("account_id"),
            text("region"),
            bytes("granted_by"),
            integer("created"),
        ],
    ),
    table(
        "records",
        &[
            bytes("writer_id"),
            integer("record_index"),
            bytes("record_id"),
            bytes("version"),
            bytes("user_id"),
            text("record_type"),
            bytes("account_id"),
            text("region"),
            text("format"),
            text("suite"),
            integer("created"),
            integer("last_modified"),
            text("signature"),
            text("plain"),
            text("data"),
            bytes("file_key"),
            integer("file_bytes"),
            bytes("file_checksum"),
            text("file_compression"),
        ],
    ),
    table(
        "record_terms",
        &[bytes("writer_id"), integer("kind"), text("name"), bytes("value"), integer("record_index")],
    ),
    table(
        "changes",
        &[
            integer("sequence"),
            bytes("account_id"),
            text("region"),
            integer("at"),
            text("kind"),
            bytes("actor_id"),
            bytes("client_id"),
            bytes("other_id"),
            text("record_type"),
            bytes("record_id"),
            bytes("version"),
            bytes("note_id"),
            bytes("group_id"),
        ],
    ),
    table(
        "erasures",
        &[
            bytes("client_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            integer("changes_read"),
        ],
    ),
    table(
        "notes",
        &[
            bytes("note_id"),
            integer("position"),
            text("name"),
            bytes("client_id"),
            bytes("account_id"),
            text("region"),
            bytes("recipient_key"),
            bytes("writer_key"),
            text("mode"),
            text("note_type"),
            text("writer_encryption_key"),
            text("encrypted_access_key"),
            text("signature"),
            text("plain"),
            text("file_meta"),
            text("policies"),
            integer("max_views"),
            integer("expiration"),
            flag("expires"),
            bytes("record_id"),
            flag("is_secret"),
            text("format"),
            text("suite"),
            integer("created"),
            text("data"),
            bytes("file_key"),
            integer("file_bytes"),
            bytes("file_checksum"),
            text("file_compression"),
        ],
    ),
    by_note(
        "note_uses",
        &[
            bytes("note_id"),
            integer("views"),
            integer("last_read"),
            integer("gone"),
            bytes("code_hash"),
            integer("code_expires"),
            bytes("mail_code_hash"),
            integer("mail_code_expires"),
            integer("wrong_mail_codes"),
            integer("mails_sent"),
            integer("last_mail"),
            integer("strangers_bytes"),
        ],
    ),
    table(
        "groups",
        &[
            bytes("group_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("name"),
            text("description"),
            text("public_key"),
            text("creator_key"),
            integer("created"),
            integer("last_modified"),
        ],
    ),
    table(
        "group_members",
        &[
            bytes("group_id"),
            bytes("client_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            integer("group_position"),
            text("membership_key"),
            bytes("authorizer_id"),
            text("authorizer_keys"),
            flag("can_edit"),
            flag("can_manage"),
            flag("can_read"),
            flag("can_share"),
            integer("created"),
        ],
    ),
    table(
        "group_shares",
        &[
            bytes("writer_id"),
            text("record_type"),
            bytes("group_id"),
            integer("position"),
            bytes("account_id"),
            text("region"),
            bytes("key_id"),
            text("eak"),
            flag("can_edit"),
            integer("created"),
        ],
    ),
    table(
        "hooks",
        &[
            integer("position"),
            bytes("account_id"),
            text("region"),
            text("url"),
            text("triggers"),
            bytes("nonce"),
            integer("created"),
            integer("failures"),
            integer("wakes"),
        ],
    ),
    table(
        "hook_deliveries",
        &[
            integer("position"),
            bytes("delivery_id"),
            integer("hook"),
            bytes("account_id"),
            text("region"),
            text("body"),
            integer("created"),
            integer("attempts"),
            integer("due"),
        ],
    ),
    table(
        "usages",
        &[
            bytes("owner_id"),
            integer("kind"),
            text("region"),
            integer("records"),
            integer("bytes"),
            integer("files"),
            integer("most_records"),
            integer("most_bytes"),
            integer("most_files"),
        ],
    ),
    table(
        "audit_entries",
        &[
            integer("position"),
            text("region"),
            integer("at"),
            text("action"),
            text("actor"),
            text("about"),
            bytes("previous"),
            bytes("digest"),
        ],
    ),
    table("audit_salts", &[bytes("subject_id"), integer("kind"), text("region"), bytes("salt")]),
    table("hook_cursor", &[integer("id"), integer("sequence")]),
    table(
        "meta",
        &[
            integer("id"),
            bytes("store_id"),
            integer("last_stamp"),
            integer("last_record_index"),
            integer("last_position"),
        ],
    ),
    table("sealed_bundle_heads", SEALED),
    table("sealed_bundles", SEALED),
    table("sealed_entries", SEALED),
    table("sealed_epochs", SEALED),
    table("sealed_exposures", SEALED),
    table("sealed_fields", SEALED),
    table("sealed_grants", SEALED),
    table("sealed_links", SEALED),
    table("sealed_log_states", SEALED),
    table("sealed_logs", SEALED),
    table("sealed_named", SEALED),
    table("sealed_record_order", SEALED),
    table("sealed_records", SEALED),
    table("sealed_shares", SEALED),
    table("sealed_wraps", SEALED),
];

impl Table {
    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

impl Column {
    /// The same, with what stands in it where a backup lacks it.
    #[must_use]
    pub const fn or(mut self, absent: Absent) -> Self {
        self.absent = Some(absent);
        self
    }
}

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, by_note: false }
}

const fn by_note(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, by_note: true }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: Kind::Bytes, absent: None }
}

const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag, absent: None }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer, absent: None }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, absent: None }
}
