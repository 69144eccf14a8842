//! Holds: what keeps servers from removing bytes, from writing, or from starting, while their rows are copied.

use tozstore_api::Timestamp;

use super::StoreError;

/// A hold on a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Random.
    pub id: [u8; 16],
    /// What it keeps servers from.
    pub kind: HoldKind,
    /// Where to, or where from, for people.
    pub detail: String,
    /// When it ends by itself, if it does: what was cut short must not hold for ever.
    pub expires: Option<Timestamp>,
}

/// What a hold keeps servers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldKind {
    /// Removing bytes of files: a backup reads them.
    Files,
    /// Writing and starting: the rows have moved elsewhere.
    Moved,
    /// Writing.
    ReadOnly,
    /// Writing and starting: the rows are not all there yet.
    Restoring,
}

impl HoldKind {
    /// The kind as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Moved => "moved",
            Self::ReadOnly => "read_only",
            Self::Restoring => "restoring",
        }
    }

    /// The kind of this name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is none.
    pub fn named(name: &str) -> Result<Self, StoreError> {
        [Self::Files, Self::Moved, Self::ReadOnly, Self::Restoring]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("there is no hold named {name:?}")))
    }
}

impl Hold {
    /// Whether it holds at this moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Said to those who want to write while a hold keeps the server from it.
pub(super) fn no_writes() -> StoreError {
    StoreError::ReadOnly(
        "the server takes no writes at the moment, while its data is moved; try again soon".into(),
    )
}

/// Refuses to serve rows that have moved, or are not all there.
pub(super) fn refuse_to_serve(holds: &[Hold]) -> Result<(), StoreError> {
    let why = holds.iter().find_map(|hold| match hold.kind {
        HoldKind::Moved => Some(format!(
            "the data has moved to {}; start the server there. To go on here all the same: `tozstore admin read-only off`",
            hold.detail
        )),
        HoldKind::Restoring => Some(format!(
            "the data is not all there, since {} was cut short; run that command again",
            hold.detail
        )),
        HoldKind::Files | HoldKind::ReadOnly => None,
    });
    why.map_or(Ok(()), |why| Err(StoreError::ReadOnly(why.into())))
}
