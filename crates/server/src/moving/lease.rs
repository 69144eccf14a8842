//! A hold that lasts as long as its owner says again and again that it is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::MovingError;
use crate::clock::Clock;
use crate::ids;
use crate::store::raw::RawStore;
use crate::store::{Hold, HoldKind, StoreError};

/// Seconds after which a hold ends whose owner is gone.
const LEASE_S: i64 = 600;
const RENEWAL: Duration = Duration::from_secs(60);

/// A hold, renewed by [`Lease::tick`]. Dropping it takes it away.
pub(super) struct Lease {
    store: Box<dyn RawStore>,
    id: [u8; 16],
    kind: HoldKind,
    clock: Arc<dyn Clock>,
    renewed: Instant,
    is_over: bool,
}

impl Lease {
    /// Takes a hold, through a connection of its own.
    pub(super) fn take(
        mut store: Box<dyn RawStore>,
        kind: HoldKind,
        detail: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MovingError> {
        let id = fresh_id()?;
        let expires = Some(clock.now().plus_seconds(LEASE_S));
        store.put_hold(&Hold { id, kind, detail: detail.into(), expires })?;
        Ok(Self { store, id, kind, clock, renewed: Instant::now(), is_over: false })
    }

    /// Renews the hold if it is time. Called often.
    ///
    /// # Errors
    /// It has lapsed, or could not be renewed.
    pub(super) fn tick(&mut self) -> Result<(), MovingError> {
        if self.renewed.elapsed() < RENEWAL { Ok(()) } else { self.renew() }
    }

    /// Makes sure that it held all the time, and takes it away.
    pub(super) fn end(mut self) -> Result<(), MovingError> {
        self.renew()?;
        self.is_over = true;
        Ok(self.store.remove_hold(self.id)?)
    }

    /// Makes sure that it held all the time, and turns it into one of another kind that stays.
    pub(super) fn stay_as(mut self, kind: HoldKind) -> Result<(), MovingError> {
        self.is_over = true;
        if self.store.change_hold(self.id, self.clock.now(), kind, None)? {
            Ok(())
        } else {
            Err(MovingError::HoldLost)
        }
    }

    fn renew(&mut self) -> Result<(), MovingError> {
        let now = self.clock.now();
        if !self.store.change_hold(self.id, now, self.kind, Some(now.plus_seconds(LEASE_S)))? {
            return Err(MovingError::HoldLost);
        }
        self.renewed = Instant::now();
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_over {
            // If this fails it lapses.
            let _ = self.store.remove_hold(self.id);
        }
    }
}

pub(super) fn fresh_id() -> Result<[u8; 16], StoreError> {
    ids::random_bytes().map_err(|error| StoreError::Internal(error.to_string().into()))
}
