//! Every domain label of ours. The interop formats have none; these are for what we add beside them.

/// What a keyed hash is for. Hashes under two labels never stand for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Label {
    /// Fingerprint of an access key, by which a client notices that it changed.
    AccessKeyFingerprint,
    /// A bearer token that the server issued.
    AccessToken,
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
    /// Salts for an account name that does not exist, so that it looks as if it did.
    UnknownAccount,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 8] = [
        Self::AccessKeyFingerprint,
        Self::AccessToken,
        Self::Challenge,
        Self::Cursor,
        Self::FileTransfer,
        Self::HookSecret,
        Self::RegistrationToken,
        Self::UnknownAccount,
    ];

    /// The bytes of the label. Never changed once released.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AccessKeyFingerprint => "tozstore/1/access-key-fingerprint",
            Self::AccessToken => "tozstore/1/access-token",
            Self::Challenge => "tozstore/1/challenge",
            Self::Cursor => "tozstore/1/cursor",
            Self::FileTransfer => "tozstore/1/file-transfer",
            Self::HookSecret => "tozstore/1/hook-secret",
            Self::RegistrationToken => "tozstore/1/registration-token",
            Self::UnknownAccount => "tozstore/1/unknown-account",
        }
    }

    /// `LE64(len) ‖ label`, then `LE64(len) ‖ part` for each part: two different lists never give the same bytes.
    pub(crate) fn frame(self, parts: &[&[u8]]) -> zeroize::Zeroizing<Vec<u8>> {
        let items = || std::iter::once(self.text().as_bytes()).chain(parts.iter().copied());
        let len_bytes = items().map(|item| size_of::<u64>() + item.len()).sum();
        // Room for all at once: a secret part must not be left behind by growing.
        let mut framed = zeroize::Zeroizing::new(Vec::with_capacity(len_bytes));
        for item in items() {
            framed.extend_from_slice(&(item.len() as u64).to_le_bytes());
            framed.extend_from_slice(item);
        }
        framed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn labels_differ() {
        let texts: HashSet<_> = Label::ALL.iter().map(|label| label.text()).collect();
        assert_eq!(texts.len(), Label::ALL.len());
    }

    #[test]
    fn texts_stay_as_they_were_released() {
        assert_eq!(
            Label::ALL.map(Label::text),
            [
                "tozstore/1/access-key-fingerprint",
                "tozstore/1/access-token",
                "tozstore/1/challenge",
                "tozstore/1/cursor",
                "tozstore/1/file-transfer",
                "tozstore/1/hook-secret",
                "tozstore/1/registration-token",
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
