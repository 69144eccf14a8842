//! Every domain label of ours. The interop formats have none; these are for what we add beside them.

use zeroize::Zeroizing;

/// What a keyed hash is for. Hashes under two labels never stand for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Label {
    /// Fingerprint of an access key, by which a client notices that it changed.
    AccessKeyFingerprint,
    /// A bearer token that the server issued.
    AccessToken,
    /// An entry of the server's audit log.
    AuditEntry,
    /// Whom an entry of the audit log is about.
    AuditSubject,
    /// A challenge that the server sent at login.
    Challenge,
    /// Where a listing goes on.
    Cursor,
    /// Permission to send or fetch the bytes of one file.
    FileTransfer,
    /// The secret of a hook, which its deliveries are signed with.
    HookSecret,
    /// A registration token kept readable for its owner.
    RegistrationToken,
    /// What servers on one store tell of their key, and places that are derived from it.
    ServerKey,
    /// Salts for an account name that does not exist, so that it looks as if it did.
    UnknownAccount,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 11] = [
        Self::AccessKeyFingerprint,
        Self::AccessToken,
        Self::AuditEntry,
        Self::AuditSubject,
        Self::Challenge,
        Self::Cursor,
        Self::FileTransfer,
        Self::HookSecret,
        Self::RegistrationToken,
        Self::ServerKey,
        Self::UnknownAccount,
    ];

    /// The bytes of the label. Never changed once released.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AccessKeyFingerprint => "tozstore/1/access-key-fingerprint",
            Self::AccessToken => "tozstore/1/access-token",
            Self::AuditEntry => "tozstore/1/audit-entry",
            Self::AuditSubject => "tozstore/1/audit-subject",
            Self::Challenge => "tozstore/1/challenge",
            Self::Cursor => "tozstore/1/cursor",
            Self::FileTransfer => "tozstore/1/file-transfer",
            Self::HookSecret => "tozstore/1/hook-secret",
            Self::RegistrationToken => "tozstore/1/registration-token",
            Self::ServerKey => "tozstore/1/server-key",
            Self::UnknownAccount => "tozstore/1/unknown-account",
        }
    }

    /// `LE64(len) ‖ label`, then `LE64(len) ‖ part` for each part: two different lists never give the same bytes.
    pub(crate) fn frame(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        frame(self.text(), parts)
    }
}

macro_rules! sealed_labels {
    ($($name:ident $text:literal,)+) => {
        /// What a signature, hash, derived key or ciphertext of the sealed format is for (`docs/formats/sealed.md`,
        /// section 16, which says what each stands for).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the format's page describes them, one by one")]
        pub enum SealedLabel { $($name,)+ }

        impl SealedLabel {
            /// All labels, in the order of the format's page.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The bytes of the label. Never changed once released.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("tozstore/1/sealed/", $text),)+
                }
            }
        }
    };
}

sealed_labels! {
    // Signed.
    Bundle "bundle",
    BundleSuccessor "bundle-successor",
    Endorsement "endorsement",
    Card "card",
    LogEntry "log-entry",
    GroupEntry "group-entry",
    RecordVersion "record-version",
    Note "note",
    RestoreNotice "restore-notice",
    Request "request",
    // Hashes.
    TreeEmpty "tree-empty",
    TreeNode "tree-node",
    WrapLeaf "wrap-leaf",
    ChunkLeaf "chunk-leaf",
    CensusLeaf "census-leaf",
    RestoredHead "restored-head",
    RestoredKey "restored-key",
    RestoredPlace "restored-place",
    Change "change",
    Beneath "beneath",
    Heads "heads",
    Epoch "epoch",
    LinkDigest "link-digest",
    Rewrap "rewrap",
    FieldLeaf "field-leaf",
    Fields "fields",
    Plain "plain",
    OperatorKey "operator-key",
    // Keys and commitments.
    ClientSigningSeed "client-signing-seed",
    ClientKemSeed "client-kem-seed",
    ClientStateKey "client-state-key",
    Canary "canary",
    LinkKey "link-key",
    DataKeyWrapping "data-key-wrapping",
    DataKeyCommitment "data-key-commitment",
    FieldKey "field-key",
    ChunkKey "chunk-key",
    NameKeyCommitment "name-key-commitment",
    FieldName "field-name",
    NoteFieldKey "note-field-key",
    NoteKeyCommitment "note-key-commitment",
    GroupKemSeed "group-kem-seed",
    GroupCanary "group-canary",
    GroupLinkKey "group-link-key",
    State "state",
    StateJournal "state-journal",
    // A key in the state.
    StateLog "state-log",
    // Associated data and `info`.
    Link "link",
    GroupLink "group-link",
    DataKey "data-key",
    Field "field",
    Chunk "chunk",
    NoteField "note-field",
    WrapAccessKeys "wrap-access-keys",
    WrapGroupSecret "wrap-group-secret",
    WrapNoteKey "wrap-note-key",
}

impl SealedLabel {
    /// As [`Label::frame`]: what is signed, hashed, authenticated under this label.
    pub(crate) fn frame(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        frame(self.text(), parts)
    }
}

fn frame(label: &str, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let items = || std::iter::once(label.as_bytes()).chain(parts.iter().copied());
    let len_bytes = items().map(|item| size_of::<u64>() + item.len()).sum();
    // Room for all at once: a secret part must not be left behind by growing.
    let mut framed = Zeroizing::new(Vec::with_capacity(len_bytes));
    for item in items() {
        framed.extend_from_slice(&(item.len() as u64).to_le_bytes());
        framed.extend_from_slice(item);
    }
    framed
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn labels_differ() {
        let texts: HashSet<_> = Label::ALL
            .iter()
            .map(|label| label.text())
            .chain(SealedLabel::ALL.iter().map(|label| label.text()))
            .collect();
        assert_eq!(texts.len(), Label::ALL.len() + SealedLabel::ALL.len());
    }

    #[test]
    fn sealed_labels_are_those_of_the_format_page() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/sealed.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, section) = page.split_once("\n## 16. Labels\n").unwrap();
        let (section, _) = section.split_once("\n## 17.").unwrap();
        let described: Vec<_> = section
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| *text != "tozstore/1/sealed/" && *text != "info")
            .map(|text| format!("tozstore/1/sealed/{text}"))
            .collect();
        assert_eq!(described, SealedLabel::ALL.iter().map(|label| label.text()).collect::<Vec<_>>());
    }

    #[test]
    fn texts_stay_as_they_were_released() {
        assert_eq!(
            Label::ALL.map(Label::text),
            [
                "tozstore/1/access-key-fingerprint",
                "tozstore/1/access-token",
                "tozstore/1/audit-entry",
                "tozstore/1/audit-subject",
                "tozstore/1/challenge",
                "tozstore/1/cursor",
                "tozstore/1/file-transfer",
                "tozstore/1/hook-secret",
                "tozstore/1/registration-token",
                "tozstore/1/server-key",
                "tozstore/1/unknown-account",
            ]
        );
    }

    #[test]
    fn frames_tell_parts_apart() {
        assert_ne!(Label::Cursor.frame(&[b"ab", b"c"]), Label::Cursor.frame(&[b"a", b"bc"]));
        assert_ne!(Label::Cursor.frame(&[b""]), Label::Cursor.frame(&[]));
        assert_ne!(Label::Cursor.frame(&[]), Label::Challenge.frame(&[]));
    }
}
