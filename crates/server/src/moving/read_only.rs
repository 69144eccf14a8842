//! Keeping servers from writing for a while, by hand.

use tozstore_api::Timestamp;

use super::lease::fresh_id;
use super::{MovingError, Place};
use crate::store::{Hold, HoldKind};

/// What keeps servers at this place from writing at the moment, and from removing files.
///
/// # Errors
/// The store cannot be read.
pub fn read_only(place: &Place, now: Timestamp) -> Result<Vec<Hold>, MovingError> {
    let mut holds = place.beside()?.holds()?;
    holds.retain(|hold| hold.holds(now));
    Ok(holds)
}

/// Keeps servers at this place from writing until `expires`.
///
/// # Errors
/// The store cannot be written.
pub fn read_only_on(place: &Place, expires: Option<Timestamp>) -> Result<(), MovingError> {
    let (id, detail) = (fresh_id()?, "set by hand".to_owned());
    Ok(place.beside()?.put_hold(&Hold { id, kind: HoldKind::ReadOnly, detail, expires })?)
}

/// Lets servers at this place write again, whoever kept them from it, and takes back that the data has moved. Returns
/// what was taken away. What is not all restored stays closed.
///
/// # Errors
/// The store cannot be written.
pub fn read_only_off(place: &Place) -> Result<Vec<Hold>, MovingError> {
    let mut store = place.beside()?;
    let mut holds = store.holds()?;
    holds.retain(|hold| matches!(hold.kind, HoldKind::Moved | HoldKind::ReadOnly));
    for hold in &holds {
        store.remove_hold(hold.id)?;
    }
    Ok(holds)
}
